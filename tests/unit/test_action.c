/* Management actions: who is told, how often, by whom they are taken, and that each is carried out once. */
#include "tests/unit/vr_world.h"

#include <errno.h>

#include "vr/action.h"

/* What was ordered of this router's own machine. */
static struct {
	unsigned count;
	uint32_t token;
	struct action_order order;
	int answer;
	bool at_once;
	struct vr *vr;
} done;

static int
on_act(void *ctx, const struct action_order *order, uint32_t token, us_t now)
{
	(void)ctx;
	done.count++;
	done.token = token;
	done.order = *order;
	if (done.at_once)
		action_done(done.vr, token, SYNC_OUT_DONE, 0, now);
	return done.answer;
}

static struct vr_io acting;

static struct {
	unsigned count;
	uint32_t slot;
} urged;

static void
on_urge(void *ctx, uint32_t slot, us_t now)
{
	(void)ctx, (void)now;
	urged.count++;
	urged.slot = slot;
}

/* B may give actions to A, C may not. */
static struct world *
start(void)
{
	struct world *w = world_make();

	w->peers[0].management = true;
	world_start(w);
	acting = io;
	acting.act = on_act;
	acting.link_urge = on_urge;
	memset(&urged, 0, sizeof(urged));
	w->vr->io = &acting;
	memset(&done, 0, sizeof(done));
	done.vr = w->vr;
	memset(w->sync_sent, 0, sizeof(w->sync_sent));
	return w;
}

static struct sync_msg
action(uint32_t id, const char *eid)
{
	struct sync_msg msg = {.type = SYNC_ACTION, .id = id, .vn = VN};

	msg.action.act = SYNC_ACT_SET;
	msg.action.eid = ip(eid);
	msg.action.address = ip("192.0.2.9");
	msg.action.len = 24;
	msg.action.gateway = ip("192.0.2.254");
	return msg;
}

/* What was answered last. */
static void
assert_outcome(struct world *w, unsigned count, enum sync_outcome outcome, uint32_t id)
{
	assert_int_equal(w->sync_sent[SYNC_OUTCOME], count);
	assert_int_equal(w->sync.outcome.outcome, outcome);
	assert_int_equal(w->sync.id, id);
}

static void
an_action_is_carried_out_once_however_often_it_comes(void **state)
{
	struct world *w = start();
	struct sync_msg msg = action(77, "10.1.0.1");

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		hear(w, 0, &msg);
		assert_outcome(w, i + 1, SYNC_OUT_STARTED, 77);
	}
	assert_int_equal(done.count, 1);
	assert_int_equal(done.order.act, SYNC_ACT_SET);
	assert_true(addr_equal(done.order.address, ip("192.0.2.9")) && done.order.len == 24);
	assert_true(addr_equal(done.order.gateway, ip("192.0.2.254")));
	action_done(w->vr, done.token, SYNC_OUT_FAILED, 3, w->now);
	assert_outcome(w, 4, SYNC_OUT_FAILED, 77);
	assert_int_equal(w->sync.outcome.detail, 3);
	/* Its answer was lost. */
	hear(w, 0, &msg);
	assert_outcome(w, 5, SYNC_OUT_FAILED, 77);
	assert_int_equal(done.count, 1);
	msg.id = 78;
	hear(w, 0, &msg);
	assert_int_equal(done.count, 2);
	world_end(w);
}

static void
what_is_done_at_once_is_answered_once(void **state)
{
	struct world *w = start();
	struct sync_msg msg = action(5, "10.1.0.1");

	(void)state;
	done.at_once = true;
	hear(w, 0, &msg);
	assert_outcome(w, 1, SYNC_OUT_DONE, 5);
	world_end(w);
}

static void
who_may_give_none_is_refused_and_counted(void **state)
{
	struct world *w = start();
	struct sync_msg msg = action(1, "10.1.0.1");

	(void)state;
	hear(w, 1, &msg);
	assert_outcome(w, 1, SYNC_OUT_REFUSED, 1);
	assert_int_equal(done.count, 0);
	assert_int_equal(w->vr->drops[DROP_ACTION_REFUSED], 1);
	world_end(w);
}

static void
a_machine_that_is_not_this_router_is_not_here(void **state)
{
	static const char *const others[] = {"10.1.0.5", "10.2.0.1"};
	struct world *w = start();

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(others); i++) {
		struct sync_msg msg = action(i + 1, others[i]);

		hear(w, 0, &msg);
		assert_outcome(w, i + 1, SYNC_OUT_NOT_HERE, i + 1);
	}
	assert_int_equal(done.count, 0);
	world_end(w);
}

static void
what_cannot_be_done_says_why(void **state)
{
	static const struct {
		int answer;
		enum sync_outcome outcome;
	} cases[] = {{-EOPNOTSUPP, SYNC_OUT_UNSUPPORTED},
		     {-EBUSY, SYNC_OUT_BUSY},
		     {-ENODEV, SYNC_OUT_FAILED}};
	struct world *w = start();

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
		struct sync_msg msg = action(i + 1, "10.1.0.1");

		done.answer = cases[i].answer;
		hear(w, 0, &msg);
		assert_outcome(w, i + 1, cases[i].outcome, i + 1);
	}
	assert_int_equal(w->sync.outcome.detail, ENODEV);
	world_end(w);
}

/* More than there is room for: those that are under way are not forgotten. */
static void
too_many_at_once_are_refused(void **state)
{
	struct world *w = start();

	(void)state;
	for (uint32_t i = 0; i < ACTIONS_MAX + 2; i++) {
		struct sync_msg msg = action(i + 1, "10.1.0.1");

		hear(w, 0, &msg);
		assert_outcome(w, i + 1, i < ACTIONS_MAX ? SYNC_OUT_STARTED : SYNC_OUT_BUSY, i + 1);
	}
	assert_int_equal(done.count, ACTIONS_MAX);
	action_done(w->vr, 1, SYNC_OUT_DONE, 0, w->now);
	for (uint32_t i = 0; i < 2; i++) {
		struct sync_msg msg = action(100 + i, "10.1.0.1");

		hear(w, 0, &msg);
	}
	assert_int_equal(done.count, ACTIONS_MAX + 1);
	world_end(w);
}

/* ---- given here ---- */

static uint32_t
give(struct world *w, const char *eid, int expected)
{
	struct action_order order = {.vn = VN, .eid = ip(eid), .act = SYNC_ACT_RENEW};
	uint32_t number = 0;

	assert_int_equal(action_start(w->vr, &order, &number, w->now), expected);
	return number;
}

static void
an_action_is_repeated_until_it_is_answered(void **state)
{
	struct world *w = start();
	struct sync_msg answer = {.type = SYNC_OUTCOME, .vn = VN};
	uint32_t number = give(w, "10.2.0.1", 0);
	struct action_state s;
	unsigned sent;

	(void)state;
	run(w, 2 * US_S);
	sent = w->sync_sent[SYNC_ACTION];
	assert_in_range(sent, 4, 8);
	assert_true(action_find(w->vr, number, &s));
	assert_false(s.is_settled);
	assert_true(vr_id_equal(s.whom, peer_b));
	/* The last message may have been another one. */
	while (w->sync.type != SYNC_ACTION)
		run(w, 50 * US_MS);
	assert_int_equal(w->sync.action.act, SYNC_ACT_RENEW);
	answer.id = w->sync.id;
	/* Nobody else may answer, and nothing else is answered. */
	hear(w, 1, &answer);
	answer.id++;
	hear(w, 0, &answer);
	assert_true(action_find(w->vr, number, &s) && !s.is_settled);
	answer.id--;
	answer.outcome.outcome = SYNC_OUT_STARTED;
	hear(w, 0, &answer);
	run(w, 20 * US_S);
	assert_true(action_find(w->vr, number, &s) && !s.is_settled);
	answer.outcome.outcome = SYNC_OUT_FAILED;
	answer.outcome.detail = 2;
	assert_int_equal(actions_settled(w->vr), 0);
	hear(w, 0, &answer);
	assert_int_equal(actions_settled(w->vr), 1);
	assert_true(action_find(w->vr, number, &s) && s.is_settled && s.is_known);
	assert_true(s.outcome == SYNC_OUT_FAILED && s.detail == 2 && s.took >= 22 * US_S);
	sent = w->sync_sent[SYNC_ACTION];
	run(w, 5 * US_S);
	assert_int_equal(w->sync_sent[SYNC_ACTION], sent);
	world_end(w);
}

static void
what_cannot_be_delivered_is_given_up_after_ten_seconds(void **state)
{
	struct world *w = start();
	uint32_t number = give(w, "10.2.0.1", 0);
	struct action_state s;

	(void)state;
	run(w, 9 * US_S);
	assert_true(action_find(w->vr, number, &s) && !s.is_settled);
	run(w, 2 * US_S);
	assert_true(action_find(w->vr, number, &s) && s.is_settled && !s.is_known);
	assert_false(action_find(w->vr, number + 1, &s));
	assert_false(action_find(w->vr, 0, &s));
	world_end(w);
}

/* The way that was known last may be that to where the machine was. */
static void
all_ways_are_tried_until_it_has_begun(void **state)
{
	struct world *w = start();
	struct sync_msg answer = {.type = SYNC_OUTCOME, .vn = VN};

	(void)state;
	(void)give(w, "10.2.0.1", 0);
	run(w, 100 * US_MS);
	assert_int_equal(urged.count, 1);
	assert_int_equal(urged.slot, peers_find(w->vr->peers, peer_b)->slot);
	run(w, 5 * US_S);
	assert_in_range(urged.count, 2, 4);
	while (w->sync.type != SYNC_ACTION)
		run(w, 50 * US_MS);
	answer.id = w->sync.id;
	answer.outcome.outcome = SYNC_OUT_STARTED;
	hear(w, 0, &answer);
	urged.count = 0;
	run(w, 20 * US_S);
	assert_int_equal(urged.count, 0);
	world_end(w);
}

static void
for_this_router_itself_nothing_is_sent(void **state)
{
	struct world *w = start();
	uint32_t number = give(w, "10.1.0.1", 0);
	struct action_state s;

	(void)state;
	run(w, US_S);
	assert_int_equal(done.count, 1);
	assert_true(action_find(w->vr, number, &s) && !s.is_settled);
	action_done(w->vr, done.token, SYNC_OUT_DONE, 0, w->now);
	assert_true(action_find(w->vr, number, &s) && s.is_settled && s.is_known);
	assert_int_equal(w->sync_sent[SYNC_ACTION] + w->sync_sent[SYNC_OUTCOME], 0);
	world_end(w);
}

static void
whom_nobody_knows_and_who_is_no_router_cannot_be_told(void **state)
{
	struct world *w = start();

	(void)state;
	give(w, "10.9.0.1", -ESRCH);
	give(w, "10.1.0.5", -ENXIO);
	for (unsigned i = 0; i < ACTIONS_MAX; i++)
		give(w, "10.2.0.1", 0);
	give(w, "10.2.0.1", -EBUSY);
	run(w, 12 * US_S);
	give(w, "10.2.0.1", 0);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_action_is_carried_out_once_however_often_it_comes),
		cmocka_unit_test(what_is_done_at_once_is_answered_once),
		cmocka_unit_test(who_may_give_none_is_refused_and_counted),
		cmocka_unit_test(a_machine_that_is_not_this_router_is_not_here),
		cmocka_unit_test(what_cannot_be_done_says_why),
		cmocka_unit_test(too_many_at_once_are_refused),
		cmocka_unit_test(an_action_is_repeated_until_it_is_answered),
		cmocka_unit_test(what_cannot_be_delivered_is_given_up_after_ten_seconds),
		cmocka_unit_test(all_ways_are_tried_until_it_has_begun),
		cmocka_unit_test(for_this_router_itself_nothing_is_sent),
		cmocka_unit_test(whom_nobody_knows_and_who_is_no_router_cannot_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
