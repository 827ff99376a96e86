/* SipHash-1-3 against values of an independent implementation (CPython 3.11's hash of bytes). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "tests/unit/span.h"

struct row {
	size_t size;
	uint64_t hash;
};

/* The input of each row is the bytes 0, 1, 2 ... */
static void
check_rows(const struct hash_key *key, const struct row *rows, size_t count)
{
	uint8_t bytes[64];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < count; i++) {
		uint8_t *copy = span_copy(bytes, rows[i].size);

		assert_true(hash_bytes(key, copy, rows[i].size) == rows[i].hash);
		free(copy);
	}
}

static void
every_size_of_the_last_word_is_right(void **state)
{
	static const struct row rows[] = {
		{1, UINT64_C(0x68a914128e01e473)},  {2, UINT64_C(0x010bac45c41e3669)},
		{3, UINT64_C(0x4d4c9a4a8ef6e0ad)},  {4, UINT64_C(0x7cc43f98813e4dbd)},
		{5, UINT64_C(0x5abe2169dff36275)},  {6, UINT64_C(0xe3c25f87624f1cdb)},
		{7, UINT64_C(0x2f098ab0c751325a)},  {8, UINT64_C(0xead411e67ebe2eea)},
		{9, UINT64_C(0x75927f9d95124362)},  {10, UINT64_C(0xaf9f77a65ab51a1d)},
		{11, UINT64_C(0xfe64ce8b6617fcff)}, {12, UINT64_C(0xa6baf4fb0f9fe1c2)},
		{13, UINT64_C(0xa0cf3211850f8e0d)}, {14, UINT64_C(0x7f86049379fbfe67)},
		{15, UINT64_C(0xf30eb725bb91c9ea)}, {16, UINT64_C(0x8972188433a5c5b7)},
		{17, UINT64_C(0x4883c49a2c009c1d)}, {23, UINT64_C(0x37332b1389daa4ff)},
		{24, UINT64_C(0x31185a47af932f3a)}, {31, UINT64_C(0x169739443111d49b)},
		{32, UINT64_C(0x31ef8061c910629b)}, {63, UINT64_C(0x385d3e39e5f37359)},
		{64, UINT64_C(0x75e05fd5bbc870c6)},
	};
	const struct hash_key key = {0, 0};

	(void)state;
	check_rows(&key, rows, ARRAY_COUNT(rows));
}

static void
the_key_counts(void **state)
{
	static const struct row other[] = {{15, UINT64_C(0xb70093d7365e6670)}};
	static const struct row counting[] = {{0, UINT64_C(0xabac0158050fc4dc)}};
	const struct hash_key other_key = {UINT64_C(0xbcaa251036d9d5e4),
					   UINT64_C(0x35628fc316e9f8d8)};
	const struct hash_key counting_key = {UINT64_C(0x0706050403020100),
					      UINT64_C(0x0f0e0d0c0b0a0908)};

	(void)state;
	check_rows(&other_key, other, ARRAY_COUNT(other));
	check_rows(&counting_key, counting, ARRAY_COUNT(counting));
}

static void
where_the_bytes_stand_does_not_matter(void **state)
{
	const struct hash_key key = {1, 2};
	uint8_t room[40] = {0};
	uint64_t first = 0;

	(void)state;
	for (size_t at = 0; at < 8; at++) {
		uint64_t hash;

		memset(room, (int)at, sizeof(room));
		memcpy(room + at, "nineteen bytes long", 19);
		hash = hash_bytes(&key, room + at, 19);
		if (at == 0)
			first = hash;
		assert_true(hash == first);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_of_the_last_word_is_right),
		cmocka_unit_test(the_key_counts),
		cmocka_unit_test(where_the_bytes_stand_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
