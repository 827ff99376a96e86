/* Outer header of the underlay port and inner header of a sealed record. */
#include "wire/seal.h"

#include <errno.h>

#include "wire/rd.h"
#include "wire/wr.h"

#define SEAL_FLAGS (SEAL_FLAG_CSUM_PARTIAL | SEAL_FLAG_REDIRECTED)

int
seal_outer_parse(const uint8_t *data, size_t size, struct seal_outer *out)
{
	struct rd r = rd_make(data, size);
	struct seal_outer o = {.type = rd_u8(&r)};
	uint8_t version = rd_u8(&r);

	/* Ignored here, but authenticated with the rest of the header: room for later versions. */
	(void)rd_u16(&r);
	o.receiver = rd_u32(&r);
	o.counter = rd_u64(&r);
	if (r.failed || version != SEAL_VERSION || o.type < SEAL_INIT || o.type > SEAL_RELAYED)
		return -EBADMSG;
	*out = o;
	return 0;
}

void
seal_outer_build(const struct seal_outer *o, uint8_t *data)
{
	struct wr w = wr_make(data, SEAL_OUTER_SIZE);

	wr_u8(&w, o->type);
	wr_u8(&w, SEAL_VERSION);
	wr_u16(&w, 0);
	wr_u32(&w, o->receiver);
	wr_u64(&w, o->counter);
}

int
seal_inner_parse(const uint8_t *data, size_t size, struct seal_inner *out)
{
	struct rd r = rd_make(data, size);
	struct seal_inner i = {.kind = rd_u8(&r)};
	uint8_t reserved;

	i.flags = rd_u8(&r);
	i.hops = rd_u8(&r);
	reserved = rd_u8(&r);
	i.vn = rd_u24(&r);
	reserved |= rd_u8(&r);
	if (r.failed || reserved != 0 || i.kind > SEAL_CANDIDATES || (i.flags & ~SEAL_FLAGS) != 0)
		return -EBADMSG;
	*out = i;
	return 0;
}

void
seal_inner_build(const struct seal_inner *i, uint8_t *data)
{
	struct wr w = wr_make(data, SEAL_INNER_SIZE);

	wr_u8(&w, i->kind);
	wr_u8(&w, i->flags);
	wr_u8(&w, i->hops);
	wr_u8(&w, 0);
	wr_u24(&w, i->vn);
	wr_u8(&w, 0);
}
