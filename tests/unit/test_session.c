/* Sessions between two routers over a bad network. */
#include "tests/unit/session_sim.h"

static struct sim *
two(uint64_t seed)
{
	struct sim *s = sim_create(2, seed);

	sim_start_all(s);
	return s;
}

static void
talk(struct sim *s, us_t duration)
{
	sim_talk(s, duration, US_MS);
}

static void
two_routers_meet_and_talk(void **state)
{
	(void)state;
	for (unsigned cipher = 0; cipher < 2; cipher++) {
		struct sim *s = sim_create(2, cipher);

		s->conf.cipher = cipher;
		s->nodes[1].has_endpoints = false;
		sim_start(s, 1);
		sim_start(s, 0);
		sim_run(s, 10 * US_MS);
		assert_true(sim_both_up(s, 0, 1));
		talk(s, 200 * US_MS);
		sim_run(s, US_S);
		sim_check_all_arrived(s, 0, 1);
		sim_check_all_arrived(s, 1, 0);
		assert_int_equal(s->nodes[0].links[1].sent, 200);
		assert_int_equal(s->nodes[0].links[1].mtu, 1500 - 28 - SEAL_OVERHEAD);
		sim_destroy(s);
	}
}

static void
different_ciphers_understand_each_other(void **state)
{
	struct sim *s = sim_create(2, 5);
	struct session_stats stats;

	(void)state;
	s->conf.cipher = CRYPTO_CHACHAPOLY;
	s->nodes[1].has_endpoints = false;
	sim_start(s, 0);
	s->conf.cipher = CRYPTO_AESGCM;
	sim_start(s, 1);
	sim_run(s, 10 * US_MS);
	assert_true(sim_both_up(s, 0, 1));
	session_stats(roster_at(s->nodes[1].roster, 0), s->now, &stats);
	assert_string_equal(stats.cipher, "ChaChaPoly");
	sim_destroy(s);
}

static void
crossing_handshakes_settle(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct sim *s = sim_create(2, seed);
		struct session_stats a, b;

		s->delay_max = (us_t)sim_below(s, 300) * US_MS + s->delay_min;
		s->dup_pct = 20;
		sim_start(s, 0);
		sim_run(s, (us_t)sim_below(s, 20) * US_MS);
		sim_start(s, 1);
		sim_run(s, 20 * US_S);
		assert_true(sim_both_up(s, 0, 1));
		sim_talk(s, 20 * US_S, 50 * US_MS);
		sim_run(s, 2 * US_S);
		sim_check_all_arrived(s, 0, 1);
		sim_check_all_arrived(s, 1, 0);
		/* And it stays settled. */
		session_stats(roster_at(s->nodes[0].roster, 1), s->now, &a);
		session_stats(roster_at(s->nodes[1].roster, 0), s->now, &b);
		assert_true(a.age > 20 * US_S && b.age > 20 * US_S);
		sim_destroy(s);
	}
}

static void
no_record_is_lost_through_rekeys(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		struct sim *s = sim_create(2, seed);
		struct session_stats stats;

		s->dup_pct = 10;
		s->delay_max = 30 * US_MS;
		s->conf.rekey_time = seed % 2 == 0 ? 2 * US_S : 120 * US_S;
		s->conf.rekey_records = seed % 2 == 0 ? 1u << 30 : 700;
		sim_start_all(s);
		sim_run(s, US_S);
		talk(s, 40 * US_S);
		sim_run(s, US_S);
		session_stats(roster_at(s->nodes[0].roster, 1), s->now, &stats);
		assert_true(stats.rekeys >= 15);
		assert_true(stats.age < 10 * US_S);
		sim_check_all_arrived(s, 0, 1);
		sim_check_all_arrived(s, 1, 0);
		assert_int_equal(s->nodes[0].links[1].sent, 40000);
		assert_int_equal(s->nodes[0].links[1].downs, 0);
		sim_destroy(s);
	}
}

static bool
tap_no_responses(struct sim *s, const struct sim_event *e)
{
	(void)s;
	return e->data[0] != SEAL_RESPONSE;
}

static void
old_keys_serve_until_the_new_ones_are_heard(void **state)
{
	struct sim *s = sim_create(2, 3);

	(void)state;
	s->conf.rekey_time = 5 * US_S;
	sim_start_all(s);
	sim_run(s, US_S);
	/* Every handshake from here on is accepted and answered, but the answer is lost. */
	s->tap = tap_no_responses;
	sim_talk(s, 30 * US_S, 10 * US_MS);
	s->tap = NULL;
	sim_talk(s, 10 * US_S, 10 * US_MS);
	sim_run(s, US_S);
	sim_check_all_arrived(s, 0, 1);
	sim_check_all_arrived(s, 1, 0);
	assert_int_equal(s->nodes[0].links[1].sent, 4000);
	sim_destroy(s);
}

struct init_log {
	us_t at[200];
	uint8_t to[200];
	unsigned count;
};

static bool
tap_inits(struct sim *s, const struct sim_event *e)
{
	struct init_log *log = s->tap_ctx;

	if (e->data[0] == SEAL_INIT && log->count < 200) {
		log->at[log->count] = s->now;
		log->to[log->count++] = e->to.addr.b[3];
	}
	return true;
}

static void
a_handshake_is_repeated_with_growing_gaps_in_bounds(void **state)
{
	struct sim *s = sim_create(2, 7);
	struct init_log log = {.count = 0};

	(void)state;
	s->tap = tap_inits;
	s->tap_ctx = &log;
	sim_start(s, 0);
	sim_run(s, 60 * US_S);
	assert_in_range(log.count, 14, 20);
	for (unsigned i = 1; i < log.count; i++)
		assert_in_range(log.at[i] - log.at[i - 1], 250 * US_MS, 5 * US_S);
	assert_true(log.at[1] - log.at[0] < 400 * US_MS);
	assert_true(log.at[log.count - 1] - log.at[log.count - 2] >= 4 * US_S);
	sim_start(s, 1);
	sim_run(s, 6 * US_S);
	assert_true(sim_both_up(s, 0, 1));
	sim_destroy(s);
}

static void
endpoints_are_tried_in_turn(void **state)
{
	struct sim *s = sim_create(2, 8);
	struct endpoint list[3] = {sim_address(77, 1), sim_address(78, 1), s->nodes[1].at};
	struct init_log log = {.count = 0};

	(void)state;
	s->tap = tap_inits;
	s->tap_ctx = &log;
	s->nodes[0].has_endpoints = s->nodes[1].has_endpoints = false;
	sim_start_all(s);
	sim_run(s, 10 * US_S);
	assert_int_equal(log.count, 0);
	session_endpoints(roster_at(s->nodes[0].roster, 1), list, 3, s->now);
	roster_touch(s->nodes[0].roster, roster_at(s->nodes[0].roster, 1));
	sim_run(s, 2 * US_S);
	assert_true(sim_both_up(s, 0, 1));
	assert_int_equal(log.to[0], 77);
	assert_int_equal(log.to[1], 78);
	assert_true(
		endpoint_equal(session_path(roster_at(s->nodes[0].roster, 1))->to, s->nodes[1].at));
	sim_destroy(s);
}

static void
a_bad_network_only_delays(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct sim *s = sim_create(2, seed);

		s->loss_pct = 40;
		s->dup_pct = 30;
		s->delay_max = 200 * US_MS;
		sim_start_all(s);
		sim_run(s, 60 * US_S);
		s->loss_pct = 0;
		sim_talk(s, 2 * US_S, 50 * US_MS);
		if (!sim_both_up(s, 0, 1))
			fail_msg("seed %llu", (unsigned long long)seed);
		sim_destroy(s);
	}
}

#define KEPT_MAX 4000

struct recording {
	struct sim_event events[KEPT_MAX];
	unsigned count;
};

static bool
tap_record(struct sim *s, const struct sim_event *e)
{
	struct recording *r = s->tap_ctx;

	if (r->count < KEPT_MAX) {
		r->events[r->count] = *e;
		r->events[r->count].data = malloc(e->size);
		memcpy(r->events[r->count++].data, e->data, e->size);
	}
	return true;
}

static void
recording_replay(struct sim *s, const struct recording *r, const struct endpoint *from)
{
	s->tap = NULL;
	for (unsigned i = 0; i < r->count; i++) {
		const struct sim_event *e = &r->events[i];

		sim_inject(s, from != NULL ? from : &e->from, &e->to, e->data, e->size);
	}
}

static void
recording_free(struct recording *r)
{
	for (unsigned i = 0; i < r->count; i++)
		free(r->events[i].data);
	free(r);
}

static void
replays_change_nothing(void **state)
{
	struct recording *r = calloc(1, sizeof(*r));
	struct sim *s = two(11);
	struct session_stats before, after;

	(void)state;
	s->tap = tap_record;
	s->tap_ctx = r;
	sim_run(s, US_S);
	talk(s, 500 * US_MS);
	sim_run(s, US_S);
	session_stats(roster_at(s->nodes[0].roster, 1), s->now, &before);
	recording_replay(s, r, NULL);
	sim_run(s, US_S);
	session_stats(roster_at(s->nodes[0].roster, 1), s->now, &after);
	assert_int_equal(before.handshakes, after.handshakes);
	assert_int_equal(before.rx_records, after.rx_records);
	assert_true(sim_drops(s, 1, ROSTER_DROP_REPLAYED) >= 500);
	assert_true(sim_drops(s, 0, ROSTER_DROP_STALE) + sim_drops(s, 1, ROSTER_DROP_STALE) > 0);
	sim_check_all_arrived(s, 0, 1);
	sim_check_all_arrived(s, 1, 0);
	recording_free(r);
	sim_destroy(s);
}

static void
replays_change_nothing_after_a_restart_either(void **state)
{
	(void)state;
	for (unsigned restarted = 0; restarted < 2; restarted++) {
		struct recording *r = calloc(1, sizeof(*r));
		struct sim *s = two(12);

		s->tap = tap_record;
		s->tap_ctx = r;
		sim_run(s, US_S);
		talk(s, 500 * US_MS);
		sim_run(s, US_S);
		/* The other one is away: nobody but the replay talks to the restarted one. */
		sim_stop(s, 0);
		sim_stop(s, 1);
		s->nodes[restarted].has_endpoints = false;
		sim_start(s, restarted);
		recording_replay(s, r, NULL);
		sim_run(s, 2 * US_S);
		assert_false(s->nodes[restarted].links[1 - restarted].up);
		assert_int_equal(sim_drops(s, restarted, ROSTER_DROP_FORGED), 0);
		assert_true(sim_drops(s, restarted, ROSTER_DROP_NO_INDEX) >= 500);
		/* And the real one is let in. */
		s->nodes[1 - restarted].has_endpoints = true;
		sim_start(s, 1 - restarted);
		sim_run(s, US_S);
		assert_true(sim_both_up(s, 0, 1));
		recording_free(r);
		sim_destroy(s);
	}
}

static void
a_router_that_restarts_without_its_state_gets_back(void **state)
{
	(void)state;
	for (unsigned wall = 1; wall < 3; wall++) {
		/* Router 2's clock stands still at the past: its handshakes look like replays. */
		struct sim *s = sim_create(3, 13);

		sim_start(s, 0);
		sim_start(s, wall);
		sim_run(s, 5 * US_S);
		sim_stop(s, wall);
		s->nodes[wall].clock_floor = 0;
		s->nodes[wall].links[0].floor = 0;
		sim_start(s, wall);
		for (unsigned i = 0; i < 10; i++) {
			(void)sim_data(s, 0, wall);
			sim_run(s, US_S);
		}
		assert_true(sim_both_up(s, 0, wall));
		assert_true(sim_data(s, wall, 0));
		sim_run(s, US_S);
		assert_true(s->nodes[0].links[wall].got > 0);
		sim_destroy(s);
	}
}

static void
silence_leads_to_a_new_handshake(void **state)
{
	struct sim *s = two(14);

	(void)state;
	sim_run(s, US_S);
	sim_stop(s, 1);
	s->nodes[1].has_endpoints = false;
	sim_start(s, 1);
	for (unsigned i = 0; i < 40; i++) {
		(void)sim_data(s, 0, 1);
		sim_run(s, 100 * US_MS);
	}
	assert_true(sim_both_up(s, 0, 1));
	/* It never stopped having keys, and nobody calls while nobody talks. */
	assert_int_equal(s->nodes[0].links[1].downs, 0);
	sim_destroy(s);
}

static void
another_silence_counts_at_once(void **state)
{
	struct sim *s = sim_create(2, 20);

	(void)state;
	s->conf.silence = 100 * US_S;
	sim_start_all(s);
	sim_run(s, US_S);
	assert_true(sim_both_up(s, 0, 1));
	sim_stop(s, 1);
	s->nodes[1].has_endpoints = false;
	sim_start(s, 1);
	for (unsigned i = 0; i < 40; i++) {
		(void)sim_data(s, 0, 1);
		sim_run(s, 100 * US_MS);
	}
	assert_false(sim_both_up(s, 0, 1));
	/* It has been silent for longer already. */
	roster_set_silence(s->nodes[0].roster, 2 * US_S);
	sim_run(s, 100 * US_MS);
	assert_true(sim_both_up(s, 0, 1));
	assert_int_equal(s->nodes[0].links[1].downs, 0);
	sim_destroy(s);
}

static void
the_peer_is_followed_to_where_it_is_authentic(void **state)
{
	struct recording *r = calloc(1, sizeof(*r));
	struct sim *s = two(15);
	struct session *peer = roster_at(s->nodes[1].roster, 0);
	struct endpoint home = s->nodes[0].at, away = sim_address(99, 4000);
	struct session_stats stats;
	uint8_t record[100];

	(void)state;
	sim_run(s, US_S);
	s->tap = tap_record;
	s->tap_ctx = r;
	talk(s, 100 * US_MS);
	sim_run(s, US_S);
	/* Repeated and forged records from elsewhere move nothing. */
	recording_replay(s, r, &away);
	memcpy(record, r->events[0].data, sizeof(record));
	record[60] ^= 1;
	sim_inject(s, &away, &s->nodes[1].at, record, sizeof(record));
	sim_run(s, US_S);
	assert_true(endpoint_equal(session_path(peer)->to, home));
	/* A real one does. */
	s->nodes[0].at = away;
	(void)sim_data(s, 0, 1);
	sim_run(s, 100 * US_MS);
	assert_true(endpoint_equal(session_path(peer)->to, away));
	talk(s, 100 * US_MS);
	sim_run(s, US_S);
	sim_check_all_arrived(s, 1, 0);
	sim_check_all_arrived(s, 0, 1);
	session_stats(peer, s->now, &stats);
	assert_int_equal(stats.roams, 1);
	recording_free(r);
	sim_destroy(s);
}

static void
a_new_address_of_our_own_is_told_at_once(void **state)
{
	struct sim *s = two(21);
	struct session *peer = roster_at(s->nodes[1].roster, 0);
	struct endpoint away = sim_address(98, 4000);

	(void)state;
	/* At this moment there is nothing else to say. */
	sim_run(s, 7123 * US_MS);
	s->nodes[0].at = away;
	sim_run(s, 5 * US_MS);
	assert_false(endpoint_equal(session_path(peer)->to, away));
	roster_underlay_changed(s->nodes[0].roster, s->now);
	/* One way, and nobody has sent anything else: the peer sends there as well, and asks. */
	sim_run(s, 2 * US_MS);
	assert_non_null(session_trial(peer));
	assert_true(endpoint_equal(session_trial(peer)->to, away));
	assert_false(endpoint_equal(session_path(peer)->to, away));
	sim_run(s, 2 * US_MS);
	assert_true(endpoint_equal(session_path(peer)->to, away));
	assert_null(session_trial(peer));
	assert_int_equal(s->nodes[0].links[1].downs, 0);
	sim_destroy(s);
}

static void
a_peer_that_does_not_know_our_keys_any_more_is_called_after_a_change(void **state)
{
	struct sim *s = sim_create(2, 22);
	us_t start;

	(void)state;
	s->conf.silence = 100 * US_S;
	sim_start_all(s);
	sim_run(s, US_S);
	sim_stop(s, 1);
	s->nodes[1].has_endpoints = false;
	sim_start(s, 1);
	sim_run(s, 5 * US_S);
	assert_false(s->nodes[1].links[0].up);
	start = s->now;
	roster_underlay_changed(s->nodes[0].roster, s->now);
	while (!s->nodes[1].links[0].up && s->now < start + US_S)
		sim_run(s, US_MS);
	assert_true(s->now - start <= 300 * US_MS);
	sim_destroy(s);
}

static void
a_change_ends_the_wait_for_the_next_try(void **state)
{
	struct sim *s = sim_create(2, 23);

	(void)state;
	sim_start(s, 0);
	sim_run(s, 60 * US_S);
	s->nodes[1].has_endpoints = false;
	sim_start(s, 1);
	roster_underlay_changed(s->nodes[0].roster, s->now);
	sim_run(s, 5 * US_MS);
	assert_true(sim_both_up(s, 0, 1));
	sim_destroy(s);
}

static void
a_late_record_does_not_call_the_peer_back(void **state)
{
	struct sim *s = two(16);
	struct session *a = roster_at(s->nodes[0].roster, 1);
	struct session *b = roster_at(s->nodes[1].roster, 0);
	struct endpoint home = s->nodes[0].at, away = sim_address(99, 4000);
	uint8_t late[SEAL_OVERHEAD];

	(void)state;
	sim_run(s, US_S);
	assert_int_equal(session_seal(a, &(struct seal_inner){.kind = SEAL_KEEPALIVE}, late, 0,
				      NULL, 0, s->now),
			 0);
	s->nodes[0].at = away;
	(void)sim_data(s, 0, 1);
	sim_run(s, 100 * US_MS);
	sim_inject(s, &home, &s->nodes[1].at, late, sizeof(late));
	sim_run(s, 100 * US_MS);
	assert_true(endpoint_equal(session_path(b)->to, away));
	sim_destroy(s);
}

static void
strangers_and_wrong_keys_are_refused_and_counted(void **state)
{
	struct sim *s = sim_create(3, 17);

	(void)state;
	/* Router 2 has another key than the others know; then none that they know at all. */
	sim_start(s, 0);
	sim_start(s, 1);
	s->nodes[2].key[5] ^= 1;
	sim_start(s, 2);
	sim_run(s, 5 * US_S);
	assert_true(sim_both_up(s, 0, 1));
	assert_false(s->nodes[0].links[2].up);
	assert_false(s->nodes[2].links[0].up);
	assert_true(sim_drops(s, 0, ROSTER_DROP_UNKNOWN_PEER) >= 4);
	assert_true(sim_drops(s, 2, ROSTER_DROP_MAC1) >= 4);
	sim_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_routers_meet_and_talk),
		cmocka_unit_test(different_ciphers_understand_each_other),
		cmocka_unit_test(crossing_handshakes_settle),
		cmocka_unit_test(no_record_is_lost_through_rekeys),
		cmocka_unit_test(old_keys_serve_until_the_new_ones_are_heard),
		cmocka_unit_test(a_handshake_is_repeated_with_growing_gaps_in_bounds),
		cmocka_unit_test(endpoints_are_tried_in_turn),
		cmocka_unit_test(a_bad_network_only_delays),
		cmocka_unit_test(replays_change_nothing),
		cmocka_unit_test(replays_change_nothing_after_a_restart_either),
		cmocka_unit_test(a_router_that_restarts_without_its_state_gets_back),
		cmocka_unit_test(silence_leads_to_a_new_handshake),
		cmocka_unit_test(another_silence_counts_at_once),
		cmocka_unit_test(the_peer_is_followed_to_where_it_is_authentic),
		cmocka_unit_test(a_new_address_of_our_own_is_told_at_once),
		cmocka_unit_test(
			a_peer_that_does_not_know_our_keys_any_more_is_called_after_a_change),
		cmocka_unit_test(a_change_ends_the_wait_for_the_next_try),
		cmocka_unit_test(a_late_record_does_not_call_the_peer_back),
		cmocka_unit_test(strangers_and_wrong_keys_are_refused_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
