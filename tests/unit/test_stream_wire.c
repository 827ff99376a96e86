/* Datagrams in a byte stream: magic and lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/span.h"
#include "wire/stream.h"

static void
a_magic_is_built_and_read(void **state)
{
	uint8_t magic[STREAM_MAGIC_SIZE];

	(void)state;
	stream_magic_build(magic);
	assert_memory_equal(magic, "vrd\1", 4);
	for (size_t size = 0; size <= sizeof(magic); size++) {
		uint8_t *copy = span_copy(magic, size);

		assert_int_equal(stream_magic_parse(copy, size),
				 size == sizeof(magic) ? 0 : -EAGAIN);
		free(copy);
	}
}

static void
the_first_wrong_byte_tells(void **state)
{
	(void)state;
	for (size_t size = 1; size <= STREAM_MAGIC_SIZE; size++) {
		uint8_t magic[STREAM_MAGIC_SIZE];
		uint8_t *copy;

		stream_magic_build(magic);
		magic[size - 1]++;
		copy = span_copy(magic, size);
		assert_int_equal(stream_magic_parse(copy, size), -EBADMSG);
		free(copy);
	}
}

static void
a_frame_is_built_and_read(void **state)
{
	static const size_t sizes[] = {1, 2, 255, 256, 1400, STREAM_DATAGRAM_MAX};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(sizes); k++) {
		uint8_t *frame = calloc(1, STREAM_LENGTH_SIZE + sizes[k]);
		size_t found = 0;

		stream_frame_build(sizes[k], frame);
		assert_int_equal(stream_frame_parse(frame, STREAM_LENGTH_SIZE + sizes[k],
						    STREAM_DATAGRAM_MAX, &found),
				 0);
		assert_int_equal(found, sizes[k]);
		/* Its own size is the smallest limit that lets it pass. */
		assert_int_equal(
			stream_frame_parse(frame, STREAM_LENGTH_SIZE + sizes[k], sizes[k], &found),
			0);
		assert_int_equal(
			stream_frame_parse(frame, STREAM_LENGTH_SIZE, sizes[k] - 1, &found),
			-EBADMSG);
		free(frame);
	}
}

static void
every_truncation_waits_for_more(void **state)
{
	uint8_t frame[STREAM_LENGTH_SIZE + 300] = {0};
	size_t found = 77;

	(void)state;
	stream_frame_build(300, frame);
	for (size_t size = 0; size < sizeof(frame); size++) {
		uint8_t *copy = span_copy(frame, size);

		assert_int_equal(stream_frame_parse(copy, size, 300, &found), -EAGAIN);
		assert_int_equal(found, 77);
		free(copy);
	}
}

static void
an_empty_datagram_is_refused(void **state)
{
	uint8_t *frame = span_copy((const uint8_t *)"\0\0", 2);
	size_t found;

	(void)state;
	assert_int_equal(stream_frame_parse(frame, 2, STREAM_DATAGRAM_MAX, &found), -EBADMSG);
	free(frame);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_magic_is_built_and_read),
		cmocka_unit_test(the_first_wrong_byte_tells),
		cmocka_unit_test(a_frame_is_built_and_read),
		cmocka_unit_test(every_truncation_waits_for_more),
		cmocka_unit_test(an_empty_datagram_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
