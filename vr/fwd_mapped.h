/* Packets whose way the mapping system knows: to a locator, plain or sealed; and plain ones that come in. */
#ifndef VR_FWD_MAPPED_H
#define VR_FWD_MAPPED_H

#include "tables/mapcache.h"
#include "vr/fwd_icmp.h"
#include "vr/vr.h"
#include "wire/ip.h"
#include "wire/lispdata.h"

/* A packet, at its IP header, for a destination that GNDT knows nothing of: to the locator of its
 * mapping, into the queue of those that wait for one, or out of the VN. */
void fwd_by_mapping(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		    struct frame *f, const struct ip *ip, us_t now);
/* The same where the destination may also be a mobile one that the routers are asked for. */
void fwd_unrouted(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		  struct frame *f, const struct ip *ip, us_t now);
/* How packets of a VN travel to a locator: sealed where it is a peer's with whom there is a session, if
 * that is wanted; otherwise plain, if that may be. */
enum fwd_way { FWD_PLAIN = 0, FWD_SEALED, FWD_REFUSED };
enum fwd_way fwd_way_to(const struct vr *vr, const struct site *site, const struct map_locator *l);
/* May packets of the VN travel plain to this locator, and from it? */
bool fwd_may_be_plain(const struct vr *vr, const struct site *site, struct addr rloc);
/* A packet, at its IP header, to a place on the underlay, made to fit. */
void fwd_plain(struct vr *vr, struct site *site, const struct fwd_origin *origin,
	       const struct plain_to *to, struct frame *f, const struct ip *ip, us_t now);
/* A packet, at its IP header, that leaves the VN: to the first proxy that can be reached.  When none can, it
 * is dropped.  False, and nothing done, where there is no proxy. */
MUST_USE bool fwd_to_proxy(struct vr *vr, struct site *site, const struct fwd_origin *origin,
			   struct frame *f, const struct ip *ip, us_t now);
/* A packet of the router's own back to a locator. */
void fwd_answer_plain(struct vr *vr, struct site *site, struct addr rloc, struct frame *f,
		      us_t now);
/* A plain LISP packet from the underlay, at its inner IP header. */
void fwd_from_plain(struct vr *vr, const struct endpoint *from, const struct lispdata *header,
		    struct frame *f, us_t now);

#endif
