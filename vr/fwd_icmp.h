/* ICMP errors about packets that the router cannot forward. */
#ifndef VR_FWD_ICMP_H
#define VR_FWD_ICMP_H

#include "vr/vr.h"
#include "wire/ip.h"

/* Where a packet came from, which is where an error about it goes. */
struct fwd_origin {
	struct mac mac;          /* from the LAN */
	const struct peer *peer; /* from a peer, otherwise NULL */
};

/* Tells the sender of 'f' (at its IP header) if that is allowed and it has not been told enough already.  'mtu' is read for
 * ICMP_TOO_BIG only. */
void fwd_error(struct vr *vr, struct site *site, const struct fwd_origin *origin,
	       const struct frame *f, const struct ip *ip, enum icmp_error error, uint32_t mtu,
	       us_t now);
/* A packet of the router's own goes back where the one came from that it answers. */
void fwd_answer(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
		us_t now);

#endif
