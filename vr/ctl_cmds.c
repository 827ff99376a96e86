/* The control commands: which there are, the router itself, and the few that change something.  docs/control-protocol.md
 * has every field. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "vr/ctl.h"
#include "vr/ctl_json.h"
#include "vr/ctl_lisp.h"
#include "vr/ctl_move.h"
#include "vr/ctl_port.h"
#include "vr/ctl_proxy.h"
#include "vr/ctl_stats.h"
#include "vr/ctl_tables.h"
#include "vr/daemon.h"
#include "vr/version.h"

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
	cJSON_AddBoolToObject(o, "control_socket", tunnel_has_control_socket(d->tunnel));
	ctl_add_text(o, "aesgcm", tunnel_aesgcm(d->tunnel));
	ctl_add_number(o, "peers", peers_count(d->vr->peers));
	ctl_add_number(o, "hwdt", hwdt_stats(d->vr->hwdt).count);
	ctl_add_number(o, "gndt", gndt_count(d->vr->gndt));
	add_vns(o, d);
	ctl_add_lisp(o, d);
	*data = o;
	return 0;
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
	{.name = "show peers",
	 .usage = "show peers",
	 .help = "the other routers",
	 .row = ctl_peer_row},
	{.name = "show lndt",
	 .usage = "show lndt [vn=N]",
	 .help = "who is responsible for what, and who may host what",
	 .row = ctl_lndt_row},
	{.name = "show gndt",
	 .usage = "show gndt [vn=N]",
	 .help = "which prefix is reached through whom",
	 .row = ctl_gndt_row},
	{.name = "show hwdt",
	 .usage = "show hwdt [vn=N]",
	 .help = "where each machine is",
	 .row = ctl_hwdt_row},
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
	 .row = ctl_move_row},
	{.name = "show drops",
	 .usage = "show drops",
	 .help = "what was not delivered, and why",
	 .handler = ctl_drops},
	{.name = "show stats", .usage = "show stats", .help = "counters", .handler = ctl_stats},
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
