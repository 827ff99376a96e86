/* One virtual router: its tables, and what follows when a binding changes.  See vr.h. */
#include "vr/vr.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "vr/fwd.h"
#include "vr/lan.h"
#include "vr/neigh.h"
#include "vr/sight.h"
#include "vr/sync.h"

#define FEED_SIZE   1024
#define REPORTS_MAX 1024
/* A withdrawn record is kept so long, so that old news about the EID lose against it. */
#define WITHDRAWN_TIME (600 * US_S)

static void announce_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size);
static struct mac announce_mac(void *ctx, vn_id_t vn);
static bool announce_subnet(void *ctx, vn_id_t vn, struct addr a, struct addr b);

static const struct announce_ops announce_ops = {announce_inject, announce_mac, announce_subnet};

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
	struct prefix subnet;
	struct lndt_row row;

	if (site_subnet(site, a, &subnet))
		return prefix_contains(subnet, b);
	/* Subnets of other sites are known by the prefixes that stand for them. */
	for (size_t i = 0; lndt_row(vr->lndt, i, &row); i++)
		if (row.vn == site->vn && prefix_contains(row.prefix, a) &&
		    prefix_contains(row.prefix, b))
			return true;
	return false;
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
	p = peers_find(vr->peers, id);
	return p != NULL ? p->name : NULL;
}

const char *
vr_name_of(const void *vr, struct vr_id id)
{
	return vr_name(vr, id);
}

/* ---- bindings ---- */

static void
publish(struct vr *vr, enum change_kind kind, const struct binding *b, struct vr_id from, us_t now)
{
	struct change c = {.at = now,
			   .kind = kind,
			   .vn = b->vn,
			   .ip = b->ip,
			   .mac = b->mac,
			   .from = from,
			   .to = b->vr,
			   .mobility = b->mobility};

	change_publish(vr->feed, &c);
}

/* Whom the GNDT gets as target for this router; false for one that is neither a peer nor this one. */
static bool
slot_of(const struct vr *vr, struct vr_id id, uint32_t *slot)
{
	const struct peer *p = peers_find(vr->peers, id);

	*slot = p != NULL ? p->slot : GNDT_LOCAL;
	return p != NULL || vr_id_equal(id, vr->self);
}

/* Takes out the route that a binding made.  A prefix of the configuration may be as long: its route stays, or is back. */
static void
unroute(struct vr *vr, vn_id_t vn, struct addr ip)
{
	struct prefix host = prefix_host(ip);
	struct gndt_route route = {
		.prefix = host, .vr = lndt_fixed(vr->lndt, vn, host), .origin = GNDT_FIXED};

	if (vr_id_is_none(route.vr) || !slot_of(vr, route.vr, &route.slot))
		gndt_remove(vr->gndt, vn, host);
	else if (gndt_put(vr->gndt, vn, &route) != 0)
		log_line(vr->log, LOG_ERROR, "gndt", "no memory for the route to %s",
			 fmt_addr(ip).s);
}

/* A host route where the owner is not the router of the prefix anyway. */
static void
route_binding(struct vr *vr, const struct binding *b)
{
	struct gndt_route route = {.prefix = prefix_host(b->ip), .vr = b->vr, .origin = GNDT_HOST};

	if (b->withdrawn || vr_id_equal(lndt_home(vr->lndt, b->vn, b->ip), b->vr)) {
		unroute(vr, b->vn, b->ip);
		return;
	}
	if (!slot_of(vr, b->vr, &route.slot))
		return;
	/* Without memory for the route the packet goes to the prefix's router, which redirects it. */
	if (gndt_put(vr->gndt, b->vn, &route) != 0)
		log_line(vr->log, LOG_ERROR, "gndt", "no memory for the route to %s",
			 fmt_addr(b->ip).s);
}

static void
follow_up(struct vr *vr, struct site *site, const struct hwdt_entry *before,
	  const struct binding *b, enum hwdt_fate fate, us_t now)
{
	bool mine = vr_id_equal(b->vr, vr->self);
	bool was_mine = before->b.vn == b->vn && vr_id_equal(before->b.vr, vr->self);

	route_binding(vr, b);
	if (b->withdrawn)
		publish(vr, CHANGE_BINDING_GONE, b, before->b.vr, now);
	else if (fate == HWDT_MOVED)
		publish(vr, CHANGE_BINDING_MOVED, b, before->b.vr, now);
	else if (fate == HWDT_ADDED)
		publish(vr, CHANGE_BINDING_NEW, b, before->b.vr, now);
	if (fate == HWDT_MOVED && !b->withdrawn && b->kind == BINDING_HOST)
		sight_counted(vr, site, b, now);
	/* A machine of this LAN that is away, as it turns out after a restart without memory. */
	if (fate == HWDT_ADDED && !mine && !b->withdrawn && b->kind == BINDING_HOST &&
	    lndt_is_local(vr->lndt, b->vn, b->ip))
		announce_departed(vr->announce, b->vn, b->ip, b->mac, now);
	if (fate == HWDT_MOVED && !mine)
		presence_moved(vr->presence, b->vn, b->ip, b->vr, now);
	if (was_mine && fate == HWDT_MOVED && !before->b.withdrawn)
		sight_lost(vr, site, before, b, now);
	/* What the LAN was told of it before is not true any more: least of all that its MAC is the router's. */
	if (mine && !b->withdrawn && (fate != HWDT_UPDATED || !mac_equal(before->b.mac, b->mac)))
		announce_cancel(vr->announce, b->vn, b->ip);
	if (mine && !b->withdrawn)
		neigh_resolved(vr, site, b->ip, b->mac, now);
	if (!mine && !b->withdrawn && fate == HWDT_ADDED)
		lan_owner_known(vr, site, b);
	if ((mine || was_mine) && vr->io->persist != NULL)
		vr->io->persist(vr->ctx);
}

/* What stands elsewhere about a record that is gone from HWDT. */
static void
forget(struct vr *vr, const struct binding *b, us_t now)
{
	if (!b->withdrawn)
		publish(vr, CHANGE_BINDING_GONE, b, b->vr, now);
	unroute(vr, b->vn, b->ip);
	announce_cancel(vr->announce, b->vn, b->ip);
}

/* A full table may have given up another record for the new one. */
static void
follow_eviction(struct vr *vr, us_t now)
{
	const struct hwdt_entry *evicted = hwdt_evicted(vr->hwdt);

	if (evicted != NULL)
		forget(vr, &evicted->b, now);
}

enum hwdt_fate
vr_bind(struct vr *vr, const struct binding *b, us_t now)
{
	struct site *site = vr_site(vr, b->vn);
	struct hwdt_entry before;
	enum hwdt_fate fate;

	BUG_IF(site == NULL);
	fate = hwdt_put(vr->hwdt, b, now, &before);
	follow_eviction(vr, now);
	if (fate == HWDT_ADDED || fate == HWDT_UPDATED || fate == HWDT_MOVED)
		follow_up(vr, site, &before, b, fate, now);
	return fate;
}

void
vr_unbind(struct vr *vr, vn_id_t vn, struct addr ip, us_t now)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, ip);

	if (e == NULL)
		return;
	forget(vr, &e->b, now);
	hwdt_remove(vr->hwdt, vn, ip);
}

/* News that nobody waits for goes out together with what comes in the next milliseconds. */
#define FRESH_DELAY (5 * US_MS)

static void
tell_fresh(struct vr *vr, struct site *site, us_t now)
{
	/* What cannot be sent now is found by the digests. */
	if (site->fresh_count > 0)
		(void)!moves_tell(vr->moves, site->vn, site->fresh, site->fresh_count,
				  (struct vr_id){0}, 0, now);
	site->fresh_count = 0;
	site->fresh_due = US_NEVER;
}

void
vr_tell_later(struct vr *vr, struct site *site, const struct binding *b, us_t now)
{
	size_t i = 0;

	while (i < site->fresh_count && !addr_equal(site->fresh[i].ip, b->ip))
		i++;
	if (i == ARRAY_COUNT(site->fresh)) {
		tell_fresh(vr, site, now);
		i = 0;
	}
	site->fresh[i] = *b;
	if (i == site->fresh_count)
		site->fresh_count++;
	if (site->fresh_due == US_NEVER)
		site->fresh_due = now + FRESH_DELAY;
	vr->wake = true;
}

/* ---- creation ---- */

/* The id behind a router's name in the configuration; none for an unknown one. */
static struct vr_id
id_of(const struct conf *conf, struct vr_id self, const struct vr_id *peer_ids, const char *name)
{
	if (strcmp(name, conf->name) == 0)
		return self;
	for (size_t i = 0; i < conf->peer_count; i++)
		if (strcmp(name, conf->peers[i].name) == 0)
			return peer_ids[i];
	return (struct vr_id){0};
}

static int
fill_mobile(struct lndt *t, const struct conf *conf, const struct conf_vn *vn, struct vr_id self,
	    const struct vr_id *peer_ids)
{
	for (size_t i = 0; i < vn->mobile_count; i++) {
		const struct conf_mobile *m = &vn->mobile[i];
		struct vr_id *hosts = calloc(m->host_count + 1, sizeof(*hosts));
		int err;

		if (hosts == NULL)
			return -ENOMEM;
		for (size_t j = 0; j < m->host_count; j++)
			hosts[j] = id_of(conf, self, peer_ids, m->hosts[j]);
		err = lndt_put_mobile(t, vn->id, m->prefix, hosts, m->host_count);
		free(hosts);
		if (err != 0)
			return err;
	}
	return 0;
}

/* The LNDT that a configuration describes; NULL and '*err' on failure. */
static struct lndt *
lndt_from_conf(const struct conf *conf, struct vr_id self, const struct vr_id *peer_ids, int *err)
{
	struct lndt *t = lndt_create(self);

	*err = t != NULL ? 0 : -ENOMEM;
	for (size_t i = 0; *err == 0 && i < conf->vn_count; i++) {
		const struct conf_vn *vn = &conf->vns[i];

		for (size_t j = 0; *err == 0 && j < vn->local_count; j++)
			*err = lndt_put_fixed(t, vn->id, vn->local[j], self);
		if (*err == 0)
			*err = fill_mobile(t, conf, vn, self, peer_ids);
	}
	for (size_t i = 0; *err == 0 && i < conf->peer_count; i++)
		for (size_t j = 0; *err == 0 && j < conf->peers[i].vn_count; j++) {
			const struct conf_peer_vn *pv = &conf->peers[i].vns[j];

			for (size_t k = 0; *err == 0 && k < pv->prefix_count; k++)
				*err = lndt_put_fixed(t, pv->id, pv->prefixes[k], peer_ids[i]);
		}
	if (*err == 0)
		return t;
	lndt_destroy(t);
	return NULL;
}

/* Routes to the fixed prefixes of 'lndt'. */
static int
route_fixed(struct vr *vr, const struct lndt *lndt)
{
	struct lndt_row row;

	for (size_t i = 0; lndt_row(lndt, i, &row); i++) {
		struct gndt_route route = {
			.prefix = row.prefix, .vr = row.vr, .origin = GNDT_FIXED};

		if (row.mobile || !slot_of(vr, row.vr, &route.slot))
			continue;
		if (gndt_put(vr->gndt, row.vn, &route) != 0)
			return -ENOMEM;
	}
	return 0;
}

/* Takes out the routes to the fixed prefixes of 'old' that 'new' has no more. */
static void
unroute_fixed(struct vr *vr, const struct lndt *old, const struct lndt *new)
{
	struct lndt_row row;

	for (size_t i = 0; lndt_row(old, i, &row); i++)
		if (!row.mobile && vr_id_is_none(lndt_fixed(new, row.vn, row.prefix)))
			gndt_remove(vr->gndt, row.vn, row.prefix);
}

/* The router's own addresses are bindings too: its peers' visitors ask for their home gateway. */
static void
bind_addresses(struct vr *vr, struct site *site, us_t now)
{
	for (size_t i = 0; i < site->conf->address_count; i++) {
		struct binding b = {.vn = site->vn,
				    .ip = site->conf->addresses[i].addr,
				    .mac = site->router_mac,
				    .vr = vr->self,
				    .mobility = 1,
				    .kind = BINDING_GATEWAY};
		const struct hwdt_entry *e = hwdt_find(vr->hwdt, b.vn, b.ip);

		if (e != NULL && vr_id_equal(e->b.vr, vr->self) && mac_equal(e->b.mac, b.mac) &&
		    e->b.kind == b.kind && !e->b.withdrawn)
			continue;
		if (e != NULL)
			b.mobility = e->b.mobility + 1;
		if (vr_bind(vr, &b, now) != HWDT_STALE)
			vr_tell_later(vr, site, &b, now);
	}
}

/* An address that was the router's own by the configuration before. */
static bool
is_former_address(struct vr *vr, const struct binding *b)
{
	const struct site *site = vr_site(vr, b->vn);

	return b->kind == BINDING_GATEWAY && !b->withdrawn && vr_id_equal(b->vr, vr->self) &&
	       !vr_owns_address(site, b->ip) && !addr_equal(b->ip, site->conf->native_gateway);
}

/* Takes a binding of ours back, and says so. */
static void
withdraw(struct vr *vr, struct binding b, us_t now)
{
	b.withdrawn = true;
	b.mobility++;
	if (vr_bind(vr, &b, now) == HWDT_UPDATED)
		vr_tell_later(vr, vr_site(vr, b.vn), &b, now);
}

int
vr_peer_add(struct vr *vr, const struct conf_peer *peer, struct vr_id id, us_t now, uint32_t *slot)
{
	vn_id_t vns[PEER_VNS_MAX];
	size_t count = 0;
	int err;

	for (size_t i = 0; i < peer->vn_count && count < PEER_VNS_MAX; i++)
		if (vr_site(vr, peer->vns[i].id) != NULL)
			vns[count++] = peer->vns[i].id;
	err = peers_put(vr->peers, id, peer->name, vns, count, slot);
	if (err != 0)
		return err;
	peers_at(vr->peers, *slot)->since = now;
	return 0;
}

void
vr_peer_remove(struct vr *vr, uint32_t slot, us_t now)
{
	struct peer *p = peers_at(vr->peers, slot);
	const struct hwdt_entry *e;
	size_t position = 0;

	if (p == NULL)
		return;
	while ((e = hwdt_next(vr->hwdt, &position)) != NULL)
		if (vr_id_equal(e->b.vr, p->id))
			vr_unbind(vr, e->b.vn, e->b.ip, now);
	peers_remove(vr->peers, slot);
}

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
	if (vr->hwdt == NULL || vr->peers == NULL || vr->reports == NULL)
		return -ENOMEM;
	vr->moves = moves_create(vr->self, vr->hwdt, vr->peers, vr->reports, &sight_move_ops, vr);
	vr->announce = announce_create(vr->self, vr->hwdt, &announce_ops, vr);
	if (vr->gndt == NULL || vr->feed == NULL || vr->presence == NULL || vr->neigh == NULL ||
	    vr->moves == NULL || vr->announce == NULL)
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
		vr->lndt = lndt_from_conf(conf, vr->self, start->peer_ids, &err);
	if (err == 0)
		err = route_fixed(vr, vr->lndt);
	if (err != 0) {
		vr_destroy(vr);
		return err;
	}
	for (size_t i = 0; i < vr->site_count; i++)
		bind_addresses(vr, &vr->sites[i], now);
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
	change_feed_destroy(vr->feed);
	peers_destroy(vr->peers);
	hwdt_destroy(vr->hwdt);
	gndt_destroy(vr->gndt);
	lndt_destroy(vr->lndt);
	free(vr->sites);
	free(vr);
}

int
vr_reload(struct vr *vr, const struct conf *conf, const struct vr_id *peer_ids, us_t now)
{
	const struct hwdt_entry *e;
	size_t position = 0;
	struct lndt *lndt;
	int err;

	lndt = lndt_from_conf(conf, vr->self, peer_ids, &err);
	if (lndt == NULL)
		return err;
	/* New routes first: at no time is a prefix that stays without one.  Behind this nothing fails. */
	err = route_fixed(vr, lndt);
	if (err != 0) {
		unroute_fixed(vr, lndt, vr->lndt);
		(void)!route_fixed(vr, vr->lndt);
		lndt_destroy(lndt);
		return err;
	}
	for (size_t i = 0; i < vr->site_count; i++)
		for (size_t j = 0; j < conf->vn_count; j++)
			if (conf->vns[j].id == vr->sites[i].vn)
				vr->sites[i].conf = &conf->vns[j];
	unroute_fixed(vr, vr->lndt, lndt);
	lndt_destroy(vr->lndt);
	vr->lndt = lndt;
	vr->conf = conf;
	while ((e = hwdt_next(vr->hwdt, &position)) != NULL) {
		if (!lndt_may_host(lndt, e->b.vn, e->b.ip, e->b.vr))
			vr_unbind(vr, e->b.vn, e->b.ip, now);
		else if (is_former_address(vr, &e->b))
			withdraw(vr, e->b, now);
		else
			route_binding(vr, &e->b);
	}
	for (size_t i = 0; i < vr->site_count; i++)
		bind_addresses(vr, &vr->sites[i], now);
	return 0;
}

/* ---- what must survive a restart ---- */

static bool
was_owner(const struct hwdt_entry *e, struct vr_id id)
{
	for (size_t i = 0; i < HWDT_PREVIOUS; i++)
		if (vr_id_equal(e->previous[i], id))
			return true;
	return vr_id_equal(e->b.vr, id);
}

void
vr_keep(const struct vr *vr, void (*each)(void *ctx, const struct binding *b), void *ctx)
{
	const struct hwdt_entry *e;
	size_t position = 0;

	while ((e = hwdt_next(vr->hwdt, &position)) != NULL)
		if (was_owner(e, vr->self))
			each(ctx, &e->b);
}

void
vr_recall(struct vr *vr, const struct binding *b, us_t now)
{
	bool mine = vr_id_equal(b->vr, vr->self);

	if (vr_site(vr, b->vn) == NULL || (!mine && peers_find(vr->peers, b->vr) == NULL) ||
	    !lndt_may_host(vr->lndt, b->vn, b->ip, b->vr) || b->mobility > VR_MOBILITY_MAX)
		return;
	/* The own addresses are as configured now. */
	if (is_former_address(vr, b) ||
	    (mine && !mac_equal(b->mac, vr_site(vr, b->vn)->router_mac) &&
	     (b->kind == BINDING_GATEWAY || vr_owns_address(vr_site(vr, b->vn), b->ip))))
		return;
	/* So long unheard that the first sweep asks whether it is still there, and with which MAC. */
	if (vr_bind(vr, b, now - vr->conf->hwdt_expiry / 4 * 3 - 1) != HWDT_ADDED)
		return;
	/* It was here: while nobody said that it left, the LAN may have come to believe it is back. */
	if (!mine && !b->withdrawn && b->kind == BINDING_HOST)
		announce_departed(vr->announce, b->vn, b->ip, b->mac, now);
}

/* ---- events and time ---- */

void
vr_lan_frame(struct vr *vr, vn_id_t vn, struct frame *f, us_t now)
{
	vr->now = now;
	fwd_from_lan(vr, vr_site(vr, vn), f, now);
}

void
vr_lan_control(struct vr *vr, vn_id_t vn, const uint8_t *frame, size_t size, bool outgoing,
	       us_t now)
{
	vr->now = now;
	lan_control(vr, vr_site(vr, vn), frame, size, outgoing, now);
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
	if (up)
		sync_hello(vr, peer, now);
	else
		sync_down(vr, peer, now);
	vr->wake = true;
}

void
vr_link_mtu(struct vr *vr, uint32_t slot, uint16_t inner_mtu)
{
	struct peer *peer = peers_at(vr->peers, slot);

	if (peer != NULL)
		peer->mtu = inner_mtu;
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
		withdraw(vr, b, now);
	} else if (silent > vr->conf->hwdt_expiry / 4 * 3) {
		neigh_ask(vr, site, b.ip, (struct mac){{0}});
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
	vr->sweep_due = now + vr->conf->hwdt_expiry / 20;
	return vr->sweep_due;
}

/* A record is logged when it is complete, or has had its time. */
#define RECORD_TIME (2 * US_S)

static us_t
log_moves(struct vr *vr, us_t now)
{
	uint64_t number = vr->last_logged;
	const struct report *r;
	char text[REPORT_JSON_MAX];

	while ((r = reports_next(vr->reports, &number)) != NULL) {
		bool complete = r->all_acked != 0 && r->confirmed != 0 && r->first_frame != 0;

		if (!complete && now < r->heard + RECORD_TIME)
			return r->heard + RECORD_TIME;
		vr->last_logged = number;
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

us_t
vr_run(struct vr *vr, us_t now)
{
	us_t next;

	vr->now = now;
	vr->wake = false;
	for (size_t i = 0; i < vr->site_count; i++)
		if (vr->sites[i].fresh_due <= now)
			tell_fresh(vr, &vr->sites[i], now);
	next = sight_run(vr, now);
	next = earlier(next, presence_run(vr->presence, now));
	next = earlier(next, moves_run(vr->moves, now));
	next = earlier(next, announce_run(vr->announce, now));
	next = earlier(next, neigh_run(vr, now));
	next = earlier(next, sync_run(vr, now));
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

static bool
announce_subnet(void *ctx, vn_id_t vn, struct addr a, struct addr b)
{
	return vr_same_subnet(ctx, vr_site(ctx, vn), a, b);
}
