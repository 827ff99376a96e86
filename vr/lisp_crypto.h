/* The cryptography that LISP messages need, as 'struct lisp_io' (lisp/io.h) asks for it; no 'ctx'. */
#ifndef VR_LISP_CRYPTO_H
#define VR_LISP_CRYPTO_H

#include "lisp/io.h"

void lisp_crypto_hmac(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size,
		      const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
		      uint8_t *out);
bool lisp_crypto_equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t size);
int lisp_crypto_random(void *ctx, void *bytes, size_t size);

#endif
