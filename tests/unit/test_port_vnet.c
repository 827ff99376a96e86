/* The kernel's header in front of a frame, both ways. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vr/port_vnet.h"
#include "wire/be.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define L4_AT   (ETH_SIZE + IP4_SIZE_MIN)
#define NEEDS   VIRTIO_NET_HDR_F_NEEDS_CSUM
#define PAYLOAD 400

/* An IPv4 frame of this protocol in memory of its exact size: free(f.data). */
static struct frame
make(uint8_t proto)
{
	uint32_t l4 = proto == IP_PROTO_TCP ? 20 : proto == IP_PROTO_UDP ? 8 : 12;
	struct eth eth = {.dst = {{2}}, .src = {{4}}, .type = ETH_IP4};
	struct frame f = {.size = L4_AT + l4 + PAYLOAD};
	uint8_t *p;

	f.data = calloc(1, f.size);
	assert_non_null(f.data);
	eth_build(&eth, f.data);
	p = f.data + ETH_SIZE;
	p[0] = 0x45;
	be16_put(p + 2, (uint16_t)(f.size - ETH_SIZE));
	p[8] = 64;
	p[9] = proto;
	be32_put(p + 12, 0x0a010001);
	be32_put(p + 16, 0x0a020001);
	ip_header_checksum(p);
	if (proto == IP_PROTO_TCP)
		f.data[L4_AT + 12] = 0x50;
	else if (proto == IP_PROTO_UDP)
		be16_put(f.data + L4_AT + 4, (uint16_t)(8 + PAYLOAD));
	return f;
}

static void
what_is_built_is_parsed_again(void **state)
{
	static const struct {
		uint8_t proto, gso;
		uint16_t gso_size;
		bool partial;
	} rows[] = {
		{IP_PROTO_TCP, FRAME_GSO_TCP4, 100, true},
		{IP_PROTO_TCP, FRAME_GSO_NONE, 0, true},
		{IP_PROTO_TCP, FRAME_GSO_NONE, 0, false},
		{IP_PROTO_UDP, FRAME_GSO_UDP, 100, true},
		{IP_PROTO_UDP, FRAME_GSO_NONE, 0, true},
		{IP_PROTO_ICMP, FRAME_GSO_NONE, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct frame f = make(rows[i].proto), back = {.data = f.data, .size = f.size};
		struct virtio_net_hdr h;

		f.gso = rows[i].gso;
		f.gso_size = rows[i].gso_size;
		f.csum_partial = rows[i].partial;
		assert_int_equal(port_vnet_build(&f, &h), 0);
		assert_int_equal(port_vnet_parse(&h, &back), 0);
		assert_int_equal(back.gso, f.gso);
		assert_int_equal(back.gso_size, f.gso_size);
		assert_int_equal(back.csum_partial, f.csum_partial);
		free(f.data);
	}
}

static void
the_congestion_bit_goes_with_the_flag_and_is_ignored_inwards(void **state)
{
	struct frame f = make(IP_PROTO_TCP);
	struct virtio_net_hdr h;

	(void)state;
	f.gso = FRAME_GSO_TCP4;
	f.gso_size = 100;
	f.csum_partial = true;
	f.data[L4_AT + 13] = 0x80;
	assert_int_equal(port_vnet_build(&f, &h), 0);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
	assert_int_equal(port_vnet_parse(&h, &f), 0);
	assert_int_equal(f.gso, FRAME_GSO_TCP4);
	free(f.data);
}

static void
headers_that_do_not_fit_the_frame_are_refused(void **state)
{
	static const struct {
		uint8_t proto;
		struct virtio_net_hdr h;
	} rows[] = {
		{IP_PROTO_TCP, {NEEDS, 1, 0, 0, L4_AT, 16}}, /* segments of nothing */
		{IP_PROTO_TCP, {0, 1, 0, 100, 0, 0}},        /* cut, but with a finished checksum */
		{IP_PROTO_TCP, {NEEDS, 1, 0, 100, 60, 16}},  /* a tunnel's inner packet */
		{IP_PROTO_UDP, {NEEDS, 3, 0, 100, L4_AT, 6}},  /* UDP fragmentation offload */
		{IP_PROTO_TCP, {NEEDS, 9, 0, 100, L4_AT, 16}}, /* unknown */
		{IP_PROTO_TCP, {NEEDS, 0, 0, 0, 0, 0}},        /* over the Ethernet header */
		{IP_PROTO_TCP, {NEEDS, 0, 0, 0, 65535, 16}},
		{IP_PROTO_TCP, {NEEDS, 0, 0, 0, 40, 65535}},
		{132, {NEEDS, 0, 0, 0, L4_AT + 12 + PAYLOAD - 11, 8}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct frame f = make(rows[i].proto);

		assert_int_equal(port_vnet_parse(&rows[i].h, &f), -EBADMSG);
		free(f.data);
	}
}

static void
every_truncation_is_refused(void **state)
{
	struct virtio_net_hdr h = {NEEDS, VIRTIO_NET_HDR_GSO_TCPV4, 0, 100, L4_AT, 16};
	struct frame f = make(IP_PROTO_TCP);

	(void)state;
	for (size_t size = 0; size < f.size; size++) {
		struct frame cut = {.size = size, .data = malloc(size)};

		memcpy(cut.data, f.data, size);
		assert_int_equal(port_vnet_parse(&h, &cut), -EBADMSG);
		free(cut.data);
	}
	free(f.data);
}

static void
an_unusual_unfinished_checksum_is_finished(void **state)
{
	/* A sum over the payload alone, kept in its first two bytes. */
	struct virtio_net_hdr h = {NEEDS, 0, 0, 0, L4_AT + 8, 0};
	struct frame f = make(IP_PROTO_UDP);

	(void)state;
	memset(f.data + L4_AT + 10, 0x5a, PAYLOAD - 2);
	assert_int_equal(port_vnet_parse(&h, &f), 0);
	assert_false(f.csum_partial);
	assert_int_equal(ip_sum(f.data + L4_AT + 8, PAYLOAD, 0), 0xffff);
	free(f.data);
}

static void
the_checksum_of_sctp_is_a_crc(void **state)
{
	struct virtio_net_hdr h = {NEEDS, 0, 0, 0, L4_AT, 8};
	struct frame f = make(132);
	uint32_t crc = 0xffffffff;

	(void)state;
	/* RFC 3720 B.4: the CRC of 32 zero bytes is 8a9136aa, sent lowest byte first. */
	f.size = L4_AT + 32;
	be16_put(f.data + ETH_SIZE + 2, IP4_SIZE_MIN + 32);
	ip_header_checksum(f.data + ETH_SIZE);
	be32_put(f.data + L4_AT + 8, crc);
	assert_int_equal(port_vnet_parse(&h, &f), 0);
	assert_int_equal(be32_get(f.data + L4_AT + 8), 0xaa36918a);
	assert_false(f.csum_partial);
	free(f.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_built_is_parsed_again),
		cmocka_unit_test(the_congestion_bit_goes_with_the_flag_and_is_ignored_inwards),
		cmocka_unit_test(headers_that_do_not_fit_the_frame_are_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(an_unusual_unfinished_checksum_is_finished),
		cmocka_unit_test(the_checksum_of_sctp_is_a_crc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
