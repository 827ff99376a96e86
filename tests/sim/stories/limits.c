/* Machines that cannot be where they are said to be: twice, or everywhere. */
#include "tests/sim/stories/story.h"

static size_t
all_alarms(const struct sim *sim, const char *text)
{
	size_t count = 0;

	for (size_t i = 0; i < sim_routers(sim); i++)
		count += sim_alarms(sim, i, text);
	return count;
}

void
a_duplicate_raises_an_alarm_and_stays_where_it_is(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		struct sim_machine *twin = sim_add_twin(c.sim, c.vm, B);
		size_t owner;

		sim_talk(c.sim, c.vm, c.client, 20 * US_MS);
		sim_run(c.sim, US_S);
		sim_talk(c.sim, twin, c.client, 20 * US_MS);
		sim_run(c.sim, 2 * US_S);
		assert_true(all_alarms(c.sim, "duplicate") >= 1);
		owner = sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm));
		assert_true(owner == A || owner == B);
		/* However long both go on: no router changes its mind. */
		for (int i = 0; i < 300; i++) {
			sim_run(c.sim, 100 * US_MS);
			assert_int_equal(sim_owner(c.sim, A, SIM_VN, sim_machine_ip(c.vm)), owner);
			assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)), owner);
		}
		assert_in_range(all_alarms(c.sim, "duplicate"), 2, 10);
		/* One of them ends, the other says nothing any more, and is believed. */
		sim_hush(owner == A ? twin : c.vm);
		sim_machine_stop(c.sim, owner == A ? c.vm : twin);
		sim_run(c.sim, 8 * US_S);
		story_expect_at(c.sim, owner == A ? twin : c.vm, owner == A ? B : A);
		story_end(c.sim);
	}
}

void
too_many_moves_freeze_a_machine(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		struct sim_announce fast = {.garp = true, .pause = 1 * US_MS};

		sim_talk(c.sim, c.vm, c.client, 20 * US_MS);
		for (int i = 0; i < 10; i++) {
			size_t to = i % 2 == 0 ? B : A;

			sim_migrate(c.sim, c.vm, to, &fast);
			sim_run(c.sim, 200 * US_MS);
			story_expect_at(c.sim, c.vm, to);
		}
		/* That was the tenth within ten seconds. */
		assert_true(all_alarms(c.sim, "frozen") >= 1);
		sim_migrate(c.sim, c.vm, B, &fast);
		sim_run(c.sim, 2 * US_S);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(sim_owner(c.sim, i, SIM_VN, sim_machine_ip(c.vm)), A);
		assert_true(sim_drops(c.sim, B, DROP_CLAIM_FROZEN) >= 1);
		/* Half a minute later it is believed again. */
		sim_run(c.sim, 31 * US_S);
		story_expect_at(c.sim, c.vm, B);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

/* It came while it was frozen, and has said nothing since: it must not be lost for that. */
void
a_frozen_machine_is_looked_for_when_it_may_move(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		struct sim_announce fast = {.garp = true, .pause = 1 * US_MS};

		for (int i = 0; i < 10; i++) {
			sim_migrate(c.sim, c.vm, i % 2 == 0 ? B : A, &fast);
			sim_run(c.sim, 200 * US_MS);
		}
		sim_run(c.sim, 2 * US_S);
		assert_true(all_alarms(c.sim, "frozen") >= 1);
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 2 * US_S);
		assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)), A);
		sim_run(c.sim, 30 * US_S);
		story_expect_at(c.sim, c.vm, B);
		story_end(c.sim);
	}
}
