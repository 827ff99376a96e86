/* The life of a packet: see fwd.h. */
#include "vr/fwd.h"

#include <errno.h>

#include "vr/lan.h"
#include "vr/neigh.h"
#include "vr/offload.h"
#include "vr/query.h"
#include "vr/sight.h"
#include "wire/eth.h"
#include "wire/ip.h"

/* ICMP errors: at most so many at once, and one more every millisecond (RFC 1812 section 4.3.2.8). */
#define ICMP_BURST 100
/* Inner packets that every path carries before its MTU is known: 1280 less IPv6, UDP and a record. */
#define MTU_UNKNOWN (1280 - 48 - SEAL_OVERHEAD)
/* Largest single packet that is fragmented here. */
#define FRAGMENT_MAX 9216
#define TCP_FLAG_SYN 0x02

void
fwd_deliver(struct vr *vr, struct site *site, struct mac to, struct frame *f, us_t now)
{
	struct eth eth = {.dst = to,
			  .src = site->router_mac,
			  .type = f->data[0] >> 4 == 6 ? ETH_IP6 : ETH_IP4};

	(void)now;
	f->data -= ETH_SIZE;
	f->size += ETH_SIZE;
	eth_build(&eth, f->data);
	if (vr->io->lan_send(vr->ctx, site->vn, f) != 0)
		vr_drop(vr, DROP_LAN_SEND);
	else
		vr->lan_delivered++;
	f->data += ETH_SIZE;
	f->size -= ETH_SIZE;
}

/* ---- ICMP ---- */

static bool
icmp_allowed(struct vr *vr, us_t now)
{
	us_t passed = (now - vr->icmp_refilled) / US_MS;

	if (passed > 0) {
		vr->icmp_refilled = now;
		vr->icmp_tokens = passed >= ICMP_BURST - (us_t)vr->icmp_tokens
					  ? ICMP_BURST
					  : vr->icmp_tokens + (unsigned)passed;
	}
	if (vr->icmp_tokens == 0)
		return false;
	vr->icmp_tokens--;
	return true;
}

/* Where a packet came from, which is where an error about it goes. */
struct origin {
	struct mac mac;          /* from the LAN */
	const struct peer *peer; /* from a peer, otherwise NULL */
};

/* The VN's gateway address stands behind the errors; without one, the address the sender wanted. */
static struct addr
icmp_source(const struct site *site, const struct ip *ip)
{
	struct addr from = vr_address_for(site, ip->src);

	for (size_t i = 0; addr_is_none(from) && i < site->conf->address_count; i++)
		if (site->conf->addresses[i].addr.family == ip->family)
			from = site->conf->addresses[i].addr;
	return addr_is_none(from) ? ip->dst : from;
}

static void
send_error(struct vr *vr, struct site *site, const struct origin *origin, const struct frame *f,
	   const struct ip *ip, enum icmp_error error, uint16_t mtu, us_t now)
{
	uint8_t bytes[FRAME_HEADROOM + ICMP_ERROR_SIZE_MAX];
	struct frame out = {.data = bytes + FRAME_HEADROOM};

	if (!icmp_allowed(vr, now))
		return;
	out.size = icmp_error_build(f->data, ip, error, mtu, icmp_source(site, ip), out.data);
	if (out.size == 0)
		return;
	if (origin->peer == NULL) {
		fwd_deliver(vr, site, origin->mac, &out, now);
		/* The bytes are ours. */
		vr->io->lan_flush(vr->ctx, site->vn);
	} else {
		struct seal_inner inner = {.kind = SEAL_DATA, .vn = site->vn};

		if (vr->io->link_send(vr->ctx, origin->peer->slot, &inner, &out, now) != 0)
			vr_drop(vr, DROP_NO_SESSION);
	}
}

/* ---- to a peer ---- */

static void
link_out(struct vr *vr, struct site *site, struct peer *peer, struct seal_inner inner,
	 struct frame *f, us_t now)
{
	inner.kind = SEAL_DATA;
	inner.vn = site->vn;
	if (f->csum_partial)
		inner.flags |= SEAL_FLAG_CSUM_PARTIAL;
	if (vr->io->link_send(vr->ctx, peer->slot, &inner, f, now) != 0) {
		vr_drop(vr, DROP_NO_SESSION);
		return;
	}
	peer->tx_packets++;
	peer->tx_bytes += f->size;
}

/* Cuts a packet that may be fragmented to the peer's path. */
static void
link_fragments(struct vr *vr, struct site *site, struct peer *peer, struct seal_inner inner,
	       struct frame *f, const struct ip *ip, uint16_t mtu, us_t now)
{
	uint8_t bytes[FRAME_HEADROOM + FRAGMENT_MAX];
	struct frame part = {.data = bytes + FRAME_HEADROOM};

	offload_finish_checksum(f);
	for (unsigned i = 0;; i++) {
		part.size = ip4_fragment(f->data, ip, mtu, i, part.data);
		if (part.size == 0) {
			if (i == 0)
				vr_drop(vr, DROP_TOO_BIG);
			return;
		}
		link_out(vr, site, peer, inner, &part, now);
	}
}

/* Makes the packet fit: a TCP super-frame is cut anew, anything else is answered or fragmented.  False when nothing is left
 * to send. */
static bool
fit_path(struct vr *vr, struct site *site, struct peer *peer, const struct origin *origin,
	 struct seal_inner inner, struct frame *f, const struct ip *ip, us_t now)
{
	uint16_t mtu = peer->mtu != 0 ? peer->mtu : MTU_UNKNOWN;
	uint32_t headers = (uint32_t)ip->header_size + ip->l4_header_size;

	if (f->gso == FRAME_GSO_NONE ? ip->size <= mtu : headers + f->gso_size <= mtu)
		return true;
	if (f->gso == FRAME_GSO_TCP4 || f->gso == FRAME_GSO_TCP6) {
		f->gso_size = (uint16_t)(mtu - headers);
		return true;
	}
	if (ip->dont_fragment || f->gso != FRAME_GSO_NONE || mtu > FRAGMENT_MAX) {
		send_error(vr, site, origin, f, ip, ICMP_TOO_BIG, mtu, now);
		vr_drop(vr, DROP_TOO_BIG);
		return false;
	}
	link_fragments(vr, site, peer, inner, f, ip, mtu, now);
	return false;
}

static bool
is_syn(const struct frame *f, const struct ip *ip)
{
	return ip->proto == IP_PROTO_TCP && ip->l4_header_size != 0 &&
	       (f->data[ip->header_size + 13] & TCP_FLAG_SYN) != 0;
}

/* Segments of both directions must fit the path. */
static void
clamp(const struct peer *peer, struct frame *f, const struct ip *ip)
{
	uint16_t mtu = peer->mtu != 0 ? peer->mtu : MTU_UNKNOWN;
	uint16_t headers = (uint16_t)((ip->family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE) + 20);

	if (is_syn(f, ip))
		ip_clamp_mss(f->data, ip, (uint16_t)(mtu - headers), f->csum_partial);
}

static void
to_peer(struct vr *vr, struct site *site, uint32_t slot, const struct origin *origin,
	struct seal_inner inner, struct frame *f, const struct ip *ip, us_t now)
{
	struct peer *peer = peers_at(vr->peers, slot);

	if (peer == NULL || peer->state != PEER_UP) {
		send_error(vr, site, origin, f, ip, ICMP_HOST_UNREACHABLE, 0, now);
		vr_drop(vr, DROP_PEER_DOWN);
		return;
	}
	clamp(peer, f, ip);
	if (fit_path(vr, site, peer, origin, inner, f, ip, now))
		link_out(vr, site, peer, inner, f, now);
}

/* ---- to the LAN ---- */

/* Notes the first frame that a machine gets after its move. */
static void
note_first_frame(struct vr *vr, const struct site *site, struct addr ip, us_t now)
{
	struct report *r;

	if (now >= vr->first_frames)
		return;
	r = reports_since(vr->reports, site->vn, ip, now - SIGHT_FIRST_FRAME);
	if (r != NULL && r->first_frame == 0 && vr_id_equal(r->to, vr->self))
		r->first_frame = now;
}

/* A machine that gets packets but has been silent for long may have another MAC by now: it is asked, by broadcast. */
static void
refresh(struct vr *vr, struct site *site, const struct hwdt_entry *e, us_t now)
{
	if (now - e->heard < NEIGH_STALE || now < site->ask_due)
		return;
	site->ask_due = now + NEIGH_ASK_PACE;
	neigh_ask(vr, site, e->b.ip, (struct mac){{0}});
}

static void to_lan(struct vr *vr, struct site *site, const struct origin *origin, struct frame *f,
		   const struct ip *ip, const struct hwdt_entry *e, us_t now);

/* Cuts a packet that may be fragmented to the LAN's MTU. */
static void
lan_fragments(struct vr *vr, struct site *site, const struct origin *origin, struct frame *f,
	      const struct ip *ip, const struct hwdt_entry *e, us_t now)
{
	uint8_t bytes[FRAME_HEADROOM + FRAGMENT_MAX];

	offload_finish_checksum(f);
	for (unsigned i = 0;; i++) {
		struct frame part = {.data = bytes + FRAME_HEADROOM};
		struct ip part_ip;

		part.size = ip4_fragment(f->data, ip, site->lan_mtu, i, part.data);
		if (part.size == 0 || ip_parse(part.data, part.size, &part_ip) != 0) {
			if (i == 0)
				vr_drop(vr, DROP_TOO_BIG);
			return;
		}
		to_lan(vr, site, origin, &part, &part_ip, e, now);
		/* The bytes are ours. */
		vr->io->lan_flush(vr->ctx, site->vn);
	}
}

/* A packet for a machine of this LAN; 'e' is its record or NULL. */
static void
to_lan(struct vr *vr, struct site *site, const struct origin *origin, struct frame *f,
       const struct ip *ip, const struct hwdt_entry *e, us_t now)
{
	struct prefix host = prefix_host(ip->dst);

	if (f->gso == FRAME_GSO_NONE && ip->size > site->lan_mtu) {
		if (!ip->dont_fragment && site->lan_mtu <= FRAGMENT_MAX) {
			lan_fragments(vr, site, origin, f, ip, e, now);
			return;
		}
		send_error(vr, site, origin, f, ip, ICMP_TOO_BIG, site->lan_mtu, now);
		vr_drop(vr, DROP_TOO_BIG);
		return;
	}
	if (e != NULL) {
		refresh(vr, site, e, now);
		fwd_deliver(vr, site, e->b.mac, f, now);
		note_first_frame(vr, site, ip->dst, now);
		return;
	}
	/* A machine behind the native router, or one that has not spoken yet. */
	if (!vr_same_subnet(vr, site, ip->dst, ip->dst) &&
	    !addr_is_none(site->conf->native_gateway))
		host = prefix_host(site->conf->native_gateway);
	e = hwdt_find(vr->hwdt, site->vn, host.addr);
	if (e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, vr->self))
		fwd_deliver(vr, site, e->b.mac, f, now);
	else
		neigh_wait(vr, site, host.addr, f, now);
}

static void
to_native_gateway(struct vr *vr, struct site *site, struct frame *f, us_t now)
{
	struct addr gateway = site->conf->native_gateway;
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, site->vn, gateway);

	if (e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, vr->self))
		fwd_deliver(vr, site, e->b.mac, f, now);
	else
		neigh_wait(vr, site, gateway, f, now);
}

/* Answers an echo request to one of the router's own addresses; anything else for them is not ours to read. */
static void
to_self(struct vr *vr, struct site *site, const struct origin *origin, struct frame *f,
	const struct ip *ip, us_t now)
{
	offload_finish_checksum(f);
	if (f->gso != FRAME_GSO_NONE || !icmp_echo_reply(f->data, ip)) {
		vr_drop(vr, DROP_NOT_HERE);
		return;
	}
	if (origin->peer == NULL) {
		fwd_deliver(vr, site, origin->mac, f, now);
	} else {
		struct seal_inner inner = {.kind = SEAL_DATA, .vn = site->vn};

		if (vr->io->link_send(vr->ctx, origin->peer->slot, &inner, f, now) != 0)
			vr_drop(vr, DROP_NO_SESSION);
	}
}

/* A destination that nobody of the VN has: the home site of the sender knows the way out. */
static void
to_outside(struct vr *vr, struct site *site, const struct origin *origin, struct frame *f,
	   const struct ip *ip, us_t now)
{
	struct vr_id home = lndt_home(vr->lndt, site->vn, ip->src);
	const struct peer *p = peers_find(vr->peers, home);

	if (!addr_is_none(site->conf->native_gateway) && (p == NULL || origin->peer != NULL)) {
		to_native_gateway(vr, site, f, now);
	} else if (p != NULL && origin->peer == NULL) {
		to_peer(vr, site, p->slot, origin, (struct seal_inner){0}, f, ip, now);
	} else {
		send_error(vr, site, origin, f, ip, ICMP_NET_UNREACHABLE, 0, now);
		vr_drop(vr, DROP_NO_ROUTE);
	}
}

/* ---- from the LAN ---- */

/* Is the frame meant for the router: to its own MAC, or to a machine that HWDT places elsewhere? */
static bool
is_for_router(const struct vr *vr, const struct site *site, struct mac dst)
{
	/* An address that the machine has no more says nothing of where it is. */
	return mac_equal(dst, site->router_mac) ||
	       hwdt_place_of_mac(vr->hwdt, site->vn, dst, vr->self) == HWDT_ELSEWHERE;
}

/* A packet that the LAN's native router handed on: from outside the VN, or of a machine of this site whose gateway it is.  The
 * Ethernet source is the native router's and says nothing of where the sender is. */
static bool
is_from_gateway(const struct vr *vr, const struct site *site, struct mac src, const struct ip *ip)
{
	struct addr gateway = site->conf->native_gateway;
	const struct hwdt_entry *e;

	if (addr_is_none(gateway) || addr_equal(gateway, ip->src))
		return false;
	e = hwdt_find(vr->hwdt, site->vn, gateway);
	if (e == NULL || e->b.withdrawn || !vr_id_equal(e->b.vr, vr->self) ||
	    !mac_equal(e->b.mac, src))
		return false;
	if (gndt_find(vr->gndt, site->vn, ip->src) == NULL)
		return true;
	e = hwdt_find(vr->hwdt, site->vn, ip->src);
	if (e != NULL && !e->b.withdrawn)
		return vr_id_equal(e->b.vr, vr->self);
	return lndt_may_host(vr->lndt, site->vn, ip->src, vr->self);
}

/* A frame that is not for the router tells where its sender is, if it comes from its sender. */
static void
notice(struct vr *vr, struct site *site, struct mac src, const struct ip *ip, us_t now)
{
	if (!is_from_gateway(vr, site, src, ip))
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

/* Routed packets lose one hop, packets of one subnet none.  False when the hops are used up. */
static bool
count_hop(struct vr *vr, struct site *site, const struct origin *origin, struct frame *f,
	  const struct ip *ip, us_t now)
{
	if (vr_same_subnet(vr, site, ip->src, ip->dst))
		return true;
	if (ip->ttl <= 1) {
		send_error(vr, site, origin, f, ip, ICMP_TTL_EXCEEDED, 0, now);
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
route_lan_frame(struct vr *vr, struct site *site, const struct origin *origin, struct mac to,
		struct frame *f, const struct ip *ip, us_t now)
{
	const struct gndt_route *route;
	const struct hwdt_entry *e;

	if (vr_owns_address(site, ip->dst)) {
		to_self(vr, site, origin, f, ip, now);
		return;
	}
	if (!count_hop(vr, site, origin, f, ip, now))
		return;
	route = gndt_find(vr->gndt, site->vn, ip->dst);
	if (route == NULL) {
		if (!lndt_is_mobile(vr->lndt, site->vn, ip->dst)) {
			to_outside(vr, site, origin, f, ip, now);
			return;
		}
		/* A machine of the VN that nobody knows, or no longer: the next packet finds it.  It is not outside, and an error
		 * would end a connection that is just being opened. */
		(void)query_start(vr, site, (struct mac){{0}}, ip->dst, now);
		vr_drop(vr, DROP_NO_ROUTE);
		return;
	}
	if (route->slot != GNDT_LOCAL) {
		to_peer(vr, site, route->slot, origin, (struct seal_inner){0}, f, ip, now);
		return;
	}
	e = hwdt_find(vr->hwdt, site->vn, ip->dst);
	if (e != NULL && (e->b.withdrawn || !vr_id_equal(e->b.vr, vr->self)))
		e = NULL;
	if (e != NULL && mac_equal(e->b.mac, origin->mac)) {
		vr_drop(vr, DROP_OWN_SOURCE);
		return;
	}
	/* They are neighbours: the next frame need not come here. */
	if (e != NULL && mac_equal(to, site->router_mac))
		lan_tell(vr, site, origin->mac, ip->src, e, now);
	to_lan(vr, site, origin, f, ip, e, now);
}

void
fwd_from_lan(struct vr *vr, struct site *site, struct frame *f, us_t now)
{
	struct origin origin = {.peer = NULL};
	struct eth eth;
	struct ip ip;

	vr->lan_frames++;
	if (!open_lan_frame(vr, site, f, &eth, &ip))
		return;
	origin.mac = eth.src;
	if (mac_is_multicast(eth.dst) || addr_is_multicast(ip.dst)) {
		/* It stays here, but tells where its sender is. */
		notice(vr, site, eth.src, &ip, now);
		vr_drop(vr, DROP_MULTICAST);
		return;
	}
	if (!is_for_router(vr, site, eth.dst)) {
		notice(vr, site, eth.src, &ip, now);
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
		vr_drop(vr, DROP_PEER_SOURCE);
		return false;
	}
	/* It may host it but is not the known owner: news may be under way. */
	if (lndt_is_mobile(vr->lndt, site->vn, ip->src)) {
		vr->unknown_owner++;
		query_one(vr, site, peer, ip->src, now);
	}
	return true;
}

/* A packet for an EID that has left us: on to where it is now. */
static void
redirect(struct vr *vr, struct site *site, const struct origin *origin,
	 const struct seal_inner *inner, struct frame *f, const struct ip *ip, us_t now)
{
	const struct gndt_route *route = gndt_find(vr->gndt, site->vn, ip->dst);
	struct seal_inner out = {.flags = SEAL_FLAG_REDIRECTED, .hops = FWD_HOPS};

	if ((inner->flags & SEAL_FLAG_REDIRECTED) != 0) {
		if (inner->hops <= 1) {
			vr_drop(vr, DROP_HOP_LIMIT);
			return;
		}
		out.hops = (uint8_t)(inner->hops - 1);
	}
	if (route == NULL || route->slot == GNDT_LOCAL || route->slot == origin->peer->slot) {
		vr_drop(vr, DROP_NOT_HERE);
		return;
	}
	vr->redirected++;
	to_peer(vr, site, route->slot, origin, out, f, ip, now);
}

static void
route_link_packet(struct vr *vr, struct site *site, const struct origin *origin,
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
		to_self(vr, site, origin, f, ip, now);
		return;
	}
	if (e != NULL && !e->b.withdrawn) {
		from = hwdt_find(vr->hwdt, site->vn, ip->src);
		if (from != NULL && mac_equal(from->b.mac, e->b.mac) &&
		    vr_id_equal(from->b.vr, vr->self))
			vr_drop(vr, DROP_OWN_SOURCE);
		else
			to_lan(vr, site, origin, f, ip, e, now);
	} else if (vr_id_equal(lndt_home(vr->lndt, site->vn, ip->dst), vr->self)) {
		to_lan(vr, site, origin, f, ip, NULL, now);
	} else if (!addr_is_none(site->conf->native_gateway) &&
		   gndt_find(vr->gndt, site->vn, ip->dst) == NULL &&
		   lndt_is_local(vr->lndt, site->vn, ip->src)) {
		/* One of this site's machines, away: nobody else's leave the VN here. */
		to_native_gateway(vr, site, f, now);
	} else {
		vr_drop(vr, DROP_NOT_HERE);
	}
}

void
fwd_from_link(struct vr *vr, struct site *site, struct peer *peer, const struct seal_inner *inner,
	      struct frame *f, us_t now)
{
	struct origin origin = {.peer = peer};
	struct ip ip;

	vr->link_frames++;
	peer->rx_packets++;
	peer->rx_bytes += f->size;
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
	clamp(peer, f, &ip);
	route_link_packet(vr, site, &origin, inner, f, &ip, now);
}
