/* Calls that a relay keeps for a peer that is not there yet: how soon packets flow, and what a caller can fill.
 *
 * Router 0 is the relay. */
#include "tests/unit/session_relay.h"

#define WAY        (100 * US_MS) /* to or from the relay */
#define ROUND_TRIP (4 * WAY)     /* of two routers by the relay */

static struct sim *
far_apart(uint64_t seed)
{
	struct sim *s = sim_create(3, seed);

	s->conf.relay = true;
	s->delay_min = s->delay_max = WAY;
	for (unsigned i = 0; i < 3; i++) {
		nat_make(&s->nodes[i], i == 0 ? NONE : SYMMETRIC);
		s->nodes[i].has_endpoints = false;
	}
	sim_start(s, 0);
	return s;
}

static void
appear(struct sim *s, unsigned node)
{
	sim_start(s, node);
	told_own(s, node);
	point_at_relay(s, node);
}

/* Runs until both have their sessions with the relay. */
static void
until_known(struct sim *s)
{
	for (us_t end = s->now + 10 * US_S; s->now < end; sim_run(s, US_MS))
		if (sim_both_up(s, 0, 1) && session_is_up(session_of(s, 2, 0)))
			return;
	fail_msg("seed %llu: the relay is not reached", (unsigned long long)s->seed);
}

/* Whoever comes first has called in vain, and would wait for the other's first record. */
static void
both_have_keys_after_one_round_trip(void **state)
{
	(void)state;
	for (us_t apart = 0; apart <= 8 * US_S; apart += apart < US_S ? 10 * US_MS : 370 * US_MS) {
		struct sim *s = far_apart((uint64_t)apart + 1);
		us_t known;

		appear(s, 1);
		sim_run(s, apart);
		appear(s, 2);
		until_known(s);
		known = s->now;
		until_up(s, 10 * US_S);
		if (s->now - known > ROUND_TRIP + 2 * US_MS)
			fail_msg("%u ms apart: %u ms", (unsigned)(apart / US_MS),
				 (unsigned)((s->now - known) / US_MS));
		talk(s, US_S);
		nothing_was_lost(s);
		assert_int_equal(sim_drops(s, 0, ROSTER_DROP_FORGED), 0);
		sim_destroy(s);
	}
}

/* Both calls were answered: one pair of keys is used in the end, and nobody calls again. */
static void
crossed_calls_settle(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim *s = far_apart(seed);
		struct session_stats a, b;

		appear(s, 1);
		appear(s, 2);
		until_up(s, 10 * US_S);
		talk(s, 2 * US_S);
		session_stats(session_of(s, 1, 2), s->now, &a);
		talk(s, 20 * US_S);
		nothing_was_lost(s);
		session_stats(session_of(s, 1, 2), s->now, &b);
		assert_int_equal(a.handshakes, b.handshakes);
		session_stats(session_of(s, 2, 1), s->now, &a);
		/* The one that gives way may have used its own keys first. */
		assert_true(a.handshakes + b.handshakes <= 3);
		assert_true(a.age > 20 * US_S && b.age > 20 * US_S);
		sim_destroy(s);
	}
}

#define ABSENT 20

static bool
count_calls(struct sim *s, const struct sim_event *e)
{
	uint64_t *calls = s->tap_ctx;

	*calls += e->data[0] == SEAL_RELAY && e->data[SEAL_RELAY_SIZE] == SEAL_INIT;
	return true;
}

/* One that calls many who are not there fills its own part only, and each call is accounted for. */
static void
a_flood_of_calls_is_bounded(void **state)
{
	struct sim *s = sim_create(2 + ABSENT, 5);
	uint64_t calls = 0, unknown;

	(void)state;
	s->conf.relay = true;
	s->tap = count_calls;
	s->tap_ctx = &calls;
	for (unsigned i = 0; i < s->count; i++)
		s->nodes[i].has_endpoints = false;
	sim_start(s, 0);
	appear(s, 1);
	sim_run(s, 100 * US_MS);
	assert_int_equal(calls, ABSENT);
	/* Eight of them wait. */
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN), ABSENT - 8);
	sim_run(s, 20 * US_S);
	assert_true(calls > 3 * ABSENT);
	sim_stop(s, 1);
	sim_run(s, US_S);
	unknown = sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN);
	assert_int_equal(unknown, calls - 8);
	sim_run(s, 10 * US_S);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN), calls);
	sim_destroy(s);
}

#define PLACES  256
#define CALLERS 33
#define SILENT  8

struct calls {
	unsigned came, handed_on;
};

static bool
watch_calls(struct sim *s, const struct sim_event *e)
{
	struct calls *calls = s->tap_ctx;

	if (e->data[0] == SEAL_RELAY && e->data[SEAL_RELAY_SIZE] == SEAL_INIT)
		calls->came++;
	if (e->data[0] == SEAL_RELAYED && e->data[SEAL_RELAY_SIZE] == SEAL_INIT)
		calls->handed_on++;
	return true;
}

static unsigned
waiting(const struct sim *s, const struct calls *calls)
{
	return calls->came - calls->handed_on -
	       (unsigned)sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN);
}

/* Callers that together fill all places get no more than there are, and leave them to those that come later. */
static void
all_places_are_taken_and_free_again(void **state)
{
	struct sim *s = sim_create(1 + CALLERS + SILENT, 6);
	struct calls calls = {0, 0};
	unsigned late = CALLERS + 1;

	(void)state;
	s->conf.relay = true;
	s->tap = watch_calls;
	s->tap_ctx = &calls;
	for (unsigned i = 0; i < s->count; i++)
		s->nodes[i].has_endpoints = false;
	sim_start(s, 0);
	for (unsigned i = 1; i <= CALLERS; i++)
		appear(s, i);
	/* At first they wait for each other, too. */
	for (us_t end = s->now + 10 * US_S; waiting(s, &calls) != PLACES && s->now < end;)
		sim_run(s, US_MS);
	assert_int_equal(waiting(s, &calls), PLACES);
	sim_run(s, 2 * US_S);
	assert_true(waiting(s, &calls) <= PLACES);
	for (unsigned i = 1; i <= CALLERS; i++)
		sim_stop(s, i);
	sim_run(s, 10 * US_S);
	assert_int_equal(waiting(s, &calls), 0);
	appear(s, late);
	for (us_t end = s->now + 10 * US_S; waiting(s, &calls) != 8 && s->now < end;)
		sim_run(s, US_MS);
	assert_int_equal(waiting(s, &calls), 8);
	sim_destroy(s);
}

/* The caller's place is still its own when it is not there any more, and nobody's when it is no peer. */
static void
who_is_no_peer_any_more_is_forgotten(void **state)
{
	(void)state;
	for (unsigned gone = 1; gone <= 2; gone++) {
		struct sim *s = far_apart(gone);
		uint64_t forwarded;

		appear(s, 1);
		sim_run(s, US_S);
		assert_true(sim_both_up(s, 0, 1));
		forwarded = s->nodes[0].relayed;
		roster_remove(s->nodes[0].roster, gone, s->now);
		assert_true(sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN) >= 1);
		appear(s, 2);
		sim_run(s, 2 * US_S);
		assert_int_equal(s->nodes[0].relayed, forwarded);
		assert_int_equal(sim_drops(s, 2, ROSTER_DROP_STALE), 0);
		assert_false(session_is_up(session_of(s, 2, 1)));
		sim_destroy(s);
	}
}

static void
one_that_relays_no_more_hands_nothing_on(void **state)
{
	struct sim *s = far_apart(3);
	uint64_t before;

	(void)state;
	appear(s, 1);
	sim_run(s, US_S);
	before = sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN);
	roster_set_relaying(s->nodes[0].roster, false, 0);
	appear(s, 2);
	sim_run(s, 2 * US_S);
	assert_true(session_is_up(session_of(s, 2, 0)));
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN), before + 1);
	assert_true(sim_drops(s, 0, ROSTER_DROP_RELAY_OFF) > 0);
	assert_false(session_is_up(session_of(s, 2, 1)));
	sim_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_have_keys_after_one_round_trip),
		cmocka_unit_test(crossed_calls_settle),
		cmocka_unit_test(a_flood_of_calls_is_bounded),
		cmocka_unit_test(all_places_are_taken_and_free_again),
		cmocka_unit_test(who_is_no_peer_any_more_is_forgotten),
		cmocka_unit_test(one_that_relays_no_more_hands_nothing_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
