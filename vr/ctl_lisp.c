/* The mapping system on the control socket: map-cache, registrations, subscriptions, counters.  docs/control-protocol.md has
 * every field. */
#include "vr/ctl_lisp.h"

#include <stdio.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "lisp/mapserver.h"
#include "vr/ctl_json.h"
#include "vr/daemon.h"
#include "vr/fwd_mapped.h"
#include "vr/fwd_rtr.h"
#include "vr/mapsys.h"

static const struct xtr *
xtr_of(const struct daemon *d)
{
	return d->vr->mapsys != NULL ? mapsys_xtr(d->vr->mapsys) : NULL;
}

/* ---- show mapcache ---- */

static const char *
state_of(const struct map_locator *l)
{
	return l->not_reachable ? "unreachable" : l->silent ? "silent" : "up";
}

static void
add_version(cJSON *o, uint16_t version)
{
	if (version == 0)
		cJSON_AddNullToObject(o, "version");
	else
		ctl_add_number(o, "version", version);
}

static void
add_way(cJSON *o, const struct daemon *d, vn_id_t vn, const struct map_locator *l)
{
	static const char *const ways[] = {"plain", "sealed", "refused"};
	const struct site *site = vr_site(d->vr, vn);
	const struct peer *p = l->peer != 0 ? peers_at(d->vr->peers, l->peer - 1) : NULL;

	if (site == NULL)
		cJSON_AddNullToObject(o, "way");
	else
		ctl_add_text(o, "way", ways[fwd_way_to(d->vr, site, l)]);
	if (p == NULL)
		cJSON_AddNullToObject(o, "peer");
	else
		ctl_add_text(o, "peer", p->name);
}

static void
add_mapped_locators(cJSON *row, const struct daemon *d, const struct mapping *m)
{
	cJSON *list = cJSON_AddArrayToObject(row, "locators");

	for (unsigned i = 0; i < m->count; i++) {
		const struct map_locator *l = &m->locators[i];
		cJSON *o = cJSON_CreateObject();

		ctl_add_text(o, "rloc", fmt_addr(l->rloc).s);
		ctl_add_number(o, "priority", l->priority);
		ctl_add_number(o, "weight", l->weight);
		ctl_add_text(o, "state", state_of(l));
		if (l->rtt == 0)
			cJSON_AddNullToObject(o, "rtt_us");
		else
			ctl_add_number(o, "rtt_us", (uint64_t)l->rtt);
		add_way(o, d, m->vn, l);
		ctl_add_number(o, "tx_packets", l->packets);
		ctl_add_number(o, "tx_bytes", l->bytes);
		cJSON_AddItemToArray(list, o);
	}
}

int
ctl_mapcache_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	static const char *const sources[] = {"asked", "published", "pushed", "fixed"};
	const struct daemon *d = ctx;
	const struct mapping *m = NULL;
	size_t position = *cursor;
	cJSON *o;

	(void)request;
	if (d->vr->mapsys != NULL)
		m = mapcache_next(mapsys_cache(d->vr->mapsys), &position);
	*cursor = position;
	*row = NULL;
	if (m == NULL)
		return 0;
	*row = o = cJSON_CreateObject();
	ctl_add_number(o, "vn", m->vn);
	ctl_add_text(o, "prefix", fmt_prefix(m->prefix).s);
	ctl_add_text(o, "source", sources[m->source]);
	if (m->count > 0)
		cJSON_AddNullToObject(o, "action");
	else
		ctl_add_text(o, "action", lisp_action_name(m->action));
	cJSON_AddBoolToObject(o, "authoritative", m->authoritative);
	add_version(o, m->version);
	ctl_add_age(o, "uptime_s", m->since);
	ctl_add_age(o, "changed_s", m->changed);
	ctl_add_wait(o, "expires_s", m->expires);
	ctl_add_age(o, "used_s", m->used);
	ctl_add_number(o, "packets", m->packets);
	add_mapped_locators(o, d, m);
	return 0;
}

/* ---- show registrations ---- */

static void
add_hex(cJSON *o, const char *key, const uint8_t *bytes, size_t size)
{
	char text[2 * sizeof(((struct lisp_xtr_id *)0)->xtr) + 1] = "";

	for (size_t i = 0; i < size && 2 * i + 2 < sizeof(text); i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	ctl_add_text(o, key, text);
}

static void
add_site_id(cJSON *o, uint64_t id)
{
	char text[17];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)id);
	ctl_add_text(o, "site_id", text);
}

static void
add_eid(cJSON *o, const struct eid_key *key)
{
	struct lisp_eid eid = eid_key_eid(key, true);

	ctl_add_number(o, "vn", key->vn);
	ctl_add_text(o, "prefix", lisp_eid_fmt(&eid).s);
}

/* NONE: null. */
static void
add_addr(cJSON *o, const char *key, struct addr addr)
{
	if (addr_is_none(addr))
		cJSON_AddNullToObject(o, key);
	else
		ctl_add_text(o, key, fmt_addr(addr).s);
}

/* What is registered of this site: its locators, or the RTR that all come through. */
static void
add_own_locators(cJSON *row, const struct conf_lisp *conf, struct addr rtr)
{
	cJSON *list = cJSON_AddArrayToObject(row, "locators");
	size_t count = addr_is_none(rtr) ? conf->rloc_count : 1;

	for (size_t i = 0; i < count; i++) {
		const struct conf_lisp_rloc *l = &conf->rlocs[i];
		cJSON *o = cJSON_CreateObject();

		ctl_add_text(o, "rloc", fmt_addr(addr_is_none(rtr) ? l->addr : rtr).s);
		ctl_add_number(o, "priority",
			       addr_is_none(rtr) ? l->priority : REGISTER_RTR_PRIORITY);
		ctl_add_number(o, "weight", addr_is_none(rtr) ? l->weight : REGISTER_RTR_WEIGHT);
		cJSON_AddItemToArray(list, o);
	}
}

static cJSON *
own_row(const struct xtr_registration *r, const struct conf_lisp *conf)
{
	cJSON *o = cJSON_CreateObject();

	ctl_add_text(o, "kind", "own");
	ctl_add_number(o, "vn", r->vn);
	ctl_add_text(o, "prefix", fmt_prefix(r->prefix).s);
	ctl_add_text(o, "map_server", fmt_addr(r->server).s);
	add_addr(o, "rtr", r->rtr);
	ctl_add_text(o, "state", r->in_force ? "in-force" : "asked");
	ctl_add_age(o, "since_s", r->since);
	ctl_add_age(o, "renewed_s", r->renewed);
	ctl_add_wait(o, "next_s", r->due);
	ctl_add_wait(o, "expires_s", r->expires == 0 ? US_NEVER : r->expires);
	ctl_add_number(o, "tries", r->tries);
	ctl_add_number(o, "registers", r->sent);
	ctl_add_number(o, "notifies", r->acknowledged);
	add_own_locators(o, conf, r->rtr);
	return o;
}

static void
add_registered_locators(cJSON *row, const struct locator_set *set)
{
	cJSON *list = cJSON_AddArrayToObject(row, "locators");
	struct rd locators = sets_locators(set);
	struct lisp_locator l;

	while (lisp_locator_next(&locators, &l)) {
		cJSON *o = cJSON_CreateObject();

		ctl_add_text(o, "rloc", fmt_addr(l.rloc.addr).s);
		ctl_add_number(o, "priority", l.priority);
		ctl_add_number(o, "weight", l.weight);
		ctl_add_text(o, "state", l.reachable ? "up" : "unreachable");
		cJSON_AddItemToArray(list, o);
	}
}

static void
add_etr(cJSON *o, const struct nonce_row *etr)
{
	ctl_add_text(o, "etr", fmt_addr(etr->from.addr).s);
	ctl_add_number(o, "etr_registers", etr->messages);
	add_addr(o, "behind", etr->behind);
	if (etr->has_xtr_id) {
		add_hex(o, "xtr_id", etr->xtr.xtr, sizeof(etr->xtr.xtr));
		add_site_id(o, etr->xtr.site);
	} else {
		cJSON_AddNullToObject(o, "xtr_id");
		cJSON_AddNullToObject(o, "site_id");
	}
}

static cJSON *
here_row(const struct ms *ms, uint32_t number)
{
	const struct registration *r = registry_at(mapserver_registry(ms), number);
	struct eid_key key = registry_key(mapserver_registry(ms), number);
	uint32_t seconds = mapserver_seconds(ms, loop_now());
	cJSON *o = cJSON_CreateObject();

	ctl_add_text(o, "kind", "here");
	add_eid(o, &key);
	ctl_add_text(o, "site", mapserver_site_name(ms, r->site));
	add_etr(o, nonces_at(mapserver_nonces(ms), r->etr));
	ctl_add_number(o, "uptime_s", seconds > r->since ? seconds - r->since : 0);
	ctl_add_number(o, "expires_s", r->expires > seconds ? r->expires - seconds : 0);
	add_version(o, r->map_version);
	cJSON_AddBoolToObject(o, "proxy", r->proxy);
	cJSON_AddBoolToObject(o, "merged", r->parts != 0);
	add_registered_locators(o, r->set);
	return o;
}

/* The cursor: 1 when the own ones are through; the place in either. */
int
ctl_registration_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	const struct daemon *d = ctx;
	const struct ms *ms = daemon_map_server(d);
	struct xtr_registration r;
	size_t position = cursor[1];
	uint32_t number;

	(void)request;
	*row = NULL;
	if (cursor[0] == 0 && xtr_of(d) != NULL &&
	    xtr_registration_next(xtr_of(d), &position, &r)) {
		cursor[1] = position;
		*row = own_row(&r, &d->conf->lisp);
		return 0;
	}
	if (cursor[0] == 0)
		cursor[1] = 0;
	cursor[0] = 1;
	number = ms != NULL ? registry_next(mapserver_registry(ms), (uint32_t)cursor[1]) : 0;
	if (number == 0)
		return 0;
	cursor[1] = number;
	*row = here_row(ms, number);
	return 0;
}

/* ---- show subscriptions, askers ---- */

int
ctl_subscription_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	const struct ms *ms = daemon_map_server(ctx);
	uint32_t position = (uint32_t)*cursor, seconds;
	struct ms_subscription s;
	cJSON *o, *list;

	(void)request;
	*row = NULL;
	if (ms == NULL || !mapserver_subscription(ms, &position, &s))
		return 0;
	*cursor = position;
	seconds = mapserver_seconds(ms, loop_now());
	*row = o = cJSON_CreateObject();
	add_eid(o, &s.key);
	ctl_add_text(o, "site", s.site);
	add_hex(o, "xtr_id", s.xtr.xtr, sizeof(s.xtr.xtr));
	add_site_id(o, s.xtr.site);
	list = cJSON_AddArrayToObject(o, "locators");
	for (size_t i = 0; i < s.to_count; i++) {
		cJSON *l = cJSON_CreateObject();

		ctl_add_text(l, "rloc", fmt_addr(s.to[i]).s);
		cJSON_AddItemToArray(list, l);
	}
	ctl_add_text(o, "state", s.muted ? "muted" : s.in_force ? "in-force" : "unconfirmed");
	ctl_add_number(o, "uptime_s", seconds > s.since ? seconds - s.since : 0);
	ctl_add_number(o, "waiting", s.waiting);
	ctl_add_number(o, "notifies", s.sent);
	ctl_add_number(o, "acks", s.acknowledged);
	if (s.expires == 0)
		cJSON_AddNullToObject(o, "expires_s");
	else
		ctl_add_number(o, "expires_s", s.expires > seconds ? s.expires - seconds : 0);
	return 0;
}

int
ctl_asker_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	const struct xtr *x = xtr_of(ctx);
	size_t position = *cursor;
	struct xtr_asker asker;
	cJSON *o;

	(void)request;
	*row = NULL;
	if (x == NULL || !xtr_asker_next(x, &position, &asker))
		return 0;
	*cursor = position;
	*row = o = cJSON_CreateObject();
	ctl_add_number(o, "vn", asker.vn);
	ctl_add_text(o, "eid", fmt_addr(asker.eid).s);
	ctl_add_text(o, "rloc", fmt_addr(asker.rloc).s);
	cJSON_AddBoolToObject(o, "pushes", asker.pushes);
	ctl_add_age(o, "asked_s", asker.last);
	return 0;
}

/* ---- show relayed ---- */

int
ctl_relayed_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	const struct daemon *d = ctx;
	const struct rtr_eid *e = NULL;
	size_t position = *cursor;
	cJSON *o;

	(void)request;
	*row = NULL;
	if (d->vr->rtr != NULL)
		e = rtr_next(d->vr->rtr, &position);
	*cursor = position;
	if (e == NULL)
		return 0;
	*row = o = cJSON_CreateObject();
	ctl_add_number(o, "vn", e->vn);
	ctl_add_text(o, "prefix", fmt_prefix(e->prefix).s);
	add_hex(o, "xtr_id", e->xtr.xtr, sizeof(e->xtr.xtr));
	add_site_id(o, e->xtr.site);
	ctl_add_text(o, "seen", fmt_endpoint(e->to).s);
	ctl_add_text(o, "local", fmt_addr(e->local).s);
	ctl_add_text(o, "map_server", fmt_addr(d->conf->lisp.rtr_servers[e->server].addr).s);
	ctl_add_age(o, "since_s", e->since);
	ctl_add_age(o, "renewed_s", e->renewed);
	ctl_add_wait(o, "expires_s", e->expires);
	ctl_add_number(o, "rx_packets", e->in_packets);
	ctl_add_number(o, "rx_bytes", e->in_bytes);
	ctl_add_number(o, "tx_packets", e->out_packets);
	ctl_add_number(o, "tx_bytes", e->out_bytes);
	return 0;
}

/* ---- in show vr and show stats ---- */

/* How each map-server sees us. */
static void
add_nat(cJSON *lisp, const struct daemon *d)
{
	static const char *const states[] = {"off", "asking", "none", "behind"};
	cJSON *list = cJSON_AddArrayToObject(lisp, "nat");

	for (size_t i = 0; d->conf->lisp.nat && i < d->conf->lisp.map_server_count; i++) {
		struct xtr_nat nat = xtr_nat_at(mapsys_xtr(d->vr->mapsys), i);
		cJSON *o = cJSON_CreateObject();

		ctl_add_text(o, "map_server", fmt_addr(d->conf->lisp.map_servers[i].addr).s);
		ctl_add_text(o, "state", states[nat.state]);
		if (addr_is_none(nat.seen.addr))
			cJSON_AddNullToObject(o, "seen");
		else
			ctl_add_text(o, "seen", fmt_endpoint(nat.seen).s);
		add_addr(o, "rtr", nat.rtr);
		cJSON_AddItemToArray(list, o);
	}
}

void
ctl_add_lisp(cJSON *o, const struct daemon *d)
{
	const struct conf_lisp *conf = &d->conf->lisp;
	cJSON *lisp, *list;

	if (d->vr->mapsys == NULL)
		return;
	lisp = cJSON_AddObjectToObject(o, "lisp");
	list = cJSON_AddArrayToObject(lisp, "rlocs");
	for (size_t i = 0; i < conf->rloc_count; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(fmt_addr(conf->rlocs[i].addr).s));
	list = cJSON_AddArrayToObject(lisp, "map_servers");
	for (size_t i = 0; i < conf->map_server_count; i++)
		cJSON_AddItemToArray(list,
				     cJSON_CreateString(fmt_addr(conf->map_servers[i].addr).s));
	list = cJSON_AddArrayToObject(lisp, "map_resolvers");
	for (size_t i = 0; i < conf->map_resolver_count; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(fmt_addr(conf->map_resolvers[i]).s));
	ctl_add_number(lisp, "control_port", conf->control_port);
	ctl_add_number(lisp, "data_port", conf->data_port);
	ctl_add_number(lisp, "mappings", mapcache_count(mapsys_cache(d->vr->mapsys)));
	cJSON_AddBoolToObject(lisp, "rtr", d->vr->rtr != NULL);
	add_nat(lisp, d);
	cJSON_AddBoolToObject(lisp, "map_server", daemon_map_server(d) != NULL);
	if (daemon_map_server(d) != NULL)
		ctl_add_number(lisp, "registrations",
			       registry_count(mapserver_registry(daemon_map_server(d))));
}

/* A counter's name as a field's: "replies-proxy" is "replies_proxy". */
static void
add_count(cJSON *o, const char *name, uint64_t count)
{
	char field[64];

	snprintf(field, sizeof(field), "%s", name);
	for (char *c = field; *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
	ctl_add_number(o, field, count);
}

void
ctl_add_lisp_stats(cJSON *o, const struct daemon *d)
{
	const struct ms *ms = daemon_map_server(d);
	const struct xtr *x = xtr_of(d);
	cJSON *counts;

	if (x != NULL) {
		counts = cJSON_AddObjectToObject(o, "xtr");
		for (unsigned i = 0; i < XTR_COUNT_END; i++)
			add_count(counts, xtr_count_name(i), xtr_count_of(x, i));
	}
	if (d->vr->rtr != NULL) {
		counts = cJSON_AddObjectToObject(o, "rtr");
		for (unsigned i = 0; i < RTR_COUNT_END; i++)
			add_count(counts, rtr_count_name(i), rtr_count_of(d->vr->rtr, i));
	}
	if (ms != NULL) {
		counts = cJSON_AddObjectToObject(o, "map_server");
		for (unsigned i = 0; i < MS_COUNT_END; i++)
			add_count(counts, ms_count_name(i), mapserver_count(ms, i));
	}
}
