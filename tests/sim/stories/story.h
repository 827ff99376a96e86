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
	X(an_answer_that_is_lost_is_asked_for_again)                                               \
	X(an_owner_that_lives_and_never_answers_is_told_of)                                        \
	X(repeats_and_echoes_make_one_move)                                                        \
	X(late_frames_of_a_departed_machine_are_not_believed)                                      \
	X(frames_that_are_very_late_are_asked_about)                                               \
	X(lost_and_repeated_messages_do_not_matter)                                                \
	X(a_claim_of_a_router_that_may_not_have_it_is_refused)                                     \
	X(a_machine_is_not_claimed_where_it_may_not_be)                                            \
	X(a_rarp_of_an_unknown_machine_changes_nothing)                                            \
	X(a_forged_source_goes_nowhere)                                                            \
	X(a_router_that_may_not_have_it_raises_no_counter)                                         \
	X(a_router_that_may_not_have_it_answers_no_claim_away)                                     \
	X(an_owner_without_memory_is_believed_by_who_may_not_tell_it)                              \
	X(a_router_may_die_at_every_step)                                                          \
	X(a_router_that_is_gone_is_said_to_be)                                                     \
	X(a_restart_without_memory_is_no_step_back)                                                \
	X(a_partition_heals)                                                                       \
	X(moves_on_both_sides_of_a_partition_are_settled)                                          \
	X(a_machine_that_was_back_before_the_news_stays)                                           \
	X(an_owner_that_is_reached_late_is_waited_for)                                             \
	X(a_duplicate_raises_an_alarm_and_stays_where_it_is)                                       \
	X(too_many_moves_freeze_a_machine)                                                         \
	X(a_frozen_machine_is_looked_for_when_it_may_move)                                         \
	X(a_silent_native_is_found)                                                                \
	X(a_machine_that_is_gone_is_forgotten_everywhere)                                          \
	X(a_machine_that_was_forgotten_is_found_again)                                             \
	X(two_claims_at_one_time_are_settled_alike)                                                \
	X(a_page_of_an_earlier_pull_takes_nothing_away)                                            \
	X(who_hears_a_machine_from_elsewhere_asks_there)                                           \
	X(a_gateway_at_every_site_is_no_reason_to_ask_for_ever)                                    \
	X(arp_is_answered_for_machines_elsewhere_only)                                             \
	X(nobody_is_told_that_its_own_address_is_taken)                                            \
	X(a_probe_is_answered_while_the_owner_lives)                                               \
	X(a_visitor_finds_its_gateway)                                                             \
	X(routed_packets_lose_one_hop)                                                             \
	X(a_packet_too_big_is_answered_or_cut)                                                     \
	X(segments_fit_the_path)                                                                   \
	X(what_still_comes_to_the_old_site_is_forwarded_once)                                      \
	X(after_the_news_nothing_goes_by_the_old_site)                                             \
	X(redirected_packets_do_not_go_round)                                                      \
	X(neighbours_talk_past_the_router)                                                         \
	X(a_native_with_a_fixed_entry_keeps_its_connection)                                        \
	X(virtual_networks_do_not_see_each_other)                                                  \
	X(a_second_owner_is_found)                                                                 \
	X(tables_that_differ_are_found)                                                            \
	X(ghosts_are_found)                                                                        \
	X(a_frame_from_vn_to_vn_is_found)                                                          \
	X(arp_from_vn_to_vn_is_found)                                                              \
	X(a_claim_from_vn_to_vn_is_found)                                                          \
	X(schedules_of_a_process_that_dies_count_as_failed)                                        \
	X(a_process_that_ends_badly_is_no_success)

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
/* The same, with something done to the configuration of each router. */
struct cast story_cast_tuned(enum sim_layout layout,
			     void (*tune)(struct conf *conf, size_t router));
struct cast story_cast_with(const struct sim_params *params);
/* What story_world() makes its world of. */
struct sim_params story_params(size_t routers, enum sim_layout layout);
/* For 'tune': A and B may host the mobile machines, C may not. */
void story_hosts_a_and_b(struct conf *conf, size_t router);
/* All others talk with the machine, both ways, every 'interval'. */
void story_talk(struct cast *c, us_t interval);
/* For one second from now: is every packet between the machine and everybody delivered? */
void story_expect_talk(struct cast *c, us_t interval);
/* Everybody says that the machine is at 'site', where it is. */
void story_expect_at(struct sim *sim, struct sim_machine *m, size_t site);

#define FOR_BOTH_LAYOUTS(layout)                                                                   \
	for (enum sim_layout layout = SIM_SUBNETS; layout <= SIM_STRETCHED; layout++)

#endif
