/* The cryptography that LISP messages need. */
#include "vr/lisp_crypto.h"

#include "vr/crypto.h"

void
lisp_crypto_hmac(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size,
		 const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out)
{
	(void)ctx;
	if (hash == LISP_SHA1)
		crypto_hmac_sha1(key, key_size, a, a_size, b, b_size, out);
	else
		crypto_hmac(key, key_size, a, a_size, b, b_size, out);
}

bool
lisp_crypto_equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t size)
{
	(void)ctx;
	return crypto_equal(a, b, size);
}

int
lisp_crypto_random(void *ctx, void *bytes, size_t size)
{
	(void)ctx;
	return crypto_random(bytes, size);
}
