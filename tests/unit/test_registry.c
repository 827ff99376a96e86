/* The registry against a plain list: exact and longest match, what is inside, free prefixes, expiry,
 * merging; and the parts that it is made of. */
#include "lisp_world.h"

#include "lisp/displaced.h"
#include "lisp/limiter.h"
#include "lisp/mobility.h"

struct bed {
	struct nonces *nonces;
	struct registry *r;
	uint32_t etr[4]; /* rows of four xTRs of site 0; the last one is of site 1 */
	uint64_t random;
};

static uint32_t
next_random(struct bed *bed, uint32_t below)
{
	bed->random = bed->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(bed->random >> 33) % below;
}

static void
bed_open(struct bed *bed, uint32_t max)
{
	static const struct hash_key key = {3, 4};
	static struct world unused;
	struct lisp_msg msg = {.type = LISP_MAP_REGISTER, .nonce = 1, .has_xtr_id = true};
	struct endpoint from = endpoint_of("192.0.2.9", 1);

	*bed = (struct bed){.random = 12345};
	bed->nonces = nonces_create(16, 2, &key, &world_io, &unused);
	bed->r = registry_create(max, 2, &key, bed->nonces);
	assert_non_null(bed->r);
	for (uint8_t i = 0; i < 4; i++) {
		msg.xtr_id = xtr_of(i, 0);
		assert_int_equal(nonces_heard(bed->nonces, i == 3, &msg, &from, true, &bed->etr[i]),
				 0);
	}
}

static void
bed_close(struct bed *bed)
{
	struct nonces *nonces = bed->nonces;

	registry_destroy(bed->r);
	for (uint8_t i = 0; i < 4; i++)
		assert_int_equal(nonces_at(nonces, bed->etr[i])->pins, 0);
	nonces_destroy(nonces);
}

static struct eid_key
key_of(vn_id_t vn, const char *text)
{
	struct lisp_eid eid = lisp_eid_make(vn, prefix_of(text), true);
	struct eid_key key;

	assert_true(eid_key_from(&eid, &key));
	return key;
}

static struct locator_set *
set_of(struct bed *bed, const char *const *rlocs)
{
	struct rec rec = {.eid = "10.0.0.0/8"};
	uint8_t data[512];
	struct lisp_builder b;
	struct lisp_record record;
	struct locator_set *set;
	struct lisp_msg msg = {.type = LISP_MAP_REPLY}, parsed;
	static const struct lisp_dialect dialect = {0};
	int size;

	for (size_t i = 0; i < 3 && rlocs[i] != NULL; i++)
		rec.rlocs[i] = rlocs[i];
	lisp_begin(&b, data, sizeof(data), &msg);
	put_rec(&b, &rec);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_int_equal(lisp_parse(data, (size_t)size, &dialect, &parsed), 0);
	assert_true(lisp_record_next(&parsed.records, &record));
	assert_int_equal(
		sets_get(registry_sets(bed->r), &record, (struct addr){.family = ADDR_NONE}, &set),
		0);
	return set;
}

/* One locator, or several. */
static uint32_t
put_at(struct bed *bed, const struct eid_key *key, unsigned etr, bool merge, uint32_t lifetime,
       uint32_t now, const char *const *rlocs, enum registry_change *change)
{
	struct registry_news news = {.etr = bed->etr[etr],
				     .site = etr == 3,
				     .ttl = 10,
				     .lifetime = lifetime,
				     .merge = merge,
				     .proxy = etr != 2};
	uint32_t number = 0;
	int err;

	news.set = set_of(bed, rlocs);
	err = registry_put(bed->r, key, &news, now, &number, change);
	sets_drop_ref(registry_sets(bed->r), news.set);
	return err == 0 ? number : 0;
}

static uint32_t
put(struct bed *bed, const struct eid_key *key)
{
	static const char *const rlocs[] = {"192.0.2.1", NULL};
	enum registry_change change;

	return put_at(bed, key, 0, false, 180, 1, rlocs, &change);
}

static struct eid_key
random_key(struct bed *bed)
{
	struct eid_key key = {.vn = next_random(bed, 3), .family = (uint8_t)next_random(bed, 2)};
	uint8_t width = eid_key_width(key.family);

	/* Few bits differ, so that prefixes lie in each other. */
	key.w[0] = (uint64_t)next_random(bed, 16) << 60 | (uint64_t)next_random(bed, 4) << 32;
	key.w[1] = key.family == EID_V6 ? next_random(bed, 4) : 0;
	key.len = width;
	switch (next_random(bed, 4)) {
	case 0:
		return eid_key_cut(&key, (uint8_t)next_random(bed, 6));
	case 1:
		return eid_key_cut(&key, (uint8_t)next_random(bed, width + 1u));
	default:
		return key;
	}
}

#define LIST_MAX 400

struct list {
	struct eid_key keys[LIST_MAX];
	size_t count;
};

/* Does 'outer' contain 'inner', or is it the same? */
static bool
contains(const struct eid_key *outer, const struct eid_key *inner)
{
	struct eid_key cut;

	if (outer->len > inner->len)
		return false;
	cut = eid_key_cut(inner, outer->len);
	return eid_key_equal(outer, &cut);
}

static size_t
list_find(const struct list *l, const struct eid_key *key)
{
	size_t i = 0;

	while (i < l->count && !eid_key_equal(&l->keys[i], key))
		i++;
	return i;
}

static int
list_match(const struct list *l, const struct eid_key *key)
{
	int best = -1;

	for (size_t i = 0; i < l->count; i++)
		if (contains(&l->keys[i], key) && (best < 0 || l->keys[i].len > l->keys[best].len))
			best = (int)i;
	return best;
}

/* The shortest cut that no stored prefix begins strictly inside of. */
static uint8_t
list_room(const struct list *l, const struct eid_key *key)
{
	for (uint8_t len = 0; len < key->len; len++) {
		struct eid_key cut = eid_key_cut(key, len);
		bool clear = true;

		for (size_t i = 0; i < l->count && clear; i++)
			clear = !contains(&cut, &l->keys[i]) || eid_key_equal(&cut, &l->keys[i]);
		if (clear)
			return len;
	}
	return key->len;
}

static void
check_inside(const struct bed *bed, const struct list *l, const struct eid_key *key)
{
	size_t expected = 0, found = 0;
	uint32_t node = 0;

	for (size_t i = 0; i < l->count; i++)
		expected += contains(key, &l->keys[i]);
	while (trie_inside(registry_trie(bed->r), key, &node)) {
		struct eid_key inner = trie_key(registry_trie(bed->r), key->vn, key->family, node);

		assert_true(list_find(l, &inner) < l->count);
		assert_true(contains(key, &inner));
		found++;
	}
	assert_int_equal(found, expected);
}

static void
random_work_agrees_with_a_list(void **state)
{
	static struct list l;
	struct bed bed;

	(void)state;
	l.count = 0;
	bed_open(&bed, LIST_MAX);
	for (unsigned round = 0; round < 20000; round++) {
		struct eid_key key = random_key(&bed);
		size_t at = list_find(&l, &key);
		uint32_t number = registry_find(bed.r, &key);
		int best;

		assert_int_equal(number != 0, at < l.count);
		if (next_random(&bed, 2) == 0 && at < l.count) {
			registry_remove(bed.r, number);
			l.keys[at] = l.keys[--l.count];
		} else if (at == l.count && l.count < LIST_MAX) {
			assert_int_not_equal(put(&bed, &key), 0);
			l.keys[l.count++] = key;
		}
		assert_int_equal(registry_count(bed.r), l.count);
		key = random_key(&bed);
		best = list_match(&l, &key);
		number = registry_match(bed.r, &key);
		assert_int_equal(number != 0, best >= 0);
		if (number != 0) {
			struct eid_key got = registry_key(bed.r, number);

			assert_true(eid_key_equal(&got, &l.keys[best]));
		}
		assert_int_equal(trie_room(registry_trie(bed.r), &key), list_room(&l, &key));
		check_inside(&bed, &l, &key);
	}
	bed_close(&bed);
}

static void
a_full_registry_refuses_and_stays_whole(void **state)
{
	struct bed bed;

	(void)state;
	bed_open(&bed, 8);
	for (uint64_t i = 0; i < 20; i++) {
		struct eid_key key = {.w = {i << 56}, .len = 32};

		assert_int_equal(put(&bed, &key) != 0, i < 8);
		assert_int_equal(registry_find(bed.r, &key) != 0, i < 8);
	}
	/* What is there can still be refreshed, and a place that is free be taken. */
	assert_int_not_equal(put(&bed, &(struct eid_key){.w = {0}, .len = 32}), 0);
	registry_remove(bed.r, registry_find(bed.r, &(struct eid_key){.w = {0}, .len = 32}));
	assert_int_not_equal(put(&bed, &(struct eid_key){.w = {99}, .len = 128, .family = EID_V6}),
			     0);
	bed_close(&bed);
}

static void
equal_locators_are_kept_once_and_in_order(void **state)
{
	static const char *const mixed[] = {"2001:db8::1", "192.0.2.7", "192.0.2.3"};
	static const char *const sorted[] = {"192.0.2.3", "192.0.2.7", "2001:db8::1"};
	struct bed bed;
	struct locator_set *a, *b;
	struct rd locators;
	struct lisp_locator l;

	(void)state;
	bed_open(&bed, 8);
	a = set_of(&bed, mixed);
	b = set_of(&bed, sorted);
	assert_ptr_equal(a, b);
	assert_int_equal(registry_sets(bed.r)->count, 1);
	locators = sets_locators(a);
	for (size_t i = 0; i < 3; i++) {
		assert_true(lisp_locator_next(&locators, &l));
		assert_addr(l.rloc.addr, sorted[i]);
		assert_false(l.local);
		assert_true(l.reachable);
	}
	assert_false(lisp_locator_next(&locators, &l));
	sets_drop_ref(registry_sets(bed.r), a);
	sets_drop_ref(registry_sets(bed.r), b);
	assert_int_equal(registry_sets(bed.r)->count, 0);
	bed_close(&bed);
}

static void
what_is_not_refreshed_expires(void **state)
{
	static const char *const rlocs[] = {"192.0.2.1", NULL};
	struct eid_key a = key_of(0, "10.0.0.1/32"), b = key_of(0, "10.0.0.2/32");
	struct eid_key c = key_of(0, "10.0.0.3/32");
	enum registry_change change;
	struct bed bed;
	bool gone;
	uint32_t n, far;

	(void)state;
	bed_open(&bed, 8);
	put_at(&bed, &a, 0, false, 180, 1, rlocs, &change);
	put_at(&bed, &b, 0, false, 180, 1, rlocs, &change);
	far = put_at(&bed, &c, 0, false, 100000, 1, rlocs, &change);
	put_at(&bed, &b, 0, false, 180, 100, rlocs, &change);
	assert_int_equal(change, REGISTRY_SAME);
	assert_int_equal(registry_expire(bed.r, 180, &gone), 0);
	n = registry_expire(bed.r, 181, &gone);
	assert_int_equal(n, registry_find(bed.r, &a));
	assert_true(gone);
	registry_remove(bed.r, n);
	assert_int_equal(registry_expire(bed.r, 279, &gone), 0);
	n = registry_expire(bed.r, 280, &gone);
	assert_int_equal(n, registry_find(bed.r, &b));
	registry_remove(bed.r, n);
	/* Farther away than the wheel is long. */
	assert_true(registry_due(bed.r) <= 100001);
	for (uint32_t now = 280; now < 100001; now += 977)
		assert_int_equal(registry_expire(bed.r, now, &gone), 0);
	assert_int_equal(registry_expire(bed.r, 100001, &gone), far);
	registry_remove(bed.r, far);
	/* A shorter life counts at once. */
	put_at(&bed, &c, 0, false, 1000, 100001, rlocs, &change);
	assert_int_equal(registry_due(bed.r), 101001);
	put_at(&bed, &c, 0, false, 10, 100001, rlocs, &change);
	assert_int_equal(registry_due(bed.r), 100011);
	bed_close(&bed);
}

static void
merged_registrations_have_the_locators_of_all(void **state)
{
	static const char *const one[] = {"192.0.2.1", NULL};
	static const char *const two[] = {"192.0.2.2", "192.0.2.1", NULL};
	struct eid_key key = key_of(5, "10.0.0.0/24");
	enum registry_change change;
	struct bed bed;
	uint32_t n;
	bool gone;

	(void)state;
	bed_open(&bed, 8);
	n = put_at(&bed, &key, 0, true, 100, 1, one, &change);
	assert_int_equal(change, REGISTRY_NEW);
	assert_int_equal(put_at(&bed, &key, 1, true, 300, 1, two, &change), n);
	assert_int_equal(change, REGISTRY_CHANGED);
	assert_int_equal(registry_at(bed.r, n)->set->count, 2);
	put_at(&bed, &key, 1, true, 300, 2, two, &change);
	assert_int_equal(change, REGISTRY_SAME);
	/* The first one's part ends; the second has both locators. */
	assert_int_equal(registry_expire(bed.r, 101, &gone), 0);
	assert_int_equal(registry_at(bed.r, n)->set->count, 2);
	put_at(&bed, &key, 0, true, 100, 110, (const char *const[]){"192.0.2.3", NULL}, &change);
	assert_int_equal(registry_at(bed.r, n)->set->count, 3);
	assert_int_equal(registry_expire(bed.r, 210, &gone), n);
	assert_false(gone);
	assert_int_equal(registry_at(bed.r, n)->set->count, 2);
	/* One that does not merge replaces all. */
	put_at(&bed, &key, 2, false, 100, 211, one, &change);
	assert_int_equal(registry_at(bed.r, n)->set->count, 1);
	assert_int_equal(registry_at(bed.r, n)->parts, 0);
	assert_false(registry_at(bed.r, n)->proxy);
	/* Of another site: its own from now on. */
	put_at(&bed, &key, 0, true, 100, 212, one, &change);
	put_at(&bed, &key, 3, true, 100, 213, two, &change);
	assert_int_equal(registry_at(bed.r, n)->site, 1);
	assert_int_equal(registry_at(bed.r, n)->since, 213);
	assert_int_equal(registry_site_count(bed.r, 0), 0);
	assert_int_equal(registry_site_count(bed.r, 1), 1);
	bed_close(&bed);
}

static void
leaving_a_merged_registration_leaves_the_others(void **state)
{
	static const char *const one[] = {"192.0.2.1", NULL};
	static const char *const two[] = {"192.0.2.2", NULL};
	struct eid_key key = key_of(5, "10.0.0.0/24");
	enum registry_change change;
	struct bed bed;
	uint32_t n;

	(void)state;
	bed_open(&bed, 8);
	/* One that wants us to answer is enough. */
	n = put_at(&bed, &key, 2, true, 100, 1, one, &change);
	assert_false(registry_at(bed.r, n)->proxy);
	put_at(&bed, &key, 0, true, 100, 1, one, &change);
	assert_true(registry_at(bed.r, n)->proxy);
	put_at(&bed, &key, 1, true, 100, 1, two, &change);
	assert_false(registry_leave(bed.r, n, bed.etr[2]));
	assert_false(registry_leave(bed.r, n, bed.etr[0]));
	assert_int_equal(registry_at(bed.r, n)->set->count, 1);
	assert_false(registry_leave(bed.r, n, bed.etr[2]));
	assert_true(registry_leave(bed.r, n, bed.etr[1]));
	registry_remove(bed.r, n);
	bed_close(&bed);
}

static void
a_wheel_gives_each_member_in_its_second(void **state)
{
	struct wheel w;
	uint32_t due[200];
	uint64_t random = 99;
	unsigned taken = 0;

	(void)state;
	assert_int_equal(wheel_init(&w, 200), 0);
	assert_int_equal(wheel_next(&w), WHEEL_NEVER);
	for (uint32_t i = 1; i < 200; i++) {
		random = random * UINT64_C(6364136223846793005) + 1;
		due[i] = (uint32_t)(random >> 40) % 4000 + 1;
		wheel_add(&w, i, due[i]);
	}
	for (uint32_t i = 1; i < 200; i += 3)
		wheel_remove(&w, i);
	for (uint32_t now = 0; now <= 4100; now++) {
		uint32_t i;

		while ((i = wheel_take(&w, now)) != 0) {
			assert_int_equal(due[i], now);
			assert_int_not_equal(i % 3, 1);
			taken++;
		}
		assert_true(wheel_next(&w) > now);
	}
	assert_int_equal(taken, 199 - 67);
	assert_int_equal(wheel_next(&w), WHEEL_NEVER);
	wheel_fini(&w);
}

/* Wherever the ring stands, and wherever the one deadline is in it. */
static void
a_wheel_finds_the_next_second_from_everywhere(void **state)
{
	struct wheel w;

	(void)state;
	assert_int_equal(wheel_init(&w, 2), 0);
	for (uint32_t now = 0; now < WHEEL_SLOTS; now += 61) {
		for (uint32_t ahead = 0; ahead < WHEEL_SLOTS; ahead += 31) {
			w.now = now;
			wheel_add(&w, 1, now + ahead);
			assert_int_equal(wheel_next(&w), now + ahead);
			/* A later one changes nothing. */
			wheel_add(&w, 2, now + ahead + 1);
			assert_int_equal(wheel_next(&w), now + ahead);
			wheel_remove(&w, 1);
			wheel_remove(&w, 2);
			assert_int_equal(wheel_next(&w), WHEEL_NEVER);
		}
	}
	wheel_fini(&w);
}

static void
versions_are_compared_on_a_circle(void **state)
{
	(void)state;
	assert_true(lisp_version_newer(2, 1));
	assert_false(lisp_version_newer(1, 2));
	assert_false(lisp_version_newer(1, 1));
	assert_true(lisp_version_newer(1, 4095));
	assert_false(lisp_version_newer(4095, 1));
	assert_false(lisp_version_newer(0, 5));
	assert_false(lisp_version_newer(5, 0));
	assert_int_equal(lisp_version_of(0), 1);
	assert_int_equal(lisp_version_of(4094), 4095);
	assert_int_equal(lisp_version_of(4095), 1);
	for (mobility_t m = 0; m < 10000; m++)
		assert_true(lisp_version_newer(lisp_version_of(m + 1), lisp_version_of(m)));
}

static void
a_limit_is_per_address(void **state)
{
	static const struct hash_key key = {1, 1};
	struct addr a = addr_of("192.0.2.1"), b = addr_of("192.0.2.2");
	struct limiter l;
	unsigned passed = 0;

	(void)state;
	assert_int_equal(limiter_init(&l, 100, 10, &key), 0);
	for (us_t now = US_S; now < 2 * US_S; now += 1000)
		passed += limiter_take(&l, a, now);
	assert_in_range(passed, 100, 112);
	assert_true(limiter_take(&l, b, 2 * US_S));
	limiter_fini(&l);
	/* A rate of 0 is none. */
	assert_int_equal(limiter_init(&l, 0, 0, &key), 0);
	for (unsigned i = 0; i < 10000; i++)
		assert_true(limiter_take(&l, a, US_S));
	limiter_fini(&l);
}

static void
the_longest_silent_is_forgotten(void **state)
{
	static const struct hash_key hash = {1, 1};
	struct eid_key key = key_of(1, "10.0.0.1/32");
	struct displaced d;

	(void)state;
	assert_int_equal(displaced_init(&d, 3, &hash), 0);
	for (uint32_t site = 1; site <= 3; site++)
		displaced_put(&d, &key, site, site);
	displaced_put(&d, &key, 1, 10);
	displaced_put(&d, &key, 4, 11);
	assert_null(displaced_find(&d, &key, 2));
	assert_int_equal(displaced_find(&d, &key, 1)->heard, 10);
	displaced_expire(&d, 11);
	assert_null(displaced_find(&d, &key, 1));
	assert_null(displaced_find(&d, &key, 3));
	assert_non_null(displaced_find(&d, &key, 4));
	displaced_remove(&d, &key, 4);
	assert_null(displaced_find(&d, &key, 4));
	displaced_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_work_agrees_with_a_list),
		cmocka_unit_test(a_full_registry_refuses_and_stays_whole),
		cmocka_unit_test(equal_locators_are_kept_once_and_in_order),
		cmocka_unit_test(what_is_not_refreshed_expires),
		cmocka_unit_test(merged_registrations_have_the_locators_of_all),
		cmocka_unit_test(leaving_a_merged_registration_leaves_the_others),
		cmocka_unit_test(a_wheel_gives_each_member_in_its_second),
		cmocka_unit_test(a_wheel_finds_the_next_second_from_everywhere),
		cmocka_unit_test(versions_are_compared_on_a_circle),
		cmocka_unit_test(a_limit_is_per_address),
		cmocka_unit_test(the_longest_silent_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
