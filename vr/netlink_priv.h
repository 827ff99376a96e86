/* What the files of the kernel's links and addresses share.  Nobody else includes this. */
#ifndef VR_NETLINK_PRIV_H
#define VR_NETLINK_PRIV_H

#include "vr/netlink.h"

#include <libmnl/libmnl.h>

/* Room of any request here, and of what the kernel says at once. */
#define NETLINK_MESSAGE_SIZE 32768

struct netlink {
	struct mnl_socket *socket;
	uint32_t seq;
};

/* Sends the request at 'head' and runs 'reply' (may be NULL) on what comes back before the acknowledgement or the end of
 * the list.  The request's memory, NETLINK_MESSAGE_SIZE bytes, is used for the answer.  0 or
 * -errno. */
MUST_USE int netlink_ask(struct netlink *nl, struct nlmsghdr *head, mnl_cb_t reply, void *ctx);
/* Fills a 'struct netlink_link', that was zero, from a message about a link. */
int netlink_read_link(const struct nlmsghdr *head, void *link);

#endif
