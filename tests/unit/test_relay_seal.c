/* What stands in front of relayed datagrams: its bytes, and that no other bytes are believed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vr/keys.h"
#include "wire/be.h"

#define STRIDE  (SEAL_RELAY_SIZE + 24)
#define MAX     64
#define REMOTE  0xa1b2c3d4
#define COUNTER UINT64_C(0x010203040506)

static const struct vr_id id = {.v = UINT64_C(0x1122334455667788)};
static const enum crypto_cipher ciphers[2] = {CRYPTO_AESGCM, CRYPTO_CHACHAPOLY};

/* Made with Python's hmac and its package cryptography: the first output of Noise's HKDF, of the
 * chaining key 00 01 ... 1f and nothing, is the key of AES-256-GCM and of ChaCha20-Poly1305. */
static const uint8_t vectors[2][2][SEAL_RELAY_SIZE] = {
	{
		{0x05, 0x01, 0x00, 0x00, 0xa1, 0xb2, 0xc3, 0xd4, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04,
		 0x05, 0x06, 0x7b, 0x5b, 0x7f, 0xe9, 0x6a, 0x6b, 0x60, 0x43, 0xb6, 0x78, 0xdc, 0x0d,
		 0xcd, 0x03, 0x69, 0x34, 0xf1, 0xa9, 0x68, 0x63, 0xfb, 0x12, 0x02, 0xf0},
		{0x05, 0x01, 0x00, 0x00, 0xa1, 0xb2, 0xc3, 0xd4, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04,
		 0x05, 0x07, 0x6d, 0x31, 0x7a, 0x91, 0xfc, 0x64, 0x5a, 0xb7, 0x47, 0x91, 0xd1, 0x2c,
		 0x67, 0xbe, 0x5d, 0x2a, 0x30, 0xda, 0x15, 0x55, 0xd6, 0xcc, 0x8a, 0xa7},
	},
	{
		{0x05, 0x01, 0x00, 0x00, 0xa1, 0xb2, 0xc3, 0xd4, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04,
		 0x05, 0x06, 0x41, 0x6c, 0xe6, 0x9d, 0xc8, 0xe7, 0x33, 0xa1, 0x14, 0x5f, 0x99, 0x50,
		 0xa8, 0x14, 0x50, 0xba, 0x48, 0xf7, 0x91, 0x99, 0x7e, 0x3c, 0xe7, 0x03},
		{0x05, 0x01, 0x00, 0x00, 0xa1, 0xb2, 0xc3, 0xd4, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04,
		 0x05, 0x07, 0x83, 0x93, 0x33, 0x6b, 0x2a, 0xa8, 0x06, 0xc6, 0x39, 0x71, 0x43, 0xe8,
		 0xde, 0x7c, 0x67, 0x9d, 0x80, 0x13, 0x17, 0x19, 0xff, 0xc3, 0x28, 0x9f},
	},
};

/* The two ends of one session. */
struct ends {
	struct crypto_engine *engine;
	struct keys from, to;
};

static void
keys_make(struct keys *k, const struct crypto_engine *engine, enum crypto_cipher cipher,
	  uint8_t first, bool initiator)
{
	struct noise n = {.cipher = cipher};

	for (size_t i = 0; i < sizeof(n.chain); i++)
		n.chain[i] = (uint8_t)(first + i);
	assert_int_equal(keys_init(k, &n, engine, 1, initiator, 1, REMOTE, 0), 0);
}

/* Of four kinds: either cipher, of OpenSSL or of the engine, where there is one. */
static void
ends_init(struct ends *e, unsigned kind)
{
	e->engine = kind / 2 == 0 ? NULL : crypto_engine_create();
	keys_make(&e->from, e->engine, ciphers[kind % 2], 0, true);
	keys_make(&e->to, e->engine, ciphers[kind % 2], 0, false);
}

static void
ends_fini(struct ends *e)
{
	keys_fini(&e->from);
	keys_fini(&e->to);
	crypto_engine_destroy(e->engine);
}

static uint8_t *
train(size_t count)
{
	uint8_t *data = malloc(count * STRIDE);

	assert_non_null(data);
	memset(data, 0x5a, count * STRIDE);
	return data;
}

static void
behind_is_untouched(const uint8_t *data, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = SEAL_RELAY_SIZE; j < STRIDE; j++)
			assert_int_equal(data[i * STRIDE + j], 0x5a);
}

/* As the roster does: the counters are those of the headers. */
static size_t
train_open(struct keys *k, uint8_t *data, size_t count, struct keys_relayed *rows, bool *newest)
{
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct keys_relayed){.counter = be64_get(data + i * STRIDE + 8)};
	return keys_relay_open(k, data, STRIDE, rows, count, newest);
}

static void
a_header_is_what_other_code_makes_of_it(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		struct keys_relayed rows[2];
		struct ends e;
		uint8_t *data = train(2);
		bool newest;

		ends_init(&e, kind);
		atomic_store(&e.from.seal->counter, COUNTER);
		assert_int_equal(keys_relay_seal(&e.from, SEAL_RELAY, id, data, STRIDE, 2), 0);
		for (size_t i = 0; i < 2; i++)
			assert_memory_equal(data + i * STRIDE, vectors[kind % 2][i],
					    SEAL_RELAY_SIZE);
		behind_is_untouched(data, 2);
		assert_int_equal(train_open(&e.to, data, 2, rows, &newest), 2);
		assert_true(newest);
		for (size_t i = 0; i < 2; i++) {
			assert_int_equal(rows[i].rc, 0);
			assert_true(vr_id_equal(rows[i].id, id));
		}
		behind_is_untouched(data, 2);
		free(data);
		ends_fini(&e);
	}
}

static void
trains_of_any_length_are_made_as_one_by_one(void **state)
{
	struct ends e, single;

	(void)state;
	ends_init(&e, 2);
	ends_init(&single, 0);
	for (size_t count = 1; count <= MAX; count++) {
		uint8_t *data = train(count), *other = train(count), *again = train(count);
		struct keys_relayed rows[MAX];
		bool newest;

		assert_int_equal(keys_relay_seal(&e.from, SEAL_RELAYED, id, data, STRIDE, count),
				 0);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(keys_relay_seal(&single.from, SEAL_RELAYED, id,
							 other + i * STRIDE, 0, 1),
					 0);
		assert_memory_equal(data, other, count * STRIDE);
		memcpy(again, data, count * STRIDE);
		assert_int_equal(train_open(&e.to, data, count, rows, &newest), count);
		assert_true(newest);
		assert_int_equal(train_open(&e.to, again, count, rows, &newest), 0);
		assert_false(newest);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(rows[i].rc, -EALREADY);
		free(data);
		free(other);
		free(again);
	}
	ends_fini(&e);
	ends_fini(&single);
}

static void
every_changed_bit_is_found_and_spoils_nothing_else(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		struct ends e;

		ends_init(&e, kind);
		for (size_t bit = 0; bit < 8 * (size_t)SEAL_RELAY_SIZE; bit++) {
			struct keys_relayed rows[3];
			uint8_t *data = train(3);
			bool newest;

			assert_int_equal(keys_relay_seal(&e.from, SEAL_RELAY, id, data, STRIDE, 3),
					 0);
			data[STRIDE + bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(train_open(&e.to, data, 3, rows, &newest), 2);
			/* With another counter it may be too old. */
			if (bit / 8 < 8 || bit / 8 >= SEAL_OUTER_SIZE)
				assert_int_equal(rows[1].rc, -EBADMSG);
			assert_int_not_equal(rows[1].rc, 0);
			assert_true(rows[0].rc == 0 && vr_id_equal(rows[0].id, id));
			assert_true(rows[2].rc == 0 && vr_id_equal(rows[2].id, id));
			behind_is_untouched(data, 3);
			free(data);
		}
		ends_fini(&e);
	}
}

static void
other_keys_open_nothing(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		struct keys_relayed row;
		struct ends e;
		struct keys other;
		uint8_t *data = train(1), *copy = train(1);
		bool newest;

		ends_init(&e, kind);
		keys_make(&other, e.engine, ciphers[kind % 2], 1, false);
		assert_int_equal(keys_relay_seal(&e.from, SEAL_RELAY, id, data, 0, 1), 0);
		memcpy(copy, data, STRIDE);
		assert_int_equal(train_open(&e.from, copy, 1, &row, &newest), 0);
		assert_int_equal(row.rc, -EBADMSG);
		memcpy(copy, data, STRIDE);
		assert_int_equal(train_open(&other, copy, 1, &row, &newest), 0);
		assert_int_equal(row.rc, -EBADMSG);
		assert_false(newest);
		assert_int_equal(train_open(&e.to, data, 1, &row, &newest), 1);
		keys_fini(&other);
		ends_fini(&e);
		free(data);
		free(copy);
	}
}

/* One key seals both: no counter may serve twice, and neither passes for the other. */
static void
headers_and_records_share_counters_and_are_not_mixed_up(void **state)
{
	const struct seal_inner inner = {.kind = SEAL_DATA, .vn = 7};
	uint8_t *data = train(3), record[SEAL_OVERHEAD + 8], body[8] = {0};
	struct keys_relayed rows[3];
	struct ends e;
	bool newest;

	(void)state;
	ends_init(&e, 0);
	assert_int_equal(keys_relay_seal(&e.from, SEAL_RELAY, id, data, STRIDE, 3), 0);
	assert_int_equal(keys_seal(&e.from, &inner, record, 0, body, sizeof(body)), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(be64_get(data + i * STRIDE + 8), i);
	assert_int_equal(be64_get(record + 8), 3);
	data[STRIDE] = SEAL_RECORD;
	assert_int_equal(keys_open(&e.to, 1, data + STRIDE, SEAL_RELAY_SIZE, OPENED_NOT, &newest),
			 -EBADMSG);
	assert_int_equal(keys_open(&e.to, 3, record, sizeof(record), OPENED_NOT, &newest), 0);
	assert_int_equal(train_open(&e.to, data, 3, rows, &newest), 2);
	assert_false(newest);
	assert_int_equal(rows[1].rc, -EBADMSG);
	free(data);
	ends_fini(&e);
}

static void
a_train_ends_where_the_counters_do(void **state)
{
	uint8_t *data = train(2);
	struct ends e;

	(void)state;
	ends_init(&e, 0);
	atomic_store(&e.from.seal->counter, (UINT64_C(1) << 48) - 1);
	assert_int_equal(keys_relay_seal(&e.from, SEAL_RELAY, id, data, STRIDE, 2), -EOVERFLOW);
	assert_int_equal(keys_relay_seal(&e.from, SEAL_RELAY, id, data, STRIDE, 1), -EOVERFLOW);
	free(data);
	ends_fini(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_what_other_code_makes_of_it),
		cmocka_unit_test(trains_of_any_length_are_made_as_one_by_one),
		cmocka_unit_test(every_changed_bit_is_found_and_spoils_nothing_else),
		cmocka_unit_test(other_keys_open_nothing),
		cmocka_unit_test(headers_and_records_share_counters_and_are_not_mixed_up),
		cmocka_unit_test(a_train_ends_where_the_counters_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
