/* The header of LISP data packets, and what a tunnel carries over between inner and outer IP
 * headers. */
#include "wire/lispdata.h"

#include <errno.h>

#include "wire/be.h"
#include "wire/ip.h"
#include "wire/rd.h"

#define FLAG_NONCE    0x80
#define FLAG_LSB      0x40
#define FLAG_ECHO     0x20
#define FLAG_VERSIONS 0x10
#define FLAG_VN       0x08
#define KEY_ID_MASK   0x03

#define NONCE_MASK   0xffffffu
#define VERSION_BITS 12
#define VERSION_MASK 0xfffu

#define ECN_MASK 0x3
enum ecn { ECN_NOT_ECT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

int
lispdata_parse(const uint8_t *data, size_t size, struct lispdata *out)
{
	struct rd r = rd_make(data, size);
	const uint8_t *h = rd_bytes(&r, LISPDATA_SIZE);
	uint32_t first, second;

	if (h == NULL)
		return -EBADMSG;
	first = be32_get(h) & NONCE_MASK;
	second = be32_get(h + 4);
	*out = (struct lispdata){.has_nonce = (h[0] & FLAG_NONCE) != 0,
				 .has_lsb = (h[0] & FLAG_LSB) != 0,
				 .has_vn = (h[0] & FLAG_VN) != 0,
				 .key_id = h[0] & KEY_ID_MASK};
	if (out->key_id != 0)
		return -EPROTONOSUPPORT;
	if (out->has_nonce) {
		out->echo = (h[0] & FLAG_ECHO) != 0;
		out->nonce = first;
	} else if ((h[0] & FLAG_VERSIONS) != 0) {
		out->has_versions = true;
		out->source_version = (uint16_t)(first >> VERSION_BITS);
		out->dest_version = first & VERSION_MASK;
	}
	if (out->has_vn)
		out->vn = second >> 8;
	if (out->has_lsb)
		out->lsb = out->has_vn ? second & 0xff : second;
	return 0;
}

void
lispdata_build(const struct lispdata *h, uint8_t *data)
{
	uint32_t first = 0, second = 0;

	if (h->has_nonce)
		first = (uint32_t)(FLAG_NONCE | (h->echo ? FLAG_ECHO : 0)) << 24 |
			(h->nonce & NONCE_MASK);
	else if (h->has_versions)
		first = (uint32_t)FLAG_VERSIONS << 24 |
			(h->source_version & VERSION_MASK) << VERSION_BITS |
			(h->dest_version & VERSION_MASK);
	if (h->has_lsb) {
		first |= (uint32_t)FLAG_LSB << 24;
		second = h->has_vn ? h->lsb & 0xff : h->lsb;
	}
	if (h->has_vn) {
		first |= (uint32_t)FLAG_VN << 24;
		second |= (h->vn & VN_ID_MAX) << 8;
	}
	be32_put(data, first);
	be32_put(data + 4, second);
}

static bool
is_ip4(const uint8_t *packet)
{
	return packet[0] >> 4 == 4;
}

static uint8_t
tos_of(const uint8_t *packet)
{
	return is_ip4(packet) ? packet[1] : (uint8_t)(be16_get(packet) >> 4);
}

struct lispdata_outer
lispdata_outer(const uint8_t *packet)
{
	return (struct lispdata_outer){.ttl = packet[is_ip4(packet) ? 8 : 7],
				       .tos = tos_of(packet)};
}

/* Changes a 16-bit word of an IPv4 header and its checksum with it. */
static void
replace_word(uint8_t *packet, size_t offset, uint16_t word)
{
	ip_sum_replace(packet + 10, be16_get(packet + offset), word);
	be16_put(packet + offset, word);
}

static void
set_tos(uint8_t *packet, uint8_t tos)
{
	if (is_ip4(packet))
		replace_word(packet, 0, (uint16_t)(packet[0] << 8 | tos));
	else
		be16_put(packet, (uint16_t)((be16_get(packet) & 0xf00f) | tos << 4));
}

static void
set_ttl(uint8_t *packet, uint8_t ttl)
{
	if (is_ip4(packet))
		replace_word(packet, 8, (uint16_t)(ttl << 8 | packet[9]));
	else
		packet[7] = ttl;
}

bool
lispdata_copy_in(uint8_t *packet, struct lispdata_outer outer)
{
	struct lispdata_outer inner = lispdata_outer(packet);
	uint8_t ecn = inner.tos & ECN_MASK, outer_ecn = outer.tos & ECN_MASK;
	uint8_t tos;

	if (ecn == ECN_NOT_ECT && outer_ecn == ECN_CE)
		return false;
	/* The more severe of the two: CE, ECT(1), ECT(0). */
	if (outer_ecn == ECN_CE || (outer_ecn == ECN_ECT1 && ecn == ECN_ECT0))
		ecn = outer_ecn;
	tos = (uint8_t)((outer.tos & ~ECN_MASK) | ecn);
	if (tos != inner.tos)
		set_tos(packet, tos);
	if (outer.ttl < inner.ttl)
		set_ttl(packet, outer.ttl);
	return true;
}
