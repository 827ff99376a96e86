/* What the kernel says of addresses and routes, and what of it is a change of the underlay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include "vr/underlay.h"

#define INDEX 70000 /* no link of the machine that runs this */

static const struct addr v4 = {.family = ADDR_V4, .b = {192, 0, 2, 9}};
static const struct addr v6 = {.family = ADDR_V6, .b = {0x20, 1, 0x0d, 0xb8, [15] = 9}};

/* So many of the kernel's lists change while they are read. */
static unsigned interruptions;

int
mnl_cb_run(const void *bytes, size_t size, unsigned seq, unsigned portid, mnl_cb_t fn, void *ctx)
{
	int (*real)(const void *, size_t, unsigned, unsigned, mnl_cb_t, void *) = NULL;
	void *found = dlsym(RTLD_NEXT, "mnl_cb_run");
	int rc;

	memcpy(&real, &found, sizeof(real));
	rc = real(bytes, size, seq, portid, fn, ctx);
	if (interruptions == 0)
		return rc;
	interruptions--;
	errno = EINTR;
	return -1;
}

/* ---- messages ---- */

struct message {
	union {
		struct nlmsghdr head;
		uint8_t bytes[512];
	};
};

struct heard {
	struct netlink_fact facts[4];
	size_t count;
};

static void
on_fact(void *ctx, const struct netlink_fact *f)
{
	struct heard *h = ctx;

	assert_true(h->count < ARRAY_COUNT(h->facts));
	h->facts[h->count++] = *f;
}

static void *
begin(struct message *m, uint16_t type, size_t info_size)
{
	struct nlmsghdr *head;

	memset(m, 0, sizeof(*m));
	head = mnl_nlmsg_put_header(m->bytes);
	head->nlmsg_type = type;
	return mnl_nlmsg_put_extra_header(head, info_size);
}

static void
put_addr(struct message *m, uint16_t type, struct addr a)
{
	mnl_attr_put(&m->head, type, addr_size(a.family), a.b);
}

static struct ifaddrmsg *
begin_address(struct message *m, uint16_t type, struct addr a)
{
	struct ifaddrmsg *info = begin(m, type, sizeof(*info));

	info->ifa_family = a.family == ADDR_V4 ? AF_INET : AF_INET6;
	info->ifa_prefixlen = 24;
	info->ifa_index = INDEX;
	put_addr(m, IFA_ADDRESS, a);
	return info;
}

static struct rtmsg *
begin_route(struct message *m, uint16_t type, unsigned len)
{
	struct rtmsg *info = begin(m, type, sizeof(*info));

	info->rtm_family = AF_INET;
	info->rtm_dst_len = (uint8_t)len;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_type = RTN_UNICAST;
	if (len > 0)
		put_addr(m, RTA_DST, v4);
	mnl_attr_put_u32(&m->head, RTA_OIF, INDEX);
	return info;
}

static struct ifinfomsg *
begin_link(struct message *m, uint16_t type, const char *name, unsigned flags)
{
	struct ifinfomsg *info = begin(m, type, sizeof(*info));

	info->ifi_index = INDEX;
	info->ifi_flags = flags;
	mnl_attr_put_strz(&m->head, IFLA_IFNAME, name);
	return info;
}

static const struct netlink_fact *
parse_one(struct heard *h, const struct message *m)
{
	h->count = 0;
	assert_int_equal(netlink_facts_parse(m->bytes, m->head.nlmsg_len, on_fact, h), 0);
	return h->count == 1 ? &h->facts[0] : NULL;
}

static void
an_address_that_comes_and_goes_is_read(void **state)
{
	const struct addr both[] = {v4, v6};
	const struct netlink_fact *f;
	struct message m;
	struct heard h;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(both); i++) {
		begin_address(&m, RTM_NEWADDR, both[i]);
		f = parse_one(&h, &m);
		assert_non_null(f);
		assert_int_equal(f->kind, NETLINK_FACT_ADDR);
		assert_int_equal(f->index, INDEX);
		assert_true(addr_equal(f->addr, both[i]) && f->len == 24);
		assert_true(f->is_usable && !f->is_gone);
		m.head.nlmsg_type = RTM_DELADDR;
		assert_true(parse_one(&h, &m)->is_gone);
	}
}

static void
an_address_that_is_not_to_be_used_says_so(void **state)
{
	static const uint32_t flags[] = {IFA_F_TENTATIVE, IFA_F_DADFAILED, IFA_F_DEPRECATED};
	struct ifaddrmsg *info;
	struct message m;
	struct heard h;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		/* In the header, and in the attribute that has taken its place. */
		info = begin_address(&m, RTM_NEWADDR, v6);
		info->ifa_flags = (uint8_t)flags[i];
		assert_false(parse_one(&h, &m)->is_usable);
		begin_address(&m, RTM_NEWADDR, v6);
		mnl_attr_put_u32(&m.head, IFA_FLAGS, flags[i] | IFA_F_NOPREFIXROUTE);
		assert_false(parse_one(&h, &m)->is_usable);
	}
	info = begin_address(&m, RTM_NEWADDR, v6);
	info->ifa_scope = RT_SCOPE_LINK;
	assert_false(parse_one(&h, &m)->is_usable);
}

static void
of_a_point_to_point_link_the_own_end_counts(void **state)
{
	struct message m;
	struct heard h;
	struct addr own = v4;

	(void)state;
	own.b[3] = 1;
	begin_address(&m, RTM_NEWADDR, v4);
	put_addr(&m, IFA_LOCAL, own);
	assert_true(addr_equal(parse_one(&h, &m)->addr, own));
}

static void
routes_of_the_main_table_are_read_and_no_others(void **state)
{
	const struct netlink_fact *f;
	struct rtmsg *info;
	struct message m;
	struct heard h;

	(void)state;
	begin_route(&m, RTM_NEWROUTE, 24);
	f = parse_one(&h, &m);
	assert_true(f->kind == NETLINK_FACT_ROUTE && f->len == 24 && addr_equal(f->addr, v4));
	assert_int_equal(f->index, INDEX);
	begin_route(&m, RTM_DELROUTE, 0);
	f = parse_one(&h, &m);
	assert_true(f->is_gone && f->len == 0 && f->addr.family == ADDR_V4);
	info = begin_route(&m, RTM_NEWROUTE, 24);
	info->rtm_table = RT_TABLE_LOCAL;
	assert_null(parse_one(&h, &m));
	begin_route(&m, RTM_NEWROUTE, 24);
	mnl_attr_put_u32(&m.head, RTA_TABLE, 1000);
	assert_null(parse_one(&h, &m));
	info = begin_route(&m, RTM_NEWROUTE, 24);
	info->rtm_type = RTN_BLACKHOLE;
	assert_null(parse_one(&h, &m));
	info = begin_route(&m, RTM_NEWROUTE, 24);
	info->rtm_dst_len = 33;
	assert_null(parse_one(&h, &m));
}

static void
a_link_says_that_its_machine_was_moved(void **state)
{
	const struct netlink_fact *f;
	struct ifinfomsg *info;
	struct message m;
	struct heard h;

	(void)state;
	begin_link(&m, RTM_NEWLINK, "eth9", IFF_UP | IFF_LOWER_UP);
	f = parse_one(&h, &m);
	assert_true(f->link.is_up && f->link.has_carrier && !f->is_loopback && !f->is_announced);
	assert_string_equal(f->link.name, "eth9");
	mnl_attr_put_u32(&m.head, IFLA_EVENT, IFLA_EVENT_NOTIFY_PEERS);
	assert_true(parse_one(&h, &m)->is_announced);
	info = begin_link(&m, RTM_NEWLINK, "eth9", IFF_UP);
	info->ifi_family = AF_BRIDGE;
	assert_null(parse_one(&h, &m));
}

static void
no_truncation_is_read_beyond_its_end(void **state)
{
	struct message m;
	struct heard h;

	(void)state;
	begin_address(&m, RTM_NEWADDR, v6);
	put_addr(&m, IFA_LOCAL, v6);
	for (size_t size = 0; size < m.head.nlmsg_len; size++) {
		/* Messages are as long as the next multiple of four. */
		uint8_t *copy = calloc(1, MNL_ALIGN(size) + 4);
		struct nlmsghdr head;

		assert_non_null(copy);
		memcpy(copy, m.bytes, size);
		h.count = 0;
		(void)!netlink_facts_parse(copy, size, on_fact, &h);
		assert_int_equal(h.count, 0);
		/* And one that says itself that it is so short. */
		if (size >= sizeof(head)) {
			memcpy(&head, copy, sizeof(head));
			head.nlmsg_len = (uint32_t)size;
			memcpy(copy, &head, sizeof(head));
			(void)!netlink_facts_parse(copy, size, on_fact, &h);
		}
		free(copy);
	}
}

/* ---- what is a change ---- */

struct world {
	struct underlay *underlay;
	unsigned changed, moved, asked;
};

static void
on_changed(void *ctx, us_t now)
{
	struct world *w = ctx;

	(void)now;
	w->changed++;
}

static void
on_moved(void *ctx, us_t now)
{
	struct world *w = ctx;

	(void)now;
	w->moved++;
}

static bool
concerns(void *ctx, struct prefix to)
{
	struct world *w = ctx;

	w->asked++;
	return to.addr.b[0] == 192;
}

static const struct underlay_ops ops = {
	.changed = on_changed, .moved = on_moved, .concerns = concerns};

static int
setup(void **state)
{
	static const char *const lans[] = {"lan9"};
	struct underlay_conf conf = {.ignored = lans, .ignored_count = 1};
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL || underlay_create(&conf, &ops, w, NULL, &w->underlay) != 0)
		return -1;
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	underlay_destroy(w->underlay);
	free(w);
	return 0;
}

static struct netlink_fact
route_to(uint8_t first, uint8_t len)
{
	return (struct netlink_fact){
		.kind = NETLINK_FACT_ROUTE, .addr = {.family = ADDR_V4, .b = {first}}, .len = len};
}

static void
what_belongs_together_is_told_once(void **state)
{
	struct netlink_fact f = route_to(0, 0);
	struct world *w = *state;
	us_t due;

	assert_true(underlay_heard(w->underlay, &f, US_S));
	f = route_to(192, 24);
	assert_true(underlay_heard(w->underlay, &f, US_S + 1 * US_MS));
	due = underlay_run(w->underlay, US_S + 1 * US_MS);
	assert_true(due > US_S + 1 * US_MS && due <= US_S + 5 * US_MS);
	assert_int_equal(w->changed, 0);
	assert_int_equal(underlay_run(w->underlay, due), US_NEVER);
	assert_int_equal(w->changed, 1);
	/* The next one waits a little longer. */
	assert_true(underlay_heard(w->underlay, &f, due + 1));
	assert_true(underlay_run(w->underlay, due + 1) >= due + 20 * US_MS);
	assert_int_equal(w->moved, 0);
}

static void
a_route_to_no_peer_is_no_change(void **state)
{
	struct netlink_fact f = route_to(10, 24);
	struct world *w = *state;

	assert_false(underlay_heard(w->underlay, &f, US_S));
	assert_int_equal(w->asked, 1);
	assert_int_equal(underlay_run(w->underlay, US_S), US_NEVER);
}

static void
a_flood_of_routes_is_told_once_a_second_and_not_looked_at(void **state)
{
	struct netlink_fact f = route_to(10, 24);
	struct world *w = *state;
	us_t now = US_S;

	for (unsigned i = 0; i < 10000; i++) {
		(void)underlay_heard(w->underlay, &f, now);
		(void)underlay_run(w->underlay, now);
		now += 500;
	}
	assert_in_range(w->changed, 4, 6);
	assert_true(w->asked < 250);
}

static void
what_is_no_underlay_is_no_change(void **state)
{
	struct netlink_fact f = {.kind = NETLINK_FACT_LINK,
				 .index = INDEX,
				 .link = {.name = "lan9", .is_up = true, .has_carrier = true}};
	struct world *w = *state;

	assert_false(underlay_heard(w->underlay, &f, US_S));
	snprintf(f.link.name, sizeof(f.link.name), "tap9");
	snprintf(f.link.kind, sizeof(f.link.kind), "tun");
	assert_false(underlay_heard(w->underlay, &f, US_S));
	f.link.kind[0] = '\0';
	f.is_loopback = true;
	assert_false(underlay_heard(w->underlay, &f, US_S));
	/* One that is not known comes up: its address may be there already, or not. */
	f.is_loopback = false;
	assert_true(underlay_heard(w->underlay, &f, US_S));
	(void)underlay_run(w->underlay, US_S + 10 * US_MS);
	assert_int_equal(w->changed, 0);
}

static void
addresses_that_nobody_can_reach_are_no_change(void **state)
{
	static const struct addr useless[] = {
		{.family = ADDR_V4, .b = {127, 0, 0, 1}},
		{.family = ADDR_V4, .b = {169, 254, 1, 1}},
		{.family = ADDR_V4, .b = {0}},
		{.family = ADDR_V4, .b = {224, 0, 0, 1}},
		{.family = ADDR_V6, .b = {[15] = 1}},
		{.family = ADDR_V6, .b = {0xfe, 0x80, [15] = 1}},
		{.family = ADDR_V6, .b = {0xff, 2, [15] = 1}},
	};
	struct netlink_fact f = {.kind = NETLINK_FACT_ADDR, .index = INDEX, .is_usable = true};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_COUNT(useless); i++) {
		f.addr = useless[i];
		assert_false(underlay_heard(w->underlay, &f, US_S));
	}
	f.addr = v4;
	assert_true(underlay_heard(w->underlay, &f, US_S));
	/* That one was never there. */
	f.is_gone = true;
	assert_false(underlay_heard(w->underlay, &f, US_S));
	assert_false(underlay_is_new(w->underlay, v4));
}

static void
links_that_change_while_they_are_listed_are_listed_again(void **state)
{
	struct world *w = *state;
	struct underlay_conf conf = {.ignored_count = 0};
	struct underlay *other = NULL;
	struct addr once[UNDERLAY_ADDRS_MAX], again[UNDERLAY_ADDRS_MAX];

	assert_int_equal(underlay_create(&conf, &ops, w, NULL, &other), 0);
	(void)underlay_addrs(other, once);
	underlay_destroy(other);
	interruptions = 7;
	assert_int_equal(underlay_create(&conf, &ops, w, NULL, &other), 0);
	assert_int_equal(interruptions, 0);
	for (size_t i = 0; i < underlay_addrs(other, again); i++)
		assert_true(addr_equal(once[i], again[i]));
	underlay_destroy(other);
	/* Not for ever. */
	interruptions = UINT32_MAX;
	assert_int_equal(underlay_create(&conf, &ops, w, NULL, &other), -EINTR);
	interruptions = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_that_comes_and_goes_is_read),
		cmocka_unit_test(an_address_that_is_not_to_be_used_says_so),
		cmocka_unit_test(of_a_point_to_point_link_the_own_end_counts),
		cmocka_unit_test(routes_of_the_main_table_are_read_and_no_others),
		cmocka_unit_test(a_link_says_that_its_machine_was_moved),
		cmocka_unit_test(no_truncation_is_read_beyond_its_end),
		cmocka_unit_test_setup_teardown(what_belongs_together_is_told_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_route_to_no_peer_is_no_change, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_flood_of_routes_is_told_once_a_second_and_not_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_underlay_is_no_change, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_that_nobody_can_reach_are_no_change,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			links_that_change_while_they_are_listed_are_listed_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
