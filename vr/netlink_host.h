/* What this machine itself gets on a device of the router's: addresses and routes, and what the device has
 * lost (rtnetlink).  As in netlink.h, calls block for the kernel's answer. */
#ifndef VR_NETLINK_HOST_H
#define VR_NETLINK_HOST_H

#include "vr/netlink.h"

/* Marks the routes, as routing daemons do ("ip route show proto 86"). */
#define NETLINK_HOST_PROTOCOL 86

/* 'len': of the subnet, to which the kernel makes a route of its own.  0; -EEXIST: the link has it already. */
MUST_USE int netlink_host_addr_add(struct netlink *nl, int index, struct addr addr, uint8_t len);
/* 0; -EADDRNOTAVAIL: the link does not have it. */
MUST_USE int netlink_host_addr_remove(struct netlink *nl, int index, struct addr addr, uint8_t len);
/* Every IPv4 address that a link of this machine has. */
typedef void netlink_host_addr_fn(void *ctx, int index, struct addr addr);
/* 0 or -errno. */
MUST_USE int netlink_host_addr_list(struct netlink *nl, netlink_host_addr_fn *fn, void *ctx);
/* To the link itself, without a gateway.  'source': of what this machine sends there, one of its addresses; family NONE: as the
 * kernel chooses.  0; -EEXIST: there is a route to exactly this prefix already, of
 * this link or of another one. */
MUST_USE int netlink_host_route_add(struct netlink *nl, int index, struct prefix prefix,
				    struct addr source);
/* Takes out one that netlink_host_route_add() put in.  0; -ESRCH: there is none. */
MUST_USE int netlink_host_route_remove(struct netlink *nl, int index, struct prefix prefix);
/* Packets for the link that found its queue full, since it was made.  0 or -errno. */
MUST_USE int netlink_host_dropped(struct netlink *nl, int index, uint64_t *count);

#endif
