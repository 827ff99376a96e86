/* Threads that open for the control thread: trains keep their order, and what was found of each record is what is true of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "vr/keys.h"
#include "vr/openers.h"

#define INDEX   99
#define TEXT    100
#define WHOLE   (SEAL_OVERHEAD + TEXT)
#define RECORDS 16
#define BUFFER  8192
_Static_assert(RECORDS *WHOLE <= BUFFER, "a train fits");

static const uint8_t key[CRYPTO_KEY_SIZE] = {1, 2, 3}, other_key[CRYPTO_KEY_SIZE] = {4};

struct world {
	struct crypto_engine *engine;
	struct sealer *seal;
	struct opener *open;
	struct openers *all;
	unsigned threads;
};

static struct world
world_make(enum crypto_cipher cipher, bool fast, unsigned threads)
{
	struct world w = {.engine = fast ? crypto_engine_create() : NULL, .threads = threads};

	w.seal = sealer_create(w.engine, cipher, key, INDEX, 1);
	w.open = opener_create(w.engine, cipher, key, 1 + threads);
	w.all = openers_create(threads, BUFFER, 0);
	assert_true(w.seal != NULL && w.open != NULL && w.all != NULL);
	assert_int_equal(openers_start(w.all), 0);
	return w;
}

static void
world_end(struct world *w)
{
	openers_destroy(w->all);
	opener_drop(w->open);
	sealer_drop(w->seal);
	crypto_engine_destroy(w->engine);
}

/* Seals the number of the train into each of its records; every 7th is forged, every 5th is for somebody else. */
static void
put_train(struct world *w, uint32_t number)
{
	struct openers_train *t = openers_fill(w->all);
	const struct seal_inner inner = {.kind = SEAL_DATA, .vn = 7};
	uint8_t text[TEXT];

	t->data = t->buffer;
	t->segment = WHOLE;
	t->size = RECORDS * WHOLE;
	t->by = w->open;
	t->index = INDEX;
	memset(text, 0, sizeof(text));
	memcpy(text, &number, sizeof(number));
	for (uint32_t i = 0; i < RECORDS; i++) {
		uint8_t *record = t->data + i * WHOLE;
		uint64_t counter = sealer_take(w->seal, 1);

		assert_int_equal(sealer_seal(w->seal, 0, counter, &inner, record, 0, text, TEXT),
				 0);
		if (counter % 7 == 0)
			record[WHOLE - 1] ^= 1;
		if (counter % 5 == 0)
			record[4] ^= 0x80;
	}
	openers_put(w->all);
}

static void
check_train(const struct openers_train *t, uint32_t number)
{
	for (uint32_t i = 0; i < RECORDS; i++) {
		uint64_t counter = (uint64_t)number * RECORDS + i;
		const uint8_t *record = t->data + i * WHOLE;
		struct seal_outer outer;
		uint32_t got;

		assert_int_equal(seal_outer_parse(record, WHOLE, &outer), 0);
		assert_int_equal(outer.counter, counter);
		if (counter % 5 == 0) {
			assert_int_equal(t->findings[i], OPENER_LEFT);
			continue;
		}
		if (counter % 7 == 0) {
			assert_int_equal(t->findings[i], OPENER_FORGED);
			continue;
		}
		assert_int_equal(t->findings[i], OPENER_AUTHENTIC);
		memcpy(&got, record + SEAL_OUTER_SIZE + SEAL_INNER_SIZE, sizeof(got));
		assert_int_equal(got, number);
	}
	assert_int_equal(t->findings[RECORDS], OPENER_LEFT);
}

/* As the event loop does. */
static void
wait_for_threads(struct world *w)
{
	struct pollfd fd = {.fd = openers_fd(w->all), .events = POLLIN};

	assert_int_equal(poll(&fd, 1, 10000), 1);
	openers_heard(w->all);
}

/* 'helps': how often the control thread does its part: of so many times once, 0: never. */
static void
carry(struct world *w, uint32_t total, unsigned helps)
{
	const struct openers_train *t;
	uint32_t put = 0, got = 0;

	for (unsigned turn = 1; got < total; turn++) {
		bool help = helps != 0 && turn % helps == 0;
		bool is_missing = false;

		for (unsigned i = 0; i < 1 + turn % 5 && put < total && openers_room(w->all) > 0;
		     i++)
			put_train(w, put++);
		openers_call(w->all);
		while ((t = openers_next(w->all, help)) != NULL)
			check_train(t, got++);
		is_missing = got < put;
		assert_int_equal(openers_is_empty(w->all), !is_missing);
		openers_release(w->all);
		if (is_missing && (put == total || openers_room(w->all) == 0) && helps != 1)
			wait_for_threads(w);
	}
	assert_int_equal(openers_room(w->all), OPENERS_TRAINS);
}

static void
trains_keep_their_order(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 3; kind++)
		for (unsigned threads = 1; threads <= 4; threads *= 2)
			for (unsigned helps = 0; helps <= 3; helps++) {
				struct world w =
					world_make(kind == 1 ? CRYPTO_CHACHAPOLY : CRYPTO_AESGCM,
						   kind == 2, threads);

				carry(&w, 300, helps);
				if (helps == 0)
					assert_int_equal(openers_opened(w.all), 300);
				world_end(&w);
			}
}

static void
without_threads_one_does_it_all(void **state)
{
	struct world w = world_make(CRYPTO_AESGCM, false, 0);

	(void)state;
	put_train(&w, 0);
	assert_null(openers_next(w.all, false));
	check_train(openers_next(w.all, true), 0);
	openers_release(w.all);
	assert_int_equal(openers_opened(w.all), 0);
	world_end(&w);
}

static void
what_needs_no_opening_waits_for_its_turn_as_it_is(void **state)
{
	struct world w = world_make(CRYPTO_AESGCM, false, 2);
	const struct openers_train *t;
	struct openers_train *fill;

	(void)state;
	put_train(&w, 0);
	fill = openers_fill(w.all);
	fill->data = fill->buffer;
	fill->size = fill->segment = 3;
	fill->by = NULL;
	memcpy(fill->data, "abc", 3);
	openers_put(w.all);
	put_train(&w, 1);
	openers_call(w.all);
	for (unsigned i = 0; i < 3; i++) {
		while ((t = openers_next(w.all, true)) == NULL)
			openers_wait(w.all);
		if (i == 1) {
			assert_memory_equal(t->data, "abc", 3);
			assert_int_equal(t->findings[0], OPENER_LEFT);
		} else {
			check_train(t, i / 2);
		}
	}
	openers_release(w.all);
	world_end(&w);
}

static void
keys_that_go_meanwhile_live_until_their_trains_are_out(void **state)
{
	(void)state;
	for (unsigned taken = 0; taken <= OPENERS_TRAINS; taken += OPENERS_TRAINS / 2) {
		struct world w = world_make(CRYPTO_AESGCM, true, 2);
		const struct openers_train *t;

		for (uint32_t i = 0; i < OPENERS_TRAINS; i++)
			put_train(&w, i);
		openers_call(w.all);
		openers_call(w.all);
		assert_int_equal(openers_room(w.all), 0);
		opener_drop(w.open);
		w.open = NULL;
		for (uint32_t i = 0; i < taken; i++) {
			while ((t = openers_next(w.all, true)) == NULL)
				openers_wait(w.all);
			check_train(t, i);
		}
		/* The rest, opened or not, goes with the threads. */
		world_end(&w);
	}
}

static struct keys
keys_with(const uint8_t chain[CRYPTO_KEY_SIZE])
{
	struct noise n = {.cipher = CRYPTO_AESGCM};
	struct keys k;

	memcpy(n.chain, chain, CRYPTO_KEY_SIZE);
	assert_int_equal(keys_init(&k, &n, NULL, 2, true, INDEX, INDEX, 0), 0);
	return k;
}

/* The window against repetition is asked first, and moves only for what is authentic under these very keys. */
static void
what_was_found_does_not_pass_by_the_window(void **state)
{
	struct keys k = keys_with(key), other = keys_with(other_key);
	struct opened good = {.finding = OPENER_AUTHENTIC, .by = k.open};
	struct opened forged = {.finding = OPENER_FORGED, .by = k.open};
	struct opened foreign = {.finding = OPENER_AUTHENTIC, .by = other.open};
	uint8_t record[WHOLE] = {0};
	bool newest = false;

	(void)state;
	assert_int_equal(keys_open(&k, 5, record, WHOLE, forged, &newest), -EBADMSG);
	assert_int_equal(keys_open(&k, 5, record, WHOLE, foreign, &newest), -ENOENT);
	assert_int_equal(keys_open(&k, 5, record, WHOLE, OPENED_NOT, &newest), -EBADMSG);
	assert_false(newest);
	assert_int_equal(k.replay.next, 0);
	assert_int_equal(keys_open(&k, 5, record, WHOLE, good, &newest), 0);
	assert_true(newest);
	assert_int_equal(keys_open(&k, 5, record, WHOLE, good, &newest), -EALREADY);
	assert_int_equal(keys_open(&k, 5, record, WHOLE, forged, &newest), -EALREADY);
	assert_int_equal(keys_open(&k, 4, record, WHOLE, good, &newest), 0);
	assert_false(newest);
	assert_int_equal(keys_open(&k, 6, record, SEAL_OVERHEAD - 1, good, &newest), -EBADMSG);
	assert_int_equal(k.opened, 2);
	keys_fini(&k);
	keys_fini(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trains_keep_their_order),
		cmocka_unit_test(without_threads_one_does_it_all),
		cmocka_unit_test(what_needs_no_opening_waits_for_its_turn_as_it_is),
		cmocka_unit_test(keys_that_go_meanwhile_live_until_their_trains_are_out),
		cmocka_unit_test(what_was_found_does_not_pass_by_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
