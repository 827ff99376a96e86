/* What one router does with packets that are too large for their way. */
#include "tests/unit/fwd_rig.h"

/* Puts the fragments among what was sent together: datagrams of the pattern that packet_make() makes, from 'id' on.  Returns
 * how many bytes of UDP payload there were. */
static size_t
reassemble(const struct world *w, size_t mtu, uint16_t id, size_t datagram, size_t payload)
{
	uint8_t *whole = malloc(65536);
	size_t at = 0, done = 0;

	assert_non_null(whole);
	for (size_t i = 0; i < w->sent_count; i++) {
		const uint8_t *p = w->sent[i].data;
		unsigned field = packet_get16(p + 6);

		assert_int_equal(packet_get16(p + 2), w->sent[i].size);
		assert_in_range(w->sent[i].size, 21, mtu);
		assert_int_equal(packet_sum(p, 20, 0), 0xffff);
		assert_int_equal(packet_get16(p + 4), id);
		assert_int_equal((field & 0x1fff) * 8, at);
		assert_int_equal(w->sent[i].gso, FRAME_GSO_NONE);
		assert_int_equal(w->sent[i].flags, 0);
		if (at == 0)
			memcpy(whole, p, 20);
		memcpy(whole + 20 + at, p + 20, w->sent[i].size - 20);
		at += w->sent[i].size - 20;
		if ((field & 0x2000) != 0)
			continue;
		packet_put16(whole + 2, (unsigned)(20 + at));
		assert_int_equal(packet_l4_sum(whole, 20 + at), 0xffff);
		assert_int_equal(packet_get16(whole + 24), at);
		assert_int_equal(at - 8, payload - done < datagram ? payload - done : datagram);
		for (size_t k = 8; k < at; k++)
			assert_int_equal(whole[20 + k], (uint8_t)(8 + done + k - 8));
		done += at - 8;
		at = 0;
		id++;
	}
	assert_int_equal(at, 0);
	free(whole);
	return done;
}

static void
a_udp_super_frame_that_may_be_fragmented_is_cut_and_then_fragmented(void **state)
{
	static const struct {
		uint16_t gso_size;
		size_t payload;
	} rows[] = {
		{1472, 14720}, {1472, 15000}, {1472, 14721},
		{1373, 60000}, {9000, 63000}, {20000, 60001},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(rows); i++) {
		size_t payload = rows[i / 2].payload;
		uint16_t gso_size = rows[i / 2].gso_size;
		struct world *w = world_make(plain);

		here(w, BLUE, 5);
		lan_sends(w, 5,
			  (struct want){.from = "10.1.0.5",
					.to = "10.2.0.9",
					.size = 28 + payload,
					.gso = FRAME_GSO_UDP,
					.gso_size = gso_size,
					.partial = i % 2 == 1});
		assert_int_equal(reassemble(w, 1400, 0x1234, gso_size, payload), payload);
		assert_int_equal(drops(w, DROP_TOO_BIG), 0);
		assert_int_equal(peers_at(w->vr->peers, w->slot)->tx_packets, w->sent_count);
		world_end(w);
	}
}

static void
a_udp_super_frame_that_fits_or_may_not_be_cut_stays_whole(void **state)
{
	struct want want = {.from = "10.1.0.5",
			    .to = "10.2.0.9",
			    .size = 28 + 13720,
			    .gso = FRAME_GSO_UDP,
			    .gso_size = 1372};
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	lan_sends(w, 5, want);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->sent[0].gso_size, 1372);
	want.df = true;
	want.gso_size = 1373;
	lan_sends(w, 5, want);
	assert_int_equal(w->sent_count, 2);
	assert_int_equal(too_bigs(w, BLUE, "10.1.0.5"), 1);
	assert_int_equal(drops(w, DROP_TOO_BIG), 1);
	/* One that is smaller than its segments is a packet. */
	want.size = 28 + 1000;
	lan_sends(w, 5, want);
	assert_int_equal(w->sent_count, 3);
	assert_int_equal(drops(w, DROP_TOO_BIG), 1);
	world_end(w);
}

static void
a_tcp_super_frame_is_cut_anew(void **state)
{
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	lan_sends(w, 5,
		  (struct want){.from = "10.1.0.5",
				.to = "10.2.0.9",
				.size = 40 + 14600,
				.df = true,
				.gso = FRAME_GSO_TCP4,
				.gso_size = 1460,
				.partial = true});
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->sent[0].gso_size, 1360);
	world_end(w);
}

/* A path may take more than a fragment made here has room for. */
static void
a_packet_too_large_for_a_wide_path_is_fragmented_too(void **state)
{
	static const uint16_t mtus[] = {9216, 9217, 10000, 15000};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(mtus); i++) {
		struct world *w = world_make(plain);

		vr_link_mtu(w->vr, w->slot, mtus[i / 2]);
		here(w, BLUE, 5);
		lan_sends(w, 5,
			  (struct want){.from = "10.1.0.5",
					.to = "10.2.0.9",
					.size = 16000,
					.partial = i % 2 == 1});
		assert_int_equal(reassemble(w, mtus[i / 2], 0x1234, 65535, 16000 - 28), 16000 - 28);
		assert_int_equal(drops(w, DROP_TOO_BIG), 0);
		world_end(w);
	}
}

static void
what_is_too_large_for_the_lan_is_cut_too(void **state)
{
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	here(w, BLUE, 6);
	w->vr->sites[0].lan_mtu = 1000;
	peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.5", .size = 1400});
	assert_int_equal(reassemble(w, 1000, 0x1234, 65535, 1400 - 28), 1400 - 28);
	assert_true(w->sent[0].to_lan && mac_equal(w->sent[0].mac, machine(5)));
	forget(w);
	lan_sends(w, 6,
		  (struct want){.from = "10.1.0.6",
				.to = "10.1.0.5",
				.size = 28 + 10000,
				.gso = FRAME_GSO_UDP,
				.gso_size = 1472,
				.partial = true});
	assert_int_equal(reassemble(w, 1000, 0x1234, 1472, 10000), 10000);
	assert_int_equal(drops(w, DROP_TOO_BIG), 0);
	assert_int_equal(drops(w, DROP_LAN_SEND), 0);
	world_end(w);
}

/* The way out of the VN is a LAN like any other. */
static void
what_is_too_large_for_the_native_gateways_lan_is_cut_or_answered(void **state)
{
	struct world *w = world_make(behind_native);
	struct want want = {.from = "10.1.0.5", .to = "192.0.2.1", .size = 1400};

	(void)state;
	here(w, BLUE, 254);
	peer_says(w, "10.1.0.5", 5, 1);
	w->vr->sites[0].lan_mtu = 1000;
	peer_sends(w, want);
	assert_int_equal(reassemble(w, 1000, 0x1234, 65535, 1400 - 28), 1400 - 28);
	assert_true(mac_equal(w->sent[0].mac, machine(254)));
	forget(w);
	want.df = true;
	peer_sends(w, want);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(too_bigs(w, BLUE, "10.1.0.5"), 1);
	assert_int_equal(drops(w, DROP_TOO_BIG), 1);
	world_end(w);
}

/* What the router says itself has to fit as well. */
static void
answers_fit_a_narrow_path(void **state)
{
	struct world *w = world_make(plain);
	struct want big = {.from = "10.2.0.9", .to = "10.1.0.5", .size = 1400, .df = true};
	struct seal_inner inner = {.vn = BLUE};
	struct frame f;
	uint8_t *bytes;
	size_t content = 0;

	(void)state;
	here(w, BLUE, 5);
	vr_link_mtu(w->vr, w->slot, 508);
	w->vr->sites[0].lan_mtu = 1280;
	peer_sends(w, big);
	assert_int_equal(too_bigs(w, BLUE, "10.2.0.9"), 1);
	assert_int_equal(w->sent[0].size, 508);
	forget(w);
	/* An echo request that came in fragments, by a path that is wider in the other direction. */
	big.to = "10.1.0.1";
	big.df = false;
	bytes = packet_of(&big, &f);
	f.data[9] = PACKET_ICMP;
	packet_ip4_sum(f.data);
	packet_put16(f.data + 20, 0x0800);
	packet_put16(f.data + 22, 0);
	packet_put16(f.data + 22, (uint16_t)~packet_sum(f.data + 20, f.size - 20, 0));
	vr_link_data(w->vr, w->slot, &inner, &f, w->now);
	free(bytes);
	assert_int_equal(w->sent_count, 3);
	for (size_t i = 0; i < w->sent_count; i++) {
		assert_in_range(w->sent[i].size, 21, 508);
		content += w->sent[i].size - 20;
	}
	assert_int_equal(content, 1400 - 20);
	assert_int_equal(w->sent[0].data[20], 0);
	assert_int_equal(drops(w, DROP_TOO_BIG), 1);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_udp_super_frame_that_may_be_fragmented_is_cut_and_then_fragmented),
		cmocka_unit_test(a_udp_super_frame_that_fits_or_may_not_be_cut_stays_whole),
		cmocka_unit_test(a_tcp_super_frame_is_cut_anew),
		cmocka_unit_test(a_packet_too_large_for_a_wide_path_is_fragmented_too),
		cmocka_unit_test(what_is_too_large_for_the_lan_is_cut_too),
		cmocka_unit_test(what_is_too_large_for_the_native_gateways_lan_is_cut_or_answered),
		cmocka_unit_test(answers_fit_a_narrow_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
