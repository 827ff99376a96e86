/* Limits: see limits.h. */
#include "vr/limits.h"

#include "vr/sight.h"

/* The table is searched for what waits at most so often. */
#define SEARCH_PACE (100 * US_MS)

bool
limits_in_reach(const struct vr *vr, const struct binding *b)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, b->vn, b->ip);

	if (e == NULL || vr_id_equal(e->b.vr, b->vr))
		return b->mobility <= LIMITS_MOBILITY_MAX;
	return b->mobility <= e->b.mobility || b->mobility - e->b.mobility <= LIMITS_JUMP;
}

/* ---- frozen EIDs ---- */

bool
limits_is_frozen(const struct vr *vr, vn_id_t vn, struct addr ip, us_t now)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, ip);

	return e != NULL && e->notes.frozen > now;
}

/* Moves within the last 'window': those of this stretch of time, and the part of the last one that is not over yet, as if
 * its moves had been spread evenly. */
static uint64_t
count_move(struct hwdt_notes *n, us_t window, us_t now)
{
	if (now - n->moves_since >= window) {
		n->moves_before = now - n->moves_since < 2 * window ? n->moves : 0;
		n->moves_since = now - n->moves_since < 2 * window ? n->moves_since + window : now;
		n->moves = 0;
	}
	n->moves++;
	return n->moves +
	       n->moves_before * (uint64_t)(window - (now - n->moves_since)) / (uint64_t)window;
}

void
limits_moved(struct vr *vr, const struct site *site, const struct binding *b, us_t now)
{
	const struct conf_vn *conf = site->conf;
	struct hwdt_notes *n = hwdt_notes(vr->hwdt, b->vn, b->ip);

	if (n == NULL || count_move(n, conf->freeze_window, now) < conf->freeze_moves ||
	    n->frozen > now)
		return;
	n->frozen = now + conf->freeze_time;
	vr->frozen++;
	sight_alarm(vr, b, (struct vr_id){0}, "frozen: it moves too often", now);
}

static void
due_by(struct vr *vr, us_t due)
{
	if (due < vr->limits_due)
		vr->limits_due = due;
	vr->wake = true;
}

void
limits_look_later(struct vr *vr, vn_id_t vn, struct addr ip)
{
	struct hwdt_notes *n = hwdt_notes(vr->hwdt, vn, ip);

	if (n == NULL)
		return;
	n->look = true;
	due_by(vr, n->frozen);
}

static void
look_now(struct vr *vr, const struct binding *b, struct hwdt_notes *n, us_t now)
{
	n->look = false;
	if (b->withdrawn || vr_id_equal(b->vr, vr->self))
		return;
	presence_start(vr->presence, PRESENCE_DOUBT, b->vn, b->ip, b->mac, b->vr, now);
	vr->wake = true;
}

/* ---- counters ---- */

mobility_t
limits_next(const struct vr *vr, vn_id_t vn, struct addr ip)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, ip);

	if (e == NULL)
		return 1;
	return (e->b.mobility > e->notes.floor ? e->b.mobility : e->notes.floor) + 1;
}

bool
limits_told(struct vr *vr, struct vr_id from, vn_id_t vn, struct addr ip, mobility_t newest,
	    struct vr_id owner)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, ip);
	struct hwdt_notes *n = hwdt_notes(vr->hwdt, vn, ip);

	if (e == NULL || !vr_id_equal(e->b.vr, vr->self) || newest < e->b.mobility)
		return false;
	/* The next claim is one larger, and must be in reach of all others. */
	if (newest - e->b.mobility >= LIMITS_JUMP || newest >= LIMITS_MOBILITY_MAX ||
	    !lndt_may_host(vr->lndt, vn, ip, from) || !lndt_may_host(vr->lndt, vn, ip, owner)) {
		vr_drop(vr, DROP_NEWER_REFUSED);
		return false;
	}
	if (newest > n->floor)
		n->floor = newest;
	return true;
}

static void
raise_now(struct vr *vr, struct binding b, struct hwdt_notes *n, us_t now)
{
	n->raise = false;
	if (!vr_id_equal(b.vr, vr->self) || n->floor < b.mobility)
		return;
	n->raised = now;
	b.mobility = n->floor + 1;
	if (vr_bind(vr, &b, now) == HWDT_UPDATED)
		vr_tell_later(vr, vr_site(vr, b.vn), &b, now);
}

void
limits_raise(struct vr *vr, vn_id_t vn, struct addr ip, us_t now)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, ip);
	struct hwdt_notes *n = hwdt_notes(vr->hwdt, vn, ip);
	us_t due;

	if (e == NULL)
		return;
	due = n->raised + LIMITS_RAISE_PACE;
	if (n->raised == 0 || due <= now) {
		raise_now(vr, e->b, n, now);
		return;
	}
	n->raise = true;
	due_by(vr, due);
}

/* What waits with this record; when it is due. */
static us_t
run_one(struct vr *vr, const struct binding *b, struct hwdt_notes *n, us_t now)
{
	us_t next = US_NEVER;

	if (n->look && n->frozen <= now)
		look_now(vr, b, n, now);
	if (n->look)
		next = n->frozen;
	if (n->raise && n->raised + LIMITS_RAISE_PACE <= now)
		raise_now(vr, *b, n, now);
	if (n->raise && n->raised + LIMITS_RAISE_PACE < next)
		next = n->raised + LIMITS_RAISE_PACE;
	return next;
}

us_t
limits_run(struct vr *vr, us_t now)
{
	const struct hwdt_entry *e;
	us_t next = US_NEVER;
	size_t position = 0;

	if (now < vr->limits_due)
		return vr->limits_due;
	while ((e = hwdt_next(vr->hwdt, &position)) != NULL) {
		us_t due = US_NEVER;

		if (e->notes.look || e->notes.raise)
			due = run_one(vr, &e->b, hwdt_notes(vr->hwdt, e->b.vn, e->b.ip), now);
		if (due < next)
			next = due;
	}
	vr->limits_due = next == US_NEVER || next > now + SEARCH_PACE ? next : now + SEARCH_PACE;
	return vr->limits_due;
}
