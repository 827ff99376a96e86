/* From the configuration to the tables, at the start and when it is read again: LNDT, fixed routes, own addresses, peers. */
#include "vr/mapsys.h"
#include "vr/vr.h"

#include <errno.h>
#include <stdlib.h>

#include "vr/lan.h"
#include "vr/outside.h"

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
struct lndt *
vr_lndt(const struct conf *conf, struct vr_id self, const struct vr_id *peer_ids, int *err)
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

/* A machine's host route may stand where a fixed prefix is as long: what becomes of it follows from its binding. */
static bool
is_host_route(const struct vr *vr, const struct lndt_row *row)
{
	const struct gndt_target *route = gndt_find_exact(vr->gndt, row->vn, row->prefix);

	return route != NULL && route->origin == GNDT_HOST;
}

/* Routes to the fixed prefixes of 'lndt'. */
int
vr_route_fixed(struct vr *vr, const struct lndt *lndt)
{
	struct lndt_row row;

	for (size_t i = 0; lndt_row(lndt, i, &row); i++) {
		struct gndt_route route = {
			.prefix = row.prefix, .vr = row.vr, .origin = GNDT_FIXED};

		if (row.mobile || is_host_route(vr, &row) || !vr_slot(vr, row.vr, &route.slot))
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
		if (!row.mobile && vr_id_is_none(lndt_fixed(new, row.vn, row.prefix)) &&
		    !is_host_route(vr, &row))
			gndt_remove(vr->gndt, row.vn, row.prefix);
}

/* The router's own addresses are bindings too: its peers' visitors ask for their home gateway. */
void
vr_bind_addresses(struct vr *vr, struct site *site, us_t now)
{
	for (size_t i = 0; site->outside == NULL && i < site->conf->address_count; i++) {
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

void
vr_lan_changed(struct vr *vr, vn_id_t vn, struct mac mac, uint16_t mtu, bool is_up, us_t now)
{
	struct site *site = vr_site(vr, vn);
	bool is_new = !mac_equal(site->router_mac, mac);
	bool is_back = is_up && site->lan_is_down;

	vr->changes++;
	site->lan_mtu = mtu;
	site->lan_is_down = !is_up;
	site->router_mac = mac;
	if (is_new)
		vr_bind_addresses(vr, site, now);
	if (is_back && site->outside != NULL)
		outside_forget(site);
	/* What was said of the router's MAC while the LAN was down was not heard. */
	if (is_new || is_back)
		lan_announce(vr, site);
}

/* An address that was the router's own by the configuration before. */
bool
vr_is_former_address(struct vr *vr, const struct binding *b)
{
	const struct site *site = vr_site(vr, b->vn);

	return b->kind == BINDING_GATEWAY && !b->withdrawn && vr_id_equal(b->vr, vr->self) &&
	       !vr_owns_address(site, b->ip) && !addr_equal(b->ip, site->conf->native_gateway);
}

/* Takes a binding of ours back, and says so. */
void
vr_withdraw(struct vr *vr, struct binding b, us_t now)
{
	b.withdrawn = true;
	b.mobility++;
	if (vr_bind(vr, &b, now) == HWDT_UPDATED)
		vr_tell_later(vr, vr_site(vr, b.vn), &b, now);
}

/* The VNs shared with a peer; returns how many. */
static size_t
shared_vns(struct vr *vr, const struct conf_peer *peer, vn_id_t vns[PEER_VNS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < peer->vn_count && count < PEER_VNS_MAX; i++)
		if (vr_site(vr, peer->vns[i].id) != NULL)
			vns[count++] = peer->vns[i].id;
	return count;
}

/* Notes of which VNs the peer is a proxy, and whether it may give orders. */
static void
mark_rights(struct vr *vr, const struct conf_peer *peer, uint32_t slot)
{
	struct peer *p = peers_at(vr->peers, slot);

	p->may_manage = peer->management;
	for (size_t i = 0; i < peer->vn_count; i++) {
		struct peer_vn *pv = peer_vn(p, peer->vns[i].id);

		if (pv != NULL)
			pv->is_proxy = peer->vns[i].proxy;
	}
}

void
vr_find_proxies(struct vr *vr)
{
	uint32_t position = 0;
	const struct peer *p;

	for (size_t i = 0; i < vr->site_count; i++)
		vr->sites[i].proxy_count = 0;
	while ((p = peers_next(vr->peers, &position)) != NULL)
		for (size_t i = 0; i < p->vn_count; i++) {
			struct site *site = vr_site(vr, p->vns[i].vn);

			if (p->vns[i].is_proxy && site != NULL && site->proxy_count < SITE_PROXIES)
				site->proxies[site->proxy_count++] = p->slot;
		}
}

int
vr_peer_add(struct vr *vr, const struct conf_peer *peer, struct vr_id id, us_t now, uint32_t *slot)
{
	vn_id_t vns[PEER_VNS_MAX];
	size_t count = shared_vns(vr, peer, vns);
	int err;

	err = peers_put(vr->peers, id, peer->name, vns, count, slot);
	if (err != 0)
		return err;
	peers_at(vr->peers, *slot)->since = now;
	mark_rights(vr, peer, *slot);
	vr_find_proxies(vr);
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
	vr->changes++;
	/* Another one may come to have the slot. */
	mapsys_peer(vr, slot, false);
	peers_remove(vr->peers, slot);
	vr_find_proxies(vr);
}

/* Room for what the peers will share: behind this, update_peers() cannot fail. */
static int
reserve_peers(struct vr *vr, const struct conf *conf, const struct vr_id *peer_ids)
{
	for (size_t i = 0; i < conf->peer_count; i++) {
		const struct peer *p = peers_find(vr->peers, peer_ids[i]);
		int err = p != NULL ? peers_reserve(vr->peers, p->slot, conf->peers[i].vn_count)
				    : -ENOENT;

		if (err != 0)
			return err;
	}
	return 0;
}

static void
update_peers(struct vr *vr, const struct conf *conf, const struct vr_id *peer_ids)
{
	for (size_t i = 0; i < conf->peer_count; i++) {
		vn_id_t vns[PEER_VNS_MAX];
		size_t count = shared_vns(vr, &conf->peers[i], vns);
		uint32_t slot = peers_find(vr->peers, peer_ids[i])->slot;

		peers_update(vr->peers, slot, conf->peers[i].name, vns, count);
		mark_rights(vr, &conf->peers[i], slot);
	}
	vr_find_proxies(vr);
}

/* New routes first: at no time is a prefix that stays without one.  0 or -ENOMEM with nothing changed. */
static int
reroute_fixed(struct vr *vr, const struct lndt *lndt)
{
	int err = vr_route_fixed(vr, lndt);

	if (err == 0) {
		unroute_fixed(vr, vr->lndt, lndt);
		return 0;
	}
	unroute_fixed(vr, lndt, vr->lndt);
	/* These are there and only changed back, which takes no memory. */
	(void)!vr_route_fixed(vr, vr->lndt);
	return err;
}

/* May its owner still have it? */
static bool
is_allowed(const struct vr *vr, const struct binding *b)
{
	const struct peer *p = peers_find(vr->peers, b->vr);

	if (!vr_id_equal(b->vr, vr->self) && (p == NULL || peer_vn(p, b->vn) == NULL))
		return false;
	return lndt_may_host(vr->lndt, b->vn, b->ip, b->vr);
}

static void
review_bindings(struct vr *vr, us_t now)
{
	const struct hwdt_entry *e;
	size_t position = 0;

	while ((e = hwdt_next(vr->hwdt, &position)) != NULL) {
		if (!is_allowed(vr, &e->b))
			vr_unbind(vr, e->b.vn, e->b.ip, now);
		else if (vr_is_former_address(vr, &e->b))
			vr_withdraw(vr, e->b, now);
		else
			vr_route(vr, &e->b);
	}
	for (size_t i = 0; i < vr->site_count; i++)
		vr_bind_addresses(vr, &vr->sites[i], now);
}

/* What was due by the intervals before may be due earlier now; to greet at once tells the peers what they share now. */
static void
restart_timers(struct vr *vr, us_t now)
{
	vr->hello_due = now;
	vr->sync_due = now;
	if (vr->sweep_due > now + vr->conf->hwdt_expiry / 20)
		vr->sweep_due = now + vr->conf->hwdt_expiry / 20;
	vr->wake = true;
}

int
vr_reload(struct vr *vr, const struct conf *conf, const struct vr_id *peer_ids, us_t now)
{
	struct lndt *lndt;
	int err = reserve_peers(vr, conf, peer_ids);

	if (err != 0)
		return err;
	lndt = vr_lndt(conf, vr->self, peer_ids, &err);
	if (lndt == NULL)
		return err;
	err = reroute_fixed(vr, lndt);
	if (err != 0) {
		lndt_destroy(lndt);
		return err;
	}
	/* Behind this nothing fails. */
	lndt_destroy(vr->lndt);
	vr->changes++;
	vr->lndt = lndt;
	vr->conf = conf;
	for (size_t i = 0; i < vr->site_count; i++)
		for (size_t j = 0; j < conf->vn_count; j++)
			if (conf->vns[j].id == vr->sites[i].vn)
				vr->sites[i].conf = &conf->vns[j];
	update_peers(vr, conf, peer_ids);
	review_bindings(vr, now);
	restart_timers(vr, now);
	return 0;
}
