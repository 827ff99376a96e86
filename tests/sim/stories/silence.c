/* Machines that say nothing by themselves: found when somebody wants them, forgotten when they are gone. */
#include "tests/sim/stories/story.h"

void
a_silent_native_is_found(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		struct sim_machine *silent = sim_add(c.sim, SIM_VN, B, 99);
		uint64_t packet = sim_send(c.sim, c.client, sim_machine_ip(silent));

		assert_int_equal(sim_owner(c.sim, B, SIM_VN, sim_machine_ip(silent)), SIZE_MAX);
		sim_run(c.sim, 2 * US_S);
		assert_int_equal(sim_received(c.sim, packet), 1);
		story_expect_at(c.sim, silent, B);
		/* Its router forgets it, but the client's ARP entry lives on. */
		sim_crash(c.sim, B);
		sim_start(c.sim, B, false);
		sim_run(c.sim, 5 * US_S);
		assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(silent)), SIZE_MAX);
		(void)sim_send(c.sim, c.client, sim_machine_ip(silent));
		sim_run(c.sim, 100 * US_MS);
		packet = sim_send(c.sim, c.client, sim_machine_ip(silent));
		sim_run(c.sim, 100 * US_MS);
		assert_int_equal(sim_received(c.sim, packet), 1);
		story_expect_at(c.sim, silent, B);
		sim_speak(c.sim, c.native_b);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

static void
forget_soon(struct conf *conf, size_t router)
{
	(void)router;
	conf->hwdt_expiry = 60 * US_S;
}

void
a_machine_that_is_gone_is_forgotten_everywhere(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast_tuned(layout, forget_soon);

		sim_machine_stop(c.sim, c.vm);
		sim_run(c.sim, 30 * US_S);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(sim_owner(c.sim, i, SIM_VN, sim_machine_ip(c.vm)), A);
		sim_run(c.sim, 60 * US_S);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(sim_owner(c.sim, i, SIM_VN, sim_machine_ip(c.vm)),
					 SIZE_MAX);
		/* The natives said nothing either, but answered when they were asked. */
		story_expect_at(c.sim, c.native_a, A);
		story_expect_at(c.sim, c.client, C);
		story_end(c.sim);
	}
}

void
a_machine_that_was_forgotten_is_found_again(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast_tuned(layout, forget_soon);

		sim_machine_stop(c.sim, c.vm);
		sim_run(c.sim, 90 * US_S);
		assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)), SIZE_MAX);
		/* It is switched on again and says nothing. */
		sim_migrate_now(c.sim, c.vm, A, false, false);
		(void)sim_send(c.sim, c.client, sim_machine_ip(c.vm));
		sim_run(c.sim, 3 * US_S);
		story_expect_at(c.sim, c.vm, A);
		story_end(c.sim);
	}
}
