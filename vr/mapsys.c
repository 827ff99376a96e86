/* The mapping system's side of a router: see mapsys.h. */
#include "vr/mapsys.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "lisp/mobility.h"
#include "vr/fwd_mapped.h"
#include "vr/sight.h"
#include "vr/sync.h"
#include "wire/ip.h"

struct packet {
	struct packet *next;
	struct frame f; /* 'data' in 'bytes' */
	struct mac mac; /* of its sender */
	size_t size;    /* of 'bytes' */
	uint8_t bytes[];
};

struct waiting {
	vn_id_t vn;
	struct addr eid; /* family NONE: free */
	us_t until;
	struct packet *first, **end; /* the oldest; where the next goes */
	size_t count;
};

struct mapsys {
	struct vr *vr;
	struct mapcache *cache;
	struct xtr *xtr;
	uint64_t cursor; /* of the change feed */
	struct waiting waiting[MAPSYS_WAITING_MAX];
	size_t waiting_count;
	size_t waiting_bytes;
	/* The last pair that mapsys_sender() was told of: most packets are of one flow. */
	vn_id_t sender_vn;
	struct addr sender_eid, sender_rloc;
	us_t sender_at;
};

#define SENDER_AGAIN US_S

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
takes_part(const struct vr *vr, vn_id_t vn)
{
	const struct site *site = vr_site((struct vr *)(uintptr_t)vr, vn);

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
	if (xtr_own_put(m->xtr, vn, prefix, version, now) != 0)
		log_line(m->vr->log, LOG_ERROR, "lisp", "no room to register %s",
			 fmt_prefix(prefix).s);
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
	while ((e = hwdt_next(m->vr->hwdt, &position)) != NULL)
		if (takes_part(m->vr, e->b.vn) && is_registered(m->vr, e))
			put_own(m, e->b.vn, prefix_host(e->b.ip), lisp_version_of(e->b.mobility),
				now);
}

static bool
is_local_prefix(const struct vr *vr, vn_id_t vn, struct prefix prefix)
{
	const struct site *site = vr_site((struct vr *)(uintptr_t)vr, vn);

	for (size_t i = 0; site != NULL && i < site->conf->local_count; i++)
		if (site->conf->lisp && prefix_equal(site->conf->local[i], prefix))
			return true;
	return false;
}

void
mapsys_reload(struct vr *vr, us_t now)
{
	struct xtr_registration r;
	size_t position = 0;

	if (vr->mapsys == NULL)
		return;
	while (xtr_registration_next(vr->mapsys->xtr, &position, &r)) {
		const struct hwdt_entry *e = hwdt_find(vr->hwdt, r.vn, r.prefix.addr);
		bool host = prefix_equal(r.prefix, prefix_host(r.prefix.addr));

		if (!is_local_prefix(vr, r.vn, r.prefix) &&
		    !(host && e != NULL && takes_part(vr, r.vn) && is_registered(vr, e)))
			xtr_own_remove(vr->mapsys->xtr, r.vn, r.prefix, true, now);
	}
	register_all(vr->mapsys, now);
}

/* ---- what the xTR wants to know ---- */

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
		if (!m->vr->io->link_rloc(m->vr->ctx, p->slot, &rloc))
			continue;
		for (unsigned i = 0; i < mapping->count; i++)
			if (addr_equal(mapping->locators[i].rloc, rloc))
				mapping->locators[i].peer = p->slot + 1;
	}
}

static void
packets_free(struct mapsys *m, struct packet *first)
{
	while (first != NULL) {
		struct packet *p = first;

		first = p->next;
		m->waiting_bytes -= p->size;
		free(p);
	}
}

/* Takes the packets out; the row is free then. */
static struct packet *
waiting_end(struct mapsys *m, struct waiting *w)
{
	struct packet *first = w->first;

	*w = (struct waiting){.eid = {.family = ADDR_NONE}};
	m->waiting_count--;
	return first;
}

static void
release(struct mapsys *m, struct waiting *w, us_t now)
{
	struct site *site = vr_site(m->vr, w->vn);
	vn_id_t vn = w->vn;
	struct packet *first = waiting_end(m, w);

	for (struct packet *p = first; site != NULL && p != NULL; p = p->next) {
		struct fwd_origin origin = {.mac = p->mac};
		struct ip ip;

		if (ip_parse(p->f.data, p->f.size, &ip) == 0)
			fwd_by_mapping(m->vr, site, &origin, &p->f, &ip, now);
	}
	/* Those that leave by the native router are only borrowed by the port. */
	if (site != NULL)
		m->vr->io->lan_flush(m->vr->ctx, vn);
	packets_free(m, first);
}

static void
on_mapped(void *ctx, vn_id_t vn, struct prefix prefix, us_t now)
{
	struct mapsys *m = ctx;
	struct mapping *mapping = mapcache_find_exact(m->cache, vn, prefix);

	if (mapping == NULL)
		return;
	find_peers(m, mapping);
	for (size_t i = 0; m->waiting_count > 0 && i < MAPSYS_WAITING_MAX; i++) {
		struct waiting *w = &m->waiting[i];

		if (!addr_is_none(w->eid) && w->vn == vn && prefix_contains(prefix, w->eid))
			release(m, w, now);
	}
}

static void
give_up(struct mapsys *m, struct waiting *w)
{
	m->vr->drops[DROP_MAPPING_TIMEOUT] += w->count;
	packets_free(m, waiting_end(m, w));
}

static void
on_unanswered(void *ctx, vn_id_t vn, struct addr eid, us_t now)
{
	struct mapsys *m = ctx;

	(void)now;
	for (size_t i = 0; i < MAPSYS_WAITING_MAX; i++)
		if (!addr_is_none(m->waiting[i].eid) && m->waiting[i].vn == vn &&
		    addr_equal(m->waiting[i].eid, eid))
			give_up(m, &m->waiting[i]);
}

static bool
on_may_map(void *ctx, vn_id_t vn, struct prefix prefix)
{
	const struct mapsys *m = ctx;

	return takes_part(m->vr, vn) && gndt_find(m->vr->gndt, vn, prefix.addr) == NULL &&
	       !lndt_is_mobile(m->vr->lndt, vn, prefix.addr);
}

/* Does the configuration say that this locator takes CHANGE-PRIORITY? */
static void
note_push(struct mapsys *m, vn_id_t vn, struct addr eid, struct addr rloc, us_t now)
{
	const struct conf_lisp *conf = &m->vr->conf->lisp;

	for (size_t i = 0; i < conf->locator_count; i++)
		if (conf->locators[i].push && addr_equal(conf->locators[i].addr, rloc))
			xtr_asked(m->xtr, vn, eid, rloc, true, now);
}

/* The other routers of the VN may come to have the EID: they hear who wants to know.  One that does not is no harm: its
 * neighbours in the mapping system ask again by themselves. */
static void
on_asked(void *ctx, vn_id_t vn, struct addr eid, struct addr rloc, us_t now)
{
	struct mapsys *m = ctx;
	struct sync_msg msg = {.type = SYNC_ASKED,
			       .id = ++m->vr->last_id,
			       .vn = vn,
			       .asked = {.count = 1, .rows = {{.ip = eid, .rloc = rloc}}}};
	uint32_t position = 0;
	struct peer *p;

	note_push(m, vn, eid, rloc, now);
	if (!lndt_is_mobile(m->vr->lndt, vn, eid))
		return;
	while ((p = peers_next(m->vr->peers, &position)) != NULL)
		if (p->state == PEER_UP && peer_vn(p, vn) != NULL)
			(void)!sync_send(m->vr, p->slot, &msg);
}

static bool
on_place(void *ctx, vn_id_t vn, struct addr eid, struct xtr_place *out)
{
	const struct mapsys *m = ctx;
	const struct vr *vr = m->vr;
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, eid);
	const struct gndt_route *route = gndt_find(vr->gndt, vn, eid);
	const struct peer *p;

	if (!takes_part(vr, vn) || route == NULL)
		return false;
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

static const struct xtr_ops ops = {.mapped = on_mapped,
				   .unanswered = on_unanswered,
				   .may_map = on_may_map,
				   .asked = on_asked,
				   .place = on_place,
				   .arrived = on_arrived,
				   .departed = on_departed,
				   .in_force = on_in_force};

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
	m->cache = mapcache_create(start->cache_max, &vr->key);
	if (m->cache != NULL)
		err = xtr_create(&start->xtr, start->io, start->io_ctx, &ops, m, m->cache, &vr->key,
				 start->nonce, &m->xtr);
	if (err != 0) {
		mapsys_destroy(m);
		return err;
	}
	vr->mapsys = m;
	register_all(m, now);
	return 0;
}

void
mapsys_destroy(struct mapsys *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < MAPSYS_WAITING_MAX; i++)
		packets_free(m, m->waiting[i].first);
	xtr_destroy(m->xtr);
	mapcache_destroy(m->cache);
	free(m);
}

bool
mapsys_heard(struct vr *vr, const struct endpoint *from, const uint8_t *data, size_t size, us_t now)
{
	return vr->mapsys != NULL && xtr_heard(vr->mapsys->xtr, from, data, size, now);
}

us_t
mapsys_run(struct vr *vr, us_t now)
{
	struct mapsys *m = vr->mapsys;
	us_t due = US_NEVER, other;
	uint64_t missed;
	struct change c;

	if (m == NULL)
		return US_NEVER;
	while (change_read(vr->feed, &m->cursor, &c, &missed)) {
		/* What was missed is in the tables. */
		if (missed > 0)
			mapsys_reload(vr, now);
		follow(m, &c, now);
	}
	for (size_t i = 0; m->waiting_count > 0 && i < MAPSYS_WAITING_MAX; i++) {
		struct waiting *w = &m->waiting[i];

		if (!addr_is_none(w->eid) && now >= w->until)
			give_up(m, w);
		else if (!addr_is_none(w->eid) && w->until < due)
			due = w->until;
	}
	other = xtr_run(m->xtr, now);
	return other < due ? other : due;
}

void
mapsys_session(struct vr *vr)
{
	struct mapping *mapping;
	size_t position = 0;

	while (vr->mapsys != NULL &&
	       (mapping = mapcache_next(vr->mapsys->cache, &position)) != NULL)
		find_peers(vr->mapsys, mapping);
}

/* ---- packets that wait ---- */

static struct waiting *
waiting_get(struct mapsys *m, vn_id_t vn, struct addr eid, us_t now)
{
	struct waiting *room = NULL;

	for (size_t i = 0; i < MAPSYS_WAITING_MAX; i++) {
		struct waiting *w = &m->waiting[i];

		if (addr_is_none(w->eid))
			room = room == NULL ? w : room;
		else if (w->vn == vn && addr_equal(w->eid, eid))
			return w;
	}
	if (room != NULL) {
		*room = (struct waiting){
			.vn = vn, .eid = eid, .until = now + MAPSYS_TIMEOUT, .end = &room->first};
		m->waiting_count++;
	}
	return room;
}

static void
oldest_free(struct mapsys *m, struct waiting *w)
{
	struct packet *oldest = w->first;

	w->first = oldest->next;
	if (w->first == NULL)
		w->end = &w->first;
	w->count--;
	oldest->next = NULL;
	packets_free(m, oldest);
}

void
mapsys_wait(struct vr *vr, struct site *site, const struct fwd_origin *origin,
	    const struct frame *f, const struct ip *ip, us_t now)
{
	struct mapsys *m = vr->mapsys;
	int rc = xtr_resolve(m->xtr, site->vn, ip->dst, now);
	struct waiting *w = rc == 0 ? waiting_get(m, site->vn, ip->dst, now) : NULL;
	size_t size = FRAME_HEADROOM + f->size;
	struct packet *p = NULL;

	if (w != NULL && w->count == MAPSYS_PACKETS_MAX) {
		vr_drop(vr, DROP_MAPPING_PENDING);
		oldest_free(m, w);
	}
	if (w != NULL && m->waiting_bytes + size <= MAPSYS_BYTES_MAX)
		p = malloc(sizeof(*p) + size);
	if (p == NULL) {
		vr_drop(vr, DROP_MAPPING_PENDING);
		return;
	}
	*p = (struct packet){.f = *f, .mac = origin->mac, .size = size};
	p->f.data = p->bytes + FRAME_HEADROOM;
	memcpy(p->f.data, f->data, f->size);
	m->waiting_bytes += size;
	*w->end = p;
	w->end = &p->next;
	w->count++;
	vr->wake = true;
}

void
mapsys_sender(struct vr *vr, const struct site *site, struct addr eid, struct addr rloc, us_t now)
{
	struct mapsys *m = vr->mapsys;

	if (m->sender_vn == site->vn && addr_equal(m->sender_eid, eid) &&
	    addr_equal(m->sender_rloc, rloc) && now < m->sender_at + SENDER_AGAIN)
		return;
	m->sender_vn = site->vn;
	m->sender_eid = eid;
	m->sender_rloc = rloc;
	m->sender_at = now;
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
	if (vr->mapsys == NULL || !takes_part(vr, vn))
		return;
	xtr_told(vr->mapsys->xtr, vn, eid, rloc, now);
	note_push(vr->mapsys, vn, eid, rloc, now);
}
