/* Routers behind NATs and firewalls in the simulated network, with a relay.
 *
 * Router 0 is the relay, in public; 1 and 2 know it by its address and each other by their keys
 * only. */
#ifndef TESTS_UNIT_SESSION_RELAY_H
#define TESTS_UNIT_SESSION_RELAY_H

#include "tests/unit/session_sim.h"

enum side { NONE, EIM_EIF, EIM_ADF, EIM_APDF, SYMMETRIC, NO_UDP, SIDES };

static const char *const side_names[] = {"none",     "eim-eif",   "eim-adf",
					 "eim-apdf", "apdm-apdf", "udp-blocked"};

static inline void
nat_make(struct sim_node *n, enum side side)
{
	static const struct {
		enum sim_mapping mapping;
		enum sim_filtering filtering;
	} rows[] = {
		[NONE] = {SIM_PUBLIC, SIM_EIF},     [EIM_EIF] = {SIM_EIM, SIM_EIF},
		[EIM_ADF] = {SIM_EIM, SIM_ADF},     [EIM_APDF] = {SIM_EIM, SIM_APDF},
		[SYMMETRIC] = {SIM_APDM, SIM_APDF}, [NO_UDP] = {SIM_EIM, SIM_APDF},
	};

	n->nat = (struct sim_nat){.mapping = rows[side].mapping,
				  .filtering = rows[side].filtering,
				  .outside = sim_address(1000 + n->number, 0).addr,
				  .blocks_udp = side == NO_UDP,
				  .port_next = 2000};
}

static inline void
told_own(struct sim *s, unsigned node)
{
	struct paths_candidate own = {.origin = CANDIDATE_HOST, .to = s->nodes[node].at};

	roster_own(s->nodes[node].roster, &own, 1, s->now);
}

/* Tells a router where the relay is, and that it relays. */
static inline void
point_at_relay(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->nodes[node];
	struct session *relay = roster_at(n->roster, 0);

	session_endpoints(relay, &s->nodes[0].at, 1, s->now);
	session_streams(relay, &s->nodes[0].at, 1, s->now);
	roster_set_relay(n->roster, 0, true, s->now);
	roster_touch(n->roster, relay);
}

static inline struct sim *
relayed(enum side a, enum side b, uint64_t seed)
{
	struct sim *s = sim_create(3, seed);

	s->conf.relay = true;
	s->delay_min = s->delay_max = 10 * US_MS;
	nat_make(&s->nodes[1], a);
	nat_make(&s->nodes[2], b);
	for (unsigned i = 0; i < 3; i++) {
		s->nodes[i].has_endpoints = false;
		sim_start(s, i);
		told_own(s, i);
	}
	point_at_relay(s, 1);
	point_at_relay(s, 2);
	return s;
}

static inline struct session *
session_of(struct sim *s, unsigned a, unsigned b)
{
	return roster_at(s->nodes[a].roster, b);
}

static inline enum path_kind
kind_of(struct sim *s, unsigned a, unsigned b)
{
	return (enum path_kind)session_path(session_of(s, a, b))->kind;
}

static inline const char *
way_of(struct sim *s, unsigned a, unsigned b)
{
	struct session_stats stats;

	session_stats(session_of(s, a, b), s->now, &stats);
	switch (kind_of(s, a, b)) {
	case PATH_UDP:
		return stats.punched ? "punched" : "direct";
	case PATH_RELAY:
		return "relayed";
	case PATH_TCP:
		return "tcp";
	case PATH_NONE:
		break;
	}
	return "none";
}

/* Runs until the condition holds, or fails. */
static inline void
until_up(struct sim *s, us_t patience)
{
	us_t end = s->now + patience;

	while (!sim_both_up(s, 1, 2) && s->now < end)
		sim_run(s, US_MS);
	assert_true(sim_both_up(s, 1, 2));
}

/* Data in both directions between 1 and 2, a packet each 'gap'. */
static inline void
talk_each(struct sim *s, us_t gap, us_t duration)
{
	for (us_t end = s->now + duration; s->now < end;) {
		sim_run(s, gap);
		(void)sim_data(s, 1, 2);
		(void)sim_data(s, 2, 1);
	}
}

static inline void
talk(struct sim *s, us_t duration)
{
	talk_each(s, US_MS, duration);
}

static inline void
nothing_was_lost(struct sim *s)
{
	sim_run(s, US_S);
	sim_check_all_arrived(s, 1, 2);
	sim_check_all_arrived(s, 2, 1);
}

#endif
