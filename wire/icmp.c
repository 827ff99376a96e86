/* The ICMP and ICMPv6 messages a router sends: errors about packets, and echo replies. */
#include "wire/ip.h"

#include "wire/be.h"
#include "wire/wr.h"

#define ICMP_SIZE 8
#define ICMP_TTL  64
/* Internetwork control (RFC 1812 section 5.3.3.3): errors should get through where data
 * does not. */
#define ICMP_ERROR_TOS 0xc0
#define IP4_FLAG_DF    0x4000

enum icmp4_type {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_ECHO = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_TIMESTAMP = 13,
	ICMP4_TIMESTAMP_REPLY = 14,
};

enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_ECHO = 128, /* smaller numbers are errors */
	ICMP6_ECHO_REPLY = 129,
	ICMP6_REDIRECT = 137,
};

enum ip6_header { IP6_HOP_BY_HOP = 0, IP6_ROUTING = 43, IP6_FRAGMENT = 44, IP6_DEST_OPTIONS = 60 };

struct icmp_kind {
	uint8_t type4, code4;
	uint8_t type6, code6;
};

static struct icmp_kind
kind_of(enum icmp_error error)
{
	static const struct icmp_kind kinds[] = {
		[ICMP_NET_UNREACHABLE] = {ICMP4_UNREACHABLE, 0, ICMP6_UNREACHABLE, 0},
		[ICMP_HOST_UNREACHABLE] = {ICMP4_UNREACHABLE, 1, ICMP6_UNREACHABLE, 3},
		[ICMP_TOO_BIG] = {ICMP4_UNREACHABLE, 4, ICMP6_TOO_BIG, 0},
		[ICMP_TTL_EXCEEDED] = {ICMP4_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0},
	};

	return kinds[error];
}

/* An address that can have sent a packet and can be sent an error. */
static bool
is_unicast(struct addr a)
{
	if (addr_is_unspecified(a) || addr_is_multicast(a))
		return false;
	return a.family != ADDR_V4 || (a.b[0] != 0 && a.b[0] != 127 && a.b[0] < 224);
}

/* Whatever is not known to ask or answer a question counts as an error. */
static bool
may_complain_ip4(const uint8_t *packet, const struct ip *ip)
{
	if (ip->fragment_offset != 0 || addr_is_multicast(ip->dst))
		return false;
	if (ip->proto != IP_PROTO_ICMP)
		return true;
	if (ip->size <= ip->header_size)
		return false;
	switch (packet[ip->header_size]) {
	case ICMP4_ECHO:
	case ICMP4_ECHO_REPLY:
	case ICMP4_TIMESTAMP:
	case ICMP4_TIMESTAMP_REPLY:
		return true;
	default:
		return false;
	}
}

/* Walks the extension headers to the upper layer.  A chain that does not end inside the packet gets
 * no answer: what it carries is not known. */
static bool
may_complain_ip6(const uint8_t *packet, const struct ip *ip, enum icmp_error error)
{
	uint8_t next = ip->proto;
	uint32_t at = IP6_SIZE, header;

	/* RFC 4443 section 2.4 e.3: path MTU discovery works for multicast too. */
	if (addr_is_multicast(ip->dst) && error != ICMP_TOO_BIG)
		return false;
	while (next == IP6_HOP_BY_HOP || next == IP6_ROUTING || next == IP6_FRAGMENT ||
	       next == IP6_DEST_OPTIONS) {
		if (ip->size - at < 8)
			return false;
		/* Behind a later fragment's header stands no upper layer header. */
		if (next == IP6_FRAGMENT && be16_get(packet + at + 2) >> 3 != 0)
			return false;
		/* A fragment header has no length: its second byte is reserved. */
		header = next == IP6_FRAGMENT ? 8 : 8 + 8 * (uint32_t)packet[at + 1];
		if (header > ip->size - at)
			return false;
		next = packet[at];
		at += header;
	}
	if (next != IP_PROTO_ICMP6)
		return true;
	return at < ip->size && packet[at] >= ICMP6_ECHO && packet[at] != ICMP6_REDIRECT;
}

static size_t
error_build_ip4(const uint8_t *packet, const struct ip *ip, enum icmp_error error, uint16_t mtu,
		struct addr from, uint8_t *out)
{
	struct icmp_kind kind = kind_of(error);
	struct wr w = wr_make(out, ICMP_ERROR_SIZE_MAX);
	size_t quoted = ICMP_ERROR_SIZE_MAX - IP4_SIZE_MIN - ICMP_SIZE;
	uint8_t *icmp = out + IP4_SIZE_MIN;

	if (quoted > ip->size)
		quoted = ip->size;
	wr_u8(&w, 0x45);
	wr_u8(&w, ICMP_ERROR_TOS);
	wr_u16(&w, (uint16_t)(IP4_SIZE_MIN + ICMP_SIZE + quoted));
	wr_u16(&w, 0); /* never fragmented: no identification needed (RFC 6864) */
	wr_u16(&w, IP4_FLAG_DF);
	wr_u8(&w, ICMP_TTL);
	wr_u8(&w, IP_PROTO_ICMP);
	wr_u16(&w, 0);
	wr_addr(&w, from);
	wr_addr(&w, ip->src);
	wr_u8(&w, kind.type4);
	wr_u8(&w, kind.code4);
	wr_u16(&w, 0);
	wr_u16(&w, 0);
	wr_u16(&w, error == ICMP_TOO_BIG ? mtu : 0);
	wr_bytes(&w, packet, quoted);
	BUG_IF(w.failed);
	ip_header_checksum(out);
	be16_put(icmp + 2, (uint16_t)~ip_sum(icmp, ICMP_SIZE + quoted, 0));
	return w.used;
}

static size_t
error_build_ip6(const uint8_t *packet, const struct ip *ip, enum icmp_error error, uint16_t mtu,
		struct addr from, uint8_t *out)
{
	struct icmp_kind kind = kind_of(error);
	struct wr w = wr_make(out, ICMP_ERROR_SIZE_MAX);
	struct ip own = {.family = ADDR_V6, .src = from, .dst = ip->src, .proto = IP_PROTO_ICMP6};
	size_t quoted = ICMP_ERROR_SIZE_MAX - IP6_SIZE - ICMP_SIZE;
	uint8_t *icmp = out + IP6_SIZE;
	uint32_t size;

	if (quoted > ip->size)
		quoted = ip->size;
	size = (uint32_t)(ICMP_SIZE + quoted);
	wr_u32(&w, 6u << 28 | (uint32_t)ICMP_ERROR_TOS << 20);
	wr_u16(&w, (uint16_t)size);
	wr_u8(&w, IP_PROTO_ICMP6);
	wr_u8(&w, ICMP_TTL);
	wr_addr(&w, from);
	wr_addr(&w, ip->src);
	wr_u8(&w, kind.type6);
	wr_u8(&w, kind.code6);
	wr_u16(&w, 0);
	wr_u32(&w, error == ICMP_TOO_BIG ? mtu : 0);
	wr_bytes(&w, packet, quoted);
	BUG_IF(w.failed);
	be16_put(icmp + 2, (uint16_t)~ip_sum(icmp, size, ip_pseudo_sum(&own, size)));
	return w.used;
}

size_t
icmp_error_build(const uint8_t *packet, const struct ip *ip, enum icmp_error error, uint16_t mtu,
		 struct addr from, uint8_t *out)
{
	if (from.family != ip->family || !is_unicast(ip->src))
		return 0;
	if (ip->family == ADDR_V4)
		return may_complain_ip4(packet, ip)
			       ? error_build_ip4(packet, ip, error, mtu, from, out)
			       : 0;
	return may_complain_ip6(packet, ip, error)
		       ? error_build_ip6(packet, ip, error, mtu, from, out)
		       : 0;
}

static void
swap_bytes(uint8_t *a, uint8_t *b, size_t size)
{
	uint8_t kept[16];

	memcpy(kept, a, size);
	memcpy(a, b, size);
	memcpy(b, kept, size);
}

bool
icmp_echo_reply(uint8_t *packet, const struct ip *ip)
{
	bool is_ip4 = ip->family == ADDR_V4;
	uint8_t *icmp = packet + ip->header_size;
	uint8_t request = is_ip4 ? ICMP4_ECHO : ICMP6_ECHO;
	uint8_t reply = is_ip4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY;

	if (ip->proto != (is_ip4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6) || ip->more_fragments ||
	    ip->fragment_offset != 0 || ip->size - ip->header_size < ICMP_SIZE)
		return false;
	/* The destination becomes the source, so it must be able to be one. */
	if (icmp[0] != request || icmp[1] != 0 || !is_unicast(ip->src) || !is_unicast(ip->dst))
		return false;
	icmp[0] = reply;
	/* The swap leaves both sums as they are: addition does not care about order. */
	ip_sum_replace(icmp + 2, (uint16_t)(request << 8), (uint16_t)(reply << 8));
	if (is_ip4) {
		swap_bytes(packet + 12, packet + 16, addr_size(ADDR_V4));
		packet[8] = ICMP_TTL;
		ip_header_checksum(packet);
	} else {
		swap_bytes(packet + 8, packet + 24, addr_size(ADDR_V6));
		packet[7] = ICMP_TTL;
	}
	return true;
}
