#include "tests/sim/stories/story.h"

void
a_machine_announced_by_rarp_moves(void **state)
{
	for (enum sim_layout layout = SIM_SUBNETS; layout <= SIM_STRETCHED; layout++) {
		struct sim *sim = story_world(3, layout);
		struct sim_machine *vm = sim_add(sim, SIM_VN, A, 50);
		struct sim_machine *native = sim_add(sim, SIM_VN, A, 10);
		struct sim_machine *client = sim_add(sim, SIM_VN, C, 10);
		uint64_t before;

		(void)state;
		sim_speak(sim, vm);
		sim_speak(sim, native);
		sim_talk(sim, client, vm, 10 * US_MS);
		sim_talk(sim, vm, client, 10 * US_MS);
		sim_talk(sim, native, vm, 10 * US_MS);
		sim_talk(sim, vm, native, 10 * US_MS);
		sim_run(sim, 3 * US_S);
		assert_owner(sim, vm, A);
		assert_true(sim_stats(vm)->received > 400);

		sim_migrate(sim, vm, B, &sim_by_rarp);
		sim_run(sim, 2 * US_S);
		assert_owner(sim, vm, B);
		before = sim_stats(vm)->received;
		sim_run(sim, US_S);
		assert_int_equal(sim_stats(vm)->received - before, 200);
		assert_int_equal(sim_moves(sim, B, sim_machine_ip(vm)), 1);
		assert_int_equal(sim_moves(sim, A, sim_machine_ip(vm)), 0);
		sim_run(sim, 12 * US_S);
		story_end(sim);
	}
}
