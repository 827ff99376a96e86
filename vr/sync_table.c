/* Tables that differ: digests, PULL, TABLE and NEWER.  See sync.h. */
#include "vr/limits.h"
#include "vr/sight.h"
#include "vr/sync_priv.h"

/* A difference of digests must last so long (and two round trips) before a table is asked for: news
 * under way may explain it. */
#define PULL_PATIENCE  (50 * US_MS)
#define PULL_RETRY_MIN (100 * US_MS)
#define PULL_TRIES     5
/* A table that was taken in and still differs (something in it is refused, or older than what is
 * known) is asked for again after this; when that changes nothing, after twice that, and so on. */
#define PULL_AGAIN     (10 * US_S)
#define PULL_AGAIN_MAX (160 * US_S)
/* Where the peer was told of newer records (NEWER) it is asked for again so soon: that may have been lost. */
#define PULL_AGAIN_TOLD (1 * US_S)
/* Pages of a table sent for one PULL. */
#define PULL_PAGES 16

/* What a peer's PULLs may cost: so much time for each page, and so many pages at once. */
#define PULL_PAGE_COST ((us_t)250)
#define PULL_BURST     1024

/* Does our picture of the peer's table differ from its own? */
static bool
differs(const struct vr *vr, const struct peer *peer, const struct peer_vn *pv)
{
	struct hwdt_digest d = hwdt_digest(vr->hwdt, pv->vn, peer->id);

	return d.count != pv->digest_count || d.sum != pv->digest_sum;
}

/* Our picture of it. */
static uint64_t
own_sum(const struct vr *vr, const struct peer *peer, const struct peer_vn *pv)
{
	return hwdt_digest(vr->hwdt, pv->vn, peer->id).sum;
}

void
sync_hear_digest(struct vr *vr, struct peer *peer, const struct sync_digest *d, us_t now)
{
	struct peer_vn *pv = peer_vn(peer, d->vn);
	us_t due;

	if (pv == NULL)
		return;
	pv->digest_count = d->count;
	pv->digest_sum = d->sum;
	/* It says once that it has what was frozen. */
	if (pv->thaw != 0 && pv->thaw <= now && !pv->pulling)
		pv->thaw = pv->pull_started = pv->pull_due = 0;
	if (pv->pulling || !differs(vr, peer, pv)) {
		if (!pv->pulling)
			pv->pull_due = 0;
		return;
	}
	due = now + PULL_PATIENCE + 2 * peer->rtt;
	if (pv->pulled_sum == d->sum && pv->pull_started != 0 &&
	    pv->pull_started + pv->pull_again > due)
		due = pv->pull_started + pv->pull_again;
	if (pv->pull_due == 0 || (pv->pulled_sum != d->sum && pv->pull_due > due))
		pv->pull_due = due;
	sync_due_by(vr, pv->pull_due);
}

void
sync_peer_restarted(struct peer *peer)
{
	peer->rtt = 0;
	for (size_t i = 0; i < peer->vn_count; i++)
		peer->vns[i].pull_started = 0;
}

/* ---- PULL and TABLE ---- */

static void
send_pull(struct vr *vr, struct peer *peer, struct peer_vn *pv, us_t now)
{
	struct sync_msg msg = {.type = SYNC_PULL,
			       .id = ++vr->last_id,
			       .vn = pv->vn,
			       .pull = {.after = pv->pull_after}};
	us_t wait = 4 * peer->rtt;

	pv->pull_due = now + (wait > PULL_RETRY_MIN ? wait : PULL_RETRY_MIN);
	sync_due_by(vr, pv->pull_due);
	(void)!sync_send(vr, peer->slot, &msg);
}

us_t
sync_pull_run(struct vr *vr, struct peer *peer, struct peer_vn *pv, us_t now)
{
	if (pv->pull_due == 0 || peer->state != PEER_UP)
		return US_NEVER;
	if (now < pv->pull_due)
		return pv->pull_due;
	if (!pv->pulling) {
		if (!differs(vr, peer, pv)) {
			pv->pull_due = 0;
			return US_NEVER;
		}
		pv->pulling = true;
		pv->pull_started = now;
		pv->pull_id = vr->last_id + 1;
		/* Nothing is to be gained by another pull until one of the two changes. */
		if (pv->pulled_sum != pv->digest_sum || pv->pulled_own != own_sum(vr, peer, pv))
			pv->pull_again = PULL_AGAIN;
		else if (pv->pull_again < PULL_AGAIN_MAX)
			pv->pull_again *= 2;
		pv->pulled_sum = pv->digest_sum;
		pv->pull_after = (struct addr){.family = ADDR_NONE};
		pv->pull_tries = 0;
		pv->pull_pages = 0;
	}
	if (pv->pull_tries++ >= PULL_TRIES) {
		/* The next HELLO starts anew. */
		pv->pulling = false;
		pv->pull_started = 0;
		pv->pull_due = 0;
		return US_NEVER;
	}
	send_pull(vr, peer, pv, now);
	return pv->pull_due;
}

/* The own bindings of a VN behind 'after', in the order of their EIDs: the first SYNC_BINDINGS_MAX. */
static void
own_page(const struct vr *vr, vn_id_t vn, struct addr after, struct sync_msg *msg)
{
	const struct hwdt_entry *e = hwdt_next_of(vr->hwdt, vn, vr->self, after);

	msg->table.after = after;
	while (e != NULL && msg->table.count < SYNC_BINDINGS_MAX) {
		msg->table.bindings[msg->table.count++] = sync_carry(&e->b);
		e = hwdt_next_of(vr->hwdt, vn, vr->self, e->b.ip);
	}
	msg->table.is_last = e == NULL;
}

/* May the peer be sent pages?  One that goes on asking gets no more of our time than its share. */
static bool
may_pull(struct peer *peer, us_t now)
{
	/* The first page is paid for here, the others as they are sent. */
	return pace_take(&peer->pages, now, PULL_PAGE_COST, PULL_BURST);
}

void
sync_hear_pull(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	struct peer_vn *pv = peer_vn(peer, msg->vn);
	struct addr after = msg->pull.after;

	if (!may_pull(peer, now)) {
		vr_drop(vr, DROP_PULL_LIMIT);
		return;
	}
	pv->served[pv->serves++ % PEER_SERVED] = msg->id;
	for (unsigned i = 0; i < PULL_PAGES; i++) {
		struct sync_msg page = {.type = SYNC_TABLE, .id = msg->id, .vn = msg->vn};

		if (i > 0)
			peer->pages.paid += PULL_PAGE_COST;
		own_page(vr, msg->vn, after, &page);
		if (sync_send(vr, peer->slot, &page) < 0 || page.table.is_last)
			return;
		after = page.table.bindings[page.table.count - 1].ip;
	}
}

/* The peer's table is complete: what we had of it and was not in it is gone. */
static void
pull_done(struct vr *vr, struct peer *peer, struct peer_vn *pv, us_t now)
{
	struct addr at = {.family = ADDR_NONE};
	const struct hwdt_entry *e;

	while ((e = hwdt_next_of(vr->hwdt, pv->vn, peer->id, at)) != NULL) {
		at = e->b.ip;
		if (e->heard < pv->pull_started)
			vr_unbind(vr, pv->vn, at, now);
	}
	pv->pulling = false;
	pv->pull_due = 0;
	pv->pulled_own = own_sum(vr, peer, pv);
}

/* Whom does a router believe that may not have the EID itself?  It cannot tell the peer of a newer counter, so it must be able to
 * forget that: when it is from before this table, and its owner is the peer itself, which has lost
 * its
 * memory then, or a router that does not speak for it any more. */
static bool
is_outlived(const struct vr *vr, const struct peer *peer, const struct hwdt_entry *e,
	    us_t pull_started)
{
	const struct peer *owner = peers_find(vr->peers, e->b.vr);

	return e->heard < pull_started &&
	       (owner == NULL || owner == peer || owner->state != PEER_UP);
}

/* One row of the peer's table.  True when we hold a newer record: the peer has lost its memory if it still owns the
 * EID, or else has not heard yet that it lost that. */
static bool
take_row(struct vr *vr, struct peer *peer, const struct peer_vn *pv, const struct sync_binding *sb,
	 struct sync_newer_row *row, us_t now)
{
	const struct hwdt_entry *e;

	if (sync_take_in(vr, peer, pv->vn, sb, now) != SYNC_STALE)
		return false;
	e = hwdt_find(vr->hwdt, pv->vn, sb->ip);
	if (e == NULL)
		return false;
	if (!lndt_may_host(vr->lndt, pv->vn, sb->ip, vr->self)) {
		if (is_outlived(vr, peer, e, pv->pull_started)) {
			vr_unbind(vr, pv->vn, sb->ip, now);
			(void)sync_take_in(vr, peer, pv->vn, sb, now);
		}
		return false;
	}
	*row = (struct sync_newer_row){.ip = sb->ip, .newest = e->b.mobility, .owner = e->b.vr.v};
	/* It does have it: what we know of it stays until the peer counts on from there. */
	if (vr_id_equal(e->b.vr, peer->id))
		hwdt_heard(vr->hwdt, pv->vn, sb->ip, now);
	return true;
}

void
sync_hear_table(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	struct peer_vn *pv = peer_vn(peer, msg->vn);
	struct sync_msg newer = {.type = SYNC_NEWER, .id = msg->id, .vn = msg->vn};

	/* A page of an earlier pull may lack what has come since. */
	if (!pv->pulling || !addr_equal(pv->pull_after, msg->table.after) ||
	    (int32_t)(msg->id - pv->pull_id) < 0)
		return;
	for (size_t i = 0; i < msg->table.count; i++)
		newer.newer.count += take_row(vr, peer, pv, &msg->table.bindings[i],
					      &newer.newer.rows[newer.newer.count], now);
	if (newer.newer.count > 0) {
		(void)!sync_send(vr, peer->slot, &newer);
		if (pv->pull_again == PULL_AGAIN)
			pv->pull_again = PULL_AGAIN_TOLD;
	}
	if (msg->table.is_last) {
		pull_done(vr, peer, pv, now);
		return;
	}
	if (msg->table.count == 0)
		return;
	pv->pull_after = msg->table.bindings[msg->table.count - 1].ip;
	pv->pull_tries = 0;
	if (++pv->pull_pages % PULL_PAGES == 0)
		send_pull(vr, peer, pv, now);
}

static bool
was_served(const struct peer_vn *pv, uint32_t id)
{
	for (size_t i = 0; i < PEER_SERVED && i < pv->serves; i++)
		if (pv->served[i] == id)
			return true;
	return false;
}

void
sync_hear_newer(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	if (!was_served(peer_vn(peer, msg->vn), msg->id)) {
		vr_drop(vr, DROP_NEWER_UNASKED);
		return;
	}
	for (size_t i = 0; i < msg->newer.count; i++) {
		const struct sync_newer_row *row = &msg->newer.rows[i];

		sight_stale(vr, peer->id, msg->vn, row->ip, row->newest, (struct vr_id){row->owner},
			    now);
	}
}
