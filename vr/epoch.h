/* The control thread's clock of changes.
 *
 * Whatever decisions depend on has changed when the clock has moved: a decision of another time is
 * none.  The clock also
 * says when memory may be freed: what was taken away at time T is not looked at any more as soon as
 * no reader
 * is at work that has come before T (quiescent-state reclamation). */
#ifndef VR_EPOCH_H
#define VR_EPOCH_H

#include <stdatomic.h>

#include "base/types.h"

#define EPOCH_IDLE UINT64_MAX

struct epoch {
	_Atomic uint64_t now; /* 1 at first */
};

struct epoch_reader {
	_Atomic uint64_t seen; /* EPOCH_IDLE: it holds nothing */
};

/* A reader begins a piece of work: what it finds must be of the time that this returns. */
static inline uint64_t
epoch_enter(struct epoch *e, struct epoch_reader *r)
{
	uint64_t now;

	/* Held back from the first moment on: the clock is read after everybody can see that. */
	atomic_store(&r->seen, 0);
	now = atomic_load(&e->now);
	atomic_store(&r->seen, now);
	return now;
}

static inline void
epoch_leave(struct epoch_reader *r)
{
	atomic_store_explicit(&r->seen, EPOCH_IDLE, memory_order_release);
}

static inline uint64_t
epoch_now(struct epoch *e)
{
	return atomic_load_explicit(&e->now, memory_order_acquire);
}

/* For the one thread that writes. */
static inline uint64_t
epoch_advance(struct epoch *e)
{
	return atomic_fetch_add(&e->now, 1) + 1;
}

/* Has this reader begun its work at 'time' or later, or none? */
static inline bool
epoch_has_passed(struct epoch_reader *r, uint64_t time)
{
	return atomic_load(&r->seen) >= time;
}

#endif
