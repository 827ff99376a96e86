/* Two tunnels over loopback sockets, for the tests of tunnels. */
#ifndef TESTS_UNIT_TUNNEL_RIG_H
#define TESTS_UNIT_TUNNEL_RIG_H

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

static inline us_t
clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (us_t)ts.tv_sec * US_S + ts.tv_nsec / 1000;
}

static inline void
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
static inline void
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

static inline void
on_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct end *e = ctx;

	(void)now;
	assert_int_equal(slot, SLOT);
	memcpy(e->stream, msg, size);
	e->stream_size = size;
	e->syncs++;
}

static inline void
on_session(void *ctx, uint32_t slot, bool up, us_t now)
{
	(void)now;
	assert_int_equal(slot, SLOT);
	((struct end *)ctx)->up = up;
}

static inline void
on_mtu(void *ctx, uint32_t slot, uint16_t inner_mtu, us_t now)
{
	(void)now;
	assert_int_equal(slot, SLOT);
	((struct end *)ctx)->mtu = inner_mtu;
}

static inline void
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

static inline void
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

static inline struct endpoint
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

static inline void
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
		.control_socket = true,
		.ipsec_mb = gro,
	};

	memset(conf.private_key, key, sizeof(conf.private_key));
	assert_int_equal(addr_from_text(listen, &conf.listen.addr), 0);
	assert_int_equal(tunnel_create(&conf, &ops, e, NULL, &e->t), 0);
	e->at = bound_at(tunnel_fd(e->t));
}

static inline void
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

static inline struct pair *
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

static inline void
pair_close(struct pair *p)
{
	tunnel_destroy(p->a.t);
	tunnel_destroy(p->b.t);
	free(p);
}

/* A TCP/IPv4 packet or super-frame over 'payload' bytes of a pattern that starts at 'start'. */
static inline size_t
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

static inline uint64_t
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

static inline void
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

static inline unsigned
records_of(const struct shape *shape)
{
	return shape->frames * (unsigned)((shape->payload + shape->segment - 1) / shape->segment);
}

#endif
