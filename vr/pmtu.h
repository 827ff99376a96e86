/* How large a packet the path to one peer takes (RFC 8899), as underlay IP packet sizes.
 *
 * Starts from a size that nearly every path takes and tries the largest at once, with the first
 * size beside
 * it until that is confirmed; searches when that fails, confirms what it found from time to time
 * and
 * falls back when the confirmation is lost three times although the peer is heard.  Where not even
 * the
 * first size passes, it goes down to what the protocol promises and searches from there. */
#ifndef VR_PMTU_H
#define VR_PMTU_H

#include "base/types.h"

#define PMTU_BASE 1280
#define PMTU_MAX  65000
/* Passes always: every IPv6 link takes that much, every IPv4 host puts that much together. */
#define PMTU_LOW_V4 576
#define PMTU_LOW_V6 1280

enum pmtu_state { PMTU_STOPPED = 0, PMTU_SEARCH, PMTU_HOLD, PMTU_CONFIRM };

struct pmtu {
	uint16_t low, base, max;
	uint16_t size;    /* what is used; never below low */
	uint16_t ceiling; /* smallest size that is known to fail; max + 1: none */
	uint16_t probe;   /* in search and confirm: the size that is being tried */
	uint8_t state;    /* enum pmtu_state */
	uint8_t tries;    /* of 'probe', so far */
	bool proven;      /* 'size' is confirmed; otherwise it is the base and is probed as well */
	bool beside;      /* that probe is still to be sent in this try */
	us_t probe_since; /* first try of 'probe' */
	us_t due;         /* next thing to do */
	us_t raise_at;    /* in hold, below the maximum: when to search again */
};

void pmtu_init(struct pmtu *p, uint16_t max);
/* The path is new: back to the base and probe at once.  'low': one of the above. */
void pmtu_start(struct pmtu *p, uint16_t low, us_t now);
/* The same for a path of which is known that 'size' passes: no smaller one is used meanwhile. */
void pmtu_resume(struct pmtu *p, uint16_t low, uint16_t size, us_t now);
void pmtu_stop(struct pmtu *p);
/* Does what is due, to be called until it returns 0.  Returns the size to probe now, or 0.  'heard': when the peer was last
 * heard.  May lower p->size. */
uint16_t pmtu_run(struct pmtu *p, us_t now, us_t heard);
/* The peer says that a probe of this size arrived. */
void pmtu_acked(struct pmtu *p, uint16_t size, us_t now);
/* The kernel refused to send this size: known to fail, without waiting.  May lower p->size. */
void pmtu_refused(struct pmtu *p, uint16_t size, us_t now);

#endif
