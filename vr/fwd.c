/* The decisions about a packet: see fwd.h. */
#include "vr/fwd.h"

#include "vr/fwd_icmp.h"
#include "vr/fwd_mapped.h"
#include "vr/fwd_out.h"
#include "vr/fwd_rtr.h"
#include "vr/lan.h"
#include "vr/mapsys.h"
#include "vr/proxy.h"
#include "vr/query.h"
#include "vr/sight.h"
#include "wire/eth.h"
#include "wire/ip.h"

/* ---- from the LAN ---- */

/* Is the frame meant for the router: to its own MAC, or to a machine that HWDT places elsewhere? */
static bool
is_for_router(const struct vr *vr, const struct site *site, struct mac dst)
{
	/* An address that the machine has no more says nothing of where it is. */
	return mac_equal(dst, site->router_mac) ||
	       hwdt_place_of_mac(vr->hwdt, site->vn, dst, vr->self) == HWDT_ELSEWHERE;
}

/* Did the LAN's native router hand this on?  Its own packets are not meant. */
static bool
has_gateways_mac(const struct vr *vr, const struct site *site, struct mac src, const struct ip *ip)
{
	struct addr gateway = site->conf->native_gateway;
	const struct hwdt_entry *e;

	if (addr_is_none(gateway) || addr_equal(gateway, ip->src))
		return false;
	e = hwdt_find(vr->hwdt, site->vn, gateway);
	return e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, vr->self) &&
	       mac_equal(e->b.mac, src);
}

/* A packet that the LAN's native router handed on: from outside the VN, or of a machine of this site whose gateway it is.  The
 * Ethernet source is the native router's and says nothing of where the sender is. */
static bool
is_from_gateway(const struct vr *vr, const struct site *site, struct mac src, const struct ip *ip)
{
	const struct hwdt_entry *e;

	if (!has_gateways_mac(vr, site, src, ip))
		return false;
	if (gndt_find(vr->gndt, site->vn, ip->src) == NULL)
		return true;
	e = hwdt_find(vr->hwdt, site->vn, ip->src);
	if (e != NULL && !e->b.withdrawn)
		return vr_id_equal(e->b.vr, vr->self);
	return lndt_may_host(vr->lndt, site->vn, ip->src, vr->self);
}

/* Is it for the router's own sockets?  Where the LAN is part of the underlay, other routers' records come through a native
 * router whose MAC may not be known yet, and in a public subnet their addresses are EIDs. */
static bool
is_underlay(const struct vr *vr, const struct frame *f, const struct ip *ip)
{
	const struct conf_lisp *lisp = &vr->conf->lisp;
	const uint8_t *port = f->data + ip->header_size + 2;
	uint16_t to;

	if (ip->proto != IP_PROTO_UDP || ip->l4_header_size == 0)
		return false;
	to = (uint16_t)(port[0] << 8 | port[1]);
	return to == vr->conf->listen.port ||
	       (lisp->enabled && (to == lisp->data_port || to == lisp->control_port));
}

/* A frame that is not for the router tells where its sender is, if it comes from its sender. */
static void
notice(struct vr *vr, struct site *site, struct mac src, const struct frame *f, const struct ip *ip,
       us_t now)
{
	if (!has_gateways_mac(vr, site, src, ip) && !is_underlay(vr, f, ip))
		(void)sight_machine(vr, site, SIGHTING_DATA, src, ip->src, now);
}

/* May this machine speak on this LAN?  Counts the refusal. */
static bool
may_speak(struct vr *vr, struct site *site, struct mac src, const struct ip *ip, us_t now)
{
	const struct hwdt_entry *e;

	if (is_from_gateway(vr, site, src, ip) ||
	    sight_machine(vr, site, SIGHTING_DATA, src, ip->src, now))
		return true;
	e = hwdt_find(vr->hwdt, site->vn, ip->src);
	if (e != NULL && !e->b.withdrawn)
		vr_drop(vr, DROP_SOURCE_SPOOFED);
	else
		vr_drop(vr, DROP_SOURCE_NOT_LOCAL);
	return false;
}

bool
fwd_count_hop(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	      const struct ip *ip, us_t now)
{
	if (vr_same_subnet(vr, site, ip->src, ip->dst))
		return true;
	if (ip->ttl <= 1) {
		fwd_error(vr, site, origin, f, ip, ICMP_TTL_EXCEEDED, 0, now);
		vr_drop(vr, DROP_TTL);
		return false;
	}
	ip_dec_ttl(f->data);
	return true;
}

/* The frame's packet, checked, at its IP header. */
static bool
open_lan_frame(struct vr *vr, const struct site *site, struct frame *f, struct eth *eth,
	       struct ip *ip)
{
	if (eth_parse(f->data, f->size, eth) != 0) {
		vr_drop(vr, DROP_MALFORMED);
		return false;
	}
	if (mac_equal(eth->src, site->router_mac)) {
		vr_drop(vr, DROP_ECHO);
		return false;
	}
	if (eth->type != ETH_IP4) {
		vr_drop(vr, eth->type == ETH_IP6 ? DROP_IP6 : DROP_NOT_IP);
		return false;
	}
	f->data += ETH_SIZE;
	f->size -= ETH_SIZE;
	if (ip_parse(f->data, f->size, ip) != 0 || ip->size > f->size) {
		vr_drop(vr, DROP_MALFORMED);
		return false;
	}
	/* What follows is the Ethernet's padding. */
	f->size = ip->size;
	return true;
}

static void
route_lan_frame(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct mac to,
		struct frame *f, const struct ip *ip, us_t now)
{
	const struct gndt_target *route;
	const struct hwdt_entry *e;

	if (vr_owns_address(site, ip->dst)) {
		fwd_to_self(vr, site, origin, f, ip, now);
		return;
	}
	if (!fwd_count_hop(vr, site, origin, f, ip, now))
		return;
	route = gndt_find(vr->gndt, site->vn, ip->dst);
	if (route == NULL) {
		fwd_unrouted(vr, site, origin, f, ip, now);
		return;
	}
	if (route->slot != GNDT_LOCAL) {
		fwd_to_peer(vr, site, route->slot, origin, (struct seal_inner){0}, f, ip, now);
		return;
	}
	e = hwdt_find(vr->hwdt, site->vn, ip->dst);
	if (e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, VR_ID_MAPPED)) {
		fwd_by_mapping(vr, site, origin, f, ip, now);
		return;
	}
	if (e != NULL && (e->b.withdrawn || !vr_id_equal(e->b.vr, vr->self)))
		e = NULL;
	if (e != NULL && mac_equal(e->b.mac, origin->mac)) {
		vr_drop(vr, DROP_OWN_SOURCE);
		return;
	}
	fwd_to_lan(vr, site, origin, f, ip, e, now);
	/* They are neighbours: the next frame need not come here. */
	if (e != NULL && mac_equal(to, site->router_mac))
		lan_tell(vr, site, origin->mac, ip->src, e, now);
}

void
fwd_from_lan(struct vr *vr, struct site *site, struct frame *f, us_t now)
{
	struct fwd_origin origin = {.peer = NULL};
	struct eth eth;
	struct ip ip;

	vr->lan_frames++;
	if (!open_lan_frame(vr, site, f, &eth, &ip))
		return;
	origin.mac = eth.src;
	if (site->outside != NULL) {
		proxy_from_outside(vr, site, &origin, eth.dst, f, &ip, now);
		return;
	}
	if (mac_is_multicast(eth.dst) || addr_is_multicast(ip.dst)) {
		/* It stays here, but tells where its sender is. */
		notice(vr, site, eth.src, f, &ip, now);
		vr_drop(vr, DROP_MULTICAST);
		return;
	}
	if (!is_for_router(vr, site, eth.dst)) {
		notice(vr, site, eth.src, f, &ip, now);
		return;
	}
	vr->lan_taken++;
	if (may_speak(vr, site, eth.src, &ip, now))
		route_lan_frame(vr, site, &origin, eth.dst, f, &ip, now);
}

/* ---- from a peer ---- */

/* Has this router owned the EID?  Its home router has, before anybody else, whether that is remembered or not. */
static bool
was_owned_by(const struct vr *vr, const struct hwdt_entry *e, struct vr_id id)
{
	for (size_t i = 0; i < HWDT_PREVIOUS; i++)
		if (vr_id_equal(e->previous[i], id))
			return true;
	return vr_id_equal(lndt_home(vr->lndt, e->b.vn, e->b.ip), id);
}

/* May the peer speak for this source?  Counts the refusal. */
static bool
peer_may_speak(struct vr *vr, struct site *site, const struct peer *peer,
	       const struct seal_inner *inner, const struct ip *ip, us_t now)
{
	const struct hwdt_entry *e;

	if ((inner->flags & SEAL_FLAG_REDIRECTED) != 0) {
		e = hwdt_find(vr->hwdt, site->vn, ip->dst);
		if (e != NULL && was_owned_by(vr, e, peer->id))
			return true;
		vr_drop(vr, DROP_REDIRECT_REFUSED);
		return false;
	}
	e = hwdt_find(vr->hwdt, site->vn, ip->src);
	if (e != NULL && vr_id_equal(e->b.vr, peer->id))
		return true;
	if (!lndt_may_host(vr->lndt, site->vn, ip->src, peer->id)) {
		/* From outside the VN, through the native router of the destination's home site. */
		if (gndt_find(vr->gndt, site->vn, ip->src) == NULL &&
		    vr_id_equal(lndt_home(vr->lndt, site->vn, ip->dst), peer->id))
			return true;
		/* From outside the VN, through a proxy. */
		if (peer_vn(peer, site->vn)->is_proxy &&
		    gndt_find(vr->gndt, site->vn, ip->src) == NULL &&
		    !lndt_is_mobile(vr->lndt, site->vn, ip->src))
			return true;
		/* The mapping system led it here, through a session instead of plain. */
		if (vr->mapsys != NULL && site->conf->lisp &&
		    gndt_find(vr->gndt, site->vn, ip->src) == NULL &&
		    !lndt_is_mobile(vr->lndt, site->vn, ip->src))
			return true;
		vr_drop(vr, DROP_PEER_SOURCE);
		return false;
	}
	/* It may host it but is not the known owner: news may be under way. */
	if (lndt_is_mobile(vr->lndt, site->vn, ip->src)) {
		fwd_memo_forget(vr);
		vr->unknown_owner++;
		query_one(vr, site, peer, ip->src, now);
	}
	return true;
}

/* The same where only the mapping system knows: TTLs end what two sites that are both wrong would send to each other for
 * ever. */
static void
redirect_mapped(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
		const struct ip *ip, us_t now)
{
	if (!fwd_count_hop(vr, site, origin, f, ip, now))
		return;
	vr->redirected++;
	if (!addr_is_none(origin->rloc))
		mapsys_astray(vr, site, ip->dst, origin->rloc, now);
	fwd_by_mapping(vr, site, origin, f, ip, now);
}

/* A packet for an EID that has left us: on to where it is now. */
static void
redirect(struct vr *vr, struct site *site, const struct fwd_origin *origin,
	 const struct seal_inner *inner, struct frame *f, const struct ip *ip, us_t now)
{
	const struct gndt_target *route = gndt_find(vr->gndt, site->vn, ip->dst);
	struct seal_inner out = {.flags = SEAL_FLAG_REDIRECTED, .hops = FWD_HOPS};

	if ((inner->flags & SEAL_FLAG_REDIRECTED) != 0) {
		if (inner->hops <= 1) {
			vr_drop(vr, DROP_HOP_LIMIT);
			return;
		}
		out.hops = (uint8_t)(inner->hops - 1);
	}
	if (mapsys_has_left(vr, site->vn, ip->dst)) {
		redirect_mapped(vr, site, origin, f, ip, now);
		return;
	}
	if (route == NULL || route->slot == GNDT_LOCAL ||
	    (origin->peer != NULL && route->slot == origin->peer->slot)) {
		vr_drop(vr, DROP_NOT_HERE);
		return;
	}
	vr->redirected++;
	if (!addr_is_none(origin->rloc))
		mapsys_astray(vr, site, ip->dst, origin->rloc, now);
	fwd_to_peer(vr, site, route->slot, origin, out, f, ip, now);
}

void
fwd_arrived(struct vr *vr, struct site *site, const struct fwd_origin *origin,
	    const struct seal_inner *inner, struct frame *f, const struct ip *ip, us_t now)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, site->vn, ip->dst);
	const struct hwdt_entry *from;

	if (e != NULL && !e->b.withdrawn && !vr_id_equal(e->b.vr, vr->self)) {
		if (was_owned_by(vr, e, vr->self))
			redirect(vr, site, origin, inner, f, ip, now);
		else
			vr_drop(vr, DROP_NOT_HERE);
		return;
	}
	if (vr_owns_address(site, ip->dst)) {
		fwd_to_self(vr, site, origin, f, ip, now);
		return;
	}
	if (e != NULL && !e->b.withdrawn) {
		from = hwdt_find(vr->hwdt, site->vn, ip->src);
		if (from != NULL && mac_equal(from->b.mac, e->b.mac) &&
		    vr_id_equal(from->b.vr, vr->self))
			vr_drop(vr, DROP_OWN_SOURCE);
		else
			fwd_to_lan(vr, site, origin, f, ip, e, now);
	} else if (vr_id_equal(lndt_home(vr->lndt, site->vn, ip->dst), vr->self)) {
		fwd_to_lan(vr, site, origin, f, ip, NULL, now);
	} else if (!addr_is_none(site->conf->native_gateway) &&
		   gndt_find(vr->gndt, site->vn, ip->dst) == NULL &&
		   lndt_is_local(vr->lndt, site->vn, ip->src)) {
		/* One of this site's machines, away: nobody else's leave the VN here. */
		fwd_to_native_gateway(vr, site, origin, f, ip, now);
	} else {
		vr_drop(vr, DROP_NOT_HERE);
	}
}

/* A packet that has to be looked at. */
static void
decide_from_link(struct vr *vr, struct site *site, struct peer *peer,
		 const struct seal_inner *inner, struct frame *f, us_t now)
{
	struct fwd_origin origin = {.peer = peer};
	struct ip ip;

	if (ip_parse(f->data, f->size, &ip) != 0 || ip.size != f->size) {
		vr_drop(vr, DROP_MALFORMED);
		return;
	}
	if (ip.family != ADDR_V4) {
		vr_drop(vr, DROP_IP6);
		return;
	}
	if (addr_is_multicast(ip.dst)) {
		vr_drop(vr, DROP_MULTICAST);
		return;
	}
	if (!peer_may_speak(vr, site, peer, inner, &ip, now))
		return;
	fwd_clamp(peer, f, &ip);
	if (fwd_rtr_relay(vr, site, &origin, f, &ip, now))
		return;
	if (site->outside != NULL)
		proxy_from_underlay(vr, site, &origin, f, &ip, now);
	else
		fwd_arrived(vr, site, &origin, inner, f, &ip, now);
}

void
fwd_from_link(struct vr *vr, struct site *site, struct peer *peer, const struct seal_inner *inner,
	      struct frame *f, us_t now)
{
	struct fwd_memo_from from = {
		.site = site, .peer = peer, .header = (uint64_t)inner->flags << 8 | inner->hops};
	struct mac to;

	vr->link_frames++;
	peer->rx_packets++;
	peer->rx_bytes += f->size;
	if (fwd_memo_find(vr, &from, f, &to)) {
		fwd_deliver(vr, site, to, f, now);
		return;
	}
	fwd_memo_begin(vr, &from, f);
	decide_from_link(vr, site, peer, inner, f, now);
	fwd_memo_end(vr);
}
