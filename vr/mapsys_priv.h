/* What the parts of the mapping system's side share; everyone else includes vr/mapsys.h. */
#ifndef VR_MAPSYS_PRIV_H
#define VR_MAPSYS_PRIV_H

#include "vr/mapsys.h"
#include "vr/pending.h"
#include "vr/sync.h"

/* A pair that mapsys_sender() was told of lately. */
struct sender {
	vn_id_t vn;
	struct addr eid, rloc;
	us_t again; /* when it counts as news */
};

#define MAPSYS_SENDERS 256

/* A message to the peers about who asked: it is said MAPSYS_SAID times. */
struct mapsys_said {
	struct sync_msg msg;
	us_t first, due;
	unsigned times; /* that it was said; 0: nothing is here */
};

struct mapsys {
	struct vr *vr;
	struct mapcache *cache;
	struct xtr *xtr;
	uint64_t cursor;         /* of the change feed */
	us_t followed;           /* when it was read to its end */
	struct pending *pending; /* for mappings of their destinations */
	/* For those of their sources: strangers cannot push out the others. */
	struct pending *sources;
	struct mapping *petrs; /* of each site */
	struct sender senders[MAPSYS_SENDERS];
	struct sync_msg asked; /* that the peers are told next; without rows: nothing */
	struct mapsys_said said[MAPSYS_SAID_MAX];
	size_t said_next;
	us_t said_due;
	struct log_gate full; /* for lines about registrations without room */
	us_t asked_spent;     /* until then what was used of the allowance has not come back */
	us_t retell_due;      /* see mapsys_retell(); US_NEVER: nothing to say */
	struct addr rtr;      /* see mapsys_rtr() */
};

/* Is this a VN with "vns[].lisp"? */
bool mapsys_takes_part(struct vr *vr, vn_id_t vn);

/* ---- mapsys_own.c: own EIDs and who registers them ---- */

/* Registers all that the tables and the configuration say; mapsys_own_review() takes out the rest, too. */
void mapsys_own_register(struct mapsys *m, us_t now);
void mapsys_own_review(struct mapsys *m, us_t now);
/* One change of a binding. */
void mapsys_own_follow(struct mapsys *m, const struct change *c, us_t now);
/* Changes up to 'to' were missed. */
void mapsys_own_catch_up(struct mapsys *m, us_t to, us_t now);

/* ---- mapsys_locators.c: which locators are proxies, and which are peers ---- */

/* The locators of proxies are those of the configuration. */
void mapsys_review_petrs(struct mapsys *m, us_t now);
/* Which peer is reached at each locator: through its session the way is sealed. */
void mapsys_find_peers(struct mapsys *m, struct mapping *mapping);

/* ---- mapsys_xtr.c: what the xTR says and wants to know ---- */

extern const struct xtr_ops mapsys_xtr_ops; /* their 'ctx' is the struct mapsys */

/* Where the EID is, as the xTR is told; 'ctx' as above. */
bool mapsys_place(void *ctx, vn_id_t vn, struct addr eid, struct xtr_place *out);

/* ---- mapsys_leave.c: machines that went where only the mapping system knows ---- */

/* As xtr_ops.departed(). */
bool mapsys_departed(void *ctx, vn_id_t vn, struct addr eid, uint16_t version,
		     const struct addr *rlocs, size_t count, us_t now);
/* Where the mapping system says that it is: 'out' gets its locators; false when there are none. */
bool mapsys_place_mapped(const struct mapsys *m, vn_id_t vn, struct addr eid,
			 struct xtr_place *out);

/* ---- mapsys_asked.c: what the peers hear of who asked ---- */

/* As xtr_ops.asked(). */
bool mapsys_asked(void *ctx, vn_id_t vn, struct addr eid, struct addr rloc, us_t now);
/* The peers of the VN hear who asked, where there is anything to say. */
void mapsys_tell_asked(struct mapsys *m, us_t now);
/* Says it again; returns when to be called again. */
us_t mapsys_say_again(struct mapsys *m, us_t now);
/* Goes on with what mapsys_retell() began; returns when to be called again. */
us_t mapsys_retell_run(struct mapsys *m, us_t now);

#endif
