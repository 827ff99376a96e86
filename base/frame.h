/* A view of one packet in memory, with what the kernel still has to do to it.
 *
 * The bytes belong to whoever made the view; a function that takes a frame borrows it for the
 * call and may change bytes inside it (a TTL, a checksum).  A "super-frame" is a TCP or UDP
 * packet larger than any wire's MTU that the kernel cut or will cut into segments of 'gso_size'
 * payload bytes. */
#ifndef BASE_FRAME_H
#define BASE_FRAME_H

#include "base/types.h"

/* Room that every frame has in front of 'data', for an Ethernet header or a tunnel's. */
#define FRAME_HEADROOM 64

/* Largest frame: a 64 kB IP packet behind an Ethernet header. */
#define FRAME_SIZE_MAX (65535 + 14)

enum frame_gso { FRAME_GSO_NONE = 0, FRAME_GSO_TCP4, FRAME_GSO_TCP6, FRAME_GSO_UDP };

struct frame {
	uint8_t *data;
	size_t size;
	uint16_t gso_size;  /* payload bytes per segment; 0 when 'gso' is NONE */
	uint8_t gso;        /* enum frame_gso */
	bool csum_partial;  /* the TCP/UDP checksum field holds the pseudo-header's sum only */
	bool csum_verified; /* the sender of the frame vouches for the checksum */
};

#endif
