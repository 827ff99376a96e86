/* Longer journeys: home again, on and on, and two that cross. */
#include "tests/sim/stories/story.h"

void
a_machine_returns_home(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);

		story_talk(&c, 10 * US_MS);
		for (int i = 0; i < 3; i++) {
			sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
			sim_run(c.sim, 2 * US_S);
			story_expect_at(c.sim, c.vm, B);
			story_expect_talk(&c, 10 * US_MS);
			sim_migrate(c.sim, c.vm, A, &sim_by_rarp);
			sim_run(c.sim, 30 * US_MS);
			story_expect_at(c.sim, c.vm, A);
			story_expect_talk(&c, 10 * US_MS);
		}
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

void
a_machine_moves_on_and_on(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		static const size_t sites[] = {B, C, A, B, C, A};

		story_talk(&c, 10 * US_MS);
		for (size_t i = 0; i < ARRAY_COUNT(sites); i++) {
			sim_migrate(c.sim, c.vm, sites[i], &sim_by_rarp);
			/* The next one starts while the hypervisors behind it still repeat themselves. */
			sim_run(c.sim, 30 * US_MS);
			story_expect_at(c.sim, c.vm, sites[i]);
			sim_run(c.sim, 370 * US_MS);
			story_expect_at(c.sim, c.vm, sites[i]);
		}
		story_expect_talk(&c, 10 * US_MS);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

void
two_machines_cross(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		struct sim_machine *other = sim_add(c.sim, SIM_VN, B, 50);

		sim_speak(c.sim, other);
		sim_run(c.sim, US_S);
		sim_talk(c.sim, c.vm, other, 10 * US_MS);
		sim_talk(c.sim, other, c.vm, 10 * US_MS);
		story_talk(&c, 10 * US_MS);
		for (int i = 0; i < 2; i++) {
			sim_migrate(c.sim, c.vm, i == 0 ? B : A, &sim_by_rarp);
			sim_migrate(c.sim, other, i == 0 ? A : B, &sim_by_rarp);
			sim_run(c.sim, 50 * US_MS);
			story_expect_at(c.sim, c.vm, i == 0 ? B : A);
			story_expect_at(c.sim, other, i == 0 ? A : B);
			sim_run(c.sim, 2 * US_S);
		}
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}
