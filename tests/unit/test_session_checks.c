/* What an authentic peer can have a router send: no more than it needs. */
#include "tests/unit/session_relay.h"

/* What router 0 sends to one place. */
struct count {
	struct addr to;
	unsigned sent;
};

static bool
counted(struct sim *s, const struct sim_event *e)
{
	struct count *c = s->tap_ctx;

	c->sent += endpoint_equal(e->from, s->nodes[0].at) && addr_equal(e->to.addr, c->to);
	return true;
}

/* What router 2 sends from behind its NAT. */
static bool
counted_of_2(struct sim *s, const struct sim_event *e)
{
	struct count *c = s->tap_ctx;

	c->sent += addr_equal(e->from.addr, s->nodes[2].nat.outside);
	return true;
}

static struct sim *
two(void)
{
	struct sim *s = sim_create(2, 40);

	s->delay_min = s->delay_max = 10 * US_MS;
	sim_start_all(s);
	sim_run(s, US_S);
	assert_true(sim_both_up(s, 0, 1));
	return s;
}

/* Router 1 seals and sends this to router 0. */
static void
say(struct sim *s, enum seal_kind kind, const uint8_t *body, size_t size)
{
	struct session *peer = roster_at(s->nodes[1].roster, 0);
	uint8_t record[SEAL_OVERHEAD + PATHS_TELL_SIZE_MAX];

	assert_int_equal(session_seal(peer, &(struct seal_inner){.kind = (uint8_t)kind}, record, 0,
				      body, size, s->now),
			 0);
	(void)sim_on_send(&s->nodes[1], session_path(peer), record, SEAL_OVERHEAD + size, s->now);
}

static void
checks_without_end_are_not_answered_without_end(void **state)
{
	struct sim *s = two();
	struct count c = {.to = s->nodes[1].at.addr};
	uint8_t body[PATHS_CHECK_SIZE];

	(void)state;
	s->tap = counted;
	s->tap_ctx = &c;
	for (unsigned i = 0; i < 4000; i++) {
		paths_check_build(&(struct paths_check){.token = i}, body);
		say(s, SEAL_CHECK, body, sizeof(body));
		if (i % 4 == 0)
			sim_run(s, US_MS);
	}
	sim_run(s, 100 * US_MS);
	assert_in_range(c.sent, 256, 256 + 60 + 20);
	assert_true(sim_drops(s, 0, ROSTER_DROP_CHECK_LIMIT) > 3600);
	s->tap = NULL;
	/* It is there still, and after a while it is answered as before. */
	sim_talk(s, US_S, US_MS);
	sim_run(s, US_S);
	sim_check_all_arrived(s, 0, 1);
	sim_check_all_arrived(s, 1, 0);
	sim_run(s, 10 * US_S);
	s->tap = counted;
	c.sent = 0;
	for (unsigned i = 0; i < 100; i++)
		say(s, SEAL_CHECK, body, sizeof(body));
	sim_run(s, 100 * US_MS);
	assert_true(c.sent >= 100);
	sim_destroy(s);
}

/* Each list sets off checks to all that is in it, which may be anybody's. */
static void
candidates_without_end_are_not_checked_without_end(void **state)
{
	struct sim *s = two();
	struct paths_candidates list = {.count = PATHS_CANDIDATES_MAX};
	struct count c = {.to = sim_address(99, 0).addr};
	uint8_t body[PATHS_TELL_SIZE_MAX];

	(void)state;
	s->tap = counted;
	s->tap_ctx = &c;
	for (unsigned i = 1; i <= 200; i++) {
		list.serial = i;
		for (uint8_t j = 0; j < list.count; j++)
			list.rows[j] = (struct paths_candidate){
				.origin = CANDIDATE_HOST,
				.to = sim_address(99, (uint16_t)(i * 16 + j + 1))};
		say(s, SEAL_CANDIDATES, body, paths_candidates_build(&list, body));
		sim_run(s, 300 * US_MS);
	}
	/* A minute. */
	assert_in_range(c.sent, 256, 256 + 20 * 60 + 20);
	assert_true(sim_drops(s, 0, ROSTER_DROP_CHECK_LIMIT) > 1000);
	sim_destroy(s);
}

/* Of an honest pair nothing is refused, whatever its NATs do. */
static void
no_honest_peer_meets_the_limits(void **state)
{
	(void)state;
	for (unsigned side = NONE; side < SIDES; side++) {
		struct sim *s = relayed((enum side)side, SYMMETRIC, side);

		until_up(s, 3 * US_S);
		for (unsigned i = 0; i < 6; i++) {
			talk(s, 2 * US_S);
			sim_run(s, 8 * US_S);
			roster_underlay_changed(s->nodes[1].roster, s->now);
			for (size_t row = 0; row < 64; row++)
				s->nodes[1].nat.rows[row].port = 0;
		}
		for (unsigned i = 0; i < 3; i++)
			if (sim_drops(s, i, ROSTER_DROP_CHECK_LIMIT) != 0)
				fail_msg("%s: router %u", way_of(s, 1, 2), i);
		sim_destroy(s);
	}
}

/* Nothing comes back but what is asked for, so that the way is in doubt again and again. */
static void
one_way_traffic_is_not_checked_without_end(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, 7);
	struct count c;

	(void)state;
	s->delay_min = s->delay_max = US_MS / 10;
	until_up(s, US_S);
	talk(s, 3 * US_S);
	c = (struct count){.sent = 0};
	s->nodes[1].links[2].moves = 0;
	s->tap = counted_of_2;
	s->tap_ctx = &c;
	for (unsigned i = 0; i < 90000; i++) {
		sim_run(s, US_MS);
		(void)sim_data(s, 1, 2);
	}
	/* A second: 25 by the way in use, 4 by the relay, and what router 2 asks for itself. */
	assert_in_range(c.sent, 500, 90 * 32);
	assert_int_equal(sim_drops(s, 2, ROSTER_DROP_CHECK_LIMIT), 0);
	assert_int_equal(s->nodes[1].links[2].moves, 0);
	sim_destroy(s);
}

/* A peer with both families names both: to one that its socket cannot send to nothing is sent. */
static void
what_the_socket_does_not_reach_is_not_tried(void **state)
{
	struct sim *s = two();
	struct paths_candidates list = {.serial = 1, .count = 2};
	uint8_t body[PATHS_TELL_SIZE_MAX], v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	struct session_stats stats;

	(void)state;
	s->nodes[0].only_v4 = true;
	list.rows[0] = (struct paths_candidate){
		.origin = CANDIDATE_HOST, .to = {.addr = addr_make(ADDR_V6, v6), .port = 51341}};
	list.rows[1] = (struct paths_candidate){.origin = CANDIDATE_HOST, .to = s->nodes[1].at};
	say(s, SEAL_CANDIDATES, body, paths_candidates_build(&list, body));
	sim_run(s, 30 * US_S);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_SEND), 0);
	sim_talk(s, US_S, US_MS);
	session_stats(roster_at(s->nodes[0].roster, 1), s->now, &stats);
	assert_int_equal(stats.path_count, 1);
	/* Configured, it is not called either. */
	session_endpoints(roster_at(s->nodes[0].roster, 1), &list.rows[0].to, 1, s->now);
	roster_touch(s->nodes[0].roster, roster_at(s->nodes[0].roster, 1));
	sim_stop(s, 1);
	sim_run(s, 400 * US_S);
	assert_false(s->nodes[0].links[1].up);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_SEND), 0);
	sim_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_without_end_are_not_answered_without_end),
		cmocka_unit_test(candidates_without_end_are_not_checked_without_end),
		cmocka_unit_test(no_honest_peer_meets_the_limits),
		cmocka_unit_test(one_way_traffic_is_not_checked_without_end),
		cmocka_unit_test(what_the_socket_does_not_reach_is_not_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
