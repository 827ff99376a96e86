/* Cutting super-frames into packets and joining packets into super-frames: pure functions on bytes.
 * Segments follow RFC 9293 and Linux's rules: sequence numbers advance, FIN and PSH only on the
 * last, CWR only on the first, the IPv4 identification grows by one. */
#ifndef VR_OFFLOAD_H
#define VR_OFFLOAD_H

#include <sys/uio.h>

#include "base/err.h"
#include "base/frame.h"
#include "wire/ip.h"

/* Largest header of a segment: IPv4 and TCP, both with all their options. */
#define OFFLOAD_HEADER_MAX 120

/* One segment of a super-frame: a header of its own and a stretch of the super-frame's payload. */
struct offload_cut {
	const uint8_t *packet; /* IP header of the super-frame */
	struct ip ip;
	uint32_t header_size; /* IP and transport */
	uint32_t payload;     /* bytes in all */
	uint32_t segment;     /* payload bytes of each segment but the last */
	uint32_t count;
	bool whole;        /* one segment that leaves exactly as it came */
	bool csum_partial; /* segments carry the pseudo-header's sum only */
	/* What all segments have in common, summed once: the IPv4 header without its length, identification and checksum; the
	 * pseudo-header without the length. */
	uint16_t header_sum, pseudo_sum;
};

/* Prepares to cut 'f' ('f->data' at the IP header) into segments whose payload is at most 'segment'
 * bytes and at most f->gso_size; bytes behind the IP packet (Ethernet padding) are left out.  A
 * packet without gso is one segment, whatever its size.  Datagrams keep their boundaries: a UDP
 * super-frame is only ever cut at f->gso_size.
 *
 * 0; -EINVAL when the headers do not allow it (not the protocol that 'gso' says, a fragment, SYN,
 * RST or URG set, a size of zero); -EMSGSIZE for UDP whose datagrams are larger than 'segment'.
 * The frame's bytes are borrowed for as long as the cut is used. */
MUST_USE int offload_cut_init(struct offload_cut *cut, const struct frame *f, uint32_t segment);
/* Writes the header of segment 'index' (cut->header_size bytes, at most OFFLOAD_HEADER_MAX;
 * checksums right or partial) and gives its payload in place. */
void offload_cut_get(const struct offload_cut *cut, uint32_t index, uint8_t *header,
		     const uint8_t **payload, uint32_t *payload_size);

/* Joins TCP packets of one flow: same Ethernet header, addresses, ports, ack, window and options,
 * next sequence number, full segments before, no flags but ACK (and PSH on the last), same TTL, TOS
 * and DF, IPv4 id in sequence.  A packet with a complete checksum is joined only after the checksum
 * was found right, because the join replaces it by one made of the bytes as they are now; a wrong
 * one stays alone and untouched, so that the receiver finds it. */
#define OFFLOAD_JOIN_MAX 64

/* Zero-initialise. */
struct offload_join {
	struct iovec part[OFFLOAD_JOIN_MAX]; /* [0]: the first packet whole, others: payload only */
	size_t count;                        /* packets joined; 0: empty */
	struct frame first;                  /* at its Ethernet header */
	uint32_t size;                       /* bytes in all, with the Ethernet header */
	struct ip ip;
	uint32_t next_seq;
	uint32_t segment;    /* payload bytes of the first */
	uint16_t pseudo_sum; /* of the pseudo-header without the length */
	bool closed;         /* a shorter or pushed segment ended it */
	bool pushed;         /* the last segment has PSH */
};

/* Takes in an Ethernet frame when it continues (or starts) the join; false: end and send first,
 * then offer it again.  A frame that can never be joined starts a join of one, closed.  The bytes
 * are borrowed until the join is ended and sent. */
bool offload_join_add(struct offload_join *join, const struct frame *f);
/* The same for a join that is not empty, without reading the frame as anything but the next one: false says only that the frame
 * has to be looked at. */
bool offload_join_next(struct offload_join *join, const struct frame *f);
/* Ends the join (count must not be 0): with several packets the first one's headers are made those
 * of a super-frame (total length, partial checksum, flags of the last); one alone is left
 * untouched.  'out' describes it: gso, gso_size, csum_partial, and 'size' over all parts.  Send
 * part[0..count), then set 'count' to 0. */
void offload_join_end(struct offload_join *join, struct frame *out);

/* Finishes a partial checksum in software; 'f->data' at the IP header.  No-op without one.  A
 * super-frame has no checksum of its own to finish and is left alone. */
void offload_finish_checksum(struct frame *f);

#endif
