/* The way out of a port, over a socket pair in the place of a packet socket. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "vr/port_tx.h"
#include "vr/port_vnet.h"
#include "wire/be.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define ACK    0x10
#define HEADER (IP4_SIZE_MIN + 20)

struct bench {
	struct port_tx *tx;
	int ours, theirs;
};

static struct bench
bench_make_with(struct port_tx_conf *conf)
{
	int pair[2], size = 1 << 20;
	struct bench b;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	conf->fd = b.ours = pair[0];
	b.theirs = pair[1];
	assert_int_equal(port_tx_create(conf, &b.tx), 0);
	return b;
}

static struct bench
bench_make(bool vnet_hdr, bool udp_super)
{
	struct port_tx_conf conf = {.vnet_hdr = vnet_hdr, .udp_super = udp_super, .mtu = 1500};

	return bench_make_with(&conf);
}

static void
bench_end(struct bench *b)
{
	port_tx_destroy(b->tx);
	close(b->ours);
	close(b->theirs);
}

/* Size of the next message, or -1 when there is none. */
static int
receive(struct bench *b, uint8_t *room, size_t size)
{
	return (int)recv(b->theirs, room, size, MSG_DONTWAIT);
}

/* A TCP or UDP packet of flow 'flow' at byte 'seq', partial checksum; free(f.data). */
static struct frame
make(uint8_t proto, uint16_t flow, uint32_t seq, uint16_t id, uint32_t payload)
{
	struct eth eth = {.dst = {{2}}, .src = {{4}}, .type = ETH_IP4};
	uint32_t size = IP4_SIZE_MIN + (proto == IP_PROTO_TCP ? 20u : 8u) + payload;
	struct frame f = {.size = ETH_SIZE + size, .csum_partial = true};
	uint8_t *p, *l4;
	struct ip ip;

	f.data = calloc(1, f.size);
	assert_non_null(f.data);
	eth_build(&eth, f.data);
	p = f.data + ETH_SIZE;
	l4 = p + IP4_SIZE_MIN;
	p[0] = 0x45;
	p[8] = 64;
	p[9] = proto;
	be16_put(p + 2, (uint16_t)size);
	be16_put(p + 4, id);
	be32_put(p + 12, 0x0a010001);
	be32_put(p + 16, 0x0a020001);
	ip_header_checksum(p);
	be16_put(l4, flow);
	be16_put(l4 + 2, 80);
	if (proto == IP_PROTO_TCP) {
		be32_put(l4 + 4, seq);
		l4[12] = 0x50;
		l4[13] = ACK;
	} else {
		be16_put(l4 + 4, (uint16_t)(8 + payload));
	}
	memset(f.data + f.size - payload, (int)seq, payload);
	assert_int_equal(ip_parse(p, size, &ip), 0);
	be16_put(l4 + ip_csum_offset(proto), ip_pseudo_sum(&ip, size - IP4_SIZE_MIN));
	return f;
}

static void
flows_are_joined_apart_and_each_keeps_its_order(void **state)
{
	struct bench b = bench_make(true, true);
	struct frame f[3][9];
	static uint8_t const order[] = {0, 1, 1, 2, 0, 2, 0, 1, 2};
	uint8_t *room = malloc(70000);
	struct virtio_net_hdr h;

	(void)state;
	for (uint32_t i = 0; i < 9; i++)
		for (uint16_t flow = 0; flow < 3; flow++)
			f[flow][i] = make(IP_PROTO_TCP, flow, i * 1000, (uint16_t)i, 1000);
	for (uint32_t i = 0, at[3] = {0}; i < 9; i++)
		assert_int_equal(port_tx_send(b.tx, &f[order[i]][at[order[i]]++]), 0);
	assert_int_equal(receive(&b, room, 70000), -1);
	port_tx_flush(b.tx);
	for (uint16_t flow = 0; flow < 3; flow++) {
		assert_int_equal(receive(&b, room, 70000),
				 sizeof(h) + ETH_SIZE + HEADER + 3 * 1000);
		memcpy(&h, room, sizeof(h));
		assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
		assert_int_equal(h.gso_size, 1000);
		assert_int_equal(h.hdr_len, ETH_SIZE + HEADER);
		assert_int_equal(h.csum_start, ETH_SIZE + IP4_SIZE_MIN);
		assert_int_equal(h.csum_offset, 16);
		assert_int_equal(be16_get(room + sizeof(h) + ETH_SIZE + IP4_SIZE_MIN), flow);
		assert_int_equal(room[sizeof(h) + ETH_SIZE + HEADER + 2000], (uint8_t)2000);
	}
	assert_int_equal(receive(&b, room, 70000), -1);
	for (uint32_t i = 0; i < 27; i++)
		free(f[i / 9][i % 9].data);
	free(room);
	bench_end(&b);
}

static void
nothing_of_a_flow_passes_what_could_not_be_joined(void **state)
{
	struct bench b = bench_make(true, true);
	/* The third has a gap before it; the fourth would continue the second. */
	uint32_t seq[] = {0, 1000, 5000, 2000, 3000}, expected[] = {0, 5000, 2000};
	struct frame f[ARRAY_COUNT(seq)];
	uint8_t *room = malloc(70000);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(seq); i++) {
		f[i] = make(IP_PROTO_TCP, 1, seq[i], (uint16_t)(i - (i > 2)), 1000);
		assert_int_equal(port_tx_send(b.tx, &f[i]), 0);
	}
	port_tx_flush(b.tx);
	for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
		assert_true(receive(&b, room, 70000) > 0);
		assert_int_equal(be32_get(room + sizeof(struct virtio_net_hdr) + ETH_SIZE +
					  IP4_SIZE_MIN + 4),
				 expected[i]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(seq); i++)
		free(f[i].data);
	free(room);
	bench_end(&b);
}

static bool
is_finished(const uint8_t *frame, size_t size)
{
	struct ip ip;
	uint32_t l4_size;

	assert_int_equal(ip_parse(frame + ETH_SIZE, size - ETH_SIZE, &ip), 0);
	l4_size = ip.size - ip.header_size;
	return ip_sum(frame + ETH_SIZE + ip.header_size, l4_size, ip_pseudo_sum(&ip, l4_size)) ==
	       0xffff;
}

static void
without_vnet_header_all_leave_finished_and_cut(void **state)
{
	struct bench b = bench_make(false, true);
	struct frame rows[] = {make(IP_PROTO_TCP, 1, 0, 0, 40000),
			       make(IP_PROTO_UDP, 2, 0, 0, 4100), make(IP_PROTO_UDP, 3, 0, 0, 100)};
	static const uint16_t gso_size[] = {1000, 1000, 0};
	static const uint8_t gso[] = {FRAME_GSO_TCP4, FRAME_GSO_UDP, FRAME_GSO_NONE};
	static const size_t expected[] = {40, 5, 1};
	struct port_tx_stats stats;
	uint8_t *room = malloc(70000);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		rows[i].gso = gso[i];
		rows[i].gso_size = gso_size[i];
		assert_int_equal(port_tx_send(b.tx, &rows[i]), 0);
		port_tx_flush(b.tx);
		for (size_t k = 0; k < expected[i]; k++) {
			int size = receive(&b, room, 70000);

			assert_true(size > ETH_SIZE && size <= ETH_SIZE + 1500);
			assert_true(is_finished(room, (size_t)size));
		}
		assert_int_equal(receive(&b, room, 70000), -1);
		free(rows[i].data);
	}
	port_tx_stats(b.tx, &stats);
	assert_int_equal(stats.frames, 46);
	free(room);
	bench_end(&b);
}

static void
udp_super_frames_leave_whole_only_where_they_may(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct bench b = bench_make(true, udp == 1);
		struct frame f = make(IP_PROTO_UDP, 2, 0, 0, 4100);
		uint8_t *room = malloc(70000);
		struct virtio_net_hdr h;
		int count = 0;

		f.gso = FRAME_GSO_UDP;
		f.gso_size = 1000;
		assert_int_equal(port_tx_send(b.tx, &f), 0);
		port_tx_flush(b.tx);
		while (receive(&b, room, 70000) > 0) {
			memcpy(&h, room, sizeof(h));
			assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
			assert_int_equal(h.gso_type, udp == 1 ? VIRTIO_NET_HDR_GSO_UDP_L4
							      : VIRTIO_NET_HDR_GSO_NONE);
			count++;
		}
		assert_int_equal(count, udp == 1 ? 1 : 5);
		free(f.data);
		free(room);
		bench_end(&b);
	}
}

static void
a_super_frame_is_brought_to_the_mtu(void **state)
{
	struct bench b = bench_make(true, true);
	struct frame f = make(IP_PROTO_TCP, 1, 0, 0, 40000), u = make(IP_PROTO_UDP, 1, 0, 0, 9000);
	struct frame plain = make(IP_PROTO_TCP, 1, 0, 0, 1461);
	uint8_t *room = malloc(70000);
	struct port_tx_stats stats;
	struct virtio_net_hdr h;

	(void)state;
	f.gso = FRAME_GSO_TCP4;
	f.gso_size = 8960;
	assert_int_equal(port_tx_send(b.tx, &f), 0);
	port_tx_flush(b.tx);
	assert_true(receive(&b, room, 70000) > 40000);
	memcpy(&h, room, sizeof(h));
	assert_int_equal(h.gso_size, 1460);
	u.gso = FRAME_GSO_UDP;
	u.gso_size = 1473;
	assert_int_equal(port_tx_send(b.tx, &u), -EMSGSIZE);
	assert_int_equal(port_tx_send(b.tx, &plain), -EMSGSIZE);
	port_tx_stats(b.tx, &stats);
	assert_int_equal(stats.drop_too_large, 2);
	/* The device has got a larger one. */
	port_tx_set_mtu(b.tx, 1501);
	assert_int_equal(port_tx_send(b.tx, &plain), 0);
	port_tx_flush(b.tx);
	assert_int_equal(receive(&b, room, 70000), (int)(sizeof(h) + plain.size));
	free(f.data);
	free(u.data);
	free(plain.data);
	free(room);
	bench_end(&b);
}

/* A TUN device takes packets: what the header says counts from there. */
static void
a_tun_gets_no_ethernet_header(void **state)
{
	(void)state;
	for (int vnet = 0; vnet < 2; vnet++) {
		struct port_tx_conf conf = {.bare_ip = true, .vnet_hdr = vnet == 1, .mtu = 1500};
		size_t extra = vnet == 1 ? sizeof(struct virtio_net_hdr) : 0;
		struct bench b = bench_make_with(&conf);
		struct frame super = make(IP_PROTO_TCP, 2, 0, 0, 3000);
		struct frame f[] = {make(IP_PROTO_TCP, 1, 0, 0, 1000),
				    make(IP_PROTO_TCP, 1, 1000, 1, 1000),
				    make(IP_PROTO_UDP, 1, 0, 0, 500)};
		uint32_t joined[] = {HEADER + 2000, IP4_SIZE_MIN + 8 + 500, HEADER + 3000};
		uint32_t cut[] = {HEADER + 1000, HEADER + 1000, IP4_SIZE_MIN + 8 + 500,
				  HEADER + 1000, HEADER + 1000, HEADER + 1000};
		const uint32_t *sizes = vnet == 1 ? joined : cut;
		size_t count = vnet == 1 ? ARRAY_COUNT(joined) : ARRAY_COUNT(cut);
		uint8_t *room = malloc(70000);
		struct virtio_net_hdr h;

		for (size_t i = 0; i < ARRAY_COUNT(f); i++)
			assert_int_equal(port_tx_send(b.tx, &f[i]), 0);
		super.gso = FRAME_GSO_TCP4;
		super.gso_size = 1000;
		assert_int_equal(port_tx_send(b.tx, &super), 0);
		port_tx_flush(b.tx);
		for (size_t i = 0; i < count; i++) {
			struct ip ip;

			assert_int_equal(receive(&b, room, 70000), (int)(extra + sizes[i]));
			assert_int_equal(ip_parse(room + extra, sizes[i], &ip), 0);
			assert_int_equal(ip.size, sizes[i]);
			if (vnet == 0)
				continue;
			memcpy(&h, room, sizeof(h));
			assert_int_equal(h.csum_start, IP4_SIZE_MIN);
			assert_int_equal(h.hdr_len, ip.header_size + ip.l4_header_size);
		}
		assert_int_equal(receive(&b, room, 70000), -1);
		for (size_t i = 0; i < ARRAY_COUNT(f); i++)
			free(f[i].data);
		free(super.data);
		free(room);
		bench_end(&b);
	}
}

static void
what_the_socket_does_not_take_is_counted(void **state)
{
	struct bench b = bench_make(true, true);
	struct frame f = make(IP_PROTO_UDP, 1, 0, 0, 1400);
	struct port_tx_stats stats;

	(void)state;
	for (int i = 0; i < 3000; i++)
		assert_int_equal(port_tx_send(b.tx, &f), 0);
	port_tx_flush(b.tx);
	port_tx_stats(b.tx, &stats);
	assert_true(stats.drop_tx > 0 && stats.frames > 0);
	assert_int_equal(stats.drop_tx + stats.frames, 3000);
	free(f.data);
	bench_end(&b);
}

static void
a_partial_checksum_on_nothing_known_is_refused(void **state)
{
	(void)state;
	for (int vnet = 0; vnet < 2; vnet++) {
		struct bench b = bench_make(vnet == 1, true);
		struct frame f = make(IP_PROTO_UDP, 1, 0, 0, 1400);

		f.data[ETH_SIZE + 9] = IP_PROTO_ICMP;
		ip_header_checksum(f.data + ETH_SIZE);
		assert_int_equal(port_tx_send(b.tx, &f), -EBADMSG);
		f.csum_partial = false;
		assert_int_equal(port_tx_send(b.tx, &f), 0);
		f.gso = FRAME_GSO_UDP;
		f.gso_size = 1000;
		assert_int_equal(port_tx_send(b.tx, &f), -EBADMSG);
		f.size = 5;
		assert_int_equal(port_tx_send(b.tx, &f), -EBADMSG);
		port_tx_flush(b.tx);
		free(f.data);
		bench_end(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_are_joined_apart_and_each_keeps_its_order),
		cmocka_unit_test(nothing_of_a_flow_passes_what_could_not_be_joined),
		cmocka_unit_test(without_vnet_header_all_leave_finished_and_cut),
		cmocka_unit_test(udp_super_frames_leave_whole_only_where_they_may),
		cmocka_unit_test(a_super_frame_is_brought_to_the_mtu),
		cmocka_unit_test(a_tun_gets_no_ethernet_header),
		cmocka_unit_test(what_the_socket_does_not_take_is_counted),
		cmocka_unit_test(a_partial_checksum_on_nothing_known_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
