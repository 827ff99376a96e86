/* Write cursor.  A write past the end writes nothing and latches 'failed', which is tested once, at
 * the end. */
#ifndef WIRE_WR_H
#define WIRE_WR_H

#include "base/types.h"

struct wr {
	uint8_t *data;
	size_t size; /* room in all */
	size_t used;
	bool failed;
};

static inline struct wr
wr_make(uint8_t *data, size_t size)
{
	return (struct wr){.data = data, .size = size};
}

static inline void
wr_bytes(struct wr *w, const void *bytes, size_t size)
{
	if (w->failed || size > w->size - w->used) {
		w->failed = true;
		return;
	}
	memcpy(w->data + w->used, bytes, size);
	w->used += size;
}

static inline void
wr_uint(struct wr *w, uint64_t v, size_t size)
{
	uint8_t b[8];

	for (size_t i = 0; i < size; i++)
		b[i] = (uint8_t)(v >> 8 * (size - 1 - i));
	wr_bytes(w, b, size);
}

static inline void
wr_u8(struct wr *w, uint8_t v)
{
	wr_uint(w, v, 1);
}

static inline void
wr_u16(struct wr *w, uint16_t v)
{
	wr_uint(w, v, 2);
}

static inline void
wr_u24(struct wr *w, uint32_t v)
{
	wr_uint(w, v, 3);
}

static inline void
wr_u32(struct wr *w, uint32_t v)
{
	wr_uint(w, v, 4);
}

static inline void
wr_u64(struct wr *w, uint64_t v)
{
	wr_uint(w, v, 8);
}

static inline void
wr_mac(struct wr *w, struct mac mac)
{
	wr_bytes(w, mac.b, sizeof(mac.b));
}

static inline void
wr_addr(struct wr *w, struct addr addr)
{
	wr_bytes(w, addr.b, addr_size(addr.family));
}

#endif
