/* What must hold when all is quiet: everybody knows where each machine stands. */
#include "base/fmt.h"
#include "tests/sim/world.h"

size_t
sim_owner(const struct sim *sim, size_t router, vn_id_t vn, struct addr ip)
{
	const struct vr *vr = sim_vr(sim, router);
	const struct hwdt_entry *e = vr != NULL ? hwdt_find(vr->hwdt, vn, ip) : NULL;

	return e != NULL && !e->b.withdrawn ? sim_index(sim, e->b.vr) : SIZE_MAX;
}

size_t
sim_moves(const struct sim *sim, size_t router, struct addr ip)
{
	const struct vr *vr = sim_vr(sim, router);
	const struct report *r;
	uint64_t number = 0;
	size_t count = 0;

	while (vr != NULL && (r = reports_next(vr->reports, &number)) != NULL)
		for (size_t i = 0; i < r->eid_count; i++)
			count += addr_equal(r->eids[i], ip);
	return count;
}

uint64_t
sim_tables(const struct sim *sim)
{
	static const struct hash_key key = {1, 2};
	uint64_t sum = 0;

	for (size_t i = 0; i < sim->params.routers; i++) {
		const struct vr *vr = sim_vr(sim, i);
		const struct hwdt_entry *e;
		size_t position = 0;

		while (vr != NULL && (e = hwdt_next(vr->hwdt, &position)) != NULL) {
			uint64_t words[] = {i, e->b.vn, e->b.vr.v, e->b.mobility, e->b.withdrawn,
					    0, 0,       0};

			memcpy(&words[5], e->b.mac.b, sizeof(e->b.mac.b));
			memcpy(&words[6], e->b.ip.b, sizeof(e->b.ip.b));
			sum += hash_bytes(&key, words, sizeof(words));
		}
	}
	return sum;
}

size_t
sim_alarms(const struct sim *sim, size_t router, const char *text)
{
	struct change c;
	uint64_t cursor = 0, missed;
	size_t count = 0;

	while (change_read(sim_vr(sim, router)->feed, &cursor, &c, &missed))
		count += c.kind == CHANGE_ALARM && strncmp(c.text, text, strlen(text)) == 0;
	return count;
}

uint64_t
sim_drops(const struct sim *sim, size_t router, enum vr_drop reason)
{
	return sim_vr(sim, router)->drops[reason];
}

/* Does GNDT lead to the router of this index? */
static bool
leads_to(const struct sim *sim, size_t router, vn_id_t vn, struct addr ip, size_t owner)
{
	const struct gndt_target *route = gndt_find(sim_vr(sim, router)->gndt, vn, ip);
	uint32_t slot = owner == router ? GNDT_LOCAL : node_at(sim, router)->slot_of[owner];

	return route != NULL && vr_id_equal(route->vr, sim_id(sim, owner)) && route->slot == slot;
}

static bool
router_knows(struct sim *sim, size_t router, const struct sim_machine *m)
{
	vn_id_t vn = sim_machine_vn(m);
	struct addr ip = sim_machine_ip(m);
	const struct hwdt_entry *e = hwdt_find(sim_vr(sim, router)->hwdt, vn, ip);

	if (e == NULL || e->b.withdrawn)
		sim_set_fault(sim, "router %zu knows nobody with %s in VN %u, which stands at %zu",
			      router, fmt_addr(ip).s, vn, sim_machine_site(m));
	else if (!vr_id_equal(e->b.vr, sim_id(sim, sim_machine_site(m))))
		sim_set_fault(sim, "router %zu says %s in VN %u is at %zu (%s), it stands at %zu",
			      router, fmt_addr(ip).s, vn, sim_index(sim, e->b.vr),
			      fmt_mobility(e->b.mobility).s, sim_machine_site(m));
	else if (!mac_equal(e->b.mac, sim_machine_mac(m)))
		sim_set_fault(sim, "router %zu says %s in VN %u has MAC %s", router, fmt_addr(ip).s,
			      vn, fmt_mac(e->b.mac).s);
	else if (!leads_to(sim, router, vn, ip, sim_machine_site(m)))
		sim_set_fault(sim, "router %zu: GNDT does not lead to %s in VN %u", router,
			      fmt_addr(ip).s, vn);
	else
		return true;
	return false;
}

bool
sim_all_know(struct sim *sim, const struct sim_machine *m)
{
	for (size_t i = 0; i < sim->params.routers; i++)
		if (sim_vr(sim, i) != NULL && sim_in_vn(sim, i, sim_machine_vn(m)) &&
		    !router_knows(sim, i, m))
			return false;
	return true;
}

static const struct sim_machine *
machine_of(const struct sim *sim, vn_id_t vn, struct addr ip)
{
	for (size_t i = 0; i < sim->machine_count; i++)
		if (sim_machine_vn(sim->machines[i]) == vn &&
		    addr_equal(sim_machine_ip(sim->machines[i]), ip) &&
		    sim_machine_runs(sim->machines[i]))
			return sim->machines[i];
	return NULL;
}

/* Nothing stands in the tables that does not stand on a LAN. */
static bool
no_ghosts(struct sim *sim, size_t router)
{
	const struct vr *vr = sim_vr(sim, router);
	const struct hwdt_entry *e;
	size_t position = 0;

	while ((e = hwdt_next(vr->hwdt, &position)) != NULL) {
		if (e->b.withdrawn || e->b.kind == BINDING_GATEWAY ||
		    machine_of(sim, e->b.vn, e->b.ip) != NULL)
			continue;
		sim_set_fault(sim, "router %zu knows %s in VN %u, which stands nowhere", router,
			      fmt_addr(e->b.ip).s, e->b.vn);
		return false;
	}
	return true;
}

static bool
route_is_right(const struct vr *vr, vn_id_t vn, const struct gndt_route *route)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, route->prefix.addr);

	if (route->origin == GNDT_FIXED)
		return vr_id_equal(lndt_fixed(vr->lndt, vn, route->prefix), route->vr);
	return e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, route->vr);
}

/* A route is of the configuration, or its machine is where it leads. */
static bool
no_stray_routes(struct sim *sim, size_t router)
{
	const struct vr *vr = sim_vr(sim, router);
	struct gndt_route route;
	const struct prefix *after = NULL;
	vn_id_t vn = 0;

	for (; gndt_next(vr->gndt, &vn, after, &route); after = &route.prefix) {
		if (route_is_right(vr, vn, &route))
			continue;
		sim_set_fault(sim, "router %zu: the route to %s in VN %u stands for nothing",
			      router, fmt_prefix(route.prefix).s, vn);
		return false;
	}
	return true;
}

/* What each says of its own machines is what the others have of it. */
static bool
digests_agree(struct sim *sim, size_t a, size_t b)
{
	const struct vr *of = sim_vr(sim, a);
	const struct vr *at = sim_vr(sim, b);

	for (size_t i = 0; i < of->site_count; i++) {
		vn_id_t vn = of->sites[i].vn;
		struct hwdt_digest own = hwdt_digest(of->hwdt, vn, of->self);
		struct hwdt_digest seen = hwdt_digest(at->hwdt, vn, of->self);

		if (!sim_in_vn(sim, b, vn) || (own.count == seen.count && own.sum == seen.sum))
			continue;
		sim_set_fault(sim, "router %zu has another table of %zu than that itself in VN %u",
			      b, a, vn);
		return false;
	}
	return true;
}

bool
sim_all_agree(struct sim *sim)
{
	for (size_t i = 0; i < sim->machine_count; i++)
		if (sim_machine_runs(sim->machines[i]) && !sim_all_know(sim, sim->machines[i]))
			return false;
	for (size_t i = 0; i < sim->params.routers; i++) {
		if (sim_vr(sim, i) == NULL)
			continue;
		if (!no_ghosts(sim, i) || !no_stray_routes(sim, i))
			return false;
		for (size_t j = 0; j < sim->params.routers; j++)
			if (j != i && sim_vr(sim, j) != NULL && !digests_agree(sim, i, j))
				return false;
	}
	return sim->fault[0] == '\0';
}
