/* What a proxy lets out of the VN, and what not. */
#include "tests/unit/proxy_rig.h"

static void
what_leaves_goes_to_the_gateway_or_to_a_neighbour(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	leaves(r, (struct rig_want){.mark = 3});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_LAN);
	assert_true(mac_equal(r->sent[0].mac, rig_machine(254)));
	assert_int_equal(r->sent[0].data[99], 3);
	/* It waits until the neighbour has answered. */
	leaves(r, (struct rig_want){.to = NEAR, .mark = 4});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->arp_count, 1);
	assert_true(addr_equal(r->arps[0].tpa, addr_of(NEAR)));
	assert_true(addr_equal(r->arps[0].spa, addr_of(OUTSIDE)));
	arp_answered(r, NEAR);
	leaves(r, (struct rig_want){.to = NEAR, .mark = 5});
	assert_int_equal(r->sent_count, 3);
	for (uint8_t i = 1; i < 3; i++) {
		assert_true(mac_equal(r->sent[i].mac, rig_machine(9)));
		assert_int_equal(r->sent[i].data[99], 3 + i);
	}
	assert_int_equal(r->vr->sites[0].let_out, 3);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 0);
	rig_free(r);
}

static void
without_a_gateway_only_neighbours_are_reached(void **state)
{
	const struct rig_text text =
		proxy_with("\"addresses\": [\"" OUTSIDE "/24\"], \"subnets\": [\"198.18.5.0/24\"],"
			   "\"lisp\": {\"use\": true}, \"proxy\": {\"prefixes\": "
			   "[\"172.16.0.0/12\"], \"check_locators\": false}");
	struct rig *r = rig_make(&text);

	(void)state;
	leaves(r, (struct rig_want){.to = "198.18.5.5"});
	assert_int_equal(r->arp_count, 1);
	leaves(r, (struct rig_want){.mark = 1});
	assert_int_equal(rig_drops(r, DROP_NO_ROUTE), 1);
	/* Told to the one who sent it, the way it came. */
	assert_int_equal(r->sent[r->sent_count - 1].way, TO_PLAIN);
	assert_int_equal(rig_error(&r->sent[r->sent_count - 1]), UNREACHABLE_NET);
	rig_free(r);
}

/* The first packet of a connection that a machine opens is not lost: it waits for the mapping of its source. */
static void
a_source_that_is_not_known_yet_is_asked_for(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);
	struct lisp_asked about;
	struct lisp_msg asked;

	(void)state;
	leaves(r, (struct rig_want){.mark = 1});
	leaves(r, (struct rig_want){.mark = 2, .rloc = OTHER});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, &asked), 1);
	assert_true(lisp_asked_next(&asked.records, &about));
	assert_true(prefix_equal(about.eid.prefix, prefix_host(addr_of(EID))));
	rig_answer(r, (struct rig_answer){.prefix = EID "/32", .rlocs = {{RIG_FAR, 1, 100}}});
	/* Of the two that waited one came from where the EID is not. */
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].data[99], 1);
	assert_int_equal(rig_drops(r, DROP_PROXY_LOCATOR), 1);
	rig_free(r);
}

static void
a_source_of_which_nobody_knows_is_refused(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);

	(void)state;
	leaves(r, (struct rig_want){.mark = 1});
	rig_answer(r, (struct rig_answer){.prefix = EID "/32", .action = LISP_NATIVE_FORWARD});
	assert_int_equal(rig_drops(r, DROP_PROXY_SOURCE), 1);
	/* And without any answer. */
	leaves(r, (struct rig_want){.from = "172.17.0.1"});
	rig_run(r, 20 * US_S);
	assert_int_equal(rig_drops(r, DROP_MAPPING_TIMEOUT), 1);
	assert_int_equal(r->sent_count, 0);
	rig_free(r);
}

/* Its mapping has not followed yet: what it says meanwhile is neither lost nor believed without asking. */
static void
a_source_that_comes_from_elsewhere_is_asked_for_anew(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);
	uint64_t refused;

	(void)state;
	rig_run(r, 5 * US_S);
	leaves(r, (struct rig_want){.mark = 1, .rloc = OTHER});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 1);
	rig_answer(r, (struct rig_answer){.prefix = EID "/32", .rlocs = {{OTHER, 1, 100}}});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].data[99], 1);
	/* A liar: the answer says otherwise, and it is not asked for without end. */
	rig_forget(r);
	refused = rig_drops(r, DROP_PROXY_LOCATOR);
	for (unsigned i = 0; i < 500; i++) {
		leaves(r, (struct rig_want){.rloc = RIG_FAR});
		if (rig_count(r, LISP_MAP_REQUEST, NULL) > 0)
			rig_answer(r, (struct rig_answer){.prefix = EID "/32",
							  .rlocs = {{OTHER, 1, 100}}});
		rig_run(r, 10 * US_MS);
	}
	assert_int_equal(rig_drops(r, DROP_PROXY_LOCATOR), refused + 500);
	assert_int_equal(r->sent_count, 0);
	/* In five seconds: once in a second, and three ahead. */
	assert_in_range(rig_count(r, LISP_MAP_REQUEST, NULL), 4, 8);
	rig_free(r);
}

static void
what_may_not_leave_is_refused(void **state)
{
	static const struct {
		struct rig_want want;
		enum vr_drop reason;
	} cases[] = {
		/* From no EID that is served; from an EID of another router, or of the outside. */
		{{.from = "192.168.1.1"}, DROP_PROXY_SOURCE},
		{{.from = CLIENT}, DROP_PROXY_SOURCE},
		{{.from = NEAR, .to = CLIENT}, DROP_PROXY_SOURCE},
		{{.from = OUTSIDE}, DROP_PROXY_SOURCE},
		{{.from = "10.2.0.5"}, DROP_PLAIN_SOURCE},
		{{.from = "10.3.0.5", .rloc = RIG_C}, DROP_PROXY_SOURCE},
		{{.from = "0.0.0.0"}, DROP_PLAIN_SOURCE},
		{{.from = "224.0.0.1"}, DROP_PLAIN_SOURCE},
		/* Of another network, of one that is not there. */
		{{.vn = RED}, DROP_PLAIN_VN},
		{{.vn = 99}, DROP_PLAIN_VN},
		/* To EIDs, to nobody, to everybody. */
		{{.to = "172.16.0.6"}, DROP_NOT_HERE},
		{{.to = "10.2.0.5"}, DROP_NOT_HERE},
		{{.to = "10.3.0.5"}, DROP_NOT_HERE},
		{{.to = "127.0.0.1"}, DROP_NOT_HERE},
		{{.to = "0.0.0.1"}, DROP_NOT_HERE},
		{{.to = "240.0.0.1"}, DROP_NOT_HERE},
		{{.to = "198.18.0.255"}, DROP_NOT_HERE},
		{{.to = "198.18.0.0"}, DROP_NOT_HERE},
		{{.to = "255.255.255.255"}, DROP_MULTICAST},
		{{.to = "224.0.0.251"}, DROP_MULTICAST},
	};
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint64_t before = rig_drops(r, cases[i].reason);

		leaves(r, cases[i].want);
		drops_one(r, cases[i].reason, before, i);
		assert_int_equal(r->sent_count, 0);
		assert_int_equal(r->message_count, 0);
	}
	assert_int_equal(r->vr->sites[0].let_out, 0);
	rig_free(r);
}

static void
a_pitr_alone_lets_nothing_out(void **state)
{
	const struct rig_text text = proxy_with(PROXY(", \"egress\": false"));
	struct rig *r = proxy_make(&text, RIG_FAR);

	(void)state;
	leaves(r, (struct rig_want){.mark = 1});
	assert_int_equal(rig_drops(r, DROP_NOT_HERE), 1);
	assert_int_equal(r->sent_count, 0);
	rig_free(r);
}

static void
the_prefix_alone_may_be_enough(void **state)
{
	const struct rig_text text = proxy_with(PROXY(", \"check_locators\": false"));
	struct rig *r = proxy_make(&text, NULL);

	(void)state;
	leaves(r, (struct rig_want){.mark = 1});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->message_count, 0);
	leaves(r, (struct rig_want){.from = "192.168.1.1"});
	assert_int_equal(rig_drops(r, DROP_PROXY_SOURCE), 1);
	rig_free(r);
}

/* The routers know each other: whose EID it is, and that it comes from there. */
static void
what_peers_let_out_needs_no_mapping(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);

	(void)state;
	leaves_from_peer(r, 0, (struct rig_want){.from = "10.2.0.5"});
	assert_int_equal(r->sent_count, 1);
	leaves_from_peer(r, 1, (struct rig_want){.from = "10.2.0.5"});
	assert_int_equal(rig_drops(r, DROP_PEER_SOURCE), 1);
	/* Its own, which is not served. */
	leaves_from_peer(r, 1, (struct rig_want){.from = "10.3.0.5"});
	assert_int_equal(rig_drops(r, DROP_PROXY_SOURCE), 1);
	/* Plain from the peer that has it, and from nobody else. */
	leaves(r, (struct rig_want){.from = "10.2.0.5", .rloc = RIG_B});
	assert_int_equal(r->sent_count, 2);
	assert_int_equal(r->message_count, 0);
	rig_free(r);
}

/* Where the mapping system leads to a peer's locator, its packets come through the session. */
static void
a_mapping_counts_for_what_comes_sealed(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);

	(void)state;
	leaves_from_peer(r, 1, (struct rig_want){.from = EID, .mark = 1});
	leaves_from_peer(r, 0, (struct rig_want){.from = EID, .mark = 2});
	assert_int_equal(r->sent_count, 0);
	rig_answer(r, (struct rig_answer){.prefix = EID "/32", .rlocs = {{RIG_C, 1, 100}}});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].data[99], 1);
	assert_int_equal(rig_drops(r, DROP_PROXY_LOCATOR), 1);
	/* One that waits for a peer that is taken out meanwhile does not outlive it. */
	leaves_from_peer(r, 0, (struct rig_want){.from = "172.17.0.1"});
	vr_peer_remove(r->vr, r->slots[0], r->now);
	rig_answer(r, (struct rig_answer){.prefix = "172.17.0.1/32", .rlocs = {{RIG_B, 1, 100}}});
	assert_int_equal(rig_drops(r, DROP_PEER_DOWN), 1);
	rig_free(r);
}

/* Two networks have the same addresses, inside and outside; each has its own device, neighbours and mappings. */
static void
networks_do_not_meet_at_a_proxy(void **state)
{
	struct rig_text text = proxy_with(PROXY(""));
	struct rig *r;

	(void)state;
	text.red = PROXY(", \"check_locators\": false");
	r = proxy_make(&text, RIG_FAR);
	/* In, of the other network: where the EID is there is not known. */
	comes(r, (struct rig_want){.vn = RED, .mark = 1});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 1);
	comes(r, (struct rig_want){.mark = 2});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].plain.header.vn, BLUE);
	/* Out: its gateway is another one, of the same address. */
	rig_forget(r);
	leaves(r, (struct rig_want){.vn = RED, .mark = 3});
	leaves(r, (struct rig_want){.mark = 4});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].vn, BLUE);
	assert_int_equal(r->sent[0].data[99], 4);
	arp_heard(r, ARP_REQUEST, GATEWAY, rig_machine(254), OUTSIDE, MAC_BROADCAST);
	assert_int_equal(r->sent_count, 1);
	arp_heard_in(r, RED, ARP_REPLY, GATEWAY, rig_machine(99), OUTSIDE,
		     (struct mac){{2, 0x56, 0x52, 0, 0, RED}});
	assert_int_equal(r->sent_count, 2);
	assert_int_equal(r->sent[1].vn, RED);
	assert_int_equal(r->sent[1].data[99], 3);
	assert_true(mac_equal(r->sent[1].mac, rig_machine(99)));
	rig_free(r);
}

/* Strangers have the proxy ask for any source; packets from outside find room all the same. */
static void
strangers_leave_room_to_ask(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);
	size_t asked;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		char from[32];

		snprintf(from, sizeof(from), "172.20.%u.%u", i / 250, 1 + i % 250);
		leaves(r, (struct rig_want){.from = from});
		r->message_count = 0;
	}
	for (unsigned i = 0; i < 100; i++) {
		char to[32];

		snprintf(to, sizeof(to), "172.16.1.%u", 1 + i);
		comes(r, (struct rig_want){.to = to});
	}
	asked = rig_count(r, LISP_MAP_REQUEST, NULL);
	assert_int_equal(asked, 100);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_leaves_goes_to_the_gateway_or_to_a_neighbour),
		cmocka_unit_test(without_a_gateway_only_neighbours_are_reached),
		cmocka_unit_test(a_source_that_is_not_known_yet_is_asked_for),
		cmocka_unit_test(a_source_of_which_nobody_knows_is_refused),
		cmocka_unit_test(a_source_that_comes_from_elsewhere_is_asked_for_anew),
		cmocka_unit_test(what_may_not_leave_is_refused),
		cmocka_unit_test(a_pitr_alone_lets_nothing_out),
		cmocka_unit_test(the_prefix_alone_may_be_enough),
		cmocka_unit_test(what_peers_let_out_needs_no_mapping),
		cmocka_unit_test(a_mapping_counts_for_what_comes_sealed),
		cmocka_unit_test(networks_do_not_meet_at_a_proxy),
		cmocka_unit_test(strangers_leave_room_to_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
