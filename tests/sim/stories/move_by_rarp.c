/* The simple case: the hypervisor at the new site says RARP, and the record tells how it went. */
#include "tests/sim/stories/story.h"

static void
expect_record(struct cast *c)
{
	struct vr *vr = sim_vr(c->sim, B);
	const struct report *r = reports_last(vr->reports, SIM_VN, sim_machine_ip(c->vm));

	assert_non_null(r);
	assert_int_equal(r->trigger, TRIGGER_RARP);
	assert_true(vr_id_equal(r->from, sim_id(c->sim, A)));
	assert_true(vr_id_equal(r->to, sim_id(c->sim, B)));
	assert_int_equal(r->eid_count, 1);
	assert_int_equal(r->ack_count, 2);
	for (size_t i = 0; i < r->ack_count; i++) {
		assert_int_equal(r->acks[i].verdict, SYNC_ACCEPTED);
		assert_in_range(r->acks[i].at - r->heard, 10 * US_MS, 11 * US_MS);
	}
	assert_in_range(r->all_acked - r->heard, 10 * US_MS, 11 * US_MS);
	/* The client's next packet after the news has reached it. */
	assert_in_range(r->first_frame - r->heard, 0, 21 * US_MS);
	assert_true(r->confirmed >= r->heard);
	assert_int_equal(report_outcome(r), OUTCOME_DONE);
}

void
a_machine_announced_by_rarp_moves(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		uint64_t before;

		story_talk(&c, 10 * US_MS);
		story_expect_talk(&c, 10 * US_MS);
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		before = sim_stats(c.vm)->received;
		/* 5 ms pause, one way for the news, one for the packets; everybody goes on. */
		sim_run(c.sim, 30 * US_MS);
		story_expect_at(c.sim, c.vm, B);
		assert_true(sim_stats(c.vm)->received > before);
		story_expect_talk(&c, 10 * US_MS);
		assert_int_equal(sim_moves(c.sim, B, sim_machine_ip(c.vm)), 1);
		assert_int_equal(sim_moves(c.sim, A, sim_machine_ip(c.vm)), 0);
		expect_record(&c);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}
