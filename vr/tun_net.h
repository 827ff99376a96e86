/* Addresses and routes that a TUN device gives to the machine it is on. */
#ifndef VR_TUN_NET_H
#define VR_TUN_NET_H

#include "base/err.h"
#include "base/log.h"
#include "vr/netlink.h"
#include "vr/port.h"

/* Gives the link, which has those of 'old' (NULL: none), those of 'new' instead; what is in both stays without a
 * break.  Also puts back what the kernel has taken from a link that was down, with 'old' equal to
 * 'new'.
 *
 * 0, or the first -errno with every cause logged, and the rest done: -EADDRINUSE when another link
 * has an
 * address that is to be reached through this one; -EEXIST when there is another route to a prefix.
 * With an
 * address in use nothing is done. */
MUST_USE int tun_net_set(struct netlink *nl, const struct netlink_link *link,
			 const struct port_host *old, const struct port_host *new, struct log *log);

#endif
