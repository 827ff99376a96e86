/* Own injections told from what machines say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vr/port_echo.h"

static const struct mac router = {{0x02, 0x56, 0x52, 0, 0, 7}};

/* A frame of 60 bytes from 'src' that says 'what'. */
static void
say(uint8_t *frame, struct mac src, uint32_t what)
{
	memset(frame, 0, 60);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, src.b, sizeof(src.b));
	frame[12] = 0x08;
	frame[13] = 0x06;
	memcpy(frame + 30, &what, sizeof(what));
}

static void
each_injection_accounts_for_one_outgoing_frame(void **state)
{
	struct port_echo *e = port_echo_create(router);
	uint8_t frame[60];

	(void)state;
	say(frame, router, 1);
	assert_false(port_echo_is_own(e, frame, 60, 0));
	port_echo_put(e, frame, 60);
	port_echo_put(e, frame, 60);
	assert_true(port_echo_is_own(e, frame, 60, 0));
	assert_true(port_echo_is_own(e, frame, 60, 0));
	assert_false(port_echo_is_own(e, frame, 60, 0));
	port_echo_put(e, frame, 60);
	port_echo_cancel(e);
	assert_false(port_echo_is_own(e, frame, 60, 0));
	port_echo_destroy(e);
}

static void
any_order_is_recognised_and_a_burst_too(void **state)
{
	struct port_echo *e = port_echo_create(router);
	uint8_t frame[60];

	(void)state;
	for (uint32_t round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < 1000; i++) {
			say(frame, router, i);
			port_echo_put(e, frame, 60);
		}
		for (uint32_t i = 1000; i-- > 0;) {
			say(frame, router, i);
			assert_true(port_echo_is_own(e, frame, 60, 0));
		}
	}
	port_echo_destroy(e);
}

static void
an_overrun_ring_forgets_the_oldest(void **state)
{
	struct port_echo *e = port_echo_create(router);
	uint8_t frame[60];

	(void)state;
	for (uint32_t i = 0; i < 1500; i++) {
		say(frame, router, i);
		port_echo_put(e, frame, 60);
	}
	say(frame, router, 100);
	assert_false(port_echo_is_own(e, frame, 60, 0));
	say(frame, router, 1499);
	assert_true(port_echo_is_own(e, frame, 60, 0));
	say(frame, router, 600);
	assert_true(port_echo_is_own(e, frame, 60, 0));
	port_echo_destroy(e);
}

static void
what_comes_back_is_recognised_for_a_second(void **state)
{
	struct port_echo *e = port_echo_create(router);
	uint8_t frame[60];

	(void)state;
	say(frame, router, 1);
	assert_false(port_echo_is_back(e, frame, 60, 5 * US_S));
	port_echo_put(e, frame, 60);
	assert_true(port_echo_is_own(e, frame, 60, 5 * US_S));
	frame[50] = 0xee; /* padding */
	assert_true(port_echo_is_back(e, frame, 60, 5 * US_S));
	assert_true(port_echo_is_back(e, frame, 42, 6 * US_S));
	assert_false(port_echo_is_back(e, frame, 41, 6 * US_S));
	assert_false(port_echo_is_back(e, frame, 60, 6 * US_S + 1));
	port_echo_destroy(e);
}

static void
a_machine_that_says_what_was_said_in_its_name_is_heard(void **state)
{
	struct mac vm = {{0x52, 0x54, 0, 0, 0, 1}};
	struct port_echo *e = port_echo_create(router);
	uint8_t frame[60];

	(void)state;
	say(frame, vm, 1);
	port_echo_put(e, frame, 60);
	assert_true(port_echo_is_own(e, frame, 60, 0));
	assert_true(port_echo_is_back(e, frame, 60, 10));
	assert_false(port_echo_is_back(e, frame, 60, 20));
	port_echo_destroy(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_injection_accounts_for_one_outgoing_frame),
		cmocka_unit_test(any_order_is_recognised_and_a_burst_too),
		cmocka_unit_test(an_overrun_ring_forgets_the_oldest),
		cmocka_unit_test(what_comes_back_is_recognised_for_a_second),
		cmocka_unit_test(a_machine_that_says_what_was_said_in_its_name_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
