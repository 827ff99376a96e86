/* What becomes of a packet on its way: hops, sizes, segments. */
#include "tests/sim/stories/story.h"
#include "wire/be.h"
#include "wire/ip.h"

#define LINK_MTU 1400

void
routed_packets_lose_one_hop(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		uint64_t packet;

		/* Through two routers of one virtual network: one hop, or none within one subnet. */
		packet = sim_send(c.sim, c.client, sim_machine_ip(c.vm));
		sim_run(c.sim, 50 * US_MS);
		assert_int_equal(sim_received(c.sim, packet), 1);
		assert_int_equal(sim_stats(c.vm)->last_ttl, layout == SIM_SUBNETS ? 63 : 64);
		/* The same when it is away from home, with a native there. */
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, US_S);
		packet = sim_send(c.sim, c.native_a, sim_machine_ip(c.vm));
		sim_run(c.sim, 50 * US_MS);
		assert_int_equal(sim_received(c.sim, packet), 1);
		assert_int_equal(sim_stats(c.vm)->last_ttl, 64);
		/* The last hop. */
		packet = sim_send_as(c.sim, c.client, sim_machine_ip(c.vm), 1, 100, true);
		sim_run(c.sim, 50 * US_MS);
		if (layout == SIM_STRETCHED) {
			assert_int_equal(sim_received(c.sim, packet), 1);
		} else {
			assert_int_equal(sim_received(c.sim, packet), 0);
			assert_int_equal(sim_stats(c.client)->last_icmp_type, 11);
			assert_true(addr_equal(sim_stats(c.client)->last_icmp_from, sim_ip(C, 1)));
			assert_int_equal(sim_drops(c.sim, C, DROP_TTL), 1);
		}
		story_end(c.sim);
	}
}

void
a_packet_too_big_is_answered_or_cut(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		struct addr to = sim_machine_ip(c.vm);
		uint64_t packet, before;

		packet = sim_send_as(c.sim, c.client, to, 64, LINK_MTU, true);
		sim_run(c.sim, 50 * US_MS);
		assert_int_equal(sim_received(c.sim, packet), 1);
		packet = sim_send_as(c.sim, c.client, to, 64, LINK_MTU + 1, true);
		sim_run(c.sim, 50 * US_MS);
		assert_int_equal(sim_received(c.sim, packet), 0);
		assert_int_equal(sim_stats(c.client)->last_icmp_type, 3);
		assert_int_equal(sim_stats(c.client)->last_icmp_code, 4);
		assert_int_equal(sim_stats(c.client)->last_icmp_mtu, LINK_MTU);
		assert_int_equal(sim_drops(c.sim, C, DROP_TOO_BIG), 1);
		/* Who allows it gets it in pieces. */
		before = sim_link_data(c.sim, C, A);
		packet = sim_send_as(c.sim, c.client, to, 64, 1500, false);
		sim_run(c.sim, 50 * US_MS);
		assert_int_equal(sim_received(c.sim, packet), 1);
		assert_int_equal(sim_link_data(c.sim, C, A) - before, 2);
		story_end(c.sim);
	}
}

/* A TCP packet of 'size' bytes; a SYN has the option MSS 1460. */
static void
build_tcp(struct addr from, struct addr to, bool syn, size_t size, uint8_t *p)
{
	struct ip ip;
	uint16_t sum;

	memset(p, 0, size);
	p[0] = 0x45;
	be16_put(p + 2, (uint16_t)size);
	p[6] = 0x40;
	p[8] = 64;
	p[9] = IP_PROTO_TCP;
	memcpy(p + 12, from.b, 4);
	memcpy(p + 16, to.b, 4);
	be16_put(p + 10, (uint16_t)~ip_sum(p, 20, 0));
	be16_put(p + 20, 1000);
	be16_put(p + 22, 2000);
	p[32] = syn ? 0x60 : 0x50;
	p[33] = syn ? 0x02 : 0x10;
	if (syn) {
		p[40] = 2;
		p[41] = 4;
		be16_put(p + 42, 1460);
	}
	assert_int_equal(ip_parse(p, size, &ip), 0);
	sum = ip_sum(p + 20, size - 20, ip_pseudo_sum(&ip, (uint32_t)size - 20));
	be16_put(p + 36, (uint16_t)~sum);
}

/* Sees the super-frames that pass the links. */
static bool
tap(void *arg, size_t from, size_t to, const struct seal_inner *inner, const struct frame *f)
{
	(void)from;
	(void)to;
	(void)inner;
	if (f->gso == FRAME_GSO_TCP4)
		*(unsigned *)arg = f->gso_size;
	return true;
}

void
segments_fit_the_path(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		uint8_t p[1900];
		struct ip ip;
		unsigned segment = 0;

		/* Both directions of a new connection. */
		build_tcp(sim_machine_ip(c.client), sim_machine_ip(c.vm), true, 44, p);
		sim_send_raw(c.sim, c.client, p, 44);
		sim_run(c.sim, 50 * US_MS);
		assert_int_equal(sim_stats(c.vm)->packet_size, 44);
		assert_int_equal(be16_get(sim_stats(c.vm)->packet + 42), LINK_MTU - 40);
		assert_int_equal(ip_parse(sim_stats(c.vm)->packet, 44, &ip), 0);
		assert_int_equal(ip_sum(sim_stats(c.vm)->packet + 20, 24, ip_pseudo_sum(&ip, 24)),
				 0xffff);
		/* One that was made on the LAN and now has an end elsewhere. */
		sim_tap(c.sim, tap, &segment);
		build_tcp(sim_machine_ip(c.client), sim_machine_ip(c.vm), false, sizeof(p), p);
		sim_send_super(c.sim, c.client, p, sizeof(p), 1460);
		sim_run(c.sim, 50 * US_MS);
		assert_int_equal(segment, LINK_MTU - 40);
		assert_int_equal(sim_drops(c.sim, C, DROP_TOO_BIG), 0);
		story_end(c.sim);
	}
}
