/* Management actions: the cloud has given a machine that is its own router another place on the
 * underlay, and says so to any router of the network, which tells the machine's router.
 *
 * An action is delivered as soon as there is a way and repeated until it is answered, at most for
 * ten seconds; the router that carries it out does so once, however often it comes.  Who may give
 * actions is a matter of configuration.  Bounded: ACTIONS_MAX of each kind, the oldest that are
 * settled go. */
#ifndef VR_ACTION_H
#define VR_ACTION_H

#include "vr/vr.h"

#define ACTIONS_MAX 32

struct actions;

struct action_order {
	vn_id_t vn;
	struct addr eid; /* of the machine */
	uint8_t act;     /* enum sync_act */
	struct addr address;
	uint8_t len;
	struct addr gateway; /* family NONE: the default route stays */
};

/* What has come of an action that was given here. */
struct action_state {
	struct action_order order;
	struct vr_id whom;
	bool is_settled;
	bool is_known;   /* whom it was for has answered */
	uint8_t outcome; /* enum sync_outcome; settled and not known: it did not answer */
	uint16_t detail;
	us_t took;
};

struct actions *actions_create(void);
void actions_destroy(struct actions *a);
/* Begins one that was given here.  0 and '*number' (from 1 on); -ESRCH: no router is known to have the EID; -ENXIO: it is
 * on a LAN of this router; -EBUSY: too many are under way. */
MUST_USE int action_start(struct vr *vr, const struct action_order *order, uint32_t *number,
			  us_t now);
/* False when there is none of this number any more. */
bool action_find(const struct vr *vr, uint32_t number, struct action_state *out);
/* Counts those that were settled: another number says that there is something to look at. */
uint64_t actions_settled(const struct vr *vr);
/* For struct vr_io's 'act'. */
void action_done(struct vr *vr, uint32_t token, enum sync_outcome outcome, uint16_t detail,
		 us_t now);
/* An address of the machine that this router runs on: its own, or with the model "interface" the machine's. */
bool action_is_own(const struct site *site, struct addr eid);
/* Sends what is due, gives up what took too long; when to be called next. */
us_t actions_run(struct vr *vr, us_t now);
/* Messages, for sync.c. */
void action_heard(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now);
void action_outcome_heard(struct vr *vr, struct peer *peer, const struct sync_msg *msg, us_t now);

#endif
