/* News to all routers: see move.h. */
#include "migration/move.h"

#include <errno.h>
#include <stdlib.h>

struct recipient {
	uint32_t slot;
	struct vr_id id;
	us_t due;
	uint8_t tries;
	bool open; /* not answered yet */
};

struct news {
	struct news *next;
	uint32_t id;
	vn_id_t vn;
	struct vr_id previous;
	uint64_t report;
	struct binding bindings[SYNC_BINDINGS_MAX];
	size_t count;
	struct recipient *recipients;
	size_t recipient_count;
	size_t open_count;
};

struct moves {
	struct vr_id self;
	const struct hwdt *hwdt;
	struct peers *peers;
	struct reports *reports;
	const struct move_ops *ops;
	void *ctx;
	struct news *news; /* under way, newest first */
	size_t count;
	uint32_t last_id;
};

struct moves *
moves_create(struct vr_id self, const struct hwdt *hwdt, struct peers *peers,
	     struct reports *reports, const struct move_ops *ops, void *ctx)
{
	struct moves *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	*m = (struct moves){.self = self,
			    .hwdt = hwdt,
			    .peers = peers,
			    .reports = reports,
			    .ops = ops,
			    .ctx = ctx};
	return m;
}

static void
news_destroy(struct news *n)
{
	free(n->recipients);
	free(n);
}

void
moves_destroy(struct moves *m)
{
	if (m == NULL)
		return;
	while (m->news != NULL) {
		struct news *n = m->news;

		m->news = n->next;
		news_destroy(n);
	}
	free(m);
}

static us_t
retry_after(const struct peer *p, unsigned tries)
{
	us_t wait = 2 * p->rtt;

	if (wait < MOVE_RETRY_MIN)
		wait = MOVE_RETRY_MIN;
	while (tries-- > 1 && wait < MOVE_RETRY_MAX)
		wait *= 2;
	return wait < MOVE_RETRY_MAX ? wait : MOVE_RETRY_MAX;
}

static void
news_message(const struct news *n, struct sync_msg *msg)
{
	*msg = (struct sync_msg){.type = SYNC_DELTA, .id = n->id, .vn = n->vn};
	msg->delta.is_move = n->report != 0;
	msg->delta.previous = n->previous.v;
	msg->delta.count = (uint8_t)n->count;
	for (size_t i = 0; i < n->count; i++) {
		const struct binding *b = &n->bindings[i];

		msg->delta.bindings[i] = (struct sync_binding){.ip = b->ip,
							       .mac = b->mac,
							       .mobility = b->mobility,
							       .kind = b->kind,
							       .withdrawn = b->withdrawn};
	}
}

static void
send_to(struct moves *m, struct recipient *r, const struct peer *p, const struct sync_msg *msg,
	us_t now)
{
	r->tries++;
	r->due = now + retry_after(p, r->tries);
	/* A send that fails is a message lost: the retry repairs it. */
	(void)m->ops->send(m->ctx, r->slot, msg);
}

static struct news *
news_create(struct moves *m, vn_id_t vn)
{
	struct news *n = calloc(1, sizeof(*n));
	uint32_t position = 0;
	const struct peer *p;

	if (n == NULL)
		return NULL;
	n->recipients = calloc(peers_count(m->peers) + 1, sizeof(*n->recipients));
	if (n->recipients == NULL) {
		free(n);
		return NULL;
	}
	while ((p = peers_next(m->peers, &position)) != NULL)
		if (p->state == PEER_UP && peer_vn(p, vn) != NULL)
			n->recipients[n->recipient_count++] =
				(struct recipient){.slot = p->slot, .id = p->id, .open = true};
	n->open_count = n->recipient_count;
	n->id = ++m->last_id;
	n->vn = vn;
	return n;
}

static bool
has_every_ack(const struct report *r)
{
	for (size_t i = 0; i < r->ack_count; i++)
		if (r->acks[i].at == 0)
			return false;
	return true;
}

/* Everybody has answered or was given up. */
static void
news_settle(struct moves *m, struct news **link, us_t now)
{
	struct news *n = *link;
	struct report *report = reports_find(m->reports, n->report);

	if (report != NULL) {
		report->settled = now;
		if (has_every_ack(report))
			report->all_acked = now;
	}
	*link = n->next;
	m->count--;
	news_destroy(n);
}

int
moves_tell(struct moves *m, vn_id_t vn, const struct binding *bindings, size_t count,
	   struct vr_id previous, uint64_t report, us_t now)
{
	struct report *record = reports_find(m->reports, report);
	struct sync_msg msg;
	struct news *n;

	BUG_IF(count > SYNC_BINDINGS_MAX);
	n = m->count < MOVE_NEWS_MAX ? news_create(m, vn) : NULL;
	if (n == NULL) {
		/* Nobody has been told, so nobody is waited for; that is not having been answered. */
		if (record != NULL) {
			record->settled = now;
			record->ack_count = 0;
		}
		return -ENOBUFS;
	}
	n->previous = previous;
	n->report = report;
	n->count = count;
	memcpy(n->bindings, bindings, count * sizeof(*bindings));
	n->next = m->news;
	m->news = n;
	m->count++;
	news_message(n, &msg);
	for (size_t i = 0; i < n->recipient_count; i++) {
		struct recipient *r = &n->recipients[i];

		send_to(m, r, peers_at(m->peers, r->slot), &msg, now);
		if (record != NULL && i < record->ack_count)
			record->acks[i].vr = r->id;
	}
	if (record != NULL) {
		if (record->ack_count > n->recipient_count)
			record->ack_count = n->recipient_count;
	}
	if (n->open_count == 0)
		news_settle(m, &m->news, now);
	return 0;
}

static void
close_recipient(struct moves *m, struct news **link, struct recipient *r, us_t now)
{
	r->open = false;
	if (--(*link)->open_count == 0)
		news_settle(m, link, now);
}

/* Of several addresses, the first that was not taken in says how it went. */
static uint8_t
ack_verdict(const struct sync_msg *msg)
{
	for (size_t i = 0; i < msg->ack.count; i++)
		if (msg->ack.rows[i].verdict != SYNC_ACCEPTED)
			return msg->ack.rows[i].verdict;
	return SYNC_ACCEPTED;
}

static void
record_ack(struct moves *m, const struct news *n, struct vr_id id, uint8_t verdict, us_t now)
{
	struct report *report = reports_find(m->reports, n->report);

	for (size_t i = 0; report != NULL && i < report->ack_count; i++)
		if (vr_id_equal(report->acks[i].vr, id)) {
			report->acks[i].at = now;
			report->acks[i].verdict = verdict;
			report->is_refused |= verdict != SYNC_ACCEPTED;
		}
}

void
moves_acked(struct moves *m, const struct peer *peer, const struct sync_msg *msg, us_t now)
{
	struct news **link = &m->news;
	struct binding bindings[SYNC_BINDINGS_MAX];
	struct recipient *r = NULL;
	size_t count;

	while (*link != NULL && (*link)->id != msg->id)
		link = &(*link)->next;
	if (*link == NULL || (*link)->vn != msg->vn || msg->ack.count != (*link)->count)
		return;
	for (size_t i = 0; i < (*link)->recipient_count; i++)
		if ((*link)->recipients[i].slot == peer->slot && (*link)->recipients[i].open)
			r = &(*link)->recipients[i];
	if (r == NULL)
		return;
	record_ack(m, *link, peer->id, ack_verdict(msg), now);
	count = (*link)->count;
	memcpy(bindings, (*link)->bindings, count * sizeof(*bindings));
	close_recipient(m, link, r, now);
	for (size_t i = 0; i < count; i++)
		if (msg->ack.rows[i].verdict == SYNC_STALE)
			m->ops->stale(m->ctx, peer->id, msg->vn, bindings[i].ip,
				      msg->ack.rows[i].newest,
				      (struct vr_id){msg->ack.rows[i].owner}, now);
}

/* Nothing in it is still the newest that we say: no use repeating it. */
static bool
is_outdated(const struct moves *m, const struct news *n)
{
	for (size_t i = 0; i < n->count; i++) {
		const struct hwdt_entry *e = hwdt_find(m->hwdt, n->vn, n->bindings[i].ip);

		if (e != NULL && vr_id_equal(e->b.vr, m->self) &&
		    e->b.mobility == n->bindings[i].mobility)
			return false;
	}
	return true;
}

us_t
moves_run(struct moves *m, us_t now)
{
	struct news **link = &m->news;
	us_t next = US_NEVER;

	while (*link != NULL) {
		struct news *n = *link;
		bool outdated = is_outdated(m, n);
		struct sync_msg msg;

		news_message(n, &msg);
		for (size_t i = 0; i < n->recipient_count; i++) {
			struct recipient *r = &n->recipients[i];
			const struct peer *p = peers_at(m->peers, r->slot);
			bool gone = p == NULL || !vr_id_equal(p->id, r->id) || p->state != PEER_UP;

			if (!r->open)
				continue;
			if (gone || outdated || (now >= r->due && r->tries >= MOVE_TRIES)) {
				r->open = false;
				n->open_count--;
				continue;
			}
			if (now >= r->due)
				send_to(m, r, p, &msg, now);
			if (r->due < next)
				next = r->due;
		}
		if (n->open_count == 0)
			news_settle(m, link, now);
		else
			link = &n->next;
	}
	return next;
}

size_t
moves_pending(const struct moves *m)
{
	return m->count;
}
