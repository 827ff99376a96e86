/* AFIs and the frame of an LCAF (RFC 8060 section 3). */
#include "wire/lisp_lcaf.h"

#define AFI_NAME   17 /* text that a zero byte ends (RFC 9735) */
#define AFI_AS     18
#define AFI_MAC_64 16390

void
lcaf_read(struct rd *r, struct lcaf *out)
{
	rd_u16(r);
	out->type = rd_u8(r);
	out->mask_len = rd_u8(r);
	out->body = rd_sub(r, rd_u16(r));
}

size_t
lcaf_open(struct wr *w, uint8_t type)
{
	return lcaf_open_masked(w, type, 0);
}

size_t
lcaf_open_masked(struct wr *w, uint8_t type, uint8_t mask_len)
{
	wr_u16(w, LISP_AFI_LCAF);
	wr_u16(w, 0);
	wr_u8(w, type);
	wr_u8(w, mask_len);
	wr_u16(w, 0);
	return w->used;
}

void
lcaf_close(struct wr *w, size_t start)
{
	struct wr length;

	if (w->failed)
		return;
	length = wr_make(w->data + start - 2, 2);
	wr_u16(&length, (uint16_t)(w->used - start));
}

/* Inside an LCAF the end of the LCAF ends a name, too. */
static void
skip_name(struct rd *r, bool in_lcaf)
{
	uint8_t last = 1;

	while (last != 0 && r->size > 0)
		last = rd_u8(r);
	if (last != 0 && !in_lcaf)
		r->failed = true;
}

void
lcaf_skip_address(struct rd *r, uint16_t afi, bool in_lcaf)
{
	static const struct {
		uint16_t afi;
		uint8_t size;
	} known[] = {
		{LISP_AFI_NONE, 0}, {LISP_AFI_IP4, 4}, {LISP_AFI_IP6, 16}, {LISP_AFI_802, 6},
		{AFI_AS, 4},        {LISP_AFI_MAC, 6}, {AFI_MAC_64, 8},
	};
	struct lcaf l;

	if (r->failed)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		if (known[i].afi == afi) {
			rd_bytes(r, known[i].size);
			return;
		}
	}
	if (afi == LISP_AFI_LCAF)
		lcaf_read(r, &l);
	else if (afi == AFI_NAME)
		skip_name(r, in_lcaf);
	else if (in_lcaf)
		rd_bytes(r, r->size);
	else
		r->failed = true;
}

uint8_t
lcaf_family(uint16_t afi)
{
	return afi == LISP_AFI_IP4 ? ADDR_V4 : afi == LISP_AFI_IP6 ? ADDR_V6 : ADDR_NONE;
}

void
lcaf_write_ip(struct wr *w, struct addr addr)
{
	if (addr.family == ADDR_V4)
		wr_u16(w, LISP_AFI_IP4);
	else if (addr.family == ADDR_V6)
		wr_u16(w, LISP_AFI_IP6);
	else
		wr_u16(w, LISP_AFI_NONE);
	wr_addr(w, addr);
}

struct addr
lcaf_read_ip(struct rd *r)
{
	uint16_t afi = rd_u16(r);
	uint8_t family = lcaf_family(afi);

	if (family != ADDR_NONE)
		return rd_addr(r, family);
	lcaf_skip_address(r, afi, true);
	return (struct addr){.family = ADDR_NONE};
}
