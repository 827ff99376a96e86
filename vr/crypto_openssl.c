/* The primitives of vr/crypto.h over OpenSSL's EVP interface. */
#include "vr/crypto.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "vr/crypto_engine.h"

struct crypto_aead {
	enum crypto_cipher cipher;
	const struct crypto_engine *engine; /* NULL: OpenSSL */
	void *key;                          /* the engine's */
	EVP_CIPHER_CTX
	*ctx; /* OpenSSL's cipher and key schedule; only the nonce changes per record */
};

int
crypto_random(void *bytes, size_t size)
{
	if (size > INT_MAX)
		return -EIO;
	return RAND_bytes(bytes, (int)size) == 1 ? 0 : -EIO;
}

int
crypto_public_key(const uint8_t private_key[CRYPTO_KEY_SIZE], uint8_t public_key[CRYPTO_KEY_SIZE])
{
	size_t size = CRYPTO_KEY_SIZE;
	EVP_PKEY *key =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, CRYPTO_KEY_SIZE);
	int rc = -EIO;

	if (key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &size) == 1)
		rc = 0;
	EVP_PKEY_free(key);
	return rc;
}

int
crypto_dh(const uint8_t private_key[CRYPTO_KEY_SIZE], const uint8_t public_key[CRYPTO_KEY_SIZE],
	  uint8_t out[CRYPTO_KEY_SIZE])
{
	static const uint8_t zero[CRYPTO_KEY_SIZE];
	EVP_PKEY *own =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, CRYPTO_KEY_SIZE);
	EVP_PKEY *other =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, CRYPTO_KEY_SIZE);
	EVP_PKEY_CTX *ctx = own != NULL ? EVP_PKEY_CTX_new(own, NULL) : NULL;
	size_t size = CRYPTO_KEY_SIZE;
	int rc = -EIO;

	if (ctx == NULL || other == NULL || EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer(ctx, other) != 1)
		goto out;
	/* The derivation itself refuses only the all-zero result. */
	rc = -EBADMSG;
	if (EVP_PKEY_derive(ctx, out, &size) == 1 && size == CRYPTO_KEY_SIZE &&
	    !crypto_equal(out, zero, sizeof(zero)))
		rc = 0;
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	EVP_PKEY_free(own);
	if (rc != 0)
		crypto_wipe(out, CRYPTO_KEY_SIZE);
	return rc;
}

void
crypto_hash(const void *a, size_t a_size, const void *b, size_t b_size,
	    uint8_t out[CRYPTO_HASH_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	/* A hash that silently did not happen would be worse than an end. */
	BUG_IF(ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
	       (a_size > 0 && EVP_DigestUpdate(ctx, a, a_size) != 1) ||
	       (b_size > 0 && EVP_DigestUpdate(ctx, b, b_size) != 1) ||
	       EVP_DigestFinal_ex(ctx, out, NULL) != 1);
	EVP_MD_CTX_free(ctx);
}

/* RFC 2104 over the digest: OpenSSL 3 takes several times as long through its MAC interface, and this runs for every
 * handshake message of a stranger. */
static void
hmac(EVP_MD_CTX *ctx, const EVP_MD *md, const uint8_t *key, size_t key_size, const void *a,
     size_t a_size, const void *b, size_t b_size, uint8_t *out)
{
	uint8_t block[64] = {0};
	uint8_t pad[64];
	uint8_t inner[EVP_MAX_MD_SIZE];
	unsigned size = (unsigned)EVP_MD_get_size(md);

	if (key_size > sizeof(block))
		BUG_IF(EVP_Digest(key, key_size, block, NULL, md, NULL) != 1);
	else if (key_size > 0)
		memcpy(block, key, key_size);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = block[i] ^ 0x36;
	BUG_IF(EVP_DigestInit_ex(ctx, md, NULL) != 1 ||
	       EVP_DigestUpdate(ctx, pad, sizeof(pad)) != 1 ||
	       (a_size > 0 && EVP_DigestUpdate(ctx, a, a_size) != 1) ||
	       (b_size > 0 && EVP_DigestUpdate(ctx, b, b_size) != 1) ||
	       EVP_DigestFinal_ex(ctx, inner, NULL) != 1);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = block[i] ^ 0x5c;
	/* The same digest again: naming it would have it looked up again. */
	BUG_IF(EVP_DigestInit_ex(ctx, NULL, NULL) != 1 ||
	       EVP_DigestUpdate(ctx, pad, sizeof(pad)) != 1 ||
	       EVP_DigestUpdate(ctx, inner, size) != 1 || EVP_DigestFinal_ex(ctx, out, NULL) != 1);
	crypto_wipe(block, sizeof(block));
	crypto_wipe(pad, sizeof(pad));
	crypto_wipe(inner, sizeof(inner));
}

static void
hmac_once(const EVP_MD *md, const uint8_t *key, size_t key_size, const void *a, size_t a_size,
	  const void *b, size_t b_size, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	BUG_IF(ctx == NULL);
	hmac(ctx, md, key, key_size, a, a_size, b, b_size, out);
	EVP_MD_CTX_free(ctx);
}

void
crypto_hmac(const uint8_t *key, size_t key_size, const void *a, size_t a_size, const void *b,
	    size_t b_size, uint8_t out[CRYPTO_HASH_SIZE])
{
	hmac_once(EVP_sha256(), key, key_size, a, a_size, b, b_size, out);
}

void
crypto_hmac_sha1(const uint8_t *key, size_t key_size, const void *a, size_t a_size, const void *b,
		 size_t b_size, uint8_t out[CRYPTO_SHA1_SIZE])
{
	hmac_once(EVP_sha1(), key, key_size, a, a_size, b, b_size, out);
}

/* A digest that was looked up once, and a context that has its memory. */
struct kept_digest {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

struct crypto_hmacs {
	struct kept_digest sha256, sha1;
};

static bool
digest_open(struct kept_digest *d, const char *name)
{
	d->md = EVP_MD_fetch(NULL, name, NULL);
	d->ctx = EVP_MD_CTX_new();
	return d->md != NULL && d->ctx != NULL;
}

static void
digest_close(struct kept_digest *d)
{
	EVP_MD_CTX_free(d->ctx);
	EVP_MD_free(d->md);
}

struct crypto_hmacs *
crypto_hmacs_create(void)
{
	struct crypto_hmacs *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	if (!digest_open(&h->sha256, "SHA256") || !digest_open(&h->sha1, "SHA1")) {
		crypto_hmacs_destroy(h);
		return NULL;
	}
	return h;
}

void
crypto_hmacs_destroy(struct crypto_hmacs *h)
{
	if (h == NULL)
		return;
	digest_close(&h->sha256);
	digest_close(&h->sha1);
	free(h);
}

void
crypto_hmacs_make(struct crypto_hmacs *h, const uint8_t *key, size_t key_size, const void *a,
		  size_t a_size, const void *b, size_t b_size, uint8_t out[CRYPTO_HASH_SIZE])
{
	hmac(h->sha256.ctx, h->sha256.md, key, key_size, a, a_size, b, b_size, out);
}

void
crypto_hmacs_make_sha1(struct crypto_hmacs *h, const uint8_t *key, size_t key_size, const void *a,
		       size_t a_size, const void *b, size_t b_size, uint8_t out[CRYPTO_SHA1_SIZE])
{
	hmac(h->sha1.ctx, h->sha1.md, key, key_size, a, a_size, b, b_size, out);
}

bool
crypto_equal(const void *a, const void *b, size_t size)
{
	return CRYPTO_memcmp(a, b, size) == 0;
}

void
crypto_wipe(void *bytes, size_t size)
{
	OPENSSL_cleanse(bytes, size);
}

static bool
evp_init(struct crypto_aead *aead, const uint8_t key[CRYPTO_KEY_SIZE], bool seal)
{
	const EVP_CIPHER *evp =
		aead->cipher == CRYPTO_AESGCM ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();

	aead->ctx = EVP_CIPHER_CTX_new();
	return aead->ctx != NULL && EVP_CipherInit_ex(aead->ctx, evp, NULL, key, NULL, seal) == 1;
}

struct crypto_aead *
crypto_aead_create(const struct crypto_engine *engine, enum crypto_cipher cipher,
		   const uint8_t key[CRYPTO_KEY_SIZE], bool seal)
{
	struct crypto_aead *aead = calloc(1, sizeof(*aead));
	bool ready;

	if (aead == NULL)
		return NULL;
	aead->cipher = cipher;
	aead->engine = cipher == CRYPTO_AESGCM ? engine : NULL;
	if (aead->engine != NULL)
		ready = (aead->key = engine->key_create(engine, key)) != NULL;
	else
		ready = evp_init(aead, key, seal);
	if (!ready) {
		crypto_aead_destroy(aead);
		return NULL;
	}
	return aead;
}

void
crypto_aead_destroy(struct crypto_aead *aead)
{
	if (aead == NULL)
		return;
	if (aead->engine != NULL)
		aead->engine->key_destroy(aead->key);
	EVP_CIPHER_CTX_free(aead->ctx);
	free(aead);
}

static void
nonce_build(enum crypto_cipher cipher, uint64_t counter, uint8_t nonce[CRYPTO_NONCE_SIZE])
{
	memset(nonce, 0, 4);
	for (unsigned i = 0; i < 8; i++) {
		unsigned shift = cipher == CRYPTO_AESGCM ? 56 - 8 * i : 8 * i;

		nonce[4 + i] = (uint8_t)(counter >> shift);
	}
}

int
crypto_seal(struct crypto_aead *aead, uint64_t counter, const void *ad, size_t ad_size,
	    const void *a, size_t a_size, const void *b, size_t b_size, uint8_t *out)
{
	uint8_t nonce[CRYPTO_NONCE_SIZE];
	int n = 0;

	if (ad_size > INT_MAX || a_size > INT_MAX || b_size > INT_MAX - CRYPTO_TAG_SIZE)
		return -EIO;
	nonce_build(aead->cipher, counter, nonce);
	if (aead->engine != NULL) {
		aead->engine->seal(aead->key, nonce, ad, ad_size, a, a_size, b, b_size, out);
		return 0;
	}
	if (EVP_EncryptInit_ex(aead->ctx, NULL, NULL, NULL, nonce) != 1 ||
	    (ad_size > 0 && EVP_EncryptUpdate(aead->ctx, NULL, &n, ad, (int)ad_size) != 1) ||
	    (a_size > 0 && EVP_EncryptUpdate(aead->ctx, out, &n, a, (int)a_size) != 1) ||
	    (b_size > 0 && EVP_EncryptUpdate(aead->ctx, out + a_size, &n, b, (int)b_size) != 1) ||
	    EVP_EncryptFinal_ex(aead->ctx, out + a_size + b_size, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(aead->ctx, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG_SIZE,
				out + a_size + b_size) != 1)
		return -EIO;
	return 0;
}

int
crypto_open(struct crypto_aead *aead, uint64_t counter, const void *ad, size_t ad_size,
	    const uint8_t *in, size_t size, uint8_t *out)
{
	uint8_t nonce[CRYPTO_NONCE_SIZE];
	uint8_t tag[CRYPTO_TAG_SIZE];
	int n = 0;

	if (size < CRYPTO_TAG_SIZE || size > INT_MAX || ad_size > INT_MAX)
		return -EBADMSG;
	size -= CRYPTO_TAG_SIZE;
	nonce_build(aead->cipher, counter, nonce);
	if (aead->engine != NULL)
		return aead->engine->open(aead->key, nonce, ad, ad_size, in, size, out);
	memcpy(tag, in + size, sizeof(tag));
	if (EVP_DecryptInit_ex(aead->ctx, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_CIPHER_CTX_ctrl(aead->ctx, EVP_CTRL_AEAD_SET_TAG, CRYPTO_TAG_SIZE, tag) != 1 ||
	    (ad_size > 0 && EVP_DecryptUpdate(aead->ctx, NULL, &n, ad, (int)ad_size) != 1) ||
	    (size > 0 && EVP_DecryptUpdate(aead->ctx, out, &n, in, (int)size) != 1) ||
	    EVP_DecryptFinal_ex(aead->ctx, out + size, &n) != 1)
		return -EBADMSG;
	return 0;
}
