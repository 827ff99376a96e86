/* Keys that are believed, or not. */
#include "tests/fuzz/lisp_trust.h"

#include <string.h>

void
trust_hmac(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size, const uint8_t *a,
	   size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out)
{
	uint8_t sum = (uint8_t)(key_size > 0 ? key[0] : 0);

	(void)ctx;
	for (size_t i = 0; i < a_size; i++)
		sum ^= a[i];
	for (size_t i = 0; i < b_size; i++)
		sum ^= b[i];
	memset(out, sum, hash == LISP_SHA1 ? 20 : 32);
}

bool
trust_equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t size)
{
	(void)a;
	(void)b;
	(void)size;
	return ((struct trust *)ctx)->believes;
}

int
trust_random(void *ctx, void *bytes, size_t size)
{
	memset(bytes, ((struct trust *)ctx)->random++, size);
	return 0;
}

void
trust_persist(void *ctx)
{
	(void)ctx;
}
