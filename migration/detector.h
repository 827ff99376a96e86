/* What a sighting means.  A sighting is any RARP, ARP or frame source address heard on a LAN port (our own injections
 * are never one).  Pure questions to the tables: nothing is changed here. */
#ifndef MIGRATION_DETECTOR_H
#define MIGRATION_DETECTOR_H

#include "base/types.h"
#include "tables/hwdt.h"
#include "tables/lndt.h"

enum sighting_kind {
	SIGHTING_RARP, /* a hypervisor speaks for the machine: MAC only */
	SIGHTING_GARP, /* sender IP equals target IP */
	SIGHTING_ARP,  /* any other ARP with a sender IP */
	SIGHTING_DATA, /* source of an IP packet */
};

enum detector_verdict {
	VERDICT_KNOWN,    /* it is where HWDT says, here */
	VERDICT_NEW,      /* nobody owns it and it may live here */
	VERDICT_CHANGED,  /* ours, but with another MAC now */
	VERDICT_MOVE,     /* it has come here */
	VERDICT_SUSPECT,  /* it may be here: ask both LANs before believing it */
	VERDICT_GUARDED,  /* a late frame from before it left */
	VERDICT_CONFLICT, /* another machine's address in a data frame: spoofed */
	VERDICT_FOREIGN,  /* it may not live here */
};

/* Late frames of a departed machine are ignored for at least this long (DESIGN section 6). */
#define DETECTOR_GUARD_MIN (50 * US_MS)
/* This long after it left, a frame that claims it is here again is asked about, not believed. */
#define DETECTOR_DOUBT (5 * US_S)
/* A hypervisor repeats its RARP for so long after an arrival: QEMU at 0, 50, 200, 450 and 800 ms. */
#define DETECTOR_SERIES (1100 * US_MS)

struct detector {
	const struct hwdt *hwdt;
	const struct lndt *lndt;
	struct vr_id self;
};

struct sighting {
	enum sighting_kind kind;
	vn_id_t vn;
	struct mac mac;
	struct addr ip; /* the EID in question; of a RARP: one that HWDT knows for the MAC */
	us_t guard;     /* max(2 RTT to the owner, DETECTOR_GUARD_MIN) */
	us_t arrived;   /* when it last arrived here by a move; 0: never */
	us_t now;
};

enum detector_verdict detector_judge(const struct detector *d, const struct sighting *s);

#endif
