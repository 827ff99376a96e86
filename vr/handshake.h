/* The messages that set up a session: bytes and the cryptography in them, no state, no policy.
 *
 *   INIT      initiator -> responder   Noise message 1: who I am, a timestamp that must grow
 *   RESPONSE  responder -> initiator   Noise message 2: the index I receive records under
 *   COOKIE    responder -> initiator   under load: prove that you receive at your address
 *
 * Drawn in docs/handshake.md.  mac1 is keyed with the receiver's public key: who does not know
 * that is not even listened to.  mac2 is keyed with a cookie. */
#ifndef VR_HANDSHAKE_H
#define VR_HANDSHAKE_H

#include "base/err.h"
#include "base/types.h"
#include "vr/crypto.h"
#include "vr/noise.h"
#include "wire/seal.h"

#define HANDSHAKE_MAC_SIZE      16
#define HANDSHAKE_HEADER_SIZE   (SEAL_OUTER_SIZE + 8)
#define HANDSHAKE_INIT_SIZE     (HANDSHAKE_HEADER_SIZE + NOISE_OVERHEAD_1 + 8 + 2 * HANDSHAKE_MAC_SIZE)
#define HANDSHAKE_RESPONSE_SIZE (SEAL_OUTER_SIZE + NOISE_OVERHEAD_2 + 4 + HANDSHAKE_MAC_SIZE)
#define HANDSHAKE_COOKIE_SIZE   (SEAL_OUTER_SIZE + 16 + HANDSHAKE_MAC_SIZE + CRYPTO_TAG_SIZE)

/* Our own identity, with what is derived from it once. */
struct handshake_self {
	uint8_t private_key[CRYPTO_KEY_SIZE];
	uint8_t public_key[CRYPTO_KEY_SIZE];
	uint8_t mac1_key[CRYPTO_HASH_SIZE];
};

/* 0 or -EIO. */
MUST_USE int handshake_self_init(struct handshake_self *self,
				 const uint8_t private_key[CRYPTO_KEY_SIZE]);
void handshake_self_fini(struct handshake_self *self);

/* What an INIT says; the sender's public key is in the noise state's remote_static. */
struct handshake_init {
	uint32_t sender; /* the initiator's index */
	uint64_t stamp;
	enum crypto_cipher cipher;
};

/* Builds an INIT with mac1 and without mac2; 'n' is kept for the RESPONSE.  0, -EIO, -EBADMSG,
 * -ENOMEM. */
MUST_USE int handshake_init_build(struct noise *n, const struct handshake_self *self,
				  const struct handshake_init *init,
				  const uint8_t remote_public[CRYPTO_KEY_SIZE],
				  const uint8_t ephemeral[CRYPTO_KEY_SIZE],
				  uint8_t out[HANDSHAKE_INIT_SIZE]);
/* Sets mac2 of a built INIT. */
void handshake_init_prove(uint8_t msg[HANDSHAKE_INIT_SIZE],
			  const uint8_t cookie[HANDSHAKE_MAC_SIZE]);
/* True for an INIT or RESPONSE of the right size whose mac1 was made for us.  Two hashes, no
 * more. */
bool handshake_mac1_valid(const struct handshake_self *self, const uint8_t *data, size_t size);
/* For an INIT of the right size. */
bool handshake_mac2_valid(const uint8_t msg[HANDSHAKE_INIT_SIZE],
			  const uint8_t cookie[HANDSHAKE_MAC_SIZE]);
/* Reads an INIT whose mac1 is valid: two Diffie-Hellman operations.  'n' is ready for the
 * RESPONSE.  0, -EBADMSG, -EIO, -ENOMEM. */
MUST_USE int handshake_init_read(struct noise *n, const struct handshake_self *self,
				 const uint8_t *data, size_t size, struct handshake_init *init);

/* 'receiver' is the initiator's index, 'sender' ours. */
MUST_USE int handshake_response_build(struct noise *n, uint32_t receiver, uint32_t sender,
				      const uint8_t ephemeral[CRYPTO_KEY_SIZE],
				      uint8_t out[HANDSHAKE_RESPONSE_SIZE]);
/* 'n' is unchanged after an error. */
MUST_USE int handshake_response_read(struct noise *n, const uint8_t *data, size_t size,
				     uint32_t *sender);

/* The answer to an INIT of which only mac1 was looked at.  0 or -errno. */
MUST_USE int handshake_cookie_build(const struct handshake_self *self,
				    const uint8_t init[HANDSHAKE_INIT_SIZE],
				    const uint8_t nonce[16],
				    const uint8_t cookie[HANDSHAKE_MAC_SIZE],
				    uint8_t out[HANDSHAKE_COOKIE_SIZE]);
/* 'init' is the message that was sent to the owner of 'remote_public'.  0 or -EBADMSG. */
MUST_USE int handshake_cookie_read(const uint8_t remote_public[CRYPTO_KEY_SIZE],
				   const uint8_t init[HANDSHAKE_INIT_SIZE], const uint8_t *data,
				   size_t size, uint8_t cookie[HANDSHAKE_MAC_SIZE]);

#endif
