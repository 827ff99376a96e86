/* Bridges: made, their ports set, and what a device's addresses and routes become when it is made a port
 * (rtnetlink).  As in netlink.h, calls block for the kernel's answer. */
#ifndef VR_NETLINK_BRIDGE_H
#define VR_NETLINK_BRIDGE_H

#include "vr/netlink.h"

/* A bridge that forwards at once and has no spanning tree, with this MAC; it is down.  0; -EEXIST: the name is taken. */
MUST_USE int netlink_bridge_add(struct netlink *nl, const char *name, struct mac mac, uint32_t mtu);
/* 0; -ENODEV: no link of that index. */
MUST_USE int netlink_find_index(struct netlink *nl, int index, struct netlink_link *out);
/* An isolated port hears no other isolated one and is not heard there; the bridge's own host and all other ports are.
 * -EOPNOTSUPP or -EINVAL: before Linux 4.18. */
MUST_USE int netlink_port_isolate(struct netlink *nl, int port, bool isolated);
/* The MAC is behind this port of a bridge, whatever is heard elsewhere. */
MUST_USE int netlink_port_mac(struct netlink *nl, int port, struct mac mac);

/* Gives the link 'to' the addresses and routes that the link 'from' has; 'from' loses none of its addresses yet.  Global
 * addresses, those of IPv6 only if they are permanent: others come from a router or are made anew.
 * Routes of the main table with one next hop.  0, or the first -errno with the rest done. */
MUST_USE int netlink_net_copy(struct netlink *nl, int from, int to);
/* Takes these addresses off a link, and with them the kernel's routes to their subnets. */
MUST_USE int netlink_net_clear(struct netlink *nl, int index);

#endif
