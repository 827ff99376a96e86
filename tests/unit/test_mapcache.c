/* The map-cache: who is found, who goes, and which locator a flow takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fmt.h"
#include "tables/mapcache.h"

#define VN 7

static const struct hash_key key = {1, 2};

static struct addr
ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_from_text(text, &a), 0);
	return a;
}

static struct prefix
prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_from_text(text, &p), 0);
	return p;
}

/* With one locator per text: "192.0.2.1". */
static struct mapping
mapping(vn_id_t vn, const char *eids, const char *rloc, us_t ttl)
{
	struct mapping m = {.vn = vn, .prefix = prefix(eids), .ttl = ttl};

	if (rloc != NULL)
		m.locators[m.count++] =
			(struct map_locator){.rloc = ip(rloc), .priority = 1, .weight = 100};
	return m;
}

static void
the_longest_prefix_of_the_vn_is_found(void **state)
{
	struct mapcache *m = mapcache_create(16, &key);
	struct mapping wide = mapping(VN, "10.0.0.0/8", "192.0.2.1", US_S),
		       narrow = mapping(VN, "10.1.0.0/16", "192.0.2.2", US_S),
		       other = mapping(VN + 1, "10.1.2.0/24", "192.0.2.3", US_S),
		       six = mapping(VN, "2001:db8::/32", "192.0.2.4", US_S);

	(void)state;
	assert_int_equal(mapcache_put(m, &wide, 1), MAP_NEW);
	assert_int_equal(mapcache_put(m, &narrow, 1), MAP_NEW);
	assert_int_equal(mapcache_put(m, &other, 1), MAP_NEW);
	assert_int_equal(mapcache_put(m, &six, 1), MAP_NEW);
	assert_int_equal(mapcache_find(m, VN, ip("10.1.2.3"))->prefix.len, 16);
	assert_int_equal(mapcache_find(m, VN, ip("10.2.2.3"))->prefix.len, 8);
	assert_int_equal(mapcache_find(m, VN + 1, ip("10.1.2.3"))->prefix.len, 24);
	assert_null(mapcache_find(m, VN + 1, ip("10.2.2.3")));
	assert_int_equal(mapcache_find(m, VN, ip("2001:db8::1"))->prefix.len, 32);
	mapcache_remove(m, VN, narrow.prefix);
	mapcache_remove(m, VN, narrow.prefix);
	assert_int_equal(mapcache_find(m, VN, ip("10.1.2.3"))->prefix.len, 8);
	assert_int_equal(mapcache_count(m), 3);
	mapcache_destroy(m);
}

static void
a_renewed_mapping_keeps_what_was_measured(void **state)
{
	struct mapcache *m = mapcache_create(16, &key);
	struct mapping one = mapping(VN, "10.1.0.0/16", "192.0.2.1", 60 * US_S), *there;

	(void)state;
	assert_int_equal(mapcache_put(m, &one, 10), MAP_NEW);
	there = mapcache_find(m, VN, ip("10.1.0.1"));
	there->locators[0].rtt = 7;
	mapping_count(there, 0, 100, 20);
	assert_int_equal(mapcache_put(m, &one, 30), MAP_SAME);
	there = mapcache_find(m, VN, ip("10.1.0.1"));
	assert_int_equal(there->since, 10);
	assert_int_equal(there->changed, 10);
	assert_int_equal(there->expires, 30 + 60 * US_S);
	/* A second locator is a change, and the first one's measures stay. */
	one.locators[one.count++] = (struct map_locator){.rloc = ip("192.0.2.2"), .priority = 2};
	assert_int_equal(mapcache_put(m, &one, 40), MAP_CHANGED);
	there = mapcache_find(m, VN, ip("10.1.0.1"));
	assert_int_equal(there->since, 10);
	assert_int_equal(there->changed, 40);
	assert_int_equal(there->locators[0].rtt, 7);
	assert_int_equal(there->locators[0].bytes, 100);
	assert_int_equal(there->locators[1].bytes, 0);
	assert_int_equal(there->packets, 1);
	assert_int_equal(there->used, 20);
	/* So is another priority, and an action of a negative one. */
	one.locators[0].priority = 255;
	assert_int_equal(mapcache_put(m, &one, 50), MAP_CHANGED);
	one.count = 0;
	assert_int_equal(mapcache_put(m, &one, 60), MAP_CHANGED);
	one.action = 3;
	assert_int_equal(mapcache_put(m, &one, 70), MAP_CHANGED);
	assert_int_equal(mapcache_put(m, &one, 80), MAP_SAME);
	mapcache_destroy(m);
}

static void
a_fixed_mapping_is_not_overruled(void **state)
{
	struct mapcache *m = mapcache_create(16, &key);
	struct mapping fixed = mapping(VN, "10.1.0.0/16", "192.0.2.1", 1);
	struct mapping asked = mapping(VN, "10.1.0.0/16", "192.0.2.9", US_S);

	(void)state;
	fixed.source = MAP_FIXED;
	assert_int_equal(mapcache_put(m, &fixed, 1), MAP_NEW);
	assert_int_equal(mapcache_due(m), US_NEVER);
	assert_int_equal(mapcache_put(m, &asked, 2), MAP_REFUSED);
	assert_true(addr_equal(mapcache_find(m, VN, ip("10.1.0.1"))->locators[0].rloc,
			       ip("192.0.2.1")));
	fixed.locators[0].rloc = ip("192.0.2.2");
	assert_int_equal(mapcache_put(m, &fixed, 3), MAP_CHANGED);
	mapcache_destroy(m);
}

/* For a prefix one counts that contains all of it. */
static void
the_longest_around_a_prefix_is_found(void **state)
{
	struct mapcache *m = mapcache_create(16, &key);
	struct mapping wide = mapping(VN, "10.0.0.0/8", "192.0.2.1", US_S),
		       narrow = mapping(VN, "10.1.0.0/16", "192.0.2.2", US_S),
		       host = mapping(VN, "10.1.0.0/32", "192.0.2.3", US_S);

	(void)state;
	assert_int_equal(mapcache_put(m, &wide, 1), MAP_NEW);
	assert_int_equal(mapcache_put(m, &narrow, 1), MAP_NEW);
	assert_int_equal(mapcache_put(m, &host, 1), MAP_NEW);
	assert_int_equal(mapcache_find_around(m, VN, host.prefix)->prefix.len, 32);
	assert_int_equal(mapcache_find_around(m, VN, prefix("10.1.0.0/31"))->prefix.len, 16);
	assert_int_equal(mapcache_find_around(m, VN, prefix("10.1.0.0/16"))->prefix.len, 16);
	assert_int_equal(mapcache_find_around(m, VN, prefix("10.0.0.0/15"))->prefix.len, 8);
	assert_null(mapcache_find_around(m, VN, prefix("10.0.0.0/7")));
	assert_null(mapcache_find_around(m, VN + 1, prefix("10.1.0.0/16")));
	assert_null(mapcache_find_around(m, VN, prefix("2001:db8::/32")));
	mapcache_destroy(m);
}

/* One that is renewed is due again and again; its nonces only grow. */
static void
a_mapping_can_be_renewed_before_its_end(void **state)
{
	struct mapcache *m = mapcache_create(16, &key);
	struct mapping one = mapping(VN, "10.1.0.0/16", "192.0.2.1", 1000 * US_S), *e;
	us_t now = 0;

	(void)state;
	one.renew = 300 * US_S;
	one.notice = 7;
	one.floor = 5;
	assert_int_equal(mapcache_put(m, &one, now), MAP_NEW);
	for (unsigned i = 0; i < 4; i++) {
		static const us_t dues[] = {300, 600, 900, 940};

		assert_int_equal(mapcache_due(m), dues[i] * US_S);
		now = mapcache_due(m);
		e = mapcache_pending(m, now);
		assert_non_null(e);
		e->doubted = true;
		mapcache_refreshed(m, e, now);
	}
	assert_int_equal(mapcache_due(m), 1000 * US_S);
	one.notice = one.floor = 0;
	assert_int_equal(mapcache_put(m, &one, now), MAP_SAME);
	e = mapcache_find_exact(m, VN, one.prefix);
	assert_int_equal(e->notice, 7);
	assert_int_equal(e->floor, 5);
	assert_false(e->doubted);
	assert_int_equal(mapcache_due(m), now + 300 * US_S);
	mapcache_destroy(m);
}

/* In whatever order they come and are renewed, they end in the order of their ends. */
static void
mappings_end_in_time(void **state)
{
	struct mapcache *m = mapcache_create(256, &key);
	us_t last = 0;
	unsigned seed = 4711, ended = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		char text[32];
		struct mapping one;

		seed = seed * 1103515245 + 12345;
		snprintf(text, sizeof(text), "10.1.%u.0/24", seed >> 16 & 255);
		one = mapping(VN, text, "192.0.2.1", 1 + (us_t)(seed >> 8 & 0xffff));
		assert_int_not_equal(mapcache_put(m, &one, 100), MAP_REFUSED);
		if (i % 10 == 9)
			mapcache_remove(m, VN, one.prefix);
	}
	assert_null(mapcache_pending(m, 90));
	for (struct mapping *e; (e = mapcache_pending(m, US_S)) != NULL;) {
		us_t due = e->refresh < e->expires ? e->refresh : e->expires;

		assert_true(due >= last);
		assert_int_equal(due, mapcache_due(m));
		last = due;
		if (e->refresh != US_NEVER) {
			mapcache_refreshed(m, e, e->refresh);
			continue;
		}
		mapcache_remove(m, e->vn, e->prefix);
		ended++;
	}
	assert_int_equal(mapcache_count(m), 0);
	assert_int_equal(mapcache_due(m), US_NEVER);
	assert_in_range(ended, 100, 256);
	mapcache_destroy(m);
}

static void
a_full_cache_drops_what_the_largest_vn_has_not_used(void **state)
{
	struct mapcache *m = mapcache_create(8, &key);
	struct mapping one, gone;

	(void)state;
	one = mapping(VN + 1, "10.9.0.0/16", "192.0.2.1", US_S);
	assert_int_equal(mapcache_put(m, &one, 1), MAP_NEW);
	for (unsigned i = 0; i < 7; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.0.0/16", i);
		one = mapping(VN, text, "192.0.2.1", US_S);
		assert_int_equal(mapcache_put(m, &one, 1), MAP_NEW);
		assert_false(mapcache_evicted(m, &gone));
	}
	/* The oldest is in use: the second goes; the small VN keeps its own. */
	mapping_count(mapcache_find(m, VN, ip("10.0.0.1")), 0, 1, 2);
	one = mapping(VN, "10.77.0.0/16", "192.0.2.1", US_S);
	assert_int_equal(mapcache_put(m, &one, 3), MAP_NEW);
	assert_true(mapcache_evicted(m, &gone));
	assert_true(prefix_equal(gone.prefix, prefix("10.1.0.0/16")));
	assert_null(mapcache_find(m, VN, ip("10.1.0.1")));
	assert_non_null(mapcache_find(m, VN, ip("10.0.0.1")));
	assert_non_null(mapcache_find(m, VN + 1, ip("10.9.0.1")));
	/* A newcomer to the small VN takes from the large one too. */
	one = mapping(VN + 1, "10.8.0.0/16", "192.0.2.1", US_S);
	assert_int_equal(mapcache_put(m, &one, 4), MAP_NEW);
	assert_true(mapcache_evicted(m, &gone));
	assert_int_equal(gone.vn, VN);
	assert_int_equal(mapcache_count(m), 8);
	mapcache_destroy(m);
}

static void
fixed_mappings_leave_no_room(void **state)
{
	struct mapcache *m = mapcache_create(2, &key);
	struct mapping one = mapping(VN, "10.1.0.0/16", "192.0.2.1", US_S);

	(void)state;
	one.source = MAP_FIXED;
	assert_int_equal(mapcache_put(m, &one, 1), MAP_NEW);
	one.prefix = prefix("10.2.0.0/16");
	assert_int_equal(mapcache_put(m, &one, 1), MAP_NEW);
	one.prefix = prefix("10.3.0.0/16");
	assert_int_equal(mapcache_put(m, &one, 1), MAP_REFUSED);
	assert_int_equal(mapcache_count(m), 2);
	mapcache_destroy(m);
}

static void
a_walk_survives_removal(void **state)
{
	struct mapcache *m = mapcache_create(16, &key);
	size_t position = 0, seen = 0;
	struct mapping *one;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		char text[32];
		struct mapping new;

		snprintf(text, sizeof(text), "10.%u.0.0/16", i);
		new = mapping(VN, text, NULL, US_S);
		assert_int_equal(mapcache_put(m, &new, 1), MAP_NEW);
	}
	while ((one = mapcache_next(m, &position)) != NULL) {
		seen++;
		mapcache_remove(m, one->vn, one->prefix);
	}
	assert_int_equal(seen, 10);
	assert_int_equal(mapcache_count(m), 0);
	mapcache_destroy(m);
}

/* RFC 9301 section 5.4. */
static void
flows_follow_priority_and_weight(void **state)
{
	struct mapping m = {.count = 4,
			    .locators = {{.priority = 1, .weight = 75},
					 {.priority = 1, .weight = 25},
					 {.priority = 2, .weight = 100},
					 {.priority = 255, .weight = 100}}};
	unsigned hits[4] = {0};

	(void)state;
	for (uint32_t flow = 0; flow < 1000; flow++)
		hits[mapping_choose(&m, flow)]++;
	assert_int_equal(hits[0], 750);
	assert_int_equal(hits[1], 250);
	/* The rest of the best share it; then the next priority; never 255. */
	m.locators[0].silent = true;
	assert_int_equal(mapping_choose(&m, 5), 1);
	m.locators[1].not_reachable = true;
	assert_int_equal(mapping_choose(&m, 5), 2);
	m.locators[2].silent = true;
	assert_int_equal(mapping_choose(&m, 5), -1);
	/* Weights of 0 share equally. */
	m = (struct mapping){.count = 2, .locators = {{.priority = 1}, {.priority = 1}}};
	memset(hits, 0, sizeof(hits));
	for (uint32_t flow = 0; flow < 1000; flow++)
		hits[mapping_choose(&m, flow)]++;
	assert_int_equal(hits[0], 500);
	/* One of weight 0 beside others gets nothing. */
	m.locators[1].weight = 1;
	for (uint32_t flow = 0; flow < 10; flow++)
		assert_int_equal(mapping_choose(&m, flow), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_of_the_vn_is_found),
		cmocka_unit_test(a_renewed_mapping_keeps_what_was_measured),
		cmocka_unit_test(a_fixed_mapping_is_not_overruled),
		cmocka_unit_test(the_longest_around_a_prefix_is_found),
		cmocka_unit_test(a_mapping_can_be_renewed_before_its_end),
		cmocka_unit_test(mappings_end_in_time),
		cmocka_unit_test(a_full_cache_drops_what_the_largest_vn_has_not_used),
		cmocka_unit_test(fixed_mappings_leave_no_room),
		cmocka_unit_test(a_walk_survives_removal),
		cmocka_unit_test(flows_follow_priority_and_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
