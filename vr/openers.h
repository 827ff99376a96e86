/* Threads that open long trains of records for the control thread, which goes on reading meanwhile.
 *
 * A queue of trains in the order in which they came.  Any thread takes the first one that nobody
 * has taken and opens the
 * records in it; the control thread takes the trains out again in their order, whoever has opened
 * them, so that nothing
 * overtakes anything, be it of one peer or of several.  All that is to be decided about a record is
 * decided there.  Where the
 * control thread has nothing better to do it opens, too: it never waits for a thread that has not
 * begun, and without any it
 * does all by itself.
 *
 * All functions are for the control thread. */
#ifndef VR_OPENERS_H
#define VR_OPENERS_H

#include "base/err.h"
#include "base/types.h"
#include "vr/opener.h"
#include "vr/path.h"

/* Trains that may wait; together they fit into a second-level cache. */
#define OPENERS_TRAINS 16
/* Datagrams of one train that are opened; what is behind them is left. */
#define OPENERS_COUNT_MAX 64

struct openers;

struct openers_train {
	uint8_t *
		buffer; /* memory of the size that was asked for, or, put in its place, another of that size */
	/* Filled in before openers_put(). */
	uint8_t *data;
	size_t size, segment;
	struct path from;
	struct opener *by; /* the keys, held until it is released; NULL: nothing is to be opened */
	uint32_t index;    /* the receiver that they are for */
	/* What was found: enum opener_finding of each datagram. */
	uint8_t findings[OPENERS_COUNT_MAX];
};

/* 'count' threads that do not run yet, with the hands 1 to 'count'; 'headroom' of the 'buffer_size' bytes of each train, both in whole
 * cache lines, are in front of its 'buffer'.  NULL when memory is short, or there are no more file
 * descriptors. */
struct openers *openers_create(unsigned count, size_t buffer_size, size_t headroom);
/* Ends the threads, and gives back the keys.  NULL is allowed. */
void openers_destroy(struct openers *o);
/* 0 or -errno, with none running. */
MUST_USE int openers_start(struct openers *o);

/* Readable when the train that openers_next() missed last is opened, until openers_heard(). */
int openers_fd(const struct openers *o);
void openers_heard(struct openers *o);
/* How many may be put. */
size_t openers_room(const struct openers *o);
bool openers_is_empty(const struct openers *o);
/* The next one to be filled in; there is room.  And it goes on its way. */
struct openers_train *openers_fill(struct openers *o);
void openers_put(struct openers *o);
/* Calls one more thread, which opens as long as there is something. */
void openers_call(struct openers *o);
/* The next one in their order, if it is opened; NULL otherwise.  'helps': what nobody has begun is opened by the caller first.  It
 * stays until openers_release(). */
const struct openers_train *openers_next(struct openers *o, bool helps);
/* All that were taken out are done with. */
void openers_release(struct openers *o);
/* The one that openers_next() missed last is in the hands of a thread: waits for that, a millisecond at most. */
void openers_wait(struct openers *o);
/* How many trains the threads have opened. */
uint64_t openers_opened(const struct openers *o);

#endif
