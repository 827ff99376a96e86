/* Own EIDs in the mapping system: which are registered, and who is told when one moves. */
#include "vr/mapsys_priv.h"

#include "base/fmt.h"
#include "lisp/mobility.h"

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
void
mapsys_own_follow(struct mapsys *m, const struct change *c, us_t now)
{
	bool here = vr_id_equal(c->to, m->vr->self), was_here = vr_id_equal(c->from, m->vr->self);

	if (c->kind != CHANGE_BINDING_NEW && c->kind != CHANGE_BINDING_MOVED &&
	    c->kind != CHANGE_BINDING_GONE)
		return;
	if ((!here && !was_here) || !mapsys_takes_part(m->vr, c->vn))
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

void
mapsys_own_register(struct mapsys *m, us_t now)
{
	const struct hwdt_entry *e;
	size_t position = 0;

	for (size_t i = 0; i < m->vr->site_count; i++) {
		const struct conf_vn *vn = m->vr->sites[i].conf;

		for (size_t j = 0; vn->lisp && j < vn->local_count; j++)
			put_own(m, vn->id, vn->local[j], 0, now);
	}
	while ((e = hwdt_next(m->vr->hwdt, &position)) != NULL) {
		if (!mapsys_takes_part(m->vr, e->b.vn))
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
void
mapsys_own_review(struct mapsys *m, us_t now)
{
	xtr_own_begin(m->xtr);
	mapsys_own_register(m, now);
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
void
mapsys_own_catch_up(struct mapsys *m, us_t to, us_t now)
{
	const struct hwdt_entry *e;
	size_t position = 0;

	mapsys_own_review(m, now);
	(void)xtr_run(m->xtr, now);
	while ((e = hwdt_next(m->vr->hwdt, &position)) != NULL)
		if (mapsys_takes_part(m->vr, e->b.vn) && has_moved(m->vr, e, m->followed, to))
			xtr_tell_askers(m->xtr, e->b.vn, e->b.ip, now);
}
