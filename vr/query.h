/* Questions to the other routers that are under way, and theirs to us: who has this MAC, or this EID?
 *
 * Two tables, so that questions of one kind leave room for the other: a RARP that must be resolved
 * is a move that
 * waits.  Networks share each of them (base/share.h). */
#ifndef VR_QUERY_H
#define VR_QUERY_H

#include "vr/vr.h"

/* Asks all routers of the VN in parallel who has this MAC ('ip' family NONE) or this EID, and for an
 * EID the own LAN too.  Repeated a few times; one query for the same thing at a time.  The row,
 * valid for this event; NULL when there are too many questions (counted).  By MAC, a full table
 * gives up the
 * oldest question of the network that asks most; by EID, only that of a network that asks more than
 * this one,
 * for every packet to an address that nobody has is a question. */
struct vr_query *query_start(struct vr *vr, struct site *site, struct mac mac, struct addr ip,
			     us_t now);
/* The query for this MAC or EID that is under way, or NULL. */
struct vr_query *query_find(struct vr *vr, vn_id_t vn, struct mac mac, struct addr ip);
/* Asks only this router whether it has the EID: it speaks for it already. */
void query_one(struct vr *vr, struct site *site, const struct peer *peer, struct addr ip, us_t now);
/* A QUERY or an ANSWER came. */
void query_heard(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now);
void query_answered(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now);
/* Repeats what is due; when to be called next. */
us_t query_run(struct vr *vr, us_t now);

#endif
