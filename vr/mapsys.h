/* The mapping system's side of a router: an xTR and its map-cache, beside the tables that routers push to each other.
 *
 * A destination that GNDT knows nothing of is looked up in the map-cache, and asked for when it is
 * not there; its first packets wait for the answer.  Own prefixes and the machines that live
 * here away from home are registered; what changes about them is read from the change feed.  The
 * mapping system says nothing about EIDs that GNDT knows: these are the routers' own to tell, but
 * for a machine that
 * has left for a site that is no router of ours. */
#ifndef VR_MAPSYS_H
#define VR_MAPSYS_H

#include "lisp/xtr.h"
#include "vr/fwd_icmp.h"
#include "vr/vr.h"

/* What the peers are told of who asked is said so often, of the newest so many messages. */
#define MAPSYS_SAID     3
#define MAPSYS_SAID_MAX 32

struct mapsys;

struct mapsys_start {
	const struct lisp_io *io; /* borrowed */
	void *io_ctx;
	struct xtr_conf xtr; /* copied */
	size_t cache_max;
	uint64_t nonce; /* see xtr_create() */
};

/* Gives the router an xTR, as vr->mapsys; vr_destroy() takes it back.  0 or -ENOMEM. */
MUST_USE int mapsys_create(struct vr *vr, const struct mapsys_start *start, us_t now);
void mapsys_destroy(struct mapsys *m);

/* A control message; false when it is not for an xTR. */
bool mapsys_heard(struct vr *vr, const struct endpoint *from, const uint8_t *data, size_t size,
		  us_t now);
/* Follows what changed, does what is due; when to be called next.  Without an xTR: US_NEVER. */
us_t mapsys_run(struct vr *vr, us_t now);
/* After vr_reload(): own prefixes may be others. */
void mapsys_reload(struct vr *vr, us_t now);

/* Asks for the destination and keeps a copy of the packet until it is known (vr/pending.h). */
void mapsys_wait(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		 const struct frame *f, const struct ip *ip, us_t now);
/* The same for a packet that a proxy lets out when it knows its source's mapping; that is asked for even where one is there.
 * False, and nothing done, when it may not be asked for now. */
MUST_USE bool mapsys_wait_source(struct vr *vr, struct site *site, const struct fwd_origin *origin,
				 const struct frame *f, const struct ip *ip, us_t now);
/* The locators of "vns[].lisp.petrs", the preferred first, as a mapping that is in no map-cache; NULL: none. */
const struct mapping *mapsys_petrs(const struct mapsys *m, const struct site *site);
/* A packet from 'source' for a local EID came from this locator: who sends has a mapping, and wants to hear of changes. */
void mapsys_sender(struct vr *vr, const struct site *site, struct addr eid, struct addr rloc,
		   struct addr source, us_t now);
/* A packet from this locator was for an EID that is elsewhere: it should know. */
void mapsys_astray(struct vr *vr, const struct site *site, struct addr eid, struct addr rloc,
		   us_t now);
/* Was the EID here, and is where only the mapping system knows?  Then its packets go by the map-cache, whatever GNDT says. */
bool mapsys_has_left(const struct vr *vr, vn_id_t vn, struct addr eid);
/* The peer says that this locator asked for the EID. */
void mapsys_told(struct vr *vr, vn_id_t vn, struct addr eid, struct addr rloc, us_t now);

/* A packet from inside of a data packet for the mapping system itself (Data-Map-Notify), at its IP header. */
void mapsys_heard_inside(struct vr *vr, const uint8_t *packet, size_t size, us_t now);
/* All data goes to this RTR from now on, because of a NAT; NONE: as the mappings say. */
void mapsys_way_out(struct mapsys *m, struct addr rtr, us_t now);
/* Our RTR, which all data goes to because of a NAT, or NONE. */
struct addr mapsys_rtr(const struct mapsys *m);

/* Keys with the peer are there (and it is reached somewhere), or gone. */
void mapsys_peer(struct vr *vr, uint32_t slot, bool up);
/* This peer is up, and knows nothing: it is told who asked for EIDs that may move, little by little. */
void mapsys_retell(struct vr *vr, struct peer *peer, us_t now);

struct mapcache *mapsys_cache(const struct mapsys *m);
struct xtr *mapsys_xtr(const struct mapsys *m);

#endif
