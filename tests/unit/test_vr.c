/* One router on its own: see vr_world.h. */
#include "tests/unit/vr_world.h"

#include <time.h>

/* A site may be a single machine: its prefix is as long as a host route. */
static void
a_prefix_of_one_address_outlives_the_machine_there(void **state)
{
	struct world *w = world_make();

	(void)state;
	w->remote[0] = prefix("10.2.0.9/32");
	world_start(w);
	assert_int_equal(routed_to(w, "10.2.0.9").v, peer_b.v);
	peer_says(w, 0, "10.2.0.9", vm, 1, false);
	assert_int_equal(routed_to(w, "10.2.0.9").v, peer_b.v);
	peer_says(w, 0, "10.2.0.9", vm, 2, true);
	assert_int_equal(routed_to(w, "10.2.0.9").v, peer_b.v);
	world_end(w);
}

static void
a_prefix_of_one_address_is_back_when_the_machine_is(void **state)
{
	struct world *w = world_make();

	(void)state;
	w->remote[0] = prefix("10.2.0.9/32");
	w->mobile.prefix = w->remote[0];
	world_start(w);
	peer_says(w, 1, "10.2.0.9", vm, 1, false);
	assert_int_equal(routed_to(w, "10.2.0.9").v, peer_c.v);
	peer_says(w, 0, "10.2.0.9", vm, 2, false);
	assert_int_equal(routed_to(w, "10.2.0.9").v, peer_b.v);
	peer_says(w, 1, "10.2.0.9", vm, 3, false);
	vr_unbind(w->vr, VN, ip("10.2.0.9"), w->now);
	assert_int_equal(routed_to(w, "10.2.0.9").v, peer_b.v);
	world_end(w);
}

static void
a_reload_keeps_the_routes_that_stay_and_takes_the_others_out(void **state)
{
	struct world *w = world_standard();
	struct conf conf = w->conf;
	struct conf_peer_vn none = {.id = VN};
	struct conf_peer peers[2] = {w->peers[0], w->peers[1]};

	(void)state;
	peers[0].vns = &none;
	conf.peers = peers;
	assert_int_equal(vr_reload(w->vr, &conf, w->ids, w->now), 0);
	assert_int_equal(routed_to(w, "10.1.0.9").v, self.v);
	assert_int_equal(routed_to(w, "10.2.0.9").v, 0);
	assert_int_equal(routed_to(w, "10.3.0.9").v, peer_c.v);
	assert_int_equal(vr_reload(w->vr, &w->conf, w->ids, w->now), 0);
	assert_int_equal(routed_to(w, "10.2.0.9").v, peer_b.v);
	world_end(w);
}

static void
a_machine_that_speaks_is_known_and_told(void **state)
{
	struct world *w = world_standard();
	unsigned before = w->sync_sent[SYNC_DELTA];

	(void)state;
	say_arp(w, native, "10.1.0.6", "10.1.0.6");
	run(w, 10 * US_MS);
	assert_int_equal(entry(w, "10.1.0.6")->b.vr.v, self.v);
	assert_int_equal(w->sync_sent[SYNC_DELTA], before + 2);
	world_end(w);
}

/* Away at B, switched off there, and started again here: an ordinary boot is no move. */
static void
a_machine_that_starts_here_again_keeps_its_mac(void **state)
{
	struct world *w = world_standard();
	unsigned before;

	(void)state;
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	run(w, US_S);
	peer_says(w, 0, "10.1.0.5", vm, 2, false);
	run(w, 10 * US_S);
	assert_in_range(w->claims, 8, 12);
	peer_says(w, 0, "10.1.0.5", vm, 3, true);
	say_arp(w, vm, "10.1.0.5", "10.1.0.1");
	assert_int_equal(entry(w, "10.1.0.5")->b.vr.v, self.v);
	before = w->claims;
	run(w, 200 * US_S);
	assert_int_equal(w->claims, before);
	world_end(w);
}

static void
packets_for_outside_wait_for_the_native_gateway(void **state)
{
	struct world *w = world_make();

	(void)state;
	w->vn.native_gateway = ip("10.1.0.254");
	world_start(w);
	peer_says(w, 0, "10.1.0.5", vm, 1, false);
	peer_sends(w, 0, "10.1.0.5", "192.0.2.1", 100, false, 0);
	assert_int_equal(w->lan_sent, 0);
	assert_true(addr_equal(w->arp.tpa, ip("10.1.0.254")));
	say_arp(w, native, "10.1.0.254", "10.1.0.1");
	assert_int_equal(w->lan_sent, 1);
	assert_true(mac_equal(w->lan_to, native));
	world_end(w);
}

static void
a_counter_that_leaps_to_its_end_is_refused(void **state)
{
	struct world *w = world_standard();

	(void)state;
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	run(w, US_S);
	for (unsigned i = 0; i < 30; i++) {
		peer_says(w, 0, "10.1.0.5", vm, UINT64_MAX >> i, false);
		assert_int_equal(w->sync.type, SYNC_ACK);
		assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_REFUSED);
	}
	assert_int_equal(entry(w, "10.1.0.5")->b.vr.v, self.v);
	peer_says(w, 0, "10.1.0.5", vm, 1000, false);
	assert_int_equal(entry(w, "10.1.0.5")->b.vr.v, peer_b.v);
	world_end(w);
}

/* Nor by the answer to a claim, whose sender need not be allowed to host anything. */
static void
an_answer_cannot_exhaust_the_counter(void **state)
{
	struct world *w = world_standard();
	struct sync_msg ack = {.type = SYNC_ACK, .vn = VN};
	mobility_t before;

	(void)state;
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	run(w, 10 * US_MS);
	before = entry(w, "10.1.0.5")->b.mobility;
	ack.id = w->sync.id;
	ack.ack.count = 1;
	ack.ack.rows[0].verdict = SYNC_STALE;
	ack.ack.rows[0].newest = UINT64_MAX - 1;
	ack.ack.rows[0].owner = self.v;
	assert_int_equal(w->sync.type, SYNC_DELTA);
	hear(w, 0, &ack);
	assert_int_equal(entry(w, "10.1.0.5")->b.mobility, before);
	/* One that has lost its memory counts on. */
	ack.ack.rows[0].newest = 500;
	hear(w, 1, &ack);
	assert_int_equal(entry(w, "10.1.0.5")->b.mobility, 501);
	world_end(w);
}

/* A native with a static ARP entry goes on sending to the machine's MAC. */
static void
an_address_that_was_given_up_does_not_hide_where_a_machine_is(void **state)
{
	struct world *w = world_standard();

	(void)state;
	say_arp(w, native, "10.1.0.6", "10.1.0.6");
	peer_says(w, 0, "10.1.0.7", vm, 1, false);
	peer_says(w, 0, "10.1.0.7", vm, 2, true);
	peer_says(w, 0, "10.1.0.5", vm, 1, false);
	lan_sends(w, native, vm, "10.1.0.6", "10.1.0.5", 100);
	assert_int_equal(w->link_sent, 1);
	assert_int_equal(w->link_slot, w->slots[0]);
	/* But one address here, and nothing of it is taken. */
	say_arp(w, vm, "10.1.0.8", "10.1.0.8");
	lan_sends(w, native, vm, "10.1.0.6", "10.1.0.5", 100);
	assert_int_equal(w->link_sent, 1);
	world_end(w);
}

/* A peer that has no host route (it has just started, or its table is full) sends to the router of the prefix. */
static void
the_home_router_redirects_without_memory_of_the_move(void **state)
{
	struct world *w = world_standard();

	(void)state;
	peer_says(w, 0, "10.1.0.5", vm, 5, false);
	peer_sends(w, 1, "10.3.0.9", "10.1.0.5", 100, true, 0);
	assert_int_equal(w->link_sent, 1);
	assert_int_equal(w->link_slot, w->slots[0]);
	assert_int_equal(w->link_inner.flags, SEAL_FLAG_REDIRECTED);
	world_end(w);
}

static void
what_is_redirected_is_taken_from_earlier_owners_only(void **state)
{
	struct world *w = world_make();

	(void)state;
	w->mobile.prefix = prefix("10.2.0.0/24");
	world_start(w);
	/* At home at B, now here; whose source it is B cannot know. */
	say_arp(w, vm, "10.2.0.5", "10.2.0.5");
	peer_sends(w, 0, "10.3.0.9", "10.2.0.5", 100, true, SEAL_FLAG_REDIRECTED);
	assert_int_equal(w->lan_sent, 1);
	peer_sends(w, 1, "10.3.0.9", "10.2.0.5", 100, true, SEAL_FLAG_REDIRECTED);
	assert_int_equal(w->lan_sent, 1);
	assert_int_equal(w->vr->drops[DROP_REDIRECT_REFUSED], 1);
	world_end(w);
}

static void
only_machines_of_this_site_leave_the_vn_here(void **state)
{
	struct world *w = world_make();

	(void)state;
	w->vn.native_gateway = ip("10.1.0.254");
	world_start(w);
	say_arp(w, native, "10.1.0.254", "10.1.0.1");
	peer_says(w, 0, "10.1.0.5", vm, 1, false);
	peer_sends(w, 0, "10.1.0.5", "192.0.2.1", 100, false, 0);
	assert_int_equal(w->lan_sent, 1);
	peer_sends(w, 0, "10.2.0.9", "192.0.2.1", 100, false, 0);
	assert_int_equal(w->lan_sent, 1);
	assert_int_equal(w->vr->drops[DROP_NOT_HERE], 1);
	world_end(w);
}

static void
packets_for_an_unknown_machine_of_the_vn_stay_inside(void **state)
{
	struct world *w = world_make();

	(void)state;
	w->vn.native_gateway = ip("10.1.0.254");
	w->mobile.prefix = prefix("10.9.0.0/24");
	world_start(w);
	say_arp(w, native, "10.1.0.254", "10.1.0.1");
	say_arp(w, vm, "10.1.0.5", "10.1.0.1");
	lan_sends(w, vm, router_mac, "10.1.0.5", "10.9.0.9", 100);
	assert_int_equal(w->lan_sent, 0);
	assert_int_equal(w->sync_sent[SYNC_QUERY], 2);
	lan_sends(w, vm, router_mac, "10.1.0.5", "192.0.2.1", 100);
	assert_int_equal(w->lan_sent, 1);
	world_end(w);
}

static void
a_packet_too_large_for_the_lan_is_cut_where_it_may_be(void **state)
{
	struct world *w = world_standard();

	(void)state;
	say_arp(w, vm, "10.1.0.5", "10.1.0.1");
	w->vr->sites[0].lan_mtu = 1280;
	peer_sends(w, 1, "10.3.0.9", "10.1.0.5", 1400, false, 0);
	assert_int_equal(w->lan_sent, 2);
	assert_int_equal(w->lan_sizes[0], 1276);
	assert_int_equal(w->lan_sizes[1], 1400 - 1276 + 20);
	assert_int_equal(w->link_sent, 0);
	peer_sends(w, 1, "10.3.0.9", "10.1.0.5", 1400, true, 0);
	assert_int_equal(w->lan_sent, 2);
	assert_int_equal(w->link_sent, 1); /* the error */
	assert_int_equal(w->vr->drops[DROP_TOO_BIG], 1);
	world_end(w);
}

static void
a_peer_that_speaks_for_an_unknown_machine_is_asked_about_it(void **state)
{
	struct world *w = world_standard();
	unsigned asked;

	(void)state;
	say_arp(w, native, "10.1.0.6", "10.1.0.6");
	run(w, US_S);
	peer_sends(w, 0, "10.1.0.5", "10.1.0.6", 100, true, 0);
	assert_int_equal(w->lan_sent, 1);
	assert_int_equal(w->vr->unknown_owner, 1);
	assert_int_equal(w->sync.type, SYNC_QUERY);
	assert_true(addr_equal(w->sync.query.ip, ip("10.1.0.5")));
	assert_int_equal(w->sync_sent[SYNC_QUERY], 1);
	/* Not for each packet, and not when it is known. */
	peer_sends(w, 0, "10.1.0.5", "10.1.0.6", 100, true, 0);
	assert_int_equal(w->sync_sent[SYNC_QUERY], 1);
	run(w, US_S);
	asked = w->sync_sent[SYNC_QUERY];
	peer_says(w, 0, "10.1.0.5", vm, 1, false);
	peer_sends(w, 0, "10.1.0.5", "10.1.0.6", 100, true, 0);
	run(w, US_S);
	assert_int_equal(w->sync_sent[SYNC_QUERY], asked);
	world_end(w);
}

static void
what_the_native_router_hands_on_is_no_sighting(void **state)
{
	struct world *w = world_make();

	(void)state;
	w->vn.native_gateway = ip("10.1.0.254");
	world_start(w);
	say_arp(w, native, "10.1.0.254", "10.1.0.1");
	/* From a machine that has not been heard, to another one. */
	lan_sends(w, native, vm, "10.1.0.6", "10.1.0.5", 100);
	assert_null(entry(w, "10.1.0.6"));
	lan_sends(w, vm, native, "10.1.0.5", "192.0.2.1", 100);
	assert_int_equal(entry(w, "10.1.0.5")->b.vr.v, self.v);
	world_end(w);
}

/* In a private LAN all of a public subnet has the NAT's MAC: that is where it comes through, not where it is. */
static void
what_comes_through_the_native_router_from_other_sites_is_no_sighting(void **state)
{
	struct world *w = world_make();

	(void)state;
	w->vn.native_gateway = ip("10.1.0.254");
	w->mobile.prefix = prefix("10.2.0.0/24");
	world_start(w);
	say_arp(w, native, "10.1.0.254", "10.1.0.1");
	lan_sends(w, native, vm, "10.2.0.9", "10.1.0.5", 100);
	assert_null(entry(w, "10.2.0.9"));
	/* A machine of that subnet that has come says so itself. */
	lan_sends(w, vm, native, "10.2.0.9", "192.0.2.1", 100);
	assert_int_equal(entry(w, "10.2.0.9")->b.vr.v, self.v);
	world_end(w);
}

/* The native router is not known yet. */
static void
what_other_routers_send_to_this_one_is_no_sighting(void **state)
{
	struct world *w = world_make();

	(void)state;
	w->mobile.prefix = prefix("10.2.0.0/24");
	w->conf.lisp = (struct conf_lisp){.data_port = 4341, .control_port = 4342};
	world_start(w);
	lan_sends_to_port(w, native, vm, "10.2.0.2", "10.1.0.5", 100, 51341);
	assert_null(entry(w, "10.2.0.2"));
	w->conf.lisp.enabled = true;
	lan_sends_to_port(w, native, vm, "10.2.0.2", "10.1.0.5", 100, 4341);
	lan_sends_to_port(w, native, vm, "10.2.0.2", "10.1.0.5", 100, 4342);
	assert_null(entry(w, "10.2.0.2"));
	w->conf.lisp.enabled = false;
	lan_sends_to_port(w, native, vm, "10.2.0.2", "10.1.0.5", 100, 4342);
	assert_non_null(entry(w, "10.2.0.2"));
	lan_sends_to_port(w, native, vm, "10.2.0.3", "10.1.0.5", 100, 51342);
	assert_non_null(entry(w, "10.2.0.3"));
	world_end(w);
}

static bool
same_subnet(const struct world *w, const char *a, const char *b)
{
	bool same = vr_same_subnet(w->vr, &w->vr->sites[0], ip(a), ip(b));

	assert_int_equal(vr_same_subnet(w->vr, &w->vr->sites[0], ip(b), ip(a)), same);
	return same;
}

static void
a_mobile_prefix_makes_no_subnet(void **state)
{
	struct world *w = world_make();
	struct prefix nested[] = {prefix("10.2.0.0/15"), prefix("10.2.0.0/24"),
				  prefix("10.2.1.0/24")};

	(void)state;
	w->mobile.prefix = prefix("10.0.0.0/8");
	w->peer_vns[0].prefixes = nested;
	w->peer_vns[0].prefix_count = ARRAY_COUNT(nested);
	world_start(w);
	assert_false(same_subnet(w, "10.2.0.7", "10.1.0.5"));
	assert_false(same_subnet(w, "10.2.0.7", "10.2.1.7"));
	assert_false(same_subnet(w, "10.2.0.7", "10.2.9.7"));
	assert_false(same_subnet(w, "10.8.0.7", "10.8.0.8"));
	assert_true(same_subnet(w, "10.1.0.7", "10.1.0.5"));
	assert_true(same_subnet(w, "10.2.0.7", "10.2.0.5"));
	assert_true(same_subnet(w, "10.2.9.7", "10.3.9.5"));
	/* A machine is one all the same. */
	assert_true(vr_is_on_link(w->vr, &w->vr->sites[0], ip("10.8.0.7")));
	assert_true(vr_is_on_link(w->vr, &w->vr->sites[0], ip("10.2.9.7")));
	assert_true(vr_is_on_link(w->vr, &w->vr->sites[0], ip("10.1.0.7")));
	assert_false(vr_is_on_link(w->vr, &w->vr->sites[0], ip("192.0.2.1")));
	world_end(w);
}

/* A walk through the table would take minutes here. */
static void
the_subnet_is_found_at_once_among_many(void **state)
{
	const size_t count = 100000, calls = 100000;
	struct prefix *many = calloc(count, sizeof(*many));
	struct world *w = world_make();
	clock_t start;

	(void)state;
	assert_non_null(many);
	for (size_t i = 0; i < count; i++) {
		const uint8_t bytes[4] = {20, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

		many[i] = prefix_make(addr_make(ADDR_V4, bytes), 32);
	}
	w->peer_vns[0].prefixes = many;
	w->peer_vns[0].prefix_count = count;
	world_start(w);
	start = clock();
	for (size_t i = 0; i < calls; i++)
		assert_true(
			vr_same_subnet(w->vr, &w->vr->sites[0], ip("10.3.0.5"), ip("10.3.0.6")));
	assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, 9);
	assert_false(same_subnet(w, "20.0.0.5", "20.0.0.6"));
	world_end(w);
	free(many);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_that_speaks_is_known_and_told),
		cmocka_unit_test(a_prefix_of_one_address_outlives_the_machine_there),
		cmocka_unit_test(a_prefix_of_one_address_is_back_when_the_machine_is),
		cmocka_unit_test(a_reload_keeps_the_routes_that_stay_and_takes_the_others_out),
		cmocka_unit_test(a_machine_that_starts_here_again_keeps_its_mac),
		cmocka_unit_test(packets_for_outside_wait_for_the_native_gateway),
		cmocka_unit_test(a_counter_that_leaps_to_its_end_is_refused),
		cmocka_unit_test(an_answer_cannot_exhaust_the_counter),
		cmocka_unit_test(an_address_that_was_given_up_does_not_hide_where_a_machine_is),
		cmocka_unit_test(the_home_router_redirects_without_memory_of_the_move),
		cmocka_unit_test(what_is_redirected_is_taken_from_earlier_owners_only),
		cmocka_unit_test(only_machines_of_this_site_leave_the_vn_here),
		cmocka_unit_test(packets_for_an_unknown_machine_of_the_vn_stay_inside),
		cmocka_unit_test(a_packet_too_large_for_the_lan_is_cut_where_it_may_be),
		cmocka_unit_test(a_peer_that_speaks_for_an_unknown_machine_is_asked_about_it),
		cmocka_unit_test(what_the_native_router_hands_on_is_no_sighting),
		cmocka_unit_test(
			what_comes_through_the_native_router_from_other_sites_is_no_sighting),
		cmocka_unit_test(what_other_routers_send_to_this_one_is_no_sighting),
		cmocka_unit_test(a_mobile_prefix_makes_no_subnet),
		cmocka_unit_test(the_subnet_is_found_at_once_among_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
