/* Machines move, and somebody says so, or nobody. */
#include "tests/sim/machine.h"
#include "wire/eth.h"

const struct sim_announce sim_by_rarp = {.rarp = true};
const struct sim_announce sim_by_garp = {.garp = true};
const struct sim_announce sim_silently = {.rarp = false};

static const us_t rarp_times[] = {0, 50 * US_MS, 200 * US_MS, 450 * US_MS, 800 * US_MS};
static const us_t garp_times[] = {17 * US_MS, 70 * US_MS, 220 * US_MS, 470 * US_MS, 820 * US_MS};

static void
inject_rarp(struct sim *sim, struct lan *lan, uint32_t port, struct mac mac)
{
	struct arp arp = {.eth_dst = MAC_BROADCAST,
			  .eth_src = mac,
			  .op = RARP_REQUEST,
			  .sha = mac,
			  .tha = mac,
			  .spa = {.family = ADDR_V4},
			  .tpa = {.family = ADDR_V4}};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	lan_frame(sim, lan, port, NULL, frame, sizeof(frame));
}

void
sim_rarp(struct sim *sim, vn_id_t vn, size_t site, struct mac mac)
{
	struct lan *lan = lan_at(sim, vn, site);

	inject_rarp(sim, lan, ++lan->last_port, mac);
}

/* 'number': site and port, for the hypervisor goes on when the machine has left again. */
static void
rarp_on(struct sim *sim, void *arg, uint64_t number)
{
	struct sim_machine *m = arg;

	inject_rarp(sim, lan_at(sim, m->vn, number >> 32), (uint32_t)number, m->mac);
}

static void
rarp_from(struct sim *sim, struct sim_machine *m, size_t site, uint32_t port)
{
	for (size_t i = 0; i < ARRAY_COUNT(rarp_times); i++)
		sim_after(sim, rarp_times[i], rarp_on, m, (uint64_t)site << 32 | port);
}

void
sim_rarp_series(struct sim *sim, const struct sim_machine *m, size_t site)
{
	rarp_from(sim, sim->machines[m->number], site, ++lan_at(sim, m->vn, site)->last_port);
}

static void
garp_on(struct sim *sim, void *arg, uint64_t number)
{
	struct sim_machine *m = arg;

	if (m->since == (us_t)number && m->runs)
		sim_speak(sim, m);
}

void
sim_migrate_now(struct sim *sim, struct sim_machine *m, size_t site, bool rarp, bool garp)
{
	machine_detach(m);
	machine_attach(m, site);
	if (rarp)
		rarp_from(sim, m, site, m->port);
	for (size_t i = 0; garp && i < ARRAY_COUNT(garp_times); i++)
		sim_after(sim, garp_times[i], garp_on, m, (uint64_t)m->since);
}

static void
arrive(struct sim *sim, void *arg, uint64_t number)
{
	sim_migrate_now(sim, arg, number >> 2, (number & 1) != 0, (number & 2) != 0);
}

void
sim_machine_stop(struct sim *sim, struct sim_machine *m)
{
	(void)sim;
	machine_detach(m);
}

void
sim_migrate(struct sim *sim, struct sim_machine *m, size_t site, const struct sim_announce *how)
{
	m->runs = false;
	if (m->alias != NULL)
		m->alias->runs = false;
	sim_after(sim, how->pause != 0 ? how->pause : 5 * US_MS, arrive, m,
		  (uint64_t)site << 2 | how->rarp | (uint64_t)how->garp << 1);
}
