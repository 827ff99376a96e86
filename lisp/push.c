/* An EID moves: those who asked for it are told, by CHANGE-PRIORITY (seed 003, algorithm 1) or by SMR (RFC 9301 section 6.1). */
#include <errno.h>

#include "lisp/auth.h"
#include "lisp/xtr_priv.h"

/* TTL of a pushed mapping, minutes: the next question finds the map-server's. */
#define TTL_PUSHED 15
/* Who goes on sending to the wrong site has not heard, or may not ask again yet (RFC 9301 section 6.1). */
#define TELL_PACE US_S
/* Who goes on asking is news to the other routers again after this part of the TTL of our answers; by so much may what
 * they know of it be older than its last question. */
#define SHARE_PART 4

static us_t
answers_ttl(const struct xtr *x)
{
	return (us_t)x->conf.ttl_min * 60 * US_S;
}

/* When what is remembered now of who asked began. */
static us_t
askers_since(const struct xtr *x, us_t now)
{
	us_t kept = answers_ttl(x) + answers_ttl(x) / SHARE_PART;

	return now > kept ? now - kept : 1;
}

bool
xtr_asker_counts(const struct xtr *x, const struct xtr_asker *asker, us_t now)
{
	return asker->last >= askers_since(x, now);
}

static struct xtr_asker *
remember(struct xtr *x, struct xtr_asker asker, us_t now)
{
	struct xtr_asker *row;
	bool lost;

	asker.last = now > 0 ? now : 1;
	asker.proven = probes_is_alive(x, asker.rloc);
	row = askers_put(x->askers, &asker, askers_since(x, now), &lost);
	if (lost)
		xtr_counted(x, XTR_ASKERS_FULL);
	return row;
}

void
xtr_asked(struct xtr *x, vn_id_t vn, struct addr eid, struct addr rloc, struct addr source,
	  us_t now)
{
	struct xtr_asker *row = remember(
		x, (struct xtr_asker){.vn = vn, .eid = eid, .rloc = rloc, .source = source}, now);

	if (row != NULL && (row->shared == 0 || now >= row->shared + answers_ttl(x) / SHARE_PART) &&
	    x->ops->asked(x->ctx, vn, eid, rloc, now))
		row->shared = row->last;
}

void
xtr_told(struct xtr *x, vn_id_t vn, struct addr eid, struct addr rloc, us_t now)
{
	(void)remember(x, (struct xtr_asker){.vn = vn, .eid = eid, .rloc = rloc}, now);
}

bool
xtr_asker_next(const struct xtr *x, size_t *position, struct xtr_asker *out)
{
	if (!askers_next(x->askers, position, out))
		return false;
	out->pushes = x->conf.has_push_key && x->ops->pushes(x->ctx, out->rloc);
	return true;
}

/* ---- sending ---- */

/* What is said of one EID, and to whom. */
struct news {
	struct xtr *x;
	vn_id_t vn;
	struct addr eid;
	struct xtr_place place;
	us_t now;
};

static uint64_t
next_push_nonce(struct xtr *x)
{
	uint64_t wall = (uint64_t)x->ops->wall(x->ctx);

	/* A clock that was set back is followed: nobody would take what is far ahead of theirs. */
	if (wall > x->push_nonce || x->push_nonce - wall > XTR_PUSH_WINDOW)
		x->push_nonce = wall;
	else
		x->push_nonce++;
	return x->push_nonce;
}

/* The historic form is that of the paper's routers. */
static struct lisp_key
key_to(struct xtr *x, struct addr rloc, bool historic)
{
	return historic ? x->conf.push_key
			: lisp_auth_key_for(x->io, x->io_ctx, &x->conf.push_key, rloc);
}

static void
push(const struct news *n, struct addr rloc, bool update_cache)
{
	struct xtr *x = n->x;
	struct endpoint to = {.addr = rloc, .port = x->conf.port};
	struct lisp_msg msg = {.type = LISP_SHARED,
			       .nonce = next_push_nonce(x),
			       .auth = lisp_auth_header(&x->conf.push_key)};
	struct lisp_key key = key_to(x, rloc, x->conf.push_type5);
	struct lisp_record record = {.ttl = TTL_PUSHED,
				     .eid = xtr_eid(x, n->vn, prefix_host(n->eid)),
				     .authoritative = n->place.is_here,
				     .map_version = n->place.version};
	uint8_t data[LISP_SIZE_MAX];
	struct lisp_builder b;
	int size;

	msg.shared.historic = x->conf.push_type5;
	msg.shared.sub_type = x->conf.push_type5 ? 0 : x->conf.dialect.cp_sub_type;
	msg.shared.update_cache = update_cache;
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_record(&b, &record);
	xtr_put_place(x, &b, &n->place, (struct addr){.family = ADDR_NONE});
	size = lisp_end(&b);
	if (size > 0 && lisp_auth_sign(x->io, x->io_ctx, &key, &msg, data, (size_t)size) != 0)
		size = -EINVAL;
	explicit_bzero(&key, sizeof(key));
	xtr_send(x, &to, data, size);
	xtr_counted(x, XTR_PUSHED);
}

static void
smr(const struct news *n, struct addr rloc, struct addr of)
{
	struct xtr *x = n->x;
	struct endpoint to = {.addr = rloc, .port = x->conf.port};
	struct lisp_asked asked = {.eid = xtr_eid(x, n->vn, prefix_host(of))};
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = xtr_random(x)};
	uint8_t data[LISP_SIZE_MAX];
	struct lisp_builder b;

	msg.request.smr = true;
	msg.request.source = xtr_eid(x, n->vn, prefix_host(n->eid));
	lisp_begin(&b, data, sizeof(data), &msg);
	xtr_put_itrs(x, &b);
	lisp_put_asked(&b, &asked);
	xtr_send(x, &to, data, lisp_end(&b));
	xtr_counted(x, XTR_SMRS);
}

/* RFC 9301 section 6.1 has the changed EID in the record.  Some peers look for it in the source EID, and drop what has no EID
 * of their own in the record. */
static void
smr_both(const struct news *n, const struct xtr_asker *asker)
{
	/* RFC 9301 section 6.1 wants a limit, and recommends one in 3 s.  That is too slow for machines that move: a question each
	 * is what the receiver's own limit lets through. */
	if (!limiter_take(&n->x->smrs, asker->rloc, n->now)) {
		xtr_counted(n->x, XTR_SMR_PACED);
		return;
	}
	smr(n, asker->rloc, n->eid);
	if (asker->source.family == n->eid.family)
		smr(n, asker->rloc, asker->source);
}

static void
tell(void *ctx, struct xtr_asker *asker)
{
	const struct news *n = ctx;

	asker->told = n->now;
	if (addr_equal(xtr_own_rloc(n->x, asker->rloc.family), asker->rloc) ||
	    addr_is_none(xtr_own_rloc(n->x, asker->rloc.family)))
		return;
	if (n->x->conf.has_push_key && n->x->ops->pushes(n->x->ctx, asker->rloc))
		push(n, asker->rloc, true);
	else
		smr_both(n, asker);
}

/* What there is to tell of the EID; false: nothing. */
static bool
news_of(struct xtr *x, vn_id_t vn, struct addr eid, us_t now, struct news *out)
{
	*out = (struct news){.x = x, .vn = vn, .eid = eid, .now = now};
	return x->ops->place(x->ctx, vn, eid, &out->place) &&
	       (out->place.is_here || out->place.rloc_count > 0);
}

void
xtr_tell_askers(struct xtr *x, vn_id_t vn, struct addr eid, us_t now)
{
	struct news n;

	/* Whoever asked longer ago has asked again, or has forgotten. */
	if (news_of(x, vn, eid, now, &n))
		askers_of(x->askers, vn, eid, askers_since(x, now), tell, &n);
}

void
xtr_tell_sender(struct xtr *x, vn_id_t vn, struct addr eid, struct addr rloc, us_t now)
{
	struct xtr_asker *asker = askers_find(x->askers, vn, eid, rloc);
	struct news n;

	if (asker != NULL && (asker->told == 0 || now >= asker->told + TELL_PACE) &&
	    news_of(x, vn, eid, now, &n))
		tell(&n, asker);
}

void
xtr_tell_previous(struct xtr *x, vn_id_t vn, struct addr eid, struct addr rloc, us_t now)
{
	struct news n;

	if (x->conf.has_push_key && news_of(x, vn, eid, now, &n) && n.place.is_here)
		push(&n, rloc, false);
}

/* May this locator be that of a site that had an EID of ours, and is no router of ours? */
static bool
is_foreign_site(const struct xtr *x, struct addr rloc)
{
	struct addr own = xtr_own_rloc(x, rloc.family);

	return !addr_is_none(own) && !addr_equal(own, rloc) && !addr_is_multicast(rloc) &&
	       !addr_is_unspecified(rloc) && !x->ops->is_peer(x->ctx, rloc);
}

/* Where this very EID was last said to be. */
static const struct mapping *
last_known(const struct xtr *x, vn_id_t vn, struct addr eid)
{
	const struct mapping *m = mapcache_find_exact(x->cache, vn, prefix_host(eid));

	return m == NULL || m->source == MAP_FIXED ? NULL : m;
}

static bool
has_locator(const struct mapping *m, struct addr rloc)
{
	for (unsigned i = 0; m != NULL && i < m->count; i++)
		if (addr_equal(m->locators[i].rloc, rloc))
			return true;
	return false;
}

void
push_last_known(struct xtr *x, vn_id_t vn, struct addr eid, us_t now)
{
	const struct mapping *m = last_known(x, vn, eid);

	for (unsigned i = 0; m != NULL && i < m->count && i < XTR_RLOCS_MAX; i++)
		if (is_foreign_site(x, m->locators[i].rloc))
			xtr_tell_previous(x, vn, eid, m->locators[i].rloc, now);
}

void
push_previous(struct xtr *x, vn_id_t vn, struct addr eid, struct rd locators, us_t now)
{
	const struct mapping *told = last_known(x, vn, eid);
	struct lisp_locator l;

	for (size_t i = 0; i < XTR_RLOCS_MAX && lisp_locator_next(&locators, &l); i++)
		if (is_foreign_site(x, l.rloc.addr) && !has_locator(told, l.rloc.addr))
			xtr_tell_previous(x, vn, eid, l.rloc.addr, now);
}

/* ---- hearing ---- */

size_t
push_foreign(const struct xtr *x, const struct lisp_record *record, struct addr out[XTR_RLOCS_MAX],
	     bool *ours)
{
	struct rd locators = record->locators;
	struct lisp_locator l;
	size_t count = 0;

	*ours = false;
	while (lisp_locator_next(&locators, &l)) {
		bool own = false;

		for (size_t i = 0; i < x->conf.rloc_count; i++)
			own = own || addr_equal(x->conf.rlocs[i].addr, l.rloc.addr);
		*ours = *ours || own;
		if (!own && !addr_is_none(l.rloc.addr) && l.priority != MAP_PRIORITY_NEVER &&
		    count < XTR_RLOCS_MAX)
			out[count++] = l.rloc.addr;
	}
	return count;
}

bool
push_departed(struct xtr *x, const struct lisp_record *record, const struct addr *rlocs,
	      size_t count, us_t now)
{
	vn_id_t vn = record->eid.vn;
	struct addr eid = record->eid.prefix.addr;

	if (!x->ops->departed(x->ctx, vn, eid, record->map_version, rlocs, count, now))
		return false;
	/* Unless a router of ours has it, who says so itself, packets follow by this mapping. */
	if (x->ops->may_map(x->ctx, vn, prefix_host(eid)))
		asks_take(x, record, MAP_PUSHED, 0, NULL, now);
	return true;
}

static bool
take_departure(struct xtr *x, const struct lisp_record *record, us_t now)
{
	struct addr rlocs[XTR_RLOCS_MAX];
	bool ours;
	size_t count = push_foreign(x, record, rlocs, &ours);

	return count > 0 && !ours && push_departed(x, record, rlocs, count, now);
}

/* What became of a record: what it counts as. */
static enum xtr_count
take_record(struct xtr *x, const struct lisp_msg *msg, const struct lisp_record *record, us_t now)
{
	vn_id_t vn = record->eid.vn;
	struct addr eid = record->eid.prefix.addr;
	bool taken;

	/* It is about machines: whoever has the key moves no prefixes. */
	if (record->eid.kind != LISP_EID_IP || !prefix_equal(record->eid.prefix, prefix_host(eid)))
		return XTR_PUSH_REFUSED;
	if (!push_order_take(x->push_order, vn, eid, msg->shared.hypervisor, msg->nonce))
		return XTR_REPLAYED;
	if (msg->shared.hypervisor) {
		taken = x->ops->arrived(x->ctx, vn, eid, now);
	} else if (!msg->shared.update_cache) {
		taken = take_departure(x, record, now);
	} else {
		/* Only what is in use here is changed. */
		taken = mapcache_find(x->cache, vn, eid) != NULL;
		if (taken)
			asks_take(x, record, MAP_PUSHED, 0, NULL, now);
	}
	return taken ? XTR_PUSHES_HEARD : XTR_PUSH_REFUSED;
}

/* What is for another locator is not. */
static bool
is_authentic(struct xtr *x, const struct lisp_msg *msg, const uint8_t *data, size_t size)
{
	bool good = false;

	if (msg->shared.historic)
		return lisp_auth_verify(x->io, x->io_ctx, &x->conf.push_key, msg, data, size) == 0;
	for (size_t i = 0; !good && i < x->conf.rloc_count; i++) {
		struct lisp_key key = key_to(x, x->conf.rlocs[i].addr, false);

		good = lisp_auth_verify(x->io, x->io_ctx, &key, msg, data, size) == 0;
		explicit_bzero(&key, sizeof(key));
	}
	return good;
}

/* The clocks of sender and receiver are not far apart. */
static bool
is_timely(const struct xtr *x, uint64_t nonce)
{
	uint64_t wall = (uint64_t)x->ops->wall(x->ctx);

	return nonce <= wall + XTR_PUSH_WINDOW && nonce + XTR_PUSH_WINDOW >= wall;
}

void
push_heard(struct xtr *x, const struct lisp_msg *msg, const uint8_t *data, size_t size, us_t now)
{
	struct rd records = msg->records;
	struct lisp_record record;

	if (!x->conf.has_push_key || !is_authentic(x, msg, data, size)) {
		xtr_counted(x, XTR_AUTH_FAILED);
		return;
	}
	if (!is_timely(x, msg->nonce)) {
		xtr_counted(x, XTR_PUSH_UNTIMELY);
		return;
	}
	while (lisp_record_next(&records, &record))
		xtr_counted(x, take_record(x, msg, &record, now));
}
