/* rtnetlink requests, one at a time, each with its acknowledgement; and a socket that only listens. */
#include "vr/netlink_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <net/if_arp.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

/* One message, large enough for any request here and for one link's description. */
struct request {
	struct nlmsghdr *head;
	struct ifinfomsg *info;
	char bytes[NETLINK_MESSAGE_SIZE];
};

int
netlink_open(struct netlink **out)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	int rc;

	if (nl == NULL)
		return -ENOMEM;
	nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (nl->socket == NULL || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		rc = -errno;
		netlink_close(nl);
		return rc;
	}
	nl->seq = 1;
	*out = nl;
	return 0;
}

void
netlink_close(struct netlink *nl)
{
	if (nl == NULL)
		return;
	if (nl->socket != NULL)
		mnl_socket_close(nl->socket);
	free(nl);
}

static void
request_init(struct request *r, uint16_t type, uint16_t flags, int index)
{
	r->head = mnl_nlmsg_put_header(r->bytes);
	r->head->nlmsg_type = type;
	r->head->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	r->info = mnl_nlmsg_put_extra_header(r->head, sizeof(*r->info));
	r->info->ifi_family = AF_UNSPEC;
	r->info->ifi_index = index;
}

int
netlink_ask(struct netlink *nl, struct nlmsghdr *head, mnl_cb_t reply, void *ctx)
{
	unsigned portid = mnl_socket_get_portid(nl->socket);
	ssize_t size;
	int rc;

	head->nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->socket, head, head->nlmsg_len) < 0)
		return -errno;
	do {
		size = mnl_socket_recvfrom(nl->socket, head, NETLINK_MESSAGE_SIZE);
		if (size < 0)
			return -errno;
		rc = mnl_cb_run(head, (size_t)size, nl->seq, portid, reply, ctx);
		if (rc < 0)
			return -errno;
	} while (rc > MNL_CB_STOP);
	return 0;
}

static int
request_do(struct netlink *nl, struct request *r, mnl_cb_t reply, void *ctx)
{
	return netlink_ask(nl, r->head, reply, ctx);
}

static int
read_kind(const struct nlattr *attr, void *ctx)
{
	struct netlink_link *link = ctx;

	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
	    mnl_attr_validate(attr, MNL_TYPE_STRING) == 0)
		snprintf(link->kind, sizeof(link->kind), "%s", mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

static int
read_attr(const struct nlattr *attr, void *ctx)
{
	struct netlink_link *link = ctx;
	bool is_u32 = mnl_attr_get_payload_len(attr) == sizeof(uint32_t);

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attr, MNL_TYPE_STRING) == 0)
			snprintf(link->name, sizeof(link->name), "%s", mnl_attr_get_str(attr));
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(link->mac.b))
			memcpy(link->mac.b, mnl_attr_get_payload(attr), sizeof(link->mac.b));
		break;
	case IFLA_MTU:
		link->mtu = is_u32 ? mnl_attr_get_u32(attr) : 0;
		break;
	case IFLA_PROMISCUITY:
		link->promiscuity = is_u32 ? mnl_attr_get_u32(attr) : 0;
		break;
	case IFLA_MASTER:
		link->master = is_u32 ? (int)mnl_attr_get_u32(attr) : 0;
		break;
	case IFLA_LINKINFO:
		return mnl_attr_parse_nested(attr, read_kind, link);
	default:
		break;
	}
	return MNL_CB_OK;
}

int
netlink_read_link(const struct nlmsghdr *head, void *ctx)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(head);
	struct netlink_link *link = ctx;

	if (mnl_nlmsg_get_payload_len(head) < sizeof(*info))
		return MNL_CB_OK;
	link->index = info->ifi_index;
	link->is_up = (info->ifi_flags & IFF_UP) != 0;
	link->has_carrier = (info->ifi_flags & IFF_LOWER_UP) != 0;
	link->is_ethernet = info->ifi_type == ARPHRD_ETHER;
	return mnl_attr_parse(head, sizeof(*info), read_attr, link);
}

int
netlink_find(struct netlink *nl, const char *name, struct netlink_link *out)
{
	struct netlink_link link = {0};
	struct request r;
	int rc;

	if (strlen(name) >= NETLINK_NAME_SIZE)
		return -ENODEV;
	request_init(&r, RTM_GETLINK, 0, 0);
	mnl_attr_put_strz(r.head, IFLA_IFNAME, name);
	rc = request_do(nl, &r, netlink_read_link, &link);
	if (rc < 0)
		return rc;
	if (link.index == 0)
		return -ENODEV;
	*out = link;
	return 0;
}

static void
put_end(struct request *r, const char *name, struct mac mac, uint32_t mtu)
{
	mnl_attr_put_strz(r->head, IFLA_IFNAME, name);
	mnl_attr_put(r->head, IFLA_ADDRESS, sizeof(mac.b), mac.b);
	mnl_attr_put_u32(r->head, IFLA_MTU, mtu);
}

/* Without this the kernel gives each link a link-local address, and its chatter, as it comes up. */
static int
set_no_ip6_address(struct netlink *nl, const char *name)
{
	struct nlattr *spec, *inet6;
	struct netlink_link link;
	struct request r;
	int rc = netlink_find(nl, name, &link);

	if (rc < 0)
		return rc;
	request_init(&r, RTM_SETLINK, 0, link.index);
	spec = mnl_attr_nest_start(r.head, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(r.head, AF_INET6);
	mnl_attr_put_u8(r.head, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(r.head, inet6);
	mnl_attr_nest_end(r.head, spec);
	rc = request_do(nl, &r, NULL, NULL);
	return rc == -EAFNOSUPPORT ? 0 : rc;
}

int
netlink_veth_add(struct netlink *nl, const struct netlink_veth *veth)
{
	struct nlattr *linkinfo, *data, *peer;
	struct netlink_link link;
	struct request r;
	int rc;

	request_init(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	put_end(&r, veth->name, veth->mac, veth->mtu);
	linkinfo = mnl_attr_nest_start(r.head, IFLA_LINKINFO);
	mnl_attr_put_strz(r.head, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(r.head, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(r.head, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(r.head, sizeof(struct ifinfomsg));
	put_end(&r, veth->peer_name, veth->peer_mac, veth->mtu);
	mnl_attr_nest_end(r.head, peer);
	mnl_attr_nest_end(r.head, data);
	mnl_attr_nest_end(r.head, linkinfo);
	rc = request_do(nl, &r, NULL, NULL);
	if (rc < 0)
		return rc;

	rc = set_no_ip6_address(nl, veth->name);
	if (rc == 0)
		rc = set_no_ip6_address(nl, veth->peer_name);
	if (rc < 0 && netlink_find(nl, veth->name, &link) == 0 &&
	    netlink_remove(nl, link.index) < 0)
		return rc;
	return rc;
}

int
netlink_remove(struct netlink *nl, int index)
{
	struct request r;

	request_init(&r, RTM_DELLINK, 0, index);
	return request_do(nl, &r, NULL, NULL);
}

static int
set_flag(struct netlink *nl, int index, unsigned flag, bool on)
{
	struct request r;

	request_init(&r, RTM_NEWLINK, 0, index);
	r.info->ifi_change = flag;
	r.info->ifi_flags = on ? flag : 0;
	return request_do(nl, &r, NULL, NULL);
}

int
netlink_set_mtu(struct netlink *nl, int index, uint32_t mtu)
{
	struct request r;

	request_init(&r, RTM_SETLINK, 0, index);
	mnl_attr_put_u32(r.head, IFLA_MTU, mtu);
	return request_do(nl, &r, NULL, NULL);
}

int
netlink_set_up(struct netlink *nl, int index, bool up)
{
	return set_flag(nl, index, IFF_UP, up);
}

int
netlink_set_noarp(struct netlink *nl, int index)
{
	return set_flag(nl, index, IFF_NOARP, true);
}

int
netlink_set_master(struct netlink *nl, int index, int master)
{
	struct request r;

	request_init(&r, RTM_SETLINK, 0, index);
	mnl_attr_put_u32(r.head, IFLA_MASTER, (uint32_t)master);
	return request_do(nl, &r, NULL, NULL);
}

int
netlink_disable_ip6(const char *name)
{
	char path[80];
	int fd, rc;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	rc = write(fd, "1\n", 2) == 2 ? 0 : -errno;
	close(fd);
	return rc;
}

/* ---- changes ---- */

#define WATCH_BATCH 64

struct netlink_watch {
	struct mnl_socket *socket;
	/* Of the call in progress. */
	netlink_watch_fn *fn;
	void *ctx;
	char bytes[32768];
};

int
netlink_watch_open(struct netlink_watch **out)
{
	struct netlink_watch *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		return -ENOMEM;
	w->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (w->socket == NULL || mnl_socket_bind(w->socket, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0) {
		rc = -errno;
		netlink_watch_close(w);
		return rc;
	}
	*out = w;
	return 0;
}

void
netlink_watch_close(struct netlink_watch *w)
{
	if (w == NULL)
		return;
	if (w->socket != NULL)
		mnl_socket_close(w->socket);
	free(w);
}

int
netlink_watch_fd(const struct netlink_watch *w)
{
	return mnl_socket_get_fd(w->socket);
}

/* A bridge says of its ports, as another family, that they left it: the links themselves stay. */
static int
heard(const struct nlmsghdr *head, void *ctx)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(head);
	struct netlink_link link = {0};
	struct netlink_watch *w = ctx;

	if (mnl_nlmsg_get_payload_len(head) < sizeof(*info) || info->ifi_family != AF_UNSPEC ||
	    (head->nlmsg_type != RTM_NEWLINK && head->nlmsg_type != RTM_DELLINK))
		return MNL_CB_OK;
	if (netlink_read_link(head, &link) != MNL_CB_ERROR)
		w->fn(w->ctx, &link, head->nlmsg_type == RTM_DELLINK);
	return MNL_CB_OK;
}

int
netlink_watch_read(struct netlink_watch *w, netlink_watch_fn *fn, void *ctx)
{
	w->fn = fn;
	w->ctx = ctx;
	for (unsigned i = 0; i < WATCH_BATCH; i++) {
		ssize_t size = mnl_socket_recvfrom(w->socket, w->bytes, sizeof(w->bytes));

		if (size < 0 && errno == ENOSPC)
			return -ENOBUFS;
		if (size < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (mnl_cb_run(w->bytes, (size_t)size, 0, 0, heard, w) < 0)
			return -errno;
	}
	return 0;
}
