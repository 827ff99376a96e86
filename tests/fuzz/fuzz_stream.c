/* A byte stream gives the same datagrams however it is cut into pieces, and they are built the same again. */
#include <errno.h>

#include "base/err.h"
#include "wire/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: the limit for datagrams, in units of 16; the rest is the stream. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t max, at = 0, datagram;
	int rc;

	if (size < 1)
		return 0;
	max = 16 * (size_t)(data[0] + 1);
	data++;
	size--;
	rc = stream_magic_parse(data, size);
	for (size_t i = 0; i < size && i < STREAM_MAGIC_SIZE; i++) {
		int part = stream_magic_parse(data, i);

		/* What is refused stays refused, and what is there needs all bytes. */
		BUG_IF(part == 0 || (part == -EBADMSG && rc != -EBADMSG));
	}
	if (rc != 0)
		return 0;
	at = STREAM_MAGIC_SIZE;
	while ((rc = stream_frame_parse(data + at, size - at, max, &datagram)) == 0) {
		uint8_t head[STREAM_LENGTH_SIZE];
		size_t other;

		BUG_IF(datagram == 0 || datagram > max ||
		       datagram > size - at - STREAM_LENGTH_SIZE);
		stream_frame_build(datagram, head);
		BUG_IF(memcmp(head, data + at, sizeof(head)) != 0);
		for (size_t i = 0; i < STREAM_LENGTH_SIZE + datagram; i += 1 + i / 2)
			BUG_IF(stream_frame_parse(data + at, i, max, &other) != -EAGAIN);
		at += STREAM_LENGTH_SIZE + datagram;
	}
	BUG_IF(rc != -EAGAIN && rc != -EBADMSG);
	return 0;
}
