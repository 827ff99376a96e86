/* One router that is asked too much, and what it keeps. */
#include "tests/unit/vr_world.h"

#include <time.h>

static void
the_native_router_is_asked_for_until_it_is_known(void **state)
{
	struct world *w = world_make();
	unsigned asked;

	(void)state;
	w->vn.native_gateway = ip("10.1.0.254");
	world_start(w);
	assert_int_equal(w->arp.op, ARP_REQUEST);
	assert_true(addr_equal(w->arp.tpa, ip("10.1.0.254")));
	asked = w->arps;
	run(w, 61 * US_S);
	assert_int_equal(w->arps, asked + 1);
	say_arp(w, native, "10.1.0.254", "10.1.0.1");
	asked = w->arps;
	run(w, 61 * US_S);
	assert_int_equal(w->arps, asked);
	world_end(w);
}

/* The answer to the first probe may be the first that the machine says at all. */
static void
an_answer_to_a_probe_confirms_a_move(void **state)
{
	struct world *w = world_standard();
	struct arp rarp = {.eth_dst = MAC_BROADCAST,
			   .eth_src = vm,
			   .op = RARP_REQUEST,
			   .sha = vm,
			   .tha = vm,
			   .spa = ip("0.0.0.0"),
			   .tpa = ip("0.0.0.0")};
	uint8_t frame[ETH_FRAME_MIN];
	const struct report *r;

	(void)state;
	peer_says(w, 0, "10.1.0.5", vm, 1, false);
	arp_build(&rarp, frame);
	vr_lan_control(w->vr, VN, frame, sizeof(frame), false, w->now);
	r = reports_last(w->vr->reports, VN, ip("10.1.0.5"));
	assert_non_null(r);
	run(w, 40 * US_MS);
	assert_int_equal(r->confirmed, 0);
	answer_probe(w, vm, "10.1.0.5");
	assert_int_equal(r->confirmed, w->now);
	assert_false(presence_has(w->vr->presence, PRESENCE_CONFIRM, VN, ip("10.1.0.5")));
	world_end(w);
}

/* It resumed here when its migration to B had failed; now another one, to C, has failed too. */
static void
a_doubt_follows_the_machine_to_its_next_owner(void **state)
{
	struct world *w = world_standard();

	(void)state;
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	run(w, US_S);
	peer_says(w, 0, "10.1.0.5", vm, 2, false);
	run(w, 200 * US_MS);
	say_arp(w, vm, "10.1.0.5", "10.1.0.6");
	run(w, 10 * US_MS);
	answer_probe(w, vm, "10.1.0.5");
	peer_says(w, 1, "10.1.0.5", vm, 3, false);
	/* What B says does not matter any more: C has it, and may well be right. */
	peer_sees(w, 0, "10.1.0.5", false);
	assert_int_equal(entry(w, "10.1.0.5")->b.vr.v, peer_c.v);
	run(w, 10 * US_MS);
	answer_probe(w, vm, "10.1.0.5");
	peer_sees(w, 1, "10.1.0.5", false);
	assert_int_equal(entry(w, "10.1.0.5")->b.vr.v, self.v);
	assert_int_equal(entry(w, "10.1.0.5")->b.mobility, 4);
	world_end(w);
}

static void
hellos_have_the_digests_of_all_vns(void **state)
{
	struct world *w = world_make();
	struct conf_vn *vns = calloc(40, sizeof(*vns));
	struct conf_peer_vn *peer_vns = calloc(40, sizeof(*peer_vns));
	struct mac macs[40];
	uint16_t mtus[40];
	struct vr_start start = {.self = self,
				 .io = &io,
				 .ctx = w,
				 .boot = 1,
				 .macs = macs,
				 .mtus = mtus,
				 .peer_ids = w->ids};

	(void)state;
	assert_true(vns != NULL && peer_vns != NULL);
	for (unsigned i = 0; i < 40; i++) {
		vns[i] = w->vn;
		vns[i].id = peer_vns[i].id = VN + i;
		vns[i].address_count = 0;
		macs[i] = router_mac;
		mtus[i] = 1500;
	}
	w->conf.vns = vns;
	w->conf.vn_count = 40;
	w->conf.peer_count = 1;
	w->peers[0].vns = peer_vns;
	w->peers[0].vn_count = 40;
	w->vn_count = 40;
	start.log = log_create(LOG_ERROR, NULL);
	assert_int_equal(vr_create(&w->conf, &start, w->now, w->slots, &w->vr), 0);
	vr_link_session(w->vr, w->slots[0], true, w->now);
	assert_int_equal(w->sync.hello.count, SYNC_VNS_MAX);
	/* They take turns. */
	vr_link_session(w->vr, w->slots[0], true, w->now);
	assert_int_equal(w->sync.hello.digests[0].vn, VN + SYNC_VNS_MAX);
	assert_int_equal(w->sync.hello.digests[7].vn, VN + 39);
	world_end(w);
	free(vns);
	free(peer_vns);
}

/* An echo is the peer's number: one that cannot be is no measurement, and harms nothing. */
static void
an_impossible_echo_is_no_measurement(void **state)
{
	static const uint64_t echoes[] = {0, UINT64_MAX, (uint64_t)1 << 63, INT64_MAX};
	struct world *w = world_standard();
	struct sync_msg hello = {.type = SYNC_HELLO, .hello = {.boot = 1, .sent = 2}};
	us_t before = peers_at(w->vr->peers, w->slots[0])->rtt;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(echoes); i++) {
		hello.hello.echo = echoes[i];
		hello.hello.echo_age = UINT32_MAX;
		hear(w, 0, &hello);
		assert_int_equal(peers_at(w->vr->peers, w->slots[0])->rtt, before);
	}
	hello.hello.echo = (uint64_t)w->now - 7000;
	hello.hello.echo_age = 2000;
	hear(w, 0, &hello);
	assert_int_equal(peers_at(w->vr->peers, w->slots[0])->rtt, 5000);
	world_end(w);
}

/* A peer asks about every address that there is; another one has a real question. */
static void
a_flood_of_questions_leaves_room_for_others(void **state)
{
	struct world *w = world_standard();
	struct sync_msg msg = {.type = SYNC_PRESENCE, .vn = VN, .presence = {.ip = ip("10.1.0.2")}};
	unsigned before = w->arps;

	(void)state;
	for (unsigned i = 2; i < 250; i++) {
		msg.presence.ip.b[3] = (uint8_t)i;
		hear(w, 0, &msg);
	}
	(void)vr_run(w->vr, w->now);
	assert_int_equal(w->arps, before + PRESENCE_ASKED_MAX);
	hear(w, 1, &msg);
	(void)vr_run(w->vr, w->now);
	assert_int_equal(w->arps, before + PRESENCE_ASKED_MAX + 1);
	assert_true(addr_equal(w->arp.tpa, msg.presence.ip));
	run(w, US_S);
	world_end(w);
}

static void
a_scan_leaves_room_for_a_rarp(void **state)
{
	struct world *w = world_standard();
	struct arp rarp = {
		.eth_dst = MAC_BROADCAST, .eth_src = vm, .op = RARP_REQUEST, .sha = vm, .tha = vm};
	uint8_t frame[ETH_FRAME_MIN];
	char text[16];

	(void)state;
	say_arp(w, native, "10.1.0.6", "10.1.0.6");
	for (unsigned i = 10; i < 200; i++) {
		snprintf(text, sizeof(text), "10.1.0.%u", i);
		say_arp(w, native, "10.1.0.6", text);
	}
	assert_int_not_equal(w->sync.query.by_mac, true);
	arp_build(&rarp, frame);
	vr_lan_control(w->vr, VN, frame, sizeof(frame), false, w->now);
	assert_int_equal(w->sync.type, SYNC_QUERY);
	assert_true(w->sync.query.by_mac && mac_equal(w->sync.query.mac, vm));
	/* Nobody has a group's MAC. */
	rarp.tha = MAC_BROADCAST;
	arp_build(&rarp, frame);
	vr_lan_control(w->vr, VN, frame, sizeof(frame), false, w->now);
	assert_int_equal(w->vr->drops[DROP_ARP_MALFORMED], 1);
	world_end(w);
}

static void
an_address_that_is_the_routers_no_more_is_taken_back(void **state)
{
	struct world *w = world_standard();
	struct conf conf = w->conf;
	struct conf_vn vn = w->vn;
	struct binding gateway = entry(w, "10.1.0.1")->b;

	(void)state;
	vn.address_count = 0;
	conf.vns = &vn;
	assert_int_equal(gateway.kind, BINDING_GATEWAY);
	assert_int_equal(vr_reload(w->vr, &conf, w->ids, w->now), 0);
	assert_true(entry(w, "10.1.0.1")->b.withdrawn);
	run(w, 10 * US_MS);
	assert_true(w->sync.type == SYNC_DELTA && w->sync.delta.bindings[0].withdrawn);
	/* Nor does it come back from the state file. */
	vr_unbind(w->vr, VN, gateway.ip, w->now);
	vr_recall(w->vr, &gateway, w->now);
	assert_null(entry(w, "10.1.0.1"));
	assert_int_equal(vr_reload(w->vr, &w->conf, w->ids, w->now), 0);
	assert_false(entry(w, "10.1.0.1")->b.withdrawn);
	world_end(w);
}

static void
the_routers_own_address_stays_in_a_full_table(void **state)
{
	struct world *w = world_make();
	char text[16];

	(void)state;
	w->conf.hwdt_max = 16;
	world_start(w);
	for (unsigned i = 10; i < 40; i++) {
		snprintf(text, sizeof(text), "10.1.0.%u", i);
		say_arp(w, (struct mac){{2, 0, 0, 0, 0, (uint8_t)i}}, text, text);
	}
	run(w, 61 * US_S);
	assert_non_null(entry(w, "10.1.0.1"));
	for (unsigned i = 10; i < 14; i++) {
		snprintf(text, sizeof(text), "10.2.0.%u", i);
		peer_says(w, 0, text, (struct mac){{2, 0, 0, 0, 1, (uint8_t)i}}, 1, false);
		assert_non_null(entry(w, text));
	}
	assert_int_equal(hwdt_stats(w->vr->hwdt).evicted, 4);
	assert_non_null(entry(w, "10.1.0.1"));
	world_end(w);
}

/* What moves may come from many subnets: an aggregate that spans them is none. */
static void
the_routers_own_address_is_defended_against_a_machine_that_uses_it(void **state)
{
	struct world *w = world_make();
	uint64_t cursor;
	struct change c;
	uint64_t missed;

	(void)state;
	world_start(w);
	run(w, US_S);
	cursor = change_next_number(w->vr->feed);
	w->said_count = 0;
	/* Its neighbours have just taken it for the gateway. */
	say_arp(w, vm, "10.1.0.1", "10.1.0.1");
	assert_int_equal(w->said_count, 1);
	assert_int_equal(w->said[0], 'G');
	assert_true(addr_equal(w->arp.spa, ip("10.1.0.1")));
	assert_true(mac_equal(w->arp.sha, router_mac));
	assert_true(change_read(w->vr->feed, &cursor, &c, &missed));
	assert_int_equal(c.kind, CHANGE_ALARM);
	assert_true(addr_equal(c.ip, ip("10.1.0.1")) && mac_equal(c.mac, vm));
	/* Not as often as the other likes, but again. */
	for (unsigned i = 0; i < 99; i++) {
		run(w, 100 * US_MS);
		say_arp(w, vm, "10.1.0.1", "10.1.0.5");
	}
	assert_int_equal(w->said_count, 1);
	assert_false(change_read(w->vr->feed, &cursor, &c, &missed));
	run(w, 200 * US_MS);
	say_arp(w, vm, "10.1.0.1", "10.1.0.1");
	assert_int_equal(w->said_count, 2);
	assert_int_equal(w->vr->drops[DROP_ADDRESS_TAKEN], 101);
	assert_true(mac_equal(hwdt_find(w->vr->hwdt, VN, ip("10.1.0.1"))->b.mac, router_mac));
	world_end(w);
}

static void
count_kept(void *ctx, const struct binding *b)
{
	uint8_t *seen = ctx;

	if (b->kind == BINDING_HOST)
		seen[b->ip.b[3]]++;
}

/* The table changes between two steps: what is there all the time is found, once. */
static void
what_must_be_kept_is_gathered_in_steps(void **state)
{
	struct world *w = world_standard();
	uint8_t seen[256] = {0};
	size_t position = 0;
	unsigned steps = 1;
	char eid[16];

	(void)state;
	peer_says(w, 0, "10.2.0.200", native, 1, false);
	for (unsigned i = 10; i < 110; i++) {
		snprintf(eid, sizeof(eid), "10.1.0.%u", i);
		say_arp(w, (struct mac){{2, 0, 0, 0, 0, (uint8_t)i}}, eid, eid);
	}
	while (!vr_keep(w->vr, &position, 7, count_kept, seen)) {
		if (++steps == 5) {
			vr_unbind(w->vr, VN, ip("10.1.0.11"), w->now);
			vr_unbind(w->vr, VN, ip("10.1.0.100"), w->now);
			say_arp(w, vm, "10.1.0.5", "10.1.0.5");
		}
	}
	assert_true(steps > 100 / 7);
	for (unsigned i = 10; i < 110; i++)
		assert_int_equal(seen[i], i != 100);
	assert_int_equal(seen[200], 0);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_native_router_is_asked_for_until_it_is_known),
		cmocka_unit_test(an_answer_to_a_probe_confirms_a_move),
		cmocka_unit_test(a_doubt_follows_the_machine_to_its_next_owner),
		cmocka_unit_test(hellos_have_the_digests_of_all_vns),
		cmocka_unit_test(an_impossible_echo_is_no_measurement),
		cmocka_unit_test(a_flood_of_questions_leaves_room_for_others),
		cmocka_unit_test(a_scan_leaves_room_for_a_rarp),
		cmocka_unit_test(an_address_that_is_the_routers_no_more_is_taken_back),
		cmocka_unit_test(the_routers_own_address_stays_in_a_full_table),
		cmocka_unit_test(what_must_be_kept_is_gathered_in_steps),
		cmocka_unit_test(
			the_routers_own_address_is_defended_against_a_machine_that_uses_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
