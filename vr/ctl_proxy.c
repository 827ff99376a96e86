/* The control command about proxies: the router as one, and those that it uses. */
#include "vr/ctl_proxy.h"

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "vr/ctl_json.h"
#include "vr/daemon.h"
#include "vr/fwd_mapped.h"
#include "vr/mapsys.h"
#include "vr/outside.h"

static cJSON *
row_here(const struct site *site)
{
	const struct conf_proxy *proxy = &site->conf->proxy;
	cJSON *o = cJSON_CreateObject(), *prefixes;

	ctl_add_number(o, "vn", site->vn);
	ctl_add_text(o, "kind", "here");
	ctl_add_text(o, "device", site->conf->device);
	prefixes = cJSON_AddArrayToObject(o, "prefixes");
	for (size_t i = 0; i < proxy->prefix_count; i++)
		cJSON_AddItemToArray(prefixes,
				     cJSON_CreateString(fmt_prefix(proxy->prefixes[i]).s));
	cJSON_AddBoolToObject(o, "ingress", proxy->ingress);
	cJSON_AddBoolToObject(o, "egress", proxy->egress);
	cJSON_AddBoolToObject(o, "check_locators", proxy->check_locators);
	ctl_add_number(o, "neighbours", outside_count(site->outside));
	ctl_add_number(o, "taken_in", site->taken_in);
	ctl_add_number(o, "let_out", site->let_out);
	return o;
}

static cJSON *
row_used(const struct site *site, const char *rloc, const char *peer, const char *way,
	 const char *state)
{
	cJSON *o = cJSON_CreateObject();

	ctl_add_number(o, "vn", site->vn);
	ctl_add_text(o, "kind", "used");
	if (rloc != NULL)
		ctl_add_text(o, "rloc", rloc);
	else
		cJSON_AddNullToObject(o, "rloc");
	if (peer != NULL)
		ctl_add_text(o, "peer", peer);
	else
		cJSON_AddNullToObject(o, "peer");
	ctl_add_text(o, "way", way);
	if (state != NULL)
		ctl_add_text(o, "state", state);
	else
		cJSON_AddNullToObject(o, "state");
	return o;
}

static cJSON *
row_peer(const struct vr *vr, const struct site *site, size_t position)
{
	const struct peer *p = peers_at(vr->peers, site->proxies[position]);
	struct addr rloc;
	bool known = vr->io->link_rloc(vr->ctx, p->slot, &rloc);

	return row_used(site, known ? fmt_addr(rloc).s : NULL, p->name, "sealed",
			p->state == PEER_UP ? "up" : "down");
}

static cJSON *
row_petr(const struct vr *vr, const struct site *site, const struct map_locator *l)
{
	static const char *const ways[] = {"plain", "sealed", "refused"};
	const struct peer *p = l->peer != 0 ? peers_at(vr->peers, l->peer - 1) : NULL;
	enum fwd_way way = fwd_way_to(vr, site, l);
	const char *state = way == FWD_SEALED ? "up" : "down";

	/* Of plain LISP probes say whether it arrives. */
	if (way == FWD_PLAIN && l->rtt == 0)
		state = NULL;
	else if (way == FWD_PLAIN)
		state = l->silent ? "silent" : "up";
	return row_used(site, fmt_addr(l->rloc).s, p != NULL ? p->name : NULL, ways[way], state);
}

/* The row of a site at this position, NULL behind the last. */
static cJSON *
row_at(const struct vr *vr, const struct site *site, size_t position)
{
	const struct mapping *petrs = vr->mapsys != NULL ? mapsys_petrs(vr->mapsys, site) : NULL;

	if (site->outside != NULL)
		return position == 0 ? row_here(site) : NULL;
	if (position < site->proxy_count)
		return row_peer(vr, site, position);
	position -= site->proxy_count;
	return petrs != NULL && position < petrs->count
		       ? row_petr(vr, site, &petrs->locators[position])
		       : NULL;
}

#define ROWS_MAX 256 /* of one network */

int
ctl_proxy_row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **row)
{
	const struct vr *vr = ((const struct daemon *)ctx)->vr;

	(void)request;
	*row = NULL;
	while (*row == NULL && *cursor / ROWS_MAX < vr->site_count) {
		*row = row_at(vr, &vr->sites[*cursor / ROWS_MAX], *cursor % ROWS_MAX);
		if (*row != NULL)
			++*cursor;
		else
			*cursor = (*cursor / ROWS_MAX + 1) * ROWS_MAX;
	}
	return 0;
}
