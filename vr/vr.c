/* One virtual router: its tables, and what follows when a binding changes.  See vr.h. */
#include "vr/vr.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "vr/action.h"
#include "vr/beside.h"
#include "vr/fwd.h"
#include "vr/lan.h"
#include "vr/limits.h"
#include "lisp/rtr.h"
#include "vr/mapsys.h"
#include "vr/neigh.h"
#include "vr/outside.h"
#include "vr/query.h"
#include "vr/sight.h"
#include "vr/sync.h"

#define FEED_SIZE   1024
#define REPORTS_MAX 1024
/* A withdrawn record is kept so long, so that old news about the EID lose against it. */
#define WITHDRAWN_TIME (600 * US_S)

static void announce_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size);
static struct mac announce_mac(void *ctx, vn_id_t vn);
static bool announce_subnet(void *ctx, vn_id_t vn, struct addr a, struct addr b);
static void announce_near(void *ctx, vn_id_t vn);

static const struct announce_ops announce_ops = {.inject = announce_inject,
						 .router_mac = announce_mac,
						 .brings_near = announce_near,
						 .same_subnet = announce_subnet};

struct site *
vr_site(struct vr *vr, vn_id_t vn)
{
	for (size_t i = 0; i < vr->site_count; i++)
		if (vr->sites[i].vn == vn)
			return &vr->sites[i];
	return NULL;
}

void
vr_drop(struct vr *vr, enum vr_drop reason)
{
	vr->drops[reason]++;
}

bool
vr_owns_address(const struct site *site, struct addr ip)
{
	for (size_t i = 0; i < site->conf->address_count; i++)
		if (addr_equal(site->conf->addresses[i].addr, ip))
			return true;
	return false;
}

/* The on-link subnet of the site's configuration that holds the address. */
static bool
site_subnet(const struct site *site, struct addr ip, struct prefix *out)
{
	for (size_t i = 0; i < site->conf->address_count; i++) {
		const struct conf_address *a = &site->conf->addresses[i];

		*out = prefix_make(a->addr, a->len);
		if (prefix_contains(*out, ip))
			return true;
	}
	for (size_t i = 0; i < site->conf->subnet_count; i++) {
		*out = site->conf->subnets[i];
		if (prefix_contains(*out, ip))
			return true;
	}
	return false;
}

bool
vr_same_subnet(const struct vr *vr, const struct site *site, struct addr a, struct addr b)
{
	struct prefix subnet, other;

	if (site_subnet(site, a, &subnet))
		return prefix_contains(subnet, b);
	/* Subnets of other sites are known by the fixed prefixes that stand for them.  Mobile ones are no
	 * subnets: they may span many. */
	return lndt_find_fixed(vr->lndt, site->vn, a, &subnet) && prefix_contains(subnet, b) &&
	       lndt_find_fixed(vr->lndt, site->vn, b, &other) && prefix_equal(subnet, other);
}

bool
vr_is_on_link(const struct vr *vr, const struct site *site, struct addr ip)
{
	struct prefix subnet;

	return site_subnet(site, ip, &subnet) || lndt_find_fixed(vr->lndt, site->vn, ip, &subnet) ||
	       lndt_is_mobile(vr->lndt, site->vn, ip);
}

struct addr
vr_address_for(const struct site *site, struct addr to)
{
	for (size_t i = 0; i < site->conf->address_count; i++) {
		const struct conf_address *a = &site->conf->addresses[i];

		if (prefix_contains(prefix_make(a->addr, a->len), to))
			return a->addr;
	}
	return (struct addr){.family = ADDR_NONE};
}

const char *
vr_name(const struct vr *vr, struct vr_id id)
{
	const struct peer *p;

	if (vr_id_equal(id, vr->self))
		return vr->conf->name;
	if (vr_id_equal(id, VR_ID_MAPPED))
		return "(lisp)";
	p = peers_find(vr->peers, id);
	return p != NULL ? p->name : NULL;
}

const char *
vr_name_of(const void *vr, struct vr_id id)
{
	return vr_name(vr, id);
}

/* ---- creation ---- */

static int
create_tables(struct vr *vr, const struct conf *conf)
{
	vr->gndt = gndt_create(&vr->key);
	vr->hwdt = hwdt_create(conf->hwdt_max, &vr->key);
	vr->peers = peers_create();
	vr->feed = change_feed_create(FEED_SIZE);
	vr->reports = reports_create(REPORTS_MAX);
	vr->presence = presence_create(&sight_presence_ops, vr);
	vr->neigh = neigh_create();
	vr->actions = actions_create();
	if (vr->hwdt == NULL || vr->peers == NULL || vr->reports == NULL)
		return -ENOMEM;
	vr->moves = moves_create(vr->self, vr->hwdt, vr->peers, vr->reports, &sight_move_ops, vr);
	vr->announce = announce_create(vr->self, vr->hwdt, &announce_ops, vr);
	if (vr->gndt == NULL || vr->feed == NULL || vr->presence == NULL || vr->neigh == NULL ||
	    vr->moves == NULL || vr->announce == NULL || vr->actions == NULL)
		return -ENOMEM;
	return 0;
}

static int
create_sites(struct vr *vr, const struct conf *conf, const struct vr_start *start)
{
	vr->sites = calloc(conf->vn_count + 1, sizeof(*vr->sites));
	if (vr->sites == NULL)
		return -ENOMEM;
	vr->site_count = conf->vn_count;
	for (size_t i = 0; i < conf->vn_count; i++)
		vr->sites[i] = (struct site){.vn = conf->vns[i].id,
					     .conf = &conf->vns[i],
					     .router_mac = start->macs[i],
					     .lan_mtu = start->mtus[i],
					     .fresh_due = US_NEVER};
	for (size_t i = 0; i < conf->vn_count; i++) {
		if (conf->vns[i].model == CONF_MODEL_HYBRID) {
			vr->sites[i].beside = beside_create();
			if (vr->sites[i].beside == NULL)
				return -ENOMEM;
		}
		if (!conf->vns[i].proxy.enabled)
			continue;
		vr->sites[i].outside = outside_create();
		if (vr->sites[i].outside == NULL)
			return -ENOMEM;
	}
	return 0;
}

int
vr_create(const struct conf *conf, const struct vr_start *start, us_t now, uint32_t *slots,
	  struct vr **out)
{
	struct vr *vr = calloc(1, sizeof(*vr));
	int err;

	if (vr == NULL)
		return -ENOMEM;
	*vr = (struct vr){.self = start->self,
			  .conf = conf,
			  .io = start->io,
			  .ctx = start->ctx,
			  .log = start->log,
			  .key = start->key,
			  .boot = start->boot,
			  .hello_due = now,
			  .sweep_due = now + US_S};
	err = create_tables(vr, conf);
	if (err == 0)
		err = create_sites(vr, conf, start);
	for (size_t i = 0; err == 0 && i < conf->peer_count; i++)
		err = vr_peer_add(vr, &conf->peers[i], start->peer_ids[i], now, &slots[i]);
	if (err == 0)
		vr->lndt = vr_lndt(conf, vr->self, start->peer_ids, &err);
	if (err == 0)
		err = vr_route_fixed(vr, vr->lndt);
	if (err != 0) {
		vr_destroy(vr);
		return err;
	}
	for (size_t i = 0; i < vr->site_count; i++)
		vr_bind_addresses(vr, &vr->sites[i], now);
	*out = vr;
	return 0;
}

void
vr_destroy(struct vr *vr)
{
	if (vr == NULL)
		return;
	announce_destroy(vr->announce);
	presence_destroy(vr->presence);
	moves_destroy(vr->moves);
	reports_destroy(vr->reports);
	neigh_destroy(vr->neigh);
	actions_destroy(vr->actions);
	mapsys_destroy(vr->mapsys);
	rtr_destroy(vr->rtr);
	change_feed_destroy(vr->feed);
	peers_destroy(vr->peers);
	hwdt_destroy(vr->hwdt);
	gndt_destroy(vr->gndt);
	lndt_destroy(vr->lndt);
	for (size_t i = 0; i < vr->site_count; i++) {
		outside_destroy(vr->sites[i].outside);
		beside_destroy(vr->sites[i].beside);
	}
	free(vr->sites);
	free(vr);
}

/* ---- events and time ---- */

void
vr_lan_frame(struct vr *vr, vn_id_t vn, struct frame *f, us_t now)
{
	vr->now = now;
	fwd_memo_forget(vr);
	fwd_from_lan(vr, vr_site(vr, vn), f, now);
}

void
vr_lan_control(struct vr *vr, vn_id_t vn, const uint8_t *frame, size_t size, bool outgoing,
	       us_t now)
{
	vr->now = now;
	fwd_memo_forget(vr);
	lan_control(vr, vr_site(vr, vn), frame, size, outgoing, now);
	vr->wake = true;
}

void
vr_lan_beside(struct vr *vr, vn_id_t vn, const uint8_t *frame, size_t size, us_t now)
{
	vr->now = now;
	fwd_memo_forget(vr);
	beside_heard(vr, vr_site(vr, vn), frame, size, now);
	vr->wake = true;
}

void
vr_link_data(struct vr *vr, uint32_t slot, const struct seal_inner *inner, struct frame *f,
	     us_t now)
{
	struct peer *peer = peers_at(vr->peers, slot);
	struct site *site = vr_site(vr, inner->vn);

	if (peer == NULL || site == NULL || peer_vn(peer, inner->vn) == NULL) {
		vr_drop(vr, DROP_PEER_NOT_IN_VN);
		return;
	}
	vr->now = now;
	peer->heard = now;
	fwd_from_link(vr, site, peer, inner, f, now);
}

void
vr_link_sync(struct vr *vr, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct peer *peer = peers_at(vr->peers, slot);

	if (peer == NULL)
		return;
	fwd_memo_forget(vr);
	sync_heard(vr, peer, msg, size, now);
	vr->wake = true;
}

void
vr_link_session(struct vr *vr, uint32_t slot, bool up, us_t now)
{
	struct peer *peer = peers_at(vr->peers, slot);

	if (peer == NULL)
		return;
	vr->now = now;
	fwd_memo_forget(vr);
	if (up)
		sync_up(vr, peer, now);
	else
		sync_down(vr, peer, now);
	mapsys_peer(vr, slot, up);
	vr->wake = true;
}

void
vr_link_mtu(struct vr *vr, uint32_t slot, uint16_t inner_mtu)
{
	struct peer *peer = peers_at(vr->peers, slot);

	if (peer == NULL)
		return;
	peer->mtu = inner_mtu;
	vr->changes++;
}

/* Local machines that have been silent are asked before they are forgotten. */
static void
sweep_entry(struct vr *vr, const struct hwdt_entry *e, us_t now)
{
	struct site *site = vr_site(vr, e->b.vn);
	us_t silent = now - e->heard;
	struct binding b = e->b;

	if (b.withdrawn) {
		if (silent > WITHDRAWN_TIME)
			vr_unbind(vr, b.vn, b.ip, now);
		return;
	}
	if (!vr_id_equal(b.vr, vr->self))
		return;
	if (b.kind == BINDING_GATEWAY) {
		/* Nobody hears the own addresses, yet they are no old records for a full table to give up. */
		if (vr_owns_address(site, b.ip))
			hwdt_heard(vr->hwdt, b.vn, b.ip, now);
		return;
	}
	if (silent > vr->conf->hwdt_expiry) {
		vr_withdraw(vr, b, now);
	} else if (silent > vr->conf->hwdt_expiry / 4 * 3) {
		neigh_ask(vr, site, b.ip, (struct mac){{0}});
	}
}

/* Until it is known, what it hands on looks like machines of this LAN. */
static void
seek_gateways(struct vr *vr)
{
	for (size_t i = 0; i < vr->site_count; i++) {
		struct site *site = &vr->sites[i];
		struct addr gateway = site->conf->native_gateway;
		const struct hwdt_entry *e;

		if (addr_is_none(gateway) || site->outside != NULL)
			continue;
		e = hwdt_find(vr->hwdt, site->vn, gateway);
		if (e == NULL || e->b.withdrawn)
			neigh_ask(vr, site, gateway, (struct mac){{0}});
	}
}

static us_t
sweep_run(struct vr *vr, us_t now)
{
	const struct hwdt_entry *e;
	size_t position = 0;

	if (now < vr->sweep_due)
		return vr->sweep_due;
	while ((e = hwdt_next(vr->hwdt, &position)) != NULL)
		sweep_entry(vr, e, now);
	seek_gateways(vr);
	vr->sweep_due = now + vr->conf->hwdt_expiry / 20;
	return vr->sweep_due;
}

/* A record is logged and counted when it is complete, or has had its time and nobody is waited for. */
#define RECORD_TIME (2 * US_S)

static us_t
log_moves(struct vr *vr, us_t now)
{
	uint64_t number = vr->last_logged;
	const struct report *r;
	char text[REPORT_JSON_MAX];

	while ((r = reports_next(vr->reports, &number)) != NULL) {
		bool complete = r->settled != 0 && r->confirmed != 0 && r->first_frame != 0;

		if (!complete && now < r->heard + RECORD_TIME)
			return r->heard + RECORD_TIME;
		/* Whoever is still waited for answers or is given up soon, and that is news. */
		if (r->settled == 0)
			return US_NEVER;
		vr->last_logged = number;
		reports_count(vr->reports, number);
		if (!log_wants(vr->log, LOG_INFO))
			continue;
		report_json(r, vr_name_of, vr, text, sizeof(text));
		log_json(vr->log, LOG_INFO, "move", text);
	}
	return US_NEVER;
}

static us_t
earlier(us_t a, us_t b)
{
	return a < b ? a : b;
}

/* Hosts and LANs that are told of machines beside them: not before what they have sent to us has gone on. */
static void
tell_lans(struct vr *vr, us_t now)
{
	announce_look(vr->announce, now);
	for (size_t i = 0; i < vr->site_count; i++) {
		struct site *site = &vr->sites[i];

		if (site->tells && vr->io->lan_drain != NULL)
			vr->io->lan_drain(vr->ctx, site->vn, now);
		lan_tell_run(vr, site);
	}
}

us_t
vr_run(struct vr *vr, us_t now)
{
	us_t next;

	vr->now = now;
	vr->wake = false;
	fwd_memo_forget(vr);
	for (size_t i = 0; i < vr->site_count; i++)
		if (vr->sites[i].fresh_due <= now)
			vr_tell_fresh(vr, &vr->sites[i], now);
	next = sight_run(vr, now);
	next = earlier(next, presence_run(vr->presence, now));
	next = earlier(next, moves_run(vr->moves, now));
	tell_lans(vr, now);
	next = earlier(next, announce_run(vr->announce, now));
	next = earlier(next, neigh_run(vr, now));
	next = earlier(next, beside_run(vr, now));
	next = earlier(next, sync_run(vr, now));
	next = earlier(next, query_run(vr, now));
	next = earlier(next, actions_run(vr, now));
	next = earlier(next, limits_run(vr, now));
	next = earlier(next, sweep_run(vr, now));
	next = earlier(next, log_moves(vr, now));
	for (size_t i = 0; i < vr->site_count; i++)
		next = earlier(next, vr->sites[i].fresh_due);
	/* A step above may have started something that an earlier one would have run. */
	return vr->wake ? now : next;
}

/* ---- announce.h ---- */

static void
announce_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	struct vr *vr = ctx;

	/* A lost announcement is repeated by its schedule. */
	(void)vr->io->lan_inject(vr->ctx, vn, frame, size);
}

static struct mac
announce_mac(void *ctx, vn_id_t vn)
{
	return vr_site(ctx, vn)->router_mac;
}

static void
announce_near(void *ctx, vn_id_t vn)
{
	vr_site(ctx, vn)->tells = true;
}

static bool
announce_subnet(void *ctx, vn_id_t vn, struct addr a, struct addr b)
{
	return vr_same_subnet(ctx, vr_site(ctx, vn), a, b);
}
