/* The device that a port works on: a NIC or veth as it is, or a veth end of our own whose other end
 * is a port of the bridge that was named.
 *
 * The named device may change, vanish and come back.  What the kernel says of that is read here;
 * the owner then asks what has become of the device, closes it and opens it again. */
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

/* Opens the device, which is set up if it is down.  0 or -errno with the cause logged.
 * 'conf->device' is copied. */
MUST_USE int port_link_create(const struct port_link_conf *conf, struct log *log,
			      struct port_link **out);
/* The device is usable afterwards, but a veth end is not yet joined to its bridge.  A pair that a killed process left on
 * the bridge is removed first.  'raise': a device that is down is set up, and down again at the
 * end.  0 or -errno.
 */
MUST_USE int port_link_open(struct port_link *pl, bool raise);
/* What is still there of the device is put back. */
void port_link_close(struct port_link *pl);
/* From here on the bridge's frames reach us.  No-op for other devices. */
MUST_USE int port_link_join(struct port_link *pl);
/* Everything is put back. */
void port_link_destroy(struct port_link *pl);

/* Readable when the kernel has something to say of links. */
int port_link_fd(const struct port_link *pl);
/* Reads that.  True when it was about the device. */
bool port_link_read(struct port_link *pl);
/* Asks the kernel instead. */
void port_link_look(struct port_link *pl);

enum port_link_state {
	PORT_LINK_GONE, /* no device of that name */
	PORT_LINK_DOWN, /* set down, or without carrier */
	PORT_LINK_UP,
};

enum port_link_state port_link_state(const struct port_link *pl);
/* What is open is no longer the device of that name. */
bool port_link_is_stale(const struct port_link *pl);
/* Nothing is open, and there is something to open: a device that came back is left to whoever sets
 * it up. */
bool port_link_is_waiting(const struct port_link *pl);
/* A veth pair of our own gets the MTU of its bridge.  No-op for other devices. */
void port_link_follow(struct port_link *pl);

/* What to open, as it is now. */
const struct netlink_link *port_link_device(const struct port_link *pl);
/* The device exists for us alone. */
bool port_link_is_own(const struct port_link *pl);

#endif
