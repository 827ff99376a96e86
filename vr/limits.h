/* What keeps machines and routers from making others work, or believe, without end: EIDs that move too often are frozen, and
 * a counter is raised on another router's word only so far and so often. */
#ifndef VR_LIMITS_H
#define VR_LIMITS_H

#include "vr/vr.h"

/* A counter grows by one with each move.  News that raises it by more than an epoch at once is broken or hostile: it would bring
 * the counter to its end, where no claim can be larger any more. */
#define LIMITS_JUMP ((mobility_t)1 << 32)
/* The same for an EID of which nothing is known yet. */
#define LIMITS_MOBILITY_MAX ((mobility_t)1 << 63)
/* A counter is raised on another router's word at most so often: what is told meanwhile waits. */
#define LIMITS_RAISE_PACE (1 * US_S)

/* Could the counter have come so far by moves?  Whoever has an EID may count as it likes: only so it can say again what it has
 * said before it lost its memory. */
bool limits_in_reach(const struct vr *vr, const struct binding *b);
/* The EID has another owner now, whoever it is: too many of these in a short time freeze it. */
void limits_moved(struct vr *vr, const struct site *site, const struct binding *b, us_t now);
/* Has the EID moved too often? */
bool limits_is_frozen(const struct vr *vr, vn_id_t vn, struct addr ip, us_t now);
/* A frozen EID was heard here: when it may move again, it is asked whether it is here, for it may have nothing more to say. */
void limits_look_later(struct vr *vr, vn_id_t vn, struct addr ip);
/* Larger than everything that is known of the EID. */
mobility_t limits_next(const struct vr *vr, vn_id_t vn, struct addr ip);
/* The router 'from' says that an EID of ours has the counter 'newest' and belongs to 'owner'.  False when it is old news, or
 * not to be believed (counted): one of the two may not have the EID, or the counter leaps. */
bool limits_told(struct vr *vr, struct vr_id from, vn_id_t vn, struct addr ip, mobility_t newest,
		 struct vr_id owner);
/* An EID of ours says itself again, larger than what was told: now, or when that may be. */
void limits_raise(struct vr *vr, vn_id_t vn, struct addr ip, us_t now);
/* Raises and looks for what had to wait; when to be called next. */
us_t limits_run(struct vr *vr, us_t now);

#endif
