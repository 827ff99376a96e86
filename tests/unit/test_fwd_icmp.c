/* ICMP errors that one router sends: how many, and to whom. */
#include "tests/unit/fwd_rig.h"

static void
one_senders_errors_do_not_silence_those_of_another(void **state)
{
	const struct want loop = {.from = "10.1.0.5", .to = "10.2.0.9", .size = 60, .ttl = 1};
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	here(w, BLUE, 6);
	here(w, RED, 5);
	for (unsigned i = 0; i < 1000; i++)
		lan_sends(w, 5, loop);
	assert_int_equal(drops(w, DROP_TTL), 1000);
	assert_in_range(ttl_errors(w, BLUE, "10.1.0.5"), 1, 100);
	assert_int_equal(w->vr->icmp_limited + ttl_errors(w, BLUE, "10.1.0.5"), 1000);
	/* Another machine, the same address in another network, and the sender itself with a packet that has to become
	 * smaller. */
	lan_sends(w, 6, (struct want){.from = "10.1.0.6", .to = "10.2.0.9", .size = 60, .ttl = 1});
	assert_int_equal(ttl_errors(w, BLUE, "10.1.0.6"), 1);
	lan_sends(w, 5,
		  (struct want){
			  .vn = RED, .from = "10.1.0.5", .to = "10.2.0.9", .size = 60, .ttl = 1});
	assert_int_equal(ttl_errors(w, RED, "10.1.0.5"), 1);
	lan_sends(w, 6,
		  (struct want){.from = "10.1.0.6", .to = "10.2.0.9", .size = 1500, .df = true});
	assert_int_equal(too_bigs(w, BLUE, "10.1.0.6"), 1);
	lan_sends(w, 5,
		  (struct want){.from = "10.1.0.5", .to = "10.2.0.9", .size = 1500, .df = true});
	assert_int_equal(too_bigs(w, BLUE, "10.1.0.5"), 1);
	/* Its allowance grows again. */
	forget(w);
	w->now += US_S;
	lan_sends(w, 5, loop);
	assert_int_equal(ttl_errors(w, BLUE, "10.1.0.5"), 1);
	world_end(w);
}

static void
all_senders_together_have_a_ceiling_that_leaves_fragmentation_needed_alone(void **state)
{
	struct world *w = world_make(plain);
	char from[16];

	(void)state;
	for (unsigned i = 2; i < 252; i++)
		here(w, BLUE, (uint8_t)i);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t number = (uint8_t)(2 + i % 250);

		snprintf(from, sizeof(from), "10.1.0.%u", number);
		lan_sends(w, number,
			  (struct want){.from = from, .to = "10.2.0.9", .size = 60, .ttl = 1});
	}
	assert_int_equal(w->sent_count, ICMP_LIMIT_OTHER_BURST);
	/* "Fragmentation needed" is bounded as well, only higher: a peer may speak for many addresses. */
	forget(w);
	w->vr->sites[0].lan_mtu = 1280;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(from, sizeof(from), "10.2.0.%u", 2 + i % 250);
		peer_sends(w,
			   (struct want){.from = from, .to = "10.1.0.5", .size = 1400, .df = true});
		if (i < 250)
			assert_int_equal(too_bigs(w, BLUE, from), 1);
	}
	assert_int_equal(w->sent_count, ICMP_LIMIT_BIG_BURST);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_senders_errors_do_not_silence_those_of_another),
		cmocka_unit_test(
			all_senders_together_have_a_ceiling_that_leaves_fragmentation_needed_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
