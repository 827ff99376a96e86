/* Machines: what they are, and the LAN on which they stand. */
#include <stdlib.h>

#include "tests/sim/machine.h"

/* ---- small questions ---- */

struct addr
sim_machine_ip(const struct sim_machine *m)
{
	return m->ip;
}

struct mac
sim_machine_mac(const struct sim_machine *m)
{
	return m->mac;
}

vn_id_t
sim_machine_vn(const struct sim_machine *m)
{
	return m->vn;
}

size_t
sim_machine_site(const struct sim_machine *m)
{
	return m->site;
}

size_t
sim_machine_home(const struct sim_machine *m)
{
	return m->home;
}

bool
sim_machine_runs(const struct sim_machine *m)
{
	return m->runs;
}

us_t
sim_machine_since(const struct sim_machine *m)
{
	return m->since;
}

struct sim_machine *
sim_machine_at(const struct sim *sim, size_t number)
{
	return sim->machines[number];
}

size_t
sim_machine_count(const struct sim *sim)
{
	return sim->machine_count;
}

const struct sim_machine_stats *
sim_stats(const struct sim_machine *m)
{
	return &m->stats;
}

uint32_t
machine_port(const struct sim_machine *m)
{
	return m->port;
}

struct sim_machine *
machine_next(const struct sim_machine *m)
{
	return m->next;
}

void
machine_free(struct sim_machine *m)
{
	free(m);
}

/* ---- standing on a LAN ---- */

void
machine_attach(struct sim_machine *m, size_t site)
{
	struct lan *lan = lan_at(m->sim, m->vn, site);

	m->site = (uint32_t)site;
	m->port = ++lan->last_port;
	m->next = lan->machines;
	lan->machines = m;
	m->runs = true;
	m->since = m->sim->now;
	if (m->alias != NULL) {
		machine_attach(m->alias, site);
		m->alias->port = m->port;
	}
}

void
machine_detach(struct sim_machine *m)
{
	struct sim_machine **link = &lan_at(m->sim, m->vn, m->site)->machines;

	while (*link != NULL && *link != m)
		link = &(*link)->next;
	if (*link == m)
		*link = m->next;
	m->runs = false;
	if (m->alias != NULL)
		machine_detach(m->alias);
}

void
machine_send_frame(struct sim_machine *m, const uint8_t *frame, size_t size)
{
	struct frame meta = {.gso = m->segment != 0 ? FRAME_GSO_TCP4 : FRAME_GSO_NONE,
			     .gso_size = m->segment,
			     .csum_partial = m->segment != 0};

	if (m->runs)
		lan_frame(m->sim, lan_at(m->sim, m->vn, m->site), m->port, &meta, frame, size);
}

struct sim_machine *
sim_add(struct sim *sim, vn_id_t vn, size_t site, unsigned host)
{
	struct sim_machine *m = calloc(1, sizeof(*m));
	struct lan *home = lan_at(sim, vn, site);

	BUG_IF(m == NULL || host >= ARRAY_COUNT(home->natives));
	if (sim->machine_count == sim->machine_room) {
		sim->machine_room = sim->machine_room == 0 ? 64 : 2 * sim->machine_room;
		sim->machines =
			realloc(sim->machines, sim->machine_room * sizeof(struct sim_machine *));
		BUG_IF(sim->machines == NULL);
	}
	m->sim = sim;
	m->vn = vn;
	m->number = (uint32_t)sim->machine_count;
	m->home = (uint32_t)site;
	m->ip = sim_ip(site, host);
	m->mac = (struct mac){{0x52, 0x54, 0, 0, (uint8_t)site, (uint8_t)host}};
	if (sim->params.vn_in_macs)
		m->mac.b[3] = (uint8_t)vn;
	sim->machines[sim->machine_count++] = m;
	if (home->natives[host] == NULL)
		home->natives[host] = m;
	machine_attach(m, site);
	return m;
}

struct sim_machine *
sim_add_twin(struct sim *sim, const struct sim_machine *m, size_t site)
{
	struct sim_machine *twin = sim_add(sim, m->vn, m->home, m->ip.b[3]);

	machine_detach(twin);
	machine_attach(twin, site);
	twin->is_extra = true;
	return twin;
}

struct sim_machine *
sim_add_alias(struct sim *sim, struct sim_machine *m, unsigned host)
{
	struct sim_machine *alias = sim_add(sim, m->vn, m->home, host);

	machine_detach(alias);
	machine_attach(alias, m->site);
	alias->port = m->port;
	alias->mac = m->mac;
	alias->is_extra = true;
	m->alias = alias;
	return alias;
}

bool
sim_machine_has_alias(const struct sim_machine *m)
{
	return m->alias != NULL;
}

bool
sim_machine_is_extra(const struct sim_machine *m)
{
	return m->is_extra;
}
