/* A packet's last steps: see fwd_out.h. */
#include "vr/fwd_out.h"

#include <errno.h>

#include "vr/fit.h"
#include "vr/fwd.h"
#include "vr/fwd_mapped.h"
#include "vr/neigh.h"
#include "vr/offload.h"
#include "vr/outside.h"
#include "vr/sight.h"
#include "wire/eth.h"

/* Inner packets that nearly every path carries before its MTU is known: 1280 less IPv6, UDP and a record. */
#define MTU_UNKNOWN (1280 - 48 - SEAL_OVERHEAD)
/* The least that IPv4 knows (RFC 791). */
#define MTU_LEAST    68
#define TCP_FLAG_SYN 0x02

/* A packet that is being cut, and where its pieces go. */
struct pieces {
	struct vr *vr;
	struct site *site;
	struct peer *peer; /* to a peer, how marked */
	struct seal_inner inner;
	struct addr to;             /* to the LAN: this neighbour */
	const struct hwdt_entry *e; /* its record, or NULL */
	us_t now;
};

/* ---- to a peer ---- */

/* Why link_send() did not take a packet. */
static enum vr_drop
link_reason(int error)
{
	switch (error) {
	case -EMSGSIZE:
		return DROP_TOO_BIG;
	case -EINVAL:
		return DROP_MALFORMED;
	default:
		return DROP_NO_SESSION;
	}
}

static void
link_out(struct vr *vr, const struct site *site, struct peer *peer, struct seal_inner inner,
	 struct frame *f, us_t now)
{
	int rc;

	inner.kind = SEAL_DATA;
	inner.vn = site->vn;
	if (f->csum_partial)
		inner.flags |= SEAL_FLAG_CSUM_PARTIAL;
	rc = vr->io->link_send(vr->ctx, peer->slot, &inner, f, now);
	if (rc != 0) {
		vr_drop(vr, link_reason(rc));
		return;
	}
	peer->tx_packets++;
	peer->tx_bytes += f->size;
}

static void
piece_to_peer(void *ctx, struct frame *piece, const struct ip *ip)
{
	const struct pieces *p = ctx;

	(void)ip;
	link_out(p->vr, p->site, p->peer, p->inner, piece, p->now);
}

/* Says that the packet does not fit, to its sender too. */
static void
too_big(struct vr *vr, struct site *site, const struct fwd_origin *origin, const struct frame *f,
	const struct ip *ip, uint32_t mtu, us_t now)
{
	fwd_error(vr, site, origin, f, ip, ICMP_TOO_BIG, mtu, now);
	vr_drop(vr, DROP_TOO_BIG);
}

uint16_t
fwd_peer_mtu(const struct peer *peer)
{
	if (peer->mtu == 0)
		return MTU_UNKNOWN;
	return peer->mtu > MTU_LEAST ? peer->mtu : MTU_LEAST;
}

static bool
is_syn(const struct frame *f, const struct ip *ip)
{
	return ip->proto == IP_PROTO_TCP && ip->l4_header_size != 0 &&
	       (f->data[ip->header_size + 13] & TCP_FLAG_SYN) != 0;
}

void
fwd_clamp_to(uint16_t mtu, struct frame *f, const struct ip *ip)
{
	uint16_t headers = (uint16_t)((ip->family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE) + 20);

	if (is_syn(f, ip))
		ip_clamp_mss(f->data, ip, (uint16_t)(mtu - headers), f->csum_partial);
}

void
fwd_clamp(const struct peer *peer, struct frame *f, const struct ip *ip)
{
	fwd_clamp_to(fwd_peer_mtu(peer), f, ip);
}

void
fwd_to_peer(struct vr *vr, struct site *site, uint32_t slot, const struct fwd_origin *origin,
	    struct seal_inner inner, struct frame *f, const struct ip *ip, us_t now)
{
	struct peer *peer = peers_at(vr->peers, slot);
	struct pieces p = {.vr = vr, .site = site, .peer = peer, .inner = inner, .now = now};

	if (peer == NULL || peer->state != PEER_UP) {
		fwd_error(vr, site, origin, f, ip, ICMP_HOST_UNREACHABLE, 0, now);
		vr_drop(vr, DROP_PEER_DOWN);
		return;
	}
	fwd_clamp(peer, f, ip);
	switch (fit_judge(f, ip, fwd_peer_mtu(peer))) {
	case FIT_WHOLE:
		link_out(vr, site, peer, inner, f, now);
		break;
	case FIT_PIECES:
		if (fit_cut(f, ip, fwd_peer_mtu(peer), piece_to_peer, &p) == 0)
			vr_drop(vr, DROP_TOO_BIG);
		break;
	case FIT_NEVER:
		too_big(vr, site, origin, f, ip, fwd_peer_mtu(peer), now);
		break;
	}
}

/* ---- to the LAN ---- */

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

/* To a neighbour on the outside. */
static void
outside_out(struct vr *vr, struct site *site, struct addr to, struct frame *f, us_t now)
{
	struct mac mac;

	if (outside_find(vr, site, to, &mac, now))
		fwd_deliver(vr, site, mac, f, now);
	else
		neigh_wait(vr, site, to, f, now);
}

/* To the machine of 'e', or to a neighbour without a record: as soon as its MAC is known. */
static void
lan_out(struct vr *vr, struct site *site, struct addr to, const struct hwdt_entry *e,
	struct frame *f, us_t now)
{
	if (site->outside != NULL) {
		outside_out(vr, site, to, f, now);
		return;
	}
	if (e != NULL) {
		refresh(vr, site, e, now);
		fwd_deliver(vr, site, e->b.mac, f, now);
		note_first_frame(vr, site, to, now);
		fwd_memo_decided(vr, f, e->b.mac);
		return;
	}
	e = hwdt_find(vr->hwdt, site->vn, to);
	if (e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, vr->self))
		fwd_deliver(vr, site, e->b.mac, f, now);
	else
		neigh_wait(vr, site, to, f, now);
}

static void
piece_to_lan(void *ctx, struct frame *piece, const struct ip *ip)
{
	const struct pieces *p = ctx;

	(void)ip;
	lan_out(p->vr, p->site, p->to, p->e, piece, p->now);
	/* The bytes are not there for longer. */
	p->vr->io->lan_flush(p->vr->ctx, p->site->vn);
}

static void
fit_lan(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct addr to,
	const struct hwdt_entry *e, struct frame *f, const struct ip *ip, us_t now)
{
	struct pieces p = {.vr = vr, .site = site, .to = to, .e = e, .now = now};

	switch (fit_judge(f, ip, site->lan_mtu)) {
	case FIT_WHOLE:
		lan_out(vr, site, to, e, f, now);
		break;
	case FIT_PIECES:
		if (fit_cut(f, ip, site->lan_mtu, piece_to_lan, &p) == 0)
			vr_drop(vr, DROP_TOO_BIG);
		break;
	case FIT_NEVER:
		too_big(vr, site, origin, f, ip, site->lan_mtu, now);
		break;
	}
}

void
fwd_to_lan(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	   const struct ip *ip, const struct hwdt_entry *e, us_t now)
{
	struct addr to = ip->dst;

	/* A machine behind the native router, or one that has not spoken yet. */
	if (e == NULL && !addr_is_none(site->conf->native_gateway) &&
	    !vr_is_on_link(vr, site, ip->dst))
		to = site->conf->native_gateway;
	fit_lan(vr, site, origin, to, e, f, ip, now);
}

void
fwd_to_native_gateway(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		      struct frame *f, const struct ip *ip, us_t now)
{
	fit_lan(vr, site, origin, site->conf->native_gateway, NULL, f, ip, now);
}

void
fwd_to_next_hop(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
		const struct ip *ip, us_t now)
{
	struct addr to = ip->dst;

	if (!outside_is_on_link(site, to))
		to = site->conf->native_gateway;
	if (addr_is_none(to)) {
		fwd_error(vr, site, origin, f, ip, ICMP_NET_UNREACHABLE, 0, now);
		vr_drop(vr, DROP_NO_ROUTE);
		return;
	}
	fit_lan(vr, site, origin, to, NULL, f, ip, now);
}

/* ---- to the router itself, to nobody ---- */

void
fwd_answer(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	   us_t now)
{
	struct pieces p = {.vr = vr, .site = site, .now = now};
	struct ip ip;

	if (!addr_is_none(origin->rloc)) {
		fwd_answer_plain(vr, site, origin->rloc, f, now);
		return;
	}
	if (origin->peer == NULL) {
		fwd_deliver(vr, site, origin->mac, f, now);
		return;
	}
	p.peer = peers_at(vr->peers, origin->peer->slot);
	if (ip_parse(f->data, f->size, &ip) == 0 &&
	    fit_judge(f, &ip, fwd_peer_mtu(p.peer)) == FIT_PIECES)
		(void)fit_cut(f, &ip, fwd_peer_mtu(p.peer), piece_to_peer, &p);
	else
		link_out(vr, site, p.peer, p.inner, f, now);
}

/* Answers an echo request; anything else is not ours to read. */
void
fwd_to_self(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	    const struct ip *ip, us_t now)
{
	offload_finish_checksum(f);
	if (f->gso != FRAME_GSO_NONE || !icmp_echo_reply(f->data, ip)) {
		vr_drop(vr, DROP_NOT_HERE);
		return;
	}
	fwd_answer(vr, site, origin, f, now);
}

void
fwd_to_outside(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	       const struct ip *ip, us_t now)
{
	struct vr_id home = lndt_home(vr->lndt, site->vn, ip->src);
	const struct peer *p = peers_find(vr->peers, home);

	if (fwd_to_proxy(vr, site, origin, f, ip, now))
		return;
	if (!addr_is_none(site->conf->native_gateway) && (p == NULL || origin->peer != NULL)) {
		fwd_to_native_gateway(vr, site, origin, f, ip, now);
	} else if (p != NULL && origin->peer == NULL) {
		fwd_to_peer(vr, site, p->slot, origin, (struct seal_inner){0}, f, ip, now);
	} else {
		fwd_error(vr, site, origin, f, ip, ICMP_NET_UNREACHABLE, 0, now);
		vr_drop(vr, DROP_NO_ROUTE);
	}
}
