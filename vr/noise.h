/* Noise_IK_25519_{AESGCM,ChaChaPoly}_SHA256 (Noise specification, revision 34), handshake only.
 *
 * The initiator knows the responder's public key and sends its own, encrypted, in the first
 * message; one round trip gives both sides two keys.  No state outside the struct; the caller
 * supplies the randomness, so that published vectors and simulations repeat exactly.  After an
 * error the struct is of no use but to be wiped. */
#ifndef VR_NOISE_H
#define VR_NOISE_H

#include "base/err.h"
#include "base/types.h"
#include "vr/crypto.h"

/* What the messages add to their payloads. */
#define NOISE_OVERHEAD_1 (CRYPTO_KEY_SIZE + CRYPTO_KEY_SIZE + 2 * CRYPTO_TAG_SIZE)
#define NOISE_OVERHEAD_2 (CRYPTO_KEY_SIZE + CRYPTO_TAG_SIZE)

struct noise {
	enum crypto_cipher cipher;
	uint8_t hash[CRYPTO_HASH_SIZE]; /* of everything so far; the handshake hash at the end */
	uint8_t chain[CRYPTO_HASH_SIZE];
	uint8_t key[CRYPTO_KEY_SIZE];
	uint64_t counter;
	uint8_t static_private[CRYPTO_KEY_SIZE];
	uint8_t static_public[CRYPTO_KEY_SIZE];
	uint8_t ephemeral_private[CRYPTO_KEY_SIZE];
	uint8_t ephemeral_public[CRYPTO_KEY_SIZE];
	uint8_t remote_static[CRYPTO_KEY_SIZE]; /* responder: set by reading message 1 */
	uint8_t remote_ephemeral[CRYPTO_KEY_SIZE];
};

/* Starts a handshake.  'remote_static' is NULL for the responder. */
void noise_init(struct noise *n, enum crypto_cipher cipher, const void *prologue,
		size_t prologue_size, const uint8_t static_private[CRYPTO_KEY_SIZE],
		const uint8_t static_public[CRYPTO_KEY_SIZE], const uint8_t *remote_static);
/* Wipes every secret. */
void noise_fini(struct noise *n);

/* Initiator: message 1 into 'out' (NOISE_OVERHEAD_1 + size bytes).  0, -EIO, -EBADMSG (the
 * remote key is of low order), -ENOMEM. */
MUST_USE int noise_write_1(struct noise *n, const uint8_t ephemeral_private[CRYPTO_KEY_SIZE],
			   const void *payload, size_t size, uint8_t *out);
/* Responder: reads message 1 of 'size' bytes; the payload (size - NOISE_OVERHEAD_1 bytes) goes
 * to 'out', the sender's key to n->remote_static.  0, -EBADMSG, -EIO, -ENOMEM. */
MUST_USE int noise_read_1(struct noise *n, const uint8_t *in, size_t size, uint8_t *out);
/* Responder: message 2 (NOISE_OVERHEAD_2 + size bytes). */
MUST_USE int noise_write_2(struct noise *n, const uint8_t ephemeral_private[CRYPTO_KEY_SIZE],
			   const void *payload, size_t size, uint8_t *out);
/* Initiator: reads message 2.  On an error the state is as before, so that a forged message
 * cannot end the handshake. */
MUST_USE int noise_read_2(struct noise *n, const uint8_t *in, size_t size, uint8_t *out);
/* After message 2: the key from initiator to responder and the one back. */
void noise_split(const struct noise *n, uint8_t to_responder[CRYPTO_KEY_SIZE],
		 uint8_t to_initiator[CRYPTO_KEY_SIZE]);

#endif
