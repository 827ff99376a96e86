/* Management actions, on both sides: see action.h. */
#include "vr/action.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "vr/sync.h"

#define MODULE "action"

#define RETRY_FIRST  (50 * US_MS)
#define RETRY_LAST   (500 * US_MS)
#define DELIVER_TIME (10 * US_S)
/* The machine may have been moved already: so often all ways to it are tried. */
#define URGE_TIME (2 * US_S)
/* It has begun there: the command has its own limit, and may have to wait for the end of the one before. */
#define ANSWER_TIME (135 * US_S)

/* Given here. */
struct given {
	uint32_t number; /* 0: free */
	struct action_state state;
	bool is_started;
	unsigned tries;
	us_t begun, due, until;
	us_t urged; /* its ways were tried last */
};

/* To be carried out here. */
struct taken {
	struct vr_id from; /* none: free; this router itself: given here */
	uint32_t id;       /* of the message, or the number */
	uint32_t token;
	uint8_t outcome;
	uint16_t detail;
};

struct actions {
	struct given given[ACTIONS_MAX];
	struct taken taken[ACTIONS_MAX];
	uint32_t last_number, last_token;
	uint64_t settled;
};

struct actions *
actions_create(void)
{
	return calloc(1, sizeof(struct actions));
}

void
actions_destroy(struct actions *a)
{
	free(a);
}

/* ---- carried out here ---- */

/* Is the machine of this address the one that this router runs on? */
bool
action_is_own(const struct site *site, struct addr eid)
{
	for (size_t i = 0; i < site->conf->own_count; i++)
		if (addr_equal(site->conf->own[i].addr, eid))
			return true;
	return vr_owns_address(site, eid);
}

/* What was carried out by another router with this message; numbers of before a restart are others. */
static struct taken *
find_taken(struct actions *a, struct vr_id from, uint32_t id)
{
	for (size_t i = 0; i < ACTIONS_MAX; i++)
		if (vr_id_equal(a->taken[i].from, from) && a->taken[i].id == id)
			return &a->taken[i];
	return NULL;
}

/* The oldest that is settled goes; NULL: none is. */
static struct taken *
take_row(struct actions *a)
{
	struct taken *best = NULL;

	for (size_t i = 0; i < ACTIONS_MAX; i++) {
		struct taken *t = &a->taken[i];

		if (vr_id_is_none(t->from))
			return t;
		if (t->outcome != SYNC_OUT_STARTED && (best == NULL || t->token < best->token))
			best = t;
	}
	return best;
}

static void
say_outcome(struct vr *vr, struct vr_id to, uint32_t id, vn_id_t vn, uint8_t outcome,
	    uint16_t detail)
{
	struct sync_msg msg = {.type = SYNC_OUTCOME, .id = id, .vn = vn};
	const struct peer *peer = peers_find(vr->peers, to);

	msg.outcome.outcome = outcome;
	msg.outcome.detail = detail;
	/* What is lost is asked for again. */
	if (peer != NULL)
		(void)!sync_send(vr, peer->slot, &msg);
}

static void
act(struct vr *vr, const struct action_order *order, struct taken *t, us_t now)
{
	uint32_t token = t->token;
	int err = vr->io->act == NULL ? -EOPNOTSUPP : vr->io->act(vr->ctx, order, token, now);

	if (err == -EOPNOTSUPP)
		action_done(vr, token, SYNC_OUT_UNSUPPORTED, 0, now);
	else if (err == -EBUSY)
		action_done(vr, token, SYNC_OUT_BUSY, 0, now);
	else if (err != 0)
		action_done(vr, token, SYNC_OUT_FAILED, (uint16_t)-err, now);
}

static struct taken *
take(struct actions *a, struct vr_id from, uint32_t id)
{
	struct taken *t = take_row(a);

	if (t != NULL)
		*t = (struct taken){.from = from,
				    .id = id,
				    .token = ++a->last_token,
				    .outcome = SYNC_OUT_STARTED};
	return t;
}

static void
begin(struct vr *vr, const struct peer *peer, const struct sync_msg *msg, us_t now)
{
	struct action_order order = {.vn = msg->vn,
				     .eid = msg->action.eid,
				     .act = msg->action.act,
				     .address = msg->action.address,
				     .len = msg->action.len,
				     .gateway = msg->action.gateway};
	struct taken *t = take(vr->actions, peer->id, msg->id);

	if (t == NULL) {
		say_outcome(vr, peer->id, msg->id, msg->vn, SYNC_OUT_BUSY, 0);
		return;
	}
	log_line(vr->log, LOG_INFO, MODULE, "ordered by %s for %s", peer->name,
		 fmt_addr(order.eid).s);
	act(vr, &order, t, now);
	if (t->outcome == SYNC_OUT_STARTED)
		say_outcome(vr, peer->id, msg->id, msg->vn, t->outcome, 0);
}

void
action_heard(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	const struct taken *t = find_taken(vr->actions, peer->id, msg->id);

	if (!peer->may_manage) {
		vr_drop(vr, DROP_ACTION_REFUSED);
		say_outcome(vr, peer->id, msg->id, msg->vn, SYNC_OUT_REFUSED, 0);
	} else if (t != NULL) {
		say_outcome(vr, peer->id, msg->id, msg->vn, t->outcome, t->detail);
	} else if (!action_is_own(vr_site(vr, msg->vn), msg->action.eid)) {
		say_outcome(vr, peer->id, msg->id, msg->vn, SYNC_OUT_NOT_HERE, 0);
	} else {
		begin(vr, peer, msg, now);
	}
}

/* ---- given here ---- */

static void
settle(struct vr *vr, struct given *g, bool is_known, uint8_t outcome, uint16_t detail, us_t now)
{
	struct action_state *s = &g->state;

	if (s->is_settled)
		return;
	s->is_settled = true;
	s->is_known = is_known;
	s->outcome = outcome;
	s->detail = detail;
	s->took = now - g->begun;
	vr->actions->settled++;
	log_line(vr->log, LOG_INFO, MODULE, "%u, for %s: %s after %s", g->number,
		 fmt_addr(s->order.eid).s,
		 !is_known                  ? "no answer"
		 : outcome == SYNC_OUT_DONE ? "done"
					    : "not done",
		 fmt_us(s->took).s);
}

/* In a message of its own: after a restart they begin elsewhere. */
static uint32_t
id_of(const struct vr *vr, const struct given *g)
{
	return (uint32_t)vr->boot + g->number;
}

void
action_done(struct vr *vr, uint32_t token, enum sync_outcome outcome, uint16_t detail, us_t now)
{
	struct actions *a = vr->actions;

	for (size_t i = 0; i < ACTIONS_MAX; i++) {
		struct taken *t = &a->taken[i];

		if (vr_id_is_none(t->from) || t->token != token)
			continue;
		t->outcome = (uint8_t)outcome;
		t->detail = detail;
		for (size_t k = 0; vr_id_equal(t->from, vr->self) && k < ACTIONS_MAX; k++)
			if (a->given[k].number == t->id)
				settle(vr, &a->given[k], true, t->outcome, detail, now);
		if (!vr_id_equal(t->from, vr->self)) {
			const struct peer *peer = peers_find(vr->peers, t->from);

			vr->now = now;
			/* Networks are not looked at in an answer: any that is shared will do. */
			if (peer != NULL && peer->vn_count > 0)
				say_outcome(vr, t->from, t->id, peer->vns[0].vn, t->outcome,
					    detail);
		}
		vr->wake = true;
	}
}

static struct given *
give_row(struct actions *a)
{
	struct given *best = NULL;

	for (size_t i = 0; i < ACTIONS_MAX; i++) {
		struct given *g = &a->given[i];

		if (g->number == 0)
			return g;
		if (g->state.is_settled && (best == NULL || g->number < best->number))
			best = g;
	}
	return best;
}

static int
start_here(struct vr *vr, const struct given *g, us_t now)
{
	const struct action_order *order = &g->state.order;
	struct taken *t;

	if (!action_is_own(vr_site(vr, order->vn), order->eid))
		return -ENXIO;
	t = take(vr->actions, vr->self, g->number);
	if (t == NULL)
		return -EBUSY;
	act(vr, order, t, now);
	return 0;
}

int
action_start(struct vr *vr, const struct action_order *order, uint32_t *number, us_t now)
{
	const struct gndt_target *route = gndt_find(vr->gndt, order->vn, order->eid);
	struct actions *a = vr->actions;
	struct given *g;
	int err = 0;

	if (vr_site(vr, order->vn) == NULL || route == NULL || route->origin == GNDT_MAPPED)
		return -ESRCH;
	g = give_row(a);
	if (g == NULL)
		return -EBUSY;
	*g = (struct given){.number = ++a->last_number,
			    .state = {.order = *order, .whom = route->vr},
			    .begun = now,
			    .due = now,
			    .until = now + DELIVER_TIME};
	vr->wake = true;
	if (vr_id_equal(route->vr, vr->self)) {
		g->is_started = true;
		g->due = US_NEVER;
		g->until = now + ANSWER_TIME;
		err = start_here(vr, g, now);
	}
	if (err != 0)
		g->number = 0;
	else
		*number = g->number;
	return err;
}

bool
action_find(const struct vr *vr, uint32_t number, struct action_state *out)
{
	for (size_t i = 0; i < ACTIONS_MAX; i++)
		if (number != 0 && vr->actions->given[i].number == number) {
			*out = vr->actions->given[i].state;
			return true;
		}
	return false;
}

uint64_t
actions_settled(const struct vr *vr)
{
	return vr->actions->settled;
}

void
action_outcome_heard(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	for (size_t i = 0; i < ACTIONS_MAX; i++) {
		struct given *g = &vr->actions->given[i];

		if (g->number == 0 || g->state.is_settled || id_of(vr, g) != msg->id ||
		    !vr_id_equal(g->state.whom, peer->id))
			continue;
		if (msg->outcome.outcome != SYNC_OUT_STARTED) {
			settle(vr, g, true, msg->outcome.outcome, msg->outcome.detail, now);
		} else if (!g->is_started) {
			g->is_started = true;
			g->until = now + ANSWER_TIME;
		}
	}
}

static void
deliver(struct vr *vr, struct given *g, us_t now)
{
	const struct action_order *o = &g->state.order;
	const struct peer *peer = peers_find(vr->peers, g->state.whom);
	struct sync_msg msg = {.type = SYNC_ACTION, .id = id_of(vr, g), .vn = o->vn};
	us_t wait = RETRY_FIRST << (g->tries < 8 ? g->tries : 8);

	if (peer != NULL && vr->io->link_urge != NULL && !g->is_started &&
	    (g->tries == 0 || now - g->urged >= URGE_TIME)) {
		g->urged = now;
		vr->io->link_urge(vr->ctx, peer->slot, now);
	}
	g->tries++;
	g->due = now + (wait < RETRY_LAST ? wait : RETRY_LAST);
	msg.action.act = o->act;
	msg.action.eid = o->eid;
	msg.action.address = o->address;
	msg.action.len = o->len;
	msg.action.gateway = o->gateway;
	/* Without a session, and where it is lost, the next one follows. */
	if (peer != NULL)
		(void)!sync_send(vr, peer->slot, &msg);
}

us_t
actions_run(struct vr *vr, us_t now)
{
	us_t next = US_NEVER;

	for (size_t i = 0; i < ACTIONS_MAX; i++) {
		struct given *g = &vr->actions->given[i];

		if (g->number == 0 || g->state.is_settled)
			continue;
		if (now >= g->until) {
			settle(vr, g, false, g->is_started ? SYNC_OUT_STARTED : SYNC_OUT_FAILED, 0,
			       now);
			continue;
		}
		if (now >= g->due)
			deliver(vr, g, now);
		next = g->due < next ? g->due : next;
		next = g->until < next ? g->until : next;
	}
	return next;
}
