/* Packets of LISP sites behind a NAT: see fwd_rtr.h. */
#include "vr/fwd_rtr.h"

#include "vr/fwd.h"
#include "vr/fwd_mapped.h"
#include "vr/fwd_out.h"
#include "vr/proxy.h"
#include "vr/query.h"

/* Does this router know where the EIDs are, other than through the mapping system? */
static bool
knows_better(const struct vr *vr, vn_id_t vn, struct addr eid)
{
	return gndt_find(vr->gndt, vn, eid) != NULL || lndt_is_mobile(vr->lndt, vn, eid);
}

static bool
on_may_serve(void *ctx, vn_id_t vn, struct prefix prefix)
{
	struct vr *vr = ctx;
	const struct site *site = vr_site(vr, vn);

	return site != NULL && site->conf->lisp && prefix.addr.family == ADDR_V4 &&
	       !knows_better(vr, vn, prefix.addr);
}

static const struct rtr_ops ops = {.may_serve = on_may_serve};

int
fwd_rtr_create(struct vr *vr, const struct rtr_conf *conf, const struct lisp_io *io, void *io_ctx)
{
	return rtr_create(conf, io, io_ctx, &ops, vr, &vr->key, &vr->rtr);
}

struct rtr_eid *
fwd_rtr_find(const struct vr *vr, const struct site *site, struct addr eid)
{
	struct rtr_eid *found;

	if (vr->rtr == NULL || !site->conf->lisp)
		return NULL;
	found = rtr_find(vr->rtr, site->vn, eid);
	return found != NULL && !knows_better(vr, site->vn, eid) ? found : NULL;
}

bool
fwd_rtr_is_from(const struct vr *vr, const struct site *site, struct addr rloc, const struct ip *ip)
{
	const struct rtr_eid *from = fwd_rtr_find(vr, site, ip->src);

	/* Data may leave by another port of the NAT than the Map-Registers. */
	return from != NULL && addr_equal(from->to.addr, rloc);
}

struct plain_to
fwd_rtr_to(const struct site *site, const struct rtr_eid *eid)
{
	/* By the port that the Map-Register went to: only from there the NAT lets it in. */
	return (struct plain_to){.rloc = eid->to,
				 .by = PLAIN_BY_CONTROL,
				 .header = {.has_vn = true, .vn = site->vn}};
}

bool
fwd_rtr_out(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	    const struct ip *ip, us_t now)
{
	struct rtr_eid *eid = fwd_rtr_find(vr, site, ip->dst);
	struct plain_to to;

	if (eid == NULL)
		return false;
	if (!fwd_may_be_plain(vr, site, eid->to.addr)) {
		fwd_error(vr, site, origin, f, ip, ICMP_HOST_UNREACHABLE, 0, now);
		vr_drop(vr, DROP_PLAIN_REFUSED);
		return true;
	}
	eid->out_packets++;
	eid->out_bytes += f->size;
	to = fwd_rtr_to(site, eid);
	fwd_plain(vr, site, origin, &to, f, ip, now);
	return true;
}

bool
fwd_rtr_relay(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	      const struct ip *ip, us_t now)
{
	if (fwd_rtr_find(vr, site, ip->dst) == NULL)
		return false;
	return !fwd_count_hop(vr, site, origin, f, ip, now) ||
	       fwd_rtr_out(vr, site, origin, f, ip, now);
}

/* As a packet from a LAN of the VN, but that its sender is not there. */
static void
route(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
      const struct ip *ip, us_t now)
{
	const struct gndt_target *route = gndt_find(vr->gndt, site->vn, ip->dst);
	struct seal_inner inner = {0};

	if (route != NULL && route->slot != GNDT_LOCAL) {
		fwd_to_peer(vr, site, route->slot, origin, inner, f, ip, now);
	} else if (route != NULL) {
		fwd_arrived(vr, site, origin, &inner, f, ip, now);
	} else if (proxy_lets_out(vr, site, ip->dst)) {
		proxy_from_underlay(vr, site, origin, f, ip, now);
	} else {
		fwd_unrouted(vr, site, origin, f, ip, now);
	}
}

void
fwd_rtr_from(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	     const struct ip *ip, us_t now)
{
	struct rtr_eid *from = fwd_rtr_find(vr, site, ip->src);

	if (from != NULL) {
		from->in_packets++;
		from->in_bytes += f->size;
	}
	if (vr_owns_address(site, ip->dst))
		fwd_to_self(vr, site, origin, f, ip, now);
	else if (fwd_count_hop(vr, site, origin, f, ip, now))
		route(vr, site, origin, f, ip, now);
}
