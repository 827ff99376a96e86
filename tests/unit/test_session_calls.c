/* Handshakes whose messages are late, or cross, or get through one way only. */
#include "tests/unit/session_sim.h"

static us_t
until_both_up(struct sim *s, us_t patience)
{
	us_t begin = s->now;

	while (!sim_both_up(s, 0, 1)) {
		sim_run(s, US_MS);
		if (s->now - begin > patience)
			fail_msg("seed %llu: not up after %u ms", (unsigned long long)s->seed,
				 (unsigned)(patience / US_MS));
	}
	return s->now - begin;
}

/* An INIT that is sent again before the answer can be there does not make that answer void. */
static void
a_late_answer_counts(void **state)
{
	(void)state;
	for (unsigned way_ms = 100; way_ms <= 600; way_ms += 100) {
		struct sim *s = sim_create(2, way_ms);

		s->delay_min = s->delay_max = way_ms * US_MS;
		s->nodes[1].has_endpoints = false;
		sim_start(s, 1);
		sim_start(s, 0);
		/* A round trip, and the first record. */
		assert_true(until_both_up(s, 10 * US_S) <= (3 * way_ms + 5) * US_MS);
		sim_talk(s, 2 * US_S, 10 * US_MS);
		sim_run(s, 2 * US_S);
		sim_check_all_arrived(s, 0, 1);
		sim_check_all_arrived(s, 1, 0);
		sim_destroy(s);
	}
}

/* Nor does one that was sent elsewhere meanwhile. */
static void
a_late_answer_counts_with_many_places(void **state)
{
	struct sim *s = sim_create(2, 30);
	struct endpoint list[4] = {s->nodes[1].at, sim_address(77, 1), sim_address(78, 1),
				   sim_address(79, 1)};

	(void)state;
	s->delay_min = s->delay_max = 300 * US_MS;
	s->nodes[0].has_endpoints = s->nodes[1].has_endpoints = false;
	sim_start_all(s);
	session_endpoints(roster_at(s->nodes[0].roster, 1), list, ARRAY_COUNT(list), s->now);
	roster_touch(s->nodes[0].roster, roster_at(s->nodes[0].roster, 1));
	assert_true(until_both_up(s, 10 * US_S) <= 905 * US_MS);
	sim_destroy(s);
}

struct init_note {
	us_t last;
};

static bool
tap_init_to_it(struct sim *s, const struct sim_event *e)
{
	struct init_note *n = s->tap_ctx;

	if (e->data[0] == SEAL_INIT && endpoint_equal(e->to, s->nodes[1].at))
		n->last = s->now;
	return true;
}

/* Every answer of this router is lost. */
struct mute {
	struct endpoint who;
};

static bool
tap_mute(struct sim *s, const struct sim_event *e)
{
	const struct mute *m = s->tap_ctx;

	return e->data[0] != SEAL_RESPONSE || !endpoint_equal(e->from, m->who);
}

/* The peer calls again and again, and hears no answer; ours would be heard.  It gives way once, and not for ever. */
static void
who_gives_way_does_so_once(void **state)
{
	struct sim *s = sim_create(2, 31);
	bool first_is_smaller =
		memcmp(s->nodes[0].public_key, s->nodes[1].public_key, CRYPTO_KEY_SIZE) < 0;
	unsigned smaller = first_is_smaller ? 0 : 1;
	struct mute m = {.who = s->nodes[smaller].at};
	us_t begin;

	(void)state;
	s->tap = tap_mute;
	s->tap_ctx = &m;
	sim_start_all(s);
	for (begin = s->now; !sim_both_up(s, 0, 1) && s->now - begin < 20 * US_S;) {
		struct sim_node *n = &s->nodes[1 - smaller];

		sim_run(s, 400 * US_MS);
		/* Its addresses change. */
		roster_underlay_changed(n->roster, s->now);
	}
	assert_true(s->now - begin <= 3 * US_S);
	sim_destroy(s);
}

/* Late, repeated and in any order: no handshake leaves the two with keys that only one has. */
static void
late_answers_leave_no_half_of_a_session(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct sim *s = sim_create(2, seed);

		s->delay_min = (us_t)sim_below(s, 300) * US_MS + US_MS;
		s->delay_max = s->delay_min + (us_t)sim_below(s, 500) * US_MS;
		s->dup_pct = 20;
		s->loss_pct = seed % 3 == 0 ? 20 : 0;
		s->conf.rekey_time = 20 * US_S;
		s->nodes[1].has_endpoints = seed % 2 == 0;
		sim_start_all(s);
		(void)until_both_up(s, 20 * US_S);
		sim_run(s, 2 * US_S);
		sim_talk(s, 50 * US_S, 50 * US_MS);
		sim_run(s, 2 * US_S);
		if (s->loss_pct == 0) {
			sim_check_all_arrived(s, 0, 1);
			sim_check_all_arrived(s, 1, 0);
		}
		assert_int_equal(s->nodes[0].links[1].downs + s->nodes[1].links[0].downs, 0);
		sim_destroy(s);
	}
}

/* It was away for long, and is at the last of many places now: at once, not when its turn comes. */
static void
what_is_urgent_calls_at_all_places_at_once(void **state)
{
	(void)state;
	for (unsigned urgent = 0; urgent < 2; urgent++) {
		struct sim *s = sim_create(2, 33);
		struct endpoint list[6] = {sim_address(77, 1), sim_address(78, 1),
					   sim_address(79, 1), sim_address(80, 1),
					   sim_address(81, 1), s->nodes[1].at};
		struct session *peer;
		us_t begin;

		s->nodes[0].has_endpoints = s->nodes[1].has_endpoints = false;
		sim_start(s, 0);
		peer = roster_at(s->nodes[0].roster, 1);
		session_endpoints(peer, list, ARRAY_COUNT(list), s->now);
		roster_touch(s->nodes[0].roster, peer);
		/* It has just been called in vain. */
		s->tap_ctx = &(struct init_note){.last = 0};
		s->tap = tap_init_to_it;
		sim_run(s, 200 * US_S);
		while (((struct init_note *)s->tap_ctx)->last != s->now)
			sim_run(s, US_MS);
		s->tap = NULL;
		sim_start(s, 1);
		if (urgent) {
			session_urge(peer, s->now);
			roster_touch(s->nodes[0].roster, peer);
		}
		begin = s->now;
		(void)until_both_up(s, 60 * US_S);
		if (urgent)
			assert_true(s->now - begin <= 2 * US_S);
		else
			assert_true(s->now - begin > 15 * US_S);
		sim_destroy(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_answer_counts),
		cmocka_unit_test(a_late_answer_counts_with_many_places),
		cmocka_unit_test(who_gives_way_does_so_once),
		cmocka_unit_test(late_answers_leave_no_half_of_a_session),
		cmocka_unit_test(what_is_urgent_calls_at_all_places_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
