/* The hypervisor at B announces the machine, but it goes on at A: DESIGN section 6. */
#include "tests/sim/stories/story.h"

static void
go_wrong(struct cast *c, size_t rounds)
{
	/* B announces it once for each round and the machine never comes. */
	for (size_t i = 0; i < rounds; i++) {
		sim_rarp_series(c->sim, c->vm, B);
		sim_run(c->sim, US_S);
		story_expect_at(c->sim, c->vm, A);
		sim_run(c->sim, US_S);
		story_expect_at(c->sim, c->vm, A);
		sim_run(c->sim, 4 * US_S);
	}
}

void
a_failed_migration_is_taken_back_within_a_second(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast silent = story_cast(layout);
		struct cast talking = story_cast(layout);

		go_wrong(&silent, 2);
		sim_run(silent.sim, 12 * US_S);
		story_end(silent.sim);

		story_talk(&talking, 10 * US_MS);
		go_wrong(&talking, 2);
		story_expect_talk(&talking, 10 * US_MS);
		sim_run(talking.sim, 12 * US_S);
		story_end(talking.sim);
	}
}
