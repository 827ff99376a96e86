/* A packet's last steps: made to fit and handed to a peer, to a machine of the LAN, to the way out of the VN. */
#ifndef VR_FWD_OUT_H
#define VR_FWD_OUT_H

#include "vr/fwd_icmp.h"
#include "vr/vr.h"
#include "wire/ip.h"

/* In all of these 'f' is at its IP header, 'ip' its headers, and whatever does not get through is counted and, where that is
 * allowed, answered at 'origin'. */

/* 'inner': how it is marked; its kind and VN are filled in. */
void fwd_to_peer(struct vr *vr, struct site *site, uint32_t slot, const struct fwd_origin *origin,
		 struct seal_inner inner, struct frame *f, const struct ip *ip, us_t now);
/* To a machine of this LAN; 'e' is its record or NULL. */
void fwd_to_lan(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
		const struct ip *ip, const struct hwdt_entry *e, us_t now);
void fwd_to_native_gateway(struct vr *vr, struct site *site, const struct fwd_origin *origin,
			   struct frame *f, const struct ip *ip, us_t now);
/* Of a proxy, to the outside: to the neighbour itself, or to the native gateway. */
void fwd_to_next_hop(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		     struct frame *f, const struct ip *ip, us_t now);
/* To one of the router's own addresses. */
void fwd_to_self(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
		 const struct ip *ip, us_t now);
/* To a destination that nobody of the VN has: a proxy of the VN lets it out; without one the home site of the sender knows
 * the way. */
void fwd_to_outside(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		    struct frame *f, const struct ip *ip, us_t now);

/* A packet of the router's own goes back where the one came from that it answers. */
void fwd_answer(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
		us_t now);

/* Largest packet that the peer's path takes, as far as that is known; never below 68. */
uint16_t fwd_peer_mtu(const struct peer *peer);
/* Lowers the MSS of a SYN to what the peer's path takes. */
void fwd_clamp(const struct peer *peer, struct frame *f, const struct ip *ip);
/* The same for a path that takes packets of 'mtu'. */
void fwd_clamp_to(uint16_t mtu, struct frame *f, const struct ip *ip);

#endif
