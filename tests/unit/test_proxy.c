/* A proxy: what comes from outside, what is let out, and the routers that use one. */
#include "tests/unit/proxy_rig.h"

static void
what_comes_from_outside_waits_for_the_mapping_and_is_sent_there(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);
	struct lisp_msg asked;

	(void)state;
	comes(r, (struct rig_want){.mark = 7});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, &asked), 1);
	/* A PITR says that it is one, and has no EID as source (RFC 9301 section 5.2). */
	assert_true(asked.request.pitr);
	assert_int_equal(asked.request.source.kind, LISP_EID_NONE);
	rig_answer(r, (struct rig_answer){.prefix = "172.16.0.0/16", .rlocs = {{RIG_FAR, 1, 100}}});
	comes(r, (struct rig_want){.mark = 8});
	assert_int_equal(r->sent_count, 2);
	for (uint8_t i = 0; i < 2; i++) {
		assert_int_equal(r->sent[i].way, TO_PLAIN);
		assert_true(addr_equal(r->sent[i].plain.rloc.addr, addr_of(RIG_FAR)));
		assert_int_equal(r->sent[i].plain.header.vn, BLUE);
		assert_int_equal(r->sent[i].data[99], 7 + i);
		/* A router like any other. */
		assert_int_equal(r->sent[i].data[8], 63);
	}
	assert_int_equal(r->vr->sites[0].taken_in, 2);
	rig_free(r);
}

/* What a router of ours has is known without asking, also after a move; its session seals it. */
static void
what_a_peer_has_goes_to_the_peer(void **state)
{
	const struct rig_text text = proxy_with(
		PROXY("") ", \"mobile\": [{\"prefix\": \"10.2.0.0/24\", \"hosts\": [\"b\", "
			  "\"c\"]}]");
	struct rig *r = proxy_make(&text, NULL);

	(void)state;
	rig_there(r, 0, "10.2.0.5", 1, false);
	comes(r, (struct rig_want){.to = "10.2.0.5"});
	rig_there(r, 1, "10.2.0.5", 2, false);
	comes(r, (struct rig_want){.to = "10.2.0.5"});
	assert_int_equal(r->sent_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(r->sent[i].way, TO_PEER);
		assert_int_equal(r->sent[i].slot, r->slots[i]);
		assert_int_equal(r->sent[i].flags, 0);
	}
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 0);
	rig_free(r);
}

static void
what_is_not_served_is_refused(void **state)
{
	static const char *const to[] = {"10.3.0.5", "10.1.0.5", "203.0.113.1", CLIENT, "8.8.8.8"};
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(to); i++) {
		uint64_t before = rig_drops(r, DROP_PROXY_PREFIX);

		rig_forget(r);
		rig_run(r, US_S);
		comes(r, (struct rig_want){.to = to[i]});
		drops_one(r, DROP_PROXY_PREFIX, before, i);
		/* Its sender is told; nobody is asked. */
		assert_int_equal(r->sent_count, 1);
		assert_int_equal(r->sent[0].way, TO_LAN);
		assert_int_equal(rig_error(&r->sent[0]), UNREACHABLE_NET);
		assert_true(mac_equal(r->sent[0].mac, rig_machine(10)));
		assert_int_equal(r->message_count, 0);
	}
	rig_free(r);
}

static void
a_petr_alone_takes_nothing_in(void **state)
{
	const struct rig_text text = proxy_with(PROXY(", \"ingress\": false"));
	struct rig *r = proxy_make(&text, NULL);

	(void)state;
	comes(r, (struct rig_want){.mark = 1});
	assert_int_equal(rig_drops(r, DROP_PROXY_PREFIX), 1);
	assert_int_equal(r->message_count, 0);
	rig_free(r);
}

/* EIDs, whether served or only known; what no machine has; the router itself. */
static void
a_source_that_cannot_be_outside_is_refused(void **state)
{
	static const char *const from[] = {EID,         "10.2.0.9",  "10.3.0.9",        "0.0.0.0",
					   "127.0.0.1", "224.0.0.1", "255.255.255.255", OUTSIDE};
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(from); i++) {
		uint64_t before = rig_drops(r, DROP_PROXY_OUTSIDE);

		comes(r, (struct rig_want){.from = from[i]});
		drops_one(r, DROP_PROXY_OUTSIDE, before, i);
	}
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(r->message_count, 0);
	rig_free(r);
}

/* The outside has it from a router that believes in the proxy: sent back it would come again. */
static void
what_is_no_eid_is_never_sent_back_outside(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);

	(void)state;
	comes(r, (struct rig_want){.mark = 1});
	rig_answer(r,
		   (struct rig_answer){.prefix = "172.16.0.0/12", .action = LISP_NATIVE_FORWARD});
	rig_run(r, US_S);
	comes(r, (struct rig_want){.mark = 2});
	assert_int_equal(rig_drops(r, DROP_NEGATIVE), 2);
	assert_int_equal(r->sent_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(rig_error(&r->sent[i]), UNREACHABLE_NET);
	rig_free(r);
}

static void
hops_and_sizes_are_those_of_a_router(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	comes(r, (struct rig_want){.ttl = 1});
	assert_int_equal(rig_drops(r, DROP_TTL), 1);
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(rig_error(&r->sent[0]), TIME_EXCEEDED);
	/* The router's own address outside. */
	assert_memory_equal(r->sent[0].data + 12, addr_of(OUTSIDE).b, 4);
	rig_forget(r);
	comes(r, (struct rig_want){.size = MTU + 1, .df = true});
	assert_int_equal(rig_drops(r, DROP_TOO_BIG), 1);
	assert_int_equal(rig_error(&r->sent[0]), TOO_BIG);
	assert_int_equal(packet_get16(r->sent[0].data + 26), MTU);
	rig_forget(r);
	comes(r, (struct rig_want){.size = MTU + 1});
	assert_int_equal(r->sent_count, 2);
	rig_free(r);
}

static void
only_frames_for_the_router_are_taken(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);
	struct eth eth = {.dst = rig_machine(77), .src = rig_machine(10), .type = ETH_IP4};
	struct rig_want want = {.from = CLIENT, .to = EID};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct frame f;
		uint8_t *bytes = rig_packet(&want, &f);

		f.data -= ETH_SIZE;
		f.size += ETH_SIZE;
		eth_build(&eth, f.data);
		vr_lan_frame(r->vr, BLUE, &f, r->now);
		rig_step(r);
		free(bytes);
		assert_int_equal(rig_drops(r, DROP_MULTICAST), i);
		eth.dst = MAC_BROADCAST;
	}
	assert_int_equal(r->sent_count, 0);
	rig_free(r);
}

/* An SMR is followed: the next packet goes straight to where the EID is now. */
static void
a_machine_that_moves_is_followed(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);
	struct lisp_msg asked, msg = {.type = LISP_MAP_REQUEST, .nonce = 5};
	struct lisp_asked about = {.eid = lisp_eid_make(BLUE, prefix_host(addr_of(EID)), false)};
	struct lisp_rloc itr = lisp_rloc_make(addr_of(OTHER));
	struct endpoint from = endpoint_of(OTHER, LISP_CONTROL_PORT);
	struct lisp_builder b;
	uint8_t data[256];
	int size;

	(void)state;
	msg.request.smr = true;
	msg.request.source = about.eid;
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_itr(&b, &itr);
	lisp_put_asked(&b, &about);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_true(mapsys_heard(r->vr, &from, data, (size_t)size, r->now));
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, &asked), 1);
	assert_true(asked.request.smr_invoked && asked.request.pitr);
	rig_answer(r, (struct rig_answer){.prefix = EID "/32", .rlocs = {{OTHER, 1, 100}}});
	comes(r, (struct rig_want){.mark = 1});
	assert_int_equal(r->sent_count, 1);
	assert_true(addr_equal(r->sent[0].plain.rloc.addr, addr_of(OTHER)));
	rig_free(r);
}

/* Nothing outside is an EID: nothing is registered, told or known of it, and nobody is answered about EIDs. */
static void
nothing_is_said_of_the_outside(void **state)
{
	struct rig *r = rig_make(&proxy);
	struct lisp_msg msg;

	(void)state;
	arp_heard(r, ARP_REQUEST, NEAR, rig_machine(9), OUTSIDE, MAC_BROADCAST);
	comes(r, (struct rig_want){.from = NEAR});
	rig_asks(r, "198.51.100.7", OUTSIDE);
	rig_asks(r, "198.51.100.7", NEAR);
	rig_asks(r, "198.51.100.7", "10.2.0.5");
	rig_run(r, 120 * US_S);
	assert_int_equal(rig_count(r, LISP_MAP_REGISTER, &msg), 0);
	assert_int_equal(rig_count(r, LISP_MAP_REPLY, &msg), 0);
	assert_null(hwdt_find(r->vr->hwdt, BLUE, addr_of(NEAR)));
	assert_null(hwdt_find(r->vr->hwdt, BLUE, addr_of(OUTSIDE)));
	for (size_t i = 0; i < r->sync_count; i++)
		assert_false(r->syncs[i].type == SYNC_DELTA && r->syncs[i].vn == BLUE);
	rig_free(r);
}

static void
the_proxy_answers_the_way_a_packet_came(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	leaves(r, (struct rig_want){.to = OUTSIDE, .echo = true});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_PLAIN);
	assert_int_equal(r->sent[0].data[20], 0);
	comes(r, (struct rig_want){.to = OUTSIDE, .echo = true});
	assert_int_equal(r->sent_count, 2);
	assert_int_equal(r->sent[1].way, TO_LAN);
	/* A narrow outside. */
	vr_lan_changed(r->vr, BLUE, own, 1000, true, r->now);
	leaves(r, (struct rig_want){.size = 1400, .df = true});
	assert_int_equal(r->sent_count, 3);
	assert_int_equal(r->sent[2].way, TO_PLAIN);
	assert_int_equal(rig_error(&r->sent[2]), TOO_BIG);
	assert_int_equal(packet_get16(r->sent[2].data + 26), 1000);
	rig_free(r);
}

/* ---- neighbours ---- */

static void
arp_is_answered_for_own_addresses_only(void **state)
{
	static const struct {
		const char *from, *to;
		bool answered;
	} cases[] = {{NEAR, OUTSIDE, true},
		     {NEAR, EID, false},
		     {NEAR, "198.18.0.77", false},
		     {"0.0.0.0", OUTSIDE, true},
		     {"203.0.113.1", OUTSIDE, true}};
	struct rig *r = rig_make(&proxy);
	size_t known = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		rig_forget(r);
		arp_heard(r, ARP_REQUEST, cases[i].from, rig_machine(9), cases[i].to,
			  MAC_BROADCAST);
		assert_int_equal(r->arp_count, cases[i].answered);
		if (cases[i].answered) {
			assert_int_equal(r->arps[0].op, ARP_REPLY);
			assert_true(mac_equal(r->arps[0].sha, own));
			assert_true(addr_equal(r->arps[0].spa, addr_of(OUTSIDE)));
		}
		/* Who is on the link, and nobody else, is a neighbour. */
		known += i == 0;
		assert_int_equal(outside_count(r->vr->sites[0].outside), known);
	}
	/* Somebody else has it: that is counted, and said again that it is the router's. */
	rig_forget(r);
	arp_heard(r, ARP_REQUEST, OUTSIDE, rig_machine(9), OUTSIDE, MAC_BROADCAST);
	assert_int_equal(rig_drops(r, DROP_ADDRESS_TAKEN), 1);
	assert_int_equal(r->arp_count, 1);
	assert_true(addr_equal(r->arps[0].spa, addr_of(OUTSIDE)));
	rig_free(r);
}

static void
a_neighbour_that_falls_silent_is_asked_and_forgotten(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);
	size_t asked = 0;

	(void)state;
	rig_run(r, OUTSIDE_STALE + US_S);
	/* A packet of its own says that it lives. */
	comes(r, (struct rig_want){.from = GATEWAY});
	rig_forget(r);
	leaves(r, (struct rig_want){.mark = 1});
	assert_int_equal(r->arp_count, 0);
	rig_run(r, OUTSIDE_STALE + US_S);
	for (unsigned i = 0; i < 20 && outside_count(r->vr->sites[0].outside) > 0; i++) {
		leaves(r, (struct rig_want){.mark = 1});
		asked += r->arp_count;
		r->arp_count = 0;
		rig_run(r, 500 * US_MS);
	}
	/* Unicast three times, then by broadcast. */
	assert_int_equal(outside_count(r->vr->sites[0].outside), 0);
	assert_int_equal(asked, OUTSIDE_TRIES + 1);
	arp_answered(r, GATEWAY);
	assert_int_equal(outside_count(r->vr->sites[0].outside), 1);
	/* Another card in the same machine. */
	arp_heard(r, ARP_REQUEST, GATEWAY, rig_machine(77), GATEWAY, MAC_BROADCAST);
	rig_forget(r);
	leaves(r, (struct rig_want){.mark = 1});
	assert_true(mac_equal(r->sent[0].mac, rig_machine(77)));
	/* A device that comes back may stand in another network. */
	vr_lan_changed(r->vr, BLUE, own, 1500, false, r->now);
	vr_lan_changed(r->vr, BLUE, own, 1500, true, r->now);
	assert_int_equal(outside_count(r->vr->sites[0].outside), 0);
	rig_free(r);
}

static void
neighbours_are_bounded(void **state)
{
	const struct rig_text text =
		proxy_with("\"addresses\": [\"198.18.0.1/15\"], \"lisp\": {\"use\": true}, "
			   "\"proxy\": {\"prefixes\": [\"172.16.0.0/12\"]}");
	struct rig *r = rig_make(&text);

	(void)state;
	for (unsigned i = 2; i < 20000; i++) {
		char from[32];

		snprintf(from, sizeof(from), "198.18.%u.%u", i / 256, i % 256);
		arp_heard(r, ARP_REQUEST, from, rig_machine(9), OUTSIDE, MAC_BROADCAST);
	}
	assert_int_equal(outside_count(r->vr->sites[0].outside), OUTSIDE_MAX);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_from_outside_waits_for_the_mapping_and_is_sent_there),
		cmocka_unit_test(what_a_peer_has_goes_to_the_peer),
		cmocka_unit_test(what_is_not_served_is_refused),
		cmocka_unit_test(a_petr_alone_takes_nothing_in),
		cmocka_unit_test(a_source_that_cannot_be_outside_is_refused),
		cmocka_unit_test(what_is_no_eid_is_never_sent_back_outside),
		cmocka_unit_test(hops_and_sizes_are_those_of_a_router),
		cmocka_unit_test(only_frames_for_the_router_are_taken),
		cmocka_unit_test(a_machine_that_moves_is_followed),
		cmocka_unit_test(nothing_is_said_of_the_outside),
		cmocka_unit_test(the_proxy_answers_the_way_a_packet_came),
		cmocka_unit_test(arp_is_answered_for_own_addresses_only),
		cmocka_unit_test(a_neighbour_that_falls_silent_is_asked_and_forgotten),
		cmocka_unit_test(neighbours_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
