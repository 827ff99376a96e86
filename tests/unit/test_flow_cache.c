/* Decisions and the clock of changes: what is of another time is not found, and what nobody looks at any more is freed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "vr/epoch.h"
#include "vr/flow_cache.h"
#include "vr/ring.h"

#define READERS 3
#define CHANGES 20000

static struct flow
flow_of(uint32_t number, uint64_t epoch)
{
	struct flow f = {.epoch = epoch, .vn = number};

	memcpy(f.key.src, &number, sizeof(number));
	return f;
}

static struct flow_cache *
cache(void)
{
	struct flow_cache *c = flow_cache_create((struct hash_key){1, 2});

	assert_non_null(c);
	return c;
}

static void
a_decision_is_found_at_its_own_time_only(void **state)
{
	struct flow_cache *c = cache();
	struct flow f = flow_of(1, 5);

	(void)state;
	assert_null(flow_cache_find(c, &f.key, 5));
	flow_cache_put(c, &f);
	assert_non_null(flow_cache_find(c, &f.key, 5));
	assert_null(flow_cache_find(c, &f.key, 4));
	assert_null(flow_cache_find(c, &f.key, 6));
	flow_cache_destroy(c);
}

static void
every_part_of_the_key_counts(void **state)
{
	struct flow_cache *c = cache();
	struct flow f = flow_of(1, 5);

	(void)state;
	flow_cache_put(c, &f);
	for (size_t i = 0; i < sizeof(f.key); i++) {
		struct flow_key other = f.key;

		((uint8_t *)&other)[i] ^= 1;
		assert_null(flow_cache_find(c, &other, 5));
	}
	flow_cache_destroy(c);
}

static void
a_newer_decision_takes_the_place_of_the_older(void **state)
{
	struct flow_cache *c = cache();
	struct flow f = flow_of(1, 5);

	(void)state;
	flow_cache_put(c, &f);
	f.epoch = 6;
	f.vn = 77;
	flow_cache_put(c, &f);
	assert_null(flow_cache_find(c, &f.key, 5));
	assert_int_equal(flow_cache_find(c, &f.key, 6)->vn, 77);
	flow_cache_destroy(c);
}

static void
a_full_cache_gives_up_what_is_of_another_time_first(void **state)
{
	struct flow_cache *c = cache();
	unsigned found = 0, room = FLOW_CACHE_SETS * FLOW_CACHE_WAYS;

	(void)state;
	for (uint32_t i = 0; i < 4 * room; i++) {
		struct flow f = flow_of(i, 5);

		flow_cache_put(c, &f);
	}
	for (uint32_t i = 0; i < 4 * room; i++) {
		struct flow f = flow_of(i, 5);
		const struct flow *is = flow_cache_find(c, &f.key, 5);

		assert_true(is == NULL || is->vn == i);
		found += is != NULL;
	}
	assert_true(found > room / 10 * 9 && found <= room);
	/* So many of another time, four to a set at most, find their place at once. */
	for (uint32_t i = 0; i < room / 4; i++) {
		struct flow f = flow_of(i + 1000000, 6);

		flow_cache_put(c, &f);
		assert_non_null(flow_cache_find(c, &f.key, 6));
	}
	flow_cache_destroy(c);
}

static void
readers_hold_back_what_they_may_look_at(void **state)
{
	struct epoch e = {.now = 1};
	struct epoch_reader r = {.seen = EPOCH_IDLE};

	(void)state;
	assert_true(epoch_has_passed(&r, 1000));
	assert_int_equal(epoch_enter(&e, &r), 1);
	assert_int_equal(epoch_advance(&e), 2);
	assert_false(epoch_has_passed(&r, 2));
	assert_int_equal(epoch_enter(&e, &r), 2);
	assert_true(epoch_has_passed(&r, 2));
	assert_int_equal(epoch_advance(&e), 3);
	assert_false(epoch_has_passed(&r, 3));
	epoch_leave(&r);
	assert_true(epoch_has_passed(&r, 3));
}

/* ---- several threads ---- */

/* What decisions lead to: made for one time, overwritten and freed when that is over. */
struct target {
	uint64_t epoch;
	struct target *next;
};

struct reader {
	struct epoch *epoch;
	struct epoch_reader at;
	struct ring *down;
	_Atomic bool *stop;
	uint64_t used, stale;
	pthread_t thread;
};

static void *
read_on(void *reader)
{
	struct reader *r = reader;
	struct flow_cache *c = flow_cache_create((struct hash_key){3, 4});

	while (!atomic_load(r->stop)) {
		uint64_t now = epoch_enter(r->epoch, &r->at);
		const struct flow *told;
		size_t size;

		while ((told = ring_next(r->down, &size)) != NULL)
			flow_cache_put(c, told);
		ring_release(r->down);
		for (uint32_t i = 0; i < 16; i++) {
			struct flow f = flow_of(i, now);
			const struct flow *found = flow_cache_find(c, &f.key, now);
			const struct target *t;

			if (found == NULL)
				continue;
			/* Wiped, or of another time: it would have been freed under our hands. */
			t = (const struct target *)(const void *)found->link;
			r->used++;
			r->stale += t->epoch != now;
		}
		epoch_leave(&r->at);
		sched_yield();
	}
	flow_cache_destroy(c);
	return NULL;
}

static bool
nobody_looks(struct reader *readers, uint64_t since)
{
	for (unsigned i = 0; i < READERS; i++)
		if (!epoch_has_passed(&readers[i].at, since))
			return false;
	return true;
}

/* Frees what is over; how many are left. */
static unsigned
reclaim(struct target **list, struct reader *readers)
{
	unsigned left = 0;

	while (*list != NULL) {
		struct target *t = *list;

		if (nobody_looks(readers, t->epoch + 1)) {
			*list = t->next;
			t->epoch = 0;
			free(t);
		} else {
			list = &t->next;
			left++;
		}
	}
	return left;
}

static void
publish(struct reader *readers, struct target *t, uint32_t number)
{
	for (unsigned i = 0; i < READERS; i++) {
		struct flow f = flow_of(number % 16, t->epoch);
		void *room = ring_room(readers[i].down, sizeof(f));

		f.link = (const struct worker_link *)(const void *)t;
		if (room == NULL)
			continue;
		memcpy(room, &f, sizeof(f));
		ring_put(readers[i].down, sizeof(f));
	}
}

static void
no_reader_finds_what_was_taken_away(void **state)
{
	struct reader readers[READERS];
	struct epoch epoch = {.now = 1};
	struct target *gone = NULL;
	_Atomic bool stop = false;
	uint64_t used = 0;

	(void)state;
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] =
			(struct reader){.epoch = &epoch, .stop = &stop, .down = ring_create(65536)};
		atomic_store(&readers[i].at.seen, EPOCH_IDLE);
	}
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	for (uint32_t i = 0; i < CHANGES; i++) {
		struct target *t = malloc(sizeof(*t));

		t->epoch = epoch_now(&epoch);
		publish(readers, t, i);
		if (i % 4 == 0)
			sched_yield();
		t->next = gone;
		gone = t;
		(void)epoch_advance(&epoch);
		(void)reclaim(&gone, readers);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].stale, 0);
		used += readers[i].used;
		ring_destroy(readers[i].down);
	}
	assert_true(used > 0);
	assert_int_equal(reclaim(&gone, readers), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_decision_is_found_at_its_own_time_only),
		cmocka_unit_test(every_part_of_the_key_counts),
		cmocka_unit_test(a_newer_decision_takes_the_place_of_the_older),
		cmocka_unit_test(a_full_cache_gives_up_what_is_of_another_time_first),
		cmocka_unit_test(readers_hold_back_what_they_may_look_at),
		cmocka_unit_test(no_reader_finds_what_was_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
