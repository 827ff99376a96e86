/* Outer header of the underlay port and inner header of a sealed record. */
#include "wire/seal.h"

#include <errno.h>

#include "wire/be.h"
#include "wire/rd.h"
#include "wire/wr.h"

#define SEAL_FLAGS (SEAL_FLAG_CSUM_PARTIAL | SEAL_FLAG_REDIRECTED)

int
seal_outer_parse(const uint8_t *data, size_t size, struct seal_outer *out)
{
	if (size < SEAL_OUTER_SIZE || data[1] != SEAL_VERSION || data[0] < SEAL_INIT ||
	    data[0] > SEAL_RELAYED)
		return -EBADMSG;
	/* The two bytes between are ignored here, but authenticated with the rest of the header: room for later
	 * versions. */
	*out = (struct seal_outer){
		.type = data[0], .receiver = be32_get(data + 4), .counter = be64_get(data + 8)};
	return 0;
}

void
seal_outer_build(const struct seal_outer *o, uint8_t *data)
{
	data[0] = o->type;
	data[1] = SEAL_VERSION;
	be16_put(data + 2, 0);
	be32_put(data + 4, o->receiver);
	be64_put(data + 8, o->counter);
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
