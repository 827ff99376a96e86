/* Outer header of the underlay port and inner header of a sealed record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/span.h"
#include "wire/seal.h"

static const uint8_t outer[SEAL_OUTER_SIZE] = {4,    1,    0,    0,    0x11, 0x22, 0x33, 0x44,
					       0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};

static const uint8_t inner[SEAL_INNER_SIZE] = {1, 3, 7, 0, 0xab, 0xcd, 0xef, 0};

static void
an_outer_header_is_read_and_written_back(void **state)
{
	uint8_t *copy = span_copy(outer, sizeof(outer));
	struct seal_outer o;

	(void)state;
	assert_int_equal(seal_outer_parse(copy, sizeof(outer), &o), 0);
	assert_int_equal(o.type, SEAL_RECORD);
	assert_int_equal(o.receiver, 0x11223344);
	assert_true(o.counter == UINT64_C(0x0102030405060708));
	memset(copy, 0xee, sizeof(outer));
	seal_outer_build(&o, copy);
	assert_memory_equal(copy, outer, sizeof(outer));
	free(copy);
}

static void
an_inner_header_is_read_and_written_back(void **state)
{
	uint8_t *copy = span_copy(inner, sizeof(inner));
	struct seal_inner i;

	(void)state;
	assert_int_equal(seal_inner_parse(copy, sizeof(inner), &i), 0);
	assert_int_equal(i.kind, SEAL_DATA);
	assert_int_equal(i.flags, SEAL_FLAG_CSUM_PARTIAL | SEAL_FLAG_REDIRECTED);
	assert_int_equal(i.hops, 7);
	assert_int_equal(i.vn, 0xabcdef);
	memset(copy, 0xee, sizeof(inner));
	seal_inner_build(&i, copy);
	assert_memory_equal(copy, inner, sizeof(inner));
	free(copy);
}

static void
every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(outer); size++) {
		uint8_t *copy = span_copy(outer, size);
		struct seal_outer o;

		assert_int_equal(seal_outer_parse(copy, size, &o), -EBADMSG);
		free(copy);
	}
	for (size_t size = 0; size < sizeof(inner); size++) {
		uint8_t *copy = span_copy(inner, size);
		struct seal_inner i;

		assert_int_equal(seal_inner_parse(copy, size, &i), -EBADMSG);
		free(copy);
	}
}

static void
outer_headers_of_another_kind_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		int err;
	} rows[] = {
		{0, 0, -EBADMSG},
		{0, SEAL_INIT, 0},
		{0, SEAL_RESPONSE, 0},
		{0, SEAL_COOKIE, 0},
		{0, SEAL_RELAY, 0},
		{0, SEAL_RELAYED, 0},
		{0, 7, -EBADMSG},
		{0, 0xff, -EBADMSG},
		{1, 0, -EBADMSG},
		{1, 2, -EBADMSG},
		{2, 1, 0},
		{3, 0x80, 0}, /* reserved: not looked at */
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
		uint8_t *copy = span_copy(outer, sizeof(outer));
		struct seal_outer o;

		copy[rows[k].at] = rows[k].byte;
		assert_int_equal(seal_outer_parse(copy, sizeof(outer), &o), rows[k].err);
		free(copy);
	}
}

static void
inner_headers_with_something_unknown_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		int err;
	} rows[] = {
		{0, SEAL_KEEPALIVE, 0},
		{0, SEAL_PROBE_ACK, 0},
		{0, SEAL_CANDIDATES, 0},
		{0, 8, -EBADMSG},
		{0, 0xff, -EBADMSG},
		{1, 0, 0},
		{1, 1, 0},
		{1, 2, 0},
		{1, 4, -EBADMSG},
		{1, 0x80, -EBADMSG},
		{3, 1, -EBADMSG},
		{3, 0x80, -EBADMSG},
		{7, 1, -EBADMSG},
		{7, 0x80, -EBADMSG},
		{2, 0xff, 0},
		{4, 0xff, 0},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
		uint8_t *copy = span_copy(inner, sizeof(inner));
		struct seal_inner i;

		copy[rows[k].at] = rows[k].byte;
		assert_int_equal(seal_inner_parse(copy, sizeof(inner), &i), rows[k].err);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_outer_header_is_read_and_written_back),
		cmocka_unit_test(an_inner_header_is_read_and_written_back),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(outer_headers_of_another_kind_are_refused),
		cmocka_unit_test(inner_headers_with_something_unknown_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
