/* Cutting super-frames into packets and joining packets into super-frames: pure functions on bytes.
 * Segments follow RFC 9293 and Linux's rules: sequence numbers advance, FIN and PSH only on the
 * last, CWR only
 * on the first, the IPv4 identification grows by one. */
#ifndef VR_OFFLOAD_H
#define VR_OFFLOAD_H

#include <sys/uio.h>

#include "base/err.h"
#include "base/frame.h"
#include "wire/ip.h"

/* One segment of a super-frame: a header of its own and a stretch of the super-frame's payload. */
struct offload_cut {
	const uint8_t *packet; /* IP header of the super-frame */
	struct ip ip;
	uint32_t header_size; /* IP and transport */
	uint32_t payload;     /* bytes in all */
	uint32_t segment;     /* payload bytes of each segment but the last */
	uint32_t count;
	bool csum_partial; /* segments carry the pseudo-header's sum only */
};

/* Prepares to cut 'f' ('f->data' at the IP header) into segments whose payload is at most 'segment' bytes and at most
 * f->gso_size.  A packet without gso is one segment.  0, or -EINVAL when headers do not allow it.
 */
MUST_USE int offload_cut_init(struct offload_cut *cut, const struct frame *f, uint32_t segment);
/* Writes the header of segment 'index' (cut->header_size bytes, checksums right or partial) and gives its payload in place. */
void offload_cut_get(const struct offload_cut *cut, uint32_t index, uint8_t *header,
		     const uint8_t **payload, uint32_t *payload_size);

/* Joins TCP packets of one flow: same addresses, ports, ack, window(s) and options, next sequence number, full
 * segments before, no flags but ACK (and PSH on the last), same TTL, TOS and DF, IPv4 id in
 * sequence. */
#define OFFLOAD_JOIN_MAX 64

struct offload_join {
	struct iovec
		part[OFFLOAD_JOIN_MAX]; /* [0] is the first packet whole, the others payload only */
	size_t count;                   /* packets joined; 0: empty */
	struct frame first;             /* at its Ethernet header */
	uint32_t size;                  /* bytes in all, with the Ethernet header */
	struct ip ip;
	uint32_t next_seq;
	uint32_t segment; /* payload bytes of the first */
	bool closed;      /* a shorter or pushed segment ended it */
};

/* Takes in an Ethernet frame when it continues (or starts) the join; false: flush first, then offer it
 * again.  A frame that can never be joined starts a join of one, closed.  The bytes are borrowed
 * until the flush. */
bool offload_join_add(struct offload_join *join, const struct frame *f);
/* Ends the join: the first packet's headers are made those of a super-frame (total length, partial
 * checksum, flags of the last).  'out' describes it: gso, gso_size, csum_partial; send
 * part[0..count). */
void offload_join_end(struct offload_join *join, struct frame *out);

/* Finishes a partial checksum in software; 'f->data' at the IP header. */
void offload_finish_checksum(struct frame *f);

#endif
