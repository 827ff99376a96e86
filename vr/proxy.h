/* A proxy (RFC 6832): machines on the outside, which know nothing of LISP, reach the EIDs of a VN through it, and these
 * reach them.
 *
 * As a PITR it takes in what comes from outside for the EID-prefixes that it serves and sends it to
 * the
 * EID's site, like an ITR whose sources are no EIDs.  As a PETR it lets out what comes over the
 * underlay from EIDs that it serves; what it is not sure of waits for the mapping of the source. */
#ifndef VR_PROXY_H
#define VR_PROXY_H

#include "vr/fwd_icmp.h"
#include "vr/vr.h"
#include "wire/ip.h"

/* Does the proxy serve this EID? */
bool proxy_serves(const struct site *site, struct addr eid);
/* Is the site a Proxy-ETR that lets out what is for this address, as far as can be known without asking? */
bool proxy_lets_out(const struct vr *vr, const struct site *site, struct addr to);
/* A packet from outside, at its IP header, in a frame to 'to'. */
void proxy_from_outside(struct vr *vr, struct site *site, const struct fwd_origin *origin,
			struct mac to, struct frame *f, const struct ip *ip, us_t now);
/* A packet over the underlay, at its IP header, whose sender may speak for its source as far as GNDT and LNDT know. */
void proxy_from_underlay(struct vr *vr, struct site *site, const struct fwd_origin *origin,
			 struct frame *f, const struct ip *ip, us_t now);
/* The same again: it has waited for the mapping of its source, which is as it is now. */
void proxy_from_waiting(struct vr *vr, struct site *site, const struct fwd_origin *origin,
			struct frame *f, const struct ip *ip, us_t now);

#endif
