/* What follows when a binding changes: routes, the change feed, the LAN, news to the others; and which bindings outlive the
 * process. */
#include "vr/vr.h"

#include "base/fmt.h"
#include "vr/beside.h"
#include "vr/lan.h"
#include "vr/limits.h"
#include "vr/neigh.h"
#include "vr/sight.h"

static void
publish(struct vr *vr, enum change_kind kind, const struct binding *b, struct vr_id from, us_t now)
{
	struct change c = {.at = now,
			   .kind = kind,
			   .vn = b->vn,
			   .ip = b->ip,
			   .mac = b->mac,
			   .from = from,
			   .to = b->vr,
			   .mobility = b->mobility};

	change_publish(vr->feed, &c);
}

/* Whom the GNDT gets as target for this router; false for one that is neither a peer nor this one. */
bool
vr_slot(const struct vr *vr, struct vr_id id, uint32_t *slot)
{
	const struct peer *p = peers_find(vr->peers, id);

	*slot = p != NULL ? p->slot : GNDT_LOCAL;
	return p != NULL || vr_id_equal(id, vr->self);
}

/* Takes out the route that a binding made.  A prefix of the configuration may be as long: its route stays, or is back. */
static void
unroute(struct vr *vr, vn_id_t vn, struct addr ip)
{
	struct prefix host = prefix_host(ip);
	struct gndt_route route = {
		.prefix = host, .vr = lndt_fixed(vr->lndt, vn, host), .origin = GNDT_FIXED};

	if (vr_id_is_none(route.vr) || !vr_slot(vr, route.vr, &route.slot))
		gndt_remove(vr->gndt, vn, host);
	else if (gndt_put(vr->gndt, vn, &route) != 0)
		log_line(vr->log, LOG_ERROR, "gndt", "no memory for the route to %s",
			 fmt_addr(ip).s);
}

/* A host route where the owner is not the router of the prefix anyway. */
void
vr_route(struct vr *vr, const struct binding *b)
{
	struct gndt_route route = {.prefix = prefix_host(b->ip), .vr = b->vr, .origin = GNDT_HOST};

	if (b->withdrawn || vr_id_equal(lndt_home(vr->lndt, b->vn, b->ip), b->vr)) {
		unroute(vr, b->vn, b->ip);
		return;
	}
	if (!vr_slot(vr, b->vr, &route.slot))
		return;
	/* Without memory for the route the packet goes to the prefix's router, which redirects it. */
	if (gndt_put(vr->gndt, b->vn, &route) != 0)
		log_line(vr->log, LOG_ERROR, "gndt", "no memory for the route to %s",
			 fmt_addr(b->ip).s);
}

static void
follow_up(struct vr *vr, struct site *site, const struct hwdt_entry *before,
	  const struct binding *b, enum hwdt_fate fate, us_t now)
{
	bool mine = vr_id_equal(b->vr, vr->self);
	bool was_mine = before->b.vn == b->vn && vr_id_equal(before->b.vr, vr->self);

	vr->changes++;
	vr_route(vr, b);
	if (b->withdrawn)
		publish(vr, CHANGE_BINDING_GONE, b, before->b.vr, now);
	else if (fate == HWDT_MOVED)
		publish(vr, CHANGE_BINDING_MOVED, b, before->b.vr, now);
	else if (fate == HWDT_ADDED)
		publish(vr, CHANGE_BINDING_NEW, b, before->b.vr, now);
	if (fate == HWDT_MOVED && !b->withdrawn && b->kind == BINDING_HOST)
		limits_moved(vr, site, b, now);
	/* A machine of this LAN that is away, as it turns out after a restart without memory. */
	if (fate == HWDT_ADDED && !mine && !b->withdrawn && b->kind == BINDING_HOST &&
	    lndt_is_local(vr->lndt, b->vn, b->ip))
		announce_departed(vr->announce, b->vn, b->ip, b->mac, now);
	if (fate == HWDT_MOVED && !mine)
		presence_moved(vr->presence, b->vn, b->ip, b->vr, now);
	if (was_mine && fate == HWDT_MOVED && !before->b.withdrawn)
		sight_lost(vr, site, before, b, now);
	/* What the LAN was told of it before is not true any more: least of all that its MAC is the router's. */
	if (mine && !b->withdrawn && (fate != HWDT_UPDATED || !mac_equal(before->b.mac, b->mac)))
		announce_cancel(vr->announce, b->vn, b->ip);
	if (mine && !b->withdrawn)
		neigh_resolved(vr, site, b->ip, b->mac, now);
	if (!mine && !b->withdrawn && fate == HWDT_ADDED)
		lan_owner_known(vr, site, b, now);
	if (!mine && !b->withdrawn && fate == HWDT_MOVED && site->beside != NULL)
		beside_moved(vr, site, b);
	if ((mine || was_mine) && vr->io->persist != NULL)
		vr->io->persist(vr->ctx);
}

/* What stands elsewhere about a record that is gone from HWDT. */
static void
forget(struct vr *vr, const struct binding *b, us_t now)
{
	vr->changes++;
	if (!b->withdrawn)
		publish(vr, CHANGE_BINDING_GONE, b, b->vr, now);
	unroute(vr, b->vn, b->ip);
	announce_cancel(vr->announce, b->vn, b->ip);
}

/* A full table may have given up another record for the new one. */
static void
follow_eviction(struct vr *vr, us_t now)
{
	const struct hwdt_entry *evicted = hwdt_evicted(vr->hwdt);

	if (evicted != NULL)
		forget(vr, &evicted->b, now);
}

enum hwdt_fate
vr_bind(struct vr *vr, const struct binding *b, us_t now)
{
	struct site *site = vr_site(vr, b->vn);
	struct hwdt_entry before;
	enum hwdt_fate fate;

	BUG_IF(site == NULL);
	fate = hwdt_put(vr->hwdt, b, now, &before);
	follow_eviction(vr, now);
	if (fate == HWDT_ADDED || fate == HWDT_UPDATED || fate == HWDT_MOVED)
		follow_up(vr, site, &before, b, fate, now);
	return fate;
}

void
vr_unbind(struct vr *vr, vn_id_t vn, struct addr ip, us_t now)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, ip);

	if (e == NULL)
		return;
	forget(vr, &e->b, now);
	hwdt_remove(vr->hwdt, vn, ip);
}

/* News that nobody waits for goes out together with what comes in the next milliseconds. */
#define FRESH_DELAY (5 * US_MS)

void
vr_tell_fresh(struct vr *vr, struct site *site, us_t now)
{
	/* What cannot be sent now is found by the digests. */
	if (site->fresh_count > 0)
		(void)!moves_tell(vr->moves, site->vn, site->fresh, site->fresh_count,
				  (struct vr_id){0}, 0, now);
	site->fresh_count = 0;
	site->fresh_due = US_NEVER;
}

void
vr_tell_later(struct vr *vr, struct site *site, const struct binding *b, us_t now)
{
	size_t i = 0;

	while (i < site->fresh_count && !addr_equal(site->fresh[i].ip, b->ip))
		i++;
	if (i == ARRAY_COUNT(site->fresh)) {
		vr_tell_fresh(vr, site, now);
		i = 0;
	}
	site->fresh[i] = *b;
	if (i == site->fresh_count)
		site->fresh_count++;
	if (site->fresh_due == US_NEVER)
		site->fresh_due = now + FRESH_DELAY;
	vr->wake = true;
}

/* ---- what must survive a restart ---- */

static bool
was_owner(const struct hwdt_entry *e, struct vr_id id)
{
	for (size_t i = 0; i < HWDT_PREVIOUS; i++)
		if (vr_id_equal(e->previous[i], id))
			return true;
	return vr_id_equal(e->b.vr, id);
}

bool
vr_keep(const struct vr *vr, size_t *position, size_t count,
	void (*each)(void *ctx, const struct binding *b), void *ctx)
{
	for (size_t i = 0; i < count; i++) {
		const struct hwdt_entry *e = hwdt_next(vr->hwdt, position);

		if (e == NULL)
			return true;
		if (was_owner(e, vr->self))
			each(ctx, &e->b);
	}
	return false;
}

void
vr_recall(struct vr *vr, const struct binding *b, us_t now)
{
	bool mine = vr_id_equal(b->vr, vr->self);

	if (vr_site(vr, b->vn) == NULL || (!mine && peers_find(vr->peers, b->vr) == NULL) ||
	    !lndt_may_host(vr->lndt, b->vn, b->ip, b->vr) || b->mobility > LIMITS_MOBILITY_MAX)
		return;
	/* The own addresses are as configured now. */
	if (vr_is_former_address(vr, b) ||
	    (mine && !mac_equal(b->mac, vr_site(vr, b->vn)->router_mac) &&
	     (b->kind == BINDING_GATEWAY || vr_owns_address(vr_site(vr, b->vn), b->ip))))
		return;
	/* So long unheard that the first sweep asks whether it is still there, and with which MAC. */
	if (vr_bind(vr, b, now - vr->conf->hwdt_expiry / 4 * 3 - 1) != HWDT_ADDED)
		return;
	/* It was here: while nobody said that it left, the LAN may have come to believe it is back. */
	if (!mine && !b->withdrawn && b->kind == BINDING_HOST)
		announce_departed(vr->announce, b->vn, b->ip, b->mac, now);
}
