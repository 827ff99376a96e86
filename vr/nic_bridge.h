/* The bridge that a machine's NIC is a port of, made where there is none.
 *
 * A NIC without a bridge gets one, "NIC-vrb", which takes over its MAC, MTU, addresses and routes,
 * and gives them back at the
 * end, as they are then.  A process that is killed leaves the machine on its LAN through the
 * bridge,
 * which the next one takes for its own.  A bridge that somebody else has made stays as it is. */
#ifndef VR_NIC_BRIDGE_H
#define VR_NIC_BRIDGE_H

#include "base/err.h"
#include "base/log.h"
#include "vr/netlink.h"

struct nic_bridge;

/* 'nl' is borrowed, 'nic' copied.  NULL when memory is short. */
struct nic_bridge *nic_bridge_create(struct netlink *nl, const char *nic, struct log *log);
/* The NIC is a port of its bridge afterwards, isolated: it does not see other isolated ports.  Again after it was gone.  0, or
 * -errno with the cause logged, unless 'is_quiet'. */
MUST_USE int nic_bridge_attach(struct nic_bridge *nb, bool is_quiet);
/* The NIC as it was found, with what the bridge has got meanwhile.  Takes NULL. */
void nic_bridge_destroy(struct nic_bridge *nb);

/* As of the last nic_bridge_attach(). */
const struct netlink_link *nic_bridge_link(const struct nic_bridge *nb);
const struct netlink_link *nic_bridge_nic(const struct nic_bridge *nb);

#endif
