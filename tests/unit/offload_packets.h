/* Packets and super-frames that are cut and joined. */
#ifndef TESTS_UNIT_OFFLOAD_PACKETS_H
#define TESTS_UNIT_OFFLOAD_PACKETS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "vr/offload.h"
#include "wire/be.h"
#include "wire/eth.h"

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10, URG = 0x20, ECE = 0x40 };
enum { CWR = 0x80 };

#define SEQ   0xfffffe00u /* wraps within a super-frame */
#define IP_ID 0xfffe

/* What a test packet is; zero means the usual. */
struct shape {
	uint8_t family, proto, flags;
	uint32_t payload;
	uint8_t options; /* bytes of TCP options */
	uint16_t gso_size;
	bool partial;
};

static inline uint32_t
header_size(const struct shape *s)
{
	return (s->family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE) +
	       (s->proto == IP_PROTO_TCP ? 20u + s->options : 8u);
}

static inline void
put_ip(const struct shape *s, uint8_t *p, uint32_t size)
{
	if (s->family == ADDR_V4) {
		p[0] = 0x45;
		p[1] = 0x02;
		be16_put(p + 2, (uint16_t)size);
		be16_put(p + 4, IP_ID);
		be16_put(p + 6, 0x4000);
		p[8] = 63;
		p[9] = s->proto;
		be32_put(p + 12, 0x0a010005);
		be32_put(p + 16, 0x0a020007);
		ip_header_checksum(p);
		return;
	}
	be32_put(p, 0x60212345);
	be16_put(p + 4, (uint16_t)(size - IP6_SIZE));
	p[6] = s->proto;
	p[7] = 63;
	memset(p + 8, 0x20, 32);
	p[39] = 7;
}

static inline void
put_l4(const struct shape *s, uint8_t *l4, uint32_t l4_size)
{
	be16_put(l4, 50000);
	be16_put(l4 + 2, 443);
	if (s->proto == IP_PROTO_UDP) {
		be16_put(l4 + 4, (uint16_t)l4_size);
		return;
	}
	be32_put(l4 + 4, SEQ);
	be32_put(l4 + 8, 0x01020304);
	l4[12] = (uint8_t)((20 + s->options) / 4 << 4);
	l4[13] = s->flags;
	be16_put(l4 + 14, 501);
	memset(l4 + 20, 1, s->options);
}

/* The frame at its Ethernet header, in memory of its exact size: free(f.data). */
static inline struct frame
make(struct shape s)
{
	uint32_t header = header_size(&s);
	uint32_t size = header + s.payload;
	struct frame f = {.size = ETH_SIZE + size, .gso_size = s.gso_size};
	struct eth eth = {.dst = {{2, 0, 0, 0, 0, 2}},
			  .src = {{2, 0, 0, 0, 0, 1}},
			  .type = s.family == ADDR_V4 ? ETH_IP4 : ETH_IP6};
	struct ip ip;
	uint8_t *p, *l4;

	f.data = calloc(1, f.size);
	assert_non_null(f.data);
	eth_build(&eth, f.data);
	p = f.data + ETH_SIZE;
	put_ip(&s, p, size);
	l4 = p + (s.family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE);
	put_l4(&s, l4, size - (uint32_t)(l4 - p));
	for (uint32_t i = 0; i < s.payload; i++)
		p[header + i] = (uint8_t)(i * 7 + (i >> 8));
	assert_int_equal(ip_parse(p, size, &ip), 0);
	if (s.partial)
		be16_put(l4 + ip_csum_offset(s.proto),
			 ip_pseudo_sum(&ip, ip.size - ip.header_size));
	else
		ip_l4_checksum(p, &ip);
	f.csum_partial = s.partial;
	if (s.gso_size != 0)
		f.gso = s.proto == IP_PROTO_UDP ? FRAME_GSO_UDP
			: s.family == ADDR_V4   ? FRAME_GSO_TCP4
						: FRAME_GSO_TCP6;
	return f;
}

static inline struct frame
at_ip(const struct frame *f)
{
	struct frame packet = *f;

	packet.data += ETH_SIZE;
	packet.size -= ETH_SIZE;
	return packet;
}

/* Segment 'index' as a frame of its own, Ethernet header in front. */
static inline struct frame
segment(const struct offload_cut *cut, uint32_t index, const uint8_t *ethernet)
{
	uint8_t header[OFFLOAD_HEADER_MAX];
	struct frame f = {.csum_partial = cut->csum_partial};
	const uint8_t *payload;
	uint32_t size;

	offload_cut_get(cut, index, header, &payload, &size);
	f.size = ETH_SIZE + cut->header_size + size;
	f.data = malloc(f.size);
	assert_non_null(f.data);
	memcpy(f.data, ethernet, ETH_SIZE);
	memcpy(f.data + ETH_SIZE, header, cut->header_size);
	memcpy(f.data + ETH_SIZE + cut->header_size, payload, size);
	return f;
}

static const struct shape supers[] = {
	{ADDR_V4, IP_PROTO_TCP, ACK, 10000, 12, 1448, true},
	{ADDR_V4, IP_PROTO_TCP, ACK | PSH, 2896, 12, 1448, true},
	{ADDR_V4, IP_PROTO_TCP, ACK | PSH, 2897, 0, 1448, false},
	{ADDR_V4, IP_PROTO_TCP, ACK, 1448, 40, 1448, true},
	{ADDR_V4, IP_PROTO_TCP, ACK, 64000, 12, 1001, true},
	{ADDR_V6, IP_PROTO_TCP, ACK, 10000, 12, 1428, true},
	{ADDR_V6, IP_PROTO_TCP, ACK, 9999, 0, 1427, false},
	{ADDR_V4, IP_PROTO_UDP, 0, 5000, 0, 1200, true},
	{ADDR_V4, IP_PROTO_UDP, 0, 4801, 0, 1200, false},
	{ADDR_V6, IP_PROTO_UDP, 0, 5000, 0, 1201, true},
};

#endif
