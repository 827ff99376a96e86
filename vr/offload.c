/* Cutting and joining TCP and UDP super-frames.  Every offset used here lies inside headers that
 * ip_parse() has measured. */
#include "vr/offload.h"

#include <errno.h>

#include "wire/be.h"
#include "wire/eth.h"

enum {
	IP4_SIZE_AT = 2,
	IP4_ID_AT = 4,
	IP4_FRAGMENT_AT = 6, /* flags and offset */
	IP4_CSUM_AT = 10,
	IP4_ADDRS_AT = 12, /* both */
	IP6_SIZE_AT = 4,
	TCP_SEQ_AT = 4,
	TCP_ACK_AT = 8,
	TCP_OFFSET_AT = 12, /* data offset and reserved bits */
	TCP_FLAGS_AT = 13,
	TCP_CSUM_AT = 16,
	TCP_SIZE_MIN = 20,
	UDP_SIZE_AT = 4,
	UDP_CSUM_AT = 6,
	IP_PACKET_MAX = 65535,
};

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_CWR = 0x80,
};

static void
set_ip_size(uint8_t *packet, const struct ip *ip, uint32_t size)
{
	if (ip->family == ADDR_V4)
		be16_put(packet + IP4_SIZE_AT, (uint16_t)size);
	else
		be16_put(packet + IP6_SIZE_AT, (uint16_t)(size - IP6_SIZE));
}

/* Does the packet hold what its 'gso' says, in a form that can be cut? */
static bool
is_super(const struct frame *f, const struct ip *ip)
{
	const uint8_t *l4 = f->data + ip->header_size;

	if (ip->l4_header_size == 0 || ip->more_fragments || ip->fragment_offset != 0 ||
	    f->gso_size == 0)
		return false;
	switch (f->gso) {
	case FRAME_GSO_UDP:
		return ip->proto == IP_PROTO_UDP;
	case FRAME_GSO_TCP4:
	case FRAME_GSO_TCP6:
		return ip->proto == IP_PROTO_TCP &&
		       ip->family == (f->gso == FRAME_GSO_TCP4 ? ADDR_V4 : ADDR_V6) &&
		       (l4[TCP_FLAGS_AT] & (TCP_SYN | TCP_RST | TCP_URG)) == 0;
	default:
		return false;
	}
}

/* One's complement sum of the words of an IPv4 header that are the same in all segments. */
static uint16_t
sum_common(const uint8_t *header, uint16_t size)
{
	uint32_t sum = be16_get(header);

	return ip_sum(header + IP4_CSUM_AT + 2, size - IP4_CSUM_AT - 2u,
		      ip_sum(header + IP4_FRAGMENT_AT, IP4_CSUM_AT - IP4_FRAGMENT_AT, sum));
}

int
offload_cut_init(struct offload_cut *cut, const struct frame *f, uint32_t segment)
{
	*cut = (struct offload_cut){.packet = f->data, .csum_partial = f->csum_partial};
	if (ip_parse(f->data, f->size, &cut->ip) < 0)
		return -EINVAL;
	cut->header_size = cut->ip.header_size;
	if (cut->ip.header_size + cut->ip.l4_header_size <= cut->ip.size)
		cut->header_size += cut->ip.l4_header_size;
	if (cut->header_size > OFFLOAD_HEADER_MAX)
		return -EINVAL;
	cut->payload = cut->ip.size - cut->header_size;

	if (f->gso == FRAME_GSO_NONE) {
		cut->segment = cut->payload;
		cut->count = 1;
		cut->whole = true;
		return 0;
	}
	if (!is_super(f, &cut->ip) || segment == 0)
		return -EINVAL;
	if (f->gso == FRAME_GSO_UDP && f->gso_size > segment && cut->payload > segment)
		return -EMSGSIZE;
	cut->segment = f->gso_size < segment ? f->gso_size : segment;
	cut->count = cut->payload == 0 ? 1 : (cut->payload - 1) / cut->segment + 1;
	cut->pseudo_sum = ip_pseudo_sum(&cut->ip, 0);
	if (cut->ip.family == ADDR_V4)
		cut->header_sum = sum_common(f->data, cut->ip.header_size);
	return 0;
}

/* The sum so far and a word. */
static uint16_t
sum_add(uint16_t sum, uint16_t word)
{
	uint32_t both = (uint32_t)sum + word;

	return (uint16_t)((both & 0xffff) + (both >> 16));
}

/* One's complement sum of a transport header, whose size is even, and what follows it. */
static uint16_t
sum_parts(const struct offload_cut *cut, const uint8_t *l4, const uint8_t *payload,
	  uint32_t payload_size)
{
	uint32_t l4_size = cut->ip.l4_header_size;
	uint16_t pseudo = sum_add(cut->pseudo_sum, (uint16_t)(l4_size + payload_size));

	return ip_sum(payload, payload_size, ip_sum(l4, l4_size, pseudo));
}

static void
set_l4_checksum(const struct offload_cut *cut, uint8_t *l4, const uint8_t *payload,
		uint32_t payload_size)
{
	const struct ip *ip = &cut->ip;
	uint8_t *field = l4 + (ip->proto == IP_PROTO_TCP ? TCP_CSUM_AT : UDP_CSUM_AT);
	uint16_t sum;

	if (cut->csum_partial) {
		be16_put(field,
			 sum_add(cut->pseudo_sum, (uint16_t)(ip->l4_header_size + payload_size)));
		return;
	}
	if (ip->proto == IP_PROTO_UDP && ip->family == ADDR_V4 && be16_get(field) == 0)
		return; /* The sender chose to have none. */
	be16_put(field, 0);
	sum = (uint16_t)~sum_parts(cut, l4, payload, payload_size);
	be16_put(field, sum == 0 && ip->proto == IP_PROTO_UDP ? 0xffff : sum);
}

void
offload_cut_get(const struct offload_cut *cut, uint32_t index, uint8_t *header,
		const uint8_t **payload, uint32_t *payload_size)
{
	const struct ip *ip = &cut->ip;
	uint32_t start = index * cut->segment;
	uint32_t size = cut->payload - start;
	uint8_t *l4 = header + ip->header_size;

	BUG_IF(index >= cut->count);
	if (size > cut->segment)
		size = cut->segment;
	*payload = cut->packet + cut->header_size + start;
	*payload_size = size;
	memcpy(header, cut->packet, cut->header_size);
	if (cut->whole)
		return;

	set_ip_size(header, ip, cut->header_size + size);
	if (ip->family == ADDR_V4) {
		uint16_t id = (uint16_t)(be16_get(header + IP4_ID_AT) + index);

		be16_put(header + IP4_ID_AT, id);
		be16_put(header + IP4_CSUM_AT,
			 (uint16_t)~sum_add(sum_add(cut->header_sum, id),
					    (uint16_t)(cut->header_size + size)));
	}
	if (ip->proto == IP_PROTO_TCP) {
		be32_put(l4 + TCP_SEQ_AT, be32_get(l4 + TCP_SEQ_AT) + start);
		if (index > 0)
			l4[TCP_FLAGS_AT] &= (uint8_t)~TCP_CWR;
		if (index + 1 < cut->count)
			l4[TCP_FLAGS_AT] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	} else {
		be16_put(l4 + UDP_SIZE_AT, (uint16_t)(ip->l4_header_size + size));
	}
	set_l4_checksum(cut, l4, *payload, size);
}

/* Is the frame a TCP packet that may stand in a join, and as what? */
static bool
is_joinable(const struct frame *f, struct ip *ip)
{
	uint8_t flags;
	struct eth eth;

	if (f->gso != FRAME_GSO_NONE || eth_parse(f->data, f->size, &eth) < 0 ||
	    (eth.type != ETH_IP4 && eth.type != ETH_IP6))
		return false;
	if (ip_parse(f->data + ETH_SIZE, f->size - ETH_SIZE, ip) < 0 ||
	    ip->family != (eth.type == ETH_IP4 ? ADDR_V4 : ADDR_V6))
		return false;
	if (ip->proto != IP_PROTO_TCP || ip->l4_header_size == 0 || ip->more_fragments ||
	    ip->fragment_offset != 0)
		return false;
	if (ip->header_size != (ip->family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE))
		return false;
	flags = f->data[ETH_SIZE + ip->header_size + TCP_FLAGS_AT];
	return (flags & ~TCP_PSH) == TCP_ACK && ip->size > ip->header_size + ip->l4_header_size;
}

/* 'size' bytes behind the join's IP header. */
static bool
has_right_checksum(const struct offload_join *join, const struct frame *f, uint32_t size)
{
	const uint8_t *l4 = f->data + ETH_SIZE + join->ip.header_size;

	if (f->csum_partial || f->csum_verified)
		return true;
	return ip_sum(l4, size, sum_add(join->pseudo_sum, (uint16_t)size)) == 0xffff;
}

/* Everything that the segments of one super-frame have in common, the Ethernet header included. */
static bool
is_same_flow(const struct offload_join *join, const struct frame *f, const struct ip *ip)
{
	const uint8_t *a = join->first.data + ETH_SIZE, *b = f->data + ETH_SIZE;
	const uint8_t *tcp_a = a + ip->header_size, *tcp_b = b + ip->header_size;
	size_t options = ip->l4_header_size - TCP_SIZE_MIN;

	if (ip->family != join->ip.family || ip->l4_header_size != join->ip.l4_header_size ||
	    memcmp(join->first.data, f->data, ETH_SIZE) != 0)
		return false;
	if (!addr_equal(ip->src, join->ip.src) || !addr_equal(ip->dst, join->ip.dst) ||
	    ip->ttl != join->ip.ttl || ip->tos != join->ip.tos)
		return false;
	if (ip->family == ADDR_V4) {
		uint16_t id = (uint16_t)(be16_get(a + IP4_ID_AT) + join->count);

		if (be16_get(b + IP4_ID_AT) != id ||
		    be16_get(a + IP4_FRAGMENT_AT) != be16_get(b + IP4_FRAGMENT_AT))
			return false;
	} else if (be32_get(a) != be32_get(b)) { /* The flow label is in there. */
		return false;
	}
	return be32_get(tcp_a) == be32_get(tcp_b) && /* both ports */
	       be32_get(tcp_a + TCP_ACK_AT) == be32_get(tcp_b + TCP_ACK_AT) &&
	       tcp_a[TCP_OFFSET_AT] == tcp_b[TCP_OFFSET_AT] &&
	       be16_get(tcp_a + TCP_FLAGS_AT + 1) ==
		       be16_get(tcp_b + TCP_FLAGS_AT + 1) && /* window */
	       be16_get(tcp_a + TCP_CSUM_AT + 2) ==
		       be16_get(tcp_b + TCP_CSUM_AT + 2) && /* urgent */
	       memcmp(tcp_a + TCP_SIZE_MIN, tcp_b + TCP_SIZE_MIN, options) == 0;
}

static void
join_start(struct offload_join *join, const struct frame *f)
{
	const uint8_t *tcp;

	join->first = *f;
	join->part[0] = (struct iovec){.iov_base = f->data, .iov_len = f->size};
	join->count = 1;
	join->size = (uint32_t)f->size;
	join->pushed = false;
	join->closed = !is_joinable(f, &join->ip);
	if (join->closed)
		return;
	tcp = f->data + ETH_SIZE + join->ip.header_size;
	join->segment = join->ip.size - join->ip.header_size - join->ip.l4_header_size;
	join->next_seq = be32_get(tcp + TCP_SEQ_AT) + join->segment;
	join->pseudo_sum = ip_pseudo_sum(&join->ip, 0);
	join->closed = (tcp[TCP_FLAGS_AT] & TCP_PSH) != 0;
}

/* Adds a packet of the join's flow, of 'size' bytes from its IP header on, when it continues the join. */
static bool
join_continue(struct offload_join *join, const struct frame *f, uint32_t size)
{
	uint32_t header = (uint32_t)join->ip.header_size + join->ip.l4_header_size;
	const uint8_t *tcp = f->data + ETH_SIZE + join->ip.header_size;
	uint32_t payload = size - header;

	if (be32_get(tcp + TCP_SEQ_AT) != join->next_seq || payload > join->segment)
		return false;
	/* The first one is examined only now, when it matters: most packets stay alone. */
	if (join->count == 1) {
		if (!has_right_checksum(join, &join->first, join->ip.size - join->ip.header_size)) {
			join->closed = true;
			return false;
		}
		join->size = ETH_SIZE + join->ip.size; /* without Ethernet padding */
	}
	if (join->size - ETH_SIZE + payload > IP_PACKET_MAX ||
	    !has_right_checksum(join, f, size - join->ip.header_size))
		return false;

	join->part[0].iov_len = ETH_SIZE + join->ip.size;
	join->part[join->count].iov_base = f->data + ETH_SIZE + header;
	join->part[join->count].iov_len = payload;
	join->count++;
	join->size += payload;
	join->next_seq += payload;
	join->pushed = (tcp[TCP_FLAGS_AT] & TCP_PSH) != 0;
	join->closed = join->pushed || payload < join->segment;
	return true;
}

bool
offload_join_add(struct offload_join *join, const struct frame *f)
{
	struct ip ip;

	if (join->count == 0) {
		join_start(join, f);
		return true;
	}
	if (join->closed || join->count == OFFLOAD_JOIN_MAX || !is_joinable(f, &ip) ||
	    !is_same_flow(join, f, &ip))
		return false;
	return join_continue(join, f, ip.size);
}

/* Is the IPv4 header the join's but for length, identification and checksum, and are these right?  All of the join's packets
 * have 20 bytes of it. */
static bool
is_next_ip4(const struct offload_join *join, const uint8_t *a, const uint8_t *b)
{
	return be16_get(a) == be16_get(b) &&
	       be32_get(a + IP4_FRAGMENT_AT) == be32_get(b + IP4_FRAGMENT_AT) &&
	       memcmp(a + IP4_ADDRS_AT, b + IP4_ADDRS_AT, 8) == 0 &&
	       be16_get(b + IP4_ID_AT) == (uint16_t)(be16_get(a + IP4_ID_AT) + join->count) &&
	       ip4_header_is_right(b);
}

bool
offload_join_next(struct offload_join *join, const struct frame *f)
{
	const uint8_t *a = join->first.data + ETH_SIZE, *b = f->data + ETH_SIZE;
	const uint8_t *tcp_a = a + IP4_SIZE_MIN, *tcp_b = b + IP4_SIZE_MIN;
	uint32_t header = IP4_SIZE_MIN + (uint32_t)join->ip.l4_header_size, size;

	if (join->closed || join->count == OFFLOAD_JOIN_MAX || join->ip.family != ADDR_V4 ||
	    f->gso != FRAME_GSO_NONE || f->size <= ETH_SIZE + header)
		return false;
	size = be16_get(b + IP4_SIZE_AT);
	if (size <= header || ETH_SIZE + size > f->size ||
	    memcmp(join->first.data, f->data, ETH_SIZE) != 0 || !is_next_ip4(join, a, b))
		return false;
	/* Ports; ack; data offset; flags; window; urgent; options. */
	if (be32_get(tcp_a) != be32_get(tcp_b) ||
	    be32_get(tcp_a + TCP_ACK_AT) != be32_get(tcp_b + TCP_ACK_AT) ||
	    tcp_a[TCP_OFFSET_AT] != tcp_b[TCP_OFFSET_AT] ||
	    (tcp_b[TCP_FLAGS_AT] & ~TCP_PSH) != TCP_ACK ||
	    be16_get(tcp_a + TCP_FLAGS_AT + 1) != be16_get(tcp_b + TCP_FLAGS_AT + 1) ||
	    be16_get(tcp_a + TCP_CSUM_AT + 2) != be16_get(tcp_b + TCP_CSUM_AT + 2) ||
	    memcmp(tcp_a + TCP_SIZE_MIN, tcp_b + TCP_SIZE_MIN,
		   join->ip.l4_header_size - TCP_SIZE_MIN) != 0)
		return false;
	return join_continue(join, f, size);
}

void
offload_join_end(struct offload_join *join, struct frame *out)
{
	uint8_t *packet = join->first.data + ETH_SIZE;
	uint8_t *tcp = packet + join->ip.header_size;
	uint32_t size = join->size - ETH_SIZE;

	BUG_IF(join->count == 0);
	*out = join->first;
	if (join->count == 1)
		return;
	set_ip_size(packet, &join->ip, size);
	ip_header_checksum(packet);
	if (join->pushed)
		tcp[TCP_FLAGS_AT] |= TCP_PSH;
	be16_put(tcp + TCP_CSUM_AT, ip_pseudo_sum(&join->ip, size - join->ip.header_size));
	out->size = join->size;
	out->gso = join->ip.family == ADDR_V4 ? FRAME_GSO_TCP4 : FRAME_GSO_TCP6;
	out->gso_size = (uint16_t)join->segment;
	out->csum_partial = true;
	out->csum_verified = false;
}

void
offload_finish_checksum(struct frame *f)
{
	struct ip ip;

	if (!f->csum_partial || f->gso != FRAME_GSO_NONE || ip_parse(f->data, f->size, &ip) < 0)
		return;
	ip_l4_checksum(f->data, &ip);
	f->csum_partial = false;
	f->csum_verified = true;
}
