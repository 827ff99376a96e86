/* Bytes that a socket has not taken yet: a ring, and how long what is put into it will wait.
 *
 * A queue for the traffic of other people's connections has to be short, or they see delay where
 * they should see loss. But
 * how many bytes are short depends on the rate at which they leave, and only the queue sees that:
 * one byte is marked on its way through it, and what left meanwhile, over the time it took, is the
 * rate. */
#ifndef VR_STREAM_QUEUE_H
#define VR_STREAM_QUEUE_H

#include <sys/uio.h>

#include "base/err.h"
#include "base/types.h"

/* Zero-initialise. */
struct stream_queue {
	uint8_t *data; /* NULL: room is 0 */
	size_t room;
	size_t start, used;
	size_t mark;      /* bytes up to and with the marked one; 0: none is marked */
	size_t mark_path; /* how many these were when it was marked ... */
	us_t mark_since;  /* ... at this time */
	size_t worth;     /* the last rate seen: so many bytes ... */
	us_t worth_time;  /* ... in this time; 0 bytes: none seen yet */
};

void stream_queue_fini(struct stream_queue *q);
/* Room for at least so much; what is in it stays.  0 or -ENOMEM (nothing has changed). */
MUST_USE int stream_queue_reserve(struct stream_queue *q, size_t room);
/* The room must be there. */
void stream_queue_push(struct stream_queue *q, const void *data, size_t size, us_t now);
/* What is in it, in order.  The number of spans: 0 to 2. */
MUST_USE int stream_queue_spans(const struct stream_queue *q, struct iovec spans[2]);
/* The first 'size' bytes have left. */
void stream_queue_pull(struct stream_queue *q, size_t size, us_t now);
/* Bytes that would leave within 'time', at the rate of late; between 'min' and 'max', and 'max' while the rate
 * is not known. */
size_t stream_queue_limit(struct stream_queue *q, us_t time, size_t min, size_t max, us_t now);

#endif
