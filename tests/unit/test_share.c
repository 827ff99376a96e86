/* Small tables that networks share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/share.h"

struct row {
	struct share share;
	unsigned what;
};

#define ROWS 8

static size_t
take(struct row *rows, vn_id_t vn)
{
	struct share share;
	size_t i = share_pick(rows, ROWS, sizeof(rows[0]), vn, &share);

	rows[i] = (struct row){.share = share, .what = 1};
	return i;
}

static size_t
held(const struct row *rows, vn_id_t vn)
{
	size_t count = 0;

	for (size_t i = 0; i < ROWS; i++)
		count += rows[i].share.is_used && rows[i].share.vn == vn;
	return count;
}

static void
a_free_row_comes_first(void **state)
{
	struct row rows[ROWS] = {0};

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		assert_int_equal(take(rows, 1), i);
	rows[5].share.is_used = false;
	assert_int_equal(take(rows, 2), 5);
}

static void
the_oldest_row_of_the_network_with_most_is_given_up(void **state)
{
	struct row rows[ROWS] = {0};

	(void)state;
	(void)take(rows, 2);
	for (size_t i = 1; i < ROWS; i++)
		(void)take(rows, 1);
	/* Row 2 is free, and taken again: now row 1 is the oldest, and then row 3. */
	rows[2].share.is_used = false;
	assert_int_equal(take(rows, 1), 2);
	assert_int_equal(take(rows, 3), 1);
	assert_int_equal(take(rows, 3), 3);
	assert_int_equal(held(rows, 2), 1);
	assert_int_equal(held(rows, 1), 5);
}

static void
networks_that_want_all_come_to_hold_as_much(void **state)
{
	struct row rows[ROWS] = {0};

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		(void)take(rows, 1);
	for (unsigned i = 0; i < 100; i++)
		(void)take(rows, 2);
	assert_int_equal(held(rows, 1), 4);
	assert_int_equal(held(rows, 2), 4);
	for (vn_id_t vn = 3; vn <= ROWS; vn++)
		for (unsigned i = 0; i < 100; i++)
			(void)take(rows, vn);
	for (vn_id_t vn = 1; vn <= ROWS; vn++)
		assert_int_equal(held(rows, vn), 1);
	/* Of equally many, the newcomer's own row goes. */
	assert_int_equal(rows[take(rows, 4)].share.vn, 4);
	for (vn_id_t vn = 1; vn <= ROWS; vn++)
		assert_int_equal(held(rows, vn), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_free_row_comes_first),
		cmocka_unit_test(the_oldest_row_of_the_network_with_most_is_given_up),
		cmocka_unit_test(networks_that_want_all_come_to_hold_as_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
