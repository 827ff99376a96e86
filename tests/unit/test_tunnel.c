/* Two tunnels over loopback sockets: what goes in at one end comes out at the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fmt.h"
#include "vr/tunnel.h"
#include "wire/ip.h"

#define SLOT     3
#define DEADLINE (5 * US_S)
#define ROOM     (1 << 20)

struct end {
	struct tunnel *t;
	struct endpoint at;
	bool up;
	uint16_t mtu;
	unsigned packets, syncs, persists, batches;
	uint8_t flags;
	vn_id_t vn;
	size_t last_size;
	uint8_t stream[ROOM]; /* TCP payloads in the order of arrival, or the last sync */
	size_t stream_size;
	bool scribble; /* write to all the headroom there is */
	bool forgets;  /* packets are only counted */
	/* For end_open(). */
	unsigned workers;
	uint64_t rekey_records; /* 0: 1000000 */
	const uint8_t *kept[1024];
	size_t kept_size[1024];
};

struct pair {
	struct end a, b;
};

/* What the kernel's sendmmsg() takes before it has no room, for as long as a test says so. */
static unsigned room_left = UINT32_MAX;

int
sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	int rc;

	if (room_left == 0) {
		errno = ENOBUFS;
		return -1;
	}
	rc = (int)syscall(SYS_sendmmsg, fd, msgs, count < room_left ? count : room_left, flags);
	if (rc > 0 && room_left != UINT32_MAX)
		room_left -= (unsigned)rc;
	return rc;
}

static us_t
clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (us_t)ts.tv_sec * US_S + ts.tv_nsec / 1000;
}

static void
on_data(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f, us_t now)
{
	struct end *e = ctx;

	(void)now;
	assert_int_equal(slot, SLOT);
	if (e->forgets) {
		e->packets++;
		return;
	}
	assert_true(e->packets < 1024);
	if (e->scribble)
		memset(f->data - TUNNEL_HEADROOM, 0xee, TUNNEL_HEADROOM);
	e->kept[e->packets] = f->data;
	e->kept_size[e->packets++] = f->size;
	e->flags = inner->flags;
	e->vn = inner->vn;
	e->last_size = f->size;
}

/* Collects only at the end of the batch: until then nothing may have changed. */
static void
on_batch_end(void *ctx, us_t now)
{
	struct end *e = ctx;

	(void)now;
	for (unsigned i = 0; !e->forgets && i < e->packets; i++) {
		struct ip ip;

		if (e->kept[i] == NULL)
			continue;
		assert_int_equal(ip_parse(e->kept[i], e->kept_size[i], &ip), 0);
		if (ip.proto == IP_PROTO_TCP) {
			size_t head = ip.header_size + (size_t)ip.l4_header_size;

			assert_true(e->stream_size + ip.size - head <= ROOM);
			memcpy(e->stream + e->stream_size, e->kept[i] + head, ip.size - head);
			e->stream_size += ip.size - head;
		}
		e->kept[i] = NULL;
	}
	e->batches++;
}

static void
on_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct end *e = ctx;

	(void)now;
	assert_int_equal(slot, SLOT);
	memcpy(e->stream, msg, size);
	e->stream_size = size;
	e->syncs++;
}

static void
on_session(void *ctx, uint32_t slot, bool up, us_t now)
{
	(void)now;
	assert_int_equal(slot, SLOT);
	((struct end *)ctx)->up = up;
}

static void
on_mtu(void *ctx, uint32_t slot, uint16_t inner_mtu, us_t now)
{
	(void)now;
	assert_int_equal(slot, SLOT);
	((struct end *)ctx)->mtu = inner_mtu;
}

static void
on_persist(void *ctx)
{
	((struct end *)ctx)->persists++;
}

static const struct tunnel_ops ops = {
	.data = on_data,
	.sync = on_sync,
	.batch_end = on_batch_end,
	.session = on_session,
	.mtu = on_mtu,
	.persist = on_persist,
};

static void
run(struct pair *p)
{
	struct pollfd fds[] = {{.fd = tunnel_fd(p->a.t), .events = POLLIN},
			       {.fd = tunnel_fd(p->b.t), .events = POLLIN},
			       {.fd = tunnel_opened_fd(p->b.t), .events = POLLIN},
			       {.fd = tunnel_urgent_fd(p->a.t), .events = POLLIN},
			       {.fd = tunnel_urgent_fd(p->b.t), .events = POLLIN}};

	(void)poll(fds, ARRAY_COUNT(fds), 1);
	if (fds[3].revents != 0)
		tunnel_urgent_readable(p->a.t, clock_now());
	if (fds[4].revents != 0)
		tunnel_urgent_readable(p->b.t, clock_now());
	if (fds[0].revents != 0)
		tunnel_readable(p->a.t, clock_now());
	if (fds[1].revents != 0)
		tunnel_readable(p->b.t, clock_now());
	if (fds[2].revents != 0)
		tunnel_opened(p->b.t, clock_now());
	(void)tunnel_run(p->a.t, clock_now());
	(void)tunnel_run(p->b.t, clock_now());
}

#define WAIT_FOR(pair, condition)                                                                  \
	do {                                                                                       \
		us_t wait_end = clock_now() + DEADLINE;                                            \
		while (!(condition)) {                                                             \
			assert_true(clock_now() < wait_end);                                       \
			run(pair);                                                                 \
		}                                                                                  \
	} while (0)

static struct endpoint
bound_at(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;
	socklen_t size = sizeof(a);

	assert_int_equal(getsockname(fd, &a.any, &size), 0);
	if (a.any.sa_family == AF_INET)
		return (struct endpoint){
			.addr = addr_make(ADDR_V4, (const uint8_t *)&a.v4.sin_addr),
			.port = ntohs(a.v4.sin_port)};
	return (struct endpoint){.addr = addr_make(ADDR_V6, a.v6.sin6_addr.s6_addr),
				 .port = ntohs(a.v6.sin6_port)};
}

static void
end_open(struct end *e, const char *listen, bool segment, bool gro, enum crypto_cipher cipher,
	 uint8_t key)
{
	struct tunnel_conf conf = {
		.cipher = cipher,
		.rekey_time = 120 * US_S,
		.rekey_records = e->rekey_records != 0 ? e->rekey_records : 1000000,
		.workers = e->workers,
		.silence = 3 * US_S,
		.mtu_max = 1500,
		.udp_segment = segment,
		.udp_gro = gro,
		.ipsec_mb = gro,
	};

	memset(conf.private_key, key, sizeof(conf.private_key));
	assert_int_equal(addr_from_text(listen, &conf.listen.addr), 0);
	assert_int_equal(tunnel_create(&conf, &ops, e, NULL, &e->t), 0);
	e->at = bound_at(tunnel_fd(e->t));
}

static void
peer_add(struct end *e, uint8_t key, const struct endpoint *at)
{
	struct tunnel_peer_conf peer = {.slot = SLOT};
	uint8_t private_key[CRYPTO_KEY_SIZE];

	memset(private_key, key, sizeof(private_key));
	assert_int_equal(crypto_public_key(private_key, peer.public_key), 0);
	if (at != NULL) {
		peer.endpoints[0] = *at;
		peer.endpoint_count = 1;
	}
	assert_int_equal(tunnel_peer_add(e->t, &peer, clock_now()), 0);
	assert_int_equal(tunnel_peer_add(e->t, &peer, clock_now()), -EEXIST);
}

static struct pair *
pair_open(const char *listen_a, const char *listen_b, bool segment, bool gro,
	  enum crypto_cipher cipher)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	end_open(&p->a, listen_a, segment, gro, cipher, 1);
	end_open(&p->b, listen_b, segment, gro, cipher, 2);
	peer_add(&p->b, 1, NULL);
	peer_add(&p->a, 2, &p->b.at);
	WAIT_FOR(p, p->a.up && p->b.up);
	return p;
}

static void
pair_close(struct pair *p)
{
	tunnel_destroy(p->a.t);
	tunnel_destroy(p->b.t);
	free(p);
}

/* A TCP/IPv4 packet or super-frame over 'payload' bytes of a pattern that starts at 'start'. */
static size_t
tcp_build(uint8_t *packet, size_t payload, uint8_t start)
{
	struct ip ip;
	size_t size = 40 + payload;

	memset(packet, 0, 40);
	packet[0] = 0x45;
	packet[2] = (uint8_t)(size >> 8);
	packet[3] = (uint8_t)size;
	packet[6] = 0x40;
	packet[8] = 64;
	packet[9] = IP_PROTO_TCP;
	memcpy(packet + 12, (const uint8_t[]){10, 1, 0, 5, 10, 2, 0, 6}, 8);
	memcpy(packet + 20, (const uint8_t[]){0x12, 0x34, 0x56, 0x78}, 4);
	packet[32] = 0x50;
	packet[33] = 0x10;
	for (size_t i = 0; i < payload; i++)
		packet[40 + i] = (uint8_t)(start + i * 7 + i / 256);
	ip_header_checksum(packet);
	assert_int_equal(ip_parse(packet, size, &ip), 0);
	return size;
}

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

static uint64_t
drops(const struct end *e, const char *name)
{
	for (unsigned i = 0; tunnel_drop_name(i) != NULL; i++)
		if (strcmp(tunnel_drop_name(i), name) == 0)
			return tunnel_drop_count(e->t, i);
	fail_msg("no reason %s", name);
	return 0;
}

struct shape {
	unsigned frames; /* super-frames, one behind the other */
	size_t payload;  /* of each */
	uint16_t segment;
	unsigned calls; /* the fewest that carry them */
};

static void
send_shape(struct pair *p, const struct shape *shape)
{
	struct seal_inner inner = {.vn = 7};
	uint8_t *packet = malloc(65536);

	assert_non_null(packet);
	for (unsigned i = 0; i < shape->frames; i++) {
		struct frame f = {.data = packet,
				  .gso = FRAME_GSO_TCP4,
				  .gso_size = shape->segment,
				  .csum_partial = true};

		f.size = tcp_build(packet, shape->payload, (uint8_t)i);
		assert_int_equal(tunnel_send(p->a.t, SLOT, &inner, &f, clock_now()), 0);
	}
	tunnel_flush(p->a.t);
	free(packet);
}

static unsigned
records_of(const struct shape *shape)
{
	return shape->frames * (unsigned)((shape->payload + shape->segment - 1) / shape->segment);
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
check_stream(const struct end *e, const struct shape *shape)
{
	uint8_t *packet = malloc(65536);

	assert_non_null(packet);
	assert_int_equal(e->stream_size, shape->frames * shape->payload);
	for (unsigned i = 0; i < shape->frames; i++) {
		(void)tcp_build(packet, shape->payload, (uint8_t)i);
		assert_memory_equal(e->stream + i * shape->payload, packet + 40, shape->payload);
	}
	free(packet);
}

/* Keys change all the time, and messages come in between. */
static void
carry_by_threads(struct pair *p)
{
	const struct shape shape = {3, 40 * 1300, 1300, 3};
	us_t end = clock_now() + 4 * DEADLINE;
	struct tunnel_peer_stats peer;
	struct tunnel_stats stats;

	WAIT_FOR(p, p->a.mtu >= 1400);
	do {
		unsigned syncs = p->b.syncs;

		assert_true(clock_now() < end);
		p->b.packets = 0;
		p->b.stream_size = 0;
		send_shape(p, &shape);
		WAIT_FOR(p, p->b.packets == records_of(&shape));
		check_stream(&p->b, &shape);
		send_shape(p, &shape);
		assert_int_equal(
			tunnel_send_sync(p->a.t, SLOT, (const uint8_t *)"abc", 3, clock_now()), 0);
		/* Control need not wait for the data before it, and takes none of it away. */
		WAIT_FOR(p, p->b.syncs == syncs + 1 && p->b.packets == 2 * records_of(&shape));
		assert_true(tunnel_peer_stats(p->a.t, SLOT, clock_now(), &peer));
		tunnel_stats(p->b.t, &stats);
	} while (stats.opened_trains < 20 || peer.rekeys < 4);
}

static void
trains_that_threads_open_keep_their_order_through_rekeys(void **state)
{
	static const char *const refused[] = {"replayed", "forged", "no-index", "malformed"};

	(void)state;
	for (unsigned workers = 1; workers <= 4; workers *= 2) {
		struct pair *p = calloc(1, sizeof(*p));

		assert_non_null(p);
		p->a.rekey_records = p->b.rekey_records = 1000;
		p->b.workers = workers;
		end_open(&p->a, "127.0.0.1", true, true, CRYPTO_AESGCM, 1);
		end_open(&p->b, "127.0.0.1", true, true, CRYPTO_AESGCM, 2);
		peer_add(&p->b, 1, NULL);
		peer_add(&p->a, 2, &p->b.at);
		carry_by_threads(p);
		for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
			assert_int_equal(drops(&p->b, refused[i]), 0);
		/* Some of it may be in their hands. */
		send_shape(p, &(struct shape){3, 40 * 1300, 1300, 3});
		tunnel_readable(p->b.t, clock_now());
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

/* A socket of somebody who has no keys. */
static int
stranger_open(const struct endpoint *to)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(to->port)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(&a.sin_addr, to->addr.b, 4);
	assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

static void
what_the_kernel_drops_is_counted(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, true, CRYPTO_AESGCM);
	unsigned total = 600;
	int fd = stranger_open(&p->b.at);
	uint8_t *junk = calloc(1, 60000);

	(void)state;
	assert_non_null(junk);
	assert_int_equal(drops(&p->b, "kernel"), 0);
	/* 36 MB, and nobody reads. */
	for (unsigned i = 0; i < total; i++)
		assert_int_equal(send(fd, junk, 60000, 0), 60000);
	assert_in_range(drops(&p->b, "kernel"), 1, total - 1);
	/* Asked twice, counted once. */
	WAIT_FOR(p, drops(&p->b, "malformed") + drops(&p->b, "kernel") >= total);
	assert_int_equal(drops(&p->b, "malformed") + drops(&p->b, "kernel"), total);
	free(junk);
	close(fd);
	pair_close(p);
}

/* 'count' datagrams that nobody reads, of which the kernel has room for some. */
static void
flood(const struct end *e, unsigned count)
{
	int fd = stranger_open(&e->at);
	uint8_t junk[1000] = {0};

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(send(fd, junk, sizeof(junk), 0), sizeof(junk));
	close(fd);
}

static void
a_message_does_not_wait_behind_data(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, true, CRYPTO_AESGCM);
	const uint8_t msg[200] = {1, 2, 3};
	struct pollfd ready;

	(void)state;
	WAIT_FOR(p, p->b.mtu >= 1400);
	flood(&p->b, 20000);
	assert_true(drops(&p->b, "kernel") > 0);
	assert_int_equal(tunnel_send_sync(p->a.t, SLOT, msg, sizeof(msg), clock_now()), 0);
	ready = (struct pollfd){.fd = tunnel_urgent_fd(p->b.t), .events = POLLIN};
	assert_int_equal(poll(&ready, 1, 1000), 1);
	tunnel_urgent_readable(p->b.t, clock_now());
	assert_int_equal(p->b.syncs, 1);
	assert_memory_equal(p->b.stream, msg, sizeof(msg));
	assert_int_equal(drops(&p->b, "malformed"), 0);
	pair_close(p);
}

/* Who has begun to read data looks for messages meanwhile. */
static void
a_message_waits_for_one_round_of_data(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, false, CRYPTO_AESGCM);
	const uint8_t msg[200] = {1, 2, 3};

	(void)state;
	WAIT_FOR(p, p->b.mtu >= 1400);
	flood(&p->b, 1000);
	assert_int_equal(tunnel_send_sync(p->a.t, SLOT, msg, sizeof(msg), clock_now()), 0);
	tunnel_readable(p->b.t, clock_now());
	assert_int_equal(p->b.syncs, 1);
	assert_in_range(drops(&p->b, "malformed"), 1, 999);
	pair_close(p);
}

/* As many records as the kernel keeps may be overtaken. */
static void
what_a_message_overtakes_is_taken_in(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, true, CRYPTO_AESGCM);
	uint8_t packet[64];
	struct frame f = {.data = packet};
	struct seal_inner inner = {.vn = 7};
	unsigned total = 40000;
	struct pollfd ready;

	(void)state;
	WAIT_FOR(p, p->b.mtu >= 1400);
	f.size = tcp_build(packet, 0, 1);
	for (unsigned i = 0; i < total; i++)
		assert_int_equal(tunnel_send(p->a.t, SLOT, &inner, &f, clock_now()), 0);
	tunnel_flush(p->a.t);
	assert_int_equal(drops(&p->b, "kernel"), 0);
	assert_int_equal(tunnel_send_sync(p->a.t, SLOT, packet, f.size, clock_now()), 0);
	tunnel_urgent_readable(p->b.t, clock_now());
	assert_int_equal(p->b.syncs, 1);
	p->b.forgets = true;
	ready = (struct pollfd){.fd = tunnel_fd(p->b.t), .events = POLLIN};
	while (poll(&ready, 1, 0) == 1)
		tunnel_readable(p->b.t, clock_now());
	assert_int_equal(p->b.packets, total);
	assert_int_equal(drops(&p->b, "replayed"), 0);
	pair_close(p);
}

static void
what_is_larger_than_the_buffer_is_counted(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, false, CRYPTO_AESGCM);
	int fd = stranger_open(&p->b.at);
	uint8_t junk[5000] = {0};

	(void)state;
	assert_int_equal(send(fd, junk, sizeof(junk), 0), sizeof(junk));
	WAIT_FOR(p, drops(&p->b, "truncated") == 1);
	assert_int_equal(drops(&p->b, "malformed"), 0);
	close(fd);
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
		cmocka_unit_test(trains_that_threads_open_keep_their_order_through_rekeys),
		cmocka_unit_test(without_the_kernels_help_each_datagram_is_its_own_train),
		cmocka_unit_test(of_a_train_that_leaves_in_part_the_rest_is_counted),
		cmocka_unit_test(what_the_kernel_drops_is_counted),
		cmocka_unit_test(a_message_does_not_wait_behind_data),
		cmocka_unit_test(a_message_waits_for_one_round_of_data),
		cmocka_unit_test(what_a_message_overtakes_is_taken_in),
		cmocka_unit_test(what_is_larger_than_the_buffer_is_counted),
		cmocka_unit_test(a_restarted_end_is_back_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
