/* What a port asks of the kernel's links: find one, make a veth pair, set a few properties, remove
 * it again, hear of changes (rtnetlink through libmnl).  Calls block for the kernel's answer: for
 * start, end and a change of the device, never while frames flow.  Only netlink_watch_read() does
 * not block. */
#ifndef VR_NETLINK_H
#define VR_NETLINK_H

#include "base/err.h"
#include "base/types.h"

/* Characters of a link's name, with the NUL. */
#define NETLINK_NAME_SIZE 16

struct netlink;

struct netlink_link {
	int index;
	char name[NETLINK_NAME_SIZE];
	char kind[16]; /* "bridge", "veth", ...; empty for hardware */
	struct mac mac;
	uint32_t mtu;
	uint32_t promiscuity; /* how many users want promiscuous mode now */
	int master;           /* index of the bridge it is a port of, or 0 */
	bool is_up;           /* administratively */
	bool has_carrier;
	bool is_ethernet;
};

struct netlink_veth {
	const char *name, *peer_name;
	struct mac mac, peer_mac;
	uint32_t mtu; /* of both ends */
};

MUST_USE int netlink_open(struct netlink **out);
void netlink_close(struct netlink *nl);

/* 0; -ENODEV: no link of that name. */
MUST_USE int netlink_find(struct netlink *nl, const char *name, struct netlink_link *out);
/* Both ends are down and have no IPv6 addresses of their own making.  -EEXIST: a name is taken. */
MUST_USE int netlink_veth_add(struct netlink *nl, const struct netlink_veth *veth);
/* Removing one end of a veth pair removes both. */
MUST_USE int netlink_remove(struct netlink *nl, int index);
MUST_USE int netlink_set_mtu(struct netlink *nl, int index, uint32_t mtu);
MUST_USE int netlink_set_up(struct netlink *nl, int index, bool up);
/* The kernel neither asks nor answers ARP there. */
MUST_USE int netlink_set_noarp(struct netlink *nl, int index);
/* 'master' 0 takes it out of its bridge. */
MUST_USE int netlink_set_master(struct netlink *nl, int index, int master);
/* No IPv6 on the link at all.  Needs no netlink socket; 0 where the kernel has no IPv6. */
MUST_USE int netlink_disable_ip6(const char *name);

/* Changes of all links from now on. */
struct netlink_watch;
/* 'is_gone': removed, or moved to another namespace; otherwise new or changed, and described whole. */
typedef void netlink_watch_fn(void *ctx, const struct netlink_link *link, bool is_gone);

MUST_USE int netlink_watch_open(struct netlink_watch **out);
void netlink_watch_close(struct netlink_watch *w);
int netlink_watch_fd(const struct netlink_watch *w);
/* Hands up what is there.  0; -ENOBUFS: some were lost, look for yourself; another -errno. */
MUST_USE int netlink_watch_read(struct netlink_watch *w, netlink_watch_fn *fn, void *ctx);

#endif
