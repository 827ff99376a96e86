/* The "model" "interface", and "hybrid": see interface.h. */
#include "conf/interface.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fmt.h"

/* 'what' goes with this model, or does not. */
static void
report_model(struct report *r, struct place place, const char *what, const struct conf_vn *vn,
	     const char *found)
{
	char expected[192];

	snprintf(expected, sizeof(expected), "%s where \"model\" is \"%s\"", what,
		 vn->model == CONF_MODEL_HYBRID ? "hybrid" : "interface");
	report_place(r, place, expected, found);
}

static bool
is_local(const struct conf_vn *vn, struct addr addr)
{
	for (size_t i = 0; i < vn->local_count; i++)
		if (prefix_contains(vn->local[i], addr))
			return true;
	return false;
}

/* The longest mobile prefix that has the address, or NULL. */
static const struct conf_mobile *
find_mobile(const struct conf_vn *vn, struct addr addr)
{
	const struct conf_mobile *found = NULL;

	for (size_t i = 0; i < vn->mobile_count; i++)
		if (prefix_contains(vn->mobile[i].prefix, addr) &&
		    (found == NULL || vn->mobile[i].prefix.len > found->prefix.len))
			found = &vn->mobile[i];
	return found;
}

static bool
may_host(const struct conf_mobile *mobile, const char *name)
{
	for (size_t i = 0; i < mobile->host_count; i++)
		if (mobile->hosts[i] == NULL || strcmp(mobile->hosts[i], name) == 0)
			return true;
	return mobile->host_count == 0;
}

static void
check_addresses(struct report *r, const struct conf *conf, const struct conf_vn *vn, size_t index)
{
	struct place place = place_under("vns", index, "addresses");

	if (place_is_missing(place, r->root))
		report_model(r, place, "an address of this machine", vn, "nothing");
	for (size_t i = 0; i < vn->address_count; i++) {
		struct conf_address a = vn->addresses[i];
		const struct conf_mobile *mobile = find_mobile(vn, a.addr);
		struct place at = place_element(place, i);

		if (addr_is_none(a.addr))
			continue;
		if (a.addr.family != ADDR_V4)
			report_model(r, at, "an IPv4 address", vn, fmt_addr(a.addr).s);
		else if (conf->name != NULL && !is_local(vn, a.addr) && mobile != NULL &&
			 !may_host(mobile, conf->name))
			report_place(r, at,
				     "an address of \"local\", or of a mobile prefix that this "
				     "router may host",
				     fmt_addr(a.addr).s);
	}
}

/* The prefix that leads through the network's device and has this address, or NULL. */
static const struct prefix *
routed(const struct conf *conf, const struct conf_vn *vn, struct addr addr)
{
	for (size_t i = 0; i < vn->mobile_count; i++)
		if (prefix_contains(vn->mobile[i].prefix, addr))
			return &vn->mobile[i].prefix;
	for (size_t i = 0; i < conf->peer_count; i++)
		for (size_t j = 0; j < conf->peers[i].vn_count; j++) {
			const struct conf_peer_vn *pv = &conf->peers[i].vns[j];

			for (size_t k = 0; pv->id == vn->id && k < pv->prefix_count; k++)
				if (prefix_contains(pv->prefixes[k], addr))
					return &pv->prefixes[k];
		}
	return NULL;
}

/* The sessions' own packets must not go into the device. */
static void
check_endpoints(struct report *r, const struct conf *conf, const struct conf_vn *vn)
{
	for (size_t i = 0; i < conf->peer_count; i++)
		for (size_t j = 0; j < conf->peers[i].endpoint_count; j++) {
			struct endpoint ep = conf->peers[i].endpoints[j];
			const struct prefix *prefix =
				addr_is_none(ep.addr) ? NULL : routed(conf, vn, ep.addr);
			struct place place =
				place_in((struct place){.depth = 0}, "peers", (uint32_t)i);
			char expected[128], found[64];

			if (prefix == NULL)
				continue;
			snprintf(expected, sizeof(expected),
				 "an address outside of %s, which is reached through \"%s\"",
				 fmt_prefix(*prefix).s, vn->device != NULL ? vn->device : "");
			snprintf(found, sizeof(found), "%s", fmt_endpoint(ep).s);
			place = place_in(place, "endpoints", PLACE_NO_INDEX);
			report_place(r, place_element(place, j), expected, found);
		}
}

void
interface_check(struct report *r, const struct conf *conf)
{
	for (size_t i = 0; i < conf->vn_count; i++) {
		const struct conf_vn *vn = &conf->vns[i];

		if (vn->model == CONF_MODEL_ROUTER)
			continue;
		check_addresses(r, conf, vn, i);
		check_endpoints(r, conf, vn);
		if (vn->mac_kind == CONF_MAC_NIC)
			report_model(r, place_under("vns", i, "mac"), "\"virtual\" or an address",
				     vn, "\"nic\"");
		if (!addr_is_none(vn->native_gateway))
			report_model(r, place_under("vns", i, "native_gateway"), "none", vn,
				     fmt_addr(vn->native_gateway).s);
		if (vn->proxy.enabled)
			report_model(r, place_under("vns", i, "proxy"), "none", vn, "an object");
	}
}

static bool
has_prefix(const struct prefix *prefixes, size_t count, struct prefix prefix)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_equal(prefixes[i], prefix))
			return true;
	return false;
}

/* Room for 'more' prefixes behind those that are there. */
static int
grow(struct prefix **prefixes, size_t count, size_t more)
{
	struct prefix *grown = realloc(*prefixes, (count + more + 1) * sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	*prefixes = grown;
	return 0;
}

int
interface_finish(struct conf_vn *vn)
{
	int rc = grow(&vn->local, vn->local_count, vn->address_count);

	if (rc == 0)
		rc = grow(&vn->subnets, vn->subnet_count, vn->address_count);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < vn->address_count; i++) {
		struct conf_address a = vn->addresses[i];
		struct prefix subnet = prefix_make(a.addr, a.len);

		if (!is_local(vn, a.addr) && find_mobile(vn, a.addr) == NULL)
			vn->local[vn->local_count++] = prefix_host(a.addr);
		if (a.len < 32 && !has_prefix(vn->subnets, vn->subnet_count, subnet))
			vn->subnets[vn->subnet_count++] = subnet;
	}
	vn->own = vn->addresses;
	vn->own_count = vn->address_count;
	vn->addresses = NULL;
	vn->address_count = 0;
	return 0;
}
