/* GNDT: the longest prefix is found, compared with a plain list over long random sequences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/table_memory.h"
#include "tests/unit/table_arena.h"

#include "tables/gndt.c"
#include "tables/lpm.c"
#include "tables/retire.c"
#include "tables/tb.c"
#include "tables/tb_find.c"
#include "tables/tb_top.c"
#include "tables/tb_walk.c"

static const struct hash_key KEY = {11, 22};

static struct addr
v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	const uint8_t bytes[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};

	return addr_make(ADDR_V4, bytes);
}

static struct gndt_route
route(struct addr a, unsigned len, uint32_t slot)
{
	return (struct gndt_route){.prefix = prefix_make(a, len),
				   .vr = {slot + 1000},
				   .slot = slot,
				   .origin = GNDT_FIXED};
}

static void
put(struct gndt *g, vn_id_t vn, struct addr a, unsigned len, uint32_t slot)
{
	struct gndt_route r = route(a, len, slot);

	assert_int_equal(gndt_put(g, vn, &r), 0);
}

static void
longest_prefix_wins(void **state)
{
	struct gndt *g = gndt_create(&KEY);

	(void)state;
	assert_null(gndt_find(g, 7, v4(10, 0, 0, 1)));
	put(g, 7, v4(0, 0, 0, 0), 0, 1);
	put(g, 7, v4(10, 0, 0, 0), 8, 2);
	put(g, 7, v4(10, 1, 0, 0), 16, 3);
	put(g, 7, v4(10, 1, 2, 3), 32, 4);
	put(g, 7, v4(10, 1, 2, 2), 31, GNDT_LOCAL);
	assert_int_equal(gndt_find(g, 7, v4(9, 9, 9, 9))->slot, 1);
	assert_int_equal(gndt_find(g, 7, v4(10, 9, 9, 9))->slot, 2);
	assert_int_equal(gndt_find(g, 7, v4(10, 1, 9, 9))->slot, 3);
	assert_int_equal(gndt_find(g, 7, v4(10, 1, 2, 3))->slot, 4);
	assert_int_equal(gndt_find(g, 7, v4(10, 1, 2, 2))->slot, GNDT_LOCAL);
	assert_int_equal(gndt_count(g), 5);
	gndt_remove(g, 7, prefix_host(v4(10, 1, 2, 3)));
	assert_int_equal(gndt_find(g, 7, v4(10, 1, 2, 3))->slot, GNDT_LOCAL);
	gndt_destroy(g);
	gndt_destroy(NULL);
}

static void
vns_and_families_are_apart(void **state)
{
	const uint8_t mapped[16] = {10, 0, 0, 1};
	struct gndt *g = gndt_create(&KEY);
	struct addr six = addr_make(ADDR_V6, mapped);

	(void)state;
	put(g, 7, v4(0, 0, 0, 0), 0, 1);
	put(g, 8, v4(10, 0, 0, 1), 32, 2);
	assert_int_equal(gndt_find(g, 7, v4(10, 0, 0, 1))->slot, 1);
	assert_int_equal(gndt_find(g, 8, v4(10, 0, 0, 1))->slot, 2);
	assert_null(gndt_find(g, 8, v4(10, 0, 0, 2)));
	assert_null(gndt_find(g, 9, v4(10, 0, 0, 1)));
	assert_null(gndt_find(g, 7, six));
	assert_null(gndt_find(g, 8, six));
	assert_null(gndt_find(g, 7, (struct addr){0}));
	put(g, 7, six, 32, 3);
	assert_int_equal(gndt_find(g, 7, six)->slot, 3);
	assert_int_equal(gndt_find(g, 7, v4(10, 0, 0, 1))->slot, 1);
	put(g, VN_ID_MAX, v4(10, 0, 0, 0), 8, 4);
	assert_int_equal(gndt_find(g, VN_ID_MAX, v4(10, 9, 9, 9))->slot, 4);
	gndt_destroy(g);
}

static void
exact_prefix_is_not_mistaken_for_another(void **state)
{
	struct gndt *g = gndt_create(&KEY);

	(void)state;
	put(g, 7, v4(10, 0, 0, 0), 8, 1);
	put(g, 7, v4(10, 128, 0, 0), 9, 2);
	put(g, 7, v4(10, 0, 0, 0), 9, 3);
	assert_int_equal(gndt_find_exact(g, 7, prefix_make(v4(10, 0, 0, 0), 8))->slot, 1);
	assert_int_equal(gndt_find_exact(g, 7, prefix_make(v4(10, 0, 0, 0), 9))->slot, 3);
	assert_null(gndt_find_exact(g, 7, prefix_make(v4(10, 0, 0, 0), 10)));
	assert_null(gndt_find_exact(g, 7, prefix_make(v4(10, 0, 0, 0), 7)));
	assert_null(gndt_find_exact(g, 7, prefix_host(v4(10, 0, 0, 0))));
	gndt_remove(g, 7, prefix_make(v4(10, 0, 0, 0), 8));
	assert_null(gndt_find_exact(g, 7, prefix_make(v4(10, 0, 0, 0), 8)));
	assert_int_equal(gndt_find(g, 7, v4(10, 0, 0, 1))->slot, 3);
	gndt_destroy(g);
}

/* The plain list that the table is compared with. */
struct plain {
	vn_id_t vn;
	struct gndt_route route;
};

struct model {
	struct plain list[600];
	size_t count;
};

static struct plain *
model_exact(struct model *m, vn_id_t vn, struct prefix p)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->list[i].vn == vn && prefix_equal(m->list[i].route.prefix, p))
			return &m->list[i];
	return NULL;
}

static const struct gndt_route *
model_find(const struct model *m, vn_id_t vn, struct addr a)
{
	const struct gndt_route *best = NULL;
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct plain *p = &m->list[i];

		if (p->vn == vn && prefix_contains(p->route.prefix, a) &&
		    (best == NULL || p->route.prefix.len > best->prefix.len))
			best = &p->route;
	}
	return best;
}

static void
model_put(struct model *m, vn_id_t vn, const struct gndt_route *r)
{
	struct plain *p = model_exact(m, vn, r->prefix);

	if (p == NULL)
		p = &m->list[m->count++];
	*p = (struct plain){.vn = vn, .route = *r};
}

static void
model_remove(struct model *m, vn_id_t vn, struct prefix prefix)
{
	struct plain *p = model_exact(m, vn, prefix);

	if (p != NULL)
		*p = m->list[--m->count];
}

/* Few values per byte, so that prefixes contain each other and addresses hit. */
static struct addr
random_addr(struct random *r)
{
	static const uint8_t values[] = {0, 1, 2, 0x80, 0xff, 0x7f};
	uint8_t family = random_below(r, 2) == 0 ? ADDR_V4 : ADDR_V6;
	uint8_t bytes[16];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = values[random_below(r, i < 2 ? 2 : ARRAY_COUNT(values))];
	if (family == ADDR_V6)
		memset(bytes + 2, 0, random_below(r, 13));
	return addr_make(family, bytes);
}

static struct prefix
random_prefix(struct random *r)
{
	struct addr a = random_addr(r);
	size_t width = addr_size(a.family) * 8;

	return random_below(r, 3) == 0 ? prefix_host(a)
				       : prefix_make(a, (unsigned)random_below(r, width + 1));
}

static vn_id_t
random_vn(struct random *r)
{
	static const vn_id_t vns[] = {0, 7, 8, VN_ID_MAX};

	return vns[random_below(r, ARRAY_COUNT(vns))];
}

static bool
route_equal(const struct gndt_route *a, const struct gndt_route *b)
{
	return prefix_equal(a->prefix, b->prefix) && vr_id_equal(a->vr, b->vr) &&
	       a->slot == b->slot && a->origin == b->origin;
}

static void
assert_leads(const struct gndt_target *found, const struct gndt_route *expected)
{
	assert_int_equal(found == NULL, expected == NULL);
	if (found == NULL)
		return;
	assert_true(vr_id_equal(found->vr, expected->vr));
	assert_int_equal(found->slot, expected->slot);
	assert_int_equal(found->origin, expected->origin);
}

static int
compare_prefixes(vn_id_t vn_a, struct prefix a, vn_id_t vn_b, struct prefix b)
{
	int order;

	if (vn_a != vn_b)
		return vn_a < vn_b ? -1 : 1;
	if (a.addr.family != b.addr.family)
		return a.addr.family < b.addr.family ? -1 : 1;
	order = memcmp(a.addr.b, b.addr.b, sizeof(a.addr.b));
	return order != 0 ? order : (int)a.len - (int)b.len;
}

/* The smallest one behind this prefix. */
static const struct plain *
model_after(const struct model *m, vn_id_t vn, struct prefix after)
{
	const struct plain *best = NULL;
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct plain *p = &m->list[i];

		if (compare_prefixes(p->vn, p->route.prefix, vn, after) > 0 &&
		    (best == NULL ||
		     compare_prefixes(p->vn, p->route.prefix, best->vn, best->route.prefix) < 0))
			best = p;
	}
	return best;
}

static void
check_walk(const struct gndt *g, struct model *m)
{
	struct gndt_route r;
	struct prefix last;
	size_t seen = 0;
	vn_id_t vn = 0, last_vn = 0;

	while (gndt_next(g, &vn, seen == 0 ? NULL : &last, &r)) {
		const struct plain *p = model_exact(m, vn, r.prefix);

		assert_non_null(p);
		assert_true(route_equal(&p->route, &r));
		if (seen != 0)
			assert_true(compare_prefixes(last_vn, last, vn, r.prefix) < 0);
		last_vn = vn;
		last = r.prefix;
		seen++;
	}
	assert_int_equal(seen, m->count);
}

static void
check_all(const struct gndt *g, struct model *m)
{
	size_t i;

	check_walk(g, m);
	for (i = 0; i < m->count; i++) {
		const struct plain *p = &m->list[i];

		assert_leads(gndt_find_exact(g, p->vn, p->route.prefix), &p->route);
		assert_leads(gndt_find(g, p->vn, p->route.prefix.addr),
			     model_find(m, p->vn, p->route.prefix.addr));
	}
}

static void
check_find(const struct gndt *g, const struct model *m, vn_id_t vn, struct addr a)
{
	const struct gndt_route *expected = model_find(m, vn, a);
	const struct gndt_target *target;
	struct gndt_route found;

	assert_leads(gndt_find(g, vn, a), expected);
	gndt_find_batch(g, vn, &a, 1, &target);
	assert_leads(target, expected);
	assert_int_equal(gndt_find_route(g, vn, a, &found), expected != NULL);
	if (expected != NULL)
		assert_true(route_equal(&found, expected));
}

/* Goes on behind a prefix that may be there or not. */
static void
check_next(const struct gndt *g, const struct model *m, vn_id_t vn, struct prefix after)
{
	const struct plain *expected = model_after(m, vn, after);
	struct gndt_route found;

	assert_int_equal(gndt_next(g, &vn, &after, &found), expected != NULL);
	if (expected == NULL)
		return;
	assert_true(route_equal(&found, &expected->route));
	assert_int_equal(vn, expected->vn);
}

static void
long_random_sequences_agree_with_a_plain_list(void **state)
{
	static struct model m;
	struct random r = random_start("long_random_sequences_agree_with_a_plain_list");
	struct gndt *g = gndt_create(&KEY);
	size_t step;

	(void)state;
	m.count = 0;
	for (step = 0; step < 60000; step++) {
		/* The table fills and empties in turns. */
		bool filling = (step / 3000) % 2 == 0;
		vn_id_t vn = random_vn(&r);
		struct gndt_route put_route = {.prefix = random_prefix(&r),
					       .vr = {random_below(&r, 5)},
					       .slot = (uint32_t)random_below(&r, 5),
					       .origin = (uint8_t)random_below(&r, 3)};
		struct addr a = random_addr(&r);

		if (m.count < ARRAY_COUNT(m.list) && random_below(&r, 4) < (filling ? 3 : 1)) {
			assert_int_equal(gndt_put(g, vn, &put_route), 0);
			model_put(&m, vn, &put_route);
		} else if (m.count > 0 && random_below(&r, 4) != 0) {
			struct plain p = m.list[random_below(&r, m.count)];

			gndt_remove(g, p.vn, p.route.prefix);
			model_remove(&m, p.vn, p.route.prefix);
		} else {
			gndt_remove(g, vn, put_route.prefix);
			model_remove(&m, vn, put_route.prefix);
		}
		assert_int_equal(gndt_count(g), m.count);
		check_find(g, &m, vn, a);
		check_next(g, &m, vn, put_route.prefix);
		if (step % 1000 == 999)
			check_all(g, &m);
	}
	while (m.count > 0) {
		struct plain p = m.list[random_below(&r, m.count)];

		gndt_remove(g, p.vn, p.route.prefix);
		model_remove(&m, p.vn, p.route.prefix);
	}
	assert_int_equal(gndt_count(g), 0);
	assert_int_equal(g->lpm.vns.root, 0);
	assert_int_equal(g->items, 0);
	gndt_destroy(g);
}

static struct addr
host_number(uint32_t i)
{
	return v4(10, i >> 16, i >> 8, i);
}

static void
many_targets_are_shared_while_the_table_grows(void **state)
{
	const uint32_t count = 30000;
	struct gndt *g = gndt_create(&KEY);
	size_t longest = 0;
	uint32_t i;

	(void)state;
	put(g, 7, v4(10, 0, 0, 0), 8, UINT32_MAX - 1);
	for (i = 0; i < count; i++) {
		put(g, 7, host_number(i), 32, i / 2);
		assert_int_equal(gndt_find(g, 7, host_number(i))->slot, i / 2);
		assert_int_equal(gndt_find(g, 7, host_number(i / 2))->slot, i / 4);
	}
	assert_int_equal(g->items, count / 2 + 1);
	for (i = 0; i < g->round + g->split; i++) {
		const struct item *item = g->bucket[i];
		size_t chain = 0;

		for (; item != NULL; item = item->next)
			chain++;
		if (chain > longest)
			longest = chain;
	}
	assert_in_range(longest, 1, 20);
	for (i = 0; i < count; i += 2)
		gndt_remove(g, 7, prefix_host(host_number(i)));
	for (i = 0; i < count; i++)
		assert_int_equal(gndt_find(g, 7, host_number(i))->slot,
				 i % 2 == 0 ? UINT32_MAX - 1 : i / 2);
	assert_int_equal(g->items, count / 2 + 1);
	for (i = 1; i < count; i += 2)
		gndt_remove(g, 7, prefix_host(host_number(i)));
	assert_int_equal(g->items, 1);
	gndt_destroy(g);
}

/* With ever more allocations allowed, each failure must leave the table as it was. */
static void
short_memory_changes_nothing(void **state)
{
	static const unsigned lens[] = {24, 32, 7};
	struct gndt *g = gndt_create(&KEY);
	size_t i;

	(void)state;
	put(g, 7, v4(10, 1, 0, 0), 16, 1);
	put(g, 7, v4(10, 1, 0, 1), 32, 1);
	put(g, 7, v4(10, 1, 128, 0), 24, 2);
	for (i = 0; i < ARRAY_COUNT(lens); i++) {
		struct gndt_route r = route(v4(10, 1, 64, 9), lens[i], 3 + (uint32_t)i);
		size_t allowed = 0;

		for (;; allowed++) {
			int err;

			memory_allow(allowed);
			err = gndt_put(g, 7, &r);
			memory_allow(MEMORY_ALL);
			if (err == 0)
				break;
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(gndt_count(g), 3 + i);
			assert_int_equal(g->items, 2 + i);
			assert_null(gndt_find_exact(g, 7, r.prefix));
			assert_int_equal(gndt_find(g, 7, v4(10, 1, 128, 1))->slot, 2);
		}
		assert_true(allowed >= 1);
	}
	put(g, 7, v4(10, 1, 0, 2), 32, 1); /* the spare is there again */
	memory_allow(0);
	put(g, 7, v4(10, 1, 0, 1), 32, 9); /* replacing needs none */
	put(g, 7, v4(10, 1, 0, 2), 32, 9);
	assert_null(gndt_create(&KEY));
	memory_allow(1);
	assert_null(gndt_create(&KEY));
	memory_allow(2);
	assert_null(gndt_create(&KEY));
	memory_allow(MEMORY_ALL);
	assert_int_equal(gndt_find(g, 7, v4(10, 1, 0, 1))->slot, 9);
	assert_int_equal(gndt_find(g, 7, v4(10, 1, 0, 2))->slot, 9);
	gndt_destroy(g);
}

static void
target_hash_that_cannot_grow_still_works(void **state)
{
	struct gndt *g = gndt_create(&KEY);
	uint32_t i;

	(void)state;
	put(g, 7, v4(10, 0, 0, 0), 24, 500);
	for (i = 0; i < 500; i++) {
		struct gndt_route r = route(v4(10, 0, 0, 0), 24, i);

		memory_allow(0); /* no buckets, but a spare target */
		assert_int_equal(gndt_put(g, 7, &r), 0);
		memory_allow(MEMORY_ALL);
		put(g, 7, host_number(i + 1), 32, i);
	}
	assert_int_equal(g->room, BUCKETS_FIRST);
	for (i = 0; i < 500; i++)
		assert_int_equal(gndt_find(g, 7, host_number(i + 1))->slot, i);
	gndt_destroy(g);
}

/* As a reload does that ends without memory. */
static void
what_was_replaced_is_put_back_without_memory(void **state)
{
	struct gndt *g = gndt_create(&KEY);

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		put(g, 7, host_number(i), 32, i);
	for (uint32_t i = 0; i < 100; i++)
		put(g, 7, host_number(i), 32, 1000);
	assert_int_equal(g->items, 1);
	memory_allow(0);
	for (uint32_t i = 0; i < 100; i++)
		put(g, 7, host_number(i), 32, i);
	memory_allow(MEMORY_ALL);
	assert_int_equal(g->items, 100);
	for (uint32_t i = 0; i < 100; i++)
		gndt_remove(g, 7, prefix_host(host_number(i)));
	assert_in_range(g->spares, 0, 1);
	gndt_destroy(g);
}

/* What was found stays while the table changes, until it is reclaimed. */
static void
a_shared_table_keeps_what_was_found(void **state)
{
	struct gndt *g = gndt_create(&KEY);
	const struct gndt_target *found;
	uint64_t mark;

	(void)state;
	gndt_share(g);
	put(g, 7, v4(10, 1, 0, 0), 16, 1);
	found = gndt_find(g, 7, v4(10, 1, 2, 3));
	put(g, 7, v4(10, 1, 0, 0), 16, 2);
	gndt_remove(g, 7, prefix_make(v4(10, 1, 0, 0), 16));
	assert_int_equal(found->slot, 1);
	mark = gndt_mark(g);
	assert_true(mark >= 3); /* two targets and a leaf */
	gndt_reclaim(g, mark);
	gndt_destroy(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix_wins),
		cmocka_unit_test(vns_and_families_are_apart),
		cmocka_unit_test(exact_prefix_is_not_mistaken_for_another),
		cmocka_unit_test(long_random_sequences_agree_with_a_plain_list),
		cmocka_unit_test(many_targets_are_shared_while_the_table_grows),
		cmocka_unit_test(short_memory_changes_nothing),
		cmocka_unit_test(target_hash_that_cannot_grow_still_works),
		cmocka_unit_test(what_was_replaced_is_put_back_without_memory),
		cmocka_unit_test(a_shared_table_keeps_what_was_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
