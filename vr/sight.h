/* What a sighting sets off: a new or changed binding, a move, a doubt; and what becomes of news about EIDs. */
#ifndef VR_SIGHT_H
#define VR_SIGHT_H

#include "vr/vr.h"

/* The first frame after a move is waited for so long. */
#define SIGHT_FIRST_FRAME (60 * US_S)

/* A RARP for this MAC, heard at 'heard' (earlier than now when the MAC had to be asked for).  False while nothing is known of
 * the MAC that may be here. */
bool sight_rarp(struct vr *vr, struct site *site, struct mac mac, us_t heard, us_t now);
/* An ARP sender or the source of a packet.  True when the machine may speak here now (it is a local one, or has just come).
 * 'kind' is not RARP. */
bool sight_machine(struct vr *vr, struct site *site, enum sighting_kind kind, struct mac mac,
		   struct addr ip, us_t now);
/* Claims the EIDs for this router: tables, routers, own LAN.  'bindings' hold EID, MAC and kind; counters and owner are set
 * here.  'previous' is the owner before. */
void sight_claim(struct vr *vr, struct site *site, struct binding *bindings, size_t count,
		 struct vr_id previous, enum report_trigger trigger, us_t heard, us_t now);
/* The router 'from' says that its news beat a claim or a belief of ours. */
void sight_stale(void *vr, struct vr_id from, vn_id_t vn, struct addr ip, mobility_t newest,
		 struct vr_id owner, us_t now);
/* A binding of another router was taken in, which was ours before ('was' says how). */
void sight_lost(struct vr *vr, struct site *site, const struct hwdt_entry *was,
		const struct binding *b, us_t now);

/* Tells the operator: an event, and a line in the log at times. */
void sight_alarm(struct vr *vr, const struct binding *b, struct vr_id other, const char *text,
		 us_t now);
/* Asks again about EIDs that answered at two sites; when to be called next. */
us_t sight_run(struct vr *vr, us_t now);
extern const struct presence_ops sight_presence_ops;
extern const struct move_ops sight_move_ops;

#endif
