/* Checks of values against each other. */
#include "conf/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "conf/check_lisp.h"
#include "conf/check_proxy.h"
#include "conf/interface.h"
#include "conf/unique.h"

/* What fill_conf() leaves for a number that it refused. */
#define ID_UNKNOWN UINT32_MAX

struct checker {
	struct report *r;
	const struct conf *conf;
	int rc;
	vn_id_t *ids;                   /* of the own networks, sorted */
	const struct conf_peer **peers; /* by name, sorted; those with a name */
	size_t peer_count;
	bool all_ids;   /* each network has a valid number */
	bool all_names; /* this router and each peer have a valid name */
};

static struct place
at(const char *name, uint32_t index)
{
	return place_in((struct place){.depth = 0}, name, index);
}

static struct place
under(const char *array, size_t index, const char *name)
{
	return place_in(at(array, (uint32_t)index), name, PLACE_NO_INDEX);
}

static int
id_compare(const void *a, const void *b)
{
	vn_id_t x = *(const vn_id_t *)a;
	vn_id_t y = *(const vn_id_t *)b;

	return x < y ? -1 : x > y;
}

static int
peer_compare(const void *a, const void *b)
{
	const struct conf_peer *const *x = a;
	const struct conf_peer *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static const struct conf_peer *
find_peer(const struct checker *c, char *name)
{
	struct conf_peer wanted = {.name = name};
	const struct conf_peer *key = &wanted;
	const struct conf_peer **found =
		bsearch(&key, c->peers, c->peer_count, sizeof(*c->peers), peer_compare);

	return found == NULL ? NULL : *found;
}

static bool
peer_has_vn(const struct conf_peer *peer, vn_id_t id)
{
	size_t i;

	for (i = 0; i < peer->vn_count; i++)
		if (peer->vns[i].id == id)
			return true;
	return false;
}

static int
checker_init(struct checker *c, struct report *r, const struct conf *conf)
{
	size_t i;

	*c = (struct checker){.r = r, .conf = conf, .all_ids = true};
	c->ids = calloc(conf->vn_count + 1, sizeof(*c->ids));
	c->peers = calloc(conf->peer_count + 1, sizeof(*c->peers));
	if (c->ids == NULL || c->peers == NULL)
		return -ENOMEM;
	for (i = 0; i < conf->vn_count; i++) {
		c->ids[i] = conf->vns[i].id;
		c->all_ids = c->all_ids && c->ids[i] != ID_UNKNOWN;
	}
	for (i = 0; i < conf->peer_count; i++)
		if (conf->peers[i].name != NULL)
			c->peers[c->peer_count++] = &conf->peers[i];
	c->all_names = conf->name != NULL && c->peer_count == conf->peer_count;
	qsort(c->ids, conf->vn_count, sizeof(*c->ids), id_compare);
	qsort(c->peers, c->peer_count, sizeof(*c->peers), peer_compare);
	return 0;
}

static void
checker_fini(struct checker *c)
{
	free(c->ids);
	free(c->peers);
}

static void
check_vn_names(struct checker *c)
{
	struct unique ids = {.rows = NULL};
	struct unique names = {.rows = NULL};
	struct unique devices = {.rows = NULL};
	char number[16];
	size_t i;

	for (i = 0; i < c->conf->vn_count; i++) {
		const struct conf_vn *vn = &c->conf->vns[i];

		snprintf(number, sizeof(number), "%u", vn->id);
		if (vn->id != ID_UNKNOWN)
			unique_add(&ids, 0, number, under("vns", i, "id"));
		if (vn->name != NULL)
			unique_add(&names, 0, vn->name, under("vns", i, "name"));
		if (vn->device != NULL)
			unique_add(&devices, 0, vn->device, under("vns", i, "device"));
	}
	unique_report(&ids, c->r, "a number of its own for each network", &c->rc);
	unique_report(&names, c->r, "a name of its own for each network", &c->rc);
	unique_report(&devices, c->r, "a device of its own for each network", &c->rc);
}

static void
check_peer_names(struct checker *c)
{
	const struct conf *conf = c->conf;
	static const uint8_t no_key[CONF_KEY_SIZE];
	struct unique names = {.rows = NULL};
	struct unique keys = {.rows = NULL};
	char key[CONF_KEY_SIZE * 2];
	size_t i;

	if (conf->name != NULL)
		unique_add(&names, 0, conf->name, at("name", PLACE_NO_INDEX));
	for (i = 0; i < conf->peer_count; i++) {
		const struct conf_peer *peer = &conf->peers[i];

		if (peer->name != NULL)
			unique_add(&names, 0, peer->name, under("peers", i, "name"));
		if (memcmp(peer->public_key, no_key, sizeof(no_key)) == 0)
			continue;
		base64_from_bytes(peer->public_key, sizeof(peer->public_key), key);
		unique_add(&keys, 0, key, under("peers", i, "public_key"));
	}
	unique_report(&names, c->r, "a name of its own for each router", &c->rc);
	unique_report(&keys, c->r, "a key of its own for each router", &c->rc);
}

/* Can the socket that listens there send to this family?  An IPv6 socket on :: serves both. */
static bool
can_reach(struct endpoint listen, struct endpoint ep)
{
	if (addr_is_none(listen.addr) || listen.addr.family == ep.addr.family)
		return true;
	return listen.addr.family == ADDR_V6 && addr_is_unspecified(listen.addr);
}

static void
check_endpoint(struct checker *c, struct unique *seen, struct endpoint ep, struct place place)
{
	char found[64];

	if (addr_is_none(ep.addr))
		return;
	snprintf(found, sizeof(found), "%s", fmt_endpoint(ep).s);
	if (addr_is_unspecified(ep.addr) || addr_is_multicast(ep.addr))
		report_place(c->r, place, "the unicast address of a router", found);
	else if (!can_reach(c->conf->listen, ep))
		report_place(c->r, place, "an address of the family of \"listen\"", found);
	else
		unique_add(seen, 0, found, place);
}

static void
check_endpoints(struct checker *c)
{
	const struct conf *conf = c->conf;
	struct unique seen = {.rows = NULL};
	size_t i, j;

	if (addr_is_multicast(conf->listen.addr))
		report_place(c->r, at("listen", PLACE_NO_INDEX), "a unicast address of this router",
			     fmt_endpoint(conf->listen).s);
	else if (!addr_is_none(conf->listen.addr) && !addr_is_unspecified(conf->listen.addr))
		unique_add(&seen, 0, fmt_endpoint(conf->listen).s, at("listen", PLACE_NO_INDEX));
	for (i = 0; i < conf->peer_count; i++)
		for (j = 0; j < conf->peers[i].endpoint_count; j++)
			check_endpoint(c, &seen, conf->peers[i].endpoints[j],
				       place_element(under("peers", i, "endpoints"), j));
	unique_report(&seen, c->r, "an endpoint of its own for each router", &c->rc);
}

/* Another socket for each: the family of "tcp_listen" says nothing about these. */
static void
check_tcp_peers(struct checker *c, struct unique *seen)
{
	const struct conf *conf = c->conf;
	size_t i, j;

	for (i = 0; i < conf->peer_count; i++) {
		for (j = 0; j < conf->peers[i].tcp_count; j++) {
			struct endpoint ep = conf->peers[i].tcp[j];
			struct place place = place_element(under("peers", i, "tcp"), j);

			if (addr_is_none(ep.addr))
				continue;
			if (addr_is_unspecified(ep.addr) || addr_is_multicast(ep.addr))
				report_place(c->r, place, "the unicast address of a router",
					     fmt_endpoint(ep).s);
			else
				unique_add(seen, 0, fmt_endpoint(ep).s, place);
		}
	}
}

/* Each may be a way to each peer, and the ways are limited. */
static void
check_relays(struct checker *c)
{
	size_t count = 0;
	char found[32];

	for (size_t i = 0; i < c->conf->peer_count; i++) {
		if (!c->conf->peers[i].relay || ++count <= CONF_RELAYS_MAX)
			continue;
		snprintf(found, sizeof(found), "number %zu", count);
		report_place(c->r, under("peers", i, "relay"), "at most 8 peers that relay", found);
	}
}

static void
check_tcp(struct checker *c)
{
	const struct conf *conf = c->conf;
	const struct {
		const char *name;
		struct endpoint ep;
	} own[] = {{"tcp_listen", conf->tcp_listen}, {"http_proxy", conf->http_proxy}};
	struct unique seen = {.rows = NULL};
	size_t i;

	if (addr_is_multicast(own[0].ep.addr))
		report_place(c->r, at(own[0].name, PLACE_NO_INDEX),
			     "a unicast address of this router", fmt_endpoint(own[0].ep).s);
	for (i = 0; i < ARRAY_COUNT(own); i++)
		if (!addr_is_none(own[i].ep.addr) && !addr_is_unspecified(own[i].ep.addr))
			unique_add(&seen, 0, fmt_endpoint(own[i].ep).s,
				   at(own[i].name, PLACE_NO_INDEX));
	if (!addr_is_none(own[1].ep.addr) &&
	    (addr_is_unspecified(own[1].ep.addr) || addr_is_multicast(own[1].ep.addr)))
		report_place(c->r, at(own[1].name, PLACE_NO_INDEX),
			     "the unicast address of a proxy", fmt_endpoint(own[1].ep).s);
	check_tcp_peers(c, &seen);
	unique_report(&seen, c->r, "an endpoint of its own for each router", &c->rc);
	if (conf->http_proxy_secret_file != NULL && addr_is_none(own[1].ep.addr))
		report_place(c->r, at("http_proxy_secret_file", PLACE_NO_INDEX),
			     "none where there is no \"http_proxy\"",
			     report_string(conf->http_proxy_secret_file).s);
}

static void
check_peer_vns(struct checker *c)
{
	const struct conf *conf = c->conf;
	struct unique ids = {.rows = NULL};
	char number[16];
	size_t i, j;

	for (i = 0; i < conf->peer_count; i++) {
		for (j = 0; j < conf->peers[i].vn_count; j++) {
			vn_id_t id = conf->peers[i].vns[j].id;
			struct place place = place_element(under("peers", i, "vns"), j);

			if (id == ID_UNKNOWN)
				continue;
			place = place_in(place, "id", PLACE_NO_INDEX);
			snprintf(number, sizeof(number), "%u", id);
			unique_add(&ids, (uint32_t)i, number, place);
			if (c->all_ids &&
			    bsearch(&id, c->ids, conf->vn_count, sizeof(id), id_compare) == NULL)
				report_place(c->r, place, "the number of a network in \"vns\"",
					     number);
		}
	}
	unique_report(&ids, c->r, "each network once", &c->rc);
}

static void
add_prefixes(struct unique *u, vn_id_t id, const struct prefix *prefixes, size_t count,
	     struct place place)
{
	size_t i;

	for (i = 0; i < count && id != ID_UNKNOWN; i++)
		if (!addr_is_none(prefixes[i].addr))
			unique_add(u, id, fmt_prefix(prefixes[i]).s, place_element(place, i));
}

/* Longest-prefix match decides between different prefixes; equal ones would be a coin toss. */
static void
check_prefixes(struct checker *c)
{
	const struct conf *conf = c->conf;
	struct unique fixed = {.rows = NULL};
	struct unique mobile = {.rows = NULL};
	struct unique subnets = {.rows = NULL};
	size_t i, j;

	for (i = 0; i < conf->vn_count; i++) {
		const struct conf_vn *vn = &conf->vns[i];

		add_prefixes(&fixed, vn->id, vn->local, vn->local_count, under("vns", i, "local"));
		add_prefixes(&subnets, vn->id, vn->subnets, vn->subnet_count,
			     under("vns", i, "subnets"));
		for (j = 0; j < vn->mobile_count; j++) {
			struct place place = place_element(under("vns", i, "mobile"), j);

			place = place_in(place, "prefix", PLACE_NO_INDEX);
			if (vn->id != ID_UNKNOWN && !addr_is_none(vn->mobile[j].prefix.addr))
				unique_add(&mobile, vn->id, fmt_prefix(vn->mobile[j].prefix).s,
					   place);
		}
	}
	for (i = 0; i < conf->peer_count; i++) {
		for (j = 0; j < conf->peers[i].vn_count; j++) {
			const struct conf_peer_vn *vn = &conf->peers[i].vns[j];
			struct place place = place_element(under("peers", i, "vns"), j);

			add_prefixes(&fixed, vn->id, vn->prefixes, vn->prefix_count,
				     place_in(place, "prefixes", PLACE_NO_INDEX));
		}
	}
	unique_report(&fixed, c->r, "each prefix at one router", &c->rc);
	unique_report(&mobile, c->r, "each mobile prefix once", &c->rc);
	unique_report(&subnets, c->r, "each subnet once", &c->rc);
}

static void
check_host(struct checker *c, const struct conf_vn *vn, char *name, struct place place)
{
	const struct conf_peer *peer = find_peer(c, name);
	char expected[64];

	if (c->conf->name != NULL && strcmp(name, c->conf->name) == 0)
		return;
	if (peer == NULL) {
		if (c->all_names)
			report_place(c->r, place, "\"name\" or the name of a peer",
				     report_string(name).s);
	} else if (vn->id != ID_UNKNOWN && !peer_has_vn(peer, vn->id)) {
		snprintf(expected, sizeof(expected), "a router of network %u", vn->id);
		report_place(c->r, place, expected, report_string(name).s);
	}
}

static void
check_mobile(struct checker *c)
{
	struct unique names = {.rows = NULL};
	uint32_t group = 0;
	size_t i, j, k;

	for (i = 0; i < c->conf->vn_count; i++) {
		const struct conf_vn *vn = &c->conf->vns[i];

		for (j = 0; j < vn->mobile_count; j++, group++) {
			struct place place = place_element(under("vns", i, "mobile"), j);

			for (k = 0; k < vn->mobile[j].host_count; k++) {
				char *name = vn->mobile[j].hosts[k];
				struct place host = place_in(place, "hosts", (uint32_t)k);

				if (name == NULL)
					continue;
				check_host(c, vn, name, host);
				unique_add(&names, group, name, host);
			}
		}
	}
	unique_report(&names, c->r, "each router once", &c->rc);
}

struct on_link {
	struct prefix prefix;
	struct place place;
};

/* On-link subnets of a network, of its addresses first.  The caller frees the array. */
static int
list_on_link(const struct conf_vn *vn, size_t i, struct on_link **out, size_t *count)
{
	struct on_link *list = calloc(vn->address_count + vn->subnet_count + 1, sizeof(*list));
	size_t j;

	*out = list;
	*count = 0;
	if (list == NULL)
		return -ENOMEM;
	for (j = 0; j < vn->address_count; j++) {
		if (addr_is_none(vn->addresses[j].addr))
			continue;
		list[*count].prefix = prefix_make(vn->addresses[j].addr, vn->addresses[j].len);
		list[(*count)++].place = place_element(under("vns", i, "addresses"), j);
	}
	for (j = 0; j < vn->subnet_count; j++) {
		if (addr_is_none(vn->subnets[j].addr))
			continue;
		list[*count].prefix = vn->subnets[j];
		list[(*count)++].place = place_element(under("vns", i, "subnets"), j);
	}
	return 0;
}

static bool
overlap(struct prefix a, struct prefix b)
{
	return prefix_contains(a, b.addr) || prefix_contains(b, a.addr);
}

/* A machine must find the same length for its subnet wherever it stands. */
static void
check_lengths(struct checker *c, const struct on_link *list, size_t count)
{
	char text[48], found[192];
	size_t i, j;

	for (i = 1; i < count; i++) {
		for (j = 0; j < i; j++) {
			if (!overlap(list[i].prefix, list[j].prefix) ||
			    prefix_equal(list[i].prefix, list[j].prefix))
				continue;
			place_text(list[j].place, text, sizeof(text));
			snprintf(found, sizeof(found), "%s beside %s of %s",
				 fmt_prefix(list[i].prefix).s, fmt_prefix(list[j].prefix).s, text);
			report_place(c->r, list[i].place, "subnets that do not overlap", found);
			break;
		}
	}
}

static bool
any_contains(const struct prefix *prefixes, size_t count, struct addr a)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (prefix_contains(prefixes[i], a))
			return true;
	return false;
}

static void
check_native_gateway(struct checker *c, const struct conf_vn *vn, size_t index,
		     const struct on_link *list, size_t count)
{
	struct place place = under("vns", index, "native_gateway");
	struct addr gateway = vn->native_gateway;
	bool near = any_contains(vn->local, vn->local_count, gateway);
	size_t i;

	if (addr_is_none(gateway))
		return;
	for (i = 0; i < vn->address_count; i++)
		if (addr_equal(vn->addresses[i].addr, gateway))
			report_place(c->r, place, "another router than this one",
				     fmt_addr(gateway).s);
	for (i = 0; i < count; i++)
		near = near || prefix_contains(list[i].prefix, gateway);
	for (i = 0; i < vn->mobile_count; i++)
		near = near || prefix_contains(vn->mobile[i].prefix, gateway);
	if (!near)
		report_place(c->r, place,
			     "an address within \"local\", \"subnets\" or those of \"addresses\"",
			     fmt_addr(gateway).s);
}

static void
check_addresses(struct checker *c)
{
	struct unique seen = {.rows = NULL};
	struct on_link *list;
	size_t count, i, j;

	for (i = 0; i < c->conf->vn_count; i++) {
		const struct conf_vn *vn = &c->conf->vns[i];

		for (j = 0; j < vn->address_count; j++)
			if (!addr_is_none(vn->addresses[j].addr))
				unique_add(&seen, (uint32_t)i, fmt_addr(vn->addresses[j].addr).s,
					   place_element(under("vns", i, "addresses"), j));
		if (list_on_link(vn, i, &list, &count) == 0) {
			check_lengths(c, list, count);
			check_native_gateway(c, vn, i, list, count);
		} else {
			c->rc = -ENOMEM;
		}
		free(list);
	}
	unique_report(&seen, c->r, "each address once", &c->rc);
}

static void
check_times(struct checker *c)
{
	const struct conf *conf = c->conf;
	struct place place = place_in(at("sync", PLACE_NO_INDEX), "dead_ms", PLACE_NO_INDEX);
	char expected[80];
	char found[32];

	if (conf->hello_interval < 0 || conf->dead_time < 0 ||
	    conf->dead_time >= 2 * conf->hello_interval)
		return;
	snprintf(expected, sizeof(expected), "at least twice \"hello_ms\" (%lld)",
		 (long long)(conf->hello_interval / US_MS));
	snprintf(found, sizeof(found), "%lld", (long long)(conf->dead_time / US_MS));
	report_place(c->r, place, expected, found);
}

/* One hello may be lost. */
static void
check_underlay(struct checker *c)
{
	const struct conf *conf = c->conf;
	char expected[64], found[24];

	if (conf->underlay.renew_count == 0 || conf->hello_interval < 0 ||
	    conf->underlay.silent_time < 0 ||
	    conf->underlay.silent_time >= 2 * conf->hello_interval)
		return;
	snprintf(expected, sizeof(expected), "at least twice \"sync.hello_ms\" (%lld)",
		 (long long)(conf->hello_interval / US_MS));
	snprintf(found, sizeof(found), "%lld", (long long)(conf->underlay.silent_time / US_MS));
	report_place(c->r, place_in(at("underlay", PLACE_NO_INDEX), "silent_ms", PLACE_NO_INDEX),
		     expected, found);
}

static void
check_features(struct checker *c)
{
	size_t i;

	for (i = 0; !c->conf->features.nftables && i < c->conf->vn_count; i++)
		if (c->conf->vns[i].mac_kind == CONF_MAC_NIC)
			report_place(
				c->r, under("vns", i, "mac"),
				"\"virtual\" or an address where \"features.nftables\" is false",
				"\"nic\"");
}

static void
check_own_key(struct checker *c, conf_public_key_fn *public_key)
{
	uint8_t own[CONF_KEY_SIZE];
	size_t i;
	int rc;

	if (public_key == NULL || c->conf->key_file == NULL)
		return;
	rc = public_key(c->conf->key_file, own);
	if (rc != 0) {
		report_place(c->r, at("key_file", PLACE_NO_INDEX),
			     "a private key as \"vrctl keygen\" makes it, in a file of mode 0600",
			     conf_key_fault(rc));
		return;
	}
	for (i = 0; i < c->conf->peer_count; i++)
		if (memcmp(c->conf->peers[i].public_key, own, sizeof(own)) == 0)
			report_place(c->r, under("peers", i, "public_key"),
				     "the key of another router", "the key of this one");
}

int
check_conf(struct report *r, const struct conf *conf, conf_public_key_fn *public_key)
{
	struct checker c;
	int rc = checker_init(&c, r, conf);

	if (rc == 0) {
		check_times(&c);
		check_vn_names(&c);
		check_peer_names(&c);
		check_endpoints(&c);
		check_tcp(&c);
		check_relays(&c);
		check_peer_vns(&c);
		check_prefixes(&c);
		check_mobile(&c);
		check_addresses(&c);
		check_underlay(&c);
		check_features(&c);
		check_own_key(&c, public_key);
		rc = c.rc != 0 ? c.rc : check_lisp(r, conf);
		rc = rc != 0 ? rc : check_proxy(r, conf);
		interface_check(r, conf);
	}
	checker_fini(&c);
	return rc;
}
