/* Many sessions at once: a flood of strangers, paths of all sizes, routers that restart. */
#include "tests/unit/session_sim.h"

static void
the_path_mtu_is_found_and_a_black_hole_left(void **state)
{
	const unsigned overhead = 28 + SEAL_OVERHEAD;
	struct sim *s = sim_create(2, 18);
	const struct sim_link *l = &s->nodes[0].links[1];

	(void)state;
	s->path_mtu = 1450;
	sim_start_all(s);
	sim_talk(s, 15 * US_S, 100 * US_MS);
	assert_int_equal(l->mtu, 1450 - overhead);
	s->path_mtu = 1320;
	sim_talk(s, 20 * US_S, 100 * US_MS);
	assert_int_equal(l->mtu, 1320 - overhead);
	/* The own device says so at once. */
	s->path_mtu = 1500;
	s->nodes[0].device_mtu = 1400;
	session_refused(roster_at(s->nodes[0].roster, 1), 1500 - 28, s->now);
	sim_talk(s, 620 * US_S, US_S);
	assert_int_equal(l->mtu, 1400 - overhead);
	assert_int_equal(l->downs, 0);
	sim_destroy(s);
}

static void
a_path_below_the_first_size_carries_what_it_can(void **state)
{
	struct sim *s = sim_create(2, 20);

	(void)state;
	s->path_mtu = 1000;
	sim_start_all(s);
	sim_talk(s, 3 * US_S, 100 * US_MS);
	for (unsigned i = 0; i < 2; i++)
		assert_in_range(s->nodes[i].links[1 - i].mtu, 500, 1000 - 28 - SEAL_OVERHEAD);
	sim_talk(s, 17 * US_S, 100 * US_MS);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(s->nodes[i].links[1 - i].mtu, 1000 - 28 - SEAL_OVERHEAD);
	sim_run(s, 100 * US_MS);
	sim_check_all_arrived(s, 0, 1);
	sim_check_all_arrived(s, 1, 0);
	sim_destroy(s);
}

struct flood {
	unsigned cookies, responses, larger;
};

static bool
tap_flood(struct sim *s, const struct sim_event *e)
{
	struct flood *f = s->tap_ctx;

	/* 10.0.1.x and above are the strangers. */
	if (e->to.addr.b[2] == 0)
		return true;
	f->cookies += e->data[0] == SEAL_COOKIE;
	f->responses += e->data[0] == SEAL_RESPONSE;
	f->larger += e->size > HANDSHAKE_INIT_SIZE;
	return true;
}

/* An INIT for node 1 of somebody nobody knows. */
static void
stranger_init(struct sim *s, uint8_t msg[HANDSHAKE_INIT_SIZE])
{
	uint8_t key[CRYPTO_KEY_SIZE] = {7}, ephemeral[CRYPTO_KEY_SIZE] = {9};
	struct handshake_init init = {.sender = 5, .stamp = 5};
	struct handshake_self self;
	struct noise n;

	assert_int_equal(handshake_self_init(&self, key), 0);
	assert_int_equal(
		handshake_init_build(&n, &self, &init, s->nodes[1].public_key, ephemeral, msg), 0);
}

static void
a_flood_is_told_cookies_and_peers_still_get_in(void **state)
{
	struct sim *s = sim_create(2, 19);
	struct flood f = {.cookies = 0};
	uint8_t msg[HANDSHAKE_INIT_SIZE];
	us_t start = 0;

	(void)state;
	s->nodes[1].has_endpoints = false;
	sim_start(s, 1);
	stranger_init(s, msg);
	s->tap = tap_flood;
	s->tap_ctx = &f;
	/* 4,000 a second from 200 addresses, and one address that sends half as much again. */
	for (unsigned i = 0; i < 8000; i++) {
		struct endpoint from = sim_address(256 + i % 200, (uint16_t)(1000 + i));
		struct endpoint one = sim_address(999, (uint16_t)i);

		sim_inject(s, &from, &s->nodes[1].at, msg, sizeof(msg));
		if (i % 2 == 0)
			sim_inject(s, &one, &s->nodes[1].at, msg, sizeof(msg));
		if (i == 4000) {
			sim_start(s, 0);
			start = s->now;
		}
		sim_run(s, 250);
		if (i > 4000 && i % 100 == 0 && sim_both_up(s, 0, 1))
			assert_true(s->now - start < 2 * US_S);
	}
	sim_run(s, US_S);
	assert_true(sim_both_up(s, 0, 1));
	assert_int_equal(f.responses, 0);
	assert_int_equal(f.larger, 0);
	/* Everybody's, and each less than half as large as what it answers. */
	assert_in_range(f.cookies, 8000, 12000);
	assert_true(sim_drops(s, 1, ROSTER_DROP_LOAD) > 8000);
	assert_true(sim_drops(s, 1, ROSTER_DROP_UNKNOWN_PEER) < 700);
	sim_destroy(s);
}

/* Keeps the last RESPONSE that passes. */
static bool
tap_response(struct sim *s, const struct sim_event *e)
{
	uint8_t *kept = s->tap_ctx;

	if (e->data[0] == SEAL_RESPONSE) {
		assert_int_equal(e->size, HANDSHAKE_RESPONSE_SIZE);
		memcpy(kept, e->data, e->size);
	}
	return true;
}

static void
an_answer_that_nobody_waits_for_is_counted(void **state)
{
	uint8_t response[HANDSHAKE_RESPONSE_SIZE];
	struct sim *s = sim_create(2, 21);

	(void)state;
	s->tap = tap_response;
	s->tap_ctx = response;
	s->nodes[1].has_endpoints = false;
	sim_start_all(s);
	sim_run(s, US_S);
	assert_true(sim_both_up(s, 0, 1));
	sim_inject(s, &s->nodes[1].at, &s->nodes[0].at, response, sizeof(response));
	sim_run(s, US_S);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_UNASKED), 1);
	assert_int_equal(s->nodes[0].links[1].ups, 1);
	sim_destroy(s);
}

static void
a_datagram_that_is_none_of_ours_is_counted(void **state)
{
	const uint8_t junk[] = {9, 9, 9};
	struct sim *s = sim_create(2, 22);

	(void)state;
	sim_start(s, 0);
	sim_inject(s, &s->nodes[1].at, &s->nodes[0].at, junk, sizeof(junk));
	sim_run(s, US_S);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_MALFORMED), 1);
	sim_destroy(s);
}

/* A peer of a later version may send what we do not know. */
static void
an_authentic_record_of_an_unknown_kind_is_counted(void **state)
{
	uint8_t record[SEAL_OVERHEAD + 10], body[10] = {0};
	struct sim *s = sim_create(2, 23);
	struct session *peer;

	(void)state;
	sim_start_all(s);
	sim_run(s, US_S);
	peer = roster_at(s->nodes[0].roster, 1);
	assert_int_equal(session_seal(peer, &(struct seal_inner){.kind = 99}, record, 0, body,
				      sizeof(body), s->now),
			 0);
	sim_inject(s, &s->nodes[0].at, &s->nodes[1].at, record, sizeof(record));
	sim_run(s, US_S);
	assert_int_equal(sim_drops(s, 1, ROSTER_DROP_INNER), 1);
	assert_int_equal(s->nodes[1].links[0].got, 0);
	sim_destroy(s);
}

static void
a_handshake_that_finds_no_randomness_is_counted_and_tried_again(void **state)
{
	struct sim *s = sim_create(2, 24);

	(void)state;
	s->nodes[1].has_endpoints = false;
	sim_start_all(s);
	s->nodes[1].no_random = true;
	sim_run(s, US_S);
	assert_true(sim_drops(s, 1, ROSTER_DROP_RESOURCE) > 0);
	assert_false(sim_both_up(s, 0, 1));
	s->nodes[1].no_random = false;
	sim_run(s, 20 * US_S);
	assert_true(sim_both_up(s, 0, 1));
	sim_destroy(s);
}

static void
what_the_network_does_not_take_is_counted(void **state)
{
	struct sim *s = sim_create(2, 25);

	(void)state;
	sim_start(s, 0);
	s->nodes[0].no_buffers = true;
	sim_run(s, 2 * US_S);
	assert_true(sim_drops(s, 0, ROSTER_DROP_SEND) > 0);
	sim_destroy(s);
}

static void
check_mesh(uint64_t seed, unsigned count)
{
	struct sim *s = sim_create(count, seed);

	s->loss_pct = 20;
	s->dup_pct = 20;
	s->delay_max = 80 * US_MS;
	s->conf.rekey_time = 5 * US_S;
	sim_start_all(s);
	for (unsigned step = 0; step < 60; step++) {
		unsigned i = (unsigned)sim_below(s, count), j = (unsigned)sim_below(s, count);

		if (step % 6 == 0) {
			sim_stop(s, i);
			sim_start(s, i);
		} else if (step % 6 == 3) {
			s->cut[i][j] = s->cut[j][i] = !s->cut[i][j];
		}
		for (unsigned a = 0; a < count; a++)
			(void)sim_data(s, a, (unsigned)(a + 1 + sim_below(s, count - 1)) % count);
		sim_run(s, 500 * US_MS);
	}
	/* Quiet: everything heals, and then nothing is lost. */
	memset(s->cut, 0, sizeof(s->cut));
	s->loss_pct = 0;
	for (unsigned quiet = 0; quiet < 2; quiet++) {
		for (unsigned step = 0; step < 24; step++) {
			for (unsigned a = 0; a < count; a++)
				for (unsigned b = 0; b < count; b++)
					if (a != b && !sim_data(s, a, b) && quiet == 1)
						fail_msg("seed %llu: %u to %u is down",
							 (unsigned long long)seed, a, b);
			sim_run(s, 500 * US_MS);
		}
		for (unsigned a = 0; a < count && quiet == 1; a++)
			for (unsigned b = 0; b < count; b++)
				if (a != b)
					sim_check_all_arrived(s, a, b);
		for (unsigned a = 0; a < count; a++)
			for (unsigned b = 0; b < count; b++) {
				s->nodes[a].links[b].sent = s->nodes[a].links[b].got = 0;
				memset(s->nodes[a].links[b].seen, 0, SIM_SEQ_MAX);
			}
	}
	sim_destroy(s);
}

static void
many_routers_heal_after_restarts_and_partitions(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++)
		check_mesh(seed, 3 + (unsigned)seed);
}

/* A flood of INITs with a right mac1 from anywhere, and as many in the peer's own name. */
static void
a_flood_in_its_own_name_does_not_keep_a_peer_out(void **state)
{
	struct sim *s = sim_create(2, 23);
	uint8_t msg[HANDSHAKE_INIT_SIZE];

	(void)state;
	s->nodes[1].has_endpoints = false;
	sim_start(s, 1);
	stranger_init(s, msg);
	for (unsigned i = 0; i < 100000 && !sim_both_up(s, 0, 1); i++) {
		struct endpoint from = sim_address(256 + i % 60000, (uint16_t)(1000 + i));

		sim_inject(s, i % 2 == 0 ? &s->nodes[0].at : &from, &s->nodes[1].at, msg,
			   sizeof(msg));
		/* The peer calls when everything is used up. */
		if (i == 20000)
			sim_start(s, 0);
		sim_run(s, 50);
	}
	assert_true(sim_both_up(s, 0, 1));
	sim_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_mtu_is_found_and_a_black_hole_left),
		cmocka_unit_test(a_path_below_the_first_size_carries_what_it_can),
		cmocka_unit_test(a_flood_is_told_cookies_and_peers_still_get_in),
		cmocka_unit_test(a_flood_in_its_own_name_does_not_keep_a_peer_out),
		cmocka_unit_test(an_answer_that_nobody_waits_for_is_counted),
		cmocka_unit_test(a_datagram_that_is_none_of_ours_is_counted),
		cmocka_unit_test(an_authentic_record_of_an_unknown_kind_is_counted),
		cmocka_unit_test(a_handshake_that_finds_no_randomness_is_counted_and_tried_again),
		cmocka_unit_test(what_the_network_does_not_take_is_counted),
		cmocka_unit_test(many_routers_heal_after_restarts_and_partitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
