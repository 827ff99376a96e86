/* What those hear who monitor: changes of the tables, and moves when their records are complete. */
#include <stdio.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "vr/action.h"
#include "vr/ctl.h"
#include "vr/ctl_json.h"
#include "vr/ctl_port.h"
#include "vr/daemon.h"
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
