/* Ways to a peer that become bad: dead, lossy, slow.  Which of these it is said to be, when it is left, and taken again.
 *
 * Router 0 is the relay, in public; 1 and 2 are behind NATs and have punched. */
#include "tests/unit/session_relay.h"

static bool
no_direct_way(struct sim *s, const struct sim_event *e)
{
	const struct endpoint *relay = &s->nodes[0].at;
	unsigned *loss_pct = s->tap_ctx;

	return e->stream != 0 || endpoint_equal(e->from, *relay) || endpoint_equal(e->to, *relay) ||
	       sim_below(s, 100) >= *loss_pct;
}

/* Two routers behind NATs that have talked directly for a while; from now on that way loses so much. */
static struct sim *
direct_then_lossy(uint64_t seed, unsigned *loss_pct)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, seed);

	until_up(s, US_S);
	talk(s, 3 * US_S);
	assert_int_equal(kind_of(s, 1, 2), PATH_UDP);
	s->tap = no_direct_way;
	s->tap_ctx = loss_pct;
	return s;
}

static bool
says(const struct session_stats *stats, const char *reason)
{
	return strcmp(stats->reason, reason) == 0;
}

static void
until_direct(struct sim *s, us_t patience)
{
	us_t start = s->now;

	while (kind_of(s, 1, 2) != PATH_UDP || kind_of(s, 2, 1) != PATH_UDP) {
		talk(s, 10 * US_MS);
		if (s->now - start > patience)
			fail_msg("seed %llu: not direct after %u ms", (unsigned long long)s->seed,
				 (unsigned)(patience / US_MS));
	}
}

/* What died on the way is not found missing by what comes by the other. */
static void
a_way_that_was_dead_is_not_left_for_its_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		unsigned loss_pct = 0;
		struct sim *s = direct_then_lossy(seed, &loss_pct);
		struct session_stats a, b;

		s->delay_min = s->delay_max = 50 * US_MS;
		sim_run(s, sim_below(s, 1000) * US_MS);
		talk(s, 5 * US_S);
		loss_pct = 100;
		talk(s, 2 * US_S);
		assert_int_equal(kind_of(s, 1, 2), PATH_RELAY);
		assert_int_equal(kind_of(s, 2, 1), PATH_RELAY);
		session_stats(session_of(s, 1, 2), s->now, &a);
		session_stats(session_of(s, 2, 1), s->now, &b);
		if (says(&a, "the one before lost too much") ||
		    says(&b, "the one before lost too much"))
			fail_msg("seed %u: %s, %s", (unsigned)seed, a.reason, b.reason);
		loss_pct = 0;
		until_direct(s, 8 * US_S);
		sim_destroy(s);
	}
}

static void
talk_seldom(struct sim *s, us_t duration)
{
	for (us_t end = s->now + duration; s->now < end;) {
		sim_run(s, 20 * US_MS);
		(void)sim_data(s, 1, 2);
		(void)sim_data(s, 2, 1);
	}
}

/* It dies again at once, and for long; that adds nothing to the time in which nobody trusts it. */
static void
a_way_that_is_dead_for_long_is_taken_when_it_is_back(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 5; seed++) {
		unsigned loss_pct = 0;
		struct sim *s = direct_then_lossy(seed, &loss_pct);

		talk(s, 2 * US_S);
		for (unsigned i = 0; i < 2; i++) {
			loss_pct = 100;
			if (i == 0)
				talk(s, US_S);
			else
				talk_seldom(s, 140 * US_S);
			loss_pct = 0;
			talk_seldom(s, i == 0 ? US_S : 0);
		}
		/* It is tried every 25 s. */
		until_direct(s, 35 * US_S);
		sim_destroy(s);
	}
}

static void
a_direct_way_that_dies_is_left_for_the_relay(void **state)
{
	unsigned loss_pct = 100;
	struct sim *s = direct_then_lossy(3, &loss_pct);
	struct session_stats stats;
	us_t cut = s->now;

	(void)state;
	while (kind_of(s, 1, 2) != PATH_RELAY || kind_of(s, 2, 1) != PATH_RELAY)
		talk(s, US_MS);
	assert_true(s->now - cut < 1500 * US_MS);
	session_stats(session_of(s, 1, 2), s->now, &stats);
	assert_true(strcmp(stats.reason, "the one before did not answer") == 0 ||
		    strcmp(stats.reason, "the peer came from there") == 0);
	/* And taken again as soon as it works. */
	loss_pct = 0;
	talk(s, 40 * US_S);
	assert_int_equal(kind_of(s, 1, 2), PATH_UDP);
	assert_int_equal(kind_of(s, 2, 1), PATH_UDP);
	assert_int_equal(s->nodes[1].links[2].downs, 0);
	sim_destroy(s);
}

static void
a_direct_way_that_loses_much_is_left_and_said_so(void **state)
{
	unsigned moves = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		unsigned loss_pct = 40;
		struct sim *s = direct_then_lossy(seed, &loss_pct);
		struct session_stats stats;
		us_t start = s->now;

		while (kind_of(s, 1, 2) != PATH_RELAY && s->now - start < 30 * US_S)
			talk(s, 10 * US_MS);
		assert_int_equal(kind_of(s, 1, 2), PATH_RELAY);
		assert_true(s->now - start < 10 * US_S);
		session_stats(session_of(s, 1, 2), s->now, &stats);
		assert_true(strcmp(stats.reason, "the one before lost too much") == 0 ||
			    strcmp(stats.reason, "the one before did not answer") == 0 ||
			    strcmp(stats.reason, "the peer came from there") == 0);
		s->nodes[1].links[2].moves = 0;
		talk(s, 60 * US_S);
		moves += s->nodes[1].links[2].moves;
		sim_destroy(s);
	}
	/* It does not go back and forth. */
	assert_true(moves <= 12 * 4);
}

/* Three checks in a row are soon lost by chance, and that is not why it is left. */
static void
a_way_that_loses_is_not_said_to_be_silent(void **state)
{
	const char *why = "the one before lost too much", *follows = "the peer came from there";

	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		unsigned loss_pct = 30;
		struct sim *s = direct_then_lossy(seed, &loss_pct);
		struct session_stats a, b;
		us_t start = s->now;

		do {
			talk_seldom(s, 20 * US_MS);
			session_stats(session_of(s, 1, 2), s->now, &a);
			session_stats(session_of(s, 2, 1), s->now, &b);
			if (s->now - start > 20 * US_S)
				fail_msg("seed %u: %s, %s", (unsigned)seed, a.reason, b.reason);
		} while (kind_of(s, 1, 2) != PATH_RELAY || kind_of(s, 2, 1) != PATH_RELAY ||
			 (!says(&a, why) && !says(&a, follows)) ||
			 (!says(&b, why) && !says(&b, follows)) ||
			 (!says(&a, why) && !says(&b, why)));
		/* And there it stays; one end may have been lucky, and try it once more. */
		s->nodes[1].links[2].moves = s->nodes[2].links[1].moves = 0;
		talk_seldom(s, 10 * US_S);
		assert_true(s->nodes[1].links[2].moves + s->nodes[2].links[1].moves <= 4);
		sim_destroy(s);
	}
}

/* The direct way is slow, and nothing comes by the relay. */
struct slow {
	us_t delay;
	us_t stalls_until;
	bool cuts_relay;
};

#define IS_LATE (UINT64_C(1) << 62)

static bool
slow_direct_way(struct sim *s, const struct sim_event *e)
{
	const struct endpoint *relay = &s->nodes[0].at;
	const struct slow *slow = s->tap_ctx;
	struct sim_event late = *e;

	if (endpoint_equal(e->from, *relay) || endpoint_equal(e->to, *relay))
		return !slow->cuts_relay;
	if ((slow->delay == 0 && s->now >= slow->stalls_until) || (e->order & IS_LATE) != 0)
		return true;
	late.at = s->now < slow->stalls_until ? slow->stalls_until : s->now + slow->delay;
	late.order |= IS_LATE;
	late.data = malloc(e->size);
	memcpy(late.data, e->data, e->size);
	sim_queue_put(&s->queue, late);
	return false;
}

/* While it is known to be bad it may be all that there is for a moment: that is no other time. */
static void
a_slow_way_is_found_slow_once(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, 8);
	struct slow slow = {.delay = 60 * US_MS};
	struct session_stats stats;
	us_t start;

	(void)state;
	s->delay_min = s->delay_max = US_MS / 5;
	until_up(s, US_S);
	talk(s, 3 * US_S);
	s->tap = slow_direct_way;
	s->tap_ctx = &slow;
	talk(s, 5 * US_S);
	assert_int_equal(kind_of(s, 1, 2), PATH_RELAY);
	session_stats(session_of(s, 1, 2), s->now, &stats);
	assert_true(strcmp(stats.reason, "the one before was too slow") == 0 ||
		    strcmp(stats.reason, "the peer came from there") == 0);
	for (unsigned i = 0; i < 3; i++) {
		slow.cuts_relay = true;
		talk(s, US_S);
		assert_int_equal(kind_of(s, 1, 2), PATH_UDP);
		slow.cuts_relay = false;
		start = s->now;
		while (kind_of(s, 1, 2) != PATH_RELAY || kind_of(s, 2, 1) != PATH_RELAY) {
			talk(s, 10 * US_MS);
			assert_true(s->now - start < 8 * US_S);
		}
	}
	slow.delay = 0;
	start = s->now;
	while (kind_of(s, 1, 2) != PATH_UDP || kind_of(s, 2, 1) != PATH_UDP) {
		talk(s, 10 * US_MS);
		assert_true(s->now - start < 31 * US_S);
	}
	sim_destroy(s);
}

/* At first it is silent for the time that it has become slower by. */
static void
a_way_that_becomes_slow_is_left_once_and_said_to_be_slow(void **state)
{
	const char *why = "the one before was too slow", *follows = "the peer came from there";

	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct sim *s = relayed(EIM_APDF, EIM_APDF, seed);
		struct slow slow = {.delay = 60 * US_MS};
		struct session_stats a, b;
		us_t start;

		s->delay_min = s->delay_max = US_MS / 5;
		until_up(s, US_S);
		talk(s, 3 * US_S);
		s->tap = slow_direct_way;
		s->tap_ctx = &slow;
		start = s->now;
		while (kind_of(s, 1, 2) != PATH_RELAY || kind_of(s, 2, 1) != PATH_RELAY) {
			talk(s, US_MS);
			assert_true(s->now - start < 300 * US_MS);
		}
		s->nodes[1].links[2].moves = s->nodes[2].links[1].moves = 0;
		talk(s, 4 * US_S);
		session_stats(session_of(s, 1, 2), s->now, &a);
		session_stats(session_of(s, 2, 1), s->now, &b);
		if ((!says(&a, why) && !says(&a, follows)) ||
		    (!says(&b, why) && !says(&b, follows)) || (!says(&a, why) && !says(&b, why)))
			fail_msg("seed %u: %s, %s", (unsigned)seed, a.reason, b.reason);
		talk(s, 10 * US_S);
		assert_int_equal(s->nodes[1].links[2].moves + s->nodes[2].links[1].moves, 0);
		slow.delay = 0;
		until_direct(s, 35 * US_S);
		sim_destroy(s);
	}
}

static void
a_way_that_stood_still_for_a_moment_is_taken_again(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct sim *s = relayed(EIM_APDF, EIM_APDF, seed);
		struct slow slow = {0};

		s->delay_min = s->delay_max = US_MS / 2;
		until_up(s, US_S);
		talk(s, 3 * US_S);
		s->tap = slow_direct_way;
		s->tap_ctx = &slow;
		slow.stalls_until = s->now + 300 * US_MS;
		talk(s, 400 * US_MS);
		assert_int_equal(kind_of(s, 1, 2), PATH_RELAY);
		until_direct(s, 6 * US_S);
		sim_destroy(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_way_that_was_dead_is_not_left_for_its_loss),
		cmocka_unit_test(a_way_that_is_dead_for_long_is_taken_when_it_is_back),
		cmocka_unit_test(a_direct_way_that_dies_is_left_for_the_relay),
		cmocka_unit_test(a_direct_way_that_loses_much_is_left_and_said_so),
		cmocka_unit_test(a_way_that_loses_is_not_said_to_be_silent),
		cmocka_unit_test(a_slow_way_is_found_slow_once),
		cmocka_unit_test(a_way_that_becomes_slow_is_left_once_and_said_to_be_slow),
		cmocka_unit_test(a_way_that_stood_still_for_a_moment_is_taken_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
