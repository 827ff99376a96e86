/* Many deadlines of a second's precision: a ring of 4096 slots of one second.
 *
 * Members are numbers from 1 to 'max', each in at most one slot.  A deadline farther away than the
 * ring is long is put at its end: who takes a member out asks its real deadline and adds it again
 * if it is not yet. */
#ifndef LISP_WHEEL_H
#define LISP_WHEEL_H

#include "base/err.h"
#include "base/types.h"

#define WHEEL_SLOTS 4096
#define WHEEL_NEVER UINT32_MAX

struct wheel_link {
	uint32_t prev, next; /* 'prev' of the first: WHEEL_FIRST and the slot; both 0: nowhere */
};

struct wheel {
	struct wheel_link *links;
	uint32_t max; /* members */
	uint32_t *heads;
	uint64_t used[WHEEL_SLOTS / 64]; /* slots that have members */
	uint64_t words;                  /* of 'used' that are not 0 */
	uint32_t now;                    /* everything before this second was taken */
};

/* 0 or -ENOMEM. */
MUST_USE int wheel_init(struct wheel *w, uint32_t max);
void wheel_fini(struct wheel *w);
/* 'due' in seconds; the member is nowhere. */
void wheel_add(struct wheel *w, uint32_t member, uint32_t due);
/* No-op for a member that is nowhere. */
void wheel_remove(struct wheel *w, uint32_t member);
/* Takes out one whose second is 'now' or earlier; 0 when there is none. */
uint32_t wheel_take(struct wheel *w, uint32_t now);
/* The second of the earliest member, or WHEEL_NEVER. */
uint32_t wheel_next(const struct wheel *w);

#endif
