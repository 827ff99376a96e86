/* Read cursor over received bytes.  A read past the end returns zero and latches 'failed', which is
 * tested once, at the end.  There is no other way to touch received bytes. */
#ifndef WIRE_RD_H
#define WIRE_RD_H

#include "base/types.h"

struct rd {
	const uint8_t *data;
	size_t size; /* bytes left */
	bool failed;
};

static inline struct rd
rd_make(const uint8_t *data, size_t size)
{
	return (struct rd){.data = data, .size = size};
}

/* 'size' bytes in place, or NULL (and latched) when fewer are left. */
static inline const uint8_t *
rd_bytes(struct rd *r, size_t size)
{
	const uint8_t *p = r->data;

	if (size > r->size || r->failed) {
		r->failed = true;
		return NULL;
	}
	r->data += size;
	r->size -= size;
	return p;
}

static inline uint64_t
rd_uint(struct rd *r, size_t size)
{
	const uint8_t *p = rd_bytes(r, size);
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < size; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t
rd_u8(struct rd *r)
{
	return (uint8_t)rd_uint(r, 1);
}

static inline uint16_t
rd_u16(struct rd *r)
{
	return (uint16_t)rd_uint(r, 2);
}

static inline uint32_t
rd_u24(struct rd *r)
{
	return (uint32_t)rd_uint(r, 3);
}

static inline uint32_t
rd_u32(struct rd *r)
{
	return (uint32_t)rd_uint(r, 4);
}

static inline uint64_t
rd_u64(struct rd *r)
{
	return rd_uint(r, 8);
}

/* A cursor over the next 'size' bytes that cannot leave them; failed when they are not there. */
static inline struct rd
rd_sub(struct rd *r, size_t size)
{
	const uint8_t *p = rd_bytes(r, size);

	return (struct rd){.data = p, .size = p != NULL ? size : 0, .failed = p == NULL};
}

static inline struct mac
rd_mac(struct rd *r)
{
	struct mac m = {{0}};
	const uint8_t *p = rd_bytes(r, sizeof(m.b));

	if (p != NULL)
		memcpy(m.b, p, sizeof(m.b));
	return m;
}

/* An address of the family, or family NONE when the bytes are not there. */
static inline struct addr
rd_addr(struct rd *r, uint8_t family)
{
	const uint8_t *p = rd_bytes(r, addr_size(family));

	return p != NULL ? addr_make(family, p) : (struct addr){.family = ADDR_NONE};
}

/* True when nothing failed and nothing is left. */
static inline bool
rd_done(const struct rd *r)
{
	return !r->failed && r->size == 0;
}

#endif
