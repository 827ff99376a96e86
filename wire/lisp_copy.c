/* Locators from one message into another. */
#include "wire/lisp_copy.h"

/* Of a locator: priorities and weights in four bytes, then the flags, of which L, p and R are the
 * last. */
#define FLAGS_AT 5
#define FLAG_L   0x04
#define FLAG_P   0x02

void
lisp_put_locators(struct lisp_builder *b, unsigned count, const uint8_t *bytes, size_t size)
{
	uint8_t *counted;

	if (b->locator_count_at == 0) {
		b->invalid = true;
		return;
	}
	wr_bytes(&b->w, bytes, size);
	if (b->w.failed)
		return;
	counted = &b->w.data[b->locator_count_at];
	if (count > 255u - *counted) {
		b->invalid = true;
		return;
	}
	*counted = (uint8_t)(*counted + count);
	b->locators += count;
}

void
lisp_locator_strip(uint8_t *locator)
{
	locator[FLAGS_AT] &= (uint8_t) ~(FLAG_L | FLAG_P);
}
