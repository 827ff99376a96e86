/* The replay window against a plain list of what was accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "vr/replay.h"

static void
a_counter_is_accepted_once(void **state)
{
	struct replay r = {.next = 0};

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		assert_true(replay_fresh(&r, i));
		assert_true(replay_accept(&r, i));
		assert_false(replay_fresh(&r, i));
	}
}

static void
the_window_is_at_least_8192_wide(void **state)
{
	struct replay r = {.next = 0};
	uint64_t newest = 1000000;

	(void)state;
	assert_true(REPLAY_WINDOW >= 8192);
	assert_true(replay_accept(&r, newest));
	for (uint64_t back = 1; back < REPLAY_WINDOW; back++) {
		assert_true(replay_fresh(&r, newest - back));
		assert_false(replay_accept(&r, newest - back));
		assert_false(replay_fresh(&r, newest - back));
	}
	assert_false(replay_fresh(&r, newest - REPLAY_WINDOW));
	assert_false(replay_fresh(&r, 0));
}

static void
any_order_gives_what_a_list_gives(void **state)
{
	enum { RANGE = 400000, STEPS = 400000, SPREAD = 2 * REPLAY_WINDOW };
	struct replay r = {.next = 0};
	uint8_t *accepted = calloc(RANGE, 1);
	uint64_t newest = 0, random = 88172645463325252u;
	bool any = false;

	(void)state;
	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t middle = (uint64_t)i * (RANGE - SPREAD) / STEPS;
		uint64_t counter;
		bool fresh;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		counter = middle + random % SPREAD;
		fresh = !accepted[counter] &&
			(!any || newest + 1 - counter <= REPLAY_WINDOW || counter > newest);
		assert_int_equal(replay_fresh(&r, counter), fresh);
		if (!fresh)
			continue;
		assert_int_equal(replay_accept(&r, counter), !any || counter > newest);
		accepted[counter] = 1;
		if (!any || counter > newest)
			newest = counter;
		any = true;
	}
	free(accepted);
}

static void
jumps_of_any_size_leave_no_old_marks(void **state)
{
	(void)state;
	for (uint64_t jump = 1; jump < 200000; jump += 61) {
		struct replay r = {.next = 0};

		for (uint64_t i = 0; i < 300; i++)
			(void)replay_accept(&r, i);
		assert_true(replay_accept(&r, 299 + jump));
		/* Whatever lies in the window between and was not accepted is still welcome. */
		for (uint64_t back = 1; back < jump && back < REPLAY_WINDOW; back += 97)
			assert_true(replay_fresh(&r, 299 + jump - back));
		for (uint64_t i = 0; i < 300; i += 13)
			assert_false(replay_fresh(&r, i));
	}
}

static void
the_largest_counter_is_never_used(void **state)
{
	struct replay r = {.next = 0};

	(void)state;
	assert_false(replay_fresh(&r, UINT64_MAX));
	assert_true(replay_fresh(&r, UINT64_MAX - 1));
	assert_true(replay_accept(&r, UINT64_MAX - 1));
	assert_false(replay_fresh(&r, UINT64_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter_is_accepted_once),
		cmocka_unit_test(the_window_is_at_least_8192_wide),
		cmocka_unit_test(any_order_gives_what_a_list_gives),
		cmocka_unit_test(jumps_of_any_size_leave_no_old_marks),
		cmocka_unit_test(the_largest_counter_is_never_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
