/* The one host of a LAN that is made up: what it says by ARP, and what it is told.  Pure functions, and its
 * description's copies. */
#ifndef VR_PORT_HOST_H
#define VR_PORT_HOST_H

#include "base/err.h"
#include "vr/port.h"

/* Room of a frame that it says: ETH_FRAME_MIN (wire/eth.h). */
#define PORT_HOST_FRAME 60

/* Its answer to what the router says, in 'answer' of PORT_HOST_FRAME bytes; false when it keeps silent: it
 * answers requests for its addresses, and no gratuitous ones. */
bool port_host_answer(const struct port_host *host, const uint8_t *frame, size_t size,
		      uint8_t *answer);
/* What it says when it has a new address: gratuitous ARP. */
void port_host_announce(const struct port_host *host, struct addr addr, uint8_t *frame);
bool port_host_has(const struct port_host *host, struct addr addr);

/* One with arrays of its own. */
struct port_host_copy {
	struct port_host host;
	struct conf_address *addresses;
	struct prefix *routes;
};

/* 0 or -ENOMEM; '*to' can be given to port_host_fini() in any case. */
MUST_USE int port_host_copy(const struct port_host *from, struct port_host_copy *to);
void port_host_fini(struct port_host_copy *copy);

#endif
