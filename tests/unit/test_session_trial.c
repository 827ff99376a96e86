/* A peer that is heard from another address: followed when it is there, and nobody else gets what is for it. */
#include "tests/unit/session_sim.h"

#define RTT (100 * US_MS)

/* Somebody on the way from router 0 to router 1 whose copies come first, from an address that is not his. */
struct forger {
	struct endpoint victim;
	unsigned first_type;   /* of datagrams that are copied; 0: none */
	unsigned copies;       /* so many more of them */
	bool passes_on;        /* what comes to the victim goes on to router 0 */
	uint64_t from, to;     /* bytes that came from the victim, as it seems, and went there */
	uint64_t worst_excess; /* of 'to' over three times 'from' */
};

static void
deliver_as(struct sim *s, const struct sim_event *e, const struct endpoint *from,
	   const struct endpoint *to)
{
	struct sim_event copy = *e;

	copy.from = *from;
	copy.to = *to;
	/* Records are opened in place. */
	copy.data = malloc(e->size);
	memcpy(copy.data, e->data, e->size);
	sim_deliver(s, &copy);
	free(copy.data);
}

static bool
forge(struct sim *s, const struct sim_event *e)
{
	struct forger *f = s->tap_ctx;

	if (endpoint_equal(e->to, f->victim)) {
		f->to += e->size;
		if (f->to > 3 * f->from && f->to - 3 * f->from > f->worst_excess)
			f->worst_excess = f->to - 3 * f->from;
		if (f->passes_on)
			deliver_as(s, e, &s->nodes[1].at, &s->nodes[0].at);
		return true;
	}
	if (endpoint_equal(e->from, s->nodes[0].at) && endpoint_equal(e->to, s->nodes[1].at) &&
	    f->copies > 0 && e->data[0] >= f->first_type) {
		f->copies--;
		f->from += e->size;
		deliver_as(s, e, &f->victim, &s->nodes[1].at);
	}
	return true;
}

/* Router 0 calls router 1, which knows no address. */
static struct sim *
called(uint64_t seed)
{
	struct sim *s = sim_create(2, seed);

	s->delay_min = s->delay_max = RTT / 2;
	s->nodes[1].has_endpoints = false;
	sim_start_all(s);
	return s;
}

static struct session *
peer_of(struct sim *s, unsigned node)
{
	return roster_at(s->nodes[node].roster, 1 - node);
}

static uint64_t
roams(struct sim *s)
{
	struct session_stats stats;

	session_stats(peer_of(s, 1), s->now, &stats);
	return stats.roams;
}

static void
nothing_was_lost(struct sim *s)
{
	sim_run(s, US_S);
	sim_check_all_arrived(s, 0, 1);
	sim_check_all_arrived(s, 1, 0);
}

static void
who_resends_records_directs_next_to_nothing_at_a_third_party(void **state)
{
	struct sim *s = called(1);
	struct forger f = {.victim = sim_address(99, 4000), .first_type = 1};
	struct endpoint home = s->nodes[0].at;

	(void)state;
	sim_run(s, US_S);
	s->tap = forge;
	s->tap_ctx = &f;
	/* One record, and all of them. */
	for (unsigned copies = 1; copies <= 1000000; copies *= 1000000) {
		f.copies = copies;
		sim_talk(s, 10 * US_S, US_MS);
		assert_true(f.from > 0 && f.to > 0);
		assert_int_equal(f.worst_excess, 0);
		assert_true(endpoint_equal(session_path(peer_of(s, 1))->to, home));
		nothing_was_lost(s);
	}
	assert_int_equal(roams(s), 0);
	sim_destroy(s);
}

static void
a_single_record_does_not_set_off_checks_for_ever(void **state)
{
	struct sim *s = called(2);
	struct forger f = {.victim = sim_address(99, 4000), .first_type = 1};
	uint64_t before;

	(void)state;
	sim_run(s, US_S);
	s->tap = forge;
	s->tap_ctx = &f;
	f.copies = 1;
	sim_talk(s, 60 * US_S, 10 * US_MS);
	before = f.to;
	sim_talk(s, 60 * US_S, 10 * US_MS);
	assert_int_equal(f.to, before);
	assert_int_equal(f.worst_excess, 0);
	nothing_was_lost(s);
	sim_destroy(s);
}

/* From as many addresses as he likes: the real one is not forgotten for them. */
static void
many_forged_addresses_do_no_harm(void **state)
{
	struct sim *s = called(3);
	struct forger f = {.first_type = 1};
	struct endpoint home = s->nodes[0].at;

	(void)state;
	sim_run(s, US_S);
	s->tap = forge;
	s->tap_ctx = &f;
	for (unsigned i = 0; i < 5000; i++) {
		f = (struct forger){
			.victim = sim_address(100 + i, 4000), .first_type = 1, .copies = 1};
		sim_talk(s, US_MS, US_MS);
		assert_int_equal(f.worst_excess, 0);
	}
	assert_true(endpoint_equal(session_path(peer_of(s, 1))->to, home));
	assert_int_equal(roams(s), 0);
	nothing_was_lost(s);
	sim_destroy(s);
}

/* Checks go to and fro as well, by an address that he has: the peer is where it was, too, and is left there. */
static void
who_also_passes_on_what_comes_back_gets_nothing(void **state)
{
	struct sim *s = called(4);
	struct forger f = {.victim = sim_address(99, 4000), .first_type = 1, .passes_on = true};
	struct endpoint home = s->nodes[0].at;
	uint64_t before;

	(void)state;
	sim_run(s, US_S);
	s->tap = forge;
	s->tap_ctx = &f;
	f.copies = 1000000;
	sim_talk(s, 5 * US_S, US_MS);
	assert_true(endpoint_equal(session_path(peer_of(s, 1))->to, home));
	before = f.to;
	sim_talk(s, 20 * US_S, US_MS);
	assert_true(endpoint_equal(session_path(peer_of(s, 1))->to, home));
	/* Checks only: 20 s of traffic are 4.8 MB. */
	assert_true(f.to - before < 10000);
	assert_true(roams(s) <= 2);
	nothing_was_lost(s);
	sim_destroy(s);
}

/* The very first record, and the answer of who was called. */
static void
a_session_begins_where_its_handshake_went(void **state)
{
	(void)state;
	for (unsigned caller = 0; caller < 2; caller++) {
		struct sim *s = sim_create(2, 5);
		struct forger f = {.victim = sim_address(99, 4000),
				   .first_type = SEAL_RESPONSE,
				   .copies = 1000000};

		s->nodes[1 - caller].has_endpoints = false;
		s->tap = forge;
		s->tap_ctx = &f;
		sim_start_all(s);
		sim_run(s, US_S);
		assert_true(sim_both_up(s, 0, 1));
		assert_true(f.from > 0);
		sim_talk(s, 5 * US_S, US_MS);
		assert_true(endpoint_equal(session_path(peer_of(s, 1))->to, s->nodes[0].at));
		assert_int_equal(f.worst_excess, 0);
		nothing_was_lost(s);
		sim_destroy(s);
	}
}

/* What the peer itself says, 1000 times a second, is answered from its new address one round trip later; and when that
 * has answered everything is there. */
static void
a_peer_that_moves_waits_for_one_round_trip(void **state)
{
	struct sim *s = called(6);
	uint32_t got, before;
	us_t moved;

	(void)state;
	sim_run(s, US_S);
	sim_talk(s, 2 * US_S, US_MS);
	s->nodes[0].at = sim_address(98, 4000);
	moved = s->now;
	before = got = s->nodes[0].links[1].got;
	(void)sim_data(s, 0, 1);
	/* Nothing that was sent to the old address arrives. */
	while (s->nodes[0].links[1].got == got) {
		sim_talk(s, US_MS, US_MS);
		assert_true(s->now - moved <= RTT + 5 * US_MS);
	}
	sim_talk(s, 2 * US_S, US_MS);
	assert_true(endpoint_equal(session_path(peer_of(s, 1))->to, s->nodes[0].at));
	sim_run(s, US_S);
	/* All but those of one round trip. */
	got = s->nodes[0].links[1].got - before;
	assert_true(got >= s->nodes[1].links[0].sent - before - (RTT / US_MS + 10));
	assert_int_equal(s->nodes[0].links[1].duplicates, 0);
	sim_check_all_arrived(s, 0, 1);
	assert_int_equal(roams(s), 1);
	sim_destroy(s);
}

/* It only listens; its router sees the change and says so. */
static void
a_listener_that_moves_waits_for_one_round_trip(void **state)
{
	struct sim *s = called(7);
	uint32_t got;
	us_t moved;

	(void)state;
	sim_run(s, US_S);
	sim_talk(s, 2 * US_S, US_MS);
	sim_run(s, US_S);
	s->nodes[0].at = sim_address(98, 4000);
	moved = s->now;
	got = s->nodes[0].links[1].got;
	roster_underlay_changed(s->nodes[0].roster, s->now);
	while (s->nodes[0].links[1].got == got) {
		sim_run(s, US_MS);
		(void)sim_data(s, 1, 0);
		assert_true(s->now - moved <= RTT + 5 * US_MS);
	}
	/* And goes on, as far as three times what it said allows, of a hundred in a second round trip. */
	got = s->nodes[0].links[1].got;
	for (unsigned i = 0; i < 100; i++) {
		sim_run(s, US_MS);
		(void)sim_data(s, 1, 0);
	}
	assert_true(s->nodes[0].links[1].got - got >= 40);
	sim_destroy(s);
}

/* Packets by two ways in turn: nobody runs to and fro. */
static void
two_addresses_in_turn_leave_the_first_in_use(void **state)
{
	struct sim *s = called(8);
	struct endpoint home = s->nodes[0].at, other = sim_address(98, 4000);

	(void)state;
	sim_run(s, US_S);
	sim_talk(s, US_S, US_MS);
	for (unsigned i = 0; i < 4000; i++) {
		s->nodes[0].at = i % 2 == 0 ? other : home;
		(void)sim_data(s, 0, 1);
		s->nodes[0].at = home;
		sim_run(s, US_MS);
		(void)sim_data(s, 1, 0);
	}
	assert_true(endpoint_equal(session_path(peer_of(s, 1))->to, home));
	assert_int_equal(roams(s), 0);
	nothing_was_lost(s);
	sim_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_resends_records_directs_next_to_nothing_at_a_third_party),
		cmocka_unit_test(a_single_record_does_not_set_off_checks_for_ever),
		cmocka_unit_test(many_forged_addresses_do_no_harm),
		cmocka_unit_test(who_also_passes_on_what_comes_back_gets_nothing),
		cmocka_unit_test(a_session_begins_where_its_handshake_went),
		cmocka_unit_test(a_peer_that_moves_waits_for_one_round_trip),
		cmocka_unit_test(a_listener_that_moves_waits_for_one_round_trip),
		cmocka_unit_test(two_addresses_in_turn_leave_the_first_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
