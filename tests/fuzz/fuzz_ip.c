/* IP packets: everything a router does to one keeps it a packet and its checksums right.
 *
 * The input is two bytes that choose an MTU, and a packet.  An IPv4 header's checksum is made right
 * first where that is all that is missing, or nearly no input would get past it. */
#include <stdlib.h>

#include "base/err.h"
#include "wire/ip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *
copy_of(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size);

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, size);
	return copy;
}

/* Parses a packet that must still be one. */
static struct ip
parsed(const uint8_t *packet, size_t size)
{
	struct ip ip;

	BUG_IF(ip_parse(packet, size, &ip) != 0);
	return ip;
}

static void
check_fields(const struct ip *ip, size_t size)
{
	BUG_IF(ip->family != ADDR_V4 && ip->family != ADDR_V6);
	BUG_IF(ip->size > size || ip->header_size > ip->size);
	BUG_IF((uint32_t)ip->header_size + ip->l4_header_size > ip->size);
	BUG_IF(ip->l4_header_size != 0 && ip->fragment_offset != 0);
	BUG_IF(ip->l4_header_size == 0 && (ip->sport != 0 || ip->dport != 0));
}

static void
check_ttl(const uint8_t *packet, const struct ip *ip)
{
	uint8_t *p;
	struct ip after;

	/* A router does not get here with less. */
	if (ip->ttl <= 1)
		return;
	p = copy_of(packet, ip->size);
	ip_dec_ttl(p);
	after = parsed(p, ip->size);
	BUG_IF(after.ttl != ip->ttl - 1);
	free(p);
}

/* The sum over pseudo-header and transport packet: all ones when the checksum is right. */
static uint16_t
l4_sum(const uint8_t *packet, const struct ip *ip)
{
	const uint8_t *l4 = packet + ip->header_size;
	uint32_t size = ip->size - ip->header_size;
	uint32_t udp_size = (uint32_t)l4[4] << 8 | l4[5];

	if (ip->proto == IP_PROTO_UDP && udp_size >= 8 && udp_size < size)
		size = udp_size;
	return ip_sum(l4, size, ip_pseudo_sum(ip, size));
}

static void
check_l4(const uint8_t *packet, const struct ip *ip, uint16_t mss)
{
	uint8_t *p = copy_of(packet, ip->size);
	bool changed;

	ip_l4_checksum(p, ip);
	if (ip->l4_header_size == 0 || ip->more_fragments) {
		BUG_IF(memcmp(p, packet, ip->size) != 0);
	} else {
		BUG_IF(l4_sum(p, ip) != 0xffff);
		changed = ip_clamp_mss(p, ip, mss, false);
		BUG_IF(changed && ip->proto != IP_PROTO_TCP);
		BUG_IF(l4_sum(p, ip) != 0xffff);
		BUG_IF(ip_clamp_mss(p, ip, mss, true));
	}
	free(p);
}

static void
check_icmp(const uint8_t *packet, const struct ip *ip, uint16_t mtu)
{
	struct addr from = {.family = ip->family, .b = {10, 0, 0, 1}};
	uint8_t *p = copy_of(packet, ip->size);
	uint8_t *out = malloc(ICMP_ERROR_SIZE_MAX), *second = malloc(ICMP_ERROR_SIZE_MAX);
	static const enum icmp_error errors[] = {ICMP_NET_UNREACHABLE, ICMP_HOST_UNREACHABLE,
						 ICMP_TOO_BIG, ICMP_TTL_EXCEEDED};

	BUG_IF(out == NULL || second == NULL);
	for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
		size_t size = icmp_error_build(packet, ip, errors[i], mtu, from, out);
		struct ip about;

		BUG_IF(size > ICMP_ERROR_SIZE_MAX);
		if (size == 0)
			continue;
		about = parsed(out, size);
		BUG_IF(about.size != size || !addr_equal(about.dst, ip->src));
		/* An error about the error is never built. */
		BUG_IF(icmp_error_build(out, &about, errors[i], mtu, from, second) != 0);
	}
	if (icmp_echo_reply(p, ip)) {
		struct ip reply = parsed(p, ip->size);

		BUG_IF(!addr_equal(reply.src, ip->dst) || !addr_equal(reply.dst, ip->src));
	} else {
		BUG_IF(memcmp(p, packet, ip->size) != 0);
	}
	free(second);
	free(out);
	free(p);
}

static void
check_fragments(const uint8_t *packet, const struct ip *ip, uint16_t mtu)
{
	uint8_t *out = malloc(mtu);
	size_t at = 0, size;

	BUG_IF(out == NULL);
	for (unsigned i = 0; (size = ip4_fragment(packet, ip, mtu, i, out)) != 0; i++) {
		struct ip part;

		BUG_IF(size > mtu);
		part = parsed(out, size);
		size -= part.header_size;
		BUG_IF(at + size > ip->size - ip->header_size);
		BUG_IF(memcmp(out + part.header_size, packet + ip->header_size + at, size) != 0);
		BUG_IF(part.fragment_offset != ip->fragment_offset + at);
		at += size;
		BUG_IF(part.more_fragments !=
		       (ip->more_fragments || at < ip->size - ip->header_size));
	}
	BUG_IF(at != 0 && at != ip->size - ip->header_size);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *p;
	uint16_t mtu;
	struct ip ip;

	if (size < 2)
		return 0;
	mtu = (uint16_t)(data[0] << 8 | data[1]);
	size -= 2;
	p = copy_of(data + 2, size);
	if (ip_parse(p, size, &ip) != 0 && size >= IP4_SIZE_MIN && p[0] >> 4 == 4 &&
	    (size_t)(p[0] & 15) * 4 <= size)
		ip_header_checksum(p);
	if (ip_parse(p, size, &ip) == 0) {
		check_fields(&ip, size);
		check_ttl(p, &ip);
		check_l4(p, &ip, mtu);
		check_icmp(p, &ip, mtu);
		check_fragments(p, &ip, mtu);
	}
	free(p);
	return 0;
}
