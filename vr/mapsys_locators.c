/* Locators: those of proxies, and the peers that are reached at them. */
#include "vr/mapsys_priv.h"

/* ---- proxies ---- */

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
void
mapsys_review_petrs(struct mapsys *m, us_t now)
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

/* ---- peers ---- */

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
void
mapsys_find_peers(struct mapsys *m, struct mapping *mapping)
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
