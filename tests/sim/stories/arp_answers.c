/* What lan.h says of ARP: what is answered, and what never. */
#include "tests/sim/stories/story.h"

static const struct addr nobody = {.family = ADDR_V4};
static const struct mac router = {{2, 0x56, 0x52, 0, 0, SIM_VN}};

/* Replies that the machine gets to one request; 'spa' is who it says to be. */
static uint64_t
ask(struct cast *c, struct sim_machine *m, struct mac to, struct addr spa, struct addr tpa)
{
	uint64_t before = sim_stats(m)->arp_replies;

	sim_send_arp(m, ARP_REQUEST, to, spa, tpa);
	sim_run(c->sim, 2 * US_S);
	return sim_stats(m)->arp_replies - before;
}

static bool
replied_by_router(const struct sim_machine *m)
{
	return sim_stats(m)->arp.op == ARP_REPLY && mac_equal(sim_stats(m)->arp.sha, router) &&
	       mac_equal(sim_stats(m)->arp.eth_src, router);
}

void
arp_is_answered_for_machines_elsewhere_only(void **state)
{
	struct addr foreign = {.family = ADDR_V4, .b = {192, 0, 2, 9}};

	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		struct addr self = sim_machine_ip(c.native_a);

		/* A machine elsewhere, asked for by all and by one who thinks he knows its MAC. */
		assert_int_equal(ask(&c, c.native_a, MAC_BROADCAST, self, sim_machine_ip(c.client)),
				 1);
		assert_true(replied_by_router(c.native_a));
		assert_int_equal(ask(&c, c.native_a, sim_machine_mac(c.client), self,
				     sim_machine_ip(c.client)),
				 1);
		assert_true(replied_by_router(c.native_a));
		/* A machine of this LAN answers for itself, and only it. */
		assert_int_equal(ask(&c, c.native_a, MAC_BROADCAST, self, sim_machine_ip(c.vm)), 1);
		assert_false(replied_by_router(c.native_a));
		/* Nobody has it; and somebody who may not speak here. */
		assert_int_equal(ask(&c, c.native_a, MAC_BROADCAST, self, sim_ip(C, 77)), 0);
		assert_int_equal(
			ask(&c, c.native_a, MAC_BROADCAST, foreign, sim_machine_ip(c.client)), 0);
		/* The gateway's own address. */
		if (layout == SIM_SUBNETS) {
			assert_int_equal(ask(&c, c.native_a, MAC_BROADCAST, self, sim_ip(A, 1)), 1);
			assert_true(replied_by_router(c.native_a));
		}
		story_end(c.sim);
	}
}

void
nobody_is_told_that_its_own_address_is_taken(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		struct addr vm = sim_machine_ip(c.vm);
		uint64_t conflicts = sim_stats(c.vm)->conflicts;

		/* At home and away, before and after it was heard: announcements and probes. */
		assert_int_equal(ask(&c, c.vm, MAC_BROADCAST, vm, vm), 0);
		assert_int_equal(ask(&c, c.vm, MAC_BROADCAST, nobody, vm), 0);
		sim_migrate(c.sim, c.vm, B, &sim_silently);
		sim_run(c.sim, US_S);
		assert_int_equal(ask(&c, c.vm, MAC_BROADCAST, nobody, vm), 0);
		assert_int_equal(ask(&c, c.vm, MAC_BROADCAST, vm, vm), 0);
		story_expect_at(c.sim, c.vm, B);
		assert_int_equal(ask(&c, c.vm, MAC_BROADCAST, nobody, vm), 0);
		assert_int_equal(sim_stats(c.vm)->conflicts, conflicts);
		/* And back: the LAN that had been told the router's MAC. */
		sim_migrate(c.sim, c.vm, A, &sim_by_rarp);
		sim_run(c.sim, 2 * US_S);
		assert_int_equal(ask(&c, c.vm, MAC_BROADCAST, nobody, vm), 0);
		assert_int_equal(sim_stats(c.vm)->conflicts, conflicts);
		story_end(c.sim);
	}
}

void
a_probe_is_answered_while_the_owner_lives(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);

		/* Somebody at A wants the client's address (RFC 5227). */
		assert_int_equal(
			ask(&c, c.native_a, MAC_BROADCAST, nobody, sim_machine_ip(c.client)), 1);
		assert_true(replied_by_router(c.native_a));
		/* The client is off: its address may be had. */
		sim_machine_stop(c.sim, c.client);
		assert_int_equal(
			ask(&c, c.native_a, MAC_BROADCAST, nobody, sim_machine_ip(c.client)), 0);
		sim_destroy(c.sim);
	}
}

void
a_visitor_finds_its_gateway(void **state)
{
	struct cast c = story_cast(SIM_SUBNETS);
	uint64_t packet;

	(void)state;
	sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
	sim_run(c.sim, US_S);
	/* The gateway of its home subnet, which is not that of B. */
	sim_arp_flush(c.vm);
	assert_int_equal(ask(&c, c.vm, MAC_BROADCAST, sim_machine_ip(c.vm), sim_ip(A, 1)), 1);
	assert_true(mac_equal(sim_arp_entry(c.vm, sim_ip(A, 1)), router));
	/* A neighbour of its home subnet, and one of the new LAN, which it takes for far away. */
	packet = sim_send(c.sim, c.vm, sim_machine_ip(c.native_a));
	sim_run(c.sim, 50 * US_MS);
	assert_int_equal(sim_received(c.sim, packet), 1);
	packet = sim_send(c.sim, c.vm, sim_machine_ip(c.native_b));
	sim_run(c.sim, 50 * US_MS);
	assert_int_equal(sim_received(c.sim, packet), 1);
	story_end(c.sim);
}
