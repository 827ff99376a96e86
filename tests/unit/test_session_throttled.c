/* Datagrams that get through, but too few of them: where there is a stream it is taken, and left again when
 * datagrams do.
 *
 * Router 0 takes streams; 1 calls it. */
#include "tests/unit/session_sim.h"

/* What the network does to one direction. */
struct throttle {
	unsigned datagrams_pct[2]; /* lost of those that node 0, 1 sends */
	unsigned streams_pct; /* of what streams carry: they drop what they cannot keep up with */
	size_t size_min;      /* smaller ones pass, as where a policer has a little left */
};

static bool
throttled(struct sim *s, const struct sim_event *e)
{
	const struct throttle *t = s->tap_ctx;
	unsigned sender = endpoint_equal(e->from, s->nodes[0].at) ? 0 : 1;
	unsigned pct = e->stream != 0 ? t->streams_pct : t->datagrams_pct[sender];

	return e->size < t->size_min || sim_below(s, 100) >= pct;
}

static struct sim *
pair(struct throttle *t, uint64_t seed)
{
	struct sim *s = sim_create(2, seed);

	s->delay_min = s->delay_max = 10 * US_MS;
	s->tap = throttled;
	s->tap_ctx = t;
	s->nodes[0].has_endpoints = false;
	sim_start(s, 0);
	sim_start(s, 1);
	session_streams(roster_at(s->nodes[1].roster, 0), &s->nodes[0].at, 1, s->now);
	sim_run(s, 3 * US_S);
	assert_true(sim_both_up(s, 0, 1));
	return s;
}

static bool
both_use(const struct sim *s, enum path_kind kind)
{
	return session_path(roster_at(s->nodes[0].roster, 1))->kind == kind &&
	       session_path(roster_at(s->nodes[1].roster, 0))->kind == kind;
}

/* How long it takes both, with traffic; fails when they do not come to it in time. */
static us_t
until_both_use(struct sim *s, enum path_kind kind, us_t patience)
{
	us_t begin = s->now;

	while (!both_use(s, kind)) {
		sim_talk(s, 10 * US_MS, 2 * US_MS);
		if (s->now - begin > patience)
			fail_msg("seed %llu: not by way %u within %u ms",
				 (unsigned long long)s->seed, kind, (unsigned)(patience / US_MS));
	}
	return s->now - begin;
}

static const char *
reason_of(struct sim *s, unsigned a, unsigned b)
{
	struct session_stats stats;

	session_stats(roster_at(s->nodes[a].roster, b), s->now, &stats);
	return stats.reason;
}

static unsigned
moves(const struct sim *s)
{
	return s->nodes[0].links[1].moves + s->nodes[1].links[0].moves;
}

static void
throttled_datagrams_give_way_to_a_stream_and_come_back(void **state)
{
	static const struct throttle cases[] = {
		{.datagrams_pct = {30, 30}},                 /* checks are lost as well */
		{.datagrams_pct = {30, 0}},                  /* to who calls */
		{.datagrams_pct = {0, 30}},                  /* from it */
		{.datagrams_pct = {15, 0}, .size_min = 150}, /* only data are lost */
		{.datagrams_pct = {0, 15}, .size_min = 150},
		{.datagrams_pct = {60, 60}, .size_min = 150},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
		for (uint64_t seed = 1; seed <= 5; seed++) {
			struct throttle t = {.size_min = 0};
			struct sim *s = pair(&t, seed * 100 + i);
			unsigned before;

			sim_talk(s, 3 * US_S, 2 * US_MS);
			assert_true(both_use(s, PATH_UDP));
			t = cases[i];
			before = moves(s);
			(void)until_both_use(s, PATH_TCP, 8 * US_S);
			/* Neither goes back meanwhile. */
			sim_talk(s, 20 * US_S, 2 * US_MS);
			assert_true(both_use(s, PATH_TCP));
			assert_true(strstr(reason_of(s, 0, 1), "lost too much") != NULL ||
				    strstr(reason_of(s, 1, 0), "lost too much") != NULL);
			if (moves(s) - before > 4)
				fail_msg("case %u, seed %llu: %u moves", i,
					 (unsigned long long)s->seed, moves(s) - before);
			t = (struct throttle){.size_min = 0};
			(void)until_both_use(s, PATH_UDP, 100 * US_S);
			before = moves(s);
			sim_talk(s, 20 * US_S, 2 * US_MS);
			assert_true(both_use(s, PATH_UDP));
			assert_int_equal(moves(s), before);
			sim_destroy(s);
		}
	}
}

/* A way that stays bad is tried again less and less often. */
static void
lasting_throttling_is_tried_again_ever_less_often(void **state)
{
	struct throttle t = {.size_min = 0};
	struct sim *s = pair(&t, 7);
	unsigned on_udp = 0, before;

	(void)state;
	t = (struct throttle){.datagrams_pct = {40, 40}, .size_min = 150};
	(void)until_both_use(s, PATH_TCP, 8 * US_S);
	before = moves(s);
	for (unsigned i = 0; i < 1900; i++) {
		sim_talk(s, 100 * US_MS, 4 * US_MS);
		on_udp += !both_use(s, PATH_TCP);
	}
	/* After 30 and 60 seconds, each time for as long as it takes to see what is lost. */
	if (on_udp > 130 || moves(s) - before > 16)
		fail_msg("%u tenths of a second by datagrams, %u moves", on_udp, moves(s) - before);
	sim_destroy(s);
}

/* What is lost because there is too much of it is lost by a stream, too. */
static void
a_stream_that_loses_as_much_is_left(void **state)
{
	struct throttle t = {.size_min = 0};
	struct sim *s = pair(&t, 8);

	(void)state;
	t = (struct throttle){.datagrams_pct = {30, 30}, .streams_pct = 30, .size_min = 150};
	(void)until_both_use(s, PATH_TCP, 8 * US_S);
	(void)until_both_use(s, PATH_UDP, 8 * US_S);
	sim_talk(s, 20 * US_S, 2 * US_MS);
	assert_true(both_use(s, PATH_UDP));
	sim_destroy(s);
}

static void
a_little_loss_is_borne(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		struct throttle t = {.size_min = 0};
		struct sim *s = pair(&t, seed);

		t = (struct throttle){.datagrams_pct = {5, 5}, .size_min = 150};
		for (unsigned i = 0; i < 120; i++) {
			sim_talk(s, US_S / 2, 2 * US_MS);
			assert_true(both_use(s, PATH_UDP));
		}
		sim_destroy(s);
		/* Nor is anything concluded from a few packets.  New keys are not due meanwhile: a handshake that is lost
		 * goes on by the stream. */
		t = (struct throttle){.size_min = 0};
		s = pair(&t, seed);
		t = (struct throttle){.datagrams_pct = {50, 50}, .size_min = 150};
		for (unsigned i = 0; i < 60; i++) {
			sim_talk(s, US_S, 250 * US_MS);
			assert_true(both_use(s, PATH_UDP));
		}
		sim_destroy(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(throttled_datagrams_give_way_to_a_stream_and_come_back),
		cmocka_unit_test(lasting_throttling_is_tried_again_ever_less_often),
		cmocka_unit_test(a_stream_that_loses_as_much_is_left),
		cmocka_unit_test(a_little_loss_is_borne),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
