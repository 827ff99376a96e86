/* What the control socket shows of peers, of the three tables, and of moves: docs/control-protocol.md has every field. */
#include "vr/ctl_tables.h"

#include <errno.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "vr/ctl.h"
#include "vr/ctl_json.h"
#include "vr/daemon.h"
#include "vr/limits.h"
#include "vr/stream.h"
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

int
ctl_peer_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
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

int
ctl_lndt_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
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

int
ctl_gndt_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
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

int
ctl_hwdt_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
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

/* ---- show moves ---- */

int
ctl_move_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
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
