/* The counters: what was dropped and why, and how much was done.  docs/control-protocol.md has every field. */
#include "vr/ctl_stats.h"

#include <cjson/cJSON.h>

#include "vr/ctl_json.h"
#include "vr/ctl_lisp.h"
#include "vr/daemon.h"
#include "vr/workers.h"

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

int
ctl_drops(void *ctx, const cJSON *request, cJSON **data, struct ctl_error *error)
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

int
ctl_stats(void *ctx, const cJSON *request, cJSON **data, struct ctl_error *error)
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
