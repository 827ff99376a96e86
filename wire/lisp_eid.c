/* EIDs of LISP control messages, and the LCAFs around them. */
#include "wire/lisp_addr.h"

#include "wire/lisp_lcaf.h"

#define MAC_LEN  48
#define LEN_HOST (-1) /* no mask length: an address of full length */

static void read_eid(struct rd *r, int len, unsigned depth, struct lisp_eid *out);

static struct prefix
read_prefix(struct rd *r, uint8_t family, int len)
{
	struct addr addr = rd_addr(r, family);
	int width = (int)addr_size(family) * 8;

	if (len > width)
		r->failed = true;
	return prefix_make(addr, (unsigned)(len == LEN_HOST ? width : len));
}

static void
read_mac(struct rd *r, int len, struct lisp_eid *out)
{
	out->kind = len == MAC_LEN || len == LEN_HOST ? LISP_EID_MAC : LISP_EID_OTHER;
	out->mac = rd_mac(r);
	if (out->kind == LISP_EID_OTHER)
		out->mac = (struct mac){{0}};
	if (len > MAC_LEN)
		r->failed = true;
}

/* RFC 8060 section 4.10.2 has a MAC alone in a list.  A list of anything else is not an EID that we
 * could look up. */
static void
read_eid_list(struct rd *r, int len, struct lisp_eid *out)
{
	unsigned count = 0;

	for (out->kind = LISP_EID_OTHER; !r->failed && r->size > 0; count++) {
		uint16_t afi = rd_u16(r);

		if (count == 0 && (afi == LISP_AFI_802 || afi == LISP_AFI_MAC))
			read_mac(r, len, out);
		else
			lcaf_skip_address(r, afi, true);
	}
	if (count != 1) {
		out->kind = LISP_EID_OTHER;
		out->mac = (struct mac){{0}};
	}
}

static void
read_pair(struct rd *r, struct lisp_eid *out)
{
	struct prefix *side[] = {&out->source, &out->prefix};
	uint8_t len[ARRAY_COUNT(side)];

	rd_u16(r);
	len[0] = rd_u8(r);
	len[1] = rd_u8(r);
	out->kind = LISP_EID_PAIR;
	for (size_t i = 0; i < ARRAY_COUNT(side); i++) {
		uint16_t afi = rd_u16(r);
		uint8_t family = lcaf_family(afi);

		if (family != ADDR_NONE) {
			*side[i] = read_prefix(r, family, len[i]);
			continue;
		}
		lcaf_skip_address(r, afi, true);
		out->kind = LISP_EID_OTHER;
	}
	if (out->kind == LISP_EID_OTHER)
		out->source = out->prefix = (struct prefix){.len = 0};
}

/* The LISP header has 24 bits for the number; there are Instance-IDs of 32, which name no VN. */
static void
read_instance(struct lcaf *l, int len, unsigned depth, struct lisp_eid *out)
{
	uint32_t id = rd_u32(&l->body);

	read_eid(&l->body, len, depth, out);
	if (id > VN_ID_MAX || out->has_vn || (out->kind == LISP_EID_NONE && l->mask_len != 0)) {
		*out = (struct lisp_eid){.kind = LISP_EID_OTHER};
		return;
	}
	out->has_vn = true;
	out->vn = id;
	out->vn_len = l->mask_len;
}

/* 'depth' more LCAFs may be opened. */
static void
read_eid_lcaf(struct rd *r, int len, unsigned depth, struct lisp_eid *out)
{
	struct lcaf l;

	lcaf_read(r, &l);
	out->kind = LISP_EID_OTHER;
	if (depth == 0)
		r->failed = true;
	if (r->failed)
		return;
	switch (l.type) {
	case LCAF_LIST:
		read_eid_list(&l.body, len, out);
		break;
	case LCAF_INSTANCE:
		read_instance(&l, len, depth - 1, out);
		break;
	case LCAF_PAIR:
		read_pair(&l.body, out);
		break;
	default:
		return;
	}
	if (!rd_done(&l.body))
		r->failed = true;
}

static void
read_eid(struct rd *r, int len, unsigned depth, struct lisp_eid *out)
{
	uint16_t afi = rd_u16(r);

	*out = (struct lisp_eid){.kind = LISP_EID_OTHER};
	switch (afi) {
	case LISP_AFI_NONE:
		out->kind = LISP_EID_NONE;
		return;
	case LISP_AFI_IP4:
	case LISP_AFI_IP6:
		out->kind = LISP_EID_IP;
		out->prefix = read_prefix(r, lcaf_family(afi), len);
		return;
	case LISP_AFI_MAC:
		read_mac(r, len, out);
		return;
	case LISP_AFI_LCAF:
		read_eid_lcaf(r, len, depth, out);
		return;
	default:
		lcaf_skip_address(r, afi, depth < LISP_LCAF_DEPTH);
	}
}

void
lisp_eid_read(struct rd *r, uint8_t len, struct lisp_eid *out)
{
	read_eid(r, len, LISP_LCAF_DEPTH, out);
}

void
lisp_eid_read_host(struct rd *r, struct lisp_eid *out)
{
	read_eid(r, LEN_HOST, LISP_LCAF_DEPTH, out);
}

static bool
prefix_is_valid(const struct prefix *p)
{
	return addr_size(p->addr.family) != 0 && p->len <= addr_size(p->addr.family) * 8;
}

bool
lisp_eid_valid(const struct lisp_eid *eid)
{
	if (eid->has_vn && eid->vn > VN_ID_MAX)
		return false;
	switch (eid->kind) {
	case LISP_EID_NONE:
	case LISP_EID_MAC:
		return true;
	case LISP_EID_IP:
		return prefix_is_valid(&eid->prefix);
	case LISP_EID_PAIR:
		return prefix_is_valid(&eid->prefix) && prefix_is_valid(&eid->source);
	default:
		return false;
	}
}

static void
write_pair(struct wr *w, const struct lisp_eid *eid)
{
	size_t start = lcaf_open(w, LCAF_PAIR);

	wr_u16(w, 0);
	wr_u8(w, eid->source.len);
	wr_u8(w, eid->prefix.len);
	lcaf_write_ip(w, eid->source.addr);
	lcaf_write_ip(w, eid->prefix.addr);
	lcaf_close(w, start);
}

void
lisp_eid_write(struct wr *w, const struct lisp_eid *eid)
{
	size_t start = 0;

	if (!lisp_eid_valid(eid)) {
		w->failed = true;
		return;
	}
	if (eid->has_vn) {
		start = lcaf_open_masked(w, LCAF_INSTANCE,
					 eid->kind == LISP_EID_NONE ? 0 : eid->vn_len);
		wr_u32(w, eid->vn);
	}
	if (eid->kind == LISP_EID_PAIR) {
		write_pair(w, eid);
	} else if (eid->kind == LISP_EID_MAC) {
		wr_u16(w, LISP_AFI_MAC);
		wr_mac(w, eid->mac);
	} else if (eid->kind == LISP_EID_IP) {
		lcaf_write_ip(w, eid->prefix.addr);
	} else {
		wr_u16(w, LISP_AFI_NONE);
	}
	if (eid->has_vn)
		lcaf_close(w, start);
}

uint8_t
lisp_eid_len(const struct lisp_eid *eid)
{
	return eid->kind == LISP_EID_IP ? eid->prefix.len : eid->kind == LISP_EID_MAC ? MAC_LEN : 0;
}

struct lisp_eid
lisp_eid_make(vn_id_t vn, struct prefix prefix, bool plain_zero)
{
	return (struct lisp_eid){
		.kind = LISP_EID_IP, .has_vn = vn != 0 || !plain_zero, .vn = vn, .prefix = prefix};
}

struct fmt
lisp_eid_fmt(const struct lisp_eid *eid)
{
	switch (eid->kind) {
	case LISP_EID_IP:
		return fmt_prefix(eid->prefix);
	case LISP_EID_MAC:
		return fmt_mac(eid->mac);
	case LISP_EID_NONE:
		return (struct fmt){"none"};
	case LISP_EID_PAIR:
		return (struct fmt){"pair"};
	default:
		return (struct fmt){"other"};
	}
}
