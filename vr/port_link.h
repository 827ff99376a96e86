/* The device that a port works on: a NIC or veth as it is, or a veth end of our own whose other end
 * is a port of the bridge that was named. */
#ifndef VR_PORT_LINK_H
#define VR_PORT_LINK_H

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"
#include "vr/netlink.h"

struct port_link;

struct port_link_conf {
	const char *device;
	bool vnet_hdr;  /* false: the kernel shall hand over finished packets */
	bool udp_super; /* false: UDP never as super-frames */
};

/* The device is up and usable afterwards, but a veth end is not yet joined to its bridge.  A pair
 * that a killed process left on the bridge is removed first.  0 or -errno with the cause logged. */
MUST_USE int port_link_create(const struct port_link_conf *conf, struct log *log,
			      struct port_link **out);
/* From here on the bridge's frames reach us.  No-op for other devices. */
MUST_USE int port_link_join(struct port_link *pl);
/* Everything is put back. */
void port_link_destroy(struct port_link *pl);

/* What to open. */
const struct netlink_link *port_link_device(const struct port_link *pl);
/* The device exists for us alone. */
bool port_link_is_own(const struct port_link *pl);

#endif
