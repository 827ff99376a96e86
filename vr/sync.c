/* What routers tell each other: see sync.h. */
#include "vr/sync.h"

#include <errno.h>

#include "base/fmt.h"
#include "vr/action.h"
#include "vr/limits.h"
#include "vr/mapsys.h"
#include "vr/query.h"
#include "vr/sight.h"

/* A difference of digests must last so long (and two round trips) before a table is asked for: news
 * under way may explain it. */
#define PULL_PATIENCE  (50 * US_MS)
#define PULL_RETRY_MIN (100 * US_MS)
#define PULL_TRIES     5
/* A table that was taken in and still differs (something in it is refused, or older than what is
 * known) is asked for again after this; when that changes nothing, after twice that, and so on. */
#define PULL_AGAIN     (10 * US_S)
#define PULL_AGAIN_MAX (160 * US_S)
/* Pages of a table sent for one PULL. */
#define PULL_PAGES 16

/* What a peer's PULLs may cost: so much time for each page, and so many pages at once. */
#define PULL_PAGE_COST ((us_t)250)
#define PULL_BURST     1024

int
sync_send(void *ctx, uint32_t slot, const struct sync_msg *msg)
{
	struct vr *vr = ctx;
	uint8_t data[SYNC_SIZE_MAX];
	int size = sync_build(msg, data, sizeof(data));

	/* Only what came from outside can be unfit to send. */
	if (size < 0)
		return size;
	return vr->io->link_sync(vr->ctx, slot, data, (size_t)size, vr->now);
}

/* sync_run() is not needed before, but then it is. */
static void
due_by(struct vr *vr, us_t due)
{
	if (due < vr->sync_due)
		vr->sync_due = due;
}

struct sync_binding
sync_carry(const struct binding *b)
{
	return (struct sync_binding){.ip = b->ip,
				     .mac = b->mac,
				     .mobility = b->mobility,
				     .kind = b->kind,
				     .withdrawn = b->withdrawn};
}

/* ---- HELLO ---- */

void
sync_hello(struct vr *vr, struct peer *peer, us_t now)
{
	struct sync_msg msg = {.type = SYNC_HELLO, .id = ++vr->last_id};

	msg.hello.boot = vr->boot;
	msg.hello.sent = (uint64_t)now;
	msg.hello.echo = peer->echo;
	msg.hello.echo_age = peer->echo != 0 ? (uint32_t)(now - peer->echo_heard) : 0;
	while (msg.hello.count < peer->vn_count && msg.hello.count < SYNC_VNS_MAX) {
		vn_id_t vn = peer->vns[peer->hello_vn++ % peer->vn_count].vn;
		struct hwdt_digest d = hwdt_digest(vr->hwdt, vn, vr->self);

		msg.hello.digests[msg.hello.count++] =
			(struct sync_digest){.vn = vn, .count = d.count, .sum = d.sum};
	}
	/* The next HELLO makes up for a lost one. */
	(void)!sync_send(vr, peer->slot, &msg);
}

static void
publish_peer(struct vr *vr, enum change_kind kind, const struct peer *peer, us_t now)
{
	struct change c = {.at = now, .kind = kind, .to = peer->id};

	snprintf(c.text, sizeof(c.text), "%.47s", peer->name);
	change_publish(vr->feed, &c);
	log_line(vr->log, LOG_INFO, "peer", "%s is %s", peer->name,
		 kind == CHANGE_PEER_UP ? "up" : "down");
}

static void
peer_up(struct vr *vr, struct peer *peer, us_t now)
{
	peer->state = PEER_UP;
	vr->changes++;
	peer->since = now;
	due_by(vr, now + vr->conf->dead_time);
	publish_peer(vr, CHANGE_PEER_UP, peer, now);
	/* It learns at once that we hear it, and what we have. */
	sync_hello(vr, peer, now);
	mapsys_retell(vr, peer, now);
}

void
sync_up(struct vr *vr, struct peer *peer, us_t now)
{
	peer->heard = now;
	if (peer->state == PEER_DOWN)
		peer_up(vr, peer, now);
	else
		sync_hello(vr, peer, now);
}

void
sync_down(struct vr *vr, struct peer *peer, us_t now)
{
	if (peer->state == PEER_DOWN)
		return;
	peer->state = PEER_DOWN;
	vr->changes++;
	peer->since = now;
	for (size_t i = 0; i < peer->vn_count; i++)
		peer->vns[i].pulling = false;
	publish_peer(vr, CHANGE_PEER_DOWN, peer, now);
}

static void
measure_rtt(struct peer *peer, const struct sync_msg *msg, us_t now)
{
	us_t sample;

	/* The numbers are the peer's: nothing is computed with them before they are possible. */
	if (msg->hello.echo == 0 || msg->hello.echo > (uint64_t)now)
		return;
	sample = now - (us_t)msg->hello.echo - (us_t)msg->hello.echo_age;
	if (sample < 0 || sample > 60 * US_S)
		return;
	peer->rtt = peer->rtt == 0 ? sample : peer->rtt + (sample - peer->rtt) / 8;
	if (peer->rtt == 0)
		peer->rtt = 1;
}

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

static void
hear_digest(struct vr *vr, struct peer *peer, const struct sync_digest *d, us_t now)
{
	struct peer_vn *pv = peer_vn(peer, d->vn);
	us_t due;

	if (pv == NULL)
		return;
	pv->digest_count = d->count;
	pv->digest_sum = d->sum;
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
	due_by(vr, pv->pull_due);
}

/* What was pulled from it before says nothing of the table that it has now. */
static void
peer_restarted(struct peer *peer)
{
	peer->rtt = 0;
	for (size_t i = 0; i < peer->vn_count; i++)
		peer->vns[i].pull_started = 0;
}

static void
hear_hello(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	bool restarted = peer->boot != 0 && peer->boot != msg->hello.boot;

	peer->boot = msg->hello.boot;
	peer->echo = msg->hello.sent;
	peer->echo_heard = now;
	if (restarted)
		peer_restarted(peer);
	else
		measure_rtt(peer, msg, now);
	if (peer->state == PEER_DOWN) {
		peer_up(vr, peer, now);
	} else if (restarted) {
		sync_hello(vr, peer, now);
		mapsys_retell(vr, peer, now);
	}
	for (size_t i = 0; i < msg->hello.count; i++)
		hear_digest(vr, peer, &msg->hello.digests[i], now);
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
	due_by(vr, pv->pull_due);
	(void)!sync_send(vr, peer->slot, &msg);
}

static us_t
pull_run(struct vr *vr, struct peer *peer, struct peer_vn *pv, us_t now)
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

static void
hear_pull(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
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

/* Takes in what a peer says of an EID of its own. */
enum sync_verdict
sync_take_in(struct vr *vr, struct peer *peer, vn_id_t vn, const struct sync_binding *sb, us_t now)
{
	struct binding b = {.vn = vn,
			    .ip = sb->ip,
			    .mac = sb->mac,
			    .vr = peer->id,
			    .mobility = sb->mobility,
			    .kind = sb->kind,
			    .withdrawn = sb->withdrawn};

	if (!lndt_may_host(vr->lndt, vn, b.ip, peer->id) || !limits_in_reach(vr, &b)) {
		vr_drop(vr, DROP_CLAIM_REFUSED);
		return SYNC_REFUSED;
	}
	/* The same gateway address at several sites is everybody's own. */
	if (vr_owns_address(vr_site(vr, vn), b.ip))
		return SYNC_ACCEPTED;
	if (limits_is_frozen(vr, vn, b.ip, now)) {
		const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, b.ip);

		if (e != NULL && b.mobility > e->b.mobility) {
			vr_drop(vr, DROP_CLAIM_FROZEN);
			/* The owner has it still: what is known of it stays until the thaw. */
			if (vr_id_equal(e->b.vr, peer->id))
				hwdt_heard(vr->hwdt, vn, b.ip, now);
			return SYNC_FROZEN;
		}
	}
	switch (vr_bind(vr, &b, now)) {
	case HWDT_STALE:
		vr_drop(vr, DROP_CLAIM_STALE);
		return SYNC_STALE;
	case HWDT_FULL:
		return SYNC_FULL;
	case HWDT_ADDED:
	case HWDT_SAME:
	case HWDT_UPDATED:
	case HWDT_MOVED:
		break;
	}
	return SYNC_ACCEPTED;
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

static void
hear_table(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
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
	if (newer.newer.count > 0)
		(void)!sync_send(vr, peer->slot, &newer);
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

static void
hear_newer(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
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

/* ---- DELTA and ACK ---- */

static void
hear_delta(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	struct sync_msg ack = {.type = SYNC_ACK, .id = msg->id, .vn = msg->vn};

	ack.ack.count = msg->delta.count;
	for (size_t i = 0; i < msg->delta.count; i++) {
		const struct sync_binding *sb = &msg->delta.bindings[i];
		struct sync_ack_row *row = &ack.ack.rows[i];
		const struct hwdt_entry *e;

		row->verdict = (uint8_t)sync_take_in(vr, peer, msg->vn, sb, now);
		e = hwdt_find(vr->hwdt, msg->vn, sb->ip);
		/* Who may not have the EID is not asked what is newer. */
		if (row->verdict == SYNC_STALE && e != NULL &&
		    lndt_may_host(vr->lndt, msg->vn, sb->ip, vr->self)) {
			row->newest = e->b.mobility;
			row->owner = e->b.vr.v;
		}
	}
	(void)!sync_send(vr, peer->slot, &ack);
}

/* ---- PRESENCE ---- */

static void
hear_presence(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	/* Only routers that may host the EID have a reason to ask, and only such ones can answer. */
	if (!lndt_may_host(vr->lndt, msg->vn, msg->presence.ip, peer->id) ||
	    !lndt_may_host(vr->lndt, msg->vn, msg->presence.ip, vr->self)) {
		vr_drop(vr, DROP_PRESENCE_REFUSED);
		return;
	}
	if (msg->type == SYNC_PRESENCE)
		presence_start(vr->presence, PRESENCE_ASKED, msg->vn, msg->presence.ip,
			       (struct mac){{0}}, peer->id, now);
	else
		presence_told(vr->presence, peer->id, msg->vn, msg->presence.ip,
			      msg->presence.present, now);
}

/* ---- ASKED ---- */

static void
hear_asked(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	if (peer_vn(peer, msg->vn) == NULL) {
		vr_drop(vr, DROP_PEER_NOT_IN_VN);
		return;
	}
	for (size_t i = 0; i < msg->asked.count; i++)
		if (lndt_is_mobile(vr->lndt, msg->vn, msg->asked.rows[i].ip))
			mapsys_told(vr, msg->vn, msg->asked.rows[i].ip, msg->asked.rows[i].rloc,
				    now);
}

/* ---- all messages ---- */

void
sync_heard(struct vr *vr, struct peer *peer, const uint8_t *data, size_t size, us_t now)
{
	static void (*const hear[])(struct vr *, struct peer *, const struct sync_msg *, us_t) = {
		[SYNC_HELLO] = hear_hello,       [SYNC_PULL] = hear_pull,
		[SYNC_TABLE] = hear_table,       [SYNC_DELTA] = hear_delta,
		[SYNC_QUERY] = query_heard,      [SYNC_ANSWER] = query_answered,
		[SYNC_PRESENCE] = hear_presence, [SYNC_PRESENT] = hear_presence,
		[SYNC_NEWER] = hear_newer,       [SYNC_ASKED] = hear_asked,
		[SYNC_ACTION] = action_heard,    [SYNC_OUTCOME] = action_outcome_heard,
	};
	struct sync_msg msg;
	int err = sync_parse(data, size, &msg);

	vr->now = now;
	if (err != 0) {
		vr_drop(vr, err == -EPROTONOSUPPORT ? DROP_SYNC_VERSION : DROP_SYNC_MALFORMED);
		return;
	}
	peer->heard = now;
	if (msg.type != SYNC_HELLO &&
	    (peer_vn(peer, msg.vn) == NULL || vr_site(vr, msg.vn) == NULL)) {
		vr_drop(vr, DROP_PEER_NOT_IN_VN);
		return;
	}
	if (msg.type == SYNC_ACK)
		moves_acked(vr->moves, peer, &msg, now);
	else
		hear[msg.type](vr, peer, &msg, now);
}

static us_t
peer_run(struct vr *vr, struct peer *peer, us_t now)
{
	us_t next = US_NEVER;

	if (peer->state == PEER_UP) {
		next = peer->heard + vr->conf->dead_time;
		if (now >= next) {
			sync_down(vr, peer, now);
			return US_NEVER;
		}
	}
	for (size_t i = 0; i < peer->vn_count; i++) {
		us_t due = pull_run(vr, peer, &peer->vns[i], now);

		if (due < next)
			next = due;
	}
	return next;
}

us_t
sync_run(struct vr *vr, us_t now)
{
	bool greet = now >= vr->hello_due;
	uint32_t position = 0;
	struct peer *peer;

	if (greet)
		vr->hello_due = now + vr->conf->hello_interval;
	else if (now < vr->sync_due)
		return vr->sync_due < vr->hello_due ? vr->sync_due : vr->hello_due;
	vr->sync_due = US_NEVER;
	while ((peer = peers_next(vr->peers, &position)) != NULL) {
		due_by(vr, peer_run(vr, peer, now));
		if (greet)
			sync_hello(vr, peer, now);
	}
	return vr->sync_due < vr->hello_due ? vr->sync_due : vr->hello_due;
}
