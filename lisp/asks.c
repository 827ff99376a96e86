/* Questions to the mapping system: Map-Requests for what packets want, for mappings that end, for SMRs. */
#include <errno.h>

#include "lisp/xtr_priv.h"
#include "wire/lisp_ecm.h"

/* A question stands in one of so many rows. */
#define WAYS 16
#define SETS (XTR_ASKS_MAX / WAYS)

/* The same question is asked once a second (RFC 9301 section 5.5 and 6.1), a few times ahead. */
#define PACE  US_S
#define AHEAD (3 * PACE)
/* It is repeated after a second, two, four ..., each time at the next resolver. */
#define TRIES 4
/* Who has repeated it so often, and was never answered, rests so long (RFC 9301 section 5.3).  Packets go on asking
 * for an EID: their series are counted together while none is answered for so long. */
#define RETRIES_MAX 10
#define REST        (30 * US_S)
#define SILENCE     (60 * US_S)

/* Microseconds to about seconds; and the most by which a nonce exceeds the one before within such a time. */
#define CLOCK_SHIFT 20
#define NONCE_STEP  (1u << 22)

/* Why something is asked. */
enum why { FOR_PACKET, FOR_SMR, FOR_SOURCE, FOR_RENEWAL, FOR_PREVIOUS };

static const struct addr nobody = {.family = ADDR_NONE};

/* ---- rows ---- */

static struct ask *
ask_set(struct xtr *x, vn_id_t vn, const struct prefix *prefix)
{
	uint8_t bytes[sizeof(vn) + 18];

	memcpy(bytes, &vn, sizeof(vn));
	bytes[sizeof(vn)] = prefix->addr.family;
	bytes[sizeof(vn) + 1] = prefix->len;
	memcpy(bytes + sizeof(vn) + 2, prefix->addr.b, 16);
	return &x->asks[hash_bytes(&x->key, bytes, sizeof(bytes)) % SETS * WAYS];
}

static bool
ask_is_free(const struct ask *ask)
{
	return addr_is_none(ask->prefix.addr);
}

/* The row of this question, a new one, or NULL when there is no room.  What strangers set off, by an SMR or by data
 * from a forged source, takes half of it at most. */
static struct ask *
ask_get(struct xtr *x, vn_id_t vn, struct prefix prefix, bool stranger)
{
	struct ask *set = ask_set(x, vn, &prefix), *room = NULL;
	unsigned strangers = 0;

	for (size_t i = 0; i < WAYS; i++) {
		strangers += !ask_is_free(&set[i]) && !set[i].answered && set[i].stranger;
		if (ask_is_free(&set[i]) || set[i].answered) {
			if (room == NULL || ask_is_free(&set[i]))
				room = &set[i];
		}
		if (!ask_is_free(&set[i]) && set[i].vn == vn && prefix_equal(set[i].prefix, prefix))
			return &set[i];
	}
	if (stranger && strangers >= WAYS / 2)
		return NULL;
	if (room != NULL)
		/* "answered": nothing is under way yet. */
		*room = (struct ask){.vn = vn, .prefix = prefix, .answered = true};
	return room;
}

static void
ask_due_by(struct xtr *x, struct ask *ask, us_t due)
{
	ask->due = due;
	if (due < x->asks_due)
		x->asks_due = due;
}

struct ask *
asks_find(struct xtr *x, uint64_t nonce)
{
	for (size_t i = 0; i < XTR_ASKS_MAX; i++)
		if (x->asks[i].nonce == nonce && nonce != 0 && !ask_is_free(&x->asks[i]) &&
		    !x->asks[i].answered)
			return &x->asks[i];
	return NULL;
}

void
asks_done(struct xtr *x, struct ask *ask)
{
	ask->answered = true;
	ask->unheard = 0;
	ask_due_by(x, ask, ask->again ? ask->spent + PACE - AHEAD : ask->spent);
}

/* ---- sending ---- */

/* The Map-Request, behind the room for the headers of an ECM; its size or an error. */
static int
build_request(struct xtr *x, const struct ask *ask, uint8_t *data, size_t room)
{
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = ask->nonce};
	bool subscribe = x->conf.subscribe && !ask->previous;
	struct lisp_asked asked = {.eid = xtr_eid(x, ask->vn, ask->prefix), .notify = subscribe};
	struct lisp_builder b;

	msg.request.smr_invoked = ask->smr_invoked;
	msg.request.pitr = x->ops->proxies(x->ctx, ask->vn);
	/* Of a refresh or an SMR there is none (RFC 9301 section 5.2), nor of what is no EID. */
	if (!addr_is_none(ask->source) && !msg.request.pitr)
		msg.request.source = xtr_eid(x, ask->vn, prefix_host(ask->source));
	if (subscribe) {
		msg.has_xtr_id = true;
		msg.xtr_id = x->conf.ids;
	}
	lisp_begin(&b, data, room, &msg);
	xtr_put_itrs(x, &b);
	lisp_put_asked(&b, &asked);
	return lisp_end(&b);
}

static void
send_request(struct xtr *x, const struct ask *ask, const struct endpoint *resolver)
{
	struct lisp_ecm ecm = {
		.src = {.addr = xtr_own_rloc(x, resolver->addr.family), .port = LISP_CONTROL_PORT},
		.dst = {.addr = ask->prefix.addr, .port = LISP_CONTROL_PORT}};
	uint8_t data[LISP_ECM_SIZE_MAX + LISP_SIZE_MAX];
	size_t head = lisp_ecm_size(resolver->addr.family);
	int size = build_request(x, ask, data + head, sizeof(data) - head);

	/* The inner destination is the EID, where the families allow it (RFC 9301 section 5.8). */
	if (ecm.dst.addr.family != ecm.src.addr.family)
		ecm.dst.addr = resolver->addr;
	ecm.size = size > 0 ? (size_t)size : 0;
	if (size > 0)
		size = lisp_ecm_build(&ecm, data, sizeof(data));
	xtr_send(x, resolver, data, size);
	xtr_counted(x, XTR_REQUESTS);
}

/* The next resolver that we have a locator for, or NULL. */
static const struct endpoint *
next_resolver(struct xtr *x)
{
	for (size_t i = 0; i < x->conf.resolver_count; i++) {
		const struct endpoint *r =
			&x->conf.resolvers[x->resolver++ % x->conf.resolver_count];

		if (!addr_is_none(xtr_own_rloc(x, r->addr.family)))
			return r;
	}
	return NULL;
}

static void
ask_again(struct xtr *x, struct ask *ask, us_t now)
{
	const struct endpoint *resolver = next_resolver(x);

	if (resolver != NULL) {
		send_request(x, ask, resolver);
		ask->unheard++;
	}
	ask->due = now + (US_S << ask->tries++);
	if (ask->due < x->asks_due)
		x->asks_due = ask->due;
}

/* A subscription is taken by its nonce being larger than all before, those of publications included (RFC 9437 section 4); and
 * nobody may guess it.  The clock makes the upper half, so that this holds over restarts. */
static uint64_t
ask_nonce(struct xtr *x, us_t now)
{
	uint64_t random = xtr_random(x), clock;

	if (!x->conf.subscribe)
		return random;
	if (x->ask_epoch == 0)
		x->ask_epoch = now;
	clock = (x->ask_clock + (uint64_t)(now - x->ask_epoch)) >> CLOCK_SHIFT;
	clock = clock << 32 | (random & UINT32_MAX);
	x->ask_nonce = clock > x->ask_nonce ? clock : x->ask_nonce + 1 + random % NONCE_STEP;
	return x->ask_nonce;
}

/* 0: asked, now or before; -EAGAIN, -ENOSPC, -ENOENT. */
static int
ask_for(struct xtr *x, vn_id_t vn, struct prefix prefix, enum why why, struct addr source, us_t now)
{
	bool smr_invoked = why == FOR_SMR, stranger = smr_invoked || why == FOR_SOURCE;
	struct ask *ask;

	if (x->conf.resolver_count == 0 || x->conf.rloc_count == 0)
		return -ENOENT;
	ask = ask_get(x, vn, prefix, stranger);
	if (ask == NULL) {
		xtr_counted(x, XTR_ASKS_FULL);
		return -ENOSPC;
	}
	if (!ask->answered && !ask->previous) {
		/* An answer under way may be older than the SMR: it is asked anew. */
		if (!smr_invoked || ask->smr_invoked)
			return 0;
	}
	if (ask->spent < now)
		ask->spent = now;
	if (ask->spent + PACE > now + AHEAD) {
		/* What an SMR hints at stays true. */
		if (smr_invoked) {
			ask->again = true;
			if (ask->answered)
				ask_due_by(x, ask, ask->spent + PACE - AHEAD);
		}
		return -EAGAIN;
	}
	ask->spent += PACE;
	ask->again = false;
	ask->nonce = ask_nonce(x, now);
	ask->previous = why == FOR_PREVIOUS;
	/* A second time would be too late: the answer is that it is here. */
	ask->tries = ask->previous ? TRIES - 1 : 0;
	ask->answered = false;
	ask->smr_invoked = smr_invoked;
	ask->stranger = stranger;
	ask->source = source;
	ask->renewal = why == FOR_RENEWAL;
	ask_again(x, ask, now);
	return 0;
}

int
xtr_resolve(struct xtr *x, vn_id_t vn, struct addr eid, struct addr source, us_t now)
{
	return ask_for(x, vn, prefix_host(eid), FOR_PACKET, source, now);
}

int
xtr_verify(struct xtr *x, vn_id_t vn, struct addr eid, us_t now)
{
	return ask_for(x, vn, prefix_host(eid), FOR_SOURCE, nobody, now);
}

void
xtr_ask_previous(struct xtr *x, vn_id_t vn, struct addr eid, us_t now)
{
	if (!x->conf.has_push_key)
		return;
	push_last_known(x, vn, eid, now);
	(void)ask_for(x, vn, prefix_host(eid), FOR_PREVIOUS, nobody, now);
}

void
asks_renew(struct xtr *x, vn_id_t vn, struct prefix prefix, us_t now)
{
	(void)ask_for(x, vn, prefix, FOR_RENEWAL, nobody, now);
}

/* ---- SMRs ---- */

/* The EID that an SMR is about: in the record, or, as some peers have it, in the source EID beside a record with an EID of
 * ours. */
static const struct lisp_eid *
smr_about(const struct xtr *x, const struct lisp_msg *msg, const struct lisp_asked *asked)
{
	const struct lisp_eid *source = &msg->request.source;

	if (mapcache_find(x->cache, asked->eid.vn, asked->eid.prefix.addr) == NULL &&
	    source->kind == LISP_EID_IP &&
	    mapcache_find(x->cache, source->vn, source->prefix.addr) != NULL)
		return source;
	return &asked->eid;
}

void
asks_smr(struct xtr *x, const struct lisp_msg *msg, us_t now)
{
	struct rd records = msg->records;
	struct lisp_asked asked;

	while (lisp_asked_next(&records, &asked)) {
		const struct lisp_eid *eid;
		const struct mapping *m;

		if (asked.eid.kind != LISP_EID_IP) {
			xtr_counted(x, XTR_EID_KIND);
			continue;
		}
		eid = smr_about(x, msg, &asked);
		m = mapcache_find(x->cache, eid->vn, eid->prefix.addr);
		if (m == NULL || m->source == MAP_FIXED)
			xtr_counted(x, XTR_SMR_UNKNOWN);
		else if (ask_for(x, eid->vn, eid->prefix, FOR_SMR, nobody, now) == 0)
			xtr_counted(x, XTR_SMRS_HEARD);
		else
			xtr_counted(x, XTR_SMR_LIMITED);
	}
}

/* ---- time ---- */

/* Nobody has answered: the row stays, so that what is asked next is counted with it. */
static void
ask_given_up(struct xtr *x, struct ask *ask, us_t now)
{
	us_t until = now + SILENCE;

	if (ask->unheard > RETRIES_MAX) {
		until = now + REST;
		ask->spent = until + AHEAD - PACE;
		ask->unheard = 0;
	}
	ask->answered = true;
	ask_due_by(x, ask, until);
}

static void
ask_due(struct xtr *x, struct ask *ask, us_t now)
{
	struct ask gone = *ask;

	if (!ask->answered && ask->tries < TRIES) {
		ask_again(x, ask, now);
		return;
	}
	if (ask->again) {
		ask->again = false;
		if (mapcache_find(x->cache, ask->vn, ask->prefix.addr) != NULL &&
		    ask_for(x, ask->vn, ask->prefix, FOR_SMR, nobody, now) == 0)
			return;
	}
	if (gone.answered || gone.previous) {
		*ask = (struct ask){0};
		return;
	}
	ask_given_up(x, ask, now);
	xtr_counted(x, XTR_UNANSWERED);
	x->ops->unanswered(x->ctx, gone.vn, gone.prefix.addr, now);
}

/* Mappings at their end, and those that are in use shortly before it. */
static void
mappings_due(struct xtr *x, us_t now)
{
	struct mapping *m;

	while ((m = mapcache_pending(x->cache, now)) != NULL) {
		vn_id_t vn = m->vn;
		struct prefix prefix = m->prefix;
		us_t since;

		if (m->expires <= now) {
			asks_forget(x, vn, prefix, now);
			continue;
		}
		mapcache_refreshed(x->cache, m, now);
		/* Used at all, or since the last time. */
		since = m->refresh == US_NEVER ? m->expires - m->ttl : now - m->renew;
		if (m->used > 0 && m->used >= since)
			(void)ask_for(x, vn, prefix, m->renew > 0 ? FOR_RENEWAL : FOR_PACKET,
				      nobody, now);
	}
}

us_t
asks_run(struct xtr *x, us_t now)
{
	us_t due = US_NEVER, mappings;

	mappings_due(x, now);
	if (now >= x->asks_due) {
		x->asks_due = US_NEVER;
		for (size_t i = 0; i < XTR_ASKS_MAX; i++) {
			struct ask *ask = &x->asks[i];

			if (!ask_is_free(ask) && ask->due <= now)
				ask_due(x, ask, now);
			if (!ask_is_free(ask) && ask->due < due)
				due = ask->due;
		}
		if (due < x->asks_due)
			x->asks_due = due;
	}
	mappings = mapcache_due(x->cache);
	return mappings < x->asks_due ? mappings : x->asks_due;
}
