/* Two virtual networks with the same addresses on the same routers, with the same MACs too or with others. */
#include "tests/sim/stories/story.h"

void
virtual_networks_do_not_see_each_other(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	for (int vn_in_macs = 0; vn_in_macs <= 1; vn_in_macs++) {
		struct sim_params params = story_params(3, layout);
		struct sim_machine *vm, *client;
		struct cast c;
		uint64_t packets, before;

		params.vns = 2;
		params.vn_in_macs = vn_in_macs;
		c = story_cast_with(&params);
		vm = sim_add(c.sim, SIM_VN + 1, A, 50);
		client = sim_add(c.sim, SIM_VN + 1, C, 10);
		sim_talk(c.sim, client, vm, 10 * US_MS);
		sim_talk(c.sim, vm, client, 10 * US_MS);
		story_talk(&c, 10 * US_MS);
		sim_run(c.sim, US_S);
		/* One moves, the other stays. */
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 100 * US_MS);
		story_expect_at(c.sim, c.vm, B);
		story_expect_at(c.sim, vm, A);
		packets = sim_stats(vm)->received;
		story_expect_talk(&c, 10 * US_MS);
		assert_in_range(sim_stats(vm)->received - packets, 99, 101);
		/* The other goes elsewhere. */
		sim_migrate(c.sim, vm, C, &sim_by_rarp);
		sim_run(c.sim, 100 * US_MS);
		story_expect_at(c.sim, c.vm, B);
		story_expect_at(c.sim, vm, C);
		story_expect_talk(&c, 10 * US_MS);
		/* What the first has that the second does not: no way from there to here. */
		before = sim_stats(c.native_b)->received;
		(void)sim_send(c.sim, client, sim_machine_ip(c.native_b));
		sim_hush(c.vm);
		sim_run(c.sim, 10 * US_S);
		assert_true(sim_stats(c.native_b)->received - before < 3);
		story_end(c.sim);
	}
}
