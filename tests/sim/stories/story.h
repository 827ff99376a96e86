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

#define STORIES(X)                                                                                 \
	X(a_machine_announced_by_rarp_moves)                                                       \
	X(a_machine_that_announces_itself_moves)                                                   \
	X(a_machine_that_only_talks_moves)                                                         \
	X(a_router_that_knows_nothing_asks_who_moved)                                              \
	X(a_machine_returns_home)                                                                  \
	X(a_machine_moves_on_and_on)                                                               \
	X(two_machines_cross)                                                                      \
	X(a_failed_migration_is_taken_back_within_a_second)                                        \
	X(a_return_after_100_ms_is_believed)                                                       \
	X(repeats_and_echoes_make_one_move)                                                        \
	X(late_frames_of_a_departed_machine_are_not_believed)                                      \
	X(lost_and_repeated_messages_do_not_matter)

#define X(name) void name(void **state);
STORIES(X)
#undef X

/* Sites by their letters. */
enum { A, B, C, D };

/* A small world: 'routers' sites, one VN, links of 5 ms and nothing lost; everybody has met. */
struct sim *story_world(size_t routers, enum sim_layout layout);
/* Fails with what went wrong, if anything did, and ends the world. */
void story_end(struct sim *sim);

/* Three sites, everybody known: the machine that moves is at home in A, where a native stands too, as
 * in B; the client is the native of C. */
struct cast {
	struct sim *sim;
	struct sim_machine *vm, *native_a, *native_b, *client;
};

struct cast story_cast(enum sim_layout layout);
/* All others talk with the machine, both ways, every 'interval'. */
void story_talk(struct cast *c, us_t interval);
/* For one second from now: is every packet between the machine and everybody delivered? */
void story_expect_talk(struct cast *c, us_t interval);
/* Everybody says that the machine is at 'site', where it is. */
void story_expect_at(struct sim *sim, struct sim_machine *m, size_t site);

#define FOR_BOTH_LAYOUTS(layout)                                                                   \
	for (enum sim_layout layout = SIM_SUBNETS; layout <= SIM_STRETCHED; layout++)

#endif
