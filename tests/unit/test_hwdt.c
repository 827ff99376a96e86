/* HWDT: the update rule, look-ups, digests, walks and limits. */
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

static void
fates_follow_the_update_rule(void **state)
{
	/* Before each row the table holds address 1 at B with counter 5. */
	static const struct {
		struct vr_id vr;
		mobility_t mobility;
		bool there_withdrawn, withdrawn, other_mac;
		uint8_t kind;
		enum hwdt_fate fate;
	} rows[] = {
		{{20}, 5, false, false, false, 0, HWDT_SAME},
		{{20}, 5, false, false, true, 0, HWDT_STALE},
		{{20}, 5, false, true, false, 0, HWDT_STALE},
		{{20}, 5, false, false, false, 1, HWDT_STALE},
		{{20}, 4, false, false, false, 0, HWDT_STALE},
		{{20}, 6, false, false, false, 0, HWDT_UPDATED},
		{{20}, 6, false, false, true, 0, HWDT_UPDATED},
		{{20}, 6, false, true, false, 0, HWDT_UPDATED},
		{{20}, 6, false, false, false, 1, HWDT_UPDATED},
		{{30}, 5, false, false, false, 0, HWDT_MOVED},
		{{10}, 5, false, false, false, 0, HWDT_STALE},
		{{10}, 6, false, false, false, 0, HWDT_MOVED},
		{{30}, 4, false, false, false, 0, HWDT_STALE},
		{{30}, UINT64_C(1) << 32, false, false, false, 0, HWDT_MOVED},
		{{20}, 5, true, true, false, 0, HWDT_SAME},
		{{20}, 5, true, false, false, 0, HWDT_STALE},
		{{20}, 6, true, false, false, 0, HWDT_ADDED},
		{{10}, 6, true, false, false, 0, HWDT_ADDED},
		{{10}, 5, true, false, false, 0, HWDT_STALE},
		{{10}, 6, true, true, false, 0, HWDT_ADDED},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		struct hwdt *t = hwdt_create(4, &KEY);
		struct binding first = binding_of(1, B, 5);
		struct binding b = binding_of(1, rows[i].vr, rows[i].mobility);
		const struct hwdt_entry *e;
		struct hwdt_entry before;

		first.withdrawn = rows[i].there_withdrawn;
		b.withdrawn = rows[i].withdrawn;
		b.kind = rows[i].kind;
		if (rows[i].other_mac)
			b.mac = mac_of(99);
		assert_int_equal(hwdt_put(t, &first, 100, &before), HWDT_ADDED);
		assert_true(vr_id_is_none(before.b.vr));
		assert_int_equal(hwdt_put(t, &b, 200, &before), rows[i].fate);
		assert_int_equal(before.b.vr.v, 20);
		assert_int_equal(before.b.mobility, 5);
		assert_int_equal(before.heard, 100);
		e = hwdt_find(t, 7, ip_of(1));
		assert_non_null(e);
		assert_int_equal(e->heard, rows[i].fate == HWDT_STALE ? 100 : 200);
		assert_int_equal(e->b.mobility, rows[i].fate == HWDT_STALE ? 5 : b.mobility);
		assert_int_equal(e->moved, vr_id_equal(e->b.vr, B) ? 0 : 200);
		assert_int_equal(hwdt_stats(t).stale, rows[i].fate == HWDT_STALE);
		assert_int_equal(hwdt_stats(t).count, 1);
		hwdt_destroy(t);
	}
	hwdt_destroy(NULL);
}

static void
record_is_found_by_address_and_by_mac(void **state)
{
	struct hwdt *t = hwdt_create(16, &KEY);
	const struct hwdt_entry *found[2] = {NULL, NULL};
	struct binding b = binding_of(1, A, 1);
	struct binding other = binding_of(1, A, 1);
	const uint8_t six[16] = {10, 0, 0, 1};

	(void)state;
	assert_null(hwdt_find(t, 7, ip_of(1)));
	assert_int_equal(hwdt_find_mac(t, 7, b.mac, found, 2), 0);
	assert_int_equal(hwdt_put(t, &b, 1, NULL), HWDT_ADDED);
	b.ip = addr_make(ADDR_V6, six);
	assert_int_equal(hwdt_put(t, &b, 1, NULL), HWDT_ADDED);
	b.ip = ip_of(2);
	assert_int_equal(hwdt_put(t, &b, 1, NULL), HWDT_ADDED);
	other.vn = 8;
	assert_int_equal(hwdt_put(t, &other, 1, NULL), HWDT_ADDED);
	assert_true(mac_equal(hwdt_find(t, 7, ip_of(1))->b.mac, b.mac));
	assert_null(hwdt_find(t, 9, ip_of(1)));
	assert_int_equal(hwdt_find_mac(t, 7, b.mac, found, 2), 3);
	assert_ptr_not_equal(found[0], found[1]);
	assert_int_equal(hwdt_find_mac(t, 7, b.mac, NULL, 0), 3);
	assert_int_equal(hwdt_find_mac(t, 8, b.mac, found, 2), 1);
	assert_ptr_equal(found[0], hwdt_find(t, 8, ip_of(1)));
	hwdt_remove(t, 7, ip_of(1));
	hwdt_remove(t, 7, ip_of(1));
	assert_null(hwdt_find(t, 7, ip_of(1)));
	assert_int_equal(hwdt_find_mac(t, 7, b.mac, found, 2), 2);
	assert_int_equal(hwdt_stats(t).count, 3);
	hwdt_destroy(t);
}

static void
changed_mac_is_found_under_the_new_one_only(void **state)
{
	struct hwdt *t = hwdt_create(16, &KEY);
	const struct hwdt_entry *found;
	struct binding b = binding_of(1, A, 1);

	(void)state;
	assert_int_equal(hwdt_put(t, &b, 1, NULL), HWDT_ADDED);
	b.mac = mac_of(2);
	b.mobility = 2;
	assert_int_equal(hwdt_put(t, &b, 1, NULL), HWDT_UPDATED);
	assert_int_equal(hwdt_find_mac(t, 7, mac_of(1), &found, 1), 0);
	assert_int_equal(hwdt_find_mac(t, 7, mac_of(2), &found, 1), 1);
	assert_true(addr_equal(found->b.ip, ip_of(1)));
	hwdt_destroy(t);
}

static void
earlier_owners_are_kept_newest_first_without_repeats(void **state)
{
	static const struct {
		uint64_t owner;
		uint64_t previous[HWDT_PREVIOUS];
	} steps[] = {
		{10, {0, 0, 0, 0}},     {20, {10, 0, 0, 0}},    {10, {20, 0, 0, 0}},
		{10, {20, 0, 0, 0}},    {30, {10, 20, 0, 0}},   {40, {30, 10, 20, 0}},
		{50, {40, 30, 10, 20}}, {60, {50, 40, 30, 10}}, {30, {60, 50, 40, 10}},
	};
	struct hwdt *t = hwdt_create(4, &KEY);
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(steps); i++) {
		struct vr_id vr = {steps[i].owner};
		const struct hwdt_entry *e;

		assert_int_not_equal(put_record(t, 1, vr, i + 1, (us_t)i + 1), HWDT_STALE);
		e = hwdt_find(t, 7, ip_of(1));
		for (k = 0; k < HWDT_PREVIOUS; k++)
			assert_int_equal(e->previous[k].v, steps[i].previous[k]);
	}
	hwdt_destroy(t);
}

static void
withdrawn_record_counts_in_no_digest(void **state)
{
	struct hwdt *t = hwdt_create(4, &KEY);
	struct binding b = binding_of(1, A, 2);
	struct hwdt_digest d;

	(void)state;
	assert_int_equal(put_record(t, 2, A, 1, 1), HWDT_ADDED);
	d = hwdt_digest(t, 7, A);
	assert_int_equal(put_record(t, 1, A, 1, 1), HWDT_ADDED);
	assert_int_equal(hwdt_digest(t, 7, A).count, 2);
	b.withdrawn = true;
	assert_int_equal(hwdt_put(t, &b, 2, NULL), HWDT_UPDATED);
	assert_true(digest_equal(hwdt_digest(t, 7, A), d));
	assert_true(hwdt_find(t, 7, ip_of(1))->b.withdrawn);
	hwdt_remove(t, 7, ip_of(1));
	assert_true(digest_equal(hwdt_digest(t, 7, A), d));
	hwdt_remove(t, 7, ip_of(2));
	d = hwdt_digest(t, 7, A);
	assert_int_equal(d.count, 0);
	assert_int_equal(d.sum, 0);
	hwdt_destroy(t);
}

static void
digest_covers_what_routers_must_agree_on(void **state)
{
	struct binding variants[5];
	struct hwdt_digest seen[5];
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(variants); i++)
		variants[i] = binding_of(1, A, 1);
	variants[1].ip = ip_of(2);
	variants[2].mac = mac_of(2);
	variants[3].mobility = 2;
	variants[4].kind = BINDING_GATEWAY;
	for (i = 0; i < ARRAY_COUNT(variants); i++) {
		struct hwdt *t = hwdt_create(4, &KEY);

		assert_int_equal(hwdt_put(t, &variants[i], 1, NULL), HWDT_ADDED);
		seen[i] = hwdt_digest(t, 7, A);
		for (k = 0; k < i; k++)
			assert_int_not_equal(seen[i].sum, seen[k].sum);
		hwdt_destroy(t);
	}
}

/* Routers of different versions compare digests: a change of this value is a change of the protocol. */
static void
digest_of_a_known_record_is_the_documented_one(void **state)
{
	struct hwdt *t = hwdt_create(4, &OTHER_KEY);
	struct binding b = binding_of(0x010203, A, UINT64_C(0x0000000200000005));

	(void)state;
	b.kind = BINDING_GATEWAY;
	assert_int_equal(hwdt_put(t, &b, 1, NULL), HWDT_ADDED);
	assert_int_equal(hwdt_digest(t, 7, A).count, 1);
	assert_int_equal(hwdt_digest(t, 7, A).sum, UINT64_C(0x7421a5b09db917b0));
	hwdt_destroy(t);
}

static void
walk_survives_removal_of_what_it_returned(void **state)
{
	struct hwdt *t = hwdt_create(100, &KEY);
	const struct hwdt_entry *e;
	size_t position = 0;
	size_t seen = 0;
	uint32_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(put_record(t, i, A, 1, 1), HWDT_ADDED);
	while ((e = hwdt_next(t, &position)) != NULL) {
		seen++;
		if (e->b.ip.b[3] % 3 != 0)
			hwdt_remove(t, e->b.vn, e->b.ip);
	}
	assert_int_equal(seen, 100);
	for (position = 0, seen = 0; (e = hwdt_next(t, &position)) != NULL; seen++)
		assert_int_equal(e->b.ip.b[3] % 3, 0);
	assert_int_equal(seen, 34);
	assert_null(hwdt_next(t, &position));
	hwdt_destroy(t);
}

static void
heard_is_renewed_and_never_goes_back(void **state)
{
	struct hwdt *t = hwdt_create(4, &KEY);

	(void)state;
	assert_int_equal(put_record(t, 1, A, 1, 100), HWDT_ADDED);
	hwdt_heard(t, 7, ip_of(1), 200);
	assert_int_equal(hwdt_find(t, 7, ip_of(1))->heard, 200);
	hwdt_heard(t, 7, ip_of(1), 150);
	assert_int_equal(hwdt_find(t, 7, ip_of(1))->heard, 200);
	assert_int_equal(put_record(t, 1, A, 1, 120), HWDT_SAME);
	assert_int_equal(put_record(t, 1, A, 2, 130), HWDT_UPDATED);
	assert_int_equal(hwdt_find(t, 7, ip_of(1))->heard, 200);
	hwdt_heard(t, 7, ip_of(2), 300);
	assert_null(hwdt_find(t, 7, ip_of(2)));
	hwdt_destroy(t);
}

static void
move_needs_no_room(void **state)
{
	struct hwdt *t = hwdt_create(3, &KEY);
	uint32_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(put_record(t, i, A, 1, 1), HWDT_ADDED);
	for (i = 0; i < 3; i++) {
		assert_int_equal(put_record(t, i, (struct vr_id){50 + i}, 2, 2), HWDT_MOVED);
		assert_null(hwdt_evicted(t));
	}
	assert_int_equal(hwdt_digest(t, 7, A).count, 0);
	assert_int_equal(hwdt_digest(t, 7, (struct vr_id){51}).count, 1);
	assert_int_equal(hwdt_stats(t).count, 3);
	hwdt_destroy(t);
}

static void
what_is_put_may_be_a_record_of_the_table(void **state)
{
	struct hwdt *t = hwdt_create(2, &KEY);
	const struct hwdt_entry *e;

	(void)state;
	assert_int_equal(put_record(t, 1, A, 1, 1), HWDT_ADDED);
	e = hwdt_find(t, 7, ip_of(1));
	assert_int_equal(hwdt_put(t, &e->b, 5, NULL), HWDT_SAME);
	assert_int_equal(hwdt_find(t, 7, ip_of(1))->heard, 5);
	hwdt_destroy(t);
}

static void
table_of_no_size_is_always_full(void **state)
{
	struct hwdt *t = hwdt_create(0, &KEY);
	size_t position = 0;

	(void)state;
	assert_int_equal(put_record(t, 1, A, 1, 1), HWDT_FULL);
	assert_null(hwdt_find(t, 7, ip_of(1)));
	assert_null(hwdt_next(t, &position));
	assert_int_equal(hwdt_stats(t).refused_full, 1);
	hwdt_destroy(t);
}

static void
short_memory_makes_no_table_and_no_put_needs_any(void **state)
{
	struct hwdt *t = NULL;
	size_t allowed;
	uint32_t i;

	(void)state;
	for (allowed = 0; t == NULL; allowed++) {
		memory_allow(allowed);
		t = hwdt_create(100, &KEY);
	}
	assert_int_equal(allowed, 11);
	memory_allow(0);
	for (i = 0; i < 100; i++)
		assert_int_equal(put_record(t, i, (struct vr_id){i + 1}, 1, 1), HWDT_ADDED);
	memory_allow(MEMORY_ALL);
	assert_null(hwdt_create(SIZE_MAX, &KEY));
	hwdt_destroy(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fates_follow_the_update_rule),
		cmocka_unit_test(record_is_found_by_address_and_by_mac),
		cmocka_unit_test(changed_mac_is_found_under_the_new_one_only),
		cmocka_unit_test(earlier_owners_are_kept_newest_first_without_repeats),
		cmocka_unit_test(withdrawn_record_counts_in_no_digest),
		cmocka_unit_test(digest_covers_what_routers_must_agree_on),
		cmocka_unit_test(digest_of_a_known_record_is_the_documented_one),
		cmocka_unit_test(walk_survives_removal_of_what_it_returned),
		cmocka_unit_test(heard_is_renewed_and_never_goes_back),
		cmocka_unit_test(move_needs_no_room),
		cmocka_unit_test(what_is_put_may_be_a_record_of_the_table),
		cmocka_unit_test(table_of_no_size_is_always_full),
		cmocka_unit_test(short_memory_makes_no_table_and_no_put_needs_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
