/* Two tunnels: what goes in at one end comes out at the other. */
#include "tests/unit/tunnel_rig.h"

static void
a_packet_and_a_message_cross(void **state)
{
	(void)state;
	for (unsigned cipher = 0; cipher < 2; cipher++) {
		struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, true, cipher);
		uint8_t packet[600];
		struct frame f = {.data = packet};
		struct seal_inner inner = {.vn = 7, .flags = SEAL_FLAG_REDIRECTED, .hops = 2};
		struct tunnel_peer_stats stats;

		f.size = tcp_build(packet, 500, 1);
		assert_int_equal(tunnel_send(p->a.t, SLOT, &inner, &f, clock_now()), 0);
		tunnel_flush(p->a.t);
		WAIT_FOR(p, p->b.packets == 1);
		assert_int_equal(p->b.vn, 7);
		assert_int_equal(p->b.flags, SEAL_FLAG_REDIRECTED);
		assert_memory_equal(p->b.stream, packet + 40, 500);
		assert_int_equal(tunnel_send_sync(p->b.t, SLOT, packet, 300, clock_now()), 0);
		WAIT_FOR(p, p->a.syncs == 1);
		assert_memory_equal(p->a.stream, packet, 300);
		assert_true(tunnel_peer_stats(p->a.t, SLOT, clock_now(), &stats));
		assert_string_equal(stats.cipher, cipher == 0 ? "AESGCM" : "ChaChaPoly");
		assert_true(stats.up);
		assert_true(tunnel_clock(p->a.t) > 0);
		assert_int_equal(tunnel_clock(p->a.t), tunnel_heard(p->b.t, SLOT));
		assert_true(p->a.persists > 0 && p->b.persists > 0);
		pair_close(p);
	}
}

static void
check_super_frames(const char *a, const char *b, bool segment, bool gro)
{
	struct pair *p = pair_open(a, b, segment, gro, CRYPTO_AESGCM);
	uint8_t *packet = malloc(65536);
	uint8_t *want = malloc(ROOM);
	size_t want_size = 0;
	unsigned records = 0;

	p->b.scribble = true;
	WAIT_FOR(p, p->a.mtu >= 1400);
	for (unsigned i = 0; i < 6; i++) {
		/* Whole multiples, a short tail, a single segment. */
		static const size_t payloads[] = {13000, 60000, 61437, 1300, 20, 63700};
		struct frame f = {.data = packet,
				  .gso = FRAME_GSO_TCP4,
				  .gso_size = 1300,
				  .csum_partial = true};
		struct seal_inner inner = {.vn = 7};

		f.size = tcp_build(packet, payloads[i], (uint8_t)i);
		memcpy(want + want_size, packet + 40, payloads[i]);
		want_size += payloads[i];
		records += (unsigned)((payloads[i] + 1299) / 1300);
		assert_int_equal(tunnel_send(p->a.t, SLOT, &inner, &f, clock_now()), 0);
		/* The frame is the caller's again. */
		memset(packet, 0xdd, f.size);
	}
	tunnel_flush(p->a.t);
	WAIT_FOR(p, p->b.packets >= records);
	assert_int_equal(p->b.packets, records);
	assert_int_equal(p->b.stream_size, want_size);
	assert_memory_equal(p->b.stream, want, want_size);
	assert_int_equal(p->b.flags, SEAL_FLAG_CSUM_PARTIAL);
	for (unsigned i = 0; tunnel_drop_name(i) != NULL; i++)
		assert_int_equal(tunnel_drop_count(p->b.t, i), 0);
	free(packet);
	free(want);
	pair_close(p);
}

static void
super_frames_cross_with_and_without_kernel_help(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		check_super_frames("127.0.0.1", "127.0.0.1", (i & 1) != 0, (i & 2) != 0);
}

static void
super_frames_cross_over_ipv6(void **state)
{
	(void)state;
	check_super_frames("::1", "::1", true, true);
	check_super_frames("::1", "::1", false, false);
}

static void
a_dual_stack_socket_talks_ipv4(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct tunnel_peer_stats stats;

	(void)state;
	end_open(&p->a, "::", true, true, CRYPTO_AESGCM, 1);
	end_open(&p->b, "127.0.0.1", true, true, CRYPTO_AESGCM, 2);
	peer_add(&p->b, 1, NULL);
	peer_add(&p->a, 2, &p->b.at);
	WAIT_FOR(p, p->a.mtu == 1500 - 28 - SEAL_OVERHEAD);
	assert_true(tunnel_peer_stats(p->a.t, SLOT, clock_now(), &stats));
	assert_true(endpoint_equal(stats.endpoint, p->b.at));
	pair_close(p);
}

static void
the_path_is_probed_up_to_the_maximum(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, true, CRYPTO_AESGCM);
	struct pair *q = pair_open("::1", "::1", true, true, CRYPTO_AESGCM);

	(void)state;
	WAIT_FOR(p, p->a.mtu == 1500 - 28 - SEAL_OVERHEAD && p->b.mtu == p->a.mtu);
	WAIT_FOR(q, q->a.mtu == 1500 - 48 - SEAL_OVERHEAD && q->b.mtu == q->a.mtu);
	pair_close(p);
	pair_close(q);
}

static void
what_does_not_fit_or_has_no_session_is_refused(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, true, CRYPTO_AESGCM);
	uint8_t packet[4000];
	struct frame f = {.data = packet};
	struct seal_inner inner = {.vn = 7};
	us_t now = clock_now();

	(void)state;
	WAIT_FOR(p, p->a.mtu == 1432);
	f.size = tcp_build(packet, 1432 - 40, 0);
	assert_int_equal(tunnel_send(p->a.t, SLOT, &inner, &f, now), 0);
	f.size = tcp_build(packet, 1433 - 40, 0);
	assert_int_equal(tunnel_send(p->a.t, SLOT, &inner, &f, now), -EMSGSIZE);
	f.size = tcp_build(packet, 3000, 0);
	f.gso = FRAME_GSO_TCP4;
	f.gso_size = 1393;
	assert_int_equal(tunnel_send(p->a.t, SLOT, &inner, &f, now), -EMSGSIZE);
	f.gso_size = 0;
	assert_int_equal(tunnel_send(p->a.t, SLOT, &inner, &f, now), -EINVAL);
	assert_int_equal(tunnel_send(p->a.t, SLOT + 1, &inner, &f, now), -ENOTCONN);
	assert_int_equal(tunnel_send_sync(p->a.t, 100000, packet, 1, now), -ENOTCONN);
	assert_int_equal(tunnel_send_sync(p->a.t, SLOT, packet, TUNNEL_SYNC_MAX + 1, now),
			 -EMSGSIZE);
	tunnel_peer_remove(p->a.t, SLOT, clock_now());
	assert_int_equal(tunnel_send_sync(p->a.t, SLOT, packet, 1, now), -ENOTCONN);
	pair_close(p);
}

static void
a_restarted_end_is_back_at_once(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, true, CRYPTO_AESGCM);
	us_t start;

	(void)state;
	tunnel_destroy(p->a.t);
	memset(&p->a, 0, sizeof(p->a));
	end_open(&p->a, "127.0.0.1", true, true, CRYPTO_AESGCM, 1);
	start = clock_now();
	peer_add(&p->a, 2, &p->b.at);
	WAIT_FOR(p, p->a.up);
	WAIT_FOR(p, tunnel_send_sync(p->b.t, SLOT, (const uint8_t *)"x", 1, clock_now()) == 0 &&
			    (run(p), p->a.syncs > 0));
	assert_true(clock_now() - start < US_S);
	pair_close(p);
}

/* 65,507 bytes and 64 segments, whichever is reached first; a shorter segment ends a train. */
static void
super_frames_leave_in_as_few_calls_as_the_limits_allow(void **state)
{
	static const struct shape shapes[] = {
		{1, 1300, 1300, 1},      {1, 47 * 1300, 1300, 1},     {1, 48 * 1300, 1300, 2},
		{3, 49 * 1300, 1300, 4}, {10, 47 * 1300, 1300, 10},   {1, 64 * 500, 500, 1},
		{1, 65 * 500, 500, 2},   {2, 128 * 500, 500, 4},      {1, 46 * 1300 + 7, 1300, 1},
		{3, 1301, 1300, 3},      {1, 47 * 1300 + 1, 1300, 1}, {1, 47 * 1300 + 600, 1300, 2},
	};

	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		const char *at = kind == 0 ? "127.0.0.1" : "::1";
		struct pair *p = pair_open(at, at, true, true, CRYPTO_AESGCM);
		struct tunnel_stats before, after, got;

		WAIT_FOR(p, p->a.mtu >= 1400);
		for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
			unsigned records = records_of(&shapes[i]);

			p->b.packets = 0;
			p->b.stream_size = 0;
			tunnel_stats(p->b.t, &got);
			tunnel_stats(p->a.t, &before);
			send_shape(p, &shapes[i]);
			tunnel_stats(p->a.t, &after);
			assert_int_equal(after.tx_calls - before.tx_calls, shapes[i].calls);
			assert_int_equal(after.tx_datagrams - before.tx_datagrams, records);
			before = got;
			WAIT_FOR(p, p->b.packets == records);
			tunnel_stats(p->b.t, &got);
			assert_true(got.rx_datagrams - before.rx_datagrams >= records);
			/* A probe may have come in between, alone. */
			assert_true(got.rx_trains - before.rx_trains <=
				    shapes[i].calls + got.rx_datagrams - before.rx_datagrams -
					    records);
		}
		pair_close(p);
	}
}

static void
without_the_kernels_help_each_datagram_is_its_own_train(void **state)
{
	const struct shape shape = {1, 40 * 1300, 1300, 1};
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", false, false, CRYPTO_AESGCM);
	struct tunnel_stats before, after;

	(void)state;
	WAIT_FOR(p, p->a.mtu >= 1400);
	tunnel_stats(p->a.t, &before);
	send_shape(p, &shape);
	tunnel_stats(p->a.t, &after);
	/* Still one call. */
	assert_int_equal(after.tx_calls - before.tx_calls, 1);
	assert_int_equal(after.tx_datagrams - before.tx_datagrams, 40);
	WAIT_FOR(p, p->b.packets == 40);
	tunnel_stats(p->b.t, &after);
	assert_int_equal(after.rx_trains, after.rx_datagrams);
	pair_close(p);
}

static void
of_a_train_that_leaves_in_part_the_rest_is_counted(void **state)
{
	const struct shape shape = {1, 40 * 1300, 1300, 1};
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", false, true, CRYPTO_AESGCM);

	(void)state;
	WAIT_FOR(p, p->a.mtu >= 1400);
	assert_int_equal(drops(&p->a, "send"), 0);
	room_left = 15;
	send_shape(p, &shape);
	room_left = UINT32_MAX;
	assert_int_equal(drops(&p->a, "send"), 25);
	WAIT_FOR(p, p->b.packets == 15);
	pair_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_and_a_message_cross),
		cmocka_unit_test(super_frames_cross_with_and_without_kernel_help),
		cmocka_unit_test(super_frames_cross_over_ipv6),
		cmocka_unit_test(a_dual_stack_socket_talks_ipv4),
		cmocka_unit_test(the_path_is_probed_up_to_the_maximum),
		cmocka_unit_test(what_does_not_fit_or_has_no_session_is_refused),
		cmocka_unit_test(super_frames_leave_in_as_few_calls_as_the_limits_allow),
		cmocka_unit_test(without_the_kernels_help_each_datagram_is_its_own_train),
		cmocka_unit_test(of_a_train_that_leaves_in_part_the_rest_is_counted),
		cmocka_unit_test(a_restarted_end_is_back_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
