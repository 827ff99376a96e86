/* ICMP errors about packets that the router cannot forward. */
#ifndef VR_FWD_ICMP_H
#define VR_FWD_ICMP_H

#include "vr/vr.h"
#include "wire/ip.h"

/* Where a packet came from, which is where an error about it goes. */
struct fwd_origin {
	struct mac mac;          /* from the LAN */
	const struct peer *peer; /* from a peer, otherwise NULL */
	struct addr rloc;        /* plain from this locator, otherwise NONE */
};

/* Tells the sender of 'f' (at its IP header) if that is allowed and it has not been told enough already.  'mtu' is read for
 * ICMP_TOO_BIG only. */
void fwd_error(struct vr *vr, struct site *site, const struct fwd_origin *origin,
	       const struct frame *f, const struct ip *ip, enum icmp_error error, uint32_t mtu,
	       us_t now);

#endif
