/* Magic and length prefixes of datagrams in a byte stream. */
#include "wire/stream.h"

#include <errno.h>

#include "wire/be.h"

/* The last byte is the version. */
static const uint8_t magic[STREAM_MAGIC_SIZE] = {'v', 'r', 'd', 1};

int
stream_magic_parse(const uint8_t *data, size_t size)
{
	size_t seen = size < STREAM_MAGIC_SIZE ? size : STREAM_MAGIC_SIZE;

	for (size_t i = 0; i < seen; i++)
		if (data[i] != magic[i])
			return -EBADMSG;
	return seen == STREAM_MAGIC_SIZE ? 0 : -EAGAIN;
}

void
stream_magic_build(uint8_t *data)
{
	memcpy(data, magic, sizeof(magic));
}

int
stream_frame_parse(const uint8_t *data, size_t size, size_t max, size_t *datagram)
{
	size_t length;

	if (size < STREAM_LENGTH_SIZE)
		return -EAGAIN;
	length = be16_get(data);
	if (length == 0 || length > max)
		return -EBADMSG;
	if (size - STREAM_LENGTH_SIZE < length)
		return -EAGAIN;
	*datagram = length;
	return 0;
}

void
stream_frame_build(size_t datagram, uint8_t *data)
{
	BUG_IF(datagram == 0 || datagram > STREAM_DATAGRAM_MAX);
	be16_put(data, (uint16_t)datagram);
}
