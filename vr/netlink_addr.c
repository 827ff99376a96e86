/* Addresses and routes: see netlink_addr.h. */
#include "vr/netlink_addr.h"

#include <errno.h>
#include <net/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "vr/netlink_priv.h"

#define EARS_BATCH 64

#define FLAGS_UNUSABLE (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)

struct netlink_ears {
	struct mnl_socket *socket;
	char bytes[NETLINK_MESSAGE_SIZE];
};

struct reader {
	netlink_fact_fn *fn;
	void *ctx;
};

static uint8_t
family_of(uint8_t family)
{
	return family == AF_INET ? ADDR_V4 : family == AF_INET6 ? ADDR_V6 : ADDR_NONE;
}

/* The attribute's address, or none. */
static struct addr
read_addr(const struct nlattr *attr, uint8_t family)
{
	if (addr_size(family) == 0 || mnl_attr_get_payload_len(attr) != addr_size(family))
		return (struct addr){.family = ADDR_NONE};
	return addr_make(family, mnl_attr_get_payload(attr));
}

static bool
is_u32(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) == sizeof(uint32_t);
}

/* The attribute at this place, or NULL behind the last. */
static const struct nlattr *
attr_at(const struct nlmsghdr *head, const struct nlattr *at)
{
	const char *end = mnl_nlmsg_get_payload_tail(head);

	return mnl_attr_ok(at, (int)(end - (const char *)at)) ? at : NULL;
}

static const struct nlattr *
attr_first(const struct nlmsghdr *head, size_t info_size)
{
	return attr_at(head, mnl_nlmsg_get_payload_offset(head, info_size));
}

static const struct nlattr *
attr_next(const struct nlmsghdr *head, const struct nlattr *attr)
{
	return attr_at(head, mnl_attr_next(attr));
}

static bool
read_link(const struct nlmsghdr *head, struct netlink_fact *f)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(head);
	const struct nlattr *attr;

	/* A bridge speaks of its ports as another family. */
	if (mnl_nlmsg_get_payload_len(head) < sizeof(*info) || info->ifi_family != AF_UNSPEC)
		return false;
	if (netlink_read_link(head, &f->link) == MNL_CB_ERROR)
		return false;
	f->kind = NETLINK_FACT_LINK;
	f->index = info->ifi_index;
	f->is_loopback = (info->ifi_flags & IFF_LOOPBACK) != 0;
	for (attr = attr_first(head, sizeof(*info)); attr != NULL; attr = attr_next(head, attr)) {
		if (mnl_attr_get_type(attr) == IFLA_EVENT && is_u32(attr))
			f->is_announced = mnl_attr_get_u32(attr) == IFLA_EVENT_NOTIFY_PEERS;
	}
	return true;
}

static bool
read_address(const struct nlmsghdr *head, struct netlink_fact *f)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(head);
	struct addr local = {.family = ADDR_NONE};
	const struct nlattr *attr;
	uint32_t flags;
	uint8_t family;

	if (mnl_nlmsg_get_payload_len(head) < sizeof(*info))
		return false;
	flags = info->ifa_flags;
	family = family_of(info->ifa_family);
	for (attr = attr_first(head, sizeof(*info)); attr != NULL; attr = attr_next(head, attr)) {
		switch (mnl_attr_get_type(attr)) {
		case IFA_ADDRESS: /* of a point-to-point link: of the other end */
			f->addr = read_addr(attr, family);
			break;
		case IFA_LOCAL:
			local = read_addr(attr, family);
			break;
		case IFA_FLAGS:
			flags = is_u32(attr) ? mnl_attr_get_u32(attr) : flags;
			break;
		default:
			break;
		}
	}
	if (!addr_is_none(local))
		f->addr = local;
	f->kind = NETLINK_FACT_ADDR;
	f->index = (int)info->ifa_index;
	f->len = info->ifa_prefixlen;
	f->is_usable = info->ifa_scope < RT_SCOPE_LINK && (flags & FLAGS_UNUSABLE) == 0;
	return !addr_is_none(f->addr) && f->len <= addr_size(family) * 8;
}

static bool
read_route(const struct nlmsghdr *head, struct netlink_fact *f)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(head);
	const struct nlattr *attr;
	uint32_t table;
	uint8_t family;

	if (mnl_nlmsg_get_payload_len(head) < sizeof(*info))
		return false;
	family = family_of(info->rtm_family);
	table = info->rtm_table;
	f->addr.family = family;
	for (attr = attr_first(head, sizeof(*info)); attr != NULL; attr = attr_next(head, attr)) {
		switch (mnl_attr_get_type(attr)) {
		case RTA_DST:
			f->addr = read_addr(attr, family);
			break;
		case RTA_OIF:
			f->index = is_u32(attr) ? (int)mnl_attr_get_u32(attr) : 0;
			break;
		case RTA_TABLE:
			table = is_u32(attr) ? mnl_attr_get_u32(attr) : table;
			break;
		default:
			break;
		}
	}
	f->kind = NETLINK_FACT_ROUTE;
	f->len = info->rtm_dst_len;
	return !addr_is_none(f->addr) && f->len <= addr_size(family) * 8 &&
	       table == RT_TABLE_MAIN && info->rtm_type == RTN_UNICAST &&
	       (info->rtm_flags & RTM_F_CLONED) == 0;
}

static int
read_fact(const struct nlmsghdr *head, void *ctx)
{
	struct netlink_fact f = {.is_gone = false};
	const struct reader *r = ctx;
	bool is_fact;

	switch (head->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		is_fact = read_link(head, &f);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		is_fact = read_address(head, &f);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		is_fact = read_route(head, &f);
		break;
	default:
		is_fact = false;
		break;
	}
	f.is_gone = head->nlmsg_type == RTM_DELLINK || head->nlmsg_type == RTM_DELADDR ||
		    head->nlmsg_type == RTM_DELROUTE;
	if (is_fact)
		r->fn(r->ctx, &f);
	return MNL_CB_OK;
}

int
netlink_facts_parse(const void *bytes, size_t size, netlink_fact_fn *fn, void *ctx)
{
	struct reader r = {.fn = fn, .ctx = ctx};

	return mnl_cb_run(bytes, size, 0, 0, read_fact, &r) < 0 ? -EBADMSG : 0;
}

/* ---- requests ---- */

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

static int
list(struct netlink *nl, union request *r, uint16_t type, struct reader *reader)
{
	/* Links and addresses ask for all families alike. */
	struct rtgenmsg *info = request_init(r, type, NLM_F_DUMP, sizeof(struct ifinfomsg));

	info->rtgen_family = AF_UNSPEC;
	return netlink_ask(nl, &r->head, read_fact, reader);
}

int
netlink_facts_list(netlink_fact_fn *fn, void *ctx)
{
	struct reader reader = {.fn = fn, .ctx = ctx};
	union request *r = malloc(sizeof(*r));
	struct netlink *nl = NULL;
	int rc = r == NULL ? -ENOMEM : netlink_open(&nl);

	if (rc == 0)
		rc = list(nl, r, RTM_GETLINK, &reader);
	if (rc == 0)
		rc = list(nl, r, RTM_GETADDR, &reader);
	netlink_close(nl);
	free(r);
	return rc;
}

/* Sends one change and frees the request. */
static int
change(union request *r)
{
	struct netlink *nl = NULL;
	int rc = netlink_open(&nl);

	if (rc == 0)
		rc = netlink_ask(nl, &r->head, NULL, NULL);
	netlink_close(nl);
	free(r);
	return rc;
}

static int
addr_change(uint16_t type, uint16_t flags, int index, struct addr addr, uint8_t len)
{
	union request *r = malloc(sizeof(*r));
	struct ifaddrmsg *info;

	if (r == NULL)
		return -ENOMEM;
	info = request_init(r, type, (uint16_t)(NLM_F_ACK | flags), sizeof(*info));
	info->ifa_family = addr.family == ADDR_V4 ? AF_INET : AF_INET6;
	info->ifa_index = (unsigned)index;
	info->ifa_prefixlen = len;
	/* The one who says that it is ours has seen to it that nobody else has it. */
	info->ifa_flags = IFA_F_NODAD;
	mnl_attr_put(&r->head, IFA_LOCAL, addr_size(addr.family), addr.b);
	mnl_attr_put(&r->head, IFA_ADDRESS, addr_size(addr.family), addr.b);
	return change(r);
}

int
netlink_addr_put(int index, struct addr addr, uint8_t len)
{
	int rc = addr_change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, addr, len);

	return rc == -EEXIST ? 0 : rc;
}

int
netlink_addr_remove(int index, struct addr addr, uint8_t len)
{
	return addr_change(RTM_DELADDR, 0, index, addr, len);
}

int
netlink_default_put(int index, struct addr gateway)
{
	union request *r = malloc(sizeof(*r));
	struct rtmsg *info;

	if (r == NULL)
		return -ENOMEM;
	info = request_init(r, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
			    sizeof(*info));
	info->rtm_family = gateway.family == ADDR_V4 ? AF_INET : AF_INET6;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = RTPROT_STATIC;
	info->rtm_scope = RT_SCOPE_UNIVERSE;
	info->rtm_type = RTN_UNICAST;
	mnl_attr_put(&r->head, RTA_GATEWAY, addr_size(gateway.family), gateway.b);
	mnl_attr_put_u32(&r->head, RTA_OIF, (uint32_t)index);
	return change(r);
}

/* ---- changes ---- */

int
netlink_ears_open(struct netlink_ears **out)
{
	const unsigned groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
				RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
	struct netlink_ears *e = calloc(1, sizeof(*e));
	int rc;

	if (e == NULL)
		return -ENOMEM;
	e->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (e->socket == NULL || mnl_socket_bind(e->socket, groups, MNL_SOCKET_AUTOPID) < 0) {
		rc = -errno;
		netlink_ears_close(e);
		return rc;
	}
	*out = e;
	return 0;
}

void
netlink_ears_close(struct netlink_ears *e)
{
	if (e == NULL)
		return;
	if (e->socket != NULL)
		mnl_socket_close(e->socket);
	free(e);
}

int
netlink_ears_fd(const struct netlink_ears *e)
{
	return mnl_socket_get_fd(e->socket);
}

int
netlink_ears_read(struct netlink_ears *e, netlink_fact_fn *fn, void *ctx)
{
	for (unsigned i = 0; i < EARS_BATCH; i++) {
		ssize_t size = mnl_socket_recvfrom(e->socket, e->bytes, sizeof(e->bytes));
		int rc;

		if (size < 0 && (errno == ENOBUFS || errno == ENOSPC))
			return -ENOBUFS;
		if (size < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		rc = netlink_facts_parse(e->bytes, (size_t)size, fn, ctx);
		if (rc < 0)
			return rc;
	}
	return 0;
}
