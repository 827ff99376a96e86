/* Who seals with AES-256-GCM in OpenSSL's place: the seam between vr/crypto_openssl.c and vr/crypto_mb.c. */
#ifndef VR_CRYPTO_ENGINE_H
#define VR_CRYPTO_ENGINE_H

#include "vr/crypto.h"

#define CRYPTO_NONCE_SIZE 12

/* What is here about seal() and open(), but not said: as crypto_seal() and crypto_open() have it. */
struct crypto_engine {
	const char *name;
	/* A key with all that can be computed of it beforehand.  NULL when memory is short. */
	void *(*key_create)(const struct crypto_engine *engine, const uint8_t key[CRYPTO_KEY_SIZE]);
	void (*key_destroy)(void *key); /* wipes */
	void (*seal)(const void *key, const uint8_t nonce[CRYPTO_NONCE_SIZE], const void *ad,
		     size_t ad_size, const void *a, size_t a_size, const void *b, size_t b_size,
		     uint8_t *out);
	/* 'size' is without the tag, which stands at in + size. */
	int (*open)(const void *key, const uint8_t nonce[CRYPTO_NONCE_SIZE], const void *ad,
		    size_t ad_size, const uint8_t *in, size_t size, uint8_t *out);
};

#endif
