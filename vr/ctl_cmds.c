/* The control commands: tables and counters as JSON, and the few that change something.  docs/control-protocol.md has
 * every field. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "vr/action.h"
#include "vr/ctl.h"
#include "vr/ctl_json.h"
#include "vr/ctl_lisp.h"
#include "vr/ctl_move.h"
#include "vr/ctl_port.h"
#include "vr/ctl_proxy.h"
#include "vr/daemon.h"
#include "vr/limits.h"
#include "vr/stream.h"
#include "vr/version.h"
#include "vr/workers.h"

/* ---- show vr ---- */

/* The networks of the configuration may stand in another order than the ports, which are those of the start. */
static const struct conf_vn *
conf_of(const struct daemon *d, vn_id_t id)
{
	for (size_t i = 0; i < d->conf->vn_count; i++)
		if (d->conf->vns[i].id == id)
			return &d->conf->vns[i];
	return NULL;
}

static void
add_vns(cJSON *o, const struct daemon *d)
{
	static const char *const models[] = {[CONF_MODEL_ROUTER] = "router",
					     [CONF_MODEL_INTERFACE] = "interface",
					     [CONF_MODEL_HYBRID] = "hybrid"};
	cJSON *vns = cJSON_AddArrayToObject(o, "vns");

	for (size_t i = 0; i < d->port_count; i++) {
		const struct port *port = d->ports[i].port;
		const struct conf_vn *conf = conf_of(d, d->ports[i].vn);
		cJSON *vn = cJSON_CreateObject();

		ctl_add_number(vn, "vn", d->ports[i].vn);
		ctl_add_text(vn, "name", conf->name);
		ctl_add_text(vn, "model", models[conf->model]);
		ctl_add_text(vn, "device", conf->device);
		ctl_add_text(vn, "link", port_link_name(port));
		ctl_add_text(vn, "mac", fmt_mac(port_mac(port)).s);
		ctl_add_number(vn, "mtu", port_mtu(port));
		cJSON_AddBoolToObject(vn, "super_frames", port_has_vnet_hdr(port));
		cJSON_AddBoolToObject(vn, "udp_super_frames", port_has_udp_super(port));
		cJSON_AddItemToArray(vns, vn);
	}
}

static int
show_vr(void *ctx, const cJSON *request, cJSON **data, struct ctl_error *error)
{
	char key[4 * ((CONF_KEY_SIZE + 2) / 3) + 1];
	const struct daemon *d = ctx;
	cJSON *o = cJSON_CreateObject();

	(void)request;
	(void)error;
	base64_from_bytes(d->public_key, CONF_KEY_SIZE, key);
	ctl_add_text(o, "name", d->conf->name);
	ctl_add_text(o, "id", fmt_vr_id(d->self).s);
	ctl_add_text(o, "public_key", key);
	ctl_add_text(o, "version", VRD_VERSION);
	ctl_add_text(o, "listen", fmt_endpoint(d->conf->listen).s);
	ctl_add_age(o, "uptime_s", d->started);
	cJSON_AddBoolToObject(o, "udp_segment", tunnel_has_segment(d->tunnel));
	cJSON_AddBoolToObject(o, "udp_gro", tunnel_has_gro(d->tunnel));
	ctl_add_text(o, "aesgcm", tunnel_aesgcm(d->tunnel));
	ctl_add_number(o, "peers", peers_count(d->vr->peers));
	ctl_add_number(o, "hwdt", hwdt_stats(d->vr->hwdt).count);
	ctl_add_number(o, "gndt", gndt_count(d->vr->gndt));
	add_vns(o, d);
	ctl_add_lisp(o, d);
	*data = o;
	return 0;
}

/* ---- show peers ---- */

static const char *
relay_name(const struct daemon *d, uint32_t slot)
{
	const struct peer *p = peers_at(d->vr->peers, slot);

	return p != NULL ? p->name : "";
}

/* "192.0.2.1:443: why it failed (407); again in 4 s" */
static void
add_stream_error(cJSON *o, const struct tunnel_peer_stats *s)
{
	const struct streams_failure *f = &s->stream_failure;
	us_t now = loop_now();
	char text[256] = "", status[16] = "", again[48] = "";

	if (f->status != 0)
		snprintf(status, sizeof(status), " (%u)", f->status);
	if (f->retry > now)
		snprintf(again, sizeof(again), "; again in %llu s",
			 (unsigned long long)((f->retry - now + US_S - 1) / US_S));
	if (s->stream_failed)
		snprintf(text, sizeof(text), "%s: %s%s%s", fmt_endpoint(s->stream_to).s,
			 stream_drop_text(f->reason), status, again);
	ctl_add_text(o, "stream_error", text);
}

static int
peer_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	struct daemon *d = ctx;
	uint32_t position = (uint32_t)*cursor;
	const struct peer *p = peers_next(d->vr->peers, &position);
	struct tunnel_peer_stats s = {.cipher = "", .way = "", .reason = ""};
	cJSON *o;

	(void)request;
	*cursor = position;
	*row = NULL;
	if (p == NULL)
		return 0;
	(void)tunnel_peer_stats(d->tunnel, p->slot, loop_now(), &s);
	*row = o = cJSON_CreateObject();
	ctl_add_text(o, "name", p->name);
	ctl_add_text(o, "id", fmt_vr_id(p->id).s);
	ctl_add_text(o, "state", p->state == PEER_UP ? "up" : "down");
	ctl_add_age(o, "since_s", p->since);
	ctl_add_text(o, "endpoint", fmt_endpoint(s.endpoint).s);
	ctl_add_text(o, "path", s.way);
	ctl_add_text(o, "via", s.path.kind == PATH_RELAY ? relay_name(d, s.path.via) : "");
	ctl_add_text(o, "path_reason", s.reason);
	ctl_add_number(o, "path_age_s", (uint64_t)(s.way_age / US_S));
	ctl_add_number(o, "path_rtt_us", (uint64_t)s.rtt);
	ctl_add_number(o, "path_loss_pct", s.loss_pct);
	ctl_add_number(o, "paths", s.ways);
	add_stream_error(o, &s);
	cJSON_AddBoolToObject(o, "session", s.up);
	ctl_add_text(o, "cipher", s.cipher);
	ctl_add_number(o, "session_age_s", (uint64_t)(s.session_age / US_S));
	if (p->rtt == 0)
		cJSON_AddNullToObject(o, "rtt_us");
	else
		ctl_add_number(o, "rtt_us", (uint64_t)p->rtt);
	ctl_add_number(o, "mtu", p->mtu);
	ctl_add_age(o, "heard_s", p->heard);
	ctl_add_number(o, "handshakes", s.handshakes);
	ctl_add_number(o, "rekeys", s.rekeys);
	ctl_add_number(o, "roams", s.roams);
	ctl_add_number(o, "tx_packets", p->tx_packets);
	ctl_add_number(o, "tx_bytes", p->tx_bytes);
	ctl_add_number(o, "tx_records", s.tx_records);
	ctl_add_number(o, "rx_packets", p->rx_packets);
	ctl_add_number(o, "rx_bytes", p->rx_bytes);
	ctl_add_number(o, "rx_records", s.rx_records);
	return 0;
}

/* ---- show lndt, gndt, hwdt ---- */

static int
lndt_row_json(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	const struct daemon *d = ctx;
	struct lndt_row r;
	cJSON *o, *hosts;

	(void)request;
	*row = NULL;
	if (!lndt_row(d->vr->lndt, *cursor, &r))
		return 0;
	++*cursor;
	*row = o = cJSON_CreateObject();
	ctl_add_number(o, "vn", r.vn);
	ctl_add_text(o, "prefix", fmt_prefix(r.prefix).s);
	ctl_add_text(o, "kind",
		     r.mobile                     ? "mobile"
		     : vr_id_equal(r.vr, d->self) ? "local"
						  : "peer");
	ctl_add_vr(o, "vr", d->vr, r.vr);
	hosts = cJSON_AddArrayToObject(o, "hosts");
	for (size_t i = 0; r.mobile && i < r.host_count; i++) {
		const char *name = vr_name(d->vr, r.hosts[i]);

		cJSON_AddItemToArray(
			hosts, cJSON_CreateString(name != NULL ? name : fmt_vr_id(r.hosts[i]).s));
	}
	return 0;
}

/* The cursor is the last route shown, so that routes may come and go between two turns: the first word is 0 at the start,
 * then 1; VN, family and length; the address. */
static void
cursor_from_route(uint64_t cursor[CTL_CURSOR_WORDS], vn_id_t vn, const struct prefix *p)
{
	cursor[0] = 1;
	cursor[1] = (uint64_t)vn << 16 | (uint64_t)p->addr.family << 8 | p->len;
	memcpy(&cursor[2], p->addr.b, sizeof(p->addr.b));
}

static struct prefix
route_from_cursor(const uint64_t cursor[CTL_CURSOR_WORDS], vn_id_t *vn)
{
	struct prefix p = {.addr = {.family = (uint8_t)(cursor[1] >> 8)},
			   .len = (uint8_t)cursor[1]};

	memcpy(p.addr.b, &cursor[2], sizeof(p.addr.b));
	*vn = (vn_id_t)(cursor[1] >> 16);
	return p;
}

static int
gndt_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	static const char *const origins[] = {"fixed", "host", "mapped"};
	const struct daemon *d = ctx;
	struct gndt_route route;
	struct prefix last;
	vn_id_t vn;
	bool found;
	cJSON *o;

	(void)request;
	last = route_from_cursor(cursor, &vn);
	found = gndt_next(d->vr->gndt, &vn, cursor[0] != 0 ? &last : NULL, &route);
	*row = NULL;
	if (!found)
		return 0;
	cursor_from_route(cursor, vn, &route.prefix);
	*row = o = cJSON_CreateObject();
	ctl_add_number(o, "vn", vn);
	ctl_add_text(o, "prefix", fmt_prefix(route.prefix).s);
	ctl_add_vr(o, "vr", d->vr, route.vr);
	ctl_add_text(o, "origin", origins[route.origin]);
	cJSON_AddBoolToObject(o, "local", route.slot == GNDT_LOCAL);
	return 0;
}

static int
hwdt_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	const struct daemon *d = ctx;
	size_t position = *cursor;
	const struct hwdt_entry *e = hwdt_next(d->vr->hwdt, &position);
	cJSON *o;

	(void)request;
	*cursor = position;
	*row = NULL;
	if (e == NULL)
		return 0;
	*row = o = cJSON_CreateObject();
	ctl_add_number(o, "vn", e->b.vn);
	ctl_add_text(o, "mac", fmt_mac(e->b.mac).s);
	ctl_add_text(o, "eid", fmt_addr(e->b.ip).s);
	ctl_add_vr(o, "vr", d->vr, e->b.vr);
	ctl_add_vr(o, "previous", d->vr, e->previous[0]);
	ctl_add_text(o, "mobility", fmt_mobility(e->b.mobility).s);
	ctl_add_text(o, "kind", e->b.kind == BINDING_GATEWAY ? "gateway" : "host");
	ctl_add_text(o, "state",
		     e->b.withdrawn                                          ? "withdrawn"
		     : limits_is_frozen(d->vr, e->b.vn, e->b.ip, loop_now()) ? "frozen"
									     : "present");
	ctl_add_age(o, "heard_s", e->heard);
	ctl_add_age(o, "moved_s", e->moved);
	return 0;
}

/* ---- show moves, drops, stats ---- */

static int
move_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	const struct daemon *d = ctx;
	const struct report *r = reports_next(d->vr->reports, cursor);
	char text[REPORT_JSON_MAX];

	(void)request;
	*row = NULL;
	if (r == NULL)
		return 0;
	report_json(r, vr_name_of, d->vr, text, sizeof(text));
	*row = cJSON_Parse(text);
	return *row != NULL ? 0 : -ENOMEM;
}

static void
add_drop(void *rows, const char *where, const char *reason, uint64_t count, const char *text)
{
	cJSON *o = cJSON_CreateObject();

	ctl_add_text(o, "where", where);
	ctl_add_text(o, "reason", reason);
	ctl_add_number(o, "count", count);
	ctl_add_text(o, "text", text);
	cJSON_AddItemToArray(rows, o);
}

static int
show_drops(void *ctx, const cJSON *request, cJSON **data, struct ctl_error *error)
{
	(void)request;
	(void)error;
	*data = cJSON_CreateArray();
	daemon_drops(ctx, add_drop, *data);
	return 0;
}

static void
add_ports(cJSON *o, const struct daemon *d)
{
	cJSON *ports = cJSON_AddArrayToObject(o, "ports");

	for (size_t i = 0; i < d->port_count; i++) {
		cJSON *row = cJSON_CreateObject();
		struct port_stats s;

		port_stats(d->ports[i].port, &s);
		ctl_add_number(row, "vn", d->ports[i].vn);
		ctl_add_number(row, "rx_frames", s.rx_frames);
		ctl_add_number(row, "rx_bytes", s.rx_bytes);
		ctl_add_number(row, "tx_frames", s.tx_frames);
		ctl_add_number(row, "tx_bytes", s.tx_bytes);
		ctl_add_number(row, "rx_control", s.rx_control);
		ctl_add_number(row, "tx_control", s.tx_control);
		ctl_add_number(row, "rx_echoes", s.rx_echoes);
		cJSON_AddItemToArray(ports, row);
	}
}

static void
add_workers(cJSON *o, const struct workers *ws)
{
	cJSON *rows = cJSON_AddArrayToObject(o, "workers");

	for (unsigned i = 0; i < workers_count(ws); i++) {
		cJSON *row = cJSON_CreateObject();

		for (unsigned k = 0; k < WORKER_COUNTERS_END; k++)
			ctl_add_number(row, worker_counter_name((enum worker_counter)k),
				       workers_counter(ws, i, (enum worker_counter)k));
		cJSON_AddItemToArray(rows, row);
	}
}

static void
add_moves(cJSON *o, const struct vr *vr)
{
	cJSON *moves = cJSON_AddArrayToObject(o, "moves");

	for (unsigned i = 0; i < REPORT_TRIGGERS; i++) {
		cJSON *row = cJSON_CreateObject();

		ctl_add_text(row, "trigger", report_trigger_name((enum report_trigger)i));
		/* None is counted while it waits. */
		for (unsigned k = OUTCOME_WAITING + 1; k < REPORT_OUTCOMES; k++)
			ctl_add_number(row, report_outcome_name((enum report_outcome)k),
				       reports_counted(vr->reports, (enum report_trigger)i,
						       (enum report_outcome)k));
		cJSON_AddItemToArray(moves, row);
	}
}

static cJSON *
make_stats(const struct daemon *d)
{
	const struct vr *vr = d->vr;
	struct hwdt_stats h = hwdt_stats(vr->hwdt);
	cJSON *o = cJSON_CreateObject();
	struct tunnel_stats t;

	tunnel_stats(d->tunnel, &t);
	ctl_add_number(o, "lan_frames", vr->lan_frames);
	ctl_add_number(o, "lan_taken", vr->lan_taken);
	ctl_add_number(o, "lan_delivered", vr->lan_delivered);
	ctl_add_number(o, "link_frames", vr->link_frames);
	ctl_add_number(o, "plain_frames", vr->plain_frames);
	ctl_add_number(o, "redirected", vr->redirected);
	ctl_add_number(o, "unknown_owner", vr->unknown_owner);
	ctl_add_number(o, "guarded", vr->guarded);
	ctl_add_number(o, "suspects", vr->suspects);
	ctl_add_number(o, "duplicates", vr->duplicates);
	ctl_add_number(o, "frozen", vr->frozen);
	ctl_add_number(o, "icmp_limited", vr->icmp_limited);
	ctl_add_number(o, "checks_refused", presence_refused(vr->presence));
	ctl_add_number(o, "crowded_out", vr->crowded_out);
	ctl_add_number(o, "news_pending", moves_pending(vr->moves));
	ctl_add_number(o, "hwdt", h.count);
	ctl_add_number(o, "hwdt_max", h.max);
	ctl_add_number(o, "hwdt_evicted", h.evicted);
	ctl_add_number(o, "hwdt_refused_full", h.refused_full);
	ctl_add_number(o, "hwdt_stale", h.stale);
	ctl_add_number(o, "gndt", gndt_count(vr->gndt));
	ctl_add_number(o, "underlay_tx_calls", t.tx_calls);
	ctl_add_number(o, "underlay_tx_datagrams", t.tx_datagrams);
	ctl_add_number(o, "underlay_rx_trains", t.rx_trains);
	ctl_add_number(o, "underlay_rx_datagrams", t.rx_datagrams);
	ctl_add_number(o, "underlay_opened_trains", t.opened_trains);
	ctl_add_number(o, "relayed_datagrams", t.relayed_datagrams);
	ctl_add_number(o, "relayed_bytes", t.relayed_bytes);
	ctl_add_number(o, "streams", t.streams);
	add_moves(o, vr);
	add_ports(o, d);
	add_workers(o, d->workers);
	ctl_add_lisp_stats(o, d);
	return o;
}

static int
show_stats(void *ctx, const cJSON *request, cJSON **data, struct ctl_error *error)
{
	(void)request;
	(void)error;
	*data = make_stats(ctx);
	return 0;
}

char *
daemon_ctl_stats(const struct daemon *d)
{
	cJSON *o = make_stats(d);
	char *text = cJSON_PrintUnformatted(o);

	cJSON_Delete(o);
	return text;
}

/* ---- commands that change something ---- */

/* The first reason; the others, and whatever is too long, stand in the data. */
static void
say_refused(struct ctl_error *error, const char *text)
{
	size_t first = strcspn(text, "\n"), lines = 0;

	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	/* The last line is the verdict. */
	ctl_error_set(error, "refused", "nothing was changed: %.*s%s",
		      first < 160 ? (int)first : 160, text,
		      lines > 2 || first > 160 ? " ... (all of it in the data)" : "");
}

static int
reload(void *ctx, const cJSON *request, cJSON **data, struct ctl_error *error)
{
	struct daemon_reload result;

	(void)request;
	daemon_reload(ctx, &result, loop_now());
	*data = cJSON_CreateObject();
	ctl_add_text(*data, "text", result.text);
	if (result.refused)
		say_refused(error, result.text);
	daemon_reload_fini(&result);
	return result.refused ? -EINVAL : 0;
}

static const struct ctl_command commands[] = {
	{.name = "show vr", .usage = "show vr", .help = "the router itself", .handler = show_vr},
	{.name = "show peers", .usage = "show peers", .help = "the other routers", .row = peer_row},
	{.name = "show lndt",
	 .usage = "show lndt [vn=N]",
	 .help = "who is responsible for what, and who may host what",
	 .row = lndt_row_json},
	{.name = "show gndt",
	 .usage = "show gndt [vn=N]",
	 .help = "which prefix is reached through whom",
	 .row = gndt_row},
	{.name = "show hwdt",
	 .usage = "show hwdt [vn=N]",
	 .help = "where each machine is",
	 .row = hwdt_row},
	{.name = "show mapcache",
	 .usage = "show mapcache [vn=N]",
	 .help = "what the mapping system said, and how its locators are",
	 .row = ctl_mapcache_row},
	{.name = "show registrations",
	 .usage = "show registrations [kind=own|here] [vn=N]",
	 .help = "own prefixes at the map-servers, and what is registered here",
	 .row = ctl_registration_row},
	{.name = "show subscriptions",
	 .usage = "show subscriptions [vn=N]",
	 .help = "who is told by this map-server of which changes",
	 .row = ctl_subscription_row},
	{.name = "show askers",
	 .usage = "show askers [vn=N]",
	 .help = "who asked for which machine of ours, and is told when it moves",
	 .row = ctl_asker_row},
	{.name = "show relayed",
	 .usage = "show relayed [vn=N]",
	 .help = "what is behind NATs and reached through this router, as an RTR",
	 .row = ctl_relayed_row},
	{.name = "show proxies",
	 .usage = "show proxies [kind=here|used] [vn=N]",
	 .help = "what is between a network and its outside: this router, and others that it uses",
	 .row = ctl_proxy_row},
	{.name = "show moves",
	 .usage = "show moves [vn=N]",
	 .help = "the moves that this router claimed",
	 .row = move_row},
	{.name = "show drops",
	 .usage = "show drops",
	 .help = "what was not delivered, and why",
	 .handler = show_drops},
	{.name = "show stats", .usage = "show stats", .help = "counters", .handler = show_stats},
	{.name = "move",
	 .usage = "move EID [vn=N] [address=ADDRESS/LENGTH [gateway=ADDRESS] | check]",
	 .help = "tell a machine that is its own router that it has another place on the underlay",
	 .changes_state = true,
	 .later = ctl_move},
	{.name = "reload",
	 .usage = "reload",
	 .help = "read the configuration again",
	 .changes_state = true,
	 .handler = reload},
};

/* On the management port. */
static const struct ctl_command port_commands[] = {
	{.name = "move",
	 .usage = "move [address=ADDRESS/LENGTH [gateway=ADDRESS] | check]",
	 .help = "this machine has another place on the underlay",
	 .changes_state = true,
	 .later = ctl_move_here},
};

const struct ctl_command *
daemon_commands(size_t *count)
{
	*count = ARRAY_COUNT(commands);
	return commands;
}

static int
open_port(struct daemon *d)
{
	struct ctl_port_conf conf = {.path = d->conf->management_port,
				     .commands = port_commands,
				     .count = ARRAY_COUNT(port_commands),
				     .ctx = d};

	return conf.path == NULL ? 0 : ctl_port_create(&conf, d->loop, d->log, &d->ctl_port);
}

int
daemon_ctl_create(struct daemon *d)
{
	int err = ctl_create(d->conf->control_socket, commands, ARRAY_COUNT(commands), d, d->log,
			     &d->ctl);

	if (err != 0)
		log_line(d->log, LOG_ERROR, "ctl", "%s: %s", d->conf->control_socket,
			 strerror(-err));
	d->event_cursor = change_next_number(d->vr->feed);
	return err != 0 ? err : open_port(d);
}

/* ---- events ---- */

static void
add_wall(cJSON *o, us_t at)
{
	int64_t ms = (int64_t)(loop_wall_ns() / 1000000) - (loop_now() - at) / US_MS;
	time_t seconds = ms / 1000;
	char text[96];
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL)
		return;
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
	ctl_add_text(o, "at", text);
}

static void
publish_change(struct daemon *d, const struct change *c, uint64_t missed)
{
	cJSON *o = cJSON_CreateObject();

	add_wall(o, c->at);
	ctl_add_number(o, "number", c->number);
	if (missed > 0)
		ctl_add_number(o, "missed", missed);
	if (!addr_is_none(c->ip)) {
		ctl_add_number(o, "vn", c->vn);
		ctl_add_text(o, "eid", fmt_addr(c->ip).s);
		ctl_add_text(o, "mac", fmt_mac(c->mac).s);
		ctl_add_text(o, "mobility", fmt_mobility(c->mobility).s);
		ctl_add_vr(o, "from", d->vr, c->from);
	}
	ctl_add_vr(o, "to", d->vr, c->to);
	if (c->text[0] != '\0')
		ctl_add_text(o, "text", c->text);
	ctl_publish(d->ctl, change_kind_name(c->kind), o);
	cJSON_Delete(o);
}

void
daemon_ctl_events(struct daemon *d)
{
	const struct report *r;
	struct change c;
	uint64_t missed;

	if (d->actions_seen != actions_settled(d->vr)) {
		d->actions_seen = actions_settled(d->vr);
		ctl_wake(d->ctl, loop_now());
		ctl_port_wake(d->ctl_port, loop_now());
	}
	if (!ctl_has_monitors(d->ctl)) {
		/* Who comes later hears what happens later. */
		d->event_cursor = change_next_number(d->vr->feed);
		d->event_move = d->vr->last_logged;
		return;
	}
	while (change_read(d->vr->feed, &d->event_cursor, &c, &missed))
		publish_change(d, &c, missed);
	/* A move's record, when it is complete. */
	while (d->event_move < d->vr->last_logged) {
		char text[REPORT_JSON_MAX];
		cJSON *o;

		r = reports_find(d->vr->reports, ++d->event_move);
		if (r == NULL)
			continue;
		report_json(r, vr_name_of, d->vr, text, sizeof(text));
		o = cJSON_Parse(text);
		ctl_publish(d->ctl, "move", o);
		cJSON_Delete(o);
	}
}
