/* Encapsulated Control Messages: the headers around a control message. */
#include "wire/lisp_ecm.h"

#include <errno.h>

#include "wire/be.h"
#include "wire/ip.h"

#define HEAD_SIZE 4
#define UDP_SIZE  8

#define FLAG_SECURITY 0x08
#define FLAG_DDT      0x04
#define FLAG_TO_ETR   0x02
#define FLAG_TO_MS    0x01

#define INNER_TTL     64
#define IP4_VERSION   0x45
#define IP6_VERSION   0x60
#define IP4_DONT_FRAG 0x4000

/* The UDP header fills the packet and its checksum, if there is one, is right.  RFC 9301 wants one
 * that is not zero; there are senders that leave it out. */
static bool
udp_is_right(const uint8_t *udp, const struct ip *ip)
{
	uint32_t size = ip->size - ip->header_size;

	if (be16_get(udp + 4) != size)
		return false;
	return be16_get(udp + 6) == 0 || ip_sum(udp, size, ip_pseudo_sum(ip, size)) == 0xffff;
}

int
lisp_ecm_parse(const uint8_t *data, size_t size, struct lisp_ecm *out)
{
	struct rd r = rd_make(data, size);
	const uint8_t *head = rd_bytes(&r, HEAD_SIZE), *packet = r.data;
	struct ip ip;

	if (head == NULL || head[0] >> 4 != LISP_ECM)
		return -EBADMSG;
	if ((head[0] & FLAG_SECURITY) != 0)
		return -EPROTONOSUPPORT;
	if (ip_parse(packet, r.size, &ip) != 0 || ip.size != r.size)
		return -EBADMSG;
	if (ip.proto != IP_PROTO_UDP || ip.l4_header_size == 0 || ip.more_fragments ||
	    !udp_is_right(packet + ip.header_size, &ip))
		return -EBADMSG;
	*out = (struct lisp_ecm){.ddt = (head[0] & FLAG_DDT) != 0,
				 .to_etr = (head[0] & FLAG_TO_ETR) != 0,
				 .to_ms = (head[0] & FLAG_TO_MS) != 0,
				 .src = {ip.src, ip.sport},
				 .dst = {ip.dst, ip.dport},
				 .message = packet + ip.header_size + UDP_SIZE,
				 .size = ip.size - ip.header_size - UDP_SIZE};
	return 0;
}

size_t
lisp_ecm_size(uint8_t family)
{
	return HEAD_SIZE + (family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE) + UDP_SIZE;
}

static void
write_ip4(struct wr *w, const struct lisp_ecm *ecm, uint16_t payload_size)
{
	wr_u8(w, IP4_VERSION);
	wr_u8(w, 0);
	wr_u16(w, (uint16_t)(IP4_SIZE_MIN + payload_size));
	wr_u16(w, 0);
	wr_u16(w, IP4_DONT_FRAG);
	wr_u8(w, INNER_TTL);
	wr_u8(w, IP_PROTO_UDP);
	wr_u16(w, 0);
	wr_addr(w, ecm->src.addr);
	wr_addr(w, ecm->dst.addr);
}

static void
write_ip6(struct wr *w, const struct lisp_ecm *ecm, uint16_t payload_size)
{
	wr_u32(w, (uint32_t)IP6_VERSION << 24);
	wr_u16(w, payload_size);
	wr_u8(w, IP_PROTO_UDP);
	wr_u8(w, INNER_TTL);
	wr_addr(w, ecm->src.addr);
	wr_addr(w, ecm->dst.addr);
}

static void
write_checksums(const struct lisp_ecm *ecm, uint8_t *packet, size_t header_size, uint16_t udp_size)
{
	struct ip ip = {.family = ecm->src.addr.family,
			.src = ecm->src.addr,
			.dst = ecm->dst.addr,
			.proto = IP_PROTO_UDP,
			.header_size = (uint16_t)header_size,
			.size = (uint32_t)header_size + udp_size,
			.l4_header_size = UDP_SIZE};

	ip_header_checksum(packet);
	ip_l4_checksum(packet, &ip);
}

int
lisp_ecm_build(const struct lisp_ecm *ecm, uint8_t *data, size_t room)
{
	uint8_t family = ecm->src.addr.family;
	size_t head_size = lisp_ecm_size(family);
	size_t header_size = head_size - HEAD_SIZE - UDP_SIZE;
	uint16_t udp_size = (uint16_t)(UDP_SIZE + ecm->size);
	struct wr w = wr_make(data, head_size);

	if (ecm->security || addr_size(family) == 0 || ecm->dst.addr.family != family)
		return -EINVAL;
	if (room < head_size || ecm->size > room - head_size ||
	    header_size + UDP_SIZE + ecm->size > UINT16_MAX)
		return -EMSGSIZE;
	wr_u8(&w, (uint8_t)(LISP_ECM << 4 | (ecm->ddt ? FLAG_DDT : 0) |
			    (ecm->to_etr ? FLAG_TO_ETR : 0) | (ecm->to_ms ? FLAG_TO_MS : 0)));
	wr_u24(&w, 0);
	if (family == ADDR_V4)
		write_ip4(&w, ecm, udp_size);
	else
		write_ip6(&w, ecm, udp_size);
	wr_u16(&w, ecm->src.port);
	wr_u16(&w, ecm->dst.port);
	wr_u16(&w, udp_size);
	wr_u16(&w, 0);
	write_checksums(ecm, data + HEAD_SIZE, header_size, udp_size);
	return (int)(head_size + ecm->size);
}
