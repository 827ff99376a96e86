/* Shared by udp.c and udp_send.c. */
#ifndef VR_UDP_PRIV_H
#define VR_UDP_PRIV_H

#include <string.h>
#include <sys/socket.h>

#include "vr/socket_address.h"
#include "vr/udp.h"

#define UDP_MODULE "udp"

struct udp {
	struct log *log;
	int fd;
	bool v6; /* the socket's family */
	bool segment, gro;
	bool locals;      /* is bound to no address, and tells which one was called */
	size_t trains;    /* buffers for receiving */
	size_t batch;     /* how many are asked for next */
	size_t slot_size; /* of one, with headroom */
	uint8_t *memory;
	struct udp_stats stats;
	uint32_t drops_seen; /* the kernel's counter wraps */
	struct mmsghdr msgs[UDP_TRAINS];
	struct iovec iovs[UDP_TRAINS];
	union socket_address from[UDP_TRAINS];
	union {
		struct cmsghdr align;
		/* Segment size, TTL, TOS and the address that was called. */
		uint8_t bytes[3 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control[UDP_TRAINS];
};

/* A socket with all its options and buffers, not bound yet.  0 and '*out', or -errno. */
MUST_USE int udp_open(const struct udp_conf *conf, struct log *log, struct udp **out);

#endif
