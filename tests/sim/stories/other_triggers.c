/* Moves without RARP: by gratuitous ARP, and by nothing but the next packet. */
#include "tests/sim/stories/story.h"

static void
expect_move(const struct sim_announce *how, enum report_trigger trigger)
{
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		const struct report *r;

		story_talk(&c, 10 * US_MS);
		sim_migrate(c.sim, c.vm, B, how);
		sim_run(c.sim, 50 * US_MS);
		story_expect_at(c.sim, c.vm, B);
		story_expect_talk(&c, 10 * US_MS);
		assert_int_equal(sim_moves(c.sim, B, sim_machine_ip(c.vm)), 1);
		r = reports_last(sim_vr(c.sim, B)->reports, SIM_VN, sim_machine_ip(c.vm));
		assert_int_equal(r->trigger, trigger);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

void
a_machine_that_announces_itself_moves(void **state)
{
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		const struct report *r;

		(void)state;
		/* Nothing but the gratuitous ARP is said. */
		sim_migrate(c.sim, c.vm, B, &sim_by_garp);
		sim_run(c.sim, 30 * US_MS);
		story_expect_at(c.sim, c.vm, B);
		sim_run(c.sim, 2 * US_S);
		assert_int_equal(sim_moves(c.sim, B, sim_machine_ip(c.vm)), 1);
		r = reports_last(sim_vr(c.sim, B)->reports, SIM_VN, sim_machine_ip(c.vm));
		assert_int_equal(r->trigger, TRIGGER_GARP);
		story_end(c.sim);
	}
}

void
a_machine_that_only_talks_moves(void **state)
{
	(void)state;
	expect_move(&sim_silently, TRIGGER_DATA);
}
