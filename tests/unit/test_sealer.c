/* Several threads seal under one key: each counter serves once, and all records are opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "vr/sealer.h"

#define HANDS 4
#define TURNS 500
#define BLOCK 16
#define TEXT  64
#define WHOLE (SEAL_OVERHEAD + TEXT)

static const uint8_t key[CRYPTO_KEY_SIZE] = {1, 2, 3};

struct hand {
	struct sealer *sealer;
	unsigned number;
	uint64_t first[TURNS];
	uint8_t (*records)[WHOLE];
	pthread_t thread;
};

static void *
seal_on(void *ctx)
{
	struct hand *h = ctx;
	const struct seal_inner inner = {.kind = SEAL_DATA, .vn = 7};
	uint8_t text[TEXT];

	memset(text, (int)h->number, sizeof(text));
	for (unsigned i = 0; i < TURNS; i++) {
		h->first[i] = sealer_take(h->sealer, BLOCK);
		for (unsigned k = 0; k < BLOCK; k++)
			if (sealer_seal(h->sealer, h->number, h->first[i] + k, &inner,
					h->records[i * BLOCK + k], 0, text, sizeof(text)) != 0)
				return ctx;
	}
	return NULL;
}

static void
open_all(const struct hand *h, struct crypto_aead *open, uint64_t *seen)
{
	for (unsigned i = 0; i < TURNS * BLOCK; i++) {
		uint8_t *record = h->records[i];
		struct seal_outer outer;

		assert_int_equal(seal_outer_parse(record, WHOLE, &outer), 0);
		assert_int_equal(outer.type, SEAL_RECORD);
		assert_int_equal(outer.receiver, 99);
		assert_int_equal(outer.counter, h->first[i / BLOCK] + i % BLOCK);
		/* One bit for each: none comes twice. */
		assert_int_equal(seen[outer.counter / 64] >> outer.counter % 64 & 1, 0);
		seen[outer.counter / 64] |= UINT64_C(1) << outer.counter % 64;
		assert_int_equal(crypto_open(open, outer.counter, record, SEAL_OUTER_SIZE,
					     record + SEAL_OUTER_SIZE, WHOLE - SEAL_OUTER_SIZE,
					     record + SEAL_OUTER_SIZE),
				 0);
		for (unsigned k = 0; k < TEXT; k++)
			assert_int_equal(record[SEAL_OUTER_SIZE + SEAL_INNER_SIZE + k], h->number);
	}
}

static void
seal_with(const struct crypto_engine *engine, enum crypto_cipher cipher)
{
	struct sealer *s = sealer_create(engine, cipher, key, 99, HANDS);
	struct crypto_aead *open = crypto_aead_create(engine, cipher, key, false);
	uint64_t *seen = calloc(HANDS * TURNS * BLOCK / 64 + 1, sizeof(*seen));
	struct hand hands[HANDS];
	void *failed;

	for (unsigned i = 0; i < HANDS; i++) {
		hands[i] = (struct hand){.sealer = s, .number = i};
		hands[i].records = malloc((size_t)TURNS * BLOCK * WHOLE);
		assert_int_equal(pthread_create(&hands[i].thread, NULL, seal_on, &hands[i]), 0);
	}
	for (unsigned i = 0; i < HANDS; i++) {
		assert_int_equal(pthread_join(hands[i].thread, &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(sealer_counter(s), HANDS * TURNS * BLOCK);
	for (unsigned i = 0; i < HANDS; i++) {
		open_all(&hands[i], open, seen);
		free(hands[i].records);
	}
	free(seen);
	crypto_aead_destroy(open);
	sealer_drop(s);
}

static void
each_counter_serves_once(void **state)
{
	struct crypto_engine *engine = crypto_engine_create();

	(void)state;
	seal_with(NULL, CRYPTO_AESGCM);
	seal_with(NULL, CRYPTO_CHACHAPOLY);
	seal_with(engine, CRYPTO_AESGCM);
	crypto_engine_destroy(engine);
}

static void
counters_end_long_before_they_repeat(void **state)
{
	struct sealer *s = sealer_create(NULL, CRYPTO_AESGCM, key, 1, 1);

	(void)state;
	atomic_store(&s->counter, (UINT64_C(1) << 48) - 10);
	assert_int_equal(sealer_take(s, 10), (UINT64_C(1) << 48) - 10);
	assert_int_equal(sealer_take(s, 1), SEALER_NO_COUNTER);
	assert_int_equal(sealer_take(s, 65536), SEALER_NO_COUNTER);
	sealer_drop(s);
}

static void
it_lives_as_long_as_somebody_holds_it(void **state)
{
	struct sealer *s = sealer_create(NULL, CRYPTO_AESGCM, key, 1, 2);

	(void)state;
	assert_ptr_equal(sealer_hold(s), s);
	sealer_drop(s);
	assert_int_equal(sealer_take(s, 3), 0);
	assert_int_equal(sealer_take(s, 1), 3);
	sealer_drop(s);
	sealer_drop(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_counter_serves_once),
		cmocka_unit_test(counters_end_long_before_they_repeat),
		cmocka_unit_test(it_lives_as_long_as_somebody_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
