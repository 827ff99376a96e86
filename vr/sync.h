/* What routers tell each other, in order to agree: HELLO with digests, PULL and TABLE where digests differ, DELTA with
 * ACK, QUERY with ANSWER, PRESENCE with PRESENT.  A router speaks only for bindings of its own. */
#ifndef VR_SYNC_H
#define VR_SYNC_H

#include "vr/vr.h"

/* HELLOs to everybody, requests for tables, repeats of queries; when to be called next. */
us_t sync_run(struct vr *vr, us_t now);
void sync_hello(struct vr *vr, struct peer *peer, us_t now);
void sync_heard(struct vr *vr, struct peer *peer, const uint8_t *data, size_t size, us_t now);
/* The peer is no longer reachable. */
void sync_down(struct vr *vr, struct peer *peer, us_t now);
/* Asks all routers of the VN in parallel who has this MAC ('ip' family NONE) or this EID, and for an
 * EID the own LAN too.  Repeated a few times; one query for the same thing at a time.  The row,
 * valid for this event; NULL when there are too many questions. */
struct vr_query *sync_query(struct vr *vr, vn_id_t vn, struct mac mac, struct addr ip, us_t now);
/* The query for this MAC or EID that is under way, or NULL. */
struct vr_query *sync_query_find(struct vr *vr, vn_id_t vn, struct mac mac, struct addr ip);
/* Asks only this router whether it has the EID: it speaks for it already. */
void sync_query_one(struct vr *vr, const struct peer *peer, vn_id_t vn, struct addr ip, us_t now);
/* Sends one message; a negative result means it was not sent. */
int sync_send(void *vr, uint32_t slot, const struct sync_msg *msg);

#endif
