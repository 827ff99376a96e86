/* The ways between two routers behind NATs and firewalls, with a relay: found and kept. */
#include "tests/unit/session_relay.h"

/* RFC 4787's kinds against each other: where two NATs can be opened they are, and otherwise the relay serves. */
static void
every_pair_finds_the_way_there_is(void **state)
{
	static const char *const expected[SIDES][SIDES] = {
		[NONE] = {"direct", "direct", "direct", "direct", "direct", "relayed"},
		[EIM_EIF] = {"direct", "punched", "punched", "punched", "punched", "relayed"},
		[EIM_ADF] = {"direct", "punched", "punched", "punched", "punched", "relayed"},
		[EIM_APDF] = {"direct", "punched", "punched", "punched", "relayed", "relayed"},
		[SYMMETRIC] = {"direct", "punched", "punched", "relayed", "relayed", "relayed"},
		[NO_UDP] = {"relayed", "relayed", "relayed", "relayed", "relayed", "relayed"},
	};

	(void)state;
	for (unsigned a = 0; a < SIDES; a++) {
		for (unsigned b = 0; b < SIDES; b++) {
			struct sim *s = relayed((enum side)a, (enum side)b, a * 16 + b);
			us_t met;

			until_up(s, 3 * US_S);
			met = s->now;
			talk(s, 3 * US_S);
			if (strcmp(way_of(s, 1, 2), expected[a][b]) != 0 ||
			    strcmp(way_of(s, 2, 1), expected[a][b]) != 0)
				fail_msg("%s with %s: %s and %s, expected %s", side_names[a],
					 side_names[b], way_of(s, 1, 2), way_of(s, 2, 1),
					 expected[a][b]);
			/* Both had to have called the relay, of which UDP may be the second try. */
			assert_true(met < US_S + 2 * US_S);
			nothing_was_lost(s);
			sim_destroy(s);
		}
	}
}

/* Packets flow two round trips after both are with the relay, and directly within a second. */
static void
data_flows_by_the_relay_at_once(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, 1);
	us_t both, direct;

	(void)state;
	while (!s->nodes[0].links[1].up || !s->nodes[0].links[2].up)
		sim_run(s, US_MS);
	both = s->now;
	until_up(s, 500 * US_MS);
	assert_int_equal(kind_of(s, 1, 2), PATH_RELAY);
	/* By the relay a round trip is 40 ms. */
	assert_true(s->now - both <= 2 * 40 * US_MS);
	while (kind_of(s, 1, 2) != PATH_UDP || kind_of(s, 2, 1) != PATH_UDP) {
		talk(s, US_MS);
		assert_true(s->now - both < US_S);
	}
	direct = s->now;
	talk(s, US_S);
	nothing_was_lost(s);
	assert_true(direct - both < US_S);
	/* The packet size that the relay allowed is not undercut, and the full one is found. */
	assert_int_equal(s->nodes[1].links[2].mtu, 1500 - 28 - SEAL_OVERHEAD);
	sim_destroy(s);
}

/* A NAT that forgets its mappings, or gives others, is noticed with the next packet from behind it. */
static void
a_nat_that_starts_again_costs_a_moment(void **state)
{
	(void)state;
	for (unsigned b = NONE; b < NO_UDP; b++) {
		struct sim *s = relayed(EIM_APDF, (enum side)b, 5);
		uint32_t got;
		us_t start;

		until_up(s, 3 * US_S);
		talk(s, 3 * US_S);
		for (size_t i = 0; i < 64; i++)
			s->nodes[1].nat.rows[i].port = 0;
		s->nodes[1].nat.port_next += 100;
		start = s->now;
		got = s->nodes[1].links[2].got;
		while (s->nodes[1].links[2].got < got + 30 && s->now - start < 10 * US_S)
			talk(s, US_MS);
		/* 30 packets, 30 ms; a round trip is 20 ms, by the relay 40.  Where the other NAT lets nothing in
		 * from a new port, two checks have to be lost first. */
		if (s->now - start > (b == EIM_APDF || b == SYMMETRIC ? 210 : 80) * US_MS)
			fail_msg("with %s: %lld ms", side_names[b],
				 (long long)(s->now - start) / 1000);
		assert_int_equal(s->nodes[1].links[2].downs, 0);
		sim_destroy(s);
	}
}

static void
until_punched(struct sim *s)
{
	us_t end = s->now + 10 * US_S;

	while ((kind_of(s, 1, 2) != PATH_UDP || kind_of(s, 2, 1) != PATH_UDP) && s->now < end)
		talk(s, US_MS);
	assert_string_equal(way_of(s, 1, 2), "punched");
}

/* Whenever that happens, and although the relay is to believe another port as well. */
static void
a_punched_way_is_left_as_soon_at_any_moment(void **state)
{
	(void)state;
	for (unsigned phase = 1; phase <= 100; phase++) {
		struct sim *s = relayed(EIM_APDF, EIM_APDF, phase);
		uint32_t got;
		us_t start;

		s->delay_min = US_MS / 10;
		s->delay_max = 2 * US_MS;
		until_up(s, 3 * US_S);
		until_punched(s);
		talk(s, (us_t)(20 * phase) * US_MS);
		/* Nobody has gone after the other to the relay once more. */
		assert_string_equal(way_of(s, 1, 2), "punched");
		for (size_t i = 0; i < 64; i++)
			s->nodes[1].nat.rows[i].port = 0;
		s->nodes[1].nat.port_next += 100;
		start = s->now;
		got = s->nodes[1].links[2].got;
		while (s->nodes[1].links[2].got == got && s->now - start < US_S)
			talk(s, US_MS);
		/* 20 ms of silence and two checks, 10 ms each, or three where the relay was not asked at once; round
		 * trips are 2 ms, by the relay 4. */
		if (s->now - start > 70 * US_MS)
			fail_msg("%u: %lld us", phase, (long long)(s->now - start));
		sim_destroy(s);
	}
}

/* A router that sees its address change checks all ways at once.  Where the other NAT lets nothing in from another port, the relay's
 * answer says that it is the way that is silent. */
static void
a_change_that_is_seen_costs_a_round_trip_and_a_little(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, 9);
	uint32_t got;
	us_t start;

	(void)state;
	until_up(s, 3 * US_S);
	talk(s, 3 * US_S);
	assert_int_equal(kind_of(s, 1, 2), PATH_UDP);
	for (size_t i = 0; i < 64; i++)
		s->nodes[1].nat.rows[i].port = 0;
	s->nodes[1].nat.port_next += 100;
	roster_underlay_changed(s->nodes[1].roster, s->now);
	start = s->now;
	got = s->nodes[1].links[2].got;
	while (s->nodes[1].links[2].got < got + 30 && s->now - start < US_S)
		talk(s, US_MS);
	/* 30 packets, 30 ms; by the relay a round trip is 40 ms; and 50. */
	assert_in_range(s->now - start, 0, (30 + 40 + 50) * US_MS);
	sim_destroy(s);
}

/* NATs that forget after 30 s of silence. */
static void
an_idle_way_stays_open(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, 6);

	(void)state;
	s->nodes[1].nat.timeout = s->nodes[2].nat.timeout = 30 * US_S;
	until_up(s, US_S);
	talk(s, 3 * US_S);
	for (unsigned i = 0; i < 10; i++) {
		sim_run(s, 100 * US_S);
		assert_int_equal(kind_of(s, 1, 2), PATH_UDP);
		talk(s, 50 * US_MS);
	}
	assert_int_equal(s->nodes[1].links[2].downs, 0);
	nothing_was_lost(s);
	sim_destroy(s);
}

/* One end likes the relay, which it reaches by UDP, the other the stream between them: they agree. */
static void
ends_that_like_different_ways_agree(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		struct sim *s = relayed(NONE, NO_UDP, seed);

		session_streams(session_of(s, 2, 1), &s->nodes[1].at, 1, s->now);
		roster_touch(s->nodes[2].roster, session_of(s, 2, 1));
		until_up(s, 3 * US_S);
		talk(s, 5 * US_S);
		s->nodes[1].links[2].moves = s->nodes[2].links[1].moves = 0;
		talk(s, 60 * US_S);
		if (s->nodes[1].links[2].moves + s->nodes[2].links[1].moves > 4)
			fail_msg("seed %llu: %u and %u changes in a minute",
				 (unsigned long long)seed, s->nodes[1].links[2].moves,
				 s->nodes[2].links[1].moves);
		sim_destroy(s);
	}
}

/* Rows have numbers that come round: answers must not count for another row. */
static void
many_new_addresses_confuse_nothing(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_EIF, 13);

	(void)state;
	/* So much is lost meanwhile that streams would be better. */
	session_streams(session_of(s, 1, 0), NULL, 0, s->now);
	session_streams(session_of(s, 2, 0), NULL, 0, s->now);
	until_up(s, US_S);
	talk(s, 2 * US_S);
	for (unsigned i = 0; i < 300; i++) {
		for (size_t j = 0; j < 64; j++)
			s->nodes[1].nat.rows[j].port = 0;
		talk(s, 200 * US_MS);
	}
	talk(s, 5 * US_S);
	assert_int_equal(kind_of(s, 1, 2), PATH_UDP);
	assert_int_equal(kind_of(s, 2, 1), PATH_UDP);
	assert_int_equal(s->nodes[1].links[2].downs, 0);
	assert_true(s->nodes[2].links[1].got > 60000);
	sim_destroy(s);
}

/* Router 1 behind a NAT and router 2 in public, which also takes streams. */
static struct sim *
with_stream(uint64_t seed, us_t delay)
{
	struct sim *s = sim_create(3, seed);
	struct sim_node *n = &s->nodes[1];

	s->delay_min = s->delay_max = delay;
	nat_make(n, EIM_APDF);
	for (unsigned i = 0; i < 3; i++) {
		s->nodes[i].has_endpoints = false;
		sim_start(s, i);
	}
	session_endpoints(session_of(s, 1, 2), &s->nodes[2].at, 1, s->now);
	session_streams(session_of(s, 1, 2), &s->nodes[2].at, 1, s->now);
	roster_touch(n->roster, session_of(s, 1, 2));
	until_up(s, US_S);
	talk(s, 2 * US_S);
	assert_string_equal(way_of(s, 1, 2), "direct");
	return s;
}

/* UDP is blocked in mid-flow: the stream to a public peer takes over, and is left when UDP is back. */
static void
a_stream_takes_over_where_udp_is_blocked(void **state)
{
	struct sim *s = with_stream(11, 10 * US_MS);
	struct sim_node *n = &s->nodes[1];
	us_t start;

	(void)state;
	n->nat.blocks_udp = true;
	start = s->now;
	while (kind_of(s, 1, 2) != PATH_TCP || kind_of(s, 2, 1) != PATH_TCP) {
		talk(s, US_MS);
		assert_true(s->now - start < 3 * US_S);
	}
	talk(s, 5 * US_S);
	assert_int_equal(s->nodes[1].links[2].downs, 0);
	n->nat.blocks_udp = false;
	start = s->now;
	while (kind_of(s, 1, 2) != PATH_UDP || kind_of(s, 2, 1) != PATH_UDP) {
		talk(s, US_MS);
		assert_true(s->now - start < 40 * US_S);
	}
	talk(s, US_S);
	sim_destroy(s);
}

/* Time and again router 2 gets no processor for a moment: that says nothing of the way in use. */
static void
stays_on_udp_while_2_is_busy(struct sim *s)
{
	struct sim_node *busy = &s->nodes[2];

	assert_int_equal(kind_of(s, 1, 2), PATH_UDP);
	s->nodes[1].links[2].moves = s->nodes[2].links[1].moves = 0;
	for (unsigned i = 0; i < 100; i++) {
		busy->busy_until = s->now + (us_t)(140 - i) * US_MS;
		while (s->now < busy->busy_until) {
			sim_run(s, US_MS);
			(void)sim_data(s, 1, 2);
		}
		talk(s, (us_t)(5 + sim_below(s, 300)) * US_MS);
	}
	assert_int_equal(s->nodes[1].links[2].moves, 0);
	assert_int_equal(s->nodes[2].links[1].moves, 0);
	nothing_was_lost(s);
	sim_destroy(s);
}

static void
a_busy_peer_is_no_dead_way(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, 4);

	(void)state;
	s->delay_min = s->delay_max = US_MS / 10;
	until_up(s, US_S);
	talk(s, 3 * US_S);
	stays_on_udp_while_2_is_busy(s);
	/* A stream that is not open is no better than UDP either. */
	stays_on_udp_while_2_is_busy(with_stream(12, US_MS / 10));
}

/* Random NATs, loss and repetition: nobody stays without a way, nothing arrives twice. */
static void
random_networks_connect(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct sim *s = sim_create(1, seed);
		enum side a = (enum side)sim_below(s, SIDES), b = (enum side)sim_below(s, SIDES);

		sim_destroy(s);
		s = relayed(a, b, seed);
		s->loss_pct = 15;
		s->dup_pct = 10;
		s->delay_max = 40 * US_MS;
		until_up(s, 20 * US_S);
		talk(s, 10 * US_S);
		sim_run(s, US_S);
		if (s->nodes[1].links[2].got < 5000 || s->nodes[1].links[2].duplicates != 0)
			fail_msg("seed %llu, %s with %s: got %u, twice %u",
				 (unsigned long long)seed, side_names[a], side_names[b],
				 s->nodes[1].links[2].got, s->nodes[1].links[2].duplicates);
		sim_destroy(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_finds_the_way_there_is),
		cmocka_unit_test(data_flows_by_the_relay_at_once),
		cmocka_unit_test(a_busy_peer_is_no_dead_way),
		cmocka_unit_test(a_nat_that_starts_again_costs_a_moment),
		cmocka_unit_test(a_punched_way_is_left_as_soon_at_any_moment),
		cmocka_unit_test(a_change_that_is_seen_costs_a_round_trip_and_a_little),
		cmocka_unit_test(an_idle_way_stays_open),
		cmocka_unit_test(ends_that_like_different_ways_agree),
		cmocka_unit_test(many_new_addresses_confuse_nothing),
		cmocka_unit_test(a_stream_takes_over_where_udp_is_blocked),
		cmocka_unit_test(random_networks_connect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
