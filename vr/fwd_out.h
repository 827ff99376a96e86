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
/* To one of the router's own addresses. */
void fwd_to_self(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
		 const struct ip *ip, us_t now);
/* To a destination that nobody of the VN has: the home site of the sender knows the way out. */
void fwd_to_outside(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		    struct frame *f, const struct ip *ip, us_t now);

/* Lowers the MSS of a SYN to what the peer's path takes. */
void fwd_clamp(const struct peer *peer, struct frame *f, const struct ip *ip);
/* Why link_send() did not take a packet. */
enum vr_drop fwd_link_reason(int error);

#endif
