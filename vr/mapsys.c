/* The mapping system's side of a router: see mapsys.h. */
#include "vr/mapsys.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "lisp/mobility.h"
#include "vr/fwd_mapped.h"
#include "vr/fwd_rtr.h"
#include "vr/pending.h"
#include "vr/proxy.h"
#include "vr/sight.h"
#include "vr/sync.h"
#include "wire/ip.h"

/* A pair that mapsys_sender() was told of lately. */
struct sender {
	vn_id_t vn;
	struct addr eid, rloc;
	us_t again; /* when it counts as news */
};

#define SENDERS      256
#define SENDER_AGAIN US_S

/* Peers are told of so many EIDs and locators in a second, and as many at once: who asks is a stranger. */
#define ASKED_PACE  (US_S / 1000)
#define ASKED_BURST US_S

struct mapsys {
	struct vr *vr;
	struct mapcache *cache;
	struct xtr *xtr;
	uint64_t cursor;         /* of the change feed */
	us_t followed;           /* when it was read to its end */
	struct pending *pending; /* for mappings of their destinations */
	/* For those of their sources: strangers cannot push out the others. */
	struct pending *sources;
	struct mapping *petrs; /* of each site */
	struct sender senders[SENDERS];
	struct sync_msg asked; /* that the peers are told next; without rows: nothing */
	struct log_gate full;  /* for lines about registrations without room */
	us_t asked_spent;      /* until then what was used of the allowance has not come back */
	struct addr rtr;       /* see mapsys_rtr() */
};

struct mapcache *
mapsys_cache(const struct mapsys *m)
{
	return m->cache;
}

struct xtr *
mapsys_xtr(const struct mapsys *m)
{
	return m->xtr;
}

/* ---- own EIDs ---- */

static bool
takes_part(struct vr *vr, vn_id_t vn)
{
	const struct site *site = vr_site(vr, vn);

	return site != NULL && site->conf->lisp;
}

/* Is this a binding that the mapping system has to know of: a machine here that is, or was, away from home? */
static bool
is_registered(const struct vr *vr, const struct hwdt_entry *e)
{
	if (e->b.withdrawn || e->b.kind != BINDING_HOST || !vr_id_equal(e->b.vr, vr->self) ||
	    !lndt_is_mobile(vr->lndt, e->b.vn, e->b.ip))
		return false;
	return !lndt_is_local(vr->lndt, e->b.vn, e->b.ip) || !vr_id_is_none(e->previous[0]);
}

static void
put_own(struct mapsys *m, vn_id_t vn, struct prefix prefix, uint16_t version, us_t now)
{
	if (xtr_own_put(m->xtr, vn, prefix, version, now) == 0 || !log_gate_open(&m->full, now))
		return;
	log_line(m->vr->log, LOG_ERROR, "lisp", "no room to register %s in VN %u, and %u before",
		 fmt_prefix(prefix).s, vn, m->full.held_back);
	m->full.held_back = 0;
}

static void
binding_changed(struct mapsys *m, vn_id_t vn, struct addr ip, us_t now)
{
	const struct hwdt_entry *e = hwdt_find(m->vr->hwdt, vn, ip);
	struct prefix host = prefix_host(ip);

	if (e != NULL && is_registered(m->vr, e))
		put_own(m, vn, host, lisp_version_of(e->b.mobility), now);
	else
		/* Where it is now it is registered by that router; one that is gone everywhere is withdrawn. */
		xtr_own_remove(m->xtr, vn, host, e == NULL || e->b.withdrawn, now);
}

/* A machine that came here, from where only the mapping system knows: that site is told before anything is registered.
 * Routers that are up have heard of it (MOVE). */
static void
look_for_previous(struct mapsys *m, const struct change *c, us_t now)
{
	const struct peer *from = peers_find(m->vr->peers, c->from);
	const struct hwdt_entry *e = hwdt_find(m->vr->hwdt, c->vn, c->ip);

	if (c->kind == CHANGE_BINDING_MOVED && from != NULL && from->state == PEER_UP)
		return;
	if (e != NULL && is_registered(m->vr, e))
		xtr_ask_previous(m->xtr, c->vn, c->ip, now);
}

/* One change of a binding. */
static void
follow(struct mapsys *m, const struct change *c, us_t now)
{
	bool here = vr_id_equal(c->to, m->vr->self), was_here = vr_id_equal(c->from, m->vr->self);

	if (c->kind != CHANGE_BINDING_NEW && c->kind != CHANGE_BINDING_MOVED &&
	    c->kind != CHANGE_BINDING_GONE)
		return;
	if ((!here && !was_here) || !takes_part(m->vr, c->vn))
		return;
	if (here && c->kind != CHANGE_BINDING_GONE)
		look_for_previous(m, c, now);
	binding_changed(m, c->vn, c->ip, now);
	if (c->kind != CHANGE_BINDING_MOVED)
		return;
	/* Registered first: whoever hears of it and asks finds it there. */
	(void)xtr_run(m->xtr, now);
	xtr_tell_askers(m->xtr, c->vn, c->ip, now);
}

static void
register_all(struct mapsys *m, us_t now)
{
	const struct hwdt_entry *e;
	size_t position = 0;

	for (size_t i = 0; i < m->vr->site_count; i++) {
		const struct conf_vn *vn = m->vr->sites[i].conf;

		for (size_t j = 0; vn->lisp && j < vn->local_count; j++)
			put_own(m, vn->id, vn->local[j], 0, now);
	}
	while ((e = hwdt_next(m->vr->hwdt, &position)) != NULL) {
		if (!takes_part(m->vr, e->b.vn))
			continue;
		if (is_registered(m->vr, e))
			put_own(m, e->b.vn, prefix_host(e->b.ip), lisp_version_of(e->b.mobility),
				now);
		else if (!e->b.withdrawn)
			/* Whoever has it registers it: it is not to be withdrawn. */
			xtr_own_remove(m->xtr, e->b.vn, prefix_host(e->b.ip), false, now);
	}
}

/* What is registered is what the tables and the configuration say now. */
static void
review_own(struct mapsys *m, us_t now)
{
	xtr_own_begin(m->xtr);
	register_all(m, now);
	xtr_own_end(m->xtr, now);
}

/* Did the machine come here, or leave, between these two? */
static bool
has_moved(const struct vr *vr, const struct hwdt_entry *e, us_t from, us_t to)
{
	bool ours = vr_id_equal(e->b.vr, vr->self);

	for (size_t i = 0; i < HWDT_PREVIOUS; i++)
		ours = ours || vr_id_equal(e->previous[i], vr->self);
	return ours && !e->b.withdrawn && e->b.kind == BINDING_HOST && e->moved > 0 &&
	       e->moved >= from && e->moved <= to;
}

/* Changes up to this time were missed: what came of them is in the tables.  Registered first, then told, as with each
 * change. */
static void
catch_up(struct mapsys *m, us_t to, us_t now)
{
	const struct hwdt_entry *e;
	size_t position = 0;

	review_own(m, now);
	(void)xtr_run(m->xtr, now);
	while ((e = hwdt_next(m->vr->hwdt, &position)) != NULL)
		if (takes_part(m->vr, e->b.vn) && has_moved(m->vr, e, m->followed, to))
			xtr_tell_askers(m->xtr, e->b.vn, e->b.ip, now);
}

/* What probes have found out about a proxy's locator stays. */
static struct map_locator
petr_as_before(const struct mapping *before, struct addr rloc)
{
	struct map_locator l = {.rloc = rloc, .priority = 1};

	for (unsigned i = 0; i < before->count; i++)
		if (addr_equal(before->locators[i].rloc, rloc)) {
			l.silent = before->locators[i].silent;
			l.rtt = before->locators[i].rtt;
		}
	return l;
}

/* The locators of proxies are those of the configuration. */
static void
review_petrs(struct mapsys *m, us_t now)
{
	static const struct addr outside = {.family = ADDR_V4};

	for (size_t i = 0; i < m->vr->site_count; i++) {
		const struct conf_vn *vn = m->vr->sites[i].conf;
		struct mapping *petrs = &m->petrs[i], before = *petrs;

		*petrs = (struct mapping){.vn = vn->id, .prefix = prefix_make(outside, 0)};
		for (size_t j = 0; j < vn->petr_count && j < MAP_LOCATORS_MAX; j++)
			petrs->locators[petrs->count++] = petr_as_before(&before, vn->petrs[j]);
	}
	xtr_petrs(m->xtr, m->petrs, m->vr->site_count, now);
}

const struct mapping *
mapsys_petrs(const struct mapsys *m, const struct site *site)
{
	const struct mapping *petrs = &m->petrs[site - m->vr->sites];

	return petrs->count > 0 ? petrs : NULL;
}

/* ---- what the xTR wants to know ---- */

/* A peer is reached at this locator (NONE: at none any more). */
static void
match_peer(struct mapping *mapping, uint32_t slot, struct addr rloc)
{
	for (unsigned i = 0; i < mapping->count; i++) {
		struct map_locator *l = &mapping->locators[i];

		if (!addr_is_none(rloc) && addr_equal(l->rloc, rloc))
			l->peer = slot + 1;
		else if (l->peer == slot + 1)
			l->peer = 0;
	}
}

void
mapsys_peer(struct vr *vr, uint32_t slot, bool up)
{
	struct addr rloc = {.family = ADDR_NONE};
	struct mapping *mapping;
	size_t position = 0;

	if (vr->mapsys == NULL)
		return;
	if (up && !vr->io->link_rloc(vr->ctx, slot, &rloc))
		rloc = (struct addr){.family = ADDR_NONE};
	while ((mapping = mapcache_next(vr->mapsys->cache, &position)) != NULL)
		match_peer(mapping, slot, rloc);
	for (size_t i = 0; i < vr->site_count; i++)
		match_peer(&vr->mapsys->petrs[i], slot, rloc);
}

/* Which peer is reached at each locator: through its session the way is sealed. */
static void
find_peers(struct mapsys *m, struct mapping *mapping)
{
	uint32_t position = 0;
	struct addr rloc;
	struct peer *p;

	for (unsigned i = 0; i < mapping->count; i++)
		mapping->locators[i].peer = 0;
	while ((p = peers_next(m->vr->peers, &position)) != NULL) {
		if (m->vr->io->link_rloc(m->vr->ctx, p->slot, &rloc))
			match_peer(mapping, p->slot, rloc);
	}
}

void
mapsys_reload(struct vr *vr, us_t now)
{
	if (vr->mapsys == NULL)
		return;
	review_own(vr->mapsys, now);
	review_petrs(vr->mapsys, now);
	for (size_t i = 0; i < vr->site_count; i++)
		find_peers(vr->mapsys, &vr->mapsys->petrs[i]);
}

static void
release(struct mapsys *m, struct pending_row *row, bool by_source, us_t now)
{
	struct site *site = vr_site(m->vr, row->vn);

	for (size_t i = 0; i < row->count; i++) {
		const struct pending_from *from = &row->packets[i].from;
		struct fwd_origin origin = {.mac = from->mac, .rloc = from->rloc};
		struct frame *f = &row->packets[i].f;
		struct ip ip;

		if (site == NULL || ip_parse(f->data, f->size, &ip) != 0)
			continue;
		if (from->peer != 0)
			origin.peer = peers_at(m->vr->peers, from->peer - 1);
		if (!by_source)
			fwd_by_mapping(m->vr, site, &origin, f, &ip, now);
		else if (from->peer == 0 || origin.peer != NULL)
			proxy_from_waiting(m->vr, site, &origin, f, &ip, now);
		else
			vr_drop(m->vr, DROP_PEER_DOWN);
	}
	/* The bytes are ours: what the LAN was given must be gone before they are. */
	m->vr->io->lan_flush(m->vr->ctx, row->vn);
	pending_free(row);
}

static void
on_mapped(void *ctx, vn_id_t vn, struct prefix prefix, us_t now)
{
	struct mapsys *m = ctx;
	struct mapping *mapping = mapcache_find_exact(m->cache, vn, prefix);
	/* What a released packet asks for anew waits for the next answer. */
	size_t left = pending_count(m->pending);
	struct pending_row row;

	if (mapping == NULL)
		return;
	find_peers(m, mapping);
	for (; left > 0 && pending_take(m->pending, vn, prefix, &row); left--)
		release(m, &row, false, now);
	while (pending_take(m->sources, vn, prefix, &row))
		release(m, &row, true, now);
}

static void
on_unanswered(void *ctx, vn_id_t vn, struct addr eid, us_t now)
{
	struct mapsys *m = ctx;
	struct pending_row row;

	(void)now;
	if (pending_take(m->pending, vn, prefix_host(eid), &row)) {
		m->vr->drops[DROP_MAPPING_TIMEOUT] += row.count;
		pending_free(&row);
	}
	if (pending_take(m->sources, vn, prefix_host(eid), &row)) {
		m->vr->drops[DROP_MAPPING_TIMEOUT] += row.count;
		pending_free(&row);
	}
}

static bool
on_proxies(void *ctx, vn_id_t vn)
{
	const struct mapsys *m = ctx;
	const struct site *site = vr_site(m->vr, vn);

	return site != NULL && site->conf->proxy.enabled && site->conf->proxy.ingress;
}

static bool
on_lets_out(void *ctx, const struct lisp_eid *eid)
{
	const struct mapsys *m = ctx;
	const struct site *site = vr_site(m->vr, eid->vn);

	if (eid->kind == LISP_EID_IP)
		return site != NULL && proxy_lets_out(m->vr, site, eid->prefix.addr);
	for (size_t i = 0; i < m->vr->site_count; i++)
		if (m->vr->sites[i].outside != NULL && m->vr->sites[i].conf->lisp &&
		    m->vr->sites[i].conf->proxy.egress)
			return true;
	return false;
}

static bool
on_may_map(void *ctx, vn_id_t vn, struct prefix prefix)
{
	const struct mapsys *m = ctx;

	return takes_part(m->vr, vn) && gndt_find(m->vr->gndt, vn, prefix.addr) == NULL &&
	       !lndt_is_mobile(m->vr->lndt, vn, prefix.addr);
}

/* The peers of the VN hear who asked.  One that does not is no harm: its neighbours in the mapping system ask again by
 * themselves. */
static void
tell_asked(struct mapsys *m)
{
	uint32_t position = 0;
	struct peer *p;

	if (m->asked.asked.count == 0)
		return;
	m->asked.id = ++m->vr->last_id;
	while ((p = peers_next(m->vr->peers, &position)) != NULL)
		if (p->state == PEER_UP && peer_vn(p, m->asked.vn) != NULL)
			(void)!sync_send(m->vr, p->slot, &m->asked);
	m->asked.asked.count = 0;
}

/* The other routers of the VN may come to have the EID: they hear who wants to know, several at once. */
static void
on_asked(void *ctx, vn_id_t vn, struct addr eid, struct addr rloc, us_t now)
{
	struct mapsys *m = ctx;
	struct sync_msg *msg = &m->asked;

	if (!lndt_is_mobile(m->vr->lndt, vn, eid))
		return;
	if (m->asked_spent < now)
		m->asked_spent = now;
	if (m->asked_spent + ASKED_PACE > now + ASKED_BURST)
		return;
	m->asked_spent += ASKED_PACE;
	if (msg->asked.count == ARRAY_COUNT(msg->asked.rows) || msg->vn != vn)
		tell_asked(m);
	msg->type = SYNC_ASKED;
	msg->vn = vn;
	msg->asked.rows[msg->asked.count++] = (struct sync_asked_row){.ip = eid, .rloc = rloc};
}

/* What is behind a NAT and registered through us is found here (a probe of the locator that it has registered asks so). */
static bool
place_behind(const struct mapsys *m, vn_id_t vn, struct addr eid, struct xtr_place *out)
{
	const struct rtr_eid *behind = fwd_rtr_find(m->vr, vr_site(m->vr, vn), eid);

	if (behind == NULL)
		return false;
	*out = (struct xtr_place){.prefix = behind->prefix, .is_here = true};
	return true;
}

static bool
on_place(void *ctx, vn_id_t vn, struct addr eid, struct xtr_place *out)
{
	const struct mapsys *m = ctx;
	struct vr *vr = m->vr;
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, eid);
	const struct gndt_route *route = gndt_find(vr->gndt, vn, eid);
	const struct peer *p;

	if (!takes_part(vr, vn))
		return false;
	/* Of a proxy nothing stands behind it. */
	if (route == NULL || vr_site(vr, vn)->outside != NULL)
		return place_behind(m, vn, eid, out);
	*out = (struct xtr_place){.prefix = prefix_host(eid)};
	if (e != NULL)
		out->version = lisp_version_of(e->b.mobility);
	if (route->slot == GNDT_LOCAL) {
		out->is_here = true;
		/* Of a prefix whose machines move, each is a mapping of its own. */
		if (!lndt_is_mobile(vr->lndt, vn, eid)) {
			out->prefix = route->prefix;
			out->version = 0;
		}
		return true;
	}
	/* One of ours that is away. */
	p = peers_at(vr->peers, route->slot);
	if (p == NULL || e == NULL || !lndt_is_mobile(vr->lndt, vn, eid) ||
	    !vr->io->link_rloc(vr->ctx, p->slot, &out->rlocs[0]))
		return false;
	out->rloc_count = 1;
	return true;
}

/* A hypervisor of this site says that the machine is here now: as if it had announced itself. */
static bool
on_arrived(void *ctx, vn_id_t vn, struct addr eid, us_t now)
{
	struct mapsys *m = ctx;
	const struct hwdt_entry *e = hwdt_find(m->vr->hwdt, vn, eid);
	struct site *site = vr_site(m->vr, vn);

	if (site == NULL || e == NULL || e->b.withdrawn)
		return false;
	m->vr->wake = true;
	return sight_machine(m->vr, site, SIGHTING_GARP, e->b.mac, eid, now);
}

/* Another site says that it has the machine.  Routers of ours say so in their own way (MOVE), which is not doubted; here it
 * can only be confirmed. */
static bool
on_departed(void *ctx, vn_id_t vn, struct addr eid, const struct addr *rlocs, size_t count,
	    us_t now)
{
	struct mapsys *m = ctx;
	const struct hwdt_entry *e = hwdt_find(m->vr->hwdt, vn, eid);

	(void)rlocs;
	(void)count;
	if (e == NULL || e->b.withdrawn || vr_id_equal(e->b.vr, m->vr->self))
		return false;
	xtr_tell_askers(m->xtr, vn, eid, now);
	return true;
}

static void
on_in_force(void *ctx, vn_id_t vn, struct prefix prefix, us_t now)
{
	struct mapsys *m = ctx;

	/* Who asked in vain meanwhile is told once more. */
	if (prefix_equal(prefix, prefix_host(prefix.addr)))
		xtr_tell_askers(m->xtr, vn, prefix.addr, now);
}

static bool
on_is_peer(void *ctx, struct addr rloc)
{
	const struct mapsys *m = ctx;
	uint32_t position = 0;
	struct addr other;
	struct peer *p;

	while ((p = peers_next(m->vr->peers, &position)) != NULL)
		if (m->vr->io->link_rloc(m->vr->ctx, p->slot, &other) && addr_equal(other, rloc))
			return true;
	return false;
}

static bool
on_pushes(void *ctx, struct addr rloc)
{
	const struct mapsys *m = ctx;
	const struct conf_lisp_locator *conf = conf_lisp_locator(&m->vr->conf->lisp, rloc);

	return conf != NULL && conf->push;
}

/* Behind a NAT all goes to the RTR: a mapping of everything to it, and no other one.  What waits for an answer goes there. */
void
mapsys_way_out(struct mapsys *m, struct addr rtr, us_t now)
{
	static const struct addr all = {.family = ADDR_V4};
	size_t position = 0;
	struct mapping *old;

	m->rtr = rtr;
	while ((old = mapcache_next(m->cache, &position)) != NULL)
		mapcache_remove(m->cache, old->vn, old->prefix);
	for (size_t i = 0; !addr_is_none(rtr) && i < m->vr->site_count; i++) {
		struct mapping way = {.vn = m->vr->sites[i].vn,
				      .prefix = prefix_make(all, 0),
				      .source = MAP_FIXED,
				      .count = 1,
				      .locators = {{.rloc = rtr, .priority = 1, .weight = 100}},
				      .ttl = US_NEVER};

		if (!takes_part(m->vr, way.vn))
			continue;
		(void)!mapcache_put(m->cache, &way, now);
		on_mapped(m, way.vn, way.prefix, now);
	}
}

static void
on_way_out(void *ctx, struct addr rtr, us_t now)
{
	mapsys_way_out(ctx, rtr, now);
}

static const struct xtr_ops ops = {.mapped = on_mapped,
				   .unanswered = on_unanswered,
				   .may_map = on_may_map,
				   .proxies = on_proxies,
				   .lets_out = on_lets_out,
				   .asked = on_asked,
				   .place = on_place,
				   .arrived = on_arrived,
				   .departed = on_departed,
				   .is_peer = on_is_peer,
				   .pushes = on_pushes,
				   .in_force = on_in_force,
				   .way_out = on_way_out};

/* ---- life ---- */

int
mapsys_create(struct vr *vr, const struct mapsys_start *start, us_t now)
{
	struct mapsys *m = calloc(1, sizeof(*m));
	int err = -ENOMEM;

	if (m == NULL)
		return -ENOMEM;
	m->vr = vr;
	m->cursor = change_next_number(vr->feed);
	m->followed = now;
	m->cache = mapcache_create(start->cache_max, &vr->key);
	m->pending = pending_create(&vr->key);
	m->sources = pending_create(&vr->key);
	m->petrs = calloc(vr->site_count + 1, sizeof(*m->petrs));
	if (m->cache != NULL && m->pending != NULL && m->sources != NULL && m->petrs != NULL)
		err = xtr_create(&start->xtr, start->io, start->io_ctx, &ops, m, m->cache, &vr->key,
				 start->nonce, &m->xtr);
	if (err != 0) {
		mapsys_destroy(m);
		return err;
	}
	vr->mapsys = m;
	register_all(m, now);
	review_petrs(m, now);
	return 0;
}

void
mapsys_destroy(struct mapsys *m)
{
	if (m == NULL)
		return;
	pending_destroy(m->pending);
	pending_destroy(m->sources);
	free(m->petrs);
	xtr_destroy(m->xtr);
	mapcache_destroy(m->cache);
	free(m);
}

bool
mapsys_heard(struct vr *vr, const struct endpoint *from, const uint8_t *data, size_t size, us_t now)
{
	return vr->mapsys != NULL && xtr_heard(vr->mapsys->xtr, from, data, size, now);
}

void
mapsys_heard_inside(struct vr *vr, const uint8_t *packet, size_t size, us_t now)
{
	if (vr->mapsys != NULL)
		xtr_heard_inside(vr->mapsys->xtr, packet, size, now);
}

struct addr
mapsys_rtr(const struct mapsys *m)
{
	return m->rtr;
}

us_t
mapsys_run(struct vr *vr, us_t now)
{
	struct mapsys *m = vr->mapsys;
	uint64_t missed;
	struct change c;
	us_t due;

	if (m == NULL)
		return US_NEVER;
	while (change_read(vr->feed, &m->cursor, &c, &missed)) {
		if (missed > 0)
			catch_up(m, c.at, now);
		follow(m, &c, now);
	}
	m->followed = now;
	vr->drops[DROP_MAPPING_TIMEOUT] += pending_expire(m->pending, now);
	vr->drops[DROP_MAPPING_TIMEOUT] += pending_expire(m->sources, now);
	due = xtr_run(m->xtr, now);
	tell_asked(m);
	if (pending_due(m->pending) < due)
		due = pending_due(m->pending);
	return pending_due(m->sources) < due ? pending_due(m->sources) : due;
}

void
mapsys_wait(struct vr *vr, struct site *site, const struct fwd_origin *origin,
	    const struct frame *f, const struct ip *ip, us_t now)
{
	struct mapsys *m = vr->mapsys;

	if (xtr_resolve(m->xtr, site->vn, ip->dst, now) != 0)
		vr_drop(vr, DROP_MAPPING_PENDING);
	else
		vr->drops[DROP_MAPPING_PENDING] += pending_add(
			m->pending, site->vn, ip->dst, f,
			&(struct pending_from){.mac = origin->mac, .rloc = origin->rloc}, now);
	vr->wake = true;
}

bool
mapsys_wait_source(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		   const struct frame *f, const struct ip *ip, us_t now)
{
	struct mapsys *m = vr->mapsys;
	struct pending_from from = {.rloc = origin->rloc,
				    .peer = origin->peer != NULL ? 1 + origin->peer->slot : 0};

	if (xtr_verify(m->xtr, site->vn, ip->src, now) != 0)
		return false;
	vr->drops[DROP_MAPPING_PENDING] +=
		pending_add(m->sources, site->vn, ip->src, f, &from, now);
	vr->wake = true;
	return true;
}

/* ---- who sends ---- */

static size_t
mix(struct addr a)
{
	size_t sum = 0;

	for (size_t i = 0; i < sizeof(a.b); i += 4)
		sum = sum * 31 + a.b[i + 1] * 17u + a.b[i + 2] * 5u + a.b[i + 3];
	return sum;
}

void
mapsys_sender(struct vr *vr, const struct site *site, struct addr eid, struct addr rloc, us_t now)
{
	struct mapsys *m = vr->mapsys;
	struct sender *s = &m->senders[(mix(eid) + 7 * mix(rloc)) % SENDERS];
	struct xtr_place place;

	if (now < s->again && s->vn == site->vn && addr_equal(s->eid, eid) &&
	    addr_equal(s->rloc, rloc))
		return;
	/* Anybody can send to any address: of what is not ours nothing is remembered. */
	if (!on_place(m, site->vn, eid, &place))
		return;
	*s = (struct sender){.vn = site->vn, .eid = eid, .rloc = rloc, .again = now + SENDER_AGAIN};
	xtr_asked(m->xtr, site->vn, eid, rloc, false, now);
}

void
mapsys_astray(struct vr *vr, const struct site *site, struct addr eid, struct addr rloc, us_t now)
{
	if (vr->mapsys != NULL)
		xtr_tell_sender(vr->mapsys->xtr, site->vn, eid, rloc, now);
}

void
mapsys_told(struct vr *vr, vn_id_t vn, struct addr eid, struct addr rloc, us_t now)
{
	if (vr->mapsys != NULL && takes_part(vr, vn))
		xtr_told(vr->mapsys->xtr, vn, eid, rloc, now);
}
