/* One network, or one peer, that wants everything: the others get their share, and what is refused is counted. */
#include "tests/unit/vr_world.h"

#include "vr/limits.h"
#include "vr/neigh.h"

#define OTHER (VN + 1)

static struct world *
world_of_two(void)
{
	struct world *w = world_make();

	world_start_vns(w, 2);
	return w;
}

static struct mac
mac_number(unsigned i)
{
	return (struct mac){{2, 9, 9, 9, (uint8_t)(i >> 8), (uint8_t)i}};
}

static void
unknown_rarps(struct world *w, vn_id_t vn, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		say_rarp(w, vn, mac_number(i));
}

/* Is the machine's RARP asked about, and does it move with the answer? */
static void
expect_resolved(struct world *w)
{
	struct sync_msg answer = {.type = SYNC_ANSWER, .id = 1, .vn = VN};

	answer.answer.count = 1;
	answer.answer.bindings[0] =
		(struct sync_binding){.ip = ip("10.1.0.5"), .mac = vm, .mobility = 1};
	hear(w, 0, &answer);
	assert_non_null(entry(w, "10.1.0.5"));
	assert_int_equal(entry(w, "10.1.0.5")->b.vr.v, self.v);
}

static void
a_rarp_is_asked_about_however_many_came_before(void **state)
{
	struct world *w = world_of_two();
	unsigned asked;

	(void)state;
	unknown_rarps(w, VN, 70);
	assert_int_equal(w->sync_sent[SYNC_QUERY], 140);
	asked = w->sync_sent[SYNC_QUERY];
	say_rarp(w, VN, vm);
	assert_int_equal(w->sync_sent[SYNC_QUERY], asked + 2);
	assert_true(w->sync.query.by_mac && mac_equal(w->sync.query.mac, vm));
	assert_int_equal(w->vr->drops[DROP_QUERY_FULL], 7);
	expect_resolved(w);
	world_end(w);
}

static void
rarps_of_another_network_end_nothing_here(void **state)
{
	struct world *w = world_of_two();

	(void)state;
	say_rarp(w, VN, vm);
	unknown_rarps(w, OTHER, 300);
	expect_resolved(w);
	world_end(w);
}

/* Each is a message to everybody. */
static void
a_flood_of_rarps_is_not_a_flood_of_questions(void **state)
{
	struct world *w = world_of_two();
	uint64_t refused;

	(void)state;
	unknown_rarps(w, VN, 5000);
	assert_in_range(w->sync_sent[SYNC_QUERY], 2 * 256, 2 * 400);
	refused = w->vr->drops[DROP_QUERY_FULL];
	assert_in_range(refused, 4600, 5000);
	/* Later the question is asked all the same. */
	w->now += 50 * US_MS;
	say_rarp(w, VN, vm);
	expect_resolved(w);
	world_end(w);
}

static void
scan(struct world *w, vn_id_t vn)
{
	char text[32];

	say_arp_in(w, vn, native, "10.1.0.6", "10.1.0.6");
	for (unsigned i = 10; i < 200; i++) {
		snprintf(text, sizeof(text), "10.1.0.%u", i);
		say_arp_in(w, vn, native, "10.1.0.6", text);
	}
}

static void
a_scan_of_another_network_leaves_room_for_questions(void **state)
{
	struct world *w = world_of_two();
	unsigned asked;

	(void)state;
	scan(w, OTHER);
	asked = w->sync_sent[SYNC_QUERY];
	/* The scan's 64 rows and not one more. */
	assert_int_equal(asked, 2 * VR_QUERIES);
	assert_int_equal(w->vr->drops[DROP_QUERY_FULL], 190 - VR_QUERIES);
	say_arp(w, native, "10.1.0.6", "10.1.0.7");
	assert_int_equal(w->sync_sent[SYNC_QUERY], asked + 2);
	assert_int_equal(w->sync.vn, VN);
	assert_true(addr_equal(w->sync.query.ip, ip("10.1.0.7")));
	/* And then it is as full for this network as for the other one. */
	scan(w, VN);
	assert_in_range(w->sync_sent[SYNC_QUERY], asked + 2 * 31, asked + 2 * 33);
	world_end(w);
}

static void
send_in(struct world *w, vn_id_t vn, const char *src, const char *dst)
{
	struct seal_inner inner = {.vn = vn, .hops = 3};
	uint8_t bytes[FRAME_HEADROOM + 64];
	struct frame f = {.data = bytes + FRAME_HEADROOM, .size = 64};

	make_packet(f.data, src, dst, 64, true);
	vr_link_data(w->vr, w->slots[0], &inner, &f, w->now);
}

static void
packets_that_wait_for_arp_in_another_network_keep_none_out(void **state)
{
	struct world *w = world_of_two();
	char text[32];

	(void)state;
	send_in(w, VN, "10.2.0.9", "10.1.0.6");
	for (unsigned i = 10; i < 250; i++) {
		snprintf(text, sizeof(text), "10.1.0.%u", i);
		send_in(w, OTHER, "10.2.0.9", text);
	}
	assert_int_equal(w->vr->drops[DROP_ARP_PENDING], 240 + 1 - NEIGH_WAITING_MAX);
	send_in(w, VN, "10.2.0.9", "10.1.0.7");
	say_arp(w, native, "10.1.0.6", "10.1.0.1");
	assert_int_equal(w->lan_sent, 1);
	say_arp(w, vm, "10.1.0.7", "10.1.0.1");
	assert_int_equal(w->lan_sent, 2);
	/* In its own one, the newest waits. */
	say_arp_in(w, OTHER, mac_number(1), "10.1.0.249", "10.1.0.1");
	assert_int_equal(w->lan_sent, 3);
	run(w, 2 * US_S);
	assert_int_equal(w->vr->drops[DROP_ARP_PENDING] + w->vr->drops[DROP_ARP_TIMEOUT], 242 - 3);
	world_end(w);
}

/* Packets that wait for one destination until none is taken any more. */
static unsigned
fill(struct world *w, vn_id_t vn, uint8_t *bytes, size_t size, const char *to)
{
	uint64_t before = w->vr->drops[DROP_ARP_PENDING];
	struct frame f = {.data = bytes, .size = size};
	unsigned count = 0;

	for (; count < NEIGH_PACKETS_MAX; count++) {
		neigh_wait(w->vr, vr_site(w->vr, vn), ip(to), &f, w->now);
		if (w->vr->drops[DROP_ARP_PENDING] > before)
			break;
	}
	return count;
}

static void
super_frames_of_another_network_leave_room_for_bytes(void **state)
{
	const size_t size = 65000;
	struct world *w = world_of_two();
	uint8_t *bytes = calloc(1, size);
	unsigned first, second;

	(void)state;
	assert_non_null(bytes);
	first = fill(w, OTHER, bytes, size, "10.1.0.7");
	first += fill(w, OTHER, bytes, size, "10.1.0.8");
	assert_in_range(first, NEIGH_BYTES_MAX / 2 / size - 2, NEIGH_BYTES_MAX / 2 / size);
	/* As much for who comes later as half of what there is. */
	second = fill(w, VN, bytes, size, "10.1.0.7");
	assert_in_range(second, NEIGH_BYTES_MAX / 4 / size - 2, NEIGH_BYTES_MAX / 4 / size);
	/* And all of it comes back. */
	run(w, 2 * US_S);
	assert_int_equal(fill(w, OTHER, bytes, size, "10.1.0.7") +
				 fill(w, OTHER, bytes, size, "10.1.0.8"),
			 first);
	free(bytes);
	world_end(w);
}

/* Each is a broadcast on the LAN. */
static void
a_scan_of_a_lan_is_not_a_flood_of_arp(void **state)
{
	struct world *w = world_make();
	struct sync_msg query = {.type = SYNC_QUERY, .id = 1, .vn = VN};
	unsigned before;
	char text[32];

	(void)state;
	w->local = prefix("10.1.0.0/16");
	w->mobile.prefix = prefix("10.1.0.0/16");
	world_start(w);
	before = w->arps;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "10.1.%u.%u", i / 250 + 1, i % 250 + 1);
		send_in(w, VN, "10.2.0.9", text);
	}
	assert_int_equal(w->arps - before, NEIGH_WAITING_MAX + 256);
	assert_int_equal(w->vr->drops[DROP_ARP_PENDING], 5000 - NEIGH_WAITING_MAX);
	/* The same by asking for it. */
	before = w->arps;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "10.1.%u.%u", i / 250 + 1, i % 250 + 1);
		query.query.ip = ip(text);
		hear(w, 0, &query);
	}
	assert_int_equal(w->arps - before, 256);
	world_end(w);
}

/* Packets in the name of machines that it may have, but has not. */
static void
a_peer_that_speaks_for_many_leaves_room_for_questions(void **state)
{
	struct world *w = world_standard();
	char text[32];

	(void)state;
	say_arp(w, native, "10.1.0.6", "10.1.0.6");
	for (unsigned i = 10; i < 250; i++) {
		snprintf(text, sizeof(text), "10.1.0.%u", i);
		peer_sends(w, 0, text, "10.1.0.6", 100, true, 0);
	}
	assert_int_equal(w->sync_sent[SYNC_QUERY], VR_QUERIES / 4);
	assert_int_equal(w->vr->drops[DROP_QUERY_FULL], 240 - VR_QUERIES / 4);
	say_arp(w, native, "10.1.0.6", "10.1.0.7");
	assert_true(addr_equal(w->sync.query.ip, ip("10.1.0.7")));
	world_end(w);
}

static void
freeze(struct world *w, vn_id_t vn, const char *eid, struct mac mac)
{
	for (mobility_t i = 1; i <= 11; i++)
		peer_says_in(w, vn, i % 2, eid, mac, i, false);
}

static void
a_frozen_machine_stays_frozen_whatever_moves_elsewhere(void **state)
{
	struct world *w = world_of_two();
	char text[32];

	(void)state;
	freeze(w, VN, "10.1.0.5", vm);
	assert_true(limits_is_frozen(w->vr, VN, ip("10.1.0.5"), w->now));
	for (unsigned i = 10; i < 110; i++) {
		snprintf(text, sizeof(text), "10.1.0.%u", i);
		freeze(w, OTHER, text, mac_number(i));
		assert_true(limits_is_frozen(w->vr, OTHER, ip(text), w->now));
	}
	assert_int_equal(w->vr->frozen, 101);
	assert_true(limits_is_frozen(w->vr, VN, ip("10.1.0.5"), w->now));
	peer_says(w, 0, "10.1.0.5", vm, 20, false);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_FROZEN);
	run(w, 31 * US_S);
	assert_false(limits_is_frozen(w->vr, VN, ip("10.1.0.5"), w->now));
	world_end(w);
}

static void
the_limit_of_moves_may_be_any_number(void **state)
{
	struct world *w = world_make();

	(void)state;
	w->vn.freeze_moves = 1000;
	world_start(w);
	for (mobility_t i = 1; i <= 1000; i++)
		peer_says(w, i % 2, "10.1.0.5", vm, i, false);
	assert_int_equal(w->vr->frozen, 0);
	peer_says(w, 1, "10.1.0.5", vm, 1001, false);
	assert_int_equal(w->vr->frozen, 1);
	world_end(w);
}

/* 'moves' at this pace: frozen at the end? */
static bool
freezes_at_pace(unsigned moves, us_t pace)
{
	struct world *w = world_standard();
	bool frozen;

	for (mobility_t i = 1; i <= moves + 1; i++) {
		peer_says(w, i % 2, "10.1.0.5", vm, i, false);
		w->now += pace;
	}
	frozen = w->vr->frozen > 0;
	world_end(w);
	return frozen;
}

static void
moves_are_counted_over_the_last_seconds(void **state)
{
	(void)state;
	assert_true(freezes_at_pace(10, 0));
	assert_true(freezes_at_pace(10, US_S));
	assert_false(freezes_at_pace(9, US_S / 2));
	/* At nine in ten seconds for ever, and at eleven. */
	assert_false(freezes_at_pace(200, 10 * US_S / 9 + 1));
	assert_true(freezes_at_pace(200, 10 * US_S / 11));
}

static void
checks_of_another_network_leave_room_for_ours(void **state)
{
	struct world *w = world_of_two();
	uint64_t refused;
	struct addr at = ip("10.1.0.0");

	(void)state;
	for (unsigned i = 0; i < PRESENCE_CHECKS_MAX + 50; i++) {
		at.b[2] = (uint8_t)(i >> 8);
		at.b[3] = (uint8_t)i;
		presence_start(w->vr->presence, PRESENCE_DOUBT, OTHER, at, vm, peer_b, w->now);
	}
	refused = presence_refused(w->vr->presence);
	assert_int_equal(refused, 50);
	presence_start(w->vr->presence, PRESENCE_DOUBT, VN, ip("10.1.0.5"), vm, peer_b, w->now);
	assert_true(presence_has(w->vr->presence, PRESENCE_DOUBT, VN, ip("10.1.0.5")));
	assert_false(presence_has(w->vr->presence, PRESENCE_DOUBT, OTHER, ip("10.1.0.0")));
	assert_true(presence_has(w->vr->presence, PRESENCE_DOUBT, OTHER, ip("10.1.0.1")));
	assert_int_equal(presence_refused(w->vr->presence), refused + 1);
	world_end(w);
}

static void
tables_are_sent_so_often_only(void **state)
{
	struct world *w = world_standard();
	struct sync_msg pull = {.type = SYNC_PULL, .id = 1, .vn = VN};
	unsigned sent;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		hear(w, 0, &pull);
	sent = w->sync_sent[SYNC_TABLE];
	assert_in_range(sent, 1000, 1100);
	assert_int_equal(w->vr->drops[DROP_PULL_LIMIT], 5000 - sent);
	/* Others are not concerned, nor is the peer a little later. */
	hear(w, 1, &pull);
	assert_int_equal(w->sync_sent[SYNC_TABLE], sent + 1);
	run(w, 100 * US_MS);
	hear(w, 0, &pull);
	assert_int_equal(w->sync_sent[SYNC_TABLE], sent + 2);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rarp_is_asked_about_however_many_came_before),
		cmocka_unit_test(rarps_of_another_network_end_nothing_here),
		cmocka_unit_test(a_flood_of_rarps_is_not_a_flood_of_questions),
		cmocka_unit_test(a_scan_of_another_network_leaves_room_for_questions),
		cmocka_unit_test(packets_that_wait_for_arp_in_another_network_keep_none_out),
		cmocka_unit_test(super_frames_of_another_network_leave_room_for_bytes),
		cmocka_unit_test(a_scan_of_a_lan_is_not_a_flood_of_arp),
		cmocka_unit_test(a_peer_that_speaks_for_many_leaves_room_for_questions),
		cmocka_unit_test(a_frozen_machine_stays_frozen_whatever_moves_elsewhere),
		cmocka_unit_test(the_limit_of_moves_may_be_any_number),
		cmocka_unit_test(moves_are_counted_over_the_last_seconds),
		cmocka_unit_test(checks_of_another_network_leave_room_for_ours),
		cmocka_unit_test(tables_are_sent_so_often_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
