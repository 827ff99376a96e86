/* HWDT: the same result in any order, a plain list to compare with, and fair shares of a full table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/hwdt_records.h"
#include "tests/unit/table_memory.h"

#include "tables/hwdt.c"
#include "tables/hwdt_put.c"
#include "tables/pool.c"
#include "tables/tree.c"

static const struct hash_key KEY = {1, 2};
static const struct hash_key OTHER_KEY = {3, 4};
static const struct vr_id A = {10};
static const struct vr_id B = {20};
static const struct vr_id C = {30};

/* MAC, kind and the withdrawn mark follow from owner and counter, as owners promise. */
static struct binding
random_binding(struct random *r, size_t addresses, size_t counters)
{
	uint32_t ip = (uint32_t)random_below(r, addresses);
	struct vr_id vr = {1 + random_below(r, 6)};
	mobility_t mobility = random_below(r, counters);
	struct binding b = binding_of(ip, vr, mobility);
	uint64_t mixed = (ip * 31 + vr.v) * 17 + mobility;

	b.vn = 7 + ip % 3;
	b.mac = mac_of((uint32_t)(mixed % (addresses / 2)));
	b.kind = mixed % 11 == 0 ? BINDING_GATEWAY : BINDING_HOST;
	b.withdrawn = mixed % 5 == 0;
	if (ip % 4 == 3)
		b.ip.family = ADDR_V6;
	return b;
}

static bool
binding_equal(const struct binding *a, const struct binding *b)
{
	return a->vn == b->vn && addr_equal(a->ip, b->ip) && mac_equal(a->mac, b->mac) &&
	       vr_id_equal(a->vr, b->vr) && a->mobility == b->mobility && a->kind == b->kind &&
	       a->withdrawn == b->withdrawn;
}

/* The digest as its definition says, by a walk. */
static struct hwdt_digest
digest_by_walk(const struct hwdt *t, vn_id_t vn, struct vr_id vr)
{
	struct hwdt_digest d = {0, 0};
	const struct hwdt_entry *e;
	size_t position = 0;

	while ((e = hwdt_next(t, &position)) != NULL)
		if (e->b.vn == vn && vr_id_equal(e->b.vr, vr) && !e->b.withdrawn) {
			d.count++;
			d.sum += digest_part(&e->b);
		}
	return d;
}

static void
check_digests(const struct hwdt *a, const struct hwdt *b)
{
	struct vr_id vr;
	vn_id_t vn;

	for (vn = 6; vn <= 10; vn++)
		for (vr.v = 0; vr.v <= 7; vr.v++) {
			struct hwdt_digest d = hwdt_digest(a, vn, vr);

			assert_true(digest_equal(d, digest_by_walk(a, vn, vr)));
			assert_true(digest_equal(d, hwdt_digest(b, vn, vr)));
		}
}

static void
check_same_content(const struct hwdt *a, const struct hwdt *b)
{
	const struct hwdt_entry *e;
	size_t position = 0;

	assert_int_equal(hwdt_stats(a).count, hwdt_stats(b).count);
	while ((e = hwdt_next(a, &position)) != NULL) {
		const struct hwdt_entry *twin = hwdt_find(b, e->b.vn, e->b.ip);

		assert_non_null(twin);
		assert_true(binding_equal(&e->b, &twin->b));
	}
	check_digests(a, b);
}

static void
shuffle(struct random *r, struct binding *list, size_t count)
{
	size_t i;

	for (i = count; i > 1; i--) {
		size_t k = random_below(r, i);
		struct binding swap = list[k];

		list[k] = list[i - 1];
		list[i - 1] = swap;
	}
}

static void
any_order_of_puts_gives_the_same_table_and_digests(void **state)
{
	static struct binding news[20000];
	struct random r = random_start("any_order_of_puts_gives_the_same_table_and_digests");
	size_t round, i;

	(void)state;
	for (round = 0; round < 8; round++) {
		size_t addresses = round % 2 == 0 ? 50 : 4000;
		size_t counters = round < 4 ? 4 : 1000;
		struct hwdt *a = hwdt_create(4000, &KEY);
		struct hwdt *b = hwdt_create(5000, &OTHER_KEY);

		for (i = 0; i < ARRAY_COUNT(news); i++) {
			news[i] = random_binding(&r, addresses, counters);
			assert_int_not_equal(hwdt_put(a, &news[i], (us_t)i, NULL), HWDT_FULL);
		}
		shuffle(&r, news, ARRAY_COUNT(news));
		for (i = 0; i < ARRAY_COUNT(news); i++) {
			assert_int_not_equal(hwdt_put(b, &news[i], (us_t)i, NULL), HWDT_FULL);
			if (i % 7 == 0) /* repeats change nothing */
				assert_int_not_equal(hwdt_put(b, &news[i / 2], (us_t)i, NULL),
						     HWDT_FULL);
		}
		check_same_content(a, b);
		hwdt_destroy(a);
		hwdt_destroy(b);
	}
}

/* What the table must hold, as a plain list; 'turn' orders the records by when they were heard. */
struct row {
	struct binding b;
	uint64_t turn;
};

struct model {
	struct row list[64];
	size_t count;
	size_t max;
	uint64_t turn;
};

static struct row *
model_find(struct model *m, vn_id_t vn, struct addr ip)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->list[i].b.vn == vn && addr_equal(m->list[i].b.ip, ip))
			return &m->list[i];
	return NULL;
}

static size_t
model_held(const struct model *m, struct vr_id vr)
{
	size_t held = 0;
	size_t i;

	for (i = 0; i < m->count; i++)
		held += vr_id_equal(m->list[i].b.vr, vr);
	return held;
}

static size_t
model_most(const struct model *m)
{
	size_t most = 0;
	size_t i;

	for (i = 0; i < m->count; i++) {
		size_t held = model_held(m, m->list[i].b.vr);

		if (held > most)
			most = held;
	}
	return most;
}

/* The evicted record must be of an owner that holds most, and its longest unheard. */
static void
model_evict(struct model *m, const struct hwdt_entry *evicted)
{
	struct row *victim = model_find(m, evicted->b.vn, evicted->b.ip);
	size_t i;

	assert_non_null(victim);
	assert_true(binding_equal(&victim->b, &evicted->b));
	assert_int_equal(model_held(m, victim->b.vr), model_most(m));
	for (i = 0; i < m->count; i++)
		if (vr_id_equal(m->list[i].b.vr, victim->b.vr))
			assert_true(m->list[i].turn >= victim->turn);
	*victim = m->list[--m->count];
}

static void
model_put(struct model *m, const struct hwdt *t, const struct binding *b, enum hwdt_fate fate)
{
	struct row *row = model_find(m, b->vn, b->ip);

	assert_int_equal(hwdt_evicted(t) != NULL,
			 row == NULL && m->count == m->max && fate == HWDT_ADDED);
	if (row != NULL) {
		assert_int_equal(fate, judge(&row->b, b));
	} else if (m->count == m->max && model_most(m) <= model_held(m, b->vr) + 1) {
		assert_int_equal(fate, HWDT_FULL);
		return;
	} else {
		assert_int_equal(fate, HWDT_ADDED);
		if (m->count == m->max)
			model_evict(m, hwdt_evicted(t));
		row = &m->list[m->count++];
	}
	if (fate != HWDT_STALE)
		*row = (struct row){*b, ++m->turn};
}

/* The walk over one owner's records in order meets what the list has of it, once and ascending. */
static void
check_order(const struct hwdt *t, const struct model *m, vn_id_t vn, struct vr_id vr)
{
	struct addr after = {.family = ADDR_NONE};
	const struct hwdt_entry *e;
	size_t expected = 0, count = 0;

	for (size_t i = 0; i < m->count; i++)
		expected += m->list[i].b.vn == vn && vr_id_equal(m->list[i].b.vr, vr) &&
			    !m->list[i].b.withdrawn;
	while ((e = hwdt_next_of(t, vn, vr, after)) != NULL) {
		assert_true(memcmp(&e->b.ip, &after, sizeof(after)) > 0);
		assert_true(e->b.vn == vn && vr_id_equal(e->b.vr, vr) && !e->b.withdrawn);
		after = e->b.ip;
		count++;
	}
	assert_int_equal(count, expected);
	assert_int_equal(hwdt_digest(t, vn, vr).count, expected);
}

/* Who has the MAC, by the list. */
static enum hwdt_place
place_in_model(const struct model *m, const struct binding *b, struct vr_id vr)
{
	enum hwdt_place place = HWDT_NOWHERE;

	for (size_t i = 0; i < m->count; i++) {
		const struct binding *r = &m->list[i].b;

		if (r->vn != b->vn || !mac_equal(r->mac, b->mac) || r->withdrawn)
			continue;
		if (vr_id_equal(r->vr, vr))
			return HWDT_HERE;
		place = HWDT_ELSEWHERE;
	}
	return place;
}

static void
check_model(const struct hwdt *t, struct model *m)
{
	const struct hwdt_entry *found[64];
	const struct hwdt_entry *e;
	size_t position = 0;
	size_t i, k;

	assert_int_equal(hwdt_stats(t).count, m->count);
	while ((e = hwdt_next(t, &position)) != NULL)
		assert_true(binding_equal(&e->b, &model_find(m, e->b.vn, e->b.ip)->b));
	for (i = 0; i < m->count; i++) {
		const struct binding *b = &m->list[i].b;
		size_t count = hwdt_find_mac(t, b->vn, b->mac, found, ARRAY_COUNT(found));
		size_t expected = 0;

		for (k = 0; k < m->count; k++)
			expected += m->list[k].b.vn == b->vn && mac_equal(m->list[k].b.mac, b->mac);
		assert_int_equal(count, expected);
		for (k = 0; k < count; k++)
			assert_true(mac_equal(found[k]->b.mac, b->mac));
		expected = 0;
		for (k = 0; k < m->count; k++)
			expected += m->list[k].b.vn == b->vn &&
				    mac_equal(m->list[k].b.mac, b->mac) &&
				    vr_id_equal(m->list[k].b.vr, b->vr);
		count = hwdt_find_mac_of(t, b->vn, b->mac, b->vr, found, ARRAY_COUNT(found));
		assert_int_equal(count, expected);
		for (k = 0; k < count; k++)
			assert_true(mac_equal(found[k]->b.mac, b->mac) &&
				    vr_id_equal(found[k]->b.vr, b->vr));
		assert_int_equal(hwdt_place_of_mac(t, b->vn, b->mac, b->vr),
				 place_in_model(m, b, b->vr));
		assert_int_equal(hwdt_place_of_mac(t, b->vn, b->mac, (struct vr_id){0}),
				 place_in_model(m, b, (struct vr_id){0}));
		check_order(t, m, b->vn, b->vr);
		assert_ptr_equal(hwdt_find(t, b->vn, b->ip) == NULL, false);
	}
	check_digests(t, t);
}

static void
long_random_sequences_agree_with_a_plain_list(void **state)
{
	struct random r = random_start("long_random_sequences_agree_with_a_plain_list");
	size_t max, step;

	(void)state;
	for (max = 0; max <= 64; max = max * 2 + 1) {
		struct model m = {.max = max};
		struct hwdt *t = hwdt_create(max, &KEY);

		for (step = 0; step < 6000; step++) {
			struct binding b = random_binding(&r, 100, 20);
			size_t what = random_below(&r, 10);
			struct row *row = model_find(&m, b.vn, b.ip);

			if (what < 7) {
				model_put(&m, t, &b, hwdt_put(t, &b, (us_t)step, NULL));
			} else if (what < 8 || step % 1000 > 900) {
				hwdt_remove(t, b.vn, b.ip);
				if (row != NULL)
					*row = m.list[--m.count];
			} else {
				hwdt_heard(t, b.vn, b.ip, (us_t)step);
				if (row != NULL)
					row->turn = ++m.turn;
			}
			if (step % 100 == 99)
				check_model(t, &m);
		}
		while (m.count > 0) {
			hwdt_remove(t, m.list[m.count - 1].b.vn, m.list[m.count - 1].b.ip);
			m.count--;
		}
		check_model(t, &m);
		assert_int_equal(t->most, 0);
		assert_int_equal(t->owners.count + t->groups.count + t->machines.count, 0);
		hwdt_destroy(t);
	}
}

static void
a_look_up_by_mac_has_something_of_every_owner(void **state)
{
	const struct hwdt_entry *found[12];

	(void)state;
	/* The one with most comes first, or last. */
	for (uint32_t order = 0; order < 2; order++) {
		struct hwdt *t = hwdt_create(1000, &KEY);
		size_t of[4] = {0};

		for (uint32_t n = 0; n < 303; n++) {
			uint32_t i = order == 0 ? n : 302 - n;
			struct binding b = binding_of(i, (struct vr_id){i < 300 ? 1 : i - 298}, 1);

			b.mac = mac_of(1);
			assert_int_equal(hwdt_put(t, &b, 1, NULL), HWDT_ADDED);
		}
		assert_int_equal(hwdt_find_mac(t, 7, mac_of(1), found, ARRAY_COUNT(found)), 303);
		for (size_t i = 0; i < ARRAY_COUNT(found); i++) {
			for (size_t k = 0; k < i; k++)
				assert_ptr_not_equal(found[i], found[k]);
			of[found[i]->b.vr.v - 1]++;
		}
		assert_int_equal(of[0], 9);
		for (size_t i = 1; i < 4; i++)
			assert_int_equal(of[i], 1);
		hwdt_destroy(t);
	}
}

/* Whatever comes in order must not make the tree a list: 60,000 steps from the root would be seen. */
static void
the_order_is_found_without_a_search(void **state)
{
	enum { COUNT = 60000 };
	struct hwdt *t = hwdt_create(COUNT, &KEY);
	const struct tree *at;
	size_t depth = 0;

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(put_record(t, i, (struct vr_id){1}, 1, 1), HWDT_ADDED);
	for (at = hwdt_group_find(t, 7, (struct vr_id){1})->order; at != NULL; at = at->right)
		depth++;
	assert_in_range(depth, 1, 60);
	for (uint32_t i = 0; i < COUNT; i++)
		hwdt_remove(t, 7, ip_of(i));
	assert_null(hwdt_next_of(t, 7, (struct vr_id){1}, (struct addr){.family = ADDR_NONE}));
	hwdt_destroy(t);
}

static void
flood_of_one_owner_evicts_nobody_elses_fair_share(void **state)
{
	struct hwdt *t = hwdt_create(100, &KEY);
	uint32_t i;

	(void)state;
	for (i = 0; i < 25; i++) {
		assert_int_equal(put_record(t, 1000 + i, A, 1, 1), HWDT_ADDED);
		assert_int_equal(put_record(t, 2000 + i, B, 1, 1), HWDT_ADDED);
	}
	for (i = 0; i < 10000; i++)
		assert_int_equal(put_record(t, 10000 + i, C, 1, 2),
				 i < 50 ? HWDT_ADDED : HWDT_FULL);
	assert_int_equal(held_by(t, A), 25);
	assert_int_equal(held_by(t, B), 25);
	assert_int_equal(held_by(t, C), 50);
	assert_int_equal(hwdt_stats(t).evicted, 0);
	assert_int_equal(hwdt_stats(t).refused_full, 9950);
	for (i = 0; i < 50; i++) /* nor its own machines */
		assert_non_null(hwdt_find(t, 7, ip_of(10000 + i)));
	hwdt_destroy(t);
}

static void
flood_that_came_first_gives_way_to_fair_shares(void **state)
{
	static const struct vr_id owners[] = {{20}, {30}, {40}};
	struct hwdt *t = hwdt_create(100, &KEY);
	uint32_t i, k;

	(void)state;
	for (i = 0; i < 10000; i++)
		assert_int_equal(put_record(t, 10000 + i, A, 1, 1),
				 i < 100 ? HWDT_ADDED : HWDT_FULL);
	for (k = 0; k < ARRAY_COUNT(owners); k++)
		for (i = 0; i < 25; i++) {
			assert_int_equal(put_record(t, 1000 * (k + 1) + i, owners[k], 1, 2),
					 HWDT_ADDED);
			assert_true(vr_id_equal(hwdt_evicted(t)->b.vr, A));
		}
	assert_int_equal(held_by(t, A), 25);
	assert_int_equal(put_record(t, 9000, owners[0], 1, 3), HWDT_FULL);
	assert_null(hwdt_evicted(t));
	assert_int_equal(put_record(t, 9001, A, 1, 3), HWDT_FULL);
	assert_int_equal(hwdt_stats(t).evicted, 75);
	for (i = 0; i < 25; i++) /* what was put first went first */
		assert_non_null(hwdt_find(t, 7, ip_of(10075 + i)));
	hwdt_destroy(t);
}

static void
many_owners_share_a_full_table_evenly(void **state)
{
	struct random r = random_start("many_owners_share_a_full_table_evenly");
	struct hwdt *t = hwdt_create(1000, &KEY);
	uint32_t i;
	uint64_t k;

	(void)state;
	/* Owner k tries to put about k times as much as owner 1. */
	for (i = 0; i < 60000; i++) {
		uint64_t most = 1 + random_below(&r, 20);

		put_record(t, i, (struct vr_id){1 + random_below(&r, most)}, 1, (us_t)i);
	}
	assert_int_equal(hwdt_stats(t).count, 1000);
	for (k = 1; k <= 20; k++)
		assert_in_range(held_by(t, (struct vr_id){k}), 49, 51);
	hwdt_destroy(t);
}

static void
longest_unheard_record_is_evicted_and_told(void **state)
{
	struct hwdt *t = hwdt_create(4, &KEY);
	uint32_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(put_record(t, i, A, 1, i), HWDT_ADDED);
	assert_null(hwdt_evicted(t));
	hwdt_heard(t, 7, ip_of(0), 10);
	assert_int_equal(put_record(t, 1, A, 1, 11), HWDT_SAME);
	assert_int_equal(put_record(t, 100, B, 1, 12), HWDT_ADDED);
	assert_true(addr_equal(hwdt_evicted(t)->b.ip, ip_of(2)));
	assert_int_equal(hwdt_evicted(t)->heard, 2);
	assert_null(hwdt_find(t, 7, ip_of(2)));
	assert_int_equal(put_record(t, 101, B, 1, 13), HWDT_ADDED);
	assert_true(addr_equal(hwdt_evicted(t)->b.ip, ip_of(3)));
	assert_int_equal(put_record(t, 101, B, 1, 14), HWDT_SAME);
	assert_null(hwdt_evicted(t));
	hwdt_destroy(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_puts_gives_the_same_table_and_digests),
		cmocka_unit_test(long_random_sequences_agree_with_a_plain_list),
		cmocka_unit_test(a_look_up_by_mac_has_something_of_every_owner),
		cmocka_unit_test(the_order_is_found_without_a_search),
		cmocka_unit_test(flood_of_one_owner_evicts_nobody_elses_fair_share),
		cmocka_unit_test(flood_that_came_first_gives_way_to_fair_shares),
		cmocka_unit_test(many_owners_share_a_full_table_evenly),
		cmocka_unit_test(longest_unheard_record_is_evicted_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
