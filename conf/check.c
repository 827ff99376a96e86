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
			unique_add(&ids, 0, number, place_under("vns", i, "id"));
		if (vn->name != NULL)
			unique_add(&names, 0, vn->name, place_under("vns", i, "name"));
		if (vn->device != NULL)
			unique_add(&devices, 0, vn->device, place_under("vns", i, "device"));
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
		unique_add(&names, 0, conf->name, place_at("name"));
	for (i = 0; i < conf->peer_count; i++) {
		const struct conf_peer *peer = &conf->peers[i];

		if (peer->name != NULL)
			unique_add(&names, 0, peer->name, place_under("peers", i, "name"));
		if (memcmp(peer->public_key, no_key, sizeof(no_key)) == 0)
			continue;
		base64_from_bytes(peer->public_key, sizeof(peer->public_key), key);
		unique_add(&keys, 0, key, place_under("peers", i, "public_key"));
	}
	unique_report(&names, c->r, "a name of its own for each router", &c->rc);
	unique_report(&keys, c->r, "a key of its own for each router", &c->rc);
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
			struct place place = place_element(place_under("peers", i, "vns"), j);

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

		add_prefixes(&fixed, vn->id, vn->local, vn->local_count,
			     place_under("vns", i, "local"));
		add_prefixes(&subnets, vn->id, vn->subnets, vn->subnet_count,
			     place_under("vns", i, "subnets"));
		for (j = 0; j < vn->mobile_count; j++) {
			struct place place = place_element(place_under("vns", i, "mobile"), j);

			place = place_in(place, "prefix", PLACE_NO_INDEX);
			if (vn->id != ID_UNKNOWN && !addr_is_none(vn->mobile[j].prefix.addr))
				unique_add(&mobile, vn->id, fmt_prefix(vn->mobile[j].prefix).s,
					   place);
		}
	}
	for (i = 0; i < conf->peer_count; i++) {
		for (j = 0; j < conf->peers[i].vn_count; j++) {
			const struct conf_peer_vn *vn = &conf->peers[i].vns[j];
			struct place place = place_element(place_under("peers", i, "vns"), j);

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
			struct place place = place_element(place_under("vns", i, "mobile"), j);

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

static void
check_times(struct checker *c)
{
	const struct conf *conf = c->conf;
	struct place place = place_in(place_at("sync"), "dead_ms", PLACE_NO_INDEX);
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
	report_place(c->r, place_in(place_at("underlay"), "silent_ms", PLACE_NO_INDEX), expected,
		     found);
}

static void
check_features(struct checker *c)
{
	size_t i;

	for (i = 0; !c->conf->features.nftables && i < c->conf->vn_count; i++)
		if (c->conf->vns[i].mac_kind == CONF_MAC_NIC)
			report_place(
				c->r, place_under("vns", i, "mac"),
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
		report_place(c->r, place_at("key_file"),
			     "a private key as \"vrctl keygen\" makes it, in a file of mode 0600",
			     conf_key_fault(rc));
		return;
	}
	for (i = 0; i < c->conf->peer_count; i++)
		if (memcmp(c->conf->peers[i].public_key, own, sizeof(own)) == 0)
			report_place(c->r, place_under("peers", i, "public_key"),
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
		check_peer_vns(&c);
		check_prefixes(&c);
		check_mobile(&c);
		check_underlay(&c);
		check_features(&c);
		check_own_key(&c, public_key);
		rc = c.rc != 0 ? c.rc : check_endpoints(r, conf);
		rc = rc != 0 ? rc : check_addresses(r, conf);
		rc = rc != 0 ? rc : check_lisp(r, conf);
		rc = rc != 0 ? rc : check_proxy(r, conf);
		interface_check(r, conf);
	}
	checker_fini(&c);
	return rc;
}
