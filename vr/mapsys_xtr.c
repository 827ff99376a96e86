/* What the xTR says and wants to know. */
#include "vr/mapsys_priv.h"

#include "lisp/mobility.h"
#include "vr/fwd_mapped.h"
#include "vr/fwd_rtr.h"
#include "vr/neigh.h"
#include "vr/proxy.h"
#include "vr/sight.h"
#include "wire/ip.h"

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
	mapsys_find_peers(m, mapping);
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

	/* Behind a NAT all goes to the RTR. */
	return addr_is_none(m->rtr) && mapsys_takes_part(m->vr, vn) &&
	       (gndt_find(m->vr->gndt, vn, prefix.addr) == NULL ||
		mapsys_has_left(m->vr, vn, prefix.addr));
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

/* Has anything in this prefix, which has a route or none, a mapping of its own? */
static bool
has_more_specific(const struct vr *vr, vn_id_t vn, struct prefix prefix)
{
	struct gndt_route route;
	vn_id_t route_vn = vn;

	if (lndt_has_mobile_inside(vr->lndt, vn, prefix))
		return true;
	return gndt_next(vr->gndt, &route_vn, &prefix, &route) && route_vn == vn &&
	       prefix_contains(prefix, route.prefix.addr);
}

/* The widest part of a route's prefix around the EID that an answer may cover: whoever takes it asks no more for what is inside
 * (RFC 9301 section 5.5). */
static struct prefix
part_of(const struct vr *vr, vn_id_t vn, struct addr eid, struct prefix prefix)
{
	struct prefix host = prefix_host(eid);

	while (prefix.len < host.len && has_more_specific(vr, vn, prefix))
		prefix = prefix_make(eid, prefix.len + 1u);
	return prefix;
}

bool
mapsys_place(void *ctx, vn_id_t vn, struct addr eid, struct xtr_place *out)
{
	const struct mapsys *m = ctx;
	struct vr *vr = m->vr;
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, eid);
	struct gndt_route route;
	const struct peer *p;

	if (!mapsys_takes_part(vr, vn))
		return false;
	if (mapsys_has_left(vr, vn, eid)) {
		*out = (struct xtr_place){.prefix = prefix_host(eid),
					  .version = lisp_version_of(e->b.mobility)};
		return mapsys_place_mapped(m, vn, eid, out);
	}
	/* Of a proxy nothing stands behind it. */
	if (!gndt_find_route(vr->gndt, vn, eid, &route) || vr_site(vr, vn)->outside != NULL)
		return place_behind(m, vn, eid, out);
	*out = (struct xtr_place){.prefix = prefix_host(eid)};
	if (e != NULL)
		out->version = lisp_version_of(e->b.mobility);
	if (route.slot == GNDT_LOCAL) {
		out->is_here = true;
		/* Of a prefix whose machines move, each is a mapping of its own. */
		if (!lndt_is_mobile(vr->lndt, vn, eid)) {
			out->prefix = part_of(vr, vn, eid, route.prefix);
			out->version = 0;
		}
		return true;
	}
	/* One of ours that is away. */
	p = peers_at(vr->peers, route.slot);
	if (p == NULL || e == NULL || !lndt_is_mobile(vr->lndt, vn, eid) ||
	    !vr->io->link_rloc(vr->ctx, p->slot, &out->rlocs[0]))
		return false;
	out->rloc_count = 1;
	return true;
}

/* A hypervisor of this site says that the machine is here now: as if it had announced it by RARP.  It is asked for on the
 * LAN. */
static bool
on_arrived(void *ctx, vn_id_t vn, struct addr eid, us_t now)
{
	struct mapsys *m = ctx;
	const struct hwdt_entry *e = hwdt_find(m->vr->hwdt, vn, eid);
	struct site *site = vr_site(m->vr, vn);
	bool is_known = true;

	if (site == NULL || vr_owns_address(site, eid) ||
	    !lndt_may_host(m->vr->lndt, vn, eid, m->vr->self))
		return false;
	m->vr->wake = true;
	if (e != NULL && !e->b.withdrawn)
		is_known = sight_rarp(m->vr, site, e->b.mac, now, now);
	/* No RARP has shown the switches where it is: its answer does. */
	neigh_ask(m->vr, site, eid, (struct mac){{0}});
	return is_known;
}

static us_t
on_wall(void *ctx)
{
	const struct mapsys *m = ctx;

	return m->vr->io->wall_ms(m->vr->ctx) * US_MS;
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

		if (!mapsys_takes_part(m->vr, way.vn))
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

const struct xtr_ops mapsys_xtr_ops = {.mapped = on_mapped,
				       .unanswered = on_unanswered,
				       .may_map = on_may_map,
				       .proxies = on_proxies,
				       .lets_out = on_lets_out,
				       .asked = mapsys_asked,
				       .place = mapsys_place,
				       .arrived = on_arrived,
				       .departed = mapsys_departed,
				       .wall = on_wall,
				       .is_peer = on_is_peer,
				       .pushes = on_pushes,
				       .in_force = on_in_force,
				       .way_out = on_way_out};
