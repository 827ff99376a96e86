/* Routers die and come back, with what they had saved or without: at every step of a move. */
#include "tests/sim/stories/story.h"

static void
die_and_return(enum sim_layout layout, size_t who, us_t when, bool keep)
{
	struct cast c = story_cast(layout);

	story_talk(&c, 50 * US_MS);
	/* The pause takes 5 ms; 'when' counts from the RARP. */
	sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
	sim_run(c.sim, 5 * US_MS + when);
	sim_crash(c.sim, who);
	sim_run(c.sim, 1500 * US_MS);
	sim_start(c.sim, who, keep);
	sim_run(c.sim, 8 * US_S);
	/* A router that does not know what its LAN knew leaves the LAN to its own ARP. */
	if (who == A && !keep)
		sim_run(c.sim, 40 * US_S);
	story_expect_at(c.sim, c.vm, B);
	story_expect_talk(&c, 50 * US_MS);
	/* Neighbours talk past the router: it knows those again that say something to all. */
	sim_speak(c.sim, c.native_b);
	sim_run(c.sim, 10 * US_S);
	story_end(c.sim);
}

void
a_router_may_die_at_every_step(void **state)
{
	/* Before the RARP, before and after the claim, before and after each answer, during the repeats. */
	static const us_t steps[] = {-2 * US_MS, 10,         30,         4 * US_MS,   5200,
				     10 * US_MS, 12 * US_MS, 60 * US_MS, 360 * US_MS, 900 * US_MS};

	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	for (size_t who = A; who <= C; who++)
		for (size_t i = 0; i < ARRAY_COUNT(steps); i++)
			for (int keep = 0; keep < 2; keep++)
				die_and_return(layout, who, steps[i], keep != 0);
}

void
a_restart_without_memory_is_no_step_back(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		const struct hwdt_entry *e;

		for (int i = 0; i < 3; i++) {
			sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
			sim_run(c.sim, 6 * US_S);
			sim_migrate(c.sim, c.vm, A, &sim_by_rarp);
			sim_run(c.sim, 6 * US_S);
		}
		e = hwdt_find(sim_vr(c.sim, C)->hwdt, SIM_VN, sim_machine_ip(c.vm));
		assert_int_equal(e->b.mobility, 7);
		/* Its counter starts at one again, until the others say what they know. */
		sim_crash(c.sim, A);
		sim_start(c.sim, A, false);
		sim_speak(c.sim, c.vm);
		/* Meanwhile nobody forgets where the machine is. */
		for (int i = 0; i < 200; i++) {
			sim_run(c.sim, 10 * US_MS);
			assert_int_equal(sim_owner(c.sim, B, SIM_VN, sim_machine_ip(c.vm)), A);
			assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)), A);
		}
		story_expect_at(c.sim, c.vm, A);
		e = hwdt_find(sim_vr(c.sim, C)->hwdt, SIM_VN, sim_machine_ip(c.vm));
		assert_true(e->b.mobility > 7);
		/* And the next move is newer than all of that. */
		sim_migrate(c.sim, c.vm, C, &sim_by_rarp);
		sim_run(c.sim, 100 * US_MS);
		story_expect_at(c.sim, c.vm, C);
		sim_speak(c.sim, c.native_a);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

void
a_router_that_is_gone_is_said_to_be(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		const struct peer *peer = peers_find(sim_vr(c.sim, A)->peers, sim_id(c.sim, C));
		uint64_t packet;

		sim_talk(c.sim, c.native_a, c.client, 100 * US_MS);
		sim_run(c.sim, US_S);
		sim_crash(c.sim, C);
		sim_run(c.sim, 3 * US_S);
		assert_int_equal(peer->state, PEER_UP);
		assert_int_equal(sim_stats(c.native_a)->icmp_errors, 0);
		/* Silent for four seconds: it is down, and whoever wants something there hears so. */
		sim_run(c.sim, 2500 * US_MS);
		assert_int_equal(peer->state, PEER_DOWN);
		assert_true(sim_drops(c.sim, A, DROP_PEER_DOWN) > 5);
		assert_true(sim_stats(c.native_a)->icmp_errors > 5);
		assert_int_equal(sim_stats(c.native_a)->last_icmp_type, 3);
		assert_int_equal(sim_stats(c.native_a)->last_icmp_code, 1);
		sim_start(c.sim, C, true);
		sim_run(c.sim, 500 * US_MS);
		assert_int_equal(peer->state, PEER_UP);
		packet = sim_send(c.sim, c.native_a, sim_machine_ip(c.client));
		sim_run(c.sim, 20 * US_MS);
		assert_int_equal(sim_received(c.sim, packet), 1);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}
