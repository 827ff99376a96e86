/* The machine comes to B and is back at A after 100 ms, while the hypervisor of B still repeats its RARP. */
#include "tests/sim/stories/story.h"

static void
go_and_return(struct cast *c)
{
	struct sim_announce quick = {.rarp = true, .pause = 1 * US_MS};

	sim_migrate(c->sim, c->vm, B, &quick);
	sim_run(c->sim, 100 * US_MS);
	story_expect_at(c->sim, c->vm, B);
	sim_migrate(c->sim, c->vm, A, &quick);
	sim_run(c->sim, 20 * US_MS);
	story_expect_at(c->sim, c->vm, A);
	/* B says RARP again at 200, 450 and 800 ms: nobody believes it. */
	for (int i = 0; i < 200; i++) {
		sim_run(c->sim, 10 * US_MS);
		story_expect_at(c->sim, c->vm, A);
	}
	assert_int_equal(sim_moves(c->sim, B, sim_machine_ip(c->vm)), 1);
	assert_int_equal(sim_moves(c->sim, A, sim_machine_ip(c->vm)), 1);
}

void
a_return_after_100_ms_is_believed(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast silent = story_cast(layout);
		struct cast talking = story_cast(layout);

		go_and_return(&silent);
		sim_run(silent.sim, 12 * US_S);
		story_end(silent.sim);

		story_talk(&talking, 10 * US_MS);
		go_and_return(&talking);
		story_expect_talk(&talking, 10 * US_MS);
		sim_run(talking.sim, 12 * US_S);
		story_end(talking.sim);
	}
}
