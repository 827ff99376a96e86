/* A RARP names no address: a router whose HWDT is empty asks the others. */
#include "tests/sim/stories/story.h"

static bool
no_tables(void *arg, size_t from, size_t to, const struct sync_msg *msg)
{
	(void)arg;
	(void)from;
	(void)to;
	return msg->type != SYNC_TABLE;
}

void
a_router_that_knows_nothing_asks_who_moved(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		const struct report *r;

		sim_filter(c.sim, no_tables, NULL);
		sim_crash(c.sim, B);
		sim_start(c.sim, B, false);
		sim_run(c.sim, 200 * US_MS);
		assert_int_equal(sim_owner(c.sim, B, SIM_VN, sim_machine_ip(c.vm)), SIZE_MAX);
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 30 * US_MS);
		story_expect_at(c.sim, c.vm, B);
		r = reports_last(sim_vr(c.sim, B)->reports, SIM_VN, sim_machine_ip(c.vm));
		assert_int_equal(r->trigger, TRIGGER_RARP);
		/* Heard when the RARP came, known when the answer came. */
		assert_in_range(r->resolved - r->heard, 10 * US_MS, 11 * US_MS);
		assert_int_equal(sim_drops(c.sim, B, DROP_RARP_UNKNOWN), 0);
		sim_run(c.sim, US_S);
		assert_int_equal(sim_moves(c.sim, B, sim_machine_ip(c.vm)), 1);
		sim_filter(c.sim, NULL, NULL);
		sim_speak(c.sim, c.native_b);
		sim_run(c.sim, 30 * US_S);
		story_end(c.sim);
	}
}
