/* What stands in front of relayed datagrams: its bytes, and that no other bytes are believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vr/relay_seal.h"

#define STRIDE (SEAL_RELAY_SIZE + 24)

/* Made with the openssl program: "enc -aes-256-ecb" for the stream, "mac -cipher AES-256-CBC CMAC" for the tag; the keys are
 * HMAC-SHA256 by the secret 00 01 ... 1f over "vrd relay id to responder" and "vrd relay tag to
 * responder". */
static const uint8_t vectors[2][SEAL_RELAY_SIZE] = {
	{5,    1,    0,    0,    0xa1, 0xb2, 0xc3, 0xd4, 1,    2,    3,    4,    5,    6,
	 7,    8,    0x80, 0xda, 0x71, 0xa2, 0xec, 0x91, 0xdb, 0xd1, 0x8f, 0x45, 0x80, 0xa3,
	 0xcd, 0x19, 0xe7, 0x9a, 0x54, 0x6d, 0x7b, 0x40, 0x87, 0xf9, 0xc4, 0xea},
	{5,    1,    0,    0,    0xa1, 0xb2, 0xc3, 0xd4, 1,    2,    3,    4,    5,    6,
	 7,    9,    0xed, 0x9f, 0xbe, 0x23, 0x96, 0x39, 0x0e, 0x13, 0xc0, 0x69, 0x37, 0x85,
	 0xaa, 0xe3, 0x21, 0xe0, 0x2f, 0x06, 0x7f, 0x66, 0x5b, 0xad, 0xa5, 0x2d},
};
static const uint8_t id[SEAL_ID_SIZE] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};

static struct relay_seal *
make(uint8_t first, bool to_responder)
{
	uint8_t secret[CRYPTO_KEY_SIZE];
	struct relay_seal *s;

	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)(first + i);
	s = relay_seal_create(secret, to_responder);
	assert_non_null(s);
	return s;
}

/* The headers of a train, the ids in the clear, the last byte of the counter counting. */
static uint8_t *
headers(size_t count)
{
	uint8_t *data = calloc(count, STRIDE);

	assert_non_null(data);
	for (size_t i = 0; i < count; i++) {
		memcpy(data + i * STRIDE, vectors[0], SEAL_OUTER_SIZE);
		data[i * STRIDE + SEAL_OUTER_SIZE - 1] += (uint8_t)i;
		memcpy(data + i * STRIDE + SEAL_OUTER_SIZE, id, sizeof(id));
		memset(data + i * STRIDE + SEAL_RELAY_SIZE, 0x5a, STRIDE - SEAL_RELAY_SIZE);
	}
	return data;
}

static void
a_header_is_what_other_code_makes_of_it(void **state)
{
	struct relay_seal *s = make(0, true);
	uint8_t *data = headers(2);
	uint64_t good;

	(void)state;
	assert_int_equal(relay_seal_close(s, data, STRIDE, 2), 0);
	for (size_t i = 0; i < 2; i++)
		assert_memory_equal(data + i * STRIDE, vectors[i], SEAL_RELAY_SIZE);
	assert_int_equal(relay_seal_open(s, data, STRIDE, 2, &good), 0);
	assert_int_equal(good, 3);
	for (size_t i = 0; i < 2; i++)
		assert_memory_equal(data + i * STRIDE + SEAL_OUTER_SIZE, id, sizeof(id));
	free(data);
	relay_seal_destroy(s);
}

static void
trains_of_any_length_are_made_as_one_by_one(void **state)
{
	struct relay_seal *s = make(0, true);

	(void)state;
	for (size_t count = 1; count <= RELAY_SEAL_MAX; count++) {
		uint8_t *together = headers(count), *single = headers(count);
		uint64_t good, all = UINT64_MAX >> (64 - count);

		assert_int_equal(relay_seal_close(s, together, STRIDE, count), 0);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(relay_seal_close(s, single + i * STRIDE, 0, 1), 0);
		assert_memory_equal(together, single, count * STRIDE);
		assert_int_equal(relay_seal_open(s, together, STRIDE, count, &good), 0);
		assert_true(good == all);
		free(together);
		free(single);
	}
	relay_seal_destroy(s);
}

static void
every_changed_bit_is_found_and_spoils_nothing_else(void **state)
{
	struct relay_seal *s = make(0, true);

	(void)state;
	for (size_t bit = 0; bit < 8 * (size_t)SEAL_RELAY_SIZE; bit++) {
		uint8_t *data = headers(3), before[SEAL_RELAY_SIZE];
		uint64_t good;

		assert_int_equal(relay_seal_close(s, data, STRIDE, 3), 0);
		data[STRIDE + bit / 8] ^= (uint8_t)(1 << bit % 8);
		memcpy(before, data + STRIDE, sizeof(before));
		assert_int_equal(relay_seal_open(s, data, STRIDE, 3, &good), 0);
		assert_int_equal(good, 5);
		assert_memory_equal(data + STRIDE, before, sizeof(before));
		free(data);
	}
	relay_seal_destroy(s);
}

static void
other_keys_open_nothing(void **state)
{
	struct relay_seal *s = make(0, true), *back = make(0, false), *other = make(1, true);
	uint8_t *data = headers(1);
	uint64_t good;

	(void)state;
	assert_int_equal(relay_seal_close(s, data, STRIDE, 1), 0);
	assert_int_equal(relay_seal_open(back, data, STRIDE, 1, &good), 0);
	assert_int_equal(good, 0);
	assert_int_equal(relay_seal_open(other, data, STRIDE, 1, &good), 0);
	assert_int_equal(good, 0);
	assert_int_equal(relay_seal_open(s, data, STRIDE, 1, &good), 0);
	assert_int_equal(good, 1);
	free(data);
	relay_seal_destroy(s);
	relay_seal_destroy(back);
	relay_seal_destroy(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_what_other_code_makes_of_it),
		cmocka_unit_test(trains_of_any_length_are_made_as_one_by_one),
		cmocka_unit_test(every_changed_bit_is_found_and_spoils_nothing_else),
		cmocka_unit_test(other_keys_open_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
