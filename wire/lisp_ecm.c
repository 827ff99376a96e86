/* Encapsulated Control Messages: the headers around a control message. */
#include "wire/lisp_ecm.h"

#include <errno.h>

#include "wire/be.h"
#include "wire/ip.h"
#include "wire/lispdata.h"

#define HEAD_SIZE 4
#define UDP_SIZE  8

/* Authentication data: type, reserved, Key ID, Algorithm ID, length. */
#define AD_HEAD_SIZE 8
#define AD_TYPE_RTR  2

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
lisp_inside_parse(const uint8_t *packet, size_t size, struct lisp_ecm *out)
{
	struct ip ip;

	if (ip_parse(packet, size, &ip) != 0 || ip.size != size)
		return -EBADMSG;
	if (ip.proto != IP_PROTO_UDP || ip.l4_header_size == 0 || ip.more_fragments ||
	    !udp_is_right(packet + ip.header_size, &ip))
		return -EBADMSG;
	*out = (struct lisp_ecm){.src = {ip.src, ip.sport},
				 .dst = {ip.dst, ip.dport},
				 .message = packet + ip.header_size + UDP_SIZE,
				 .size = ip.size - ip.header_size - UDP_SIZE};
	return 0;
}

/* Authentication data of another kind may have another form. */
static int
read_auth(struct rd *r, struct lisp_auth *out)
{
	uint8_t type = rd_u8(r);

	rd_u24(r);
	*out = (struct lisp_auth){.key_id = rd_u8(r), .offset = LISP_ECM_AUTH_AT};
	out->algorithm = rd_u8(r);
	out->size = rd_u16(r);
	if (r->failed)
		return -EBADMSG;
	if (type != AD_TYPE_RTR)
		return -EPROTONOSUPPORT;
	if (out->size == 0 || out->size > LISP_AUTH_SIZE_MAX)
		return -EBADMSG;
	rd_bytes(r, out->size);
	return r->failed ? -EBADMSG : 0;
}

int
lisp_ecm_parse(const uint8_t *data, size_t size, struct lisp_ecm *out)
{
	struct rd r = rd_make(data, size);
	const uint8_t *head = rd_bytes(&r, HEAD_SIZE);
	struct lisp_auth auth = {.size = 0};
	bool security;
	int err = 0;

	if (head == NULL || head[0] >> 4 != LISP_ECM)
		return -EBADMSG;
	security = (head[0] & FLAG_SECURITY) != 0;
	if (security)
		err = read_auth(&r, &auth);
	if (err == 0)
		err = lisp_inside_parse(r.data, r.size, out);
	if (err != 0)
		return err;
	out->security = security;
	out->ddt = (head[0] & FLAG_DDT) != 0;
	out->to_etr = (head[0] & FLAG_TO_ETR) != 0;
	out->to_ms = (head[0] & FLAG_TO_MS) != 0;
	out->rtr_auth = auth;
	return 0;
}

/* IP and UDP headers. */
static size_t
inner_size(uint8_t family)
{
	return (family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE) + UDP_SIZE;
}

size_t
lisp_ecm_size(uint8_t family)
{
	return HEAD_SIZE + inner_size(family);
}

size_t
lisp_ecm_head_size(const struct lisp_ecm *ecm)
{
	return lisp_ecm_size(ecm->src.addr.family) +
	       (ecm->security ? AD_HEAD_SIZE + (size_t)ecm->rtr_auth.size : 0);
}

size_t
lisp_inside_size(uint8_t family)
{
	return LISPDATA_SIZE + inner_size(family);
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

/* Writes the IP and UDP headers in front of a message that stands behind them, 'front' bytes from the
 * beginning of 'data'.  The size in all. */
static int
build_inner(const struct lisp_ecm *ecm, uint8_t *data, size_t front, size_t room)
{
	uint8_t family = ecm->src.addr.family;
	size_t header_size = inner_size(family) - UDP_SIZE;
	uint16_t udp_size = (uint16_t)(UDP_SIZE + ecm->size);
	struct wr w;

	if (addr_size(family) == 0 || ecm->dst.addr.family != family)
		return -EINVAL;
	if (room < front + inner_size(family) || ecm->size > room - front - inner_size(family) ||
	    inner_size(family) + ecm->size > UINT16_MAX)
		return -EMSGSIZE;
	w = wr_make(data + front, inner_size(family));
	if (family == ADDR_V4)
		write_ip4(&w, ecm, udp_size);
	else
		write_ip6(&w, ecm, udp_size);
	wr_u16(&w, ecm->src.port);
	wr_u16(&w, ecm->dst.port);
	wr_u16(&w, udp_size);
	wr_u16(&w, 0);
	write_checksums(ecm, data + front, header_size, udp_size);
	return (int)(front + inner_size(family) + ecm->size);
}

static void
write_auth(struct wr *w, const struct lisp_auth *auth)
{
	static const uint8_t zeros[LISP_AUTH_SIZE_MAX];

	wr_u8(w, AD_TYPE_RTR);
	wr_u24(w, 0);
	wr_u8(w, auth->key_id);
	wr_u8(w, auth->algorithm);
	wr_u16(w, auth->size);
	wr_bytes(w, zeros, auth->size);
}

int
lisp_ecm_build(const struct lisp_ecm *ecm, uint8_t *data, size_t room)
{
	const struct lisp_auth *auth = &ecm->rtr_auth;
	size_t front = HEAD_SIZE;
	struct wr w;
	int size;

	if (ecm->security && (auth->size == 0 || auth->size > LISP_AUTH_SIZE_MAX))
		return -EINVAL;
	if (ecm->security)
		front += AD_HEAD_SIZE + auth->size;
	size = build_inner(ecm, data, front, room);
	if (size < 0)
		return size;
	w = wr_make(data, front);
	wr_u8(&w, (uint8_t)(LISP_ECM << 4 | (ecm->security ? FLAG_SECURITY : 0) |
			    (ecm->ddt ? FLAG_DDT : 0) | (ecm->to_etr ? FLAG_TO_ETR : 0) |
			    (ecm->to_ms ? FLAG_TO_MS : 0)));
	wr_u24(&w, 0);
	if (ecm->security)
		write_auth(&w, auth);
	return size;
}

int
lisp_inside_build(const struct lisp_ecm *inside, uint8_t *data, size_t room)
{
	struct lispdata header = {.has_vn = true, .vn = LISP_CONTROL_VN};
	int size = build_inner(inside, data, LISPDATA_SIZE, room);

	if (size > 0)
		lispdata_build(&header, data);
	return size;
}
