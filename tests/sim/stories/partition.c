/* The underlay falls apart and comes together again. */
#include "tests/sim/stories/story.h"

void
a_partition_heals(void **state)
{
	/* Who is alone while the machine moves from A to B. */
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	for (size_t alone = A; alone <= C; alone++)
		/* Too short to be noticed, and long enough. */
		for (us_t length = 500 * US_MS; length <= 8 * US_S; length += 7500 * US_MS) {
			struct cast c = story_cast(layout);
			uint8_t group[3] = {0};

			story_talk(&c, 50 * US_MS);
			group[alone] = 1;
			sim_partition(c.sim, group);
			sim_run(c.sim, 100 * US_MS);
			sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
			sim_run(c.sim, length);
			assert_int_equal(sim_owner(c.sim, B, SIM_VN, sim_machine_ip(c.vm)), B);
			sim_heal(c.sim);
			/* The next HELLO and its digest. */
			sim_run(c.sim, 2500 * US_MS);
			story_expect_at(c.sim, c.vm, B);
			story_expect_talk(&c, 50 * US_MS);
			story_end(c.sim);
		}
}

void
moves_on_both_sides_of_a_partition_are_settled(void **state)
{
	static const uint8_t group[] = {0, 0, 1};

	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);

		story_talk(&c, 50 * US_MS);
		sim_partition(c.sim, group);
		/* C hears of none of the moves between A and B, and then has it: its counter is the lowest. */
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 2 * US_S);
		sim_migrate(c.sim, c.vm, A, &sim_by_rarp);
		sim_run(c.sim, 2 * US_S);
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 2 * US_S);
		sim_migrate(c.sim, c.vm, C, &sim_by_rarp);
		sim_run(c.sim, 2 * US_S);
		assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)), C);
		assert_int_equal(sim_owner(c.sim, A, SIM_VN, sim_machine_ip(c.vm)), B);
		sim_heal(c.sim);
		sim_run(c.sim, 5 * US_S);
		story_expect_at(c.sim, c.vm, C);
		story_expect_talk(&c, 50 * US_MS);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

void
a_machine_that_was_back_before_the_news_stays(void **state)
{
	static const uint8_t group[] = {0, 1, 1};

	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);

		/* To B and back while A hears of nothing: its RARP at home says nothing new to A. */
		sim_partition(c.sim, group);
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 150 * US_MS);
		sim_migrate(c.sim, c.vm, A, &sim_by_rarp);
		sim_run(c.sim, 5 * US_S);
		sim_heal(c.sim);
		/* And now it is silent: the news that it left are older than its return. */
		sim_run(c.sim, 4 * US_S);
		story_expect_at(c.sim, c.vm, A);
		sim_run(c.sim, 10 * US_S);
		story_end(c.sim);
	}
}

void
an_owner_that_is_reached_late_is_waited_for(void **state)
{
	static const uint8_t group[] = {0, 1, 1};

	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	for (us_t late = 0; late <= 2 * US_S; late += 100 * US_MS) {
		struct cast c = story_cast(layout);

		/* B says its HELLO half a second after the others. */
		sim_run(c.sim, 500 * US_MS);
		sim_crash(c.sim, B);
		sim_start(c.sim, B, true);
		sim_run(c.sim, 3 * US_S);
		/* To B and back, unheard at home; then C tells A of it before A can ask B. */
		sim_partition(c.sim, group);
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 150 * US_MS);
		sim_migrate(c.sim, c.vm, A, &sim_by_rarp);
		sim_run(c.sim, 5 * US_S);
		sim_cut(c.sim, A, C, false);
		sim_run(c.sim, late);
		sim_cut(c.sim, A, B, false);
		sim_run(c.sim, 4 * US_S);
		story_expect_at(c.sim, c.vm, A);
		assert_int_equal(sim_alarms(c.sim, A, "duplicate"), 0);
		sim_run(c.sim, 10 * US_S);
		story_end(c.sim);
	}
}
