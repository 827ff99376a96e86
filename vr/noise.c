/* Noise IK over the primitives of vr/crypto.h; names follow the specification's section 5. */
#include "vr/noise.h"

#include <errno.h>

static void
mix_hash(struct noise *n, const void *data, size_t size)
{
	crypto_hash(n->hash, sizeof(n->hash), data, size, n->hash);
}

/* HKDF with two outputs (section 4.3); either may be where 'chain' is. */
static void
hkdf2(const uint8_t chain[CRYPTO_HASH_SIZE], const void *input, size_t size,
      uint8_t out1[CRYPTO_HASH_SIZE], uint8_t out2[CRYPTO_HASH_SIZE])
{
	static const uint8_t one = 1, two = 2;
	uint8_t temp[CRYPTO_HASH_SIZE];
	uint8_t first[CRYPTO_HASH_SIZE];

	crypto_hmac(chain, CRYPTO_HASH_SIZE, input, size, NULL, 0, temp);
	crypto_hmac(temp, sizeof(temp), &one, 1, NULL, 0, first);
	crypto_hmac(temp, sizeof(temp), first, sizeof(first), &two, 1, out2);
	memcpy(out1, first, sizeof(first));
	crypto_wipe(temp, sizeof(temp));
	crypto_wipe(first, sizeof(first));
}

static void
mix_key(struct noise *n, const void *input, size_t size)
{
	hkdf2(n->chain, input, size, n->chain, n->key);
	n->counter = 0;
}

static int
mix_dh(struct noise *n, const uint8_t *private_key, const uint8_t *public_key)
{
	uint8_t shared[CRYPTO_KEY_SIZE];
	int rc = crypto_dh(private_key, public_key, shared);

	if (rc != 0)
		return rc;
	mix_key(n, shared, sizeof(shared));
	crypto_wipe(shared, sizeof(shared));
	return 0;
}

static int
encrypt_and_hash(struct noise *n, const void *text, size_t size, uint8_t *out)
{
	struct crypto_aead *aead = crypto_aead_create(NULL, n->cipher, n->key, true);
	int rc;

	if (aead == NULL)
		return -ENOMEM;
	rc = crypto_seal(aead, n->counter++, n->hash, sizeof(n->hash), text, size, NULL, 0, out);
	crypto_aead_destroy(aead);
	if (rc == 0)
		mix_hash(n, out, size + CRYPTO_TAG_SIZE);
	return rc;
}

/* 'size' includes the tag. */
static int
decrypt_and_hash(struct noise *n, const uint8_t *in, size_t size, uint8_t *out)
{
	struct crypto_aead *aead = crypto_aead_create(NULL, n->cipher, n->key, false);
	int rc;

	if (aead == NULL)
		return -ENOMEM;
	rc = crypto_open(aead, n->counter++, n->hash, sizeof(n->hash), in, size, out);
	crypto_aead_destroy(aead);
	if (rc == 0)
		mix_hash(n, in, size);
	return rc;
}

static int
ephemeral_set(struct noise *n, const uint8_t *private_key, uint8_t *out)
{
	int rc = crypto_public_key(private_key, n->ephemeral_public);

	if (rc != 0)
		return rc;
	memcpy(n->ephemeral_private, private_key, CRYPTO_KEY_SIZE);
	memcpy(out, n->ephemeral_public, CRYPTO_KEY_SIZE);
	mix_hash(n, n->ephemeral_public, CRYPTO_KEY_SIZE);
	return 0;
}

void
noise_init(struct noise *n, enum crypto_cipher cipher, const void *prologue, size_t prologue_size,
	   const uint8_t static_private[CRYPTO_KEY_SIZE],
	   const uint8_t static_public[CRYPTO_KEY_SIZE], const uint8_t *remote_static)
{
	const char *name = cipher == CRYPTO_AESGCM ? "Noise_IK_25519_AESGCM_SHA256"
						   : "Noise_IK_25519_ChaChaPoly_SHA256";
	size_t size = strlen(name);

	memset(n, 0, sizeof(*n));
	n->cipher = cipher;
	memcpy(n->static_private, static_private, CRYPTO_KEY_SIZE);
	memcpy(n->static_public, static_public, CRYPTO_KEY_SIZE);
	/* Both names fit the hash's size, so they stand for themselves, zero-padded. */
	BUG_IF(size > sizeof(n->hash));
	memcpy(n->hash, name, size);
	memcpy(n->chain, n->hash, sizeof(n->chain));
	mix_hash(n, prologue, prologue_size);
	/* Pre-message: the responder's static key. */
	if (remote_static != NULL) {
		memcpy(n->remote_static, remote_static, CRYPTO_KEY_SIZE);
		mix_hash(n, remote_static, CRYPTO_KEY_SIZE);
	} else {
		mix_hash(n, static_public, CRYPTO_KEY_SIZE);
	}
}

void
noise_fini(struct noise *n)
{
	crypto_wipe(n, sizeof(*n));
}

int
noise_write_1(struct noise *n, const uint8_t ephemeral_private[CRYPTO_KEY_SIZE],
	      const void *payload, size_t size, uint8_t *out)
{
	int rc = ephemeral_set(n, ephemeral_private, out);

	out += CRYPTO_KEY_SIZE;
	if (rc == 0)
		rc = mix_dh(n, n->ephemeral_private, n->remote_static);
	if (rc == 0)
		rc = encrypt_and_hash(n, n->static_public, CRYPTO_KEY_SIZE, out);
	out += CRYPTO_KEY_SIZE + CRYPTO_TAG_SIZE;
	if (rc == 0)
		rc = mix_dh(n, n->static_private, n->remote_static);
	if (rc == 0)
		rc = encrypt_and_hash(n, payload, size, out);
	return rc;
}

int
noise_read_1(struct noise *n, const uint8_t *in, size_t size, uint8_t *out)
{
	int rc;

	if (size < NOISE_OVERHEAD_1)
		return -EBADMSG;
	memcpy(n->remote_ephemeral, in, CRYPTO_KEY_SIZE);
	mix_hash(n, n->remote_ephemeral, CRYPTO_KEY_SIZE);
	in += CRYPTO_KEY_SIZE;
	size -= CRYPTO_KEY_SIZE;
	rc = mix_dh(n, n->static_private, n->remote_ephemeral);
	if (rc == 0)
		rc = decrypt_and_hash(n, in, CRYPTO_KEY_SIZE + CRYPTO_TAG_SIZE, n->remote_static);
	in += CRYPTO_KEY_SIZE + CRYPTO_TAG_SIZE;
	size -= CRYPTO_KEY_SIZE + CRYPTO_TAG_SIZE;
	if (rc == 0)
		rc = mix_dh(n, n->static_private, n->remote_static);
	if (rc == 0)
		rc = decrypt_and_hash(n, in, size, out);
	return rc;
}

int
noise_write_2(struct noise *n, const uint8_t ephemeral_private[CRYPTO_KEY_SIZE],
	      const void *payload, size_t size, uint8_t *out)
{
	int rc = ephemeral_set(n, ephemeral_private, out);

	out += CRYPTO_KEY_SIZE;
	if (rc == 0)
		rc = mix_dh(n, n->ephemeral_private, n->remote_ephemeral);
	if (rc == 0)
		rc = mix_dh(n, n->ephemeral_private, n->remote_static);
	if (rc == 0)
		rc = encrypt_and_hash(n, payload, size, out);
	return rc;
}

int
noise_read_2(struct noise *n, const uint8_t *in, size_t size, uint8_t *out)
{
	struct noise next = *n;
	int rc;

	if (size < NOISE_OVERHEAD_2)
		return -EBADMSG;
	memcpy(next.remote_ephemeral, in, CRYPTO_KEY_SIZE);
	mix_hash(&next, next.remote_ephemeral, CRYPTO_KEY_SIZE);
	in += CRYPTO_KEY_SIZE;
	size -= CRYPTO_KEY_SIZE;
	rc = mix_dh(&next, next.ephemeral_private, next.remote_ephemeral);
	if (rc == 0)
		rc = mix_dh(&next, next.static_private, next.remote_ephemeral);
	if (rc == 0)
		rc = decrypt_and_hash(&next, in, size, out);
	if (rc == 0)
		*n = next;
	noise_fini(&next);
	return rc;
}

void
noise_split(const struct noise *n, uint8_t to_responder[CRYPTO_KEY_SIZE],
	    uint8_t to_initiator[CRYPTO_KEY_SIZE])
{
	hkdf2(n->chain, NULL, 0, to_responder, to_initiator);
}
