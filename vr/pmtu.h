/* How large a packet the path to one peer takes (RFC 8899), as underlay IP packet sizes.
 *
 * Starts from a size that always works, tries the largest at once, searches when that fails,
 * confirms what it found from time to time and falls back when the confirmation is lost three
 * times although the peer is heard. */
#ifndef VR_PMTU_H
#define VR_PMTU_H

#include "base/types.h"

#define PMTU_BASE 1280
#define PMTU_MAX  65000

enum pmtu_state { PMTU_STOPPED = 0, PMTU_SEARCH, PMTU_HOLD, PMTU_CONFIRM };

struct pmtu {
	uint16_t base, max;
	uint16_t size;    /* confirmed; never below base */
	uint16_t ceiling; /* smallest size that is known to fail; max + 1: none */
	uint16_t probe;   /* in search and confirm: the size that is being tried */
	uint8_t state;    /* enum pmtu_state */
	uint8_t tries;    /* of 'probe', so far */
	us_t probe_since; /* first try of 'probe' */
	us_t due;         /* next thing to do */
	us_t raise_at;    /* in hold, below the maximum: when to search again */
};

void pmtu_init(struct pmtu *p, uint16_t max);
/* The path is new: back to the base and probe at once. */
void pmtu_start(struct pmtu *p, us_t now);
void pmtu_stop(struct pmtu *p);
/* Does what is due.  Returns the size to probe now, or 0.  'heard': when the peer was last
 * heard.  May lower p->size. */
uint16_t pmtu_run(struct pmtu *p, us_t now, us_t heard);
/* The peer says that a probe of this size arrived. */
void pmtu_acked(struct pmtu *p, uint16_t size, us_t now);
/* The kernel refused to send this size: known to fail, without waiting.  May lower p->size. */
void pmtu_refused(struct pmtu *p, uint16_t size, us_t now);

#endif
