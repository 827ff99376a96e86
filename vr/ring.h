/* A ring of messages between two threads: one writes, the other reads, nobody waits.
 *
 * A message stands in the ring as a whole, on a cache line of its own, and may be changed there by
 * who reads it.  The
 * room of what was read is given back together. */
#ifndef VR_RING_H
#define VR_RING_H

#include "base/err.h"
#include "base/types.h"

struct ring;

/* 'size': bytes in all, a power of two, at least 4096.  A message and the 64 bytes in front of it may take half of that.
 * NULL when memory is short. */
struct ring *ring_create(size_t size);
void ring_destroy(struct ring *r);

/* For the writer.  Room for the next message; NULL: the ring is full, or the message too large. */
void *ring_room(struct ring *r, size_t size);
/* The message of this size, at most that of ring_room(), has been written. */
void ring_put(struct ring *r, size_t size);

/* For the reader.  The next message, which stays until ring_release(); NULL: there is none. */
void *ring_next(struct ring *r, size_t *size);
/* Everything that was read is done with. */
void ring_release(struct ring *r);

#endif
