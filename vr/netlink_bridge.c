/* Bridges and what moves to and from them: see netlink_bridge.h. */
#include "vr/netlink_bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "vr/netlink_priv.h"

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

int
netlink_bridge_add(struct netlink *nl, const char *name, struct mac mac, uint32_t mtu)
{
	struct nlattr *linkinfo, *data;
	struct ifinfomsg *info;
	union request r;

	info = request_init(&r, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(&r.head, IFLA_IFNAME, name);
	mnl_attr_put(&r.head, IFLA_ADDRESS, sizeof(mac.b), mac.b);
	mnl_attr_put_u32(&r.head, IFLA_MTU, mtu);
	linkinfo = mnl_attr_nest_start(&r.head, IFLA_LINKINFO);
	mnl_attr_put_strz(&r.head, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(&r.head, IFLA_INFO_DATA);
	mnl_attr_put_u32(&r.head, IFLA_BR_FORWARD_DELAY, 0);
	mnl_attr_put_u32(&r.head, IFLA_BR_STP_STATE, 0);
	mnl_attr_nest_end(&r.head, data);
	mnl_attr_nest_end(&r.head, linkinfo);
	return netlink_ask(nl, &r.head, NULL, NULL);
}

int
netlink_find_index(struct netlink *nl, int index, struct netlink_link *out)
{
	struct netlink_link link = {0};
	struct ifinfomsg *info;
	union request r;
	int rc;

	info = request_init(&r, RTM_GETLINK, NLM_F_ACK, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = index;
	rc = netlink_ask(nl, &r.head, netlink_read_link, &link);
	if (rc == 0 && link.index == 0)
		rc = -ENODEV;
	if (rc == 0)
		*out = link;
	return rc;
}

int
netlink_port_isolate(struct netlink *nl, int port, bool isolated)
{
	struct ifinfomsg *info;
	struct nlattr *nest;
	union request r;

	info = request_init(&r, RTM_SETLINK, NLM_F_ACK, sizeof(*info));
	info->ifi_family = AF_BRIDGE;
	info->ifi_index = port;
	nest = mnl_attr_nest_start(&r.head, IFLA_PROTINFO);
	mnl_attr_put_u8(&r.head, IFLA_BRPORT_ISOLATED, isolated);
	mnl_attr_nest_end(&r.head, nest);
	return netlink_ask(nl, &r.head, NULL, NULL);
}

int
netlink_port_mac(struct netlink *nl, int port, struct mac mac)
{
	struct ndmsg *info;
	union request r;

	info = request_init(&r, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
			    sizeof(*info));
	info->ndm_family = AF_BRIDGE;
	info->ndm_ifindex = port;
	info->ndm_state = NUD_NOARP;
	info->ndm_flags = NTF_MASTER;
	mnl_attr_put(&r.head, NDA_LLADDR, sizeof(mac.b), mac.b);
	return netlink_ask(nl, &r.head, NULL, NULL);
}

/* ---- addresses and routes: lists of the kernel's own messages ---- */

struct message {
	struct message *next;
	struct nlmsghdr *head; /* copied, in one piece with this */
};

struct list {
	struct message *first, **last;
	int index; /* of the link */
	int rc;
};

static void
list_init(struct list *list, int index)
{
	*list = (struct list){.index = index};
	list->last = &list->first;
}

static void
list_add(struct list *list, const struct nlmsghdr *head)
{
	struct message *m = malloc(sizeof(*m) + head->nlmsg_len);

	if (m == NULL) {
		list->rc = -ENOMEM;
		return;
	}
	m->next = NULL;
	m->head = (struct nlmsghdr *)(m + 1);
	memcpy(m->head, head, head->nlmsg_len);
	*list->last = m;
	list->last = &m->next;
}

static void
list_fini(struct list *list)
{
	while (list->first != NULL) {
		struct message *m = list->first;

		list->first = m->next;
		free(m);
	}
}

static int
read_flags(const struct nlattr *attr, void *flags)
{
	if (mnl_attr_get_type(attr) == IFA_FLAGS && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
		*(uint32_t *)flags = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static bool
is_permanent(const struct nlmsghdr *head, const struct ifaddrmsg *info)
{
	uint32_t flags = info->ifa_flags;

	return mnl_attr_parse(head, sizeof(*info), read_flags, &flags) >= 0 &&
	       (flags & IFA_F_PERMANENT) != 0;
}

static int
read_addr(const struct nlmsghdr *head, void *ctx)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(head);
	struct list *list = ctx;

	if (mnl_nlmsg_get_payload_len(head) < sizeof(*info) ||
	    (int)info->ifa_index != list->index || info->ifa_scope != RT_SCOPE_UNIVERSE)
		return MNL_CB_OK;
	if (info->ifa_family == AF_INET || is_permanent(head, info))
		list_add(list, head);
	return MNL_CB_OK;
}

/* The kernel makes those to subnets itself, and IPv6's from what routers say. */
static bool
is_copied(const struct rtmsg *info)
{
	return info->rtm_table == RT_TABLE_MAIN && info->rtm_type == RTN_UNICAST &&
	       info->rtm_protocol != RTPROT_KERNEL && info->rtm_protocol != RTPROT_RA &&
	       (info->rtm_flags & RTM_F_CLONED) == 0;
}

static int
read_oif(const struct nlattr *attr, void *index)
{
	if (mnl_attr_get_type(attr) == RTA_OIF && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
		*(int *)index = (int)mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int
read_route(const struct nlmsghdr *head, void *ctx)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(head);
	struct list *list = ctx;
	int index = 0;

	if (mnl_nlmsg_get_payload_len(head) >= sizeof(*info) && is_copied(info) &&
	    mnl_attr_parse(head, sizeof(*info), read_oif, &index) >= 0 && index == list->index)
		list_add(list, head);
	return MNL_CB_OK;
}

static int
list_addrs(struct netlink *nl, struct list *list)
{
	struct ifaddrmsg *info;
	union request r;
	int rc;

	info = request_init(&r, RTM_GETADDR, NLM_F_DUMP, sizeof(*info));
	info->ifa_family = AF_UNSPEC;
	rc = netlink_ask(nl, &r.head, read_addr, list);
	return rc < 0 ? rc : list->rc;
}

static int
list_routes(struct netlink *nl, struct list *list)
{
	struct rtmsg *info;
	union request r;
	int rc;

	info = request_init(&r, RTM_GETROUTE, NLM_F_DUMP, sizeof(*info));
	info->rtm_family = AF_UNSPEC;
	rc = netlink_ask(nl, &r.head, read_route, list);
	return rc < 0 ? rc : list->rc;
}

struct copy {
	union request *to;
	uint64_t left_out; /* types, by bits */
};

static int
copy_attr(const struct nlattr *attr, void *ctx)
{
	const struct copy *c = ctx;
	uint16_t type = mnl_attr_get_type(attr);

	if (type >= 64 || (c->left_out >> type & 1) == 0)
		mnl_attr_put(&c->to->head, type, mnl_attr_get_payload_len(attr),
			     mnl_attr_get_payload(attr));
	return MNL_CB_OK;
}

/* The attributes of the kernel's message, but for some. */
static void
put_attrs(union request *r, const struct nlmsghdr *from, size_t info_size, uint64_t left_out)
{
	struct copy c = {.to = r, .left_out = left_out};

	(void)!mnl_attr_parse(from, (unsigned)info_size, copy_attr, &c);
}

#define BIT(type) (UINT64_C(1) << (type))

/* Its label is the old device's name; an address that both have is no duplicate. */
static int
addr_give(struct netlink *nl, const struct nlmsghdr *head, int to)
{
	const struct ifaddrmsg *old = mnl_nlmsg_get_payload(head);
	struct ifaddrmsg *info;
	union request r;
	int rc;

	info = request_init(&r, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(*info));
	*info = *old;
	info->ifa_index = (unsigned)to;
	info->ifa_flags = IFA_F_NODAD;
	put_attrs(&r, head, sizeof(*info), BIT(IFA_LABEL) | BIT(IFA_FLAGS));
	rc = netlink_ask(nl, &r.head, NULL, NULL);
	return rc == -EEXIST ? 0 : rc;
}

static int
addr_take(struct netlink *nl, const struct nlmsghdr *head)
{
	const struct ifaddrmsg *old = mnl_nlmsg_get_payload(head);
	struct ifaddrmsg *info;
	union request r;
	int rc;

	info = request_init(&r, RTM_DELADDR, NLM_F_ACK, sizeof(*info));
	*info = *old;
	put_attrs(&r, head, sizeof(*info), ~(BIT(IFA_LOCAL) | BIT(IFA_ADDRESS)));
	rc = netlink_ask(nl, &r.head, NULL, NULL);
	/* With the first address of a subnet the others may have gone. */
	return rc == -EADDRNOTAVAIL ? 0 : rc;
}

/* In the place of the old one: at no time is there none. */
static int
route_give(struct netlink *nl, const struct nlmsghdr *head, int to)
{
	const struct rtmsg *old = mnl_nlmsg_get_payload(head);
	struct rtmsg *info;
	union request r;

	info = request_init(&r, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
			    sizeof(*info));
	*info = *old;
	info->rtm_flags &= RTNH_F_ONLINK;
	put_attrs(&r, head, sizeof(*info), BIT(RTA_OIF) | BIT(RTA_CACHEINFO));
	mnl_attr_put_u32(&r.head, RTA_OIF, (uint32_t)to);
	return netlink_ask(nl, &r.head, NULL, NULL);
}

/* Routes by a gateway need those to the subnets, which come with the addresses, and some need others. */
static int
routes_give(struct netlink *nl, const struct list *routes, int to)
{
	int rc = 0;

	for (unsigned round = 0; round < 2; round++) {
		rc = 0;
		for (const struct message *m = routes->first; m != NULL; m = m->next) {
			int err = route_give(nl, m->head, to);

			rc = rc == 0 ? err : rc;
		}
		if (rc == 0)
			break;
	}
	return rc;
}

int
netlink_net_copy(struct netlink *nl, int from, int to)
{
	struct list addrs, routes;
	int rc;

	list_init(&addrs, from);
	list_init(&routes, from);
	rc = list_addrs(nl, &addrs);
	if (rc == 0)
		rc = list_routes(nl, &routes);
	for (const struct message *m = addrs.first; m != NULL; m = m->next) {
		int err = addr_give(nl, m->head, to);

		rc = rc == 0 ? err : rc;
	}
	if (rc == 0)
		rc = routes_give(nl, &routes, to);
	list_fini(&addrs);
	list_fini(&routes);
	return rc;
}

int
netlink_net_clear(struct netlink *nl, int index)
{
	struct list addrs;
	int rc;

	list_init(&addrs, index);
	rc = list_addrs(nl, &addrs);
	for (const struct message *m = addrs.first; m != NULL; m = m->next) {
		int err = addr_take(nl, m->head);

		rc = rc == 0 ? err : rc;
	}
	list_fini(&addrs);
	return rc;
}
