/* Addresses and routes of this machine: see netlink_host.h. */
#include "vr/netlink_host.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "vr/netlink_priv.h"

/* One message, large enough for any request here and for a part of a list. */
union request {
	struct nlmsghdr head;
	char bytes[NETLINK_MESSAGE_SIZE];
};

static void *
request_init(union request *r, uint16_t type, uint16_t flags, size_t info_size)
{
	struct nlmsghdr *head = mnl_nlmsg_put_header(r->bytes);

	head->nlmsg_type = type;
	head->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return mnl_nlmsg_put_extra_header(head, info_size);
}

static unsigned char
kernel_family(uint8_t family)
{
	return family == ADDR_V6 ? AF_INET6 : AF_INET;
}

static void
put_addr(union request *r, uint16_t type, struct addr addr)
{
	mnl_attr_put(&r->head, type, addr_size(addr.family), addr.b);
}

static void
addr_request(union request *r, uint16_t type, uint16_t flags, int index, struct addr addr,
	     uint8_t len)
{
	struct ifaddrmsg *info =
		request_init(r, type, (uint16_t)(NLM_F_ACK | flags), sizeof(*info));

	info->ifa_family = kernel_family(addr.family);
	info->ifa_prefixlen = len;
	info->ifa_scope = RT_SCOPE_UNIVERSE;
	info->ifa_index = (unsigned)index;
	put_addr(r, IFA_LOCAL, addr);
	put_addr(r, IFA_ADDRESS, addr);
}

int
netlink_host_addr_add(struct netlink *nl, int index, struct addr addr, uint8_t len)
{
	union request r;

	addr_request(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, addr, len);
	return netlink_ask(nl, &r.head, NULL, NULL);
}

int
netlink_host_addr_remove(struct netlink *nl, int index, struct addr addr, uint8_t len)
{
	union request r;

	addr_request(&r, RTM_DELADDR, 0, index, addr, len);
	return netlink_ask(nl, &r.head, NULL, NULL);
}

struct reader {
	netlink_host_addr_fn *fn;
	void *ctx;
	int index; /* of the message being read */
};

static int
read_attr(const struct nlattr *attr, void *ctx)
{
	const struct reader *r = ctx;

	/* Of a point-to-point link this is the own address, IFA_ADDRESS the other end's. */
	if (mnl_attr_get_type(attr) == IFA_LOCAL &&
	    mnl_attr_get_payload_len(attr) == addr_size(ADDR_V4))
		r->fn(r->ctx, r->index, addr_make(ADDR_V4, mnl_attr_get_payload(attr)));
	return MNL_CB_OK;
}

static int
read_addr(const struct nlmsghdr *head, void *ctx)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(head);
	struct reader *r = ctx;

	if (mnl_nlmsg_get_payload_len(head) < sizeof(*info) || info->ifa_family != AF_INET)
		return MNL_CB_OK;
	r->index = (int)info->ifa_index;
	return mnl_attr_parse(head, sizeof(*info), read_attr, r);
}

int
netlink_host_addr_list(struct netlink *nl, netlink_host_addr_fn *fn, void *ctx)
{
	struct reader reader = {.fn = fn, .ctx = ctx};
	struct ifaddrmsg *info;
	union request r;

	info = request_init(&r, RTM_GETADDR, NLM_F_DUMP, sizeof(*info));
	info->ifa_family = AF_INET;
	return netlink_ask(nl, &r.head, read_addr, &reader);
}

static void
route_request(union request *r, uint16_t type, uint16_t flags, int index, struct prefix prefix)
{
	struct rtmsg *info = request_init(r, type, (uint16_t)(NLM_F_ACK | flags), sizeof(*info));

	info->rtm_family = kernel_family(prefix.addr.family);
	info->rtm_dst_len = prefix.len;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = NETLINK_HOST_PROTOCOL;
	info->rtm_scope = RT_SCOPE_LINK;
	info->rtm_type = RTN_UNICAST;
	put_addr(r, RTA_DST, prefix.addr);
	mnl_attr_put_u32(&r->head, RTA_OIF, (uint32_t)index);
}

int
netlink_host_route_add(struct netlink *nl, int index, struct prefix prefix, struct addr source)
{
	union request r;

	route_request(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, index, prefix);
	if (!addr_is_none(source))
		put_addr(&r, RTA_PREFSRC, source);
	return netlink_ask(nl, &r.head, NULL, NULL);
}

int
netlink_host_route_remove(struct netlink *nl, int index, struct prefix prefix)
{
	union request r;

	route_request(&r, RTM_DELROUTE, 0, index, prefix);
	return netlink_ask(nl, &r.head, NULL, NULL);
}

static int
read_dropped(const struct nlattr *attr, void *ctx)
{
	struct rtnl_link_stats64 stats;
	uint64_t *count = ctx;

	if (mnl_attr_get_type(attr) != IFLA_STATS64 ||
	    mnl_attr_get_payload_len(attr) < offsetof(struct rtnl_link_stats64, multicast))
		return MNL_CB_OK;
	memcpy(&stats, mnl_attr_get_payload(attr), offsetof(struct rtnl_link_stats64, multicast));
	*count = stats.tx_dropped;
	return MNL_CB_OK;
}

static int
read_link(const struct nlmsghdr *head, void *ctx)
{
	if (mnl_nlmsg_get_payload_len(head) < sizeof(struct ifinfomsg))
		return MNL_CB_OK;
	return mnl_attr_parse(head, sizeof(struct ifinfomsg), read_dropped, ctx);
}

int
netlink_host_dropped(struct netlink *nl, int index, uint64_t *count)
{
	struct ifinfomsg *info;
	union request r;

	*count = 0;
	info = request_init(&r, RTM_GETLINK, NLM_F_ACK, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = index;
	return netlink_ask(nl, &r.head, read_link, count);
}
