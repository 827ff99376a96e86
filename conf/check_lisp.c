/* Checks of the xTR's values. */
#include "conf/check_lisp.h"

#include <errno.h>
#include <stdio.h>

#include "base/fmt.h"
#include "conf/unique.h"

/* What fill_conf() leaves for a port that it refused. */
#define PORT_UNKNOWN UINT16_MAX

/* The Instance-ID of control messages in data packets: LISP_CONTROL_VN of wire/lisp_ecm.h. */
#define VN_OF_CONTROL 0xffffff

struct checker {
	struct report *r;
	const struct conf *conf;
	const struct conf_lisp *lisp;
	int rc;
};

/* "lisp.NAME", and "lisp.ARRAY[INDEX].NAME". */
static struct place
at(const char *name)
{
	struct place p = place_in((struct place){.depth = 0}, "lisp", PLACE_NO_INDEX);

	return place_in(p, name, PLACE_NO_INDEX);
}

static struct place
under(const char *array, size_t index, const char *name)
{
	return place_in(place_element(at(array), index), name, PLACE_NO_INDEX);
}

static bool
is_missing(const struct checker *c, const char *name)
{
	return place_is_missing(at(name), c->r->root);
}

static void
check_keys(struct checker *c, struct names *keys)
{
	const struct conf_lisp *lisp = c->lisp;
	struct unique names = {.rows = NULL};
	size_t i;

	for (i = 0; i < lisp->key_count; i++) {
		names_add(keys, lisp->keys[i].name);
		if (lisp->keys[i].name != NULL)
			unique_add(&names, 0, lisp->keys[i].name, under("keys", i, "name"));
	}
	unique_report(&names, c->r, "a name of its own for each key", &c->rc);
	/* An array that was refused as a whole could have any name. */
	if (lisp->key_count == 0 && !is_missing(c, "keys"))
		names_add(keys, NULL);
}

/* The data plane has one socket for each family. */
static void
check_rlocs(struct checker *c)
{
	const struct conf_lisp *lisp = c->lisp;
	char found[192];
	size_t i, j;

	for (i = 1; i < lisp->rloc_count; i++) {
		for (j = 0; j < i; j++) {
			struct addr a = lisp->rlocs[i].addr;

			if (addr_is_none(a) || a.family != lisp->rlocs[j].addr.family)
				continue;
			snprintf(found, sizeof(found), "%s beside %s of lisp.rlocs[%zu]",
				 fmt_addr(a).s, fmt_addr(lisp->rlocs[j].addr).s, j);
			report_place(c->r, under("rlocs", i, "address"),
				     "one locator of each family", found);
			break;
		}
	}
}

/* Routers of one site are told apart by their xTR-IDs, and a bit counts in the order of all locators of the site, which this
 * router does not know. */
static void
check_merge(struct checker *c, const struct conf_lisp_server *server, size_t i)
{
	if (!server->merge)
		return;
	if (!server->ids)
		report_place(c->r, under("map_servers", i, "merge"), "false where \"ids\" is false",
			     "true");
	if (c->lisp->status_bits)
		report_place(c->r, under("map_servers", i, "merge"),
			     "false where \"lisp.status_bits\" is true", "true");
}

static void
check_servers(struct checker *c, struct names *keys)
{
	const struct conf_lisp *lisp = c->lisp;
	struct unique servers = {.rows = NULL};
	struct unique resolvers = {.rows = NULL};
	size_t i;

	for (i = 0; i < lisp->map_server_count; i++) {
		const struct conf_lisp_server *server = &lisp->map_servers[i];

		names_check(keys, c->r, server->key, under("map_servers", i, "key"),
			    CHECK_KEY_WORDS);
		if (!addr_is_none(server->addr))
			unique_add(&servers, 0, fmt_addr(server->addr).s,
				   under("map_servers", i, "address"));
		check_merge(c, server, i);
	}
	for (i = 0; i < lisp->map_resolver_count; i++)
		if (!addr_is_none(lisp->map_resolvers[i]))
			unique_add(&resolvers, 0, fmt_addr(lisp->map_resolvers[i]).s,
				   place_element(at("map_resolvers"), i));
	unique_report(&servers, c->r, "each map-server once", &c->rc);
	unique_report(&resolvers, c->r, "each map-resolver once", &c->rc);
	if (lisp->subscribe && is_missing(c, "map_resolvers"))
		report_place(c->r, at("subscribe"), "false where there are no \"map_resolvers\"",
			     "true");
}

/* Whoever registers, asks or encapsulates needs a locator to be answered at. */
static void
check_need_of_rlocs(struct checker *c)
{
	const struct conf_lisp *lisp = c->lisp;
	const struct conf *conf = c->conf;
	bool missing = is_missing(c, "rlocs");
	char found[32];
	size_t i;

	for (i = 0; i < conf->vn_count; i++) {
		struct place place = {.depth = 0};

		place = place_in(place, "vns", (uint32_t)i);
		place = place_in(place_in(place, "lisp", PLACE_NO_INDEX), "use", PLACE_NO_INDEX);
		if (conf->vns[i].lisp && !lisp->enabled)
			report_place(c->r, place, "false where there is no \"lisp\" object",
				     "true");
		else if (conf->vns[i].lisp && missing)
			report_place(c->r, place, "false where there are no \"lisp.rlocs\"",
				     "true");
	}
	snprintf(found, sizeof(found), "%zu", lisp->map_server_count);
	if (missing && lisp->map_server_count > 0)
		report_place(c->r, at("map_servers"), "none where there are no \"lisp.rlocs\"",
			     found);
	snprintf(found, sizeof(found), "%zu", lisp->map_resolver_count);
	if (missing && lisp->map_resolver_count > 0)
		report_place(c->r, at("map_resolvers"), "none where there are no \"lisp.rlocs\"",
			     found);
}

/* Where NATs are spoken of, one Instance-ID says that something is no data. */
static void
check_nat(struct checker *c)
{
	const struct conf_lisp *lisp = c->lisp;
	const struct conf *conf = c->conf;

	if (lisp->nat && is_missing(c, "map_servers"))
		report_place(c->r, at("nat"), "false where there are no \"map_servers\"", "true");
	if (lisp->rtr && is_missing(c, "rlocs"))
		report_place(c->r, at("rtr"), "none where there are no \"lisp.rlocs\"",
			     "an object");
	for (size_t i = 0; i < conf->vn_count && lisp->nat; i++) {
		struct place place = place_in((struct place){.depth = 0}, "vns", (uint32_t)i);

		if (conf->vns[i].lisp && conf->vns[i].id == VN_OF_CONTROL)
			report_place(c->r, place_in(place, "id", PLACE_NO_INDEX),
				     "another number than 16777215 where \"lisp.nat\" is true",
				     "16777215");
	}
}

/* The map-servers of an RTR, or the RTRs of a map-server. */
static void
check_relays(struct checker *c, struct names *keys, const char *group, const char *array,
	     const struct conf_rtr *rows, size_t count)
{
	struct unique addresses = {.rows = NULL};

	for (size_t i = 0; i < count; i++) {
		struct place place = place_in(at(group), array, (uint32_t)i);

		names_check(keys, c->r, rows[i].key, place_in(place, "key", PLACE_NO_INDEX),
			    CHECK_KEY_WORDS);
		if (!addr_is_none(rows[i].addr))
			unique_add(&addresses, 0, fmt_addr(rows[i].addr).s,
				   place_in(place, "address", PLACE_NO_INDEX));
	}
	unique_report(&addresses, c->r, "each address once", &c->rc);
}

static void
check_locators(struct checker *c)
{
	const struct conf_lisp *lisp = c->lisp;
	struct unique seen = {.rows = NULL};
	size_t i, j;

	for (i = 0; i < lisp->locator_count; i++) {
		const struct conf_lisp_locator *locator = &lisp->locators[i];
		struct place place = under("locators", i, "address");

		if (locator->zero_checksum && locator->encapsulation == CONF_ENCAP_SEALED)
			report_place(c->r, under("locators", i, "zero_checksum"),
				     "false where \"encapsulation\" is \"sealed\"", "true");
		if (addr_is_none(locator->addr))
			continue;
		unique_add(&seen, 0, fmt_addr(locator->addr).s, place);
		for (j = 0; j < lisp->rloc_count; j++)
			if (addr_equal(lisp->rlocs[j].addr, locator->addr))
				report_place(c->r, place, "a locator of another site",
					     fmt_addr(locator->addr).s);
	}
	unique_report(&seen, c->r, "each locator once", &c->rc);
}

static void
check_push(struct checker *c, struct names *keys)
{
	const struct conf_lisp *lisp = c->lisp;
	struct place place = place_in(at("push"), "key", PLACE_NO_INDEX);
	size_t i;

	names_check(keys, c->r, lisp->push_key, place, CHECK_KEY_WORDS);
	for (i = 0; i < lisp->key_count && lisp->push_key != NULL; i++)
		if (lisp->keys[i].name != NULL && lisp->keys[i].algorithm == CONF_LISP_SHA1 &&
		    strcmp(lisp->keys[i].name, lisp->push_key) == 0)
			report_place(c->r, place, "a key that is not of \"sha1\"",
				     report_string(lisp->push_key).s);
	if (lisp->push_type5 && place_is_missing(place, c->r->root))
		report_place(c->r, place_in(at("push"), "type5", PLACE_NO_INDEX),
			     "false where there is no \"key\"", "true");
}

/* Each port has one kind of socket.  Two ports that were refused look the same. */
static void
check_ports(struct checker *c)
{
	const struct conf_lisp *lisp = c->lisp;
	uint16_t data = lisp->data_port;
	uint16_t control = lisp->control_port;
	uint16_t listen = c->conf->listen.port;
	char found[16];

	snprintf(found, sizeof(found), "%u", data);
	if (data == listen && (data != PORT_UNKNOWN || c->r->errors->count == 0))
		report_place(c->r, at("data_port"), "another port than that of \"listen\"", found);
	snprintf(found, sizeof(found), "%u", control);
	if (control == PORT_UNKNOWN && c->r->errors->count > 0)
		return;
	if (control == listen)
		report_place(c->r, at("control_port"), "another port than that of \"listen\"",
			     found);
	else if (control == data)
		report_place(c->r, at("control_port"), "another port than \"data_port\"", found);
}

int
check_lisp(struct report *r, const struct conf *conf)
{
	struct checker c = {.r = r, .conf = conf, .lisp = &conf->lisp};
	struct names keys = {.rows = NULL};
	int rc;

	check_need_of_rlocs(&c);
	if (!conf->lisp.enabled)
		return 0;
	check_keys(&c, &keys);
	check_rlocs(&c);
	check_servers(&c, &keys);
	check_nat(&c);
	check_relays(&c, &keys, "rtr", "map_servers", conf->lisp.rtr_servers,
		     conf->lisp.rtr_server_count);
	check_relays(&c, &keys, "map_server", "rtrs", conf->lisp.rtrs, conf->lisp.rtr_count);
	check_locators(&c);
	check_push(&c, &keys);
	check_ports(&c);
	rc = check_map_server(r, &conf->lisp, &keys);
	if (keys.no_memory)
		rc = -ENOMEM;
	names_fini(&keys);
	return c.rc != 0 ? c.rc : rc;
}
