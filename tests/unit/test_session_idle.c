/* What routers say that have nothing to say: enough for the NATs, and for a way that dies; and no more. */
#include "tests/unit/session_relay.h"

#define CHECK_SIZE (SEAL_OVERHEAD + PATHS_CHECK_SIZE)

/* What passes of one router's datagrams. */
struct watch {
	struct addr from;
	unsigned count, checks;
	us_t last;    /* check; 0: none */
	us_t gap_max; /* between two checks */
	bool cut;     /* what does not go to or come from the relay is lost */
};

static bool
watched(struct sim *s, const struct sim_event *e)
{
	const struct endpoint *relay = &s->nodes[0].at;
	struct watch *w = s->tap_ctx;
	bool is_direct = !endpoint_equal(e->to, *relay) && !endpoint_equal(e->from, *relay);

	if (e->stream == 0 && addr_equal(e->from.addr, w->from)) {
		w->count++;
		if (e->size == CHECK_SIZE) {
			w->checks++;
			if (w->last != 0 && s->now - w->last > w->gap_max)
				w->gap_max = s->now - w->last;
			w->last = s->now;
		}
	}
	return !w->cut || !is_direct;
}

/* What goes to one place. */
struct count_to {
	struct endpoint to;
	unsigned count;
};

static bool
counted_to(struct sim *s, const struct sim_event *e)
{
	struct count_to *c = s->tap_ctx;

	c->count += e->stream == 0 && endpoint_equal(e->to, c->to);
	return true;
}

/* What router 1 sends in so long. */
static struct watch
watch(struct sim *s, us_t duration)
{
	struct sim_node *n = &s->nodes[1];
	struct watch w = {.from = n->nat.mapping == SIM_PUBLIC ? n->at.addr : n->nat.outside};

	s->tap = watched;
	s->tap_ctx = &w;
	sim_run(s, duration);
	s->tap = NULL;
	return w;
}

/* Each of the ways, to the peer, to the relay and by the relay, is checked once in 25 s and answers as often; what does not
 * answer, once in 100 s. */
static void
an_idle_pair_sends_no_more_than_its_keepalives(void **state)
{
	static const enum side sides[][2] = {
		{EIM_APDF, EIM_APDF}, {SYMMETRIC, SYMMETRIC}, {NONE, EIM_EIF}, {EIM_APDF, NO_UDP}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(sides); i++) {
		struct sim *s = relayed(sides[i][0], sides[i][1], i);
		struct watch w;

		until_up(s, 3 * US_S);
		talk(s, 3 * US_S);
		/* Without rekeys: they are not due to idleness. */
		sim_run(s, 150 * US_S);
		w = watch(s, 100 * US_S);
		/* Three ways: four checks, four answers each; a handshake or two; two or three dead ones; room for a check
		 * more of each. */
		if (w.count > 3 * 2 * 5 + 16)
			fail_msg("%s with %s: %u datagrams, %u of them checks",
				 side_names[sides[i][0]], side_names[sides[i][1]], w.count,
				 w.checks);
		assert_true(w.checks >= 4);
		sim_destroy(s);
	}
}

/* Hellos, which nothing answers at once, put the way in use in doubt, and no other is bothered with it. */
static void
an_idle_pair_that_says_hello_leaves_the_relay_alone(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, 22);
	struct endpoint relay = s->nodes[0].at;
	struct count_to to = {.to = relay};

	(void)state;
	until_up(s, 3 * US_S);
	talk(s, 3 * US_S);
	sim_run(s, 150 * US_S);
	s->tap = counted_to;
	s->tap_ctx = &to;
	for (unsigned i = 0; i < 100; i++) {
		sim_hello(s, 1, 2);
		sim_run(s, 400 * US_MS);
		sim_hello(s, 2, 1);
		sim_run(s, 600 * US_MS);
	}
	assert_int_equal(kind_of(s, 1, 2), PATH_UDP);
	/* Each of the two checks the relay and the way by it, and answers the other's, once in 25 s. */
	assert_in_range(to.count, 8, 60);
	sim_destroy(s);
}

/* Where there is a choice as well: every second at first, every 4 s in the first minute, then every 25. */
static void
checks_become_rare_when_machines_fall_silent(void **state)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, 20);
	struct watch w;

	(void)state;
	until_up(s, 3 * US_S);
	talk(s, 3 * US_S);
	assert_int_equal(kind_of(s, 1, 2), PATH_UDP);
	w = watch(s, 9 * US_S);
	assert_true(w.gap_max <= 1100 * US_MS && w.checks >= 8);
	sim_run(s, 2 * US_S);
	w = watch(s, 45 * US_S);
	assert_true(w.gap_max <= 4100 * US_MS);
	assert_in_range(w.checks, 11, 28);
	sim_run(s, 30 * US_S);
	w = watch(s, 50 * US_S);
	assert_in_range(w.checks, 2, 12);
	/* One packet, and it is as before. */
	(void)sim_data(s, 1, 2);
	w = watch(s, 9 * US_S);
	assert_true(w.gap_max <= 1100 * US_MS && w.checks >= 8);
	sim_destroy(s);
}

/* Two that talked directly and have been silent since; 'w' sees the way between them die now. */
static struct sim *
cut_while_idle(uint64_t seed, struct watch *w)
{
	struct sim *s = relayed(EIM_APDF, EIM_APDF, seed);

	until_up(s, 3 * US_S);
	talk(s, 3 * US_S);
	sim_run(s, 80 * US_S);
	assert_string_equal(way_of(s, 1, 2), "punched");
	*w = (struct watch){.cut = true};
	s->tap = watched;
	s->tap_ctx = w;
	return s;
}

static void
a_way_that_dies_idly_is_left_within_one_keepalive(void **state)
{
	struct watch w;
	struct sim *s = cut_while_idle(21, &w);
	us_t cut = s->now;

	(void)state;
	while (kind_of(s, 1, 2) != PATH_RELAY || kind_of(s, 2, 1) != PATH_RELAY) {
		sim_run(s, 10 * US_MS);
		assert_true(s->now - cut <= 27 * US_S);
	}
	sim_destroy(s);
}

/* The same at once, when there is something urgent for the peer. */
static void
what_is_urgent_goes_by_the_way_that_lives(void **state)
{
	struct watch w;
	struct sim *s = cut_while_idle(24, &w);
	us_t cut = s->now;

	(void)state;
	session_urge(session_of(s, 1, 2), s->now);
	roster_touch(s->nodes[1].roster, session_of(s, 1, 2));
	while (kind_of(s, 1, 2) != PATH_RELAY) {
		sim_run(s, 10 * US_MS);
		assert_true(s->now - cut <= 400 * US_MS);
	}
	sim_destroy(s);
}

/* A leg to a relay knows what goes by it: it is checked as often as a way that machines talk by. */
static void
a_leg_under_traffic_is_checked_often(void **state)
{
	struct sim *s = relayed(SYMMETRIC, SYMMETRIC, 22);
	struct watch w;

	(void)state;
	until_up(s, 3 * US_S);
	sim_run(s, 80 * US_S);
	nothing_was_lost(s);
	for (unsigned i = 0; i < 40; i++) {
		(void)sim_data(s, 1, 2);
		sim_run(s, 500 * US_MS);
	}
	/* The pair's own checks are larger, as they are relayed. */
	w = watch(s, 6 * US_S);
	assert_in_range(w.checks, 5, 14);
	sim_destroy(s);
}

/* Behind a NAT that forgets after so long, with a public peer. */
static struct sim *
behind_nat(us_t timeout)
{
	struct sim *s = sim_create(2, 23);

	s->delay_min = s->delay_max = 10 * US_MS;
	s->conf.rekey_time = 24 * 3600 * US_S;
	nat_make(&s->nodes[1], EIM_APDF);
	s->nodes[1].nat.timeout = timeout;
	s->nodes[0].has_endpoints = false;
	sim_start_all(s);
	sim_run(s, US_S);
	assert_true(sim_both_up(s, 0, 1));
	(void)sim_data(s, 1, 0);
	sim_run(s, 120 * US_S);
	return s;
}

static void
a_keepalive_that_was_shortened_grows_again(void **state)
{
	struct sim *s = behind_nat(8 * US_S);
	us_t before;

	(void)state;
	sim_run(s, 120 * US_S);
	before = watch(s, 100 * US_S).gap_max;
	assert_in_range(before, 4 * US_S, 8 * US_S);
	/* Where nothing has changed it is tried ever less often. */
	sim_run(s, 4 * 3600 * US_S);
	assert_true(watch(s, 600 * US_S).gap_max <= 8 * US_S);
	s->nodes[1].nat.timeout = 0;
	sim_run(s, 3 * 24 * 3600 * US_S);
	assert_in_range(watch(s, 200 * US_S).gap_max, 24 * US_S, 26 * US_S);
	sim_destroy(s);
}

static void
another_underlay_has_another_nat(void **state)
{
	struct sim *s = behind_nat(8 * US_S);

	(void)state;
	sim_run(s, 120 * US_S);
	assert_true(watch(s, 100 * US_S).gap_max <= 8 * US_S);
	s->nodes[1].nat.timeout = 0;
	s->nodes[1].nat.port_next += 1000;
	for (size_t i = 0; i < 64; i++)
		s->nodes[1].nat.rows[i].port = 0;
	sim_run(s, 4 * US_S);
	roster_underlay_changed(s->nodes[1].roster, s->now);
	sim_run(s, US_S);
	assert_in_range(watch(s, 200 * US_S).gap_max, 24 * US_S, 26 * US_S);
	sim_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_pair_sends_no_more_than_its_keepalives),
		cmocka_unit_test(an_idle_pair_that_says_hello_leaves_the_relay_alone),
		cmocka_unit_test(checks_become_rare_when_machines_fall_silent),
		cmocka_unit_test(a_way_that_dies_idly_is_left_within_one_keepalive),
		cmocka_unit_test(what_is_urgent_goes_by_the_way_that_lives),
		cmocka_unit_test(a_leg_under_traffic_is_checked_often),
		cmocka_unit_test(a_keepalive_that_was_shortened_grows_again),
		cmocka_unit_test(another_underlay_has_another_nat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
