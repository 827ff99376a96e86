/* What the kernel says of the host's links, addresses and routes, and the few changes of these that
 * a router makes itself.  Lists and changes block for the kernel's answer; hearing does not. */
#ifndef VR_NETLINK_ADDR_H
#define VR_NETLINK_ADDR_H

#include "vr/netlink.h"

enum netlink_fact_kind { NETLINK_FACT_LINK = 1, NETLINK_FACT_ADDR, NETLINK_FACT_ROUTE };

/* One thing that is so, or is so no more. */
struct netlink_fact {
	enum netlink_fact_kind kind;
	bool is_gone;
	int index; /* of the link; of a route 0 when it has several or none */
	/* Of a link. */
	struct netlink_link link;
	bool is_loopback;
	bool is_announced; /* its driver asks that the neighbours be told: the machine has been moved */
	/* The address, host bits kept; of a route its destination. */
	struct addr addr;
	uint8_t len;
	bool is_usable; /* an address of global scope, that no other has, and to be used for what is new */
};

typedef void netlink_fact_fn(void *ctx, const struct netlink_fact *fact);

/* Hands up each fact in what the kernel sent, in order; what is of another kind is passed over, and
 * so is every route that is not a unicast one of the main table.  0, or -EBADMSG: not such
 * messages.
 */
MUST_USE int netlink_facts_parse(const void *bytes, size_t size, netlink_fact_fn *fn, void *ctx);
/* All links, then all addresses, as they are now.  0; -EINTR: they changed meanwhile, what was handed up is of no use; another
 * -errno. */
MUST_USE int netlink_facts_list(netlink_fact_fn *fn, void *ctx);

/* What changes from now on. */
struct netlink_ears;
MUST_USE int netlink_ears_open(struct netlink_ears **out);
void netlink_ears_close(struct netlink_ears *e);
int netlink_ears_fd(const struct netlink_ears *e);
/* Hands up what is there.  0; -ENOBUFS: some were lost, look for yourself; another -errno. */
MUST_USE int netlink_ears_read(struct netlink_ears *e, netlink_fact_fn *fn, void *ctx);

/* 0, also when it has the address already; or -errno. */
MUST_USE int netlink_addr_put(int index, struct addr addr, uint8_t len);
MUST_USE int netlink_addr_remove(int index, struct addr addr, uint8_t len);
/* The default route of the gateway's family, in the place of the one of the same metric. */
MUST_USE int netlink_default_put(int index, struct addr gateway);

#endif
