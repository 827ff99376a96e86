/* A way to a peer: UDP straight to an address, a peer of ours that relays, or a TCP stream. */
#ifndef VR_PATH_H
#define VR_PATH_H

#include "base/types.h"

enum path_kind { PATH_NONE = 0, PATH_UDP, PATH_RELAY, PATH_TCP };

struct path {
	uint8_t kind; /* enum path_kind */
	uint32_t
		via; /* RELAY: slot of the relay.  TCP: number of the stream that the peer opened; 0: we open it */
	struct endpoint to; /* UDP and TCP: the other end.  RELAY: none */
	/* UDP: own address that datagrams leave from and come to; family NONE: the one that the system takes.  Two ways are the
	 * same whatever it is. */
	struct addr local;
};

static inline struct path
path_udp(struct endpoint to)
{
	return (struct path){.kind = PATH_UDP, .to = to};
}

static inline struct path
path_relay(uint32_t slot)
{
	return (struct path){.kind = PATH_RELAY, .via = slot};
}

static inline struct path
path_tcp(uint32_t number, struct endpoint to)
{
	return (struct path){.kind = PATH_TCP, .via = number, .to = to};
}

static inline bool
path_equal(struct path a, struct path b)
{
	return a.kind == b.kind && a.via == b.via && endpoint_equal(a.to, b.to);
}

#endif
