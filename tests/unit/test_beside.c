/* The hybrid model: which of its peers a machine reaches on its own LAN, and which through the router. */
#include "tests/unit/vr_world.h"
#include "vr/beside.h"

static const struct mac peers_mac = {{0x52, 0x54, 0, 0, 0, 7}},
			stranger = {{0x52, 0x54, 0, 0, 9, 9}};

/* The machine has 10.9.0.5; B has 10.9.0.7 in the same subnet, C 10.9.0.8. */
static struct world *
world_hybrid(void)
{
	struct world *w = world_make();

	w->vn.model = CONF_MODEL_HYBRID;
	w->address = (struct conf_address){.addr = ip("10.9.0.5"), .len = 24};
	w->vn.own = w->vn.addresses;
	w->vn.own_count = 1;
	w->vn.address_count = 0;
	w->subnet = prefix("10.9.0.0/24");
	w->vn.subnets = &w->subnet;
	w->vn.subnet_count = 1;
	w->local = prefix("10.9.0.5/32");
	w->remote[0] = prefix("10.9.0.7/32");
	w->remote[1] = prefix("10.9.0.8/32");
	w->mobile.prefix = prefix("10.9.0.64/26");
	world_start(w);
	say_arp(w, vm, "10.9.0.5", "10.9.0.5");
	peer_says(w, 0, "10.9.0.7", peers_mac, 1, false);
	w->arps = 0;
	return w;
}

static void
beside_says(struct world *w, uint16_t op, struct mac from, const char *spa, struct mac to,
	    const char *tpa)
{
	struct arp arp = {.eth_dst = to,
			  .eth_src = from,
			  .op = op,
			  .sha = from,
			  .tha = op == ARP_REPLY ? to : (struct mac){{0}},
			  .spa = ip(spa),
			  .tpa = ip(tpa)};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	vr_lan_beside(w->vr, VN, frame, sizeof(frame), w->now);
}

static void
the_addresses_are_the_machines_own(void **state)
{
	struct world *w = world_hybrid();

	(void)state;
	assert_int_equal(entry(w, "10.9.0.5")->b.kind, BINDING_HOST);
	assert_true(mac_equal(entry(w, "10.9.0.5")->b.mac, vm));
	/* It answers for itself: to pings, too. */
	say_arp(w, vm, "10.9.0.5", "10.9.0.5");
	assert_int_equal(w->arps, 0);
	assert_int_equal(w->vr->drops[DROP_ADDRESS_TAKEN], 0);
	peer_sends(w, 0, "10.9.0.7", "10.9.0.5", 100, false, 0);
	assert_int_equal(w->lan_sent, 1);
	assert_true(mac_equal(w->lan_to, vm));
	/* Probes have no sender: its own address would be a duplicate. */
	run(w, 1000 * US_S);
	assert_true(w->arps > 0);
	assert_true(addr_is_unspecified(w->arp.spa));
	world_end(w);
}

static void
a_peer_that_answers_on_the_lan_is_left_to_the_machine(void **state)
{
	struct world *w = world_hybrid();

	(void)state;
	say_arp(w, vm, "10.9.0.5", "10.9.0.7");
	beside_says(w, ARP_REPLY, peers_mac, "10.9.0.7", vm, "10.9.0.5");
	run(w, US_S);
	assert_int_equal(w->arps, 0);
	/* And a later question is a question again. */
	say_arp(w, vm, "10.9.0.5", "10.9.0.7");
	run(w, BESIDE_WAIT);
	assert_int_equal(w->arps, 1);
	assert_true(mac_equal(w->arp.sha, router_mac));
	world_end(w);
}

static void
a_peer_that_nobody_answers_for_is_behind_the_router(void **state)
{
	struct world *w = world_hybrid();

	(void)state;
	say_arp(w, vm, "10.9.0.5", "10.9.0.7");
	run(w, BESIDE_WAIT - 1);
	say_arp(w, vm, "10.9.0.5", "10.9.0.7");
	assert_int_equal(w->arps, 0);
	run(w, 1);
	assert_int_equal(w->arps, 1);
	assert_int_equal(w->arp.op, ARP_REPLY);
	assert_true(mac_equal(w->arp.eth_dst, vm) && mac_equal(w->arp.sha, router_mac));
	assert_true(addr_equal(w->arp.spa, ip("10.9.0.7")));
	run(w, US_S);
	assert_int_equal(w->arps, 1);
	world_end(w);
}

/* Nobody has heard of the machine, but its router is known. */
static void
who_is_at_home_elsewhere_is_behind_the_router(void **state)
{
	struct world *w = world_hybrid();

	(void)state;
	assert_null(entry(w, "10.9.0.8"));
	say_arp(w, vm, "10.9.0.5", "10.9.0.8");
	run(w, BESIDE_WAIT);
	assert_int_equal(w->arps, 1);
	assert_true(addr_equal(w->arp.spa, ip("10.9.0.8")) && mac_equal(w->arp.sha, router_mac));
	/* Nobody's. */
	say_arp(w, vm, "10.9.0.5", "10.9.0.9");
	run(w, US_S);
	assert_int_equal(w->arps, 1);
	world_end(w);
}

static void
who_asks_the_router_alone_is_answered_at_once(void **state)
{
	struct world *w = world_hybrid();
	struct arp arp = {.eth_dst = router_mac,
			  .eth_src = vm,
			  .op = ARP_REQUEST,
			  .sha = vm,
			  .tha = router_mac,
			  .spa = ip("10.9.0.5"),
			  .tpa = ip("10.9.0.7")};
	uint8_t frame[ETH_FRAME_MIN];

	(void)state;
	arp_build(&arp, frame);
	vr_lan_control(w->vr, VN, frame, sizeof(frame), false, w->now);
	assert_int_equal(w->arps, 1);
	assert_true(mac_equal(w->arp.sha, router_mac));
	world_end(w);
}

/* Another address space on the same LAN may have the same address. */
static void
a_namesake_on_the_lan_is_no_peer(void **state)
{
	struct world *w = world_hybrid();

	(void)state;
	/* Of what nobody asked it is told nothing. */
	beside_says(w, ARP_REQUEST, stranger, "10.9.0.7", MAC_BROADCAST, "10.9.0.1");
	assert_int_equal(w->arps, 0);
	say_arp(w, vm, "10.9.0.5", "10.9.0.7");
	beside_says(w, ARP_REPLY, stranger, "10.9.0.7", vm, "10.9.0.5");
	assert_int_equal(w->arps, 1);
	assert_int_equal(w->vr->drops[DROP_NAMESAKE], 1);
	/* At once, and such that it overrides what the machine may have believed already. */
	assert_true(mac_equal(w->arp.sha, router_mac) && addr_equal(w->arp.spa, w->arp.tpa));
	run(w, US_S);
	assert_int_equal(w->arps, 1);
	world_end(w);
}

static void
a_peer_that_comes_to_the_lan_is_reached_there(void **state)
{
	struct world *w = world_hybrid();

	(void)state;
	beside_says(w, ARP_REQUEST, peers_mac, "10.9.0.7", MAC_BROADCAST, "10.9.0.7");
	run(w, 0);
	assert_int_equal(w->arps, 1);
	assert_true(mac_equal(w->arp.eth_dst, vm) && mac_equal(w->arp.sha, peers_mac));
	/* Not with each of its words; and of nobody who is not the VN's. */
	beside_says(w, ARP_REQUEST, peers_mac, "10.9.0.7", MAC_BROADCAST, "10.9.0.7");
	beside_says(w, ARP_REQUEST, stranger, "192.168.7.1", MAC_BROADCAST, "192.168.7.9");
	beside_says(w, ARP_REQUEST, vm, "10.9.0.5", MAC_BROADCAST, "10.9.0.5");
	beside_says(w, ARP_REQUEST, router_mac, "10.9.0.7", MAC_BROADCAST, "10.9.0.7");
	beside_says(w, RARP_REQUEST, peers_mac, "0.0.0.0", MAC_BROADCAST, "0.0.0.0");
	run(w, 0);
	assert_int_equal(w->arps, 1);
	/* It is no sighting: the peer's router is the one that says where it is. */
	assert_int_equal(entry(w, "10.9.0.7")->b.vr.v, peer_b.v);
	world_end(w);
}

static void
a_peer_that_moves_away_is_behind_the_router(void **state)
{
	struct world *w = world_hybrid();

	(void)state;
	peer_says(w, 0, "10.9.0.70", stranger, 1, false);
	assert_int_equal(w->arps, 0);
	peer_says(w, 1, "10.9.0.70", stranger, 2, false);
	assert_int_equal(w->arps, 1);
	assert_true(mac_equal(w->arp.eth_dst, vm) && mac_equal(w->arp.sha, router_mac));
	assert_true(addr_equal(w->arp.spa, ip("10.9.0.70")));
	world_end(w);
}

static void
too_many_questions_are_answered_without_waiting(void **state)
{
	struct world *w = world_hybrid();
	char text[32];

	(void)state;
	for (unsigned i = 0; i <= BESIDE_ASKS; i++) {
		snprintf(text, sizeof(text), "10.9.0.%u", 64 + i);
		peer_says(w, 0, text, (struct mac){{0x52, 0x54, 1, 0, 0, (uint8_t)i}}, 1, false);
		say_arp(w, vm, "10.9.0.5", text);
	}
	assert_int_equal(w->arps, 1);
	run(w, BESIDE_WAIT);
	assert_int_equal(w->arps, BESIDE_ASKS + 1);
	world_end(w);
}

static void
malformed_frames_are_counted(void **state)
{
	static const uint8_t frame[ETH_FRAME_MIN];
	struct world *w = world_hybrid();

	(void)state;
	vr_lan_beside(w->vr, VN, frame, sizeof(frame), w->now);
	assert_int_equal(w->vr->drops[DROP_ARP_MALFORMED], 1);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_addresses_are_the_machines_own),
		cmocka_unit_test(a_peer_that_answers_on_the_lan_is_left_to_the_machine),
		cmocka_unit_test(a_peer_that_nobody_answers_for_is_behind_the_router),
		cmocka_unit_test(who_is_at_home_elsewhere_is_behind_the_router),
		cmocka_unit_test(who_asks_the_router_alone_is_answered_at_once),
		cmocka_unit_test(a_namesake_on_the_lan_is_no_peer),
		cmocka_unit_test(a_peer_that_comes_to_the_lan_is_reached_there),
		cmocka_unit_test(a_peer_that_moves_away_is_behind_the_router),
		cmocka_unit_test(too_many_questions_are_answered_without_waiting),
		cmocka_unit_test(malformed_frames_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
