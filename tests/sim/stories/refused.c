/* What may not be: refused, counted, and nothing has changed. */
#include "tests/sim/stories/story.h"
#include "wire/eth.h"
#include "wire/ip.h"

/* The last answer to a claim. */
struct heard {
	struct sync_msg ack;
	unsigned count;
};

static bool
listen(void *arg, size_t from, size_t to, const struct sync_msg *msg)
{
	struct heard *h = arg;

	(void)from;
	(void)to;
	if (msg->type == SYNC_ACK) {
		h->ack = *msg;
		h->count++;
	}
	return true;
}

void
a_claim_of_a_router_that_may_not_have_it_is_refused(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast_tuned(layout, story_hosts_a_and_b);
		struct heard heard = {.count = 0};
		struct sync_msg claim = {.type = SYNC_DELTA, .id = 9, .vn = SIM_VN};
		uint64_t before = sim_tables(c.sim);

		claim.delta.is_move = true;
		claim.delta.previous = sim_id(c.sim, A).v;
		claim.delta.count = 1;
		claim.delta.bindings[0] = (struct sync_binding){
			.ip = sim_machine_ip(c.vm), .mac = sim_machine_mac(c.vm), .mobility = 1000};
		sim_filter(c.sim, listen, &heard);
		for (size_t i = A; i <= B; i++) {
			sim_forge_sync(c.sim, C, i, &claim);
			assert_int_equal(heard.count, i + 1);
			assert_int_equal(heard.ack.id, 9);
			assert_int_equal(heard.ack.ack.rows[0].verdict, SYNC_REFUSED);
			assert_int_equal(sim_drops(c.sim, i, DROP_CLAIM_REFUSED), 1);
		}
		/* Nor by a table or an answer that nobody asked for. */
		claim.type = SYNC_ANSWER;
		claim.answer.count = 1;
		claim.answer.bindings[0] = (struct sync_binding){
			.ip = sim_machine_ip(c.vm), .mac = sim_machine_mac(c.vm), .mobility = 1000};
		sim_forge_sync(c.sim, C, A, &claim);
		assert_int_equal(sim_drops(c.sim, A, DROP_CLAIM_REFUSED), 2);
		assert_int_equal(sim_tables(c.sim), before);
		sim_run(c.sim, 2 * US_S);
		assert_int_equal(sim_tables(c.sim), before);
		story_expect_at(c.sim, c.vm, A);
		story_end(c.sim);
	}
}

void
a_machine_is_not_claimed_where_it_may_not_be(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast_tuned(layout, story_hosts_a_and_b);
		uint64_t before = sim_tables(c.sim);

		sim_rarp_series(c.sim, c.vm, C);
		sim_run(c.sim, 2 * US_S);
		assert_int_equal(sim_drops(c.sim, C, DROP_SIGHTING_REFUSED), 5);
		assert_int_equal(sim_tables(c.sim), before);
		assert_int_equal(sim_moves(c.sim, C, sim_machine_ip(c.vm)), 0);
		/* Between A and B it may. */
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, US_S);
		story_expect_at(c.sim, c.vm, B);
		story_end(c.sim);
	}
}

void
a_rarp_of_an_unknown_machine_changes_nothing(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		uint64_t before = sim_tables(c.sim);

		sim_rarp(c.sim, SIM_VN, B, (struct mac){{0x52, 0x54, 9, 9, 9, 9}});
		sim_run(c.sim, 2 * US_S);
		assert_int_equal(sim_drops(c.sim, B, DROP_RARP_UNKNOWN), 1);
		assert_int_equal(sim_tables(c.sim), before);
		/* Again, it is asked for again. */
		sim_rarp(c.sim, SIM_VN, B, (struct mac){{0x52, 0x54, 9, 9, 9, 9}});
		sim_run(c.sim, 2 * US_S);
		assert_int_equal(sim_drops(c.sim, B, DROP_RARP_UNKNOWN), 2);
		assert_int_equal(sim_tables(c.sim), before);
		story_end(c.sim);
	}
}

/* A UDP packet with these addresses. */
static void
build(struct addr from, struct addr to, uint8_t packet[32])
{
	uint16_t sum;

	memset(packet, 0, 32);
	packet[0] = 0x45;
	packet[3] = 32;
	packet[8] = 64;
	packet[9] = IP_PROTO_UDP;
	memcpy(packet + 12, from.b, 4);
	memcpy(packet + 16, to.b, 4);
	packet[25] = 12;
	sum = (uint16_t)~ip_sum(packet, IP4_SIZE_MIN, 0);
	packet[10] = (uint8_t)(sum >> 8);
	packet[11] = (uint8_t)sum;
}

static void
forge_on_lan(struct cast *c)
{
	struct addr foreign = {.family = ADDR_V4, .b = {192, 0, 2, 9}};
	uint8_t packet[32];

	/* The client speaks for the native of its own LAN's router, for one of another site, for nobody. */
	build(sim_machine_ip(c->native_a), sim_machine_ip(c->vm), packet);
	sim_send_raw(c->sim, c->client, packet, sizeof(packet));
	sim_run(c->sim, 100 * US_MS);
	assert_int_equal(sim_drops(c->sim, C, DROP_SOURCE_SPOOFED), 1);
	build(foreign, sim_machine_ip(c->vm), packet);
	sim_send_raw(c->sim, c->client, packet, sizeof(packet));
	sim_run(c->sim, 100 * US_MS);
	assert_int_equal(sim_drops(c->sim, C, DROP_SOURCE_NOT_LOCAL), 1);
	assert_int_equal(sim_stats(c->vm)->packet_size, 0);
}

static void
forge_on_link(struct cast *c)
{
	struct seal_inner inner = {.kind = SEAL_DATA, .vn = SIM_VN};
	uint8_t packet[32];

	/* C may not host mobile machines: the address of the machine is not its own to use. */
	build(sim_machine_ip(c->vm), sim_machine_ip(c->native_b), packet);
	sim_forge_data(c->sim, C, B, &inner, packet, sizeof(packet));
	assert_int_equal(sim_drops(c->sim, B, DROP_PEER_SOURCE), 1);
	/* Nor does a mark of redirection help a router that never had the destination. */
	inner.flags = SEAL_FLAG_REDIRECTED;
	inner.hops = 3;
	sim_forge_data(c->sim, C, B, &inner, packet, sizeof(packet));
	assert_int_equal(sim_drops(c->sim, B, DROP_REDIRECT_REFUSED), 1);
	/* Another VN than those that it is in. */
	inner = (struct seal_inner){.kind = SEAL_DATA, .vn = SIM_VN + 1};
	sim_forge_data(c->sim, C, B, &inner, packet, sizeof(packet));
	assert_int_equal(sim_drops(c->sim, B, DROP_PEER_NOT_IN_VN), 1);
	sim_run(c->sim, 100 * US_MS);
	assert_int_equal(sim_stats(c->native_b)->packet_size, 0);
}

void
a_forged_source_goes_nowhere(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast_tuned(layout, story_hosts_a_and_b);
		uint64_t before;

		story_talk(&c, 10 * US_MS);
		before = sim_tables(c.sim);
		forge_on_lan(&c);
		forge_on_link(&c);
		assert_int_equal(sim_tables(c.sim), before);
		story_end(c.sim);
	}
}
