/* The stories: each tells one course of events from beginning to end and says what must come of it.
 *
 * A story is a cmocka test; its name is its claim. */
#ifndef TESTS_SIM_STORIES_STORY_H
#define TESTS_SIM_STORIES_STORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/sim.h"

#define STORIES(X) X(a_machine_announced_by_rarp_moves)

#define X(name) void name(void **state);
STORIES(X)
#undef X

/* Sites by their letters. */
enum { A, B, C, D };

/* A small world: 'routers' sites, one VN, links of 5 ms and nothing lost; everybody has met. */
struct sim *story_world(size_t routers, enum sim_layout layout);
/* Says what went wrong, if anything did. */
void story_end(struct sim *sim);

#define assert_owner(sim, m, site)                                                                 \
	for (size_t i_ = 0; i_ < sim_routers(sim); i_++)                                           \
	assert_int_equal(sim_owner(sim, i_, sim_machine_vn(m), sim_machine_ip(m)), site)
#define assert_all_well(sim)                                                                       \
	do {                                                                                       \
		if (!sim_all_agree(sim))                                                           \
			fail_msg("%s", sim_fault(sim));                                            \
	} while (0)

#endif
