/* Addresses and routes of the TUN device: see tun_net.h. */
#include "vr/tun_net.h"

#include <errno.h>
#include <stdlib.h>
#include <net/if.h>

#include "base/fmt.h"
#include "vr/netlink_host.h"
#include "vr/port_host.h"

struct work {
	struct netlink *nl;
	const struct netlink_link *link;
	const struct port_host *old, *new;
	struct log *log;
	int rc; /* the first that failed */
};

static void
note(struct work *w, int rc)
{
	if (w->rc == 0)
		w->rc = rc;
}

static int
prefix_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct prefix));
}

static bool
has_address(const struct port_host *host, const struct conf_address *a)
{
	for (size_t i = 0; i < host->address_count; i++)
		if (addr_equal(host->addresses[i].addr, a->addr) &&
		    host->addresses[i].len == a->len)
			return true;
	return false;
}

static bool
has_route(const struct port_host *host, struct prefix prefix)
{
	return host->route_count > 0 && bsearch(&prefix, host->routes, host->route_count,
						sizeof(prefix), prefix_compare) != NULL;
}

/* ---- addresses of other links ---- */

/* What would go through this link from now on, or NULL: the address is not among it. */
static const char *
new_way_to(const struct work *w, struct addr addr, struct fmt *text)
{
	for (size_t i = 0; i < w->new->address_count; i++) {
		const struct conf_address *a = &w->new->addresses[i];

		*text = fmt_prefix(prefix_make(a->addr, a->len));
		if (!has_address(w->old, a) && prefix_contains(prefix_make(a->addr, a->len), addr))
			return "the subnet";
	}
	for (size_t i = 0; i < w->new->route_count; i++) {
		*text = fmt_prefix(w->new->routes[i]);
		if (!has_route(w->old, w->new->routes[i]) &&
		    prefix_contains(w->new->routes[i], addr))
			return "the prefix";
	}
	return NULL;
}

static void
compare_other(void *ctx, int index, struct addr addr)
{
	char name[IF_NAMESIZE] = "another device";
	struct fmt text;
	struct work *w = ctx;
	const char *what;

	if (index == w->link->index)
		return;
	what = new_way_to(w, addr, &text);
	if (what == NULL)
		return;
	(void)if_indextoname((unsigned)index, name);
	log_line(w->log, LOG_ERROR, "port", "%s: address %s of %s is within %s %s of the network",
		 w->link->name, fmt_addr(addr).s, name, what, text.s);
	note(w, -EADDRINUSE);
}

/* ---- changes ---- */

static void
add_addresses(struct work *w)
{
	for (size_t i = 0; i < w->new->address_count; i++) {
		const struct conf_address *a = &w->new->addresses[i];
		int rc = netlink_host_addr_add(w->nl, w->link->index, a->addr, a->len);

		if (rc == 0 || rc == -EEXIST)
			continue;
		log_line(w->log, LOG_ERROR, "port", "%s: cannot get address %s: %s", w->link->name,
			 fmt_addr(a->addr).s, strerror(-rc));
		note(w, rc);
	}
}

static void
add_routes(struct work *w)
{
	for (size_t i = 0; i < w->new->route_count; i++) {
		struct prefix prefix = w->new->routes[i];
		int rc = netlink_host_route_add(w->nl, w->link->index, prefix, w->new->source);

		if (rc == 0 || (rc == -EEXIST && has_route(w->old, prefix)))
			continue;
		log_line(w->log, LOG_ERROR, "port", "%s: cannot get the route to %s: %s",
			 w->link->name, fmt_prefix(prefix).s,
			 rc == -EEXIST ? "there is another one" : strerror(-rc));
		note(w, rc);
	}
}

/* What is not there any more need not be taken out. */
static void
remove_old(struct work *w)
{
	for (size_t i = 0; i < w->old->route_count; i++)
		if (!has_route(w->new, w->old->routes[i]))
			(void)!netlink_host_route_remove(w->nl, w->link->index, w->old->routes[i]);
	for (size_t i = 0; i < w->old->address_count; i++) {
		const struct conf_address *a = &w->old->addresses[i];

		if (!has_address(w->new, a))
			(void)!netlink_host_addr_remove(w->nl, w->link->index, a->addr, a->len);
	}
}

int
tun_net_set(struct netlink *nl, const struct netlink_link *link, const struct port_host *old,
	    const struct port_host *new, struct log *log)
{
	static const struct port_host none = {.address_count = 0};
	struct work w = {
		.nl = nl, .link = link, .old = old != NULL ? old : &none, .new = new, .log = log};
	int rc = netlink_host_addr_list(nl, compare_other, &w);

	if (rc < 0 || w.rc < 0)
		return rc < 0 ? rc : w.rc;
	/* The new first, so that there is always one: with the last address of a link all of its routes go. */
	add_addresses(&w);
	remove_old(&w);
	/* With the first address of a subnet the others may have gone. */
	if (w.rc == 0)
		add_addresses(&w);
	/* A link that is down can have none. */
	if (link->is_up)
		add_routes(&w);
	return w.rc;
}
