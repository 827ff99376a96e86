/* What routers tell each other, in order to agree: HELLO with digests, PULL and TABLE where digests differ, DELTA with
 * ACK, QUERY with ANSWER, PRESENCE with PRESENT.  A router speaks only for bindings of its own. */
#ifndef VR_SYNC_H
#define VR_SYNC_H

#include "vr/vr.h"

/* HELLOs to everybody, requests for tables, repeats of queries; when to be called next. */
us_t sync_run(struct vr *vr, us_t now);
void sync_hello(struct vr *vr, struct peer *peer, us_t now);
void sync_heard(struct vr *vr, struct peer *peer, const uint8_t *data, size_t size, us_t now);
/* There are keys for the peer, which has shown that it is alive and who it is: what is for it can go. */
void sync_up(struct vr *vr, struct peer *peer, us_t now);
/* The peer is no longer reachable. */
void sync_down(struct vr *vr, struct peer *peer, us_t now);
/* Takes in what a peer says of an EID of its own: of a VN that it is in. */
enum sync_verdict sync_take_in(struct vr *vr, struct peer *peer, vn_id_t vn,
			       const struct sync_binding *sb, us_t now);
/* A binding as it is carried in messages. */
struct sync_binding sync_carry(const struct binding *b);
/* Sends one message; a negative result means it was not sent. */
int sync_send(void *vr, uint32_t slot, const struct sync_msg *msg);

#endif
