/* Questions between routers: see query.h. */
#include "vr/query.h"

#include "vr/neigh.h"
#include "vr/sight.h"
#include "vr/sync.h"

#define QUERY_TRIES     4
#define QUERY_RETRY_MIN (50 * US_MS)
/* Once the table is full, unknown MACs of one network take so many rows at once and one more per millisecond:
 * each is a message to every router. */
#define CROWD_BURST 256
#define CROWD_PACE  (1 * US_MS)
/* Questions to a router that speaks for an EID already: others need rows too. */
#define ONES_MAX (VR_QUERIES / 4)
/* A question of another router about an EID that nobody is known to have is an ARP request on the LAN. */
#define ASK_BURST 256
#define ASK_PACE  (1 * US_MS)

static void
send_query(struct vr *vr, struct vr_query *q, us_t now)
{
	struct sync_msg msg = {.type = SYNC_QUERY, .id = ++vr->last_id, .vn = q->share.vn};
	uint32_t position = 0;
	us_t wait = QUERY_RETRY_MIN;
	struct peer *p;

	msg.query.by_mac = q->by_mac;
	msg.query.mac = q->mac;
	msg.query.ip = q->ip;
	while ((p = peers_next(vr->peers, &position)) != NULL) {
		if (p->state != PEER_UP || peer_vn(p, q->share.vn) == NULL ||
		    (!vr_id_is_none(q->whom) && !vr_id_equal(q->whom, p->id)))
			continue;
		(void)!sync_send(vr, p->slot, &msg);
		if (2 * p->rtt > wait)
			wait = 2 * p->rtt;
	}
	q->tries++;
	q->due = now + wait;
	if (q->due < vr->query_due)
		vr->query_due = q->due;
}

static struct vr_query *
rows_of(struct vr *vr, struct addr ip)
{
	return addr_is_none(ip) ? vr->mac_queries : vr->eid_queries;
}

static struct vr_query *
find(struct vr *vr, vn_id_t vn, struct vr_id whom, struct mac mac, struct addr ip)
{
	struct vr_query *rows = rows_of(vr, ip);

	for (size_t i = 0; i < VR_QUERIES; i++) {
		struct vr_query *q = &rows[i];

		if (q->share.is_used && q->share.vn == vn && vr_id_equal(q->whom, whom) &&
		    mac_equal(q->mac, mac) && addr_equal(q->ip, ip))
			return q;
	}
	return NULL;
}

struct vr_query *
query_find(struct vr *vr, vn_id_t vn, struct mac mac, struct addr ip)
{
	return find(vr, vn, (struct vr_id){0}, mac, ip);
}

/* May a question of this site take the row of another one? */
static bool
may_crowd_out(struct site *site, const struct vr_query *q, us_t now)
{
	if (!q->by_mac)
		return q->share.vn != site->vn;
	return pace_take(&site->query_pace, now, CROWD_PACE, CROWD_BURST);
}

static struct vr_query *
start(struct vr *vr, struct site *site, struct vr_id whom, struct mac mac, struct addr ip, us_t now)
{
	struct vr_query *q = rows_of(vr, ip);
	struct share share;

	q += share_pick(q, VR_QUERIES, sizeof(*q), site->vn, &share);
	if (q->share.is_used) {
		/* Theirs or ours: whoever waits for the answer is heard again. */
		vr_drop(vr, DROP_QUERY_FULL);
		if (!may_crowd_out(site, q, now))
			return NULL;
	}
	*q = (struct vr_query){.share = share,
			       .started = now,
			       .whom = whom,
			       .by_mac = addr_is_none(ip),
			       .mac = mac,
			       .ip = ip};
	send_query(vr, q, now);
	vr->wake = true;
	return q;
}

struct vr_query *
query_start(struct vr *vr, struct site *site, struct mac mac, struct addr ip, us_t now)
{
	struct vr_query *q = query_find(vr, site->vn, mac, ip);

	if (q != NULL)
		return q;
	q = start(vr, site, (struct vr_id){0}, mac, ip, now);
	/* A silent machine of the own LAN answers another one unheard by us. */
	if (q != NULL && !q->by_mac && lndt_may_host(vr->lndt, site->vn, ip, vr->self))
		neigh_ask(vr, site, ip, (struct mac){{0}});
	return q;
}

void
query_one(struct vr *vr, struct site *site, const struct peer *peer, struct addr ip, us_t now)
{
	size_t ones = 0;

	if (find(vr, site->vn, peer->id, (struct mac){{0}}, ip) != NULL)
		return;
	for (size_t i = 0; i < VR_QUERIES; i++)
		ones += vr->eid_queries[i].share.is_used && !vr_id_is_none(vr->eid_queries[i].whom);
	if (ones < ONES_MAX)
		(void)start(vr, site, peer->id, (struct mac){{0}}, ip, now);
	else
		vr_drop(vr, DROP_QUERY_FULL);
}

static us_t
run_one(struct vr *vr, struct vr_query *q, us_t now)
{
	if (!q->share.is_used)
		return US_NEVER;
	if (now < q->due)
		return q->due;
	if (q->tries < QUERY_TRIES) {
		send_query(vr, q, now);
		return q->due;
	}
	if (q->by_mac)
		vr_drop(vr, DROP_RARP_UNKNOWN);
	q->share.is_used = false;
	return US_NEVER;
}

us_t
query_run(struct vr *vr, us_t now)
{
	us_t next = US_NEVER;

	if (now < vr->query_due)
		return vr->query_due;
	for (size_t i = 0; i < VR_QUERIES; i++) {
		us_t by_mac = run_one(vr, &vr->mac_queries[i], now);
		us_t by_eid = run_one(vr, &vr->eid_queries[i], now);

		if (by_mac < next)
			next = by_mac;
		if (by_eid < next)
			next = by_eid;
	}
	vr->query_due = next;
	return next;
}

void
query_heard(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	struct sync_msg answer = {.type = SYNC_ANSWER, .id = msg->id, .vn = msg->vn};
	const struct hwdt_entry *found[SYNC_BINDINGS_MAX];
	struct site *site = vr_site(vr, msg->vn);
	size_t count = 0;

	if (msg->query.by_mac) {
		count = hwdt_find_mac_of(vr->hwdt, msg->vn, msg->query.mac, vr->self, found,
					 SYNC_BINDINGS_MAX);
	} else {
		found[0] = hwdt_find(vr->hwdt, msg->vn, msg->query.ip);
		count = found[0] != NULL;
	}
	for (size_t i = 0; i < count && i < SYNC_BINDINGS_MAX; i++)
		if (vr_id_equal(found[i]->b.vr, vr->self) && !found[i]->b.withdrawn)
			answer.answer.bindings[answer.answer.count++] = sync_carry(&found[i]->b);
	if (answer.answer.count > 0)
		(void)!sync_send(vr, peer->slot, &answer);
	else if (!msg->query.by_mac && (count == 0 || found[0]->b.withdrawn) &&
		 lndt_may_host(vr->lndt, msg->vn, msg->query.ip, vr->self) &&
		 pace_take(&site->ask_pace, now, ASK_PACE, ASK_BURST))
		/* Perhaps it stands here and has not spoken yet: its answer will be heard. */
		neigh_ask(vr, site, msg->query.ip, (struct mac){{0}});
}

void
query_answered(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now)
{
	struct site *site = vr_site(vr, msg->vn);

	for (size_t i = 0; i < msg->answer.count; i++) {
		const struct sync_binding *sb = &msg->answer.bindings[i];
		struct addr none = {.family = ADDR_NONE};
		struct vr_query *q;

		if (sync_take_in(vr, peer, msg->vn, sb, now) == SYNC_REFUSED)
			continue;
		q = query_find(vr, msg->vn, (struct mac){{0}}, sb->ip);
		if (q != NULL)
			q->share.is_used = false;
		q = find(vr, msg->vn, peer->id, (struct mac){{0}}, sb->ip);
		if (q != NULL)
			q->share.is_used = false;
		q = query_find(vr, msg->vn, sb->mac, none);
		if (q == NULL || i + 1 < msg->answer.count)
			continue;
		/* The RARP that asked for it can go on now.  A router that gives the MAC to a machine of its own, which may not
		 * come here, is no reason not to hear what the others say. */
		if (sight_rarp(vr, site, sb->mac, q->started, now))
			q->share.is_used = false;
	}
}
