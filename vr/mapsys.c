/* The mapping system's side of a router: its life, what waits for answers, and who sends. */
#include "vr/mapsys_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/ip.h"

/* A pair that was heard is news again after so long. */
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

bool
mapsys_takes_part(struct vr *vr, vn_id_t vn)
{
	const struct site *site = vr_site(vr, vn);

	return site != NULL && site->conf->lisp;
}

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
	m->retell_due = m->said_due = US_NEVER;
	m->cache = mapcache_create(start->cache_max, &vr->key);
	m->pending = pending_create(&vr->key);
	m->sources = pending_create(&vr->key);
	m->petrs = calloc(vr->site_count + 1, sizeof(*m->petrs));
	if (m->cache != NULL && m->pending != NULL && m->sources != NULL && m->petrs != NULL)
		err = xtr_create(&start->xtr, start->io, start->io_ctx, &mapsys_xtr_ops, m,
				 m->cache, &vr->key, start->nonce, &m->xtr);
	if (err != 0) {
		mapsys_destroy(m);
		return err;
	}
	vr->mapsys = m;
	mapsys_own_register(m, now);
	mapsys_review_petrs(m, now);
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
	fwd_memo_forget(vr);
	if (vr->mapsys != NULL)
		xtr_heard_inside(vr->mapsys->xtr, packet, size, now);
}

struct addr
mapsys_rtr(const struct mapsys *m)
{
	return m->rtr;
}

void
mapsys_reload(struct vr *vr, us_t now)
{
	if (vr->mapsys == NULL)
		return;
	mapsys_own_review(vr->mapsys, now);
	mapsys_review_petrs(vr->mapsys, now);
	for (size_t i = 0; i < vr->site_count; i++)
		mapsys_find_peers(vr->mapsys, &vr->mapsys->petrs[i]);
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
			mapsys_own_catch_up(m, c.at, now);
		mapsys_own_follow(m, &c, now);
	}
	m->followed = now;
	vr->drops[DROP_MAPPING_TIMEOUT] += pending_expire(m->pending, now);
	vr->drops[DROP_MAPPING_TIMEOUT] += pending_expire(m->sources, now);
	due = xtr_run(m->xtr, now);
	mapsys_tell_asked(m, now);
	if (mapsys_say_again(m, now) < due)
		due = m->said_due;
	if (mapsys_retell_run(m, now) < due)
		due = m->retell_due;
	if (pending_due(m->pending) < due)
		due = pending_due(m->pending);
	return pending_due(m->sources) < due ? pending_due(m->sources) : due;
}

void
mapsys_wait(struct vr *vr, struct site *site, const struct fwd_origin *origin,
	    const struct frame *f, const struct ip *ip, us_t now)
{
	struct mapsys *m = vr->mapsys;

	if (xtr_resolve(m->xtr, site->vn, ip->dst, ip->src, now) != 0)
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
mapsys_sender(struct vr *vr, const struct site *site, struct addr eid, struct addr rloc,
	      struct addr source, us_t now)
{
	struct mapsys *m = vr->mapsys;
	struct sender *s = &m->senders[(mix(eid) + 7 * mix(rloc)) % MAPSYS_SENDERS];
	struct xtr_place place;

	if (now < s->again && s->vn == site->vn && addr_equal(s->eid, eid) &&
	    addr_equal(s->rloc, rloc))
		return;
	/* Anybody can send to any address: of what is not ours nothing is remembered. */
	if (!mapsys_place(m, site->vn, eid, &place))
		return;
	*s = (struct sender){.vn = site->vn, .eid = eid, .rloc = rloc, .again = now + SENDER_AGAIN};
	xtr_asked(m->xtr, site->vn, eid, rloc, source, now);
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
	if (vr->mapsys != NULL && mapsys_takes_part(vr, vn))
		xtr_told(vr->mapsys->xtr, vn, eid, rloc, now);
}
