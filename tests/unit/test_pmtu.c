/* The path MTU search on its own: a path that takes 'limit' bytes, a fake clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vr/pmtu.h"

struct path {
	struct pmtu p;
	us_t now;
	uint16_t limit;  /* larger packets vanish */
	uint16_t device; /* larger packets are refused at once */
	bool dead;       /* everything vanishes */
	us_t heard;
	unsigned probes;
};

static void
advance(struct path *x, us_t duration)
{
	us_t end = x->now + duration;

	for (; x->now < end; x->now += 10 * US_MS) {
		uint16_t size;

		if (!x->dead)
			x->heard = x->now;
		while ((size = pmtu_run(&x->p, x->now, x->heard)) != 0) {
			x->probes++;
			if (size > x->device)
				pmtu_refused(&x->p, size, x->now);
			else if (size <= x->limit && !x->dead)
				pmtu_acked(&x->p, size, x->now);
		}
	}
}

static struct path
path_make(uint16_t max, uint16_t limit, uint16_t device)
{
	struct path x = {.now = US_S, .limit = limit, .device = device};

	pmtu_init(&x.p, max);
	pmtu_start(&x.p, PMTU_LOW_V4, x.now);
	return x;
}

static void
the_largest_size_is_tried_first(void **state)
{
	struct path x = path_make(1500, 1500, 65535);

	(void)state;
	assert_int_equal(x.p.size, PMTU_BASE);
	advance(&x, 10 * US_MS);
	assert_int_equal(x.p.size, 1500);
	assert_int_equal(x.probes, 1);
}

static void
any_limit_is_found_within_fifteen_seconds(void **state)
{
	(void)state;
	for (unsigned limit = PMTU_BASE; limit <= 1500; limit++) {
		struct path x = path_make(1500, (uint16_t)limit, 65535);

		advance(&x, 15 * US_S);
		assert_int_equal(x.p.size, limit);
	}
}

static void
a_path_below_the_base_is_no_black_hole(void **state)
{
	(void)state;
	for (unsigned limit = PMTU_LOW_V4; limit < PMTU_BASE; limit++) {
		struct path x = path_make(1500, (uint16_t)limit, 65535);

		/* Usable soon, and found out in the end. */
		advance(&x, 2 * US_S);
		assert_true(x.p.size <= limit);
		advance(&x, 18 * US_S);
		assert_int_equal(x.p.size, limit);
		/* It stays so while it is tried again whether the path got better. */
		for (unsigned i = 0; i < 100; i++) {
			advance(&x, US_S);
			assert_int_equal(x.p.size, limit);
		}
	}
}

static void
a_path_that_shrinks_below_the_base_is_followed_and_left(void **state)
{
	struct path x = path_make(1500, 1500, 65535);

	(void)state;
	advance(&x, US_S);
	x.limit = 1000;
	advance(&x, 9 * US_S);
	assert_true(x.p.size <= 1000);
	advance(&x, 18 * US_S);
	assert_int_equal(x.p.size, 1000);
	x.limit = 1500;
	advance(&x, 80 * US_S);
	assert_int_equal(x.p.size, 1500);
	/* The base itself is confirmed from time to time. */
	x.limit = PMTU_BASE;
	advance(&x, 60 * US_S);
	assert_int_equal(x.p.size, PMTU_BASE);
	x.limit = 600;
	advance(&x, 9 * US_S);
	assert_true(x.p.size <= 600);
}

/* A bad moment at the start must not cost the path's size for long. */
static void
three_lost_probes_of_the_base_are_soon_forgotten(void **state)
{
	struct path x = path_make(1500, 100, 65535);

	(void)state;
	advance(&x, 1700 * US_MS);
	assert_int_equal(x.p.size, PMTU_LOW_V4);
	x.limit = 1500;
	advance(&x, US_S);
	assert_int_equal(x.p.size, PMTU_BASE - 1);
	advance(&x, 61 * US_S);
	assert_int_equal(x.p.size, 1500);
}

/* A round trip takes its time: the first size need not wait for the largest to fail. */
static void
the_first_size_is_tried_beside_the_largest(void **state)
{
	struct path x = path_make(1500, 1500, 65535);

	(void)state;
	assert_int_equal(pmtu_run(&x.p, x.now, x.now), 1500);
	assert_int_equal(pmtu_run(&x.p, x.now, x.now), PMTU_BASE);
	assert_int_equal(pmtu_run(&x.p, x.now, x.now), 0);
	pmtu_acked(&x.p, PMTU_BASE, x.now);
	/* Confirmed: not again. */
	x.now += US_S;
	assert_int_equal(pmtu_run(&x.p, x.now, x.now), 1500);
	assert_int_equal(pmtu_run(&x.p, x.now, x.now), 0);
}

static void
an_ipv6_path_never_goes_below_the_base(void **state)
{
	struct path x = path_make(1500, 1000, 65535);

	(void)state;
	pmtu_start(&x.p, PMTU_LOW_V6, x.now);
	for (unsigned i = 0; i < 60; i++) {
		advance(&x, US_S);
		assert_int_equal(x.p.size, PMTU_BASE);
	}
}

static void
a_limit_of_the_own_device_is_found_at_once(void **state)
{
	(void)state;
	for (unsigned limit = PMTU_LOW_V4; limit <= 9000; limit += 13) {
		struct path x = path_make(9000, 65535, (uint16_t)limit);

		advance(&x, 10 * US_MS);
		assert_int_equal(x.p.size, limit);
	}
}

static void
a_black_hole_is_left_within_seven_seconds(void **state)
{
	struct path x = path_make(1500, 1500, 65535);

	(void)state;
	advance(&x, US_S);
	x.limit = 1400;
	advance(&x, 7 * US_S);
	assert_true(x.p.size <= 1400);
	advance(&x, 15 * US_S);
	assert_int_equal(x.p.size, 1400);
	/* It is tried again later whether the path got better. */
	x.limit = 1500;
	advance(&x, 610 * US_S);
	assert_int_equal(x.p.size, 1500);
}

static void
a_silent_peer_says_nothing_about_sizes(void **state)
{
	struct path x = path_make(1500, 1500, 65535);

	(void)state;
	advance(&x, US_S);
	x.dead = true;
	advance(&x, 60 * US_S);
	assert_int_equal(x.p.size, 1500);
	x.dead = false;
	advance(&x, 10 * US_S);
	assert_int_equal(x.p.size, 1500);
}

static void
one_lost_confirmation_changes_nothing(void **state)
{
	struct path x = path_make(1500, 1500, 65535);

	(void)state;
	advance(&x, 5 * US_S);
	x.limit = 1280;
	advance(&x, 600 * US_MS);
	x.limit = 1500;
	advance(&x, 20 * US_S);
	assert_int_equal(x.p.size, 1500);
}

static void
a_refused_packet_lowers_the_size_at_once(void **state)
{
	struct path x = path_make(1500, 1500, 65535);

	(void)state;
	advance(&x, US_S);
	x.limit = 1450;
	x.device = 1450;
	pmtu_refused(&x.p, 1500, x.now);
	assert_int_equal(x.p.size, PMTU_BASE);
	advance(&x, US_S);
	assert_int_equal(x.p.size, 1450);
	/* Nonsense is ignored: smaller than what always passes, larger than what we send. */
	pmtu_refused(&x.p, 100, x.now);
	pmtu_acked(&x.p, 9000, x.now);
	pmtu_acked(&x.p, 10, x.now);
	assert_int_equal(x.p.size, 1450);
}

static void
a_maximum_below_the_base_is_the_base(void **state)
{
	struct path x = path_make(1000, 1500, 65535);

	(void)state;
	advance(&x, 60 * US_S);
	assert_int_equal(x.p.size, 1000);
	/* It is confirmed all the same. */
	x = path_make(1000, 700, 65535);
	advance(&x, 20 * US_S);
	assert_int_equal(x.p.size, 700);
	x = path_make(576, 1500, 65535);
	advance(&x, 60 * US_S);
	assert_int_equal(x.p.size, 576);
	x = path_make(65535, 65535, 65535);
	advance(&x, 60 * US_S);
	assert_int_equal(x.p.size, PMTU_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_size_is_tried_first),
		cmocka_unit_test(any_limit_is_found_within_fifteen_seconds),
		cmocka_unit_test(a_path_below_the_base_is_no_black_hole),
		cmocka_unit_test(a_path_that_shrinks_below_the_base_is_followed_and_left),
		cmocka_unit_test(three_lost_probes_of_the_base_are_soon_forgotten),
		cmocka_unit_test(the_first_size_is_tried_beside_the_largest),
		cmocka_unit_test(an_ipv6_path_never_goes_below_the_base),
		cmocka_unit_test(a_limit_of_the_own_device_is_found_at_once),
		cmocka_unit_test(a_black_hole_is_left_within_seven_seconds),
		cmocka_unit_test(a_silent_peer_says_nothing_about_sizes),
		cmocka_unit_test(one_lost_confirmation_changes_nothing),
		cmocka_unit_test(a_refused_packet_lowers_the_size_at_once),
		cmocka_unit_test(a_maximum_below_the_base_is_the_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
