/* Where does the machine really answer?  See presence.h. */
#include "migration/presence.h"

#include <stdlib.h>

enum told { TOLD_NOTHING = 0, TOLD_NO, TOLD_YES };

struct check {
	struct check *next;
	enum presence_purpose purpose;
	vn_id_t vn;
	struct addr ip;
	struct mac mac;
	struct vr_id other;
	us_t started;
	unsigned step;
	uint32_t question; /* its number: what 'other' is asked, or ASKED: what it asks */
	unsigned round;    /* DOUBT: how often 'other' has let the time pass and not answered */
	bool answered;     /* on the own LAN */
	enum told told;    /* by 'other' */
	bool asked;        /* DOUBT: 'other' could be, since the own LAN has answered */
	bool again;        /* DOUBT: it answered at both once, and both are asked anew */
	bool late;         /* the next step has been put off */
	bool done;
};

struct presence {
	const struct presence_ops *ops;
	void *ctx;
	struct check *checks;
	size_t count[PRESENCE_PURPOSES]; /* under way and not done */
	uint32_t questions;              /* asked so far */
	uint64_t refused;
};

/* When each purpose does its next step, after its start.  A machine that has just arrived is left
 * alone at first: what it says by itself is enough. */
static const us_t confirm_steps[] = {100 * US_MS, 200 * US_MS, PRESENCE_CONFIRM_DEADLINE,
				     500 * US_MS, 800 * US_MS, 1500 * US_MS,
				     3 * US_S,    5 * US_S};
static const us_t doubt_steps[] = {0,
				   40 * US_MS,
				   120 * US_MS,
				   240 * US_MS,
				   400 * US_MS,
				   550 * US_MS,
				   PRESENCE_REMOTE_DEADLINE};
static const us_t asked_steps[] = {0, 40 * US_MS, 100 * US_MS, 200 * US_MS,
				   PRESENCE_LOCAL_DEADLINE};

static us_t
step_due(const struct check *c)
{
	switch (c->purpose) {
	case PRESENCE_CONFIRM:
		return c->step < ARRAY_COUNT(confirm_steps) ? c->started + confirm_steps[c->step]
							    : US_NEVER;
	case PRESENCE_ASKED:
		return c->step < ARRAY_COUNT(asked_steps) ? c->started + asked_steps[c->step]
							  : US_NEVER;
	case PRESENCE_DOUBT:
	case PRESENCE_DEFEND:
		break;
	}
	return c->step < ARRAY_COUNT(doubt_steps) ? c->started + doubt_steps[c->step] : US_NEVER;
}

struct presence *
presence_create(const struct presence_ops *ops, void *ctx)
{
	struct presence *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->ops = ops;
	p->ctx = ctx;
	return p;
}

void
presence_destroy(struct presence *p)
{
	if (p == NULL)
		return;
	while (p->checks != NULL) {
		struct check *c = p->checks;

		p->checks = c->next;
		free(c);
	}
	free(p);
}

static bool
is_about(const struct check *c, vn_id_t vn, struct addr ip)
{
	return !c->done && c->vn == vn && addr_equal(c->ip, ip);
}

static void
finish(struct presence *p, struct check *c)
{
	if (!c->done)
		p->count[c->purpose]--;
	c->done = true;
}

/* How many checks of a purpose each network has; of very many networks, the first ones. */
struct tally {
	vn_id_t vn;
	size_t count;
};

#define TALLIES 64

static size_t
tally_up(const struct presence *p, enum presence_purpose purpose, struct tally *rows)
{
	size_t used = 0, i;

	for (const struct check *c = p->checks; c != NULL; c = c->next) {
		if (c->done || c->purpose != purpose)
			continue;
		for (i = 0; i < used && rows[i].vn != c->vn; i++)
			;
		if (i == TALLIES)
			continue;
		if (i == used)
			rows[used++] = (struct tally){.vn = c->vn};
		rows[i].count++;
	}
	return used;
}

/* Makes room for a check of this network; false when no other one has more than it. */
static bool
crowd_out(struct presence *p, enum presence_purpose purpose, vn_id_t vn)
{
	struct tally rows[TALLIES], most = {.vn = vn};
	size_t used = tally_up(p, purpose, rows);
	struct check *oldest = NULL;

	for (size_t i = 0; i < used; i++)
		if (rows[i].vn == vn)
			most.count = rows[i].count;
	for (size_t i = 0; i < used; i++)
		if (rows[i].count > most.count)
			most = rows[i];
	if (most.vn == vn)
		return false;
	/* The newest ones are in front. */
	for (struct check *c = p->checks; c != NULL; c = c->next)
		if (!c->done && c->purpose == purpose && c->vn == most.vn)
			oldest = c;
	if (oldest != NULL)
		finish(p, oldest);
	return oldest != NULL;
}

static bool
is_same(const struct check *a, const struct check *b)
{
	return is_about(a, b->vn, b->ip) && mac_equal(a->mac, b->mac) &&
	       (a->purpose != PRESENCE_ASKED || a->question == b->question);
}

static void
begin(struct presence *p, const struct check *wanted)
{
	enum presence_purpose purpose = wanted->purpose;
	size_t same = 0;
	struct check *c;

	for (c = p->checks; c != NULL; c = c->next) {
		if (c->done || c->purpose != purpose || !vr_id_equal(c->other, wanted->other))
			continue;
		if (is_same(c, wanted))
			return;
		same++;
	}
	if (purpose == PRESENCE_ASKED && same >= PRESENCE_ASKED_MAX) {
		p->refused++;
		return;
	}
	if (p->count[purpose] >= PRESENCE_CHECKS_MAX) {
		p->refused++;
		if (!crowd_out(p, purpose, wanted->vn))
			return;
	}
	c = malloc(sizeof(*c));
	if (c == NULL)
		return;
	*c = *wanted;
	c->next = p->checks;
	p->checks = c;
	p->count[purpose]++;
}

void
presence_start(struct presence *p, enum presence_purpose purpose, vn_id_t vn, struct addr ip,
	       struct mac mac, struct vr_id other, us_t now)
{
	struct check wanted = {.purpose = purpose,
			       .vn = vn,
			       .ip = ip,
			       .mac = mac,
			       .other = other,
			       .question = ++p->questions,
			       .started = now};

	begin(p, &wanted);
}

void
presence_asked(struct presence *p, struct vr_id from, uint32_t question, vn_id_t vn, struct addr ip,
	       us_t now)
{
	struct check wanted = {.purpose = PRESENCE_ASKED,
			       .vn = vn,
			       .ip = ip,
			       .other = from,
			       .question = question,
			       .started = now};

	begin(p, &wanted);
}

static void
confirm_step(struct presence *p, struct check *c, unsigned step)
{
	p->ops->probe(p->ctx, c->vn, c->ip);
	/* The router it came from looks on its own LAN, and takes it back if it is there. */
	if (confirm_steps[step] >= PRESENCE_CONFIRM_DEADLINE && !vr_id_is_none(c->other))
		(void)p->ops->ask(p->ctx, c->other, c->question, c->vn, c->ip);
	if (step + 1 == ARRAY_COUNT(confirm_steps))
		finish(p, c);
}

/* From the beginning: what was heard until now is from before. */
static void
doubt_anew(struct check *c, us_t now)
{
	c->answered = false;
	c->told = TOLD_NOTHING;
	c->asked = false;
	c->started = now;
	c->step = 0;
}

/* False when it cannot be asked.  It has its time from when it could be. */
static bool
doubt_ask(struct presence *p, struct check *c, us_t now)
{
	bool is_reachable = p->ops->ask(p->ctx, c->other, c->question, c->vn, c->ip);

	if (is_reachable && !c->asked) {
		c->asked = true;
		c->started = now;
		c->step = 1;
	}
	return is_reachable;
}

/* Here and there are known, or the time is up. */
static void
doubt_settle(struct presence *p, struct check *c, bool is_end, bool is_reachable, us_t now)
{
	if (!c->answered) {
		/* One that was here the round before may be slow, and has its time. */
		if (is_end && c->round > 0 && ++c->round < PRESENCE_ROUNDS)
			doubt_anew(c, now);
		else if (is_end || (c->round == 0 && now >= c->started + PRESENCE_LOCAL_DEADLINE))
			finish(p, c);
		return;
	}
	if (c->told == TOLD_NOTHING && !is_end)
		return;
	if (c->told == TOLD_YES && !c->again) {
		/* The two answers may be from before and after a move: a duplicate answers twice, the second time to a question that is
		 * asked only now. */
		c->again = true;
		c->question = ++p->questions;
		doubt_anew(c, now);
		return;
	}
	/* It lives: its answer was lost, or it has much to do. */
	if (c->told == TOLD_NOTHING && is_reachable && ++c->round < PRESENCE_ROUNDS) {
		doubt_anew(c, now);
		return;
	}
	finish(p, c);
	if (c->told != TOLD_NO && (c->told != TOLD_NOTHING || is_reachable)) {
		p->ops->duplicate(p->ctx, c->vn, c->ip, c->mac, c->other, c->told == TOLD_YES, now);
		return;
	}
	p->ops->take(p->ctx, c->vn, c->ip, c->mac, now);
	/* Since it answered, the switches may have heard our claim of its MAC: its next answer moves that back. */
	p->ops->probe(p->ctx, c->vn, c->ip);
}

static void
doubt_step(struct presence *p, struct check *c, us_t now)
{
	bool is_reachable = true;

	/* The own LAN first: nobody is asked about a machine that is not here. */
	if (!c->answered)
		p->ops->probe(p->ctx, c->vn, c->ip);
	else if (c->told == TOLD_NOTHING)
		is_reachable = doubt_ask(p, c, now);
	doubt_settle(p, c, c->step == ARRAY_COUNT(doubt_steps), is_reachable, now);
}

static void
asked_step(struct presence *p, struct check *c, unsigned step, us_t now)
{
	if (step + 1 < ARRAY_COUNT(asked_steps)) {
		p->ops->probe(p->ctx, c->vn, c->ip);
		return;
	}
	finish(p, c);
	p->ops->tell(p->ctx, c->other, c->question, c->vn, c->ip, c->mac, false, now);
}

static void
defend_step(struct presence *p, struct check *c, unsigned step)
{
	(void)p->ops->ask(p->ctx, c->other, c->question, c->vn, c->ip);
	if (step + 1 == ARRAY_COUNT(doubt_steps))
		finish(p, c);
}

static void
check_step(struct presence *p, struct check *c, us_t now)
{
	unsigned step = c->step++;

	c->late = false;
	switch (c->purpose) {
	case PRESENCE_CONFIRM:
		confirm_step(p, c, step);
		break;
	case PRESENCE_DOUBT:
		doubt_step(p, c, now);
		break;
	case PRESENCE_ASKED:
		asked_step(p, c, step, now);
		break;
	case PRESENCE_DEFEND:
		defend_step(p, c, step);
		break;
	}
}

void
presence_answered(struct presence *p, vn_id_t vn, struct addr ip, struct mac mac, us_t now)
{
	for (struct check *c = p->checks; c != NULL; c = c->next) {
		/* Who was asked looks for any machine that has the address. */
		if (!is_about(c, vn, ip) || (!mac_is_zero(c->mac) && !mac_equal(c->mac, mac)))
			continue;
		/* The answer is a sighting too, and that ends CONFIRM: its record must have the time. */
		if (c->purpose == PRESENCE_ASKED) {
			finish(p, c);
			p->ops->tell(p->ctx, c->other, c->question, vn, ip, mac, true, now);
		} else if (c->purpose == PRESENCE_DOUBT && !c->answered) {
			c->answered = true;
			if (c->told == TOLD_NOTHING)
				(void)doubt_ask(p, c, now);
			doubt_settle(p, c, false, true, now);
		}
	}
}

void
presence_told(struct presence *p, struct vr_id from, uint32_t question, vn_id_t vn, struct addr ip,
	      bool present, us_t now)
{
	for (struct check *c = p->checks; c != NULL; c = c->next) {
		if (!is_about(c, vn, ip) || !vr_id_equal(c->other, from) || c->question != question)
			continue;
		if (c->purpose == PRESENCE_DOUBT) {
			c->told = present ? TOLD_YES : TOLD_NO;
			doubt_settle(p, c, false, true, now);
		} else if (c->purpose == PRESENCE_DEFEND) {
			finish(p, c);
			if (present)
				p->ops->defend(p->ctx, vn, ip, c->mac, now);
		}
	}
}

void
presence_moved(struct presence *p, vn_id_t vn, struct addr ip, struct vr_id owner, us_t now)
{
	for (struct check *c = p->checks; c != NULL; c = c->next) {
		if (!is_about(c, vn, ip) || c->purpose != PRESENCE_DOUBT ||
		    vr_id_equal(c->other, owner))
			continue;
		c->other = owner;
		c->question = ++p->questions;
		c->again = false;
		c->round = 0;
		doubt_anew(c, now);
	}
}

void
presence_stop(struct presence *p, enum presence_purpose purpose, vn_id_t vn, struct addr ip)
{
	for (struct check *c = p->checks; c != NULL; c = c->next)
		if (is_about(c, vn, ip) && c->purpose == purpose)
			finish(p, c);
}

bool
presence_has(const struct presence *p, enum presence_purpose purpose, vn_id_t vn, struct addr ip)
{
	for (const struct check *c = p->checks; c != NULL; c = c->next)
		if (is_about(c, vn, ip) && c->purpose == purpose)
			return true;
	return false;
}

uint64_t
presence_refused(const struct presence *p)
{
	return p->refused;
}

/* The router has stood still, and answers that came meanwhile wait to be read: without them a last step would say no.  Once
 * for each step, or the checks of a router that is always late would never end. */
static bool
put_off(struct check *c, us_t now)
{
	us_t late = now - step_due(c);

	if (c->late || late <= PRESENCE_LATE)
		return false;
	c->late = true;
	c->started += late + PRESENCE_LATE;
	return true;
}

us_t
presence_run(struct presence *p, us_t now)
{
	us_t next = US_NEVER;

	/* A step may start further checks: they are put in front and run next time. */
	for (struct check *c = p->checks; c != NULL; c = c->next)
		if (!c->done && step_due(c) <= now && !put_off(c, now))
			check_step(p, c, now);
	for (struct check **link = &p->checks; *link != NULL;) {
		struct check *c = *link;

		if (c->done) {
			*link = c->next;
			free(c);
			continue;
		}
		if (step_due(c) < next)
			next = step_due(c);
		link = &c->next;
	}
	return next;
}
