/* What is heard again is no other move: repeats of the hypervisor, our own announcements, late frames, and messages
 * that are lost or come twice. */
#include "tests/sim/stories/story.h"

void
repeats_and_echoes_make_one_move(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		struct sim_announce both = {.rarp = true, .garp = true};
		struct mac router = {{2, 0x56, 0x52, 0, 0, SIM_VN}};
		uint64_t moved = 0;

		sim_migrate(c.sim, c.vm, B, &both);
		for (int i = 0; i < 150; i++) {
			struct arp arp = {.eth_dst = MAC_BROADCAST,
					  .eth_src = router,
					  .op = ARP_REQUEST,
					  .sha = i % 2 != 0 ? router : sim_machine_mac(c.vm),
					  .spa = sim_machine_ip(c.vm),
					  .tpa = sim_machine_ip(c.vm)};
			uint8_t frame[60];

			/* Announcements of either router come back by another way. */
			arp_build(&arp, frame);
			sim_inject(c.sim, SIM_VN, A, frame, sizeof(frame));
			sim_inject(c.sim, SIM_VN, B, frame, sizeof(frame));
			sim_run(c.sim, 10 * US_MS);
		}
		story_expect_at(c.sim, c.vm, B);
		for (size_t i = 0; i < 3; i++)
			moved += sim_moves(c.sim, i, sim_machine_ip(c.vm));
		assert_int_equal(moved, 1);
		assert_true(sim_drops(c.sim, A, DROP_ECHO) >= 150);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

void
late_frames_of_a_departed_machine_are_not_believed(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);

		story_talk(&c, 10 * US_MS);
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 5 * US_MS);
		/* The source's queue runs empty while B already announces it. */
		for (int i = 0; i < 25; i++) {
			sim_run(c.sim, US_MS);
			sim_late_frame(c.sim, c.vm, A, sim_machine_ip(c.client));
		}
		story_expect_at(c.sim, c.vm, B);
		sim_run(c.sim, 100 * US_MS);
		/* The switch of A has learned the machine again, and the router taken it back. */
		story_expect_talk(&c, 10 * US_MS);
		assert_int_equal(sim_moves(c.sim, A, sim_machine_ip(c.vm)), 0);
		assert_int_equal(sim_moves(c.sim, B, sim_machine_ip(c.vm)), 1);
		assert_true(sim_vr(c.sim, A)->guarded > 0);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

void
frames_that_are_very_late_are_asked_about(void **state)
{
	static const us_t times[] = {60 * US_MS, 150 * US_MS, 600 * US_MS, 1500 * US_MS};

	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);

		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 5 * US_MS);
		/* Behind the guard, so that they could mean a return: the machine answers at B only. */
		for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
			sim_run(c.sim, times[i]);
			sim_late_frame(c.sim, c.vm, A, sim_machine_ip(c.client));
			sim_run(c.sim, US_MS);
			story_expect_at(c.sim, c.vm, B);
		}
		sim_run(c.sim, US_S);
		story_expect_at(c.sim, c.vm, B);
		assert_int_equal(sim_moves(c.sim, A, sim_machine_ip(c.vm)), 0);
		assert_int_equal(sim_moves(c.sim, B, sim_machine_ip(c.vm)), 1);
		assert_int_equal(sim_alarms(c.sim, A, ""), 0);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

void
lost_and_repeated_messages_do_not_matter(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);

		sim_set_badness(c.sim, 300, 300, 300);
		for (int i = 0; i < 10; i++) {
			const struct report *r;
			size_t to = i % 2 == 0 ? B : A;

			sim_migrate(c.sim, c.vm, to, &sim_by_rarp);
			sim_run(c.sim, 2 * US_S);
			story_expect_at(c.sim, c.vm, to);
			r = reports_last(sim_vr(c.sim, to)->reports, SIM_VN, sim_machine_ip(c.vm));
			assert_int_equal(sim_moves(c.sim, to, sim_machine_ip(c.vm)), i / 2 + 1);
			for (size_t j = 0; j < r->ack_count; j++)
				assert_true(r->acks[j].at != 0);
		}
		sim_set_badness(c.sim, 0, 0, 0);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}
