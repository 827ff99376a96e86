/* The life of a packet: from the LAN to a peer or another machine of the LAN, and from a peer to the LAN. */
#ifndef VR_FWD_H
#define VR_FWD_H

#include "vr/fwd_icmp.h"
#include "vr/vr.h"

/* How often a packet may be redirected by routers that its destination has left. */
#define FWD_HOPS 8

/* A frame from the LAN, at its Ethernet header. */
void fwd_from_lan(struct vr *vr, struct site *site, struct frame *f, us_t now);
/* A packet from a peer, at its IP header. */
void fwd_from_link(struct vr *vr, struct site *site, struct peer *peer,
		   const struct seal_inner *inner, struct frame *f, us_t now);
/* Routed packets lose one hop, packets of one subnet none.  False when the hops are used up, which is counted and
 * answered. */
MUST_USE bool fwd_count_hop(struct vr *vr, struct site *site, const struct fwd_origin *origin,
			    struct frame *f, const struct ip *ip, us_t now);
/* A packet that came over the underlay and may be here: to its machine, or after it.  'inner' is how it was marked. */
void fwd_arrived(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		 const struct seal_inner *inner, struct frame *f, const struct ip *ip, us_t now);
/* Puts an Ethernet header in front of an IP packet and sends it on the LAN. */
void fwd_deliver(struct vr *vr, struct site *site, struct mac to, struct frame *f, us_t now);

#endif
