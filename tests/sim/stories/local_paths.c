/* Machines of one LAN: neighbours see each other at once, whoever has just come or gone. */
#include "tests/sim/stories/story.h"

void
neighbours_talk_past_the_router(void **state)
{
	struct cast c = story_cast(SIM_STRETCHED);
	uint64_t taken, packets;

	(void)state;
	sim_talk(c.sim, c.native_b, c.vm, 10 * US_MS);
	sim_talk(c.sim, c.vm, c.native_b, 10 * US_MS);
	sim_run(c.sim, US_S);
	sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
	sim_run(c.sim, 105 * US_MS);
	taken = sim_vr(c.sim, B)->lan_taken;
	packets = sim_stats(c.vm)->received;
	sim_run(c.sim, US_S);
	assert_int_equal(sim_vr(c.sim, B)->lan_taken, taken);
	assert_in_range(sim_stats(c.vm)->received - packets, 99, 101);
	/* Home again: now they are apart, and the router stands between them. */
	sim_migrate(c.sim, c.vm, A, &sim_by_rarp);
	sim_run(c.sim, 105 * US_MS);
	packets = sim_stats(c.vm)->received;
	sim_run(c.sim, US_S);
	assert_in_range(sim_stats(c.vm)->received - packets, 99, 101);
	sim_run(c.sim, 10 * US_S);
	story_end(c.sim);

	/* With a subnet for each site the router of the new one routes between them, and nobody else. */
	c = story_cast(SIM_SUBNETS);
	sim_talk(c.sim, c.native_b, c.vm, 10 * US_MS);
	sim_talk(c.sim, c.vm, c.native_b, 10 * US_MS);
	sim_run(c.sim, US_S);
	sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
	sim_run(c.sim, 50 * US_MS);
	taken = sim_link_data(c.sim, B, A) + sim_link_data(c.sim, A, B);
	packets = sim_stats(c.vm)->received;
	sim_run(c.sim, US_S);
	assert_int_equal(sim_link_data(c.sim, B, A) + sim_link_data(c.sim, A, B), taken);
	assert_in_range(sim_stats(c.vm)->received - packets, 99, 101);
	sim_run(c.sim, 10 * US_S);
	story_end(c.sim);
}

void
a_native_with_a_fixed_entry_keeps_its_connection(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		uint64_t packets;

		/* Nobody can tell it another MAC: the switches have to bring its frames to the router. */
		sim_arp_set(c.native_a, sim_machine_ip(c.vm), sim_machine_mac(c.vm), true);
		sim_talk(c.sim, c.native_a, c.vm, 10 * US_MS);
		sim_talk(c.sim, c.vm, c.native_a, 10 * US_MS);
		sim_run(c.sim, US_S);
		for (int i = 0; i < 4; i++) {
			sim_migrate(c.sim, c.vm, i % 2 == 0 ? B : A, &sim_by_rarp);
			sim_run(c.sim, 50 * US_MS);
			packets = sim_stats(c.vm)->received;
			sim_run(c.sim, US_S);
			assert_in_range(sim_stats(c.vm)->received - packets, 99, 101);
		}
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		/* Long after: switches forget a silent MAC after five minutes, and the machine is away. */
		sim_run(c.sim, 900 * US_S);
		packets = sim_stats(c.vm)->received;
		sim_run(c.sim, US_S);
		assert_in_range(sim_stats(c.vm)->received - packets, 99, 101);
		story_end(c.sim);
	}
}
