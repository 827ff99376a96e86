/* Datagrams that wait to leave in one call: one receiver, one look on the outside, equal sizes but the last. */
#ifndef VR_TRAIN_H
#define VR_TRAIN_H

#include "vr/udp.h"

/* Zero-initialise. */
struct train {
	uint32_t
		tag; /* the caller's name for the receiver: datagrams of two tags never share a train */
	struct endpoint to;
	struct udp_marks marks;
	size_t used;    /* bytes */
	size_t segment; /* size of each datagram but the last */
	unsigned count; /* datagrams; 0: empty */
	bool closed;    /* a shorter datagram ended it */
	us_t now;       /* of the last datagram */
	uint8_t data[UDP_TRAIN_SIZE_MAX + 64];
};

/* May a datagram of this size follow?  An empty train takes any.  False: send first and call train_reset(). */
bool train_takes(const struct train *t, uint32_t tag, const struct endpoint *to,
		 struct udp_marks marks, size_t size);
/* Where the next datagram is written, 'size' bytes at most; train_takes() has said yes. */
uint8_t *train_room(struct train *t, uint32_t tag, const struct endpoint *to,
		    struct udp_marks marks, size_t size);
/* It has been written. */
void train_add(struct train *t, size_t size, us_t now);
void train_reset(struct train *t);

#endif
