/* The reasons for which packets end at one router. */
#include "tests/unit/fwd_rig.h"

static void
what_a_session_does_not_take_is_counted_for_what_it_is(void **state)
{
	static const struct {
		int error;
		enum vr_drop reason;
	} rows[] = {
		{-ENOTCONN, DROP_NO_SESSION}, {-EMSGSIZE, DROP_TOO_BIG}, {-EINVAL, DROP_MALFORMED}};
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		w->link_result = rows[i].error;
		lan_sends(w, 5, (struct want){.from = "10.1.0.5", .to = "10.2.0.9", .size = 60});
		assert_int_equal(drops(w, rows[i].reason), 1);
	}
	/* An error of our own that does not leave is one, too. */
	w->link_result = -ENOTCONN;
	w->vr->sites[0].lan_mtu = 100;
	peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.5", .size = 200, .df = true});
	assert_int_equal(drops(w, DROP_NO_SESSION), 2);
	assert_int_equal(drops(w, DROP_TOO_BIG), 2);
	assert_int_equal(peers_at(w->vr->peers, w->slot)->tx_packets, 0);
	world_end(w);
}

/* With keys the peer has shown that it is there: its HELLO need not come first, but must come some day. */
static void
packets_go_as_soon_as_there_are_keys(void **state)
{
	struct world *w = world_make(plain);
	struct want want = {.from = "10.1.0.5", .to = "10.2.0.9", .size = 60};
	const struct peer *peer = peers_at(w->vr->peers, w->slot);

	(void)state;
	here(w, BLUE, 5);
	vr_link_session(w->vr, w->slot, false, w->now);
	lan_sends(w, 5, want);
	assert_int_equal(drops(w, DROP_PEER_DOWN), 1);
	assert_int_equal(peer->tx_packets, 0);
	w->now += US_S;
	vr_link_session(w->vr, w->slot, true, w->now);
	lan_sends(w, 5, want);
	assert_int_equal(peer->tx_packets, 1);
	w->now += w->vr->conf->dead_time - 1;
	(void)vr_run(w->vr, w->now);
	lan_sends(w, 5, want);
	assert_int_equal(peer->tx_packets, 2);
	w->now += 1;
	(void)vr_run(w->vr, w->now);
	lan_sends(w, 5, want);
	assert_int_equal(peer->tx_packets, 2);
	assert_int_equal(drops(w, DROP_PEER_DOWN), 2);
	world_end(w);
}

static void
what_the_lan_does_not_take_is_counted(void **state)
{
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	w->lan_result = -ENOBUFS;
	peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.5", .size = 60});
	assert_int_equal(drops(w, DROP_LAN_SEND), 1);
	assert_int_equal(w->vr->lan_delivered, 0);
	world_end(w);
}

static void
what_is_no_ip_is_counted(void **state)
{
	struct world *w = world_make(plain);
	struct want want = {.from = "10.1.0.5", .to = "10.2.0.9", .size = 60, .type = 0x88cc};

	(void)state;
	here(w, BLUE, 5);
	lan_sends(w, 5, want);
	assert_int_equal(drops(w, DROP_NOT_IP), 1);
	assert_int_equal(w->sent_count, 0);
	world_end(w);
}

static void
packets_that_wait_for_an_arp_answer_are_bounded(void **state)
{
	struct world *w = world_make(plain);
	char to[16];

	(void)state;
	for (unsigned i = 0; i < NEIGH_PACKETS_MAX + 3; i++)
		peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.77", .size = 60});
	assert_int_equal(drops(w, DROP_ARP_PENDING), 3);
	/* And so are the destinations: the oldest gives way, with all that wait for it. */
	for (unsigned i = 100; i < 100 + NEIGH_WAITING_MAX; i++) {
		snprintf(to, sizeof(to), "10.1.0.%u", i);
		peer_sends(w, (struct want){.from = "10.2.0.9", .to = to, .size = 60});
	}
	assert_int_equal(drops(w, DROP_ARP_PENDING), 3 + NEIGH_PACKETS_MAX);
	assert_int_equal(w->sent_count, 0);
	here(w, BLUE, 77);
	assert_int_equal(w->sent_count, 0);
	here(w, BLUE, 100);
	assert_int_equal(w->sent_count, 1);
	world_end(w);
}

static void
packets_that_wait_are_bounded_in_bytes_too(void **state)
{
	/* One network has half. */
	unsigned fit = NEIGH_BYTES_MAX / 2 / (FRAME_HEADROOM + 1400), count = 0;
	struct world *w = world_make(plain);
	char to[16];

	(void)state;
	for (unsigned i = 100; i < 100 + NEIGH_WAITING_MAX; i++)
		for (unsigned j = 0; j < NEIGH_PACKETS_MAX; j++, count++) {
			snprintf(to, sizeof(to), "10.1.0.%u", i);
			peer_sends(w, (struct want){.from = "10.2.0.9", .to = to, .size = 1400});
		}
	assert_true(count > fit);
	assert_in_range(drops(w, DROP_ARP_PENDING), count - fit - 1, count - fit + 1);
	world_end(w);
}

/* What a machine sent before it moved must not come back to it. */
static void
a_machines_own_packet_is_not_sent_back_to_it(void **state)
{
	struct arp second = {.eth_dst = MAC_BROADCAST,
			     .eth_src = machine(5),
			     .op = ARP_REQUEST,
			     .sha = machine(5),
			     .spa = ip("10.1.0.50"),
			     .tpa = ip("10.1.0.50")};
	struct world *w = world_make(plain);
	uint8_t frame[ETH_FRAME_MIN];

	(void)state;
	here(w, BLUE, 5);
	arp_build(&second, frame);
	vr_lan_control(w->vr, BLUE, frame, sizeof(frame), false, w->now);
	/* From one of its addresses to the other: by its own LAN, and by a peer that still has it. */
	lan_sends(w, 5, (struct want){.from = "10.1.0.5", .to = "10.1.0.50", .size = 60});
	assert_int_equal(drops(w, DROP_OWN_SOURCE), 1);
	peer_sends(w, (struct want){.from = "10.1.0.5", .to = "10.1.0.50", .size = 60});
	assert_int_equal(w->sent_count, 0);
	assert_int_equal(drops(w, DROP_OWN_SOURCE), 2);
	world_end(w);
}

static void
messages_that_are_none_are_counted(void **state)
{
	struct sync_msg hello = {.type = SYNC_HELLO, .hello = {.boot = 1, .sent = 1}};
	struct world *w = world_make(plain);
	uint8_t data[SYNC_SIZE_MAX];
	size_t size = (size_t)sync_build(&hello, data, sizeof(data));

	(void)state;
	vr_link_sync(w->vr, w->slot, data, size - 1, w->now);
	assert_int_equal(drops(w, DROP_SYNC_MALFORMED), 1);
	data[0]++;
	vr_link_sync(w->vr, w->slot, data, size, w->now);
	assert_int_equal(drops(w, DROP_SYNC_VERSION), 1);
	data[0]--;
	data[1] = 99;
	vr_link_sync(w->vr, w->slot, data, size, w->now);
	assert_int_equal(drops(w, DROP_SYNC_VERSION), 2);
	assert_int_equal(drops(w, DROP_SYNC_MALFORMED), 1);
	world_end(w);
}

static void
a_claim_older_than_what_is_known_is_counted(void **state)
{
	struct world *w = world_make(plain);

	(void)state;
	peer_says(w, "10.1.0.5", 5, 9);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_ACCEPTED);
	peer_says(w, "10.1.0.5", 6, 8);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_STALE);
	assert_int_equal(drops(w, DROP_CLAIM_STALE), 1);
	assert_true(mac_equal(hwdt_find(w->vr->hwdt, BLUE, ip("10.1.0.5"))->b.mac, machine(5)));
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_session_does_not_take_is_counted_for_what_it_is),
		cmocka_unit_test(packets_go_as_soon_as_there_are_keys),
		cmocka_unit_test(what_the_lan_does_not_take_is_counted),
		cmocka_unit_test(what_is_no_ip_is_counted),
		cmocka_unit_test(packets_that_wait_for_an_arp_answer_are_bounded),
		cmocka_unit_test(packets_that_wait_are_bounded_in_bytes_too),
		cmocka_unit_test(a_machines_own_packet_is_not_sent_back_to_it),
		cmocka_unit_test(messages_that_are_none_are_counted),
		cmocka_unit_test(a_claim_older_than_what_is_known_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
