/* What sync.c and sync_table.c share; everyone else includes vr/sync.h. */
#ifndef VR_SYNC_PRIV_H
#define VR_SYNC_PRIV_H

#include "vr/sync.h"

/* sync_run() is needed by then. */
void sync_due_by(struct vr *vr, us_t due);

/* ---- sync_table.c ---- */

/* Of a HELLO: where it differs from our picture of the peer's table for long, that is asked for. */
void sync_hear_digest(struct vr *vr, struct peer *peer, const struct sync_digest *d, us_t now);
/* What was pulled from it before says nothing of the table that it has now. */
void sync_peer_restarted(struct peer *peer);
/* Asks, and asks again; when to be called next. */
us_t sync_pull_run(struct vr *vr, struct peer *peer, struct peer_vn *pv, us_t now);
void sync_hear_pull(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now);
void sync_hear_table(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now);
void sync_hear_newer(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now);

#endif
