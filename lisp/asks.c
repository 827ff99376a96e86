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

/* Microseconds to about seconds; and the most by which a nonce exceeds the one before within such a time. */
#define CLOCK_SHIFT 20
#define NONCE_STEP  (1u << 22)

/* Why something is asked. */
enum why { FOR_PACKET, FOR_SMR, FOR_SOURCE, FOR_RENEWAL, FOR_PREVIOUS };

/* No mapping is kept longer, whatever it says. */
#define TTL_MAX (24 * 3600 * US_S)

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

	if (resolver != NULL)
		send_request(x, ask, resolver);
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
ask_for(struct xtr *x, vn_id_t vn, struct prefix prefix, enum why why, us_t now)
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
	ask->renewal = why == FOR_RENEWAL;
	ask_again(x, ask, now);
	return 0;
}

int
xtr_resolve(struct xtr *x, vn_id_t vn, struct addr eid, us_t now)
{
	return ask_for(x, vn, prefix_host(eid), FOR_PACKET, now);
}

int
xtr_verify(struct xtr *x, vn_id_t vn, struct addr eid, us_t now)
{
	return ask_for(x, vn, prefix_host(eid), FOR_SOURCE, now);
}

void
xtr_ask_previous(struct xtr *x, vn_id_t vn, struct addr eid, us_t now)
{
	if (x->conf.has_push_key)
		(void)ask_for(x, vn, prefix_host(eid), FOR_PREVIOUS, now);
}

void
asks_renew(struct xtr *x, vn_id_t vn, struct prefix prefix, us_t now)
{
	(void)ask_for(x, vn, prefix, FOR_RENEWAL, now);
}

/* ---- answers ---- */

static void
take_locators(struct mapping *m, const struct lisp_record *record)
{
	struct rd locators = record->locators;
	struct lisp_locator l;

	while (lisp_locator_next(&locators, &l) && m->count < MAP_LOCATORS_MAX) {
		if (addr_is_none(l.rloc.addr) || addr_is_multicast(l.rloc.addr) ||
		    addr_is_unspecified(l.rloc.addr))
			continue;
		m->locators[m->count++] = (struct map_locator){.rloc = l.rloc.addr,
							       .priority = l.priority,
							       .weight = l.weight,
							       .not_reachable = !l.reachable};
	}
}

static void
put_mapping(struct xtr *x, const struct mapping *m, us_t now)
{
	enum map_fate fate = mapcache_put(x->cache, m, now);
	struct mapping gone;

	if (mapcache_evicted(x->cache, &gone)) {
		notices_gone(x, gone.vn, gone.prefix, gone.notice, now);
		x->ops->mapped(x->ctx, gone.vn, gone.prefix, now);
	}
	if (fate == MAP_REFUSED)
		return;
	probes_follow(x, m, now);
	x->ops->mapped(x->ctx, m->vn, m->prefix, now);
}

/* The mapping of this prefix is no longer; unless it is a fixed one. */
static void
forget_mapping(struct xtr *x, vn_id_t vn, struct prefix prefix, us_t now)
{
	const struct mapping *m = mapcache_find_exact(x->cache, vn, prefix);

	if (m == NULL || m->source == MAP_FIXED)
		return;
	notices_gone(x, vn, prefix, m->notice, now);
	mapcache_remove(x->cache, vn, prefix);
	x->ops->mapped(x->ctx, vn, prefix, now);
}

/* The nonce that publications of prefixes inside must exceed; 0: there is no subscription. */
static uint64_t
floor_of(const struct xtr *x, const struct mapping *m, const struct ask *ask)
{
	const struct mapping *around;

	if (ask != NULL && m->source == MAP_PUBLISHED)
		return m->notice;
	around = mapcache_find_around(x->cache, m->vn, m->prefix);
	return around != NULL ? around->floor : 0;
}

/* A subscription is renewed once in every register interval: a map-server that has lost it, by a restart, has it again
 * then.  Not all at once. */
static us_t
renew_after(struct xtr *x)
{
	us_t interval = x->conf.register_interval, spread = interval / 10;

	return interval - (spread > 0 ? (us_t)(xtr_random(x) % (uint64_t)spread) : 0);
}

void
asks_take(struct xtr *x, const struct lisp_record *record, enum map_source source, uint64_t nonce,
	  const struct ask *ask, us_t now)
{
	struct mapping m = {.vn = record->eid.vn,
			    .prefix = record->eid.prefix,
			    .source = (uint8_t)source,
			    .action = record->action,
			    .authoritative = record->authoritative,
			    .version = record->map_version,
			    .notice = nonce,
			    .ttl = (us_t)record->ttl * 60 * US_S};

	if (m.ttl > TTL_MAX)
		m.ttl = TTL_MAX;
	if (!x->ops->may_map(x->ctx, m.vn, m.prefix)) {
		xtr_counted(x, XTR_OVERCLAIM);
		return;
	}
	take_locators(&m, record);
	m.floor = floor_of(x, &m, ask);
	if (m.floor > 0 && x->conf.subscribe)
		m.renew = renew_after(x);
	if (m.ttl > 0) {
		put_mapping(x, &m, now);
	} else {
		notices_gone(x, m.vn, m.prefix, nonce, now);
		forget_mapping(x, m.vn, m.prefix, now);
	}
	xtr_counted(x, m.count > 0 ? XTR_MAPPINGS : XTR_NEGATIVE);
}

/* Is the record about what was asked for?  A negative one whose prefix does not cover it, as one peer
 * sends, is taken for the EID alone. */
static bool
record_fits(const struct ask *ask, struct lisp_record *record)
{
	if (record->eid.kind != LISP_EID_IP || record->eid.vn != ask->vn)
		return false;
	if (prefix_contains(record->eid.prefix, ask->prefix.addr))
		return true;
	if (record->locator_count > 0 || record->eid.prefix.addr.family != ask->prefix.addr.family)
		return false;
	record->eid.prefix = ask->prefix;
	return true;
}

/* The answer to who had an EID: its longest record that contains it. */
static void
take_previous(struct xtr *x, struct ask *ask, struct rd records, us_t now)
{
	struct lisp_record record, best = {.eid = {.prefix = {.len = 0}}};
	bool any = false;

	while (lisp_record_next(&records, &record)) {
		if (record.eid.kind != LISP_EID_IP || record.eid.vn != ask->vn ||
		    !prefix_contains(record.eid.prefix, ask->prefix.addr) ||
		    (any && record.eid.prefix.len < best.eid.prefix.len))
			continue;
		best = record;
		any = true;
	}
	if (any)
		push_previous(x, ask->vn, ask->prefix.addr, best.locators, now);
	else
		xtr_counted(x, XTR_NOT_ASKED);
	if (any)
		asks_done(x, ask);
}

/* Is there a mapping for what was asked, or for a part of it? */
static bool
bears_out(const struct ask *ask, struct rd records)
{
	struct lisp_record record;

	while (lisp_record_next(&records, &record))
		if (record.eid.kind == LISP_EID_IP && record.eid.vn == ask->vn &&
		    record.locator_count > 0 && record.eid.prefix.len >= ask->prefix.len &&
		    prefix_contains(ask->prefix, record.eid.prefix.addr))
			return true;
	return false;
}

/* A map-server that has started anew does not know yet what is registered: that something is not there any more is
 * believed when the second renewal hears it too.  By then every ETR has refreshed its
 * registrations. */
bool
asks_doubt(struct xtr *x, const struct ask *ask, struct rd records, uint64_t nonce, us_t now)
{
	struct mapping *m = mapcache_find_exact(x->cache, ask->vn, ask->prefix);

	if (m == NULL || m->count == 0 || bears_out(ask, records))
		return false;
	if (!ask->renewal || m->doubted) {
		forget_mapping(x, ask->vn, ask->prefix, now);
		return false;
	}
	m->doubted = true;
	if (nonce > m->notice)
		m->notice = m->floor = nonce;
	xtr_counted(x, XTR_DOUBTED);
	return true;
}

void
asks_reply(struct xtr *x, const struct lisp_msg *msg, us_t now)
{
	struct ask *ask = asks_find(x, msg->nonce);
	struct rd records = msg->records;
	struct lisp_record record;
	struct prefix wide = {.len = 255};
	bool stays = false;

	if (ask == NULL) {
		xtr_counted(x, XTR_UNSOLICITED);
		return;
	}
	if (ask->previous) {
		take_previous(x, ask, records, now);
		return;
	}
	while (lisp_record_next(&records, &record)) {
		/* More-specific mappings inside of the answer come with it (RFC 9301 section 5.5). */
		bool is_inside = wide.len < 255 && record.eid.kind == LISP_EID_IP &&
				 record.eid.vn == ask->vn && record.eid.prefix.len > wide.len &&
				 prefix_contains(wide, record.eid.prefix.addr);

		if (!is_inside && !record_fits(ask, &record)) {
			xtr_counted(x, XTR_NOT_ASKED);
			continue;
		}
		if (wide.len == 255)
			stays = asks_doubt(x, ask, msg->records, 0, now);
		if (!is_inside)
			wide = record.eid.prefix;
		if (!stays || !prefix_equal(record.eid.prefix, ask->prefix))
			asks_take(x, &record, MAP_ASKED, 0, ask, now);
	}
	if (wide.len < 255)
		asks_done(x, ask);
}

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
		else if (ask_for(x, eid->vn, eid->prefix, FOR_SMR, now) == 0)
			xtr_counted(x, XTR_SMRS_HEARD);
		else
			xtr_counted(x, XTR_SMR_LIMITED);
	}
}

/* ---- time ---- */

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
		    ask_for(x, ask->vn, ask->prefix, FOR_SMR, now) == 0)
			return;
	}
	*ask = (struct ask){0};
	if (gone.answered || gone.previous)
		return;
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
			forget_mapping(x, vn, prefix, now);
			continue;
		}
		mapcache_refreshed(x->cache, m, now);
		/* Used at all, or since the last time. */
		since = m->refresh == US_NEVER ? m->expires - m->ttl : now - m->renew;
		if (m->used > 0 && m->used >= since)
			(void)ask_for(x, vn, prefix, m->renew > 0 ? FOR_RENEWAL : FOR_PACKET, now);
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
