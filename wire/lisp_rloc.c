/* Locators of LISP control messages, and the LCAFs around them. */
#include "wire/lisp_addr.h"

#include "wire/lisp_lcaf.h"

#define HOP_LOOKUP 0x4
#define HOP_PROBE  0x2
#define HOP_STRICT 0x1

#define GEO_SIZE 12 /* latitude, longitude and altitude */
#define AS_SIZE  4

static void read_rloc(struct rd *r, unsigned depth, struct lisp_rloc *out);

/* One address behind another thing that is not looked at. */
static struct addr
read_wrapped(struct rd *r, unsigned depth)
{
	struct lisp_rloc inner;

	read_rloc(r, depth, &inner);
	return inner.kind == LISP_RLOC_IP || inner.kind == LISP_RLOC_LIST
		       ? inner.addr
		       : (struct addr){.family = ADDR_NONE};
}

/* The first IP address counts; a list has no order (RFC 8060 section 4.10.5), and we read all of it
 * to know that it is well formed. */
static struct addr
read_list(struct rd *r, unsigned depth)
{
	struct addr first = {.family = ADDR_NONE}, addr;

	while (!r->failed && r->size > 0) {
		addr = read_wrapped(r, depth);
		if (addr_is_none(first))
			first = addr;
	}
	return first;
}

/* Keys (RFC 8060 section 4.7), and behind them the locator that they belong to. */
static struct addr
read_key(struct rd *r, unsigned depth)
{
	uint8_t count = rd_u8(r);

	rd_bytes(r, 3);
	while (!r->failed && count-- > 0)
		rd_sub(r, rd_u16(r));
	return read_wrapped(r, depth);
}

/* Peers differ in how they fill the LCAFs of which we want no more than the address: what does not
 * read well is skipped like an unknown one. */
static struct addr
read_around(const struct lcaf *l, unsigned depth)
{
	struct rd body = l->body;
	struct addr addr;

	if (l->type == LCAF_KEY) {
		addr = read_key(&body, depth);
	} else {
		rd_bytes(&body, l->type == LCAF_GEO ? GEO_SIZE : AS_SIZE);
		addr = read_wrapped(&body, depth);
	}
	return rd_done(&body) ? addr : (struct addr){.family = ADDR_NONE};
}

static void
read_nat(struct rd *r, struct lisp_rloc *out)
{
	struct lisp_nat *nat = &out->nat;
	struct addr rtr;

	nat->ms_port = rd_u16(r);
	nat->etr_port = rd_u16(r);
	nat->global = lcaf_read_ip(r);
	nat->ms = lcaf_read_ip(r);
	nat->local = lcaf_read_ip(r);
	while (!r->failed && r->size > 0) {
		rtr = lcaf_read_ip(r);
		if (!addr_is_none(rtr) && nat->rtr_count < LISP_RTRS_MAX)
			nat->rtrs[nat->rtr_count++] = rtr;
	}
	out->kind = LISP_RLOC_NAT;
	out->addr = nat->global;
}

/* A path with a hop that is no IP address is not one that we could send along. */
static void
read_path(struct rd *r, struct lisp_rloc *out)
{
	bool usable = r->size > 0;

	while (!r->failed && r->size > 0) {
		uint16_t flags = rd_u16(r);
		struct lisp_hop hop = {.lookup = (flags & HOP_LOOKUP) != 0,
				       .probe = (flags & HOP_PROBE) != 0,
				       .strict = (flags & HOP_STRICT) != 0,
				       .addr = lcaf_read_ip(r)};

		/* One of more hops than we keep is read to its end, and not used. */
		usable = usable && !addr_is_none(hop.addr) && out->hop_count < LISP_HOPS_MAX;
		if (out->hop_count < LISP_HOPS_MAX)
			out->hops[out->hop_count++] = hop;
	}
	if (!usable || r->failed) {
		*out = (struct lisp_rloc){.kind = LISP_RLOC_OTHER};
		return;
	}
	out->kind = LISP_RLOC_PATH;
	out->addr = out->hops[0].addr;
}

/* 'depth' more LCAFs may be opened. */
static void
read_lcaf(struct rd *r, unsigned depth, struct lisp_rloc *out)
{
	struct lcaf l;

	lcaf_read(r, &l);
	if (depth == 0)
		r->failed = true;
	if (r->failed)
		return;
	switch (l.type) {
	case LCAF_LIST:
		out->addr = read_list(&l.body, depth - 1);
		break;
	case LCAF_NAT:
		read_nat(&l.body, out);
		break;
	case LCAF_PATH:
		read_path(&l.body, out);
		break;
	case LCAF_AS:
	case LCAF_GEO:
	case LCAF_KEY:
		out->addr = read_around(&l, depth - 1);
		break;
	default:
		return;
	}
	if (l.body.failed)
		r->failed = true;
	if (out->kind == LISP_RLOC_OTHER && !addr_is_none(out->addr))
		out->kind = LISP_RLOC_LIST;
}

static void
read_rloc(struct rd *r, unsigned depth, struct lisp_rloc *out)
{
	uint16_t afi = rd_u16(r);
	uint8_t family = lcaf_family(afi);

	*out = (struct lisp_rloc){.kind = LISP_RLOC_OTHER};
	if (family != ADDR_NONE) {
		out->kind = LISP_RLOC_IP;
		out->addr = rd_addr(r, family);
	} else if (afi == LISP_AFI_NONE) {
		out->kind = LISP_RLOC_NONE;
	} else if (afi == LISP_AFI_LCAF) {
		read_lcaf(r, depth, out);
	} else {
		lcaf_skip_address(r, afi, depth < LISP_LCAF_DEPTH);
	}
}

void
lisp_rloc_read(struct rd *r, struct lisp_rloc *out)
{
	read_rloc(r, LISP_LCAF_DEPTH, out);
}

static bool
is_ip(struct addr addr)
{
	return addr_size(addr.family) != 0;
}

static bool
path_is_valid(const struct lisp_rloc *rloc)
{
	if (rloc->hop_count == 0 || rloc->hop_count > LISP_HOPS_MAX)
		return false;
	for (uint8_t i = 0; i < rloc->hop_count; i++) {
		if (!is_ip(rloc->hops[i].addr))
			return false;
	}
	return true;
}

static bool
nat_is_valid(const struct lisp_nat *nat)
{
	if (nat->rtr_count > LISP_RTRS_MAX)
		return false;
	for (uint8_t i = 0; i < nat->rtr_count; i++) {
		if (!is_ip(nat->rtrs[i]))
			return false;
	}
	return true;
}

bool
lisp_rloc_valid(const struct lisp_rloc *rloc)
{
	switch (rloc->kind) {
	case LISP_RLOC_NONE:
		return true;
	case LISP_RLOC_IP:
	case LISP_RLOC_LIST:
		return is_ip(rloc->addr);
	case LISP_RLOC_NAT:
		return nat_is_valid(&rloc->nat);
	case LISP_RLOC_PATH:
		return path_is_valid(rloc);
	default:
		return false;
	}
}

static void
write_nat(struct wr *w, const struct lisp_nat *nat)
{
	wr_u16(w, nat->ms_port);
	wr_u16(w, nat->etr_port);
	lcaf_write_ip(w, nat->global);
	lcaf_write_ip(w, nat->ms);
	lcaf_write_ip(w, nat->local);
	for (uint8_t i = 0; i < nat->rtr_count; i++)
		lcaf_write_ip(w, nat->rtrs[i]);
}

static void
write_path(struct wr *w, const struct lisp_rloc *rloc)
{
	for (uint8_t i = 0; i < rloc->hop_count; i++) {
		const struct lisp_hop *hop = &rloc->hops[i];

		wr_u16(w, (uint16_t)((hop->lookup ? HOP_LOOKUP : 0) | (hop->probe ? HOP_PROBE : 0) |
				     (hop->strict ? HOP_STRICT : 0)));
		lcaf_write_ip(w, hop->addr);
	}
}

void
lisp_rloc_write(struct wr *w, const struct lisp_rloc *rloc)
{
	size_t start;

	if (!lisp_rloc_valid(rloc)) {
		w->failed = true;
		return;
	}
	switch (rloc->kind) {
	case LISP_RLOC_IP:
		lcaf_write_ip(w, rloc->addr);
		return;
	case LISP_RLOC_LIST:
		start = lcaf_open(w, LCAF_LIST);
		lcaf_write_ip(w, rloc->addr);
		break;
	case LISP_RLOC_NAT:
		start = lcaf_open(w, LCAF_NAT);
		write_nat(w, &rloc->nat);
		break;
	case LISP_RLOC_PATH:
		start = lcaf_open(w, LCAF_PATH);
		write_path(w, rloc);
		break;
	default:
		wr_u16(w, LISP_AFI_NONE);
		return;
	}
	lcaf_close(w, start);
}

struct lisp_rloc
lisp_rloc_make(struct addr addr)
{
	return (struct lisp_rloc){.kind = addr_is_none(addr) ? LISP_RLOC_NONE : LISP_RLOC_IP,
				  .addr = addr};
}
