/* The primitives the sessions are built from; OpenSSL stands behind them, in one file.
 *
 * Nothing here is our own cryptography: X25519, AES-256-GCM, ChaCha20-Poly1305, SHA-256 and
 * HMAC as OpenSSL gives them, and AES-256-GCM of the data path by a faster library where there is
 * one. */
#ifndef VR_CRYPTO_H
#define VR_CRYPTO_H

#include "base/err.h"
#include "base/types.h"

#define CRYPTO_KEY_SIZE  32
#define CRYPTO_HASH_SIZE 32
#define CRYPTO_TAG_SIZE  16

enum crypto_cipher { CRYPTO_AESGCM = 0, CRYPTO_CHACHAPOLY };

/* 0 or -EIO.  Private keys are clamped by X25519 itself. */
MUST_USE int crypto_random(void *bytes, size_t size);
MUST_USE int crypto_public_key(const uint8_t private_key[CRYPTO_KEY_SIZE],
			       uint8_t public_key[CRYPTO_KEY_SIZE]);
/* 0; -EBADMSG when the result is all zero (a low-order point). */
MUST_USE int crypto_dh(const uint8_t private_key[CRYPTO_KEY_SIZE],
		       const uint8_t public_key[CRYPTO_KEY_SIZE], uint8_t out[CRYPTO_KEY_SIZE]);
void crypto_hash(const void *a, size_t a_size, const void *b, size_t b_size,
		 uint8_t out[CRYPTO_HASH_SIZE]);
void crypto_hmac(const uint8_t *key, size_t key_size, const void *a, size_t a_size, const void *b,
		 size_t b_size, uint8_t out[CRYPTO_HASH_SIZE]);
/* For LISP peers that speak nothing newer. */
#define CRYPTO_SHA1_SIZE 20
void crypto_hmac_sha1(const uint8_t *key, size_t key_size, const void *a, size_t a_size,
		      const void *b, size_t b_size, uint8_t out[CRYPTO_SHA1_SIZE]);

/* For who makes many HMACs, one after the other: what each of them would look up and ask for is kept. */
struct crypto_hmacs;

/* NULL when memory is short. */
struct crypto_hmacs *crypto_hmacs_create(void);
void crypto_hmacs_destroy(struct crypto_hmacs *h);
/* As crypto_hmac() and crypto_hmac_sha1() do. */
void crypto_hmacs_make(struct crypto_hmacs *h, const uint8_t *key, size_t key_size, const void *a,
		       size_t a_size, const void *b, size_t b_size, uint8_t out[CRYPTO_HASH_SIZE]);
void crypto_hmacs_make_sha1(struct crypto_hmacs *h, const uint8_t *key, size_t key_size,
			    const void *a, size_t a_size, const void *b, size_t b_size,
			    uint8_t out[CRYPTO_SHA1_SIZE]);

bool crypto_equal(const void *a, const void *b, size_t size); /* constant time */
void crypto_wipe(void *bytes, size_t size);

/* AES-256-GCM by another library than OpenSSL.  It has no state but its code's addresses: any thread may use it. */
struct crypto_engine;

/* The fastest for this processor, chosen and tested in some 200 us.  NULL when there is none, or memory is short:
 * OpenSSL does what it would. */
struct crypto_engine *crypto_engine_create(void);
/* After the last AEAD of it. */
void crypto_engine_destroy(struct crypto_engine *engine);
/* Static; of NULL, OpenSSL's. */
const char *crypto_engine_name(const struct crypto_engine *engine);

/* A keyed AEAD with its schedule ready; one direction of one session. */
struct crypto_aead;

/* 'engine' may be NULL: what is used a few times only needs none.  NULL when memory is short. */
struct crypto_aead *crypto_aead_create(const struct crypto_engine *engine,
				       enum crypto_cipher cipher,
				       const uint8_t key[CRYPTO_KEY_SIZE], bool seal);
void crypto_aead_destroy(struct crypto_aead *aead);
/* Nonce as Noise section 12 has it: four zero bytes and the counter, big-endian for AESGCM,
 * little-endian for ChaChaPoly.  The text comes in two parts (either may be empty), is written
 * contiguously to 'out', the tag behind it.  'out' may be where 'a' or 'b' stands if the bytes
 * end up in their own place.  0 or -EIO. */
MUST_USE int crypto_seal(struct crypto_aead *aead, uint64_t counter, const void *ad, size_t ad_size,
			 const void *a, size_t a_size, const void *b, size_t b_size, uint8_t *out);
/* 'size' includes the tag; writes size - CRYPTO_TAG_SIZE bytes to 'out' (may be 'in').  0 or
 * -EBADMSG. */
MUST_USE int crypto_open(struct crypto_aead *aead, uint64_t counter, const void *ad, size_t ad_size,
			 const uint8_t *in, size_t size, uint8_t *out);

#endif
