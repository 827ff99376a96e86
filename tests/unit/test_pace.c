/* How often something may happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/pace.h"

#define COST  (2 * US_MS)
#define BURST 10

static unsigned
take_all(struct pace *p, us_t now)
{
	unsigned count = 0;

	while (count < 1000 && pace_take(p, now, COST, BURST))
		count++;
	return count;
}

static void
so_many_at_once_and_then_one_by_one(void **state)
{
	struct pace p = {0};
	us_t now = 1000 * US_S;

	(void)state;
	assert_int_equal(take_all(&p, now), BURST);
	assert_int_equal(take_all(&p, now), 0);
	assert_int_equal(take_all(&p, now + COST - 1), 0);
	assert_int_equal(take_all(&p, now + COST), 1);
	assert_int_equal(take_all(&p, now + 4 * COST), 3);
}

static void
a_long_rest_saves_no_more_than_a_burst(void **state)
{
	struct pace p = {0};

	(void)state;
	assert_int_equal(take_all(&p, US_S), BURST);
	assert_int_equal(take_all(&p, 100 * US_S), BURST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_at_once_and_then_one_by_one),
		cmocka_unit_test(a_long_rest_saves_no_more_than_a_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
