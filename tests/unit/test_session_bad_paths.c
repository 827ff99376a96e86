/* Ways to a peer that become bad: dead, lossy, slow.  Which of these it is said to be, when it is left, and taken again.
 *
 * Router 0 is the relay, in public; 1 and 2 are behind NATs and have punched. */
#include "tests/unit/session_relay.h"

#define LOSES  "the one before lost too much"
#define SLOW   "the one before was too slow"
#define SILENT "the one before did not answer"

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

/* Both talk until both use a way of this kind. */
static void
until_both(struct sim *s, enum path_kind kind, us_t patience)
{
	us_t start = s->now;

	while (kind_of(s, 1, 2) != kind || kind_of(s, 2, 1) != kind) {
		talk(s, US_MS);
		if (s->now - start > patience)
			fail_msg("seed %llu: %s and %s after %u ms", (unsigned long long)s->seed,
				 way_of(s, 1, 2), way_of(s, 2, 1), (unsigned)(patience / US_MS));
	}
}

static const char *
reason_of(struct sim *s, unsigned a, unsigned b)
{
	struct session_stats stats;

	session_stats(session_of(s, a, b), s->now, &stats);
	return stats.reason;
}

static bool
says(struct sim *s, unsigned a, unsigned b, const char *reason)
{
	return strcmp(reason_of(s, a, b), reason) == 0;
}

/* Is that, and nothing else, why the one end has left the way before, and the other with it? */
static bool
both_say(struct sim *s, const char *why)
{
	const char *follows = "the peer came from there";
	bool a = says(s, 1, 2, why), b = says(s, 2, 1, why);

	return (a && b) || (a && says(s, 2, 1, follows)) || (says(s, 1, 2, follows) && b);
}

static void
moves_begin(struct sim *s)
{
	s->nodes[1].links[2].moves = s->nodes[2].links[1].moves = 0;
}

static unsigned
moves_of_both(const struct sim *s)
{
	return s->nodes[1].links[2].moves + s->nodes[2].links[1].moves;
}

/* What died on the way is not found missing by what comes by the other. */
static void
a_way_that_was_dead_is_not_left_for_its_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		unsigned loss_pct = 0;
		struct sim *s = direct_then_lossy(seed, &loss_pct);

		s->delay_min = s->delay_max = 50 * US_MS;
		sim_run(s, sim_below(s, 1000) * US_MS);
		talk(s, 5 * US_S);
		loss_pct = 100;
		talk(s, 2 * US_S);
		assert_int_equal(kind_of(s, 1, 2), PATH_RELAY);
		assert_int_equal(kind_of(s, 2, 1), PATH_RELAY);
		if (says(s, 1, 2, LOSES) || says(s, 2, 1, LOSES))
			fail_msg("seed %u: %s, %s", (unsigned)seed, reason_of(s, 1, 2),
				 reason_of(s, 2, 1));
		loss_pct = 0;
		until_both(s, PATH_UDP, 8 * US_S);
		sim_destroy(s);
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
			talk_each(s, 20 * US_MS, i == 0 ? US_S : 140 * US_S);
			loss_pct = 0;
			talk_each(s, 20 * US_MS, i == 0 ? US_S : 0);
		}
		/* It is tried every 25 s. */
		until_both(s, PATH_UDP, 35 * US_S);
		sim_destroy(s);
	}
}

static void
a_direct_way_that_dies_is_left_for_the_relay(void **state)
{
	unsigned loss_pct = 100;
	struct sim *s = direct_then_lossy(3, &loss_pct);

	(void)state;
	until_both(s, PATH_RELAY, 1500 * US_MS);
	assert_true(both_say(s, SILENT));
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
		us_t start = s->now;

		while (kind_of(s, 1, 2) != PATH_RELAY && s->now - start < 30 * US_S)
			talk(s, 10 * US_MS);
		assert_int_equal(kind_of(s, 1, 2), PATH_RELAY);
		assert_true(s->now - start < 10 * US_S);
		assert_true(says(s, 1, 2, LOSES) || says(s, 1, 2, SILENT) ||
			    says(s, 1, 2, "the peer came from there"));
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
	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		unsigned loss_pct = 30;
		struct sim *s = direct_then_lossy(seed, &loss_pct);
		us_t start = s->now;

		while (kind_of(s, 1, 2) != PATH_RELAY || kind_of(s, 2, 1) != PATH_RELAY ||
		       !both_say(s, LOSES)) {
			talk_each(s, 20 * US_MS, 20 * US_MS);
			if (s->now - start > 20 * US_S)
				fail_msg("seed %u: %s, %s", (unsigned)seed, reason_of(s, 1, 2),
					 reason_of(s, 2, 1));
		}
		/* And there it stays; one end may have been lucky, and try it once more. */
		moves_begin(s);
		talk_each(s, 20 * US_MS, 10 * US_S);
		assert_true(moves_of_both(s) <= 4);
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

/* Two routers near to each other that have talked directly for a while; from now on that way is as 'slow' says. */
static struct sim *
direct_then_slow(uint64_t seed, struct slow *slow)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, seed);

	s->delay_min = s->delay_max = US_MS / 5;
	until_up(s, US_S);
	talk(s, 3 * US_S);
	s->tap = slow_direct_way;
	s->tap_ctx = slow;
	return s;
}

/* While it is known to be bad it may be all that there is for a moment: that is no other time. */
static void
a_slow_way_is_found_slow_once(void **state)
{
	struct slow slow = {.delay = 60 * US_MS};
	struct sim *s = direct_then_slow(8, &slow);

	(void)state;
	talk(s, 5 * US_S);
	assert_int_equal(kind_of(s, 1, 2), PATH_RELAY);
	assert_true(both_say(s, SLOW));
	for (unsigned i = 0; i < 3; i++) {
		slow.cuts_relay = true;
		talk(s, US_S);
		assert_int_equal(kind_of(s, 1, 2), PATH_UDP);
		slow.cuts_relay = false;
		until_both(s, PATH_RELAY, 8 * US_S);
	}
	slow.delay = 0;
	until_both(s, PATH_UDP, 31 * US_S);
	sim_destroy(s);
}

/* At first it is silent for the time that it has become slower by. */
static void
a_way_that_becomes_slow_is_left_once_and_said_to_be_slow(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct slow slow = {.delay = 60 * US_MS};
		struct sim *s = direct_then_slow(seed, &slow);

		until_both(s, PATH_RELAY, 300 * US_MS);
		moves_begin(s);
		talk(s, 4 * US_S);
		if (!both_say(s, SLOW))
			fail_msg("seed %u: %s, %s", (unsigned)seed, reason_of(s, 1, 2),
				 reason_of(s, 2, 1));
		talk(s, 10 * US_S);
		assert_int_equal(moves_of_both(s), 0);
		slow.delay = 0;
		until_both(s, PATH_UDP, 35 * US_S);
		sim_destroy(s);
	}
}

static void
a_way_that_stood_still_for_a_moment_is_taken_again(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct slow slow = {0};
		struct sim *s = direct_then_slow(seed, &slow);

		slow.stalls_until = s->now + 300 * US_MS;
		talk(s, 400 * US_MS);
		assert_int_equal(kind_of(s, 1, 2), PATH_RELAY);
		until_both(s, PATH_UDP, 6 * US_S);
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
