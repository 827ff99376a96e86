/* How the record of a move says that it ended, and how moves are counted. */
#include "tests/unit/vr_world.h"

static const struct report *
move_here(struct world *w)
{
	const struct report *r;

	peer_says(w, 0, "10.1.0.5", vm, 1, false);
	run(w, 20 * US_S);
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	r = reports_last(w->vr->reports, VN, ip("10.1.0.5"));
	assert_non_null(r);
	assert_int_equal(r->ack_count, 2);
	assert_int_equal(report_outcome(r), OUTCOME_WAITING);
	return r;
}

static void
answer(struct world *w, size_t from, enum sync_verdict verdict)
{
	struct sync_msg ack = {.type = SYNC_ACK, .id = w->sync.id, .vn = VN};

	assert_int_equal(w->sync.type, SYNC_DELTA);
	ack.ack.count = w->sync.delta.count;
	ack.ack.rows[0].verdict = (uint8_t)verdict;
	hear(w, from, &ack);
}

static void
expect_count(const struct world *w, enum report_trigger trigger, enum report_outcome outcome)
{
	for (unsigned i = 0; i < REPORT_TRIGGERS; i++)
		for (unsigned k = 0; k < REPORT_OUTCOMES; k++)
			assert_int_equal(reports_counted(w->vr->reports, (enum report_trigger)i,
							 (enum report_outcome)k),
					 i == trigger && k == outcome);
}

static void
a_move_that_all_took_in_is_done(void **state)
{
	struct world *w = world_standard();
	const struct report *r = move_here(w);

	(void)state;
	answer(w, 0, SYNC_ACCEPTED);
	assert_int_equal(r->all_acked, 0);
	assert_int_equal(report_outcome(r), OUTCOME_WAITING);
	w->now += US_MS;
	answer(w, 1, SYNC_ACCEPTED);
	assert_int_equal(r->all_acked, w->now);
	assert_int_equal(report_outcome(r), OUTCOME_DONE);
	run(w, 3 * US_S);
	expect_count(w, TRIGGER_GARP, OUTCOME_DONE);
	world_end(w);
}

static void
a_move_that_was_refused_says_so(void **state)
{
	static const enum sync_verdict verdicts[] = {SYNC_REFUSED, SYNC_FULL, SYNC_FROZEN};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(verdicts); i++) {
		struct world *w = world_standard();
		const struct report *r = move_here(w);

		answer(w, 0, verdicts[i]);
		answer(w, 1, SYNC_ACCEPTED);
		assert_int_not_equal(r->all_acked, 0);
		assert_int_equal(report_outcome(r), OUTCOME_REFUSED);
		run(w, 3 * US_S);
		expect_count(w, TRIGGER_GARP, OUTCOME_REFUSED);
		world_end(w);
	}
}

static void
a_router_that_never_answers_leaves_it_incomplete(void **state)
{
	struct world *w = world_standard();
	const struct report *r = move_here(w);

	(void)state;
	answer(w, 0, SYNC_ACCEPTED);
	run(w, 3 * US_S);
	/* Waited for as long as it is asked: not logged and counted before. */
	assert_int_equal(report_outcome(r), OUTCOME_WAITING);
	assert_int_equal(w->vr->last_logged, 0);
	run(w, 10 * US_S);
	assert_int_equal(r->all_acked, 0);
	assert_int_equal(report_outcome(r), OUTCOME_INCOMPLETE);
	assert_int_equal(w->vr->last_logged, r->number);
	expect_count(w, TRIGGER_GARP, OUTCOME_INCOMPLETE);
	world_end(w);
}

static void
a_router_that_dies_leaves_it_incomplete(void **state)
{
	struct world *w = world_standard();
	const struct report *r = move_here(w);

	(void)state;
	answer(w, 0, SYNC_ACCEPTED);
	vr_link_session(w->vr, w->slots[1], false, w->now);
	(void)vr_run(w->vr, w->now);
	assert_int_equal(r->all_acked, 0);
	assert_int_equal(report_outcome(r), OUTCOME_INCOMPLETE);
	world_end(w);
}

static void
news_that_cannot_be_sent_leave_it_incomplete(void **state)
{
	struct world *w = world_standard();
	const struct report *r;
	struct binding b = {.vn = VN, .ip = ip("10.1.0.99"), .mac = native, .mobility = 1};

	(void)state;
	peer_says(w, 0, "10.1.0.5", vm, 1, false);
	while (moves_tell(w->vr->moves, VN, &b, 1, (struct vr_id){0}, 0, w->now) == 0)
		;
	assert_int_equal(moves_pending(w->vr->moves), MOVE_NEWS_MAX);
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	r = reports_last(w->vr->reports, VN, ip("10.1.0.5"));
	assert_non_null(r);
	assert_int_equal(r->ack_count, 0);
	assert_int_equal(r->all_acked, 0);
	assert_int_equal(report_outcome(r), OUTCOME_INCOMPLETE);
	world_end(w);
}

static void
a_newer_move_supersedes_it(void **state)
{
	struct world *w = world_standard();
	const struct report *r = move_here(w);

	(void)state;
	peer_says(w, 0, "10.1.0.5", vm, 9, false);
	run(w, 3 * US_S);
	assert_int_equal(report_outcome(r), OUTCOME_SUPERSEDED);
	expect_count(w, TRIGGER_GARP, OUTCOME_SUPERSEDED);
	world_end(w);
}

/* The first that was not taken in says how it went. */
static void
one_refused_address_of_several_is_seen(void **state)
{
	struct world *w = world_standard();
	struct sync_msg ack = {.type = SYNC_ACK, .vn = VN};
	const struct report *r;

	(void)state;
	peer_says(w, 0, "10.1.0.5", vm, 1, false);
	peer_says(w, 0, "10.1.0.7", vm, 1, false);
	run(w, 20 * US_S);
	say_rarp(w, VN, vm);
	r = reports_last(w->vr->reports, VN, ip("10.1.0.7"));
	assert_non_null(r);
	assert_int_equal(w->sync.delta.count, 2);
	ack.id = w->sync.id;
	ack.ack.count = 2;
	ack.ack.rows[1].verdict = SYNC_REFUSED;
	hear(w, 0, &ack);
	hear(w, 1, &ack);
	assert_int_equal(report_outcome(r), OUTCOME_REFUSED);
	assert_int_equal(r->acks[0].verdict, SYNC_REFUSED);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_move_that_all_took_in_is_done),
		cmocka_unit_test(a_move_that_was_refused_says_so),
		cmocka_unit_test(a_router_that_never_answers_leaves_it_incomplete),
		cmocka_unit_test(a_router_that_dies_leaves_it_incomplete),
		cmocka_unit_test(news_that_cannot_be_sent_leave_it_incomplete),
		cmocka_unit_test(a_newer_move_supersedes_it),
		cmocka_unit_test(one_refused_address_of_several_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
