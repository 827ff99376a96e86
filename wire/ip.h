/* IPv4 and IPv6 headers, as far as a router looks at them, and the ICMP messages it sends.
 *
 * Functions that change a packet keep its checksums right incrementally (RFC 1624). */
#ifndef WIRE_IP_H
#define WIRE_IP_H

#include "base/err.h"
#include "base/types.h"

enum ip_proto { IP_PROTO_ICMP = 1, IP_PROTO_TCP = 6, IP_PROTO_UDP = 17, IP_PROTO_ICMP6 = 58 };

#define IP4_SIZE_MIN 20
#define IP6_SIZE     40

struct ip {
	struct addr src, dst;
	uint8_t family;
	uint8_t ttl;
	uint8_t proto; /* IPv6: the next header of the fixed header */
	uint8_t tos;
	uint16_t header_size; /* with options; IPv6: 40 */
	uint32_t size;        /* total length, from the header */
	bool dont_fragment;   /* always true for IPv6 */
	bool more_fragments;
	uint16_t fragment_offset; /* bytes */
	/* Of the transport header, when the whole of it is there and this is no later fragment;
	 * otherwise 0. */
	uint16_t sport, dport;
	uint16_t l4_header_size; /* TCP with options, UDP 8; 0 unknown or cut */
};

/* 'size' may exceed the packet's (Ethernet padding).  0 or -EBADMSG: version, header length, total
 * length, IPv4 header checksum (RFC 1812 5.2.2); 'out' is then undefined. */
MUST_USE int ip_parse(const uint8_t *data, size_t size, struct ip *out);
/* Is the checksum of an IPv4 header of 20 bytes right? */
bool ip4_header_is_right(const uint8_t *header);
/* One less; the caller has tested for more than 1. */
void ip_dec_ttl(uint8_t *packet);

/* One's complement sum of bytes, folded to 16 bits, not inverted; 'sum' chains calls on even sizes.
 * An odd last byte counts as if a zero followed. */
uint16_t ip_sum(const uint8_t *data, size_t size, uint32_t sum);
/* Corrects a checksum field after a 16-bit word that it covers changed from 'old' to 'word'. */
void ip_sum_replace(uint8_t *field, uint16_t old, uint16_t word);
/* Pseudo-header's sum for a transport payload of 'l4_size' bytes, folded, not inverted. */
uint16_t ip_pseudo_sum(const struct ip *ip, uint32_t l4_size);
/* Sets the IPv4 header checksum; nothing for IPv6. */
void ip_header_checksum(uint8_t *packet);
/* Fills in the TCP or UDP checksum of a whole packet from scratch (a UDP sum of 0 becomes 0xffff).
 * No-op for other protocols, for fragments and for a cut transport header. */
void ip_l4_checksum(uint8_t *packet, const struct ip *ip);
/* Where the checksum field lies in the transport header: 16 TCP, 6 UDP; -ENOENT else. */
int ip_csum_offset(uint8_t proto);

/* Lowers the MSS option of a TCP SYN to 'mss' when it is larger, adjusting the checksum (right
 * for a partial one too, which does not cover it: pass 'partial').  A SYN without the option gets
 * none. True when changed. */
bool ip_clamp_mss(uint8_t *packet, const struct ip *ip, uint16_t mss, bool partial);

#define ICMP_ERROR_SIZE_MAX 576
enum icmp_error { ICMP_NET_UNREACHABLE, ICMP_HOST_UNREACHABLE, ICMP_TOO_BIG, ICMP_TTL_EXCEEDED };

/* Builds the ICMP (or ICMPv6) error about 'packet' from 'from' to its source into 'out'
 * (ICMP_ERROR_SIZE_MAX bytes): an IP packet.  Returns its size, or 0 when none may be sent (RFC
 * 1122 section 3.2.2, RFC 4443 section 2.4 e: about an ICMP error, a later fragment, a source
 * that is no single host, a multicast destination) or when 'from' is of another family.  'mtu' is
 * read for TOO_BIG only. */
size_t icmp_error_build(const uint8_t *packet, const struct ip *ip, enum icmp_error error,
			uint16_t mtu, struct addr from, uint8_t *out);
/* Turns an echo request in place into its reply (addresses swapped, TTL 64, checksums); false,
 * and the packet unchanged, when it is none, is a fragment, or is not from one host to one host. */
bool icmp_echo_reply(uint8_t *packet, const struct ip *ip);

/* Cuts an IPv4 packet that may be fragmented into fragments of at most 'mtu' bytes: writes
 * fragment 'index' (0, 1, ...) to 'out' (room for 'mtu') and returns its size, 0 behind the
 * last.  Copies the options that RFC 791 says.  A packet that fits is its own only fragment.
 * Returns 0 at once for a packet that must not be cut, an 'mtu' below 68 (RFC 791's least), or a
 * fragment that would end behind byte 65535 of its packet.  A partial checksum must be finished
 * before. */
size_t ip4_fragment(const uint8_t *packet, const struct ip *ip, uint16_t mtu, unsigned index,
		    uint8_t *out);

#endif
