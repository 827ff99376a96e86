/* Where does the machine really answer?  Asks the own LAN by ARP and other routers by PRESENCE, to settle what a single
 * sighting cannot: a late frame, a failed migration that resumes at its source, a duplicate, an RFC
 * 5227 probe.
 *
 * Only an ARP reply to our own probe counts as an answer: it cannot be a late frame. */
#ifndef MIGRATION_PRESENCE_H
#define MIGRATION_PRESENCE_H

#include "base/err.h"
#include "base/types.h"

enum presence_purpose {
	PRESENCE_CONFIRM, /* we claimed it: is it really here? */
	PRESENCE_DOUBT,   /* another router owns it, yet it seems to be here */
	PRESENCE_ASKED,   /* another router asks us */
	PRESENCE_DEFEND, /* somebody here probes for an address (RFC 5227) that another router owns: is that one alive? */
};

/* Local probes at these times after the start, then the LAN has said no. */
#define PRESENCE_LOCAL_DEADLINE (300 * US_MS)
/* An owner that cannot be reached by then is not waited for. */
#define PRESENCE_REMOTE_DEADLINE (700 * US_MS)
/* One that lives and has not answered by then is asked anew, and so is the own LAN: so often in all,
 * in less than DETECTOR_DOUBT. */
#define PRESENCE_ROUNDS 6
/* A step that is later than this has been kept waiting by the router, and waits as long again. */
#define PRESENCE_LATE (20 * US_MS)
/* A claimed machine that has not been heard by then is looked for at the router it came from. */
#define PRESENCE_CONFIRM_DEADLINE (350 * US_MS)
/* Checks of each purpose under way at once, and of PRESENCE_ASKED for each router that asks: whoever floods us with one kind
 * does not stop the others.  Networks share them: a full purpose gives up the oldest check of the
 * network that has most,
 * but for one of a network that has no fewer. */
#define PRESENCE_CHECKS_MAX 512
#define PRESENCE_ASKED_MAX  64
#define PRESENCE_PURPOSES   4

struct presence_ops {
	/* ARP request for 'ip' on the own LAN, by broadcast: a switch may hold the machine's MAC on our own port since we claimed it,
	 * and would not deliver one that is for it alone. */
	void (*probe)(void *ctx, vn_id_t vn, struct addr ip);
	/* PRESENCE to another router; false when it is not up. 'question' is its number, kept when it is asked again. */
	bool (*ask)(void *ctx, struct vr_id whom, uint32_t question, vn_id_t vn, struct addr ip);
	/* PRESENT to the router that asked, to that question. */
	void (*tell)(void *ctx, struct vr_id whom, uint32_t question, vn_id_t vn, struct addr ip,
		     struct mac mac, bool present, us_t now);
	/* DOUBT is settled: it is here and not there. */
	void (*take)(void *ctx, vn_id_t vn, struct addr ip, struct mac mac, us_t now);
	/* DOUBT is settled: it answers at both; or here, and the owner, which lives, does not say. */
	void (*duplicate)(void *ctx, vn_id_t vn, struct addr ip, struct mac mac, struct vr_id other,
			  bool is_told, us_t now);
	/* DEFEND: the owner's machine answers; 'requester' sent the probe. */
	void (*defend)(void *ctx, vn_id_t vn, struct addr ip, struct mac requester, us_t now);
};

struct presence;

struct presence *presence_create(const struct presence_ops *ops, void *ctx);
void presence_destroy(struct presence *p);

/* Starts a check, any but ASKED, unless the same one is under way.  'other': CONFIRM the router it came from (may be none),
 * DOUBT and DEFEND the owner.  'mac': the machine's; DEFEND: the requester's.  Refused when
 * too many are under way. */
void presence_start(struct presence *p, enum presence_purpose purpose, vn_id_t vn, struct addr ip,
		    struct mac mac, struct vr_id other, us_t now);
/* A PRESENCE came: starts the check ASKED, unless that question is being looked into.  Refused as above. */
void presence_asked(struct presence *p, struct vr_id from, uint32_t question, vn_id_t vn,
		    struct addr ip, us_t now);
/* The machine answered an ARP probe of ours on the own LAN.  CONFIRM goes on until presence_stop(). */
void presence_answered(struct presence *p, vn_id_t vn, struct addr ip, struct mac mac, us_t now);
/* A PRESENT came.  One to a question that is not being asked (any more) says nothing: each time a far owner is asked again until
 * it answers, it answers again. */
void presence_told(struct presence *p, struct vr_id from, uint32_t question, vn_id_t vn,
		   struct addr ip, bool present, us_t now);
/* The EID has another owner now: who doubted the old one doubts this one, from the beginning. */
void presence_moved(struct presence *p, vn_id_t vn, struct addr ip, struct vr_id owner, us_t now);
/* Ends CONFIRM (it was heard, or left) or all checks of an EID whose owner has changed. */
void presence_stop(struct presence *p, enum presence_purpose purpose, vn_id_t vn, struct addr ip);
/* Is such a check under way? */
bool presence_has(const struct presence *p, enum presence_purpose purpose, vn_id_t vn,
		  struct addr ip);
/* Checks that were refused or given up, since too many were under way. */
uint64_t presence_refused(const struct presence *p);
/* Does one step of each check that is due.  A router that has stood still and comes late to a step does it a little later, and the
 * rest after it: what has come meanwhile is to be read first.  When it is to be called again, or
 * US_NEVER. */
us_t presence_run(struct presence *p, us_t now);

#endif
