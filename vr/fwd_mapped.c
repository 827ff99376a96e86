/* Packets whose way the mapping system knows: see fwd_mapped.h. */
#include "vr/fwd_mapped.h"

#include <errno.h>

#include "vr/fit.h"
#include "vr/fwd.h"
#include "vr/fwd_out.h"
#include "vr/fwd_rtr.h"
#include "vr/mapsys.h"
#include "vr/proxy.h"
#include "vr/query.h"

/* ---- to a locator ---- */

static uint32_t
flow_of(const struct vr *vr, const struct frame *f, const struct ip *ip)
{
	uint8_t bytes[16 + 16 + 1 + 4] = {0};

	memcpy(bytes, ip->src.b, 16);
	memcpy(bytes + 16, ip->dst.b, 16);
	bytes[32] = ip->proto;
	/* Fragments have no ports: all of a datagram take one way. */
	if (ip->l4_header_size != 0 && !ip->more_fragments)
		memcpy(bytes + 33, f->data + ip->header_size, 4);
	return (uint32_t)hash_bytes(&vr->key, bytes, sizeof(bytes));
}

/* The status bits of our own locators (RFC 9300 section 10): all are up, or nobody would send this. */
static uint32_t
own_status(const struct vr *vr)
{
	return (1u << vr->conf->lisp.rloc_count) - 1;
}

/* A packet that leaves plain. */
struct leaving {
	struct vr *vr;
	struct plain_to to;
	us_t now;
};

/* How packets travel to a locator, and may come from it. */
static enum conf_encapsulation
encapsulation(const struct vr *vr, const struct site *site, struct addr rloc)
{
	const struct conf_lisp_locator *conf = conf_lisp_locator(&vr->conf->lisp, rloc);

	return conf != NULL && conf->encapsulation != CONF_ENCAP_AUTO ? conf->encapsulation
								      : site->conf->encapsulation;
}

bool
fwd_may_be_plain(const struct vr *vr, const struct site *site, struct addr rloc)
{
	return encapsulation(vr, site, rloc) != CONF_ENCAP_SEALED;
}

/* To our RTR by the port that it knows us by, so that the NAT keeps one state. */
static enum plain_by
plain_by(const struct vr *vr, struct addr rloc)
{
	struct addr rtr =
		vr->mapsys != NULL ? mapsys_rtr(vr->mapsys) : (struct addr){.family = ADDR_NONE};

	return !addr_is_none(rtr) && addr_equal(rtr, rloc) ? PLAIN_BY_DATA : PLAIN_BY_POOL;
}

static struct plain_to
plain_to(const struct vr *vr, const struct site *site, struct addr rloc, uint32_t flow)
{
	const struct conf_lisp_locator *conf = conf_lisp_locator(&vr->conf->lisp, rloc);

	return (struct plain_to){.rloc = {.addr = rloc, .port = vr->conf->lisp.data_port},
				 .by = plain_by(vr, rloc),
				 .header = {.has_vn = true,
					    .vn = site->vn,
					    .has_lsb = vr->conf->lisp.status_bits,
					    .lsb = own_status(vr)},
				 .zero_checksum = conf != NULL && conf->zero_checksum,
				 .flow = flow};
}

static void
plain_out(const struct leaving *l, struct frame *f)
{
	int rc = l->vr->io->plain_send(l->vr->ctx, &l->to, f, l->now);

	if (rc == -EMSGSIZE)
		vr_drop(l->vr, DROP_TOO_BIG);
	else if (rc != 0)
		vr_drop(l->vr, DROP_NO_LOCATOR);
}

static void
piece_out(void *ctx, struct frame *piece, const struct ip *ip)
{
	(void)ip;
	plain_out(ctx, piece);
}

void
fwd_plain(struct vr *vr, struct site *site, const struct fwd_origin *origin,
	  const struct plain_to *to, struct frame *f, const struct ip *ip, us_t now)
{
	struct leaving l = {.vr = vr, .to = *to, .now = now};
	uint16_t mtu = vr->io->plain_mtu(vr->ctx, to->rloc.addr, now);

	fwd_clamp_to(mtu, f, ip);
	switch (fit_judge(f, ip, mtu)) {
	case FIT_WHOLE:
		plain_out(&l, f);
		break;
	case FIT_PIECES:
		if (fit_cut(f, ip, mtu, piece_out, &l) == 0)
			vr_drop(vr, DROP_TOO_BIG);
		break;
	case FIT_NEVER:
		fwd_error(vr, site, origin, f, ip, ICMP_TOO_BIG, mtu, now);
		vr_drop(vr, DROP_TOO_BIG);
		break;
	}
}

enum fwd_way
fwd_way_to(const struct vr *vr, const struct site *site, const struct map_locator *l)
{
	enum conf_encapsulation how = encapsulation(vr, site, l->rloc);
	const struct peer *p = l->peer != 0 ? peers_at(vr->peers, l->peer - 1) : NULL;
	bool session = p != NULL && p->state == PEER_UP && peer_vn(p, site->vn) != NULL;

	if (how != CONF_ENCAP_PLAIN && session)
		return FWD_SEALED;
	return how != CONF_ENCAP_SEALED ? FWD_PLAIN : FWD_REFUSED;
}

static void
send_to_locator(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		const struct map_locator *l, uint32_t flow, struct frame *f, const struct ip *ip,
		us_t now)
{
	struct plain_to to;

	switch (fwd_way_to(vr, site, l)) {
	case FWD_SEALED:
		fwd_to_peer(vr, site, l->peer - 1, origin, (struct seal_inner){0}, f, ip, now);
		return;
	case FWD_PLAIN:
		to = plain_to(vr, site, l->rloc, flow);
		fwd_plain(vr, site, origin, &to, f, ip, now);
		return;
	case FWD_REFUSED:
		break;
	}
	fwd_error(vr, site, origin, f, ip, ICMP_HOST_UNREACHABLE, 0, now);
	vr_drop(vr, DROP_PLAIN_REFUSED);
}

/* A mapping without locators says what to do (RFC 9301 section 5.4). */
static void
by_action(struct vr *vr, struct site *site, const struct fwd_origin *origin,
	  const struct mapping *m, struct frame *f, const struct ip *ip, us_t now)
{
	switch ((enum lisp_action)m->action) {
	case LISP_NATIVE_FORWARD:
		/* It is not outside, and an error would end a connection that is just being opened. */
		if (lndt_is_mobile(vr->lndt, site->vn, ip->dst)) {
			vr_drop(vr, DROP_NO_ROUTE);
			return;
		}
		/* A proxy has it from there. */
		if (site->outside != NULL)
			break;
		fwd_to_outside(vr, site, origin, f, ip, now);
		return;
	case LISP_SEND_MAP_REQUEST:
		mapsys_wait(vr, site, origin, f, ip, now);
		return;
	case LISP_NO_ACTION:
	case LISP_DROP_NO_REASON:
	case LISP_DROP_POLICY:
	case LISP_DROP_AUTH:
		break;
	}
	fwd_error(vr, site, origin, f, ip, ICMP_NET_UNREACHABLE, 0, now);
	vr_drop(vr, DROP_NEGATIVE);
}

/* An RTR is the locator of sites behind NATs: of one that is not known here any more nothing comes of sending to ourselves. */
static bool
is_ourselves(const struct vr *vr, struct addr rloc)
{
	for (size_t i = 0; vr->rtr != NULL && i < vr->conf->lisp.rloc_count; i++)
		if (addr_equal(vr->conf->lisp.rlocs[i].addr, rloc))
			return true;
	return false;
}

void
fwd_by_mapping(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	       const struct ip *ip, us_t now)
{
	struct mapping *m = mapcache_find(mapsys_cache(vr->mapsys), site->vn, ip->dst);
	uint32_t flow = flow_of(vr, f, ip);
	int chosen;

	if (fwd_rtr_out(vr, site, origin, f, ip, now))
		return;
	if (m == NULL) {
		mapsys_wait(vr, site, origin, f, ip, now);
		return;
	}
	chosen = m->count > 0 ? mapping_choose(m, flow) : -1;
	mapping_count(m, chosen, f->size, now);
	if (m->count == 0) {
		by_action(vr, site, origin, m, f, ip, now);
	} else if (chosen < 0 || is_ourselves(vr, m->locators[chosen].rloc)) {
		fwd_error(vr, site, origin, f, ip, ICMP_HOST_UNREACHABLE, 0, now);
		vr_drop(vr, DROP_NO_LOCATOR);
	} else {
		send_to_locator(vr, site, origin, &m->locators[chosen], flow, f, ip, now);
	}
}

void
fwd_unrouted(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	     const struct ip *ip, us_t now)
{
	bool mobile = lndt_is_mobile(vr->lndt, site->vn, ip->dst);

	/* A machine of the VN that nobody knows, or no longer: a later packet finds it. */
	if (mobile)
		(void)query_start(vr, site, (struct mac){{0}}, ip->dst, now);
	if (vr->mapsys != NULL && site->conf->lisp)
		fwd_by_mapping(vr, site, origin, f, ip, now);
	else if (mobile)
		vr_drop(vr, DROP_NO_ROUTE);
	else
		fwd_to_outside(vr, site, origin, f, ip, now);
}

/* Later is worse. */
enum petr_rank {
	PETR_UP,      /* by its session, or it has answered the last probe */
	PETR_UNKNOWN, /* it has never answered one: not every Proxy-ETR does */
	PETR_DOWN,    /* it answers no more */
	PETR_REFUSED,
};

static enum petr_rank
petr_rank(const struct vr *vr, const struct site *site, const struct map_locator *l)
{
	switch (fwd_way_to(vr, site, l)) {
	case FWD_SEALED:
		return PETR_UP;
	case FWD_PLAIN:
		if (l->rtt == 0)
			return PETR_UNKNOWN;
		return l->silent ? PETR_DOWN : PETR_UP;
	case FWD_REFUSED:
		break;
	}
	return PETR_REFUSED;
}

/* The first of the best; NULL when none can be used at all.  One that may be down is better than nothing. */
static const struct map_locator *
choose_petr(const struct vr *vr, const struct site *site, const struct mapping *petrs)
{
	enum petr_rank best = PETR_REFUSED, rank;
	const struct map_locator *chosen = NULL;

	for (unsigned i = 0; petrs != NULL && i < petrs->count; i++) {
		rank = petr_rank(vr, site, &petrs->locators[i]);
		if (rank >= best)
			continue;
		best = rank;
		chosen = &petrs->locators[i];
	}
	return chosen;
}

bool
fwd_to_proxy(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	     const struct ip *ip, us_t now)
{
	const struct mapping *petrs = vr->mapsys != NULL ? mapsys_petrs(vr->mapsys, site) : NULL;
	const struct map_locator *l;

	for (size_t i = 0; i < site->proxy_count; i++)
		if (peers_at(vr->peers, site->proxies[i])->state == PEER_UP) {
			fwd_to_peer(vr, site, site->proxies[i], origin, (struct seal_inner){0}, f,
				    ip, now);
			return true;
		}
	l = choose_petr(vr, site, petrs);
	if (l != NULL) {
		send_to_locator(vr, site, origin, l, flow_of(vr, f, ip), f, ip, now);
		return true;
	}
	if (site->proxy_count == 0 && petrs == NULL)
		return false;
	fwd_error(vr, site, origin, f, ip, ICMP_NET_UNREACHABLE, 0, now);
	vr_drop(vr, DROP_PROXY_DOWN);
	return true;
}

void
fwd_answer_plain(struct vr *vr, struct site *site, struct addr rloc, struct frame *f, us_t now)
{
	struct leaving l = {.vr = vr, .to = plain_to(vr, site, rloc, 0), .now = now};
	uint16_t mtu = vr->io->plain_mtu(vr->ctx, rloc, now);
	bool parsed;
	struct ip ip;

	parsed = ip_parse(f->data, f->size, &ip) == 0;
	if (parsed && fwd_rtr_find(vr, site, ip.dst) != NULL)
		l.to = fwd_rtr_to(site, fwd_rtr_find(vr, site, ip.dst));
	if (parsed && fit_judge(f, &ip, mtu) == FIT_PIECES)
		(void)fit_cut(f, &ip, mtu, piece_out, &l);
	else
		plain_out(&l, f);
}

/* ---- from a locator ---- */

/* Does the map-cache say that the source is at this locator?  Where it says nothing of it, it is asked for. */
static bool
is_mapped_to(struct vr *vr, const struct site *site, struct addr rloc, struct addr source, us_t now)
{
	const struct mapping *m = mapcache_find(mapsys_cache(vr->mapsys), site->vn, source);

	for (unsigned i = 0; m != NULL && i < m->count; i++)
		if (addr_equal(m->locators[i].rloc, rloc))
			return true;
	if (m == NULL)
		(void)!xtr_verify(mapsys_xtr(vr->mapsys), site->vn, source, now);
	return false;
}

/* May what comes plain from this locator be from this source?  Whom the routers know speaks through them, or from the locator
 * of the router that has it; machines that may move, from where the mapping system says that they
 * are.  Anybody can forge the outer address: the check keeps honest sites
 * apart, not liars out. */
static bool
source_is_plausible(struct vr *vr, const struct site *site, struct addr rloc, const struct ip *ip,
		    us_t now)
{
	const struct gndt_target *route = gndt_find(vr->gndt, site->vn, ip->src);
	struct addr known;

	/* Whoever is behind a NAT is seen where it has registered from. */
	if (fwd_rtr_find(vr, site, ip->src) != NULL)
		return fwd_rtr_is_from(vr, site, rloc, ip);
	if (addr_is_multicast(ip->src) || addr_is_unspecified(ip->src))
		return false;
	if (route == NULL ? lndt_is_mobile(vr->lndt, site->vn, ip->src)
			  : mapsys_has_left(vr, site->vn, ip->src))
		return is_mapped_to(vr, site, rloc, ip->src, now);
	if (route == NULL)
		return true;
	return route->slot != GNDT_LOCAL && vr->io->link_rloc(vr->ctx, route->slot, &known) &&
	       addr_equal(known, rloc);
}

static void
note_sender(struct vr *vr, const struct site *site, const struct endpoint *from,
	    const struct lispdata *header, const struct ip *ip, us_t now)
{
	mapsys_sender(vr, site, ip->dst, from->addr, ip->src, now);
	if (header->has_lsb)
		xtr_status_bits(mapsys_xtr(vr->mapsys), site->vn, ip->src, from->addr, header->lsb,
				header->has_vn ? 8 : 32, now);
}

/* A packet that has to be looked at. */
static void
decide_from_plain(struct vr *vr, struct site *site, const struct endpoint *from,
		  const struct lispdata *header, struct frame *f, us_t now)
{
	struct fwd_origin origin = {.rloc = from->addr};
	struct seal_inner inner = {0};
	struct ip ip;

	if (ip_parse(f->data, f->size, &ip) != 0) {
		vr_drop(vr, DROP_MALFORMED);
		return;
	}
	f->size = ip.size;
	if (site == NULL || !site->conf->lisp || vr->mapsys == NULL) {
		vr_drop(vr, DROP_PLAIN_VN);
		return;
	}
	if (ip.family != ADDR_V4 || addr_is_multicast(ip.dst)) {
		vr_drop(vr, ip.family != ADDR_V4 ? DROP_IP6 : DROP_MULTICAST);
		return;
	}
	if (!fwd_may_be_plain(vr, site, from->addr)) {
		vr_drop(vr, DROP_PLAIN_REFUSED);
		return;
	}
	if (!source_is_plausible(vr, site, from->addr, &ip, now)) {
		vr_drop(vr, DROP_PLAIN_SOURCE);
		return;
	}
	fwd_clamp_to(vr->io->plain_mtu(vr->ctx, from->addr, now), f, &ip);
	if (fwd_rtr_find(vr, site, ip.src) != NULL) {
		fwd_rtr_from(vr, site, &origin, f, &ip, now);
		return;
	}
	note_sender(vr, site, from, header, &ip, now);
	if (fwd_rtr_relay(vr, site, &origin, f, &ip, now))
		return;
	if (site->outside != NULL)
		proxy_from_underlay(vr, site, &origin, f, &ip, now);
	else
		fwd_arrived(vr, site, &origin, &inner, f, &ip, now);
}

void
fwd_from_plain(struct vr *vr, const struct endpoint *from, const struct lispdata *header,
	       struct frame *f, us_t now)
{
	struct site *site = vr_site(vr, header->has_vn ? header->vn : 0);
	struct fwd_memo_from where = {.site = site,
				      .rloc = from->addr,
				      .header = (uint64_t)header->lsb << 2 |
						(uint64_t)header->has_vn << 1 | header->has_lsb};
	struct mac to;

	vr->plain_frames++;
	if (site != NULL && fwd_memo_find(vr, &where, f, &to)) {
		fwd_deliver(vr, site, to, f, now);
		return;
	}
	fwd_memo_begin(vr, &where, f);
	decide_from_plain(vr, site, from, header, f, now);
	fwd_memo_end(vr);
}
