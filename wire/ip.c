/* IPv4 and IPv6 headers: reading them, and changing them with their checksums kept right. */
#include "wire/ip.h"

#include <errno.h>

#include "wire/be.h"
#include "wire/rd.h"

#define IP4_DONT_FRAGMENT  0x4000
#define IP4_MORE_FRAGMENTS 0x2000
#define IP4_OFFSET_MASK    0x1fff

#define IP4_SIZE_MAX 60

#define IP4_OPTION_END    0
#define IP4_OPTION_NOP    1
#define IP4_OPTION_COPIED 0x80

#define TCP_SIZE_MIN 20
#define UDP_SIZE     8
#define TCP_FLAG_SYN 0x02

enum tcp_option { TCP_OPTION_END = 0, TCP_OPTION_NOP = 1, TCP_OPTION_MSS = 2 };

static uint16_t
fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* One's complement addition: what is carried out at the top comes in at the bottom. */
static inline uint64_t
add_carry(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* Two lanes of 64 bits, which every 64-bit processor adds in one instruction. */
typedef uint64_t lanes __attribute__((vector_size(16)));

/* Words of 32 bits summed without carries: 'whole' wraps, but with the sum of the high words what the low ones come to is left
 * of it. */
struct lane_sum {
	lanes whole, high;
};

static inline void
lanes_add(struct lane_sum *s, const uint8_t *data)
{
	lanes v;

	memcpy(&v, data, sizeof(v));
	s->whole += v;
	s->high += v >> 32;
}

/* No carry: each of the four is far less than 2^62. */
static inline uint64_t
lanes_total(const struct lane_sum *s)
{
	return s->whole[0] - (s->high[0] << 32) + s->whole[1] - (s->high[1] << 32) + s->high[0] +
	       s->high[1];
}

static inline uint64_t
sum_blocks(const uint8_t *data, size_t size)
{
	struct lane_sum a = {{0}, {0}}, b = a;

	for (; size >= 64; size -= 64, data += 64) {
		lanes_add(&a, data);
		lanes_add(&b, data + 16);
		lanes_add(&a, data + 32);
		lanes_add(&b, data + 48);
	}
	a.whole += b.whole;
	a.high += b.high;
	return lanes_total(&a);
}

/* Fewer than 64 bytes. */
static inline uint64_t
sum_rest(const uint8_t *data, size_t size)
{
	uint64_t sum = 0, word8;
	uint32_t word4;
	uint16_t word2;

	for (; size >= sizeof(word8); size -= sizeof(word8), data += sizeof(word8)) {
		memcpy(&word8, data, sizeof(word8));
		sum = add_carry(sum, word8);
	}
	if ((size & sizeof(word4)) != 0) {
		memcpy(&word4, data, sizeof(word4));
		sum = add_carry(sum, word4);
		data += sizeof(word4);
	}
	if ((size & sizeof(word2)) != 0) {
		memcpy(&word2, data, sizeof(word2));
		sum = add_carry(sum, word2);
		data += sizeof(word2);
	}
	if ((size & 1) != 0) {
		word2 = 0;
		memcpy(&word2, data, 1);
		sum = add_carry(sum, word2);
	}
	return sum;
}

/* Adds in the machine's own byte order, many bytes at a time, and swaps once at the end: the sum's
 * two bytes come out swapped exactly as the summands' were (RFC 1071 section 2 B). */
uint16_t
ip_sum(const uint8_t *data, size_t size, uint32_t sum)
{
	size_t blocks = size & ~(size_t)63;
	uint64_t words = sum_rest(data + blocks, size - blocks);
	uint16_t folded;

	if (blocks > 0)
		words = add_carry(words, sum_blocks(data, blocks));
	folded = fold(words);
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		folded = __builtin_bswap16(folded);
	return fold((uint64_t)folded + sum);
}

/* RFC 1624 equation 3. */
void
ip_sum_replace(uint8_t *field, uint16_t old, uint16_t word)
{
	uint32_t sum = (uint16_t)~be16_get(field);

	sum += (uint16_t)~old;
	sum += word;
	be16_put(field, (uint16_t)~fold(sum));
}

/* Ports and header size when the whole transport header lies inside the packet. */
static inline void
parse_l4(const uint8_t *l4, uint32_t room, struct ip *ip)
{
	uint16_t header_size = UDP_SIZE;

	ip->sport = 0;
	ip->dport = 0;
	ip->l4_header_size = 0;
	if (ip->fragment_offset != 0)
		return;
	if (ip->proto == IP_PROTO_TCP) {
		if (room < TCP_SIZE_MIN)
			return;
		header_size = (uint16_t)(l4[12] >> 4 << 2);
		if (header_size < TCP_SIZE_MIN)
			return;
	} else if (ip->proto != IP_PROTO_UDP) {
		return;
	}
	if (room < header_size)
		return;
	ip->sport = be16_get(l4);
	ip->dport = be16_get(l4 + 2);
	ip->l4_header_size = header_size;
}

/* A right header sums to all ones whatever the byte order.  Words of 32 bits and no loop: this runs for every packet. */
bool
ip4_header_is_right(const uint8_t *header)
{
	uint32_t word[IP4_SIZE_MIN / 4];

	memcpy(word, header, sizeof(word));
	return fold((uint64_t)word[0] + word[1] + word[2] + word[3] + word[4]) == 0xffff;
}

static inline bool
header_sum_is_right(const uint8_t *header, size_t header_size)
{
	return header_size == IP4_SIZE_MIN ? ip4_header_is_right(header)
					   : ip_sum(header, header_size, 0) == 0xffff;
}

static int
parse_ip4(const uint8_t *data, size_t size, struct ip *out)
{
	struct rd r = rd_make(data, size);
	const uint8_t *h = rd_bytes(&r, IP4_SIZE_MIN);
	uint16_t header_size, flags;
	uint32_t total;

	if (h == NULL)
		return -EBADMSG;
	header_size = (uint16_t)((h[0] & 0xf) << 2);
	total = be16_get(h + 2);
	if (header_size < IP4_SIZE_MIN || total < header_size || total > size)
		return -EBADMSG;
	if (!header_sum_is_right(h, header_size))
		return -EBADMSG;
	flags = be16_get(h + 6);
	out->family = ADDR_V4;
	out->tos = h[1];
	out->ttl = h[8];
	out->proto = h[9];
	out->header_size = header_size;
	out->size = total;
	out->dont_fragment = (flags & IP4_DONT_FRAGMENT) != 0;
	out->more_fragments = (flags & IP4_MORE_FRAGMENTS) != 0;
	out->fragment_offset = (uint16_t)((flags & IP4_OFFSET_MASK) << 3);
	out->src = addr_make(ADDR_V4, h + 12);
	out->dst = addr_make(ADDR_V4, h + 16);
	parse_l4(h + header_size, total - header_size, out);
	return 0;
}

static int
parse_ip6(const uint8_t *data, size_t size, struct ip *out)
{
	struct rd r = rd_make(data, size);
	const uint8_t *h = rd_bytes(&r, IP6_SIZE);
	uint32_t payload;

	if (h == NULL)
		return -EBADMSG;
	payload = be16_get(h + 4);
	if (payload > r.size)
		return -EBADMSG;
	out->family = ADDR_V6;
	out->tos = (uint8_t)(be16_get(h) >> 4);
	out->proto = h[6];
	out->ttl = h[7];
	out->header_size = IP6_SIZE;
	out->size = IP6_SIZE + payload;
	out->dont_fragment = true;
	out->more_fragments = false;
	out->fragment_offset = 0;
	out->src = addr_make(ADDR_V6, h + 8);
	out->dst = addr_make(ADDR_V6, h + 24);
	parse_l4(h + IP6_SIZE, payload, out);
	return 0;
}

int
ip_parse(const uint8_t *data, size_t size, struct ip *out)
{
	if (size == 0)
		return -EBADMSG;
	switch (data[0] >> 4) {
	case 4:
		return parse_ip4(data, size, out);
	case 6:
		return parse_ip6(data, size, out);
	default:
		return -EBADMSG;
	}
}

void
ip_dec_ttl(uint8_t *packet)
{
	if (packet[0] >> 4 == 6) {
		packet[7]--;
		return;
	}
	packet[8]--;
	ip_sum_replace(packet + 10, 0x0100, 0);
}

uint16_t
ip_pseudo_sum(const struct ip *ip, uint32_t l4_size)
{
	size_t size = addr_size(ip->family);
	uint32_t sum = ip->proto + (l4_size >> 16) + (l4_size & 0xffff);

	return ip_sum(ip->src.b, size, ip_sum(ip->dst.b, size, sum));
}

void
ip_header_checksum(uint8_t *packet)
{
	if (packet[0] >> 4 != 4)
		return;
	be16_put(packet + 10, 0);
	be16_put(packet + 10, (uint16_t)~ip_sum(packet, (packet[0] & 0xf) << 2, 0));
}

int
ip_csum_offset(uint8_t proto)
{
	return proto == IP_PROTO_TCP ? 16 : proto == IP_PROTO_UDP ? 6 : -ENOENT;
}

void
ip_l4_checksum(uint8_t *packet, const struct ip *ip)
{
	uint8_t *l4 = packet + ip->header_size;
	uint32_t size = ip->size - ip->header_size;
	uint8_t *field;
	uint16_t sum;

	if (ip->l4_header_size == 0 || ip->more_fragments || ip->fragment_offset != 0)
		return;
	/* A UDP packet may end before its IP packet does; what is behind is not covered. */
	if (ip->proto == IP_PROTO_UDP && be16_get(l4 + 4) >= UDP_SIZE && be16_get(l4 + 4) < size)
		size = be16_get(l4 + 4);
	field = l4 + ip_csum_offset(ip->proto);
	be16_put(field, 0);
	sum = (uint16_t)~ip_sum(l4, size, ip_pseudo_sum(ip, size));
	be16_put(field, sum == 0 && ip->proto == IP_PROTO_UDP ? 0xffff : sum);
}

/* The value of the MSS option of a TCP header, or NULL. */
static uint8_t *
find_mss(uint8_t *tcp, size_t header_size)
{
	size_t at = TCP_SIZE_MIN;

	while (at < header_size && tcp[at] != TCP_OPTION_END) {
		size_t left = header_size - at;

		if (tcp[at] == TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (left < 2 || tcp[at + 1] < 2 || tcp[at + 1] > left)
			return NULL;
		if (tcp[at] == TCP_OPTION_MSS)
			return tcp[at + 1] == 4 ? tcp + at + 2 : NULL;
		at += tcp[at + 1];
	}
	return NULL;
}

bool
ip_clamp_mss(uint8_t *packet, const struct ip *ip, uint16_t mss, bool partial)
{
	uint8_t *tcp = packet + ip->header_size;
	uint8_t *value;
	uint16_t old;

	if (ip->proto != IP_PROTO_TCP || ip->l4_header_size == 0 || (tcp[13] & TCP_FLAG_SYN) == 0)
		return false;
	value = find_mss(tcp, ip->l4_header_size);
	if (value == NULL || be16_get(value) <= mss)
		return false;
	old = be16_get(value);
	be16_put(value, mss);
	if (partial)
		return true;
	/* At an odd place the value's bytes fall into the other halves of the summed words. */
	if ((value - tcp) % 2 == 0)
		ip_sum_replace(tcp + 16, old, mss);
	else
		ip_sum_replace(tcp + 16, __builtin_bswap16(old), __builtin_bswap16(mss));
	return true;
}

/* Copies the options that every fragment carries (those with the copied bit, RFC 791 section 3.1),
 * padded to whole words.  Options cut by the header's end are left out. */
static size_t
copy_options(const uint8_t *header, size_t header_size, uint8_t *out)
{
	size_t used = 0;

	for (size_t at = IP4_SIZE_MIN; at < header_size && header[at] != IP4_OPTION_END;) {
		size_t left = header_size - at;
		size_t size = 1;

		if (header[at] != IP4_OPTION_NOP) {
			if (left < 2 || header[at + 1] < 2 || header[at + 1] > left)
				break;
			size = header[at + 1];
		}
		if ((header[at] & IP4_OPTION_COPIED) != 0) {
			memcpy(out + used, header + at, size);
			used += size;
		}
		at += size;
	}
	while (used % 4 != 0)
		out[used++] = IP4_OPTION_END;
	return used;
}

size_t
ip4_fragment(const uint8_t *packet, const struct ip *ip, uint16_t mtu, unsigned index, uint8_t *out)
{
	uint8_t options[IP4_SIZE_MAX - IP4_SIZE_MIN];
	size_t options_size = copy_options(packet, ip->header_size, options);
	size_t header_size = index == 0 ? ip->header_size : IP4_SIZE_MIN + options_size;
	size_t payload = ip->size - ip->header_size;
	size_t start = 0, size, first, later;
	uint16_t flags;

	if (ip->size <= mtu) {
		if (index > 0)
			return 0;
		memcpy(out, packet, ip->size);
		return ip->size;
	}
	if (ip->family != ADDR_V4 || ip->dont_fragment || mtu < IP4_SIZE_MAX + 8 ||
	    ip->fragment_offset + payload > UINT16_MAX)
		return 0;
	first = (size_t)(mtu - ip->header_size) & ~(size_t)7;
	later = (mtu - IP4_SIZE_MIN - options_size) & ~(size_t)7;
	if (index > 0)
		start = first + (index - 1) * later;
	if (start >= payload)
		return 0;
	size = index == 0 ? first : later;
	if (size > payload - start)
		size = payload - start;
	memcpy(out, packet, IP4_SIZE_MIN);
	if (index == 0)
		memcpy(out, packet, ip->header_size);
	else
		memcpy(out + IP4_SIZE_MIN, options, options_size);
	memcpy(out + header_size, packet + ip->header_size + start, size);
	flags = (uint16_t)((ip->fragment_offset + start) >> 3);
	if (ip->more_fragments || start + size < payload)
		flags |= IP4_MORE_FRAGMENTS;
	out[0] = (uint8_t)(4 << 4 | header_size >> 2);
	be16_put(out + 2, (uint16_t)(header_size + size));
	be16_put(out + 6, flags);
	ip_header_checksum(out);
	return header_size + size;
}
