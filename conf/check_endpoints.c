/* Where this router listens, and where its peers, relays and proxy are. */
#include "conf/check.h"

#include <stdio.h>

#include "base/fmt.h"
#include "conf/unique.h"

/* Can the socket that listens there send to this family?  An IPv6 socket on :: serves both. */
static bool
can_reach(struct endpoint listen, struct endpoint ep)
{
	if (addr_is_none(listen.addr) || listen.addr.family == ep.addr.family)
		return true;
	return listen.addr.family == ADDR_V6 && addr_is_unspecified(listen.addr);
}

static void
check_endpoint(struct report *r, const struct conf *conf, struct unique *seen, struct endpoint ep,
	       struct place place)
{
	char found[64];

	if (addr_is_none(ep.addr))
		return;
	snprintf(found, sizeof(found), "%s", fmt_endpoint(ep).s);
	if (addr_is_unspecified(ep.addr) || addr_is_multicast(ep.addr))
		report_place(r, place, "the unicast address of a router", found);
	else if (!can_reach(conf->listen, ep))
		report_place(r, place, "an address of the family of \"listen\"", found);
	else
		unique_add(seen, 0, found, place);
}

static void
check_datagrams(struct report *r, const struct conf *conf, int *rc)
{
	struct unique seen = {.rows = NULL};
	size_t i, j;

	if (addr_is_multicast(conf->listen.addr))
		report_place(r, place_at("listen"), "a unicast address of this router",
			     fmt_endpoint(conf->listen).s);
	else if (!addr_is_none(conf->listen.addr) && !addr_is_unspecified(conf->listen.addr))
		unique_add(&seen, 0, fmt_endpoint(conf->listen).s, place_at("listen"));
	for (i = 0; i < conf->peer_count; i++)
		for (j = 0; j < conf->peers[i].endpoint_count; j++)
			check_endpoint(r, conf, &seen, conf->peers[i].endpoints[j],
				       place_element(place_under("peers", i, "endpoints"), j));
	unique_report(&seen, r, "an endpoint of its own for each router", rc);
}

/* Another socket for each: the family of "tcp_listen" says nothing about these. */
static void
check_stream_peers(struct report *r, const struct conf *conf, struct unique *seen)
{
	size_t i, j;

	for (i = 0; i < conf->peer_count; i++) {
		for (j = 0; j < conf->peers[i].tcp_count; j++) {
			struct endpoint ep = conf->peers[i].tcp[j];
			struct place place = place_element(place_under("peers", i, "tcp"), j);

			if (addr_is_none(ep.addr))
				continue;
			if (addr_is_unspecified(ep.addr) || addr_is_multicast(ep.addr))
				report_place(r, place, "the unicast address of a router",
					     fmt_endpoint(ep).s);
			else
				unique_add(seen, 0, fmt_endpoint(ep).s, place);
		}
	}
}

/* Each may be a way to each peer, and the ways are limited. */
static void
check_relays(struct report *r, const struct conf *conf)
{
	size_t count = 0;
	char found[32];

	for (size_t i = 0; i < conf->peer_count; i++) {
		if (!conf->peers[i].relay || ++count <= CONF_RELAYS_MAX)
			continue;
		snprintf(found, sizeof(found), "number %zu", count);
		report_place(r, place_under("peers", i, "relay"), "at most 8 peers that relay",
			     found);
	}
}

static void
check_streams(struct report *r, const struct conf *conf, int *rc)
{
	const struct {
		const char *name;
		struct endpoint ep;
	} own[] = {{"tcp_listen", conf->tcp_listen}, {"http_proxy", conf->http_proxy}};
	struct unique seen = {.rows = NULL};
	size_t i;

	if (addr_is_multicast(own[0].ep.addr))
		report_place(r, place_at(own[0].name), "a unicast address of this router",
			     fmt_endpoint(own[0].ep).s);
	for (i = 0; i < ARRAY_COUNT(own); i++)
		if (!addr_is_none(own[i].ep.addr) && !addr_is_unspecified(own[i].ep.addr))
			unique_add(&seen, 0, fmt_endpoint(own[i].ep).s, place_at(own[i].name));
	if (!addr_is_none(own[1].ep.addr) &&
	    (addr_is_unspecified(own[1].ep.addr) || addr_is_multicast(own[1].ep.addr)))
		report_place(r, place_at(own[1].name), "the unicast address of a proxy",
			     fmt_endpoint(own[1].ep).s);
	check_stream_peers(r, conf, &seen);
	unique_report(&seen, r, "an endpoint of its own for each router", rc);
	if (conf->http_proxy_secret_file != NULL && addr_is_none(own[1].ep.addr))
		report_place(r, place_at("http_proxy_secret_file"),
			     "none where there is no \"http_proxy\"",
			     report_string(conf->http_proxy_secret_file).s);
}

int
check_endpoints(struct report *r, const struct conf *conf)
{
	int rc = 0;

	check_datagrams(r, conf, &rc);
	check_streams(r, conf, &rc);
	check_relays(r, conf);
	return rc;
}
