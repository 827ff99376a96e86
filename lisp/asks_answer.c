/* Answers to our questions: Map-Replies, and what becomes of the mappings in them. */
#include "lisp/xtr_priv.h"

/* No mapping is kept longer, whatever it says. */
#define TTL_MAX (24 * 3600 * US_S)

/* Room for one of this priority: the last of those that are worst goes, if they are worse. */
static bool
make_room(struct mapping *m, uint8_t priority)
{
	unsigned worst = 0;

	if (m->count < MAP_LOCATORS_MAX)
		return true;
	for (unsigned i = 1; i < m->count; i++)
		if (m->locators[i].priority >= m->locators[worst].priority)
			worst = i;
	if (m->locators[worst].priority <= priority)
		return false;
	m->count--;
	memmove(&m->locators[worst], &m->locators[worst + 1],
		(m->count - worst) * sizeof(m->locators[0]));
	return true;
}

/* In the order of the record; of more than there is room for, those of the best priorities. */
static void
take_locators(struct mapping *m, const struct lisp_record *record)
{
	struct rd locators = record->locators;
	struct lisp_locator l;

	while (lisp_locator_next(&locators, &l)) {
		if (addr_is_none(l.rloc.addr) || addr_is_multicast(l.rloc.addr) ||
		    addr_is_unspecified(l.rloc.addr) || !make_room(m, l.priority))
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
void
asks_forget(struct xtr *x, vn_id_t vn, struct prefix prefix, us_t now)
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
		asks_forget(x, m.vn, m.prefix, now);
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
		asks_forget(x, ask->vn, ask->prefix, now);
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
