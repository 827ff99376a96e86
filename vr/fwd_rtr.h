/* Packets of LISP sites behind a NAT, which have registered through this router (lisp/rtr.h): it decapsulates what they send
 * and encapsulates what is for them, as a Re-encapsulating Tunnel Router. */
#ifndef VR_FWD_RTR_H
#define VR_FWD_RTR_H

#include "lisp/rtr.h"
#include "vr/fwd_icmp.h"
#include "vr/vr.h"
#include "wire/ip.h"

/* Makes the router an RTR, as vr->rtr; vr_destroy() takes it back.  'io' is borrowed.  0 or -errno. */
MUST_USE int fwd_rtr_create(struct vr *vr, const struct rtr_conf *conf, const struct lisp_io *io,
			    void *io_ctx);

/* The prefix behind a NAT that the EID is in, or NULL: also where this router is no RTR, or knows better. */
struct rtr_eid *fwd_rtr_find(const struct vr *vr, const struct site *site, struct addr eid);
/* Does a plain packet from this locator come from a site behind a NAT that is seen there? */
bool fwd_rtr_is_from(const struct vr *vr, const struct site *site, struct addr rloc,
		     const struct ip *ip);

/* Where a plain packet to a site behind a NAT goes. */
struct plain_to fwd_rtr_to(const struct site *site, const struct rtr_eid *eid);
/* A packet whose destination is behind a NAT goes there.  False, and nothing done, for any other. */
MUST_USE bool fwd_rtr_out(struct vr *vr, struct site *site, const struct fwd_origin *origin,
			  struct frame *f, const struct ip *ip, us_t now);
/* The same for a packet that came over the underlay: it loses a hop, so that none goes round for ever. */
MUST_USE bool fwd_rtr_relay(struct vr *vr, struct site *site, const struct fwd_origin *origin,
			    struct frame *f, const struct ip *ip, us_t now);
/* A plain packet whose source is behind a NAT and was seen to come from there: on to wherever its destination is. */
void fwd_rtr_from(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		  struct frame *f, const struct ip *ip, us_t now);

#endif
