/* LNDT: who is at home where, what may move, and who may claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/table_memory.h"
#include "tests/unit/table_arena.h"

#include "tables/lndt.c"
#include "tables/lpm.c"
#include "tables/retire.c"
#include "tables/tb.c"
#include "tables/tb_find.c"
#include "tables/tb_top.c"
#include "tables/tb_walk.c"

static const struct vr_id SELF = {100};
static const struct vr_id B = {200};
static const struct vr_id C = {50};
static const struct vr_id D = {300};

static struct addr
v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	const uint8_t bytes[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};

	return addr_make(ADDR_V4, bytes);
}

static struct addr
v6(uint8_t first, uint8_t last)
{
	const uint8_t bytes[16] = {[0] = first, [15] = last};

	return addr_make(ADDR_V6, bytes);
}

static void
put_fixed(struct lndt *t, vn_id_t vn, struct addr a, unsigned len, struct vr_id vr)
{
	assert_int_equal(lndt_put_fixed(t, vn, prefix_make(a, len), vr), 0);
}

static void
put_mobile(struct lndt *t, struct addr a, unsigned len, const struct vr_id *hosts, size_t count)
{
	assert_int_equal(lndt_put_mobile(t, 7, prefix_make(a, len), hosts, count), 0);
}

static void
empty_table_knows_nothing_and_allows_nothing(void **state)
{
	struct lndt *t = lndt_create(SELF);
	struct lndt_row row;

	(void)state;
	assert_true(vr_id_is_none(lndt_home(t, 7, v4(10, 0, 0, 1))));
	assert_false(lndt_is_mobile(t, 7, v4(10, 0, 0, 1)));
	assert_false(lndt_is_local(t, 7, v4(10, 0, 0, 1)));
	assert_false(lndt_may_host(t, 7, v4(10, 0, 0, 1), SELF));
	assert_false(lndt_row(t, 0, &row));
	lndt_destroy(t);
	lndt_destroy(NULL);
}

static void
longest_fixed_prefix_is_the_home(void **state)
{
	struct lndt *t = lndt_create(SELF);

	(void)state;
	put_fixed(t, 7, v4(10, 0, 0, 0), 8, B);
	put_fixed(t, 7, v4(10, 1, 0, 0), 16, SELF);
	put_fixed(t, 7, v4(10, 1, 2, 3), 32, C);
	put_fixed(t, 7, v6(0x20, 0), 16, D);
	assert_int_equal(lndt_home(t, 7, v4(10, 2, 0, 1)).v, B.v);
	assert_int_equal(lndt_home(t, 7, v4(10, 1, 0, 1)).v, SELF.v);
	assert_int_equal(lndt_home(t, 7, v4(10, 1, 2, 3)).v, C.v);
	assert_int_equal(lndt_home(t, 7, v6(0x20, 9)).v, D.v);
	assert_true(vr_id_is_none(lndt_home(t, 7, v4(11, 0, 0, 1))));
	assert_true(vr_id_is_none(lndt_home(t, 7, v6(0x21, 9))));
	assert_true(lndt_is_local(t, 7, v4(10, 1, 0, 1)));
	assert_false(lndt_is_local(t, 7, v4(10, 1, 2, 3)));
	lndt_destroy(t);
}

static void
longest_fixed_prefix_is_found_whatever_moves(void **state)
{
	struct lndt *t = lndt_create(SELF);
	struct prefix p = prefix_make(v4(1, 2, 3, 4), 32);

	(void)state;
	put_mobile(t, v4(10, 0, 0, 0), 8, NULL, 0);
	put_mobile(t, v4(10, 1, 2, 0), 24, NULL, 0);
	assert_false(lndt_find_fixed(t, 7, v4(10, 1, 2, 3), &p));
	assert_true(prefix_equal(p, prefix_make(v4(1, 2, 3, 4), 32)));
	put_fixed(t, 7, v4(10, 0, 0, 0), 12, B);
	put_fixed(t, 7, v4(10, 1, 0, 0), 16, C);
	assert_true(lndt_find_fixed(t, 7, v4(10, 1, 2, 3), &p));
	assert_true(prefix_equal(p, prefix_make(v4(10, 1, 0, 0), 16)));
	assert_true(lndt_find_fixed(t, 7, v4(10, 2, 0, 1), &p));
	assert_true(prefix_equal(p, prefix_make(v4(10, 0, 0, 0), 12)));
	assert_false(lndt_find_fixed(t, 8, v4(10, 1, 2, 3), &p));
	lndt_destroy(t);
}

static void
vns_are_apart(void **state)
{
	struct lndt *t = lndt_create(SELF);

	(void)state;
	put_fixed(t, 7, v4(10, 0, 0, 0), 8, B);
	put_fixed(t, 8, v4(10, 0, 0, 0), 8, C);
	put_mobile(t, v4(10, 0, 0, 0), 8, NULL, 0);
	assert_int_equal(lndt_home(t, 7, v4(10, 0, 0, 1)).v, B.v);
	assert_int_equal(lndt_home(t, 8, v4(10, 0, 0, 1)).v, C.v);
	assert_true(vr_id_is_none(lndt_home(t, 6, v4(10, 0, 0, 1))));
	assert_false(lndt_is_mobile(t, 8, v4(10, 0, 0, 1)));
	assert_false(lndt_may_host(t, 8, v4(10, 0, 0, 1), B));
	lndt_destroy(t);
}

static void
fixed_prefix_has_one_router(void **state)
{
	struct lndt *t = lndt_create(SELF);
	struct prefix p = prefix_make(v4(10, 0, 0, 0), 8);
	struct lndt_row row;

	(void)state;
	assert_int_equal(lndt_put_fixed(t, 7, p, B), 0);
	assert_int_equal(lndt_put_fixed(t, 7, p, B), 0);
	assert_int_equal(lndt_put_fixed(t, 7, p, C), -EEXIST);
	assert_int_equal(lndt_home(t, 7, v4(10, 0, 0, 1)).v, B.v);
	assert_true(lndt_row(t, 0, &row));
	assert_false(lndt_row(t, 1, &row));
	lndt_destroy(t);
}

static void
only_the_longest_fixed_prefix_allows(void **state)
{
	struct lndt *t = lndt_create(SELF);

	(void)state;
	put_fixed(t, 7, v4(10, 0, 0, 0), 8, B);
	put_fixed(t, 7, v4(10, 1, 0, 0), 16, C);
	assert_true(lndt_may_host(t, 7, v4(10, 2, 0, 1), B));
	assert_false(lndt_may_host(t, 7, v4(10, 1, 0, 1), B));
	assert_true(lndt_may_host(t, 7, v4(10, 1, 0, 1), C));
	assert_false(lndt_may_host(t, 7, v4(10, 2, 0, 1), C));
	lndt_destroy(t);
}

static void
mobile_prefix_allows_its_hosts(void **state)
{
	const struct vr_id hosts[] = {D, SELF, B};
	struct lndt *t = lndt_create(SELF);

	(void)state;
	put_mobile(t, v4(10, 1, 0, 0), 16, hosts, 3);
	put_mobile(t, v6(0x20, 0), 64, hosts, 1);
	assert_true(lndt_is_mobile(t, 7, v4(10, 1, 9, 9)));
	assert_false(lndt_is_mobile(t, 7, v4(10, 2, 9, 9)));
	assert_true(lndt_may_host(t, 7, v4(10, 1, 9, 9), SELF));
	assert_true(lndt_may_host(t, 7, v4(10, 1, 9, 9), B));
	assert_true(lndt_may_host(t, 7, v4(10, 1, 9, 9), D));
	assert_false(lndt_may_host(t, 7, v4(10, 1, 9, 9), C));
	assert_true(lndt_may_host(t, 7, v6(0x20, 5), D));
	assert_false(lndt_may_host(t, 7, v6(0x20, 5), B));
	lndt_destroy(t);
}

static void
mobile_prefix_without_hosts_allows_everybody_but_nobody(void **state)
{
	struct lndt *t = lndt_create(SELF);

	(void)state;
	put_mobile(t, v4(10, 1, 0, 0), 16, NULL, 0);
	assert_true(lndt_may_host(t, 7, v4(10, 1, 0, 1), C));
	assert_true(lndt_may_host(t, 7, v4(10, 1, 0, 1), (struct vr_id){12345}));
	assert_false(lndt_may_host(t, 7, v4(10, 1, 0, 1), (struct vr_id){0}));
	lndt_destroy(t);
}

static void
longest_mobile_prefix_decides_about_hosts(void **state)
{
	struct lndt *t = lndt_create(SELF);

	(void)state;
	put_mobile(t, v4(10, 0, 0, 0), 8, NULL, 0);
	put_mobile(t, v4(10, 1, 0, 0), 16, &B, 1);
	put_mobile(t, v4(10, 1, 2, 0), 24, &C, 1);
	assert_true(lndt_may_host(t, 7, v4(10, 9, 0, 1), C));
	assert_true(lndt_may_host(t, 7, v4(10, 1, 0, 1), B));
	assert_false(lndt_may_host(t, 7, v4(10, 1, 0, 1), C));
	assert_true(lndt_may_host(t, 7, v4(10, 1, 2, 1), C));
	assert_false(lndt_may_host(t, 7, v4(10, 1, 2, 1), B));
	lndt_destroy(t);
}

static void
fixed_and_mobile_prefixes_do_not_hide_each_other(void **state)
{
	struct lndt *t = lndt_create(SELF);

	(void)state;
	put_fixed(t, 7, v4(10, 1, 0, 0), 24, B);
	put_mobile(t, v4(10, 1, 0, 0), 16, &C, 1);
	put_fixed(t, 7, v4(10, 2, 0, 0), 16, B);
	put_mobile(t, v4(10, 2, 0, 0), 24, &C, 1);
	assert_true(lndt_is_mobile(t, 7, v4(10, 1, 0, 1)));
	assert_true(lndt_may_host(t, 7, v4(10, 1, 0, 1), B));
	assert_true(lndt_may_host(t, 7, v4(10, 1, 0, 1), C));
	assert_true(lndt_may_host(t, 7, v4(10, 2, 0, 1), B));
	assert_true(lndt_may_host(t, 7, v4(10, 2, 0, 1), C));
	assert_int_equal(lndt_home(t, 7, v4(10, 2, 0, 1)).v, B.v);
	lndt_destroy(t);
}

static void
mobile_prefix_put_again_gets_the_new_hosts(void **state)
{
	struct vr_id hosts[2] = {B, C};
	struct lndt *t = lndt_create(SELF);
	struct lndt_row row;

	(void)state;
	put_mobile(t, v4(10, 1, 0, 0), 16, hosts, 2);
	hosts[0] = D; /* the table has a copy */
	assert_true(lndt_may_host(t, 7, v4(10, 1, 0, 1), B));
	put_mobile(t, v4(10, 1, 0, 0), 16, hosts, 1);
	assert_true(lndt_may_host(t, 7, v4(10, 1, 0, 1), D));
	assert_false(lndt_may_host(t, 7, v4(10, 1, 0, 1), B));
	put_mobile(t, v4(10, 1, 0, 0), 16, NULL, 0);
	assert_true(lndt_may_host(t, 7, v4(10, 1, 0, 1), B));
	assert_false(lndt_row(t, 1, &row));
	lndt_destroy(t);
}

static void
rows_show_what_was_put(void **state)
{
	const struct vr_id hosts[] = {B, C};
	struct lndt *t = lndt_create(SELF);
	struct lndt_row row;
	unsigned i;

	(void)state;
	for (i = 0; i < 50; i++)
		put_fixed(t, i, v4(10, i, 0, 0), 16, B);
	put_mobile(t, v4(10, 1, 0, 0), 16, hosts, 2);
	for (i = 0; i < 50; i++) {
		assert_true(lndt_row(t, i, &row));
		assert_int_equal(row.vn, i);
		assert_true(prefix_equal(row.prefix, prefix_make(v4(10, i, 0, 0), 16)));
		assert_false(row.mobile);
		assert_int_equal(row.vr.v, B.v);
	}
	assert_true(lndt_row(t, 50, &row));
	assert_true(row.mobile);
	assert_int_equal(row.host_count, 2);
	assert_int_equal(row.hosts[0].v, C.v);
	assert_int_equal(row.hosts[1].v, B.v);
	assert_false(lndt_row(t, 51, &row));
	lndt_destroy(t);
}

/* With ever more allocations allowed, each failure must leave the table as it was. */
static void
short_memory_changes_nothing(void **state)
{
	struct lndt *t = lndt_create(SELF);
	struct prefix p = prefix_make(v4(10, 1, 0, 0), 16);
	struct lndt_row row;
	size_t allowed = 0;

	(void)state;
	put_fixed(t, 7, v4(11, 0, 0, 0), 8, B);
	for (;; allowed++) {
		int err;

		memory_allow(allowed);
		err = lndt_put_mobile(t, 7, p, &B, 1);
		memory_allow(MEMORY_ALL);
		if (err == 0)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_false(lndt_is_mobile(t, 7, v4(10, 1, 0, 1)));
		assert_false(lndt_row(t, 1, &row));
	}
	assert_true(allowed >= 3);
	memory_allow(0);
	assert_int_equal(lndt_put_mobile(t, 7, p, &C, 1), -ENOMEM);
	assert_int_equal(lndt_put_fixed(t, 7, p, C), -ENOMEM);
	assert_null(lndt_create(SELF));
	memory_allow(MEMORY_ALL);
	assert_true(lndt_may_host(t, 7, v4(10, 1, 0, 1), B));
	assert_false(lndt_may_host(t, 7, v4(10, 1, 0, 1), C));
	lndt_destroy(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_table_knows_nothing_and_allows_nothing),
		cmocka_unit_test(longest_fixed_prefix_is_the_home),
		cmocka_unit_test(longest_fixed_prefix_is_found_whatever_moves),
		cmocka_unit_test(vns_are_apart),
		cmocka_unit_test(fixed_prefix_has_one_router),
		cmocka_unit_test(only_the_longest_fixed_prefix_allows),
		cmocka_unit_test(mobile_prefix_allows_its_hosts),
		cmocka_unit_test(mobile_prefix_without_hosts_allows_everybody_but_nobody),
		cmocka_unit_test(longest_mobile_prefix_decides_about_hosts),
		cmocka_unit_test(fixed_and_mobile_prefixes_do_not_hide_each_other),
		cmocka_unit_test(mobile_prefix_put_again_gets_the_new_hosts),
		cmocka_unit_test(rows_show_what_was_put),
		cmocka_unit_test(short_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
