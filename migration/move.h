/* News to all routers: what changed in the own table is sent to every router of the VN in parallel, each on its own is
 * waited for, and asked again on the scale of its round-trip time.  A move is such news with a
 * record of its own.
 *
 * What is not acknowledged after MOVE_TRIES is left to the digests. */
#ifndef MIGRATION_MOVE_H
#define MIGRATION_MOVE_H

#include "base/err.h"
#include "base/types.h"
#include "migration/report.h"
#include "tables/hwdt.h"
#include "tables/peer.h"
#include "wire/sync.h"

#define MOVE_TRIES 10
/* First retry after two round trips, at least this; doubled each time up to MOVE_RETRY_MAX. */
#define MOVE_RETRY_MIN (10 * US_MS)
#define MOVE_RETRY_MAX (1 * US_S)
/* News under way at once; more are left to the digests. */
#define MOVE_NEWS_MAX 1024

struct move_ops {
	/* Sends now.  A negative result counts as lost. */
	int (*send)(void *ctx, uint32_t slot, const struct sync_msg *msg);
	/* The router 'from' has newer news of this EID: its counter and owner. */
	void (*stale)(void *ctx, struct vr_id from, vn_id_t vn, struct addr ip, mobility_t newest,
		      struct vr_id owner, us_t now);
};

struct moves;

/* Everything is borrowed.  NULL when memory is short. */
struct moves *moves_create(struct vr_id self, const struct hwdt *hwdt, struct peers *peers,
			   struct reports *reports, const struct move_ops *ops, void *ctx);
void moves_destroy(struct moves *m);

/* Tells all routers of the VN that are up about up to SYNC_BINDINGS_MAX bindings of ours.  'report' 0: no move; otherwise the
 * number of its record, whose acks are filled in here.  0 or -ENOBUFS (nothing sent: the digests
 * will do it, and the record says that nobody is waited for). */
MUST_USE int moves_tell(struct moves *m, vn_id_t vn, const struct binding *bindings, size_t count,
			struct vr_id previous, uint64_t report, us_t now);
/* An ACK came from the peer. */
void moves_acked(struct moves *m, const struct peer *peer, const struct sync_msg *msg, us_t now);
/* Repeats what is due; when to be called next. */
us_t moves_run(struct moves *m, us_t now);
/* News under way. */
size_t moves_pending(const struct moves *m);

#endif
