/* Plain LISP over loopback sockets: what goes in at one end comes out at the other. */
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
#include <unistd.h>

#include "tests/unit/packet.h"
#include "vr/plain.h"
#include "vr/udp.h"
#include "wire/ip.h"

#define PORT         24341 /* no LISP router of this machine is in the way */
#define CONTROL_PORT 24342
#define DEADLINE     2000 /* ms */
#define ROOM         (1 << 18)
#define NOW          (5 * US_S)

struct end {
	struct plain *p;
	struct log *log;
	struct addr rloc;
	unsigned packets, batches;
	struct lispdata header;
	struct endpoint from[256];
	const uint8_t *kept[256];
	size_t kept_size[256];
	uint8_t last[2048];
	size_t last_size;
	uint8_t stream[ROOM]; /* TCP payloads in the order of arrival */
	size_t stream_size;
};

static void
on_data(void *ctx, const struct endpoint *from, const struct lispdata *header, struct frame *f,
	us_t now)
{
	struct end *e = ctx;

	assert_int_equal(now, NOW);
	assert_in_range(e->packets, 0, 255);
	e->from[e->packets] = *from;
	e->header = *header;
	/* An Ethernet header may be put in front of each. */
	memset(f->data - PLAIN_HEADROOM, 0xee, PLAIN_HEADROOM);
	e->kept[e->packets] = f->data;
	e->kept_size[e->packets++] = f->size;
}

/* Looks at the bytes only now: until the end of the batch they must have stayed. */
static void
on_batch_end(void *ctx, us_t now)
{
	struct end *e = ctx;

	(void)now;
	for (unsigned i = 0; i < e->packets; i++) {
		struct ip ip;
		size_t head;

		if (e->kept[i] == NULL)
			continue;
		assert_int_equal(ip_parse(e->kept[i], e->kept_size[i], &ip), 0);
		head = ip.header_size + (size_t)ip.l4_header_size;
		if (ip.proto == IP_PROTO_TCP) {
			assert_int_equal(packet_l4_sum(e->kept[i], ip.size), 0xffff);
			assert_in_range(e->stream_size + ip.size - head, 0, ROOM);
			memcpy(e->stream + e->stream_size, e->kept[i] + head, ip.size - head);
			e->stream_size += ip.size - head;
		}
		e->last_size =
			e->kept_size[i] < sizeof(e->last) ? e->kept_size[i] : sizeof(e->last);
		memcpy(e->last, e->kept[i], e->last_size);
		e->kept[i] = NULL;
	}
	e->batches++;
}

static const struct plain_ops ops = {.data = on_data, .batch_end = on_batch_end};

static struct addr
loopback(unsigned last)
{
	return addr_make(ADDR_V4, (const uint8_t[]){127, 0, 0, (uint8_t)last});
}

static struct end *
end_make_with(struct addr rloc, bool offloads, uint16_t mtu_max, struct udp *control)
{
	struct end *e = calloc(1, sizeof(*e));
	struct plain_conf conf = {.rlocs = {rloc},
				  .port = PORT,
				  .udp_segment = offloads,
				  .udp_gro = offloads,
				  .mtu_max = mtu_max,
				  .control = {control}};

	assert_non_null(e);
	e->rloc = rloc;
	e->log = log_create(LOG_ERROR, NULL);
	assert_int_equal(plain_create(&conf, &ops, e, e->log, &e->p), 0);
	return e;
}

static struct end *
end_make(struct addr rloc, bool offloads, uint16_t mtu_max)
{
	return end_make_with(rloc, offloads, mtu_max, NULL);
}

static void
end_free(struct end *e)
{
	plain_destroy(e->p);
	log_destroy(e->log);
	free(e);
}

/* Reads until 'count' packets have come in all. */
static void
hear(struct end *e, unsigned count)
{
	struct pollfd fd = {.fd = plain_fd(e->p, 0), .events = POLLIN};

	while (e->packets < count) {
		assert_int_equal(poll(&fd, 1, DEADLINE), 1);
		plain_readable(e->p, 0, NOW);
	}
}

static struct plain_to
to_end(const struct end *e, uint32_t flow)
{
	return (struct plain_to){
		.rloc = {.addr = e->rloc, .port = PORT},
		.header = {.has_vn = true, .vn = 0x010203, .has_lsb = true, .lsb = 5},
		.flow = flow};
}

/* Sends one packet of this kind. */
static int
send_one(struct end *from, const struct plain_to *to, const struct packet_want *want, bool partial)
{
	uint8_t *packet = packet_make(want);
	struct frame f = {.data = packet,
			  .size = packet_header_size(want) + want->payload,
			  .csum_partial = partial};
	struct ip ip;
	int rc;

	assert_int_equal(ip_parse(packet, f.size, &ip), 0);
	if (partial)
		packet_put16(packet + ip.header_size + 6,
			     ip_pseudo_sum(&ip, (uint32_t)want->payload));
	else
		ip_l4_checksum(packet, &ip);
	rc = plain_send(from->p, to, &f, NOW);
	plain_flush(from->p);
	free(packet);
	return rc;
}

static void
a_packet_arrives_with_its_header(void **state)
{
	struct end *a = end_make(loopback(1), true, 1500), *b = end_make(loopback(2), true, 1500);
	struct plain_to to = to_end(b, 3);

	(void)state;
	assert_int_equal(
		send_one(a, &to, &(struct packet_want){.proto = PACKET_UDP, .payload = 100}, false),
		0);
	hear(b, 1);
	assert_int_equal(b->last_size, 120);
	assert_int_equal(packet_l4_sum(b->last, 120), 0xffff);
	assert_true(b->header.has_vn && b->header.has_lsb);
	assert_int_equal(b->header.vn, 0x010203);
	assert_int_equal(b->header.lsb, 5);
	assert_true(addr_equal(b->from[0].addr, a->rloc));
	assert_int_not_equal(b->from[0].port, PORT);
	end_free(a);
	end_free(b);
}

/* The hops of the underlay count, and a congestion mark comes in (RFC 9300 section 5.3). */
/* Behind a NAT, and towards one, the port that a packet comes from says whether it is let in. */
static void
a_packet_leaves_by_the_port_that_is_known(void **state)
{
	struct udp_conf conf = {.listen = {loopback(1), CONTROL_PORT}, .mtu = UDP_MTU_KERNEL};
	struct end *b = end_make(loopback(2), true, 1500), *a;
	struct udp *control;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct log *log = log_create(LOG_ERROR, NULL);
		struct plain_to to = to_end(b, 3);

		assert_int_equal(udp_create(&conf, log, &control), 0);
		a = end_make_with(loopback(1), true, 1500, i == 0 ? control : NULL);
		b->packets = 0;
		to.by = PLAIN_BY_DATA;
		assert_int_equal(
			send_one(a, &to, &(struct packet_want){.proto = PACKET_UDP, .payload = 100},
				 false),
			0);
		hear(b, 1);
		assert_int_equal(b->from[0].port, PORT);
		b->packets = 0;
		to.by = PLAIN_BY_CONTROL;
		assert_int_equal(
			send_one(a, &to, &(struct packet_want){.proto = PACKET_UDP, .payload = 100},
				 false),
			i == 0 ? 0 : -EAFNOSUPPORT);
		if (i == 0) {
			hear(b, 1);
			assert_int_equal(b->from[0].port, CONTROL_PORT);
		}
		end_free(a);
		udp_destroy(control);
		log_destroy(log);
	}
	end_free(b);
}

static void
ttl_and_congestion_go_over(void **state)
{
	struct end *a = end_make(loopback(1), true, 1500), *b = end_make(loopback(2), true, 1500);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ttl = 9, tos = 0xb8 | 3;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct packet_want want = {.proto = PACKET_UDP, .payload = 8, .ttl = 33};
	uint8_t *packet = packet_make(&want), bytes[LISPDATA_SIZE + 28];

	(void)state;
	/* Out: the outer TTL is the inner's, and the smaller one comes out. */
	assert_int_equal(send_one(a, &(struct plain_to){.rloc = {b->rloc, PORT}}, &want, false), 0);
	hear(b, 1);
	assert_int_equal(b->last[8], 33);
	assert_false(b->header.has_vn);
	/* In: from a router that set other values, on an ECN-capable packet. */
	packet[1] = 0xb8 | 2;
	packet_ip4_sum(packet);
	lispdata_build(&(struct lispdata){0}, bytes);
	memcpy(bytes + LISPDATA_SIZE, packet, 28);
	memcpy(&at.sin_addr, b->rloc.b, 4);
	setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	assert_int_equal(sendto(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&at, sizeof(at)),
			 36);
	hear(b, 2);
	assert_int_equal(b->last[8], 9);
	assert_int_equal(b->last[1] & 3, 3);
	/* The mark on a packet that is not: dropped and counted. */
	packet[1] = 0xb8;
	packet_ip4_sum(packet);
	memcpy(bytes + LISPDATA_SIZE, packet, 28);
	assert_int_equal(sendto(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&at, sizeof(at)),
			 36);
	assert_int_equal(send_one(a, &(struct plain_to){.rloc = {b->rloc, PORT}}, &want, false), 0);
	hear(b, 3);
	assert_int_equal(plain_drop_count(b->p, PLAIN_DROP_CONGESTED), 1);
	close(fd);
	free(packet);
	end_free(a);
	end_free(b);
}

/* A flow keeps its source port, flows spread over all; whether the checksum is zero makes no difference. */
static void
check_spread(bool zero_checksum)
{
	struct end *a = end_make(loopback(1), true, 1500), *b = end_make(loopback(2), true, 1500);
	struct packet_want want = {.proto = PACKET_UDP, .payload = 20};
	unsigned ports = 0;

	for (uint32_t flow = 0; flow < 2 * PLAIN_POOL; flow++) {
		struct plain_to to = to_end(b, flow);

		to.zero_checksum = zero_checksum;
		assert_int_equal(send_one(a, &to, &want, false), 0);
		hear(b, flow + 1);
	}
	for (unsigned i = 0; i < PLAIN_POOL; i++) {
		bool is_new = true;

		assert_int_equal(b->from[i].port, b->from[i + PLAIN_POOL].port);
		for (unsigned j = 0; j < i; j++)
			is_new = is_new && b->from[j].port != b->from[i].port;
		ports += is_new;
	}
	assert_int_equal(ports, PLAIN_POOL);
	end_free(a);
	end_free(b);
}

static void
flows_spread_over_source_ports(void **state)
{
	(void)state;
	check_spread(false);
	check_spread(true);
}

static void
check_super_frame(bool offloads, bool zero_checksum)
{
	struct end *a = end_make(loopback(1), offloads, 1500);
	struct end *b = end_make(loopback(2), offloads, 1500);
	struct plain_to to = to_end(b, 1);
	struct packet_want want = {.proto = PACKET_TCP, .payload = 20 + 30 * 1400 + 77};
	uint8_t *packet = packet_make(&want);
	struct frame f = {.data = packet,
			  .size = 20 + want.payload,
			  .gso = FRAME_GSO_TCP4,
			  .gso_size = 1400,
			  .csum_partial = true};

	to.zero_checksum = zero_checksum;
	assert_int_equal(plain_send(a->p, &to, &f, NOW), 0);
	plain_flush(a->p);
	hear(b, 31);
	assert_int_equal(b->stream_size, 30 * 1400 + 77);
	assert_memory_equal(b->stream, packet + 40, b->stream_size);
	if (offloads && !zero_checksum)
		/* It came in trains. */
		assert_in_range(b->batches, 1, 4);
	free(packet);
	end_free(a);
	end_free(b);
}

static void
a_super_frame_arrives_in_segments(void **state)
{
	(void)state;
	check_super_frame(true, false);
	check_super_frame(false, false);
}

static void
a_zero_checksum_is_possible(void **state)
{
	(void)state;
	check_super_frame(true, true);
}

static void
an_unfinished_checksum_is_finished(void **state)
{
	struct end *a = end_make(loopback(1), true, 1500), *b = end_make(loopback(2), true, 1500);
	struct plain_to to = to_end(b, 1);

	(void)state;
	assert_int_equal(
		send_one(a, &to, &(struct packet_want){.proto = PACKET_UDP, .payload = 33}, true),
		0);
	hear(b, 1);
	assert_int_equal(packet_l4_sum(b->last, b->last_size), 0xffff);
	end_free(a);
	end_free(b);
}

static void
ipv6_on_both_levels(void **state)
{
	struct addr one = {.family = ADDR_V6};
	struct packet_want want = {.proto = PACKET_UDP, .payload = 40, .ip6 = true, .ttl = 20};
	struct end *e;
	struct plain_to to;

	(void)state;
	one.b[15] = 1;
	e = end_make(one, true, 1500);
	to = to_end(e, 2);
	assert_int_equal(send_one(e, &to, &want, false), 0);
	hear(e, 1);
	assert_int_equal(e->last_size, 80);
	assert_int_equal(e->last[7], 20);
	to.zero_checksum = true;
	assert_int_equal(send_one(e, &to, &want, false), 0);
	hear(e, 2);
	/* No own locator of that family: nowhere to send from. */
	to.rloc.addr = loopback(1);
	assert_int_equal(send_one(e, &to, &want, false), -EAFNOSUPPORT);
	end_free(e);
}

static void
what_does_not_fit_is_refused(void **state)
{
	struct end *a = end_make(loopback(1), true, 1500), *b = end_make(loopback(2), true, 1500);
	struct plain_to to = to_end(b, 1);
	struct packet_want want = {.proto = PACKET_UDP, .payload = 1500 - 36 - 20};

	(void)state;
	assert_int_equal(plain_mtu(a->p, b->rloc, NOW), 1500 - 36);
	assert_int_equal(send_one(a, &to, &want, false), 0);
	hear(b, 1);
	want.payload++;
	assert_int_equal(send_one(a, &to, &want, false), -EMSGSIZE);
	end_free(a);
	end_free(b);
}

static void
what_is_no_data_packet_is_counted(void **state)
{
	static const struct {
		uint8_t bytes[12];
		size_t size;
		enum plain_drop reason;
	} rows[] = {
		{{0}, 3, PLAIN_DROP_MALFORMED},
		{{0}, 8, PLAIN_DROP_MALFORMED},
		{{0, 0, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 99}, 12, PLAIN_DROP_MALFORMED},
		{{0x01}, 12, PLAIN_DROP_ENCRYPTED},
	};
	struct end *a = end_make(loopback(1), true, 1500), *b = end_make(loopback(2), true, 1500);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct plain_to to = to_end(b, 1);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	memcpy(&at.sin_addr, b->rloc.b, 4);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t before = plain_drop_count(b->p, rows[i].reason);

		assert_int_equal(sendto(fd, rows[i].bytes, rows[i].size, 0, (struct sockaddr *)&at,
					sizeof(at)),
				 (ssize_t)rows[i].size);
		assert_int_equal(send_one(a, &to,
					  &(struct packet_want){.proto = PACKET_UDP, .payload = 9},
					  false),
				 0);
		hear(b, (unsigned)i + 1);
		assert_int_equal(plain_drop_count(b->p, rows[i].reason), before + 1);
	}
	close(fd);
	end_free(a);
	end_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_arrives_with_its_header),
		cmocka_unit_test(a_packet_leaves_by_the_port_that_is_known),
		cmocka_unit_test(ttl_and_congestion_go_over),
		cmocka_unit_test(flows_spread_over_source_ports),
		cmocka_unit_test(a_super_frame_arrives_in_segments),
		cmocka_unit_test(a_zero_checksum_is_possible),
		cmocka_unit_test(an_unfinished_checksum_is_finished),
		cmocka_unit_test(ipv6_on_both_levels),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(what_is_no_data_packet_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
