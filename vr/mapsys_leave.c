/* Machines that went to a site that is no router of ours: the mapping system knows where they are, by CHANGE-PRIORITY
 * (seed 003, algorithm 1) or by the Map-Notify that refuses our refresh (RFC 9301 section 8.2). */
#include "vr/mapsys_priv.h"

#include "lisp/mobility.h"
#include "vr/limits.h"
#include "vr/sight.h"

bool
mapsys_has_left(const struct vr *vr, vn_id_t vn, struct addr eid)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, eid);

	return e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, VR_ID_MAPPED);
}

bool
mapsys_place_mapped(const struct mapsys *m, vn_id_t vn, struct addr eid, struct xtr_place *out)
{
	const struct mapping *mapping = mapcache_find(m->cache, vn, eid);

	for (unsigned i = 0; mapping != NULL && i < mapping->count; i++)
		if (map_locator_usable(&mapping->locators[i]) && out->rloc_count < XTR_RLOCS_MAX)
			out->rlocs[out->rloc_count++] = mapping->locators[i].rloc;
	return out->rloc_count > 0;
}

/* The counter that a Map-Version stands for, seen from one of ours; at least that. */
static mobility_t
counter_of(uint16_t version, mobility_t ours)
{
	uint16_t own = lisp_version_of(ours);

	if (!lisp_version_newer(version, own))
		return ours;
	return ours + (mobility_t)(version + LISP_VERSIONS - own) % LISP_VERSIONS;
}

/* A word with the site's key is believed at once, and doubted at once: the LAN is asked, and what answers there is ours
 * again (sight.c). */
bool
mapsys_departed(void *ctx, vn_id_t vn, struct addr eid, uint16_t version, const struct addr *rlocs,
		size_t count, us_t now)
{
	struct mapsys *m = ctx;
	struct vr *vr = m->vr;
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, eid);
	struct hwdt_notes *notes = hwdt_notes(vr->hwdt, vn, eid);
	struct binding b;

	(void)rlocs;
	(void)count;
	if (e == NULL || e->b.withdrawn || e->b.kind != BINDING_HOST || !mapsys_takes_part(vr, vn))
		return false;
	vr->wake = true;
	if (!vr_id_equal(e->b.vr, vr->self)) {
		/* Routers of ours say so in their own way (MOVE), which is not doubted; here it can only be confirmed. */
		if (vr_id_equal(e->b.vr, VR_ID_MAPPED))
			notes->floor = counter_of(version, limits_next(vr, vn, eid) - 1);
		xtr_tell_askers(m->xtr, vn, eid, now);
		return true;
	}
	if (!lndt_is_mobile(vr->lndt, vn, eid) || limits_is_frozen(vr, vn, eid, now))
		return false;
	b = e->b;
	b.vr = VR_ID_MAPPED;
	/* When it comes back we count on from there: a map-server takes nothing older from a site that it has left. */
	b.mobility = counter_of(version, limits_next(vr, vn, eid));
	return vr_bind(vr, &b, now) == HWDT_MOVED;
}
