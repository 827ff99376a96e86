/* What a relay carries and for whom: its limits, what it refuses, and that it comes back. */
#include "tests/unit/session_relay.h"

static void
the_relay_reads_and_keeps_nothing(void **state)
{
	struct sim *s = relayed(SYMMETRIC, SYMMETRIC, 2);
	uint64_t before;

	(void)state;
	until_up(s, US_S);
	sim_run(s, US_S);
	before = s->nodes[0].relayed;
	talk(s, US_S);
	sim_run(s, US_S);
	assert_true(s->nodes[0].relayed >= before + 2000);
	/* It gave nothing of it to anybody, itself included. */
	assert_int_equal(s->nodes[0].links[1].got, 0);
	assert_int_equal(s->nodes[0].links[2].got, 0);
	nothing_was_lost(s);
	assert_int_equal(s->nodes[1].links[2].mtu, 1500 - 28 - SEAL_RELAY_SIZE - SEAL_OVERHEAD);
	sim_destroy(s);
}

static void
nothing_is_relayed_by_who_does_not_relay(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, 7);

	(void)state;
	roster_set_relaying(s->nodes[0].roster, false, 0);
	sim_run(s, 5 * US_S);
	assert_false(s->nodes[1].links[2].up);
	assert_int_equal(s->nodes[0].relayed, 0);
	assert_true(sim_drops(s, 0, ROSTER_DROP_RELAY_OFF) > 0);
	/* As soon as it does, it works. */
	roster_set_relaying(s->nodes[0].roster, true, 0);
	until_up(s, 10 * US_S);
	sim_destroy(s);
}

static void
a_sender_has_its_limit(void **state)
{
	struct sim *s = relayed(SYMMETRIC, SYMMETRIC, 8);
	uint32_t sent, got;

	(void)state;
	until_up(s, US_S);
	sim_run(s, US_S);
	/* 2 x 280 kB/s are offered. */
	roster_set_relaying(s->nodes[0].roster, true, 100000);
	talk(s, 10 * US_S);
	sim_run(s, US_S);
	sent = s->nodes[1].links[2].sent;
	got = s->nodes[2].links[1].got;
	assert_true(sent >= 10000 && got < 4500 && got > 3000);
	assert_true(sim_drops(s, 0, ROSTER_DROP_RELAY_LIMIT) > 10000);
	assert_int_equal(s->nodes[1].links[2].downs, 0);
	sim_destroy(s);
}

/* A third router besides, and a sender that may have one receiver. */
static void
a_sender_has_so_many_receivers(void **state)
{
	struct sim *s = sim_create(4, 14);

	(void)state;
	s->conf.relay = true;
	s->conf.relay_pairs = 1;
	for (unsigned i = 0; i < 4; i++) {
		s->nodes[i].has_endpoints = false;
		nat_make(&s->nodes[i], i == 0 ? NONE : SYMMETRIC);
		sim_start(s, i);
	}
	point_at_relay(s, 1);
	point_at_relay(s, 2);
	until_up(s, 3 * US_S);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_RELAY_LIMIT), 0);
	/* 3 may call both, and neither may answer. */
	point_at_relay(s, 3);
	sim_run(s, 5 * US_S);
	assert_true(sim_drops(s, 0, ROSTER_DROP_RELAY_LIMIT) > 0);
	assert_false(s->nodes[1].links[3].up || s->nodes[2].links[3].up);
	talk(s, US_S);
	nothing_was_lost(s);
	roster_set_relay_pairs(s->nodes[0].roster, 2);
	sim_run(s, 10 * US_S);
	assert_true(s->nodes[1].links[3].up && s->nodes[2].links[3].up);
	sim_destroy(s);
}

static void
a_small_limit_is_given_to_who_asks_often(void **state)
{
	struct sim *s = relayed(SYMMETRIC, SYMMETRIC, 8);
	uint32_t got;

	(void)state;
	until_up(s, US_S);
	sim_run(s, US_S);
	/* 1.9 bytes between two packets: 64 kB at once and 114 kB in the time, of some 300 bytes each, and the ends'
	 * own messages. */
	roster_set_relaying(s->nodes[0].roster, true, 1900);
	talk(s, 60 * US_S);
	sim_run(s, US_S);
	got = s->nodes[2].links[1].got;
	assert_true(got > 300 && got < 650);
	sim_destroy(s);
}

struct copy {
	struct sim_event e;
	unsigned count;
};

static bool
keep_relayed(struct sim *s, const struct sim_event *e)
{
	struct copy *c = s->tap_ctx;

	if (e->data[0] == SEAL_RELAY && endpoint_equal(e->to, s->nodes[0].at) && e->size > 270 &&
	    c->e.data == NULL) {
		c->e = *e;
		c->e.data = malloc(e->size);
		memcpy(c->e.data, e->data, e->size);
	}
	return true;
}

static void
replayed_forged_and_misdirected_relaying_is_refused(void **state)
{
	struct sim *s = relayed(SYMMETRIC, SYMMETRIC, 9);
	struct copy kept = {.count = 0};
	uint8_t front[SEAL_RELAY_SIZE + 60] = {0};
	uint64_t before, relayed_before;

	(void)state;
	until_up(s, US_S);
	sim_run(s, US_S);
	s->tap = keep_relayed;
	s->tap_ctx = &kept;
	talk(s, 100 * US_MS);
	sim_run(s, 200 * US_MS);
	assert_non_null(kept.e.data);
	relayed_before = s->nodes[0].relayed;
	before = sim_drops(s, 0, ROSTER_DROP_REPLAYED);
	sim_inject(s, &kept.e.from, &kept.e.to, kept.e.data, kept.e.size);
	sim_run(s, 15 * US_MS);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_REPLAYED), before + 1);
	/* Another counter, which is authenticated with the rest. */
	before = sim_drops(s, 0, ROSTER_DROP_FORGED);
	kept.e.data[13] ^= 0x10;
	sim_inject(s, &kept.e.from, &kept.e.to, kept.e.data, kept.e.size);
	sim_run(s, 15 * US_MS);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_FORGED), before + 1);
	/* To nobody, and to the sender itself. */
	for (unsigned i = 0; i < 2; i++) {
		uint8_t hash[CRYPTO_HASH_SIZE];
		struct vr_id id = {.v = 1234};

		if (i == 1) {
			id.v = 0;
			crypto_hash(s->nodes[1].public_key, CRYPTO_KEY_SIZE, NULL, 0, hash);
			for (size_t j = 0; j < 8; j++)
				id.v = id.v << 8 | hash[j];
		}
		before = sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN);
		assert_int_equal(session_relay_seal(session_of(s, 1, 0), SEAL_RELAY, id, front, 0,
						    1, s->now),
				 0);
		(void)sim_on_send(&s->nodes[1], session_path(session_of(s, 1, 0)), front,
				  sizeof(front), s->now);
		sim_run(s, 15 * US_MS);
		assert_int_equal(sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN), before + 1);
	}
	/* A peer that nobody has asked to relay. */
	before = sim_drops(s, 0, ROSTER_DROP_RELAY_REFUSED);
	assert_int_equal(session_relay_seal(session_of(s, 1, 0), SEAL_RELAYED,
					    (struct vr_id){.v = 5}, front, 0, 1, s->now),
			 0);
	(void)sim_on_send(&s->nodes[1], session_path(session_of(s, 1, 0)), front, sizeof(front),
			  s->now);
	sim_run(s, 15 * US_MS);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_RELAY_REFUSED), before + 1);
	assert_true(s->nodes[0].relayed - relayed_before < 40);
	free(kept.e.data);
	sim_destroy(s);
}

/* The relay restarts, with nothing in memory: the direct way does not notice, the relayed one recovers. */
static void
a_relay_that_restarts_is_found_again(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		enum side side = direct ? EIM_APDF : SYMMETRIC;
		struct sim *s = relayed(side, side, 10);
		uint32_t got;

		until_up(s, US_S);
		talk(s, 3 * US_S);
		sim_stop(s, 0);
		talk(s, US_S);
		sim_start(s, 0);
		told_own(s, 0);
		got = s->nodes[2].links[1].got;
		talk(s, 8 * US_S);
		assert_true(s->nodes[2].links[1].got > got + (direct ? 7900 : 1000));
		if (direct)
			nothing_was_lost(s);
		assert_true(sim_both_up(s, 1, 2));
		sim_destroy(s);
	}
}

/* A peer that is configured while the relay is there already is reached by it. */
static void
a_peer_that_comes_later_is_reached_by_the_relay(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, 12);

	(void)state;
	until_up(s, US_S);
	for (unsigned i = 1; i < 3; i++) {
		roster_remove(s->nodes[i].roster, 3 - i, s->now);
		s->nodes[i].links[3 - i].up = false;
	}
	sim_run(s, US_S);
	for (unsigned i = 1; i < 3; i++) {
		struct sim_node *n = &s->nodes[i];

		assert_int_equal(roster_put(n->roster, 3 - i, s->nodes[3 - i].public_key,
					    n->links[3 - i].floor),
				 0);
		roster_touch(n->roster, session_of(s, i, 3 - i));
	}
	until_up(s, US_S);
	sim_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_relay_reads_and_keeps_nothing),
		cmocka_unit_test(nothing_is_relayed_by_who_does_not_relay),
		cmocka_unit_test(a_sender_has_its_limit),
		cmocka_unit_test(a_sender_has_so_many_receivers),
		cmocka_unit_test(a_small_limit_is_given_to_who_asks_often),
		cmocka_unit_test(replayed_forged_and_misdirected_relaying_is_refused),
		cmocka_unit_test(a_relay_that_restarts_is_found_again),
		cmocka_unit_test(a_peer_that_comes_later_is_reached_by_the_relay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
