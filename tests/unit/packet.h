/* IP packets for tests, made and checked without the code under test. */
#ifndef TESTS_UNIT_PACKET_H
#define TESTS_UNIT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_TCP  6
#define PACKET_UDP  17
#define PACKET_ICMP 1

/* One's complement sum as RFC 1071 tells it: byte by byte, without tricks. */
static inline uint16_t
packet_sum(const uint8_t *bytes, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i++) {
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static inline void
packet_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline unsigned
packet_get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* What a test wants; what is left zero gets a usual value. */
struct packet_want {
	bool ip6;
	uint8_t proto;
	uint8_t ttl;       /* 0: 64 */
	size_t options;    /* bytes of IPv4 options (no operations), a multiple of 4 */
	size_t payload;    /* bytes behind the IP header */
	uint16_t fragment; /* flags and offset field of IPv4 */
	uint8_t tcp_words; /* data offset; 0: 5 */
};

static inline size_t
packet_header_size(const struct packet_want *want)
{
	return want->ip6 ? 40 : 20 + want->options;
}

static inline void
packet_ip4_sum(uint8_t *packet)
{
	packet_put16(packet + 10, 0);
	packet_put16(packet + 10, (uint16_t)~packet_sum(packet, (packet[0] & 15u) * 4, 0));
}

/* On the heap in its exact size, from 10.1.0.5 to 10.2.0.6 (2001:db8:1::5 to 2001:db8:2::6),
 * ports 4660 and 80, payload bytes counting up.  Transport checksums are left zero. */
static inline uint8_t *
packet_make(const struct packet_want *want)
{
	static const uint8_t src6[16] = {0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5};
	static const uint8_t dst6[16] = {0x20, 1, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6};
	size_t head = packet_header_size(want), size = head + want->payload;
	uint8_t *p = calloc(1, size);
	uint8_t *l4 = p + head;

	if (p == NULL)
		abort();
	for (size_t i = 0; i < want->payload; i++)
		l4[i] = (uint8_t)i;
	if (want->ip6) {
		p[0] = 0x60;
		packet_put16(p + 4, (unsigned)want->payload);
		p[6] = want->proto;
		p[7] = want->ttl != 0 ? want->ttl : 64;
		memcpy(p + 8, src6, 16);
		memcpy(p + 24, dst6, 16);
	} else {
		p[0] = (uint8_t)(0x40 | head / 4);
		packet_put16(p + 2, (unsigned)size);
		packet_put16(p + 4, 0x1234);
		packet_put16(p + 6, want->fragment);
		p[8] = want->ttl != 0 ? want->ttl : 64;
		p[9] = want->proto;
		memcpy(p + 12, (const uint8_t[]){10, 1, 0, 5, 10, 2, 0, 6}, 8);
		memset(p + 20, 1, want->options);
		packet_ip4_sum(p);
	}
	if (want->payload >= 8 && (want->proto == PACKET_TCP || want->proto == PACKET_UDP)) {
		packet_put16(l4, 4660);
		packet_put16(l4 + 2, 80);
	}
	if (want->payload >= 8 && want->proto == PACKET_UDP) {
		packet_put16(l4 + 4, (unsigned)want->payload);
		packet_put16(l4 + 6, 0);
	}
	if (want->payload >= 20 && want->proto == PACKET_TCP) {
		l4[12] = (uint8_t)((want->tcp_words != 0 ? want->tcp_words : 5) << 4);
		l4[13] = 0x10;
		packet_put16(l4 + 16, 0);
	}
	return p;
}

/* Sum over the pseudo-header and everything behind the IP header: 0xffff when the checksum is
 * right. */
static inline uint16_t
packet_l4_sum(const uint8_t *p, size_t size)
{
	bool ip6 = p[0] >> 4 == 6;
	size_t head = ip6 ? 40 : (p[0] & 15u) * 4;
	uint8_t tail[4] = {0, 0, 0, ip6 ? p[6] : p[9]};
	uint16_t sum = packet_sum(p + (ip6 ? 8 : 12), ip6 ? 32 : 8, 0);

	packet_put16(tail, (unsigned)(size - head));
	return packet_sum(p + head, size - head, packet_sum(tail, sizeof(tail), sum));
}

#endif
