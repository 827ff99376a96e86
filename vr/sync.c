/* What routers tell each other: see sync.h. */
#include "vr/sync.h"

#include <errno.h>

#include "base/fmt.h"
#include "vr/action.h"
#include "vr/limits.h"
#include "vr/mapsys.h"
#include "vr/query.h"
#include "vr/sync_priv.h"

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

void
sync_due_by(struct vr *vr, us_t due)
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

/* Out of turn, to one that has missed one: so many at once, and then one each quarter of the interval. */
#define HELLOS_BURST 3

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
	sync_due_by(vr, now + vr->conf->dead_time);
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

/* It has not heard our last HELLO.  The next one comes too late for who has just come up, or has not heard several. */
static bool
has_missed(const struct vr *vr, const struct sync_msg *msg)
{
	return msg->hello.echo == 0 || msg->hello.echo_age > vr->conf->hello_interval * 5 / 4;
}

static void
hear_hello(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	bool restarted = peer->boot != 0 && peer->boot != msg->hello.boot;

	peer->boot = msg->hello.boot;
	peer->echo = msg->hello.sent;
	peer->echo_heard = now;
	if (restarted)
		sync_peer_restarted(peer);
	else
		measure_rtt(peer, msg, now);
	if (peer->state == PEER_DOWN) {
		peer_up(vr, peer, now);
	} else if (restarted) {
		sync_hello(vr, peer, now);
		mapsys_retell(vr, peer, now);
	} else if (has_missed(vr, msg) &&
		   pace_take(&peer->hellos, now, vr->conf->hello_interval / 4, HELLOS_BURST)) {
		sync_hello(vr, peer, now);
	}
	for (size_t i = 0; i < msg->hello.count; i++)
		sync_hear_digest(vr, peer, &msg->hello.digests[i], now);
}

/* ---- what a peer says of its own EIDs ---- */

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
			struct peer_vn *pv = peer_vn(peer, vn);

			vr_drop(vr, DROP_CLAIM_FROZEN);
			/* The owner has it still: what is known of it stays until the thaw. */
			if (vr_id_equal(e->b.vr, peer->id))
				hwdt_heard(vr->hwdt, vn, b.ip, now);
			if (pv != NULL && e->notes.frozen > pv->thaw)
				pv->thaw = e->notes.frozen;
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
		presence_asked(vr->presence, peer->id, msg->id, msg->vn, msg->presence.ip, now);
	else
		presence_told(vr->presence, peer->id, msg->id, msg->vn, msg->presence.ip,
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
		[SYNC_HELLO] = hear_hello,       [SYNC_PULL] = sync_hear_pull,
		[SYNC_TABLE] = sync_hear_table,  [SYNC_DELTA] = hear_delta,
		[SYNC_QUERY] = query_heard,      [SYNC_ANSWER] = query_answered,
		[SYNC_PRESENCE] = hear_presence, [SYNC_PRESENT] = hear_presence,
		[SYNC_NEWER] = sync_hear_newer,  [SYNC_ASKED] = hear_asked,
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
		us_t due = sync_pull_run(vr, peer, &peer->vns[i], now);

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
		sync_due_by(vr, peer_run(vr, peer, now));
		if (greet)
			sync_hello(vr, peer, now);
	}
	return vr->sync_due < vr->hello_due ? vr->sync_due : vr->hello_due;
}
