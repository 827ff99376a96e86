/* Authentication of LISP control messages (RFC 9301 section 5.6) with a secret shared by a site and
 * its map-servers.
 *
 * The data is an HMAC over the whole message with the field itself zero.  Its key is
 *   - SHA1-96 and SHA256-128: the secret as it is;
 *   - SHA256-128 with HKDF (RFC 5869): derived for each message from its nonce.  RFC 9301 writes
 *     KDF(nonce + PSK, s) and calls s the salt, so HKDF-SHA256 is used with
 *       IKM  = nonce (8 bytes, big-endian) and behind it the secret,
 *       salt = "Map-Register Authentication" (or the name of the other type),
 *       info = empty,
 *       L    = 32 bytes: one block of expansion.
 * Some peers send and want the hash in full length, with the same algorithm number: 'is_full' of
 * the key says which of the two, and the other is refused.  Algorithm 0 (none) is never accepted,
 * nor is any algorithm but the key's own: a peer cannot talk a site down to SHA-1. */
#ifndef LISP_AUTH_H
#define LISP_AUTH_H

#include "lisp/io.h"
#include "wire/lisp.h"

/* Size of the authentication data that goes with this key: 12, 16, 20 or 32; 0 for a key whose
 * algorithm is none or unknown. */
size_t lisp_auth_size(const struct lisp_key *key);
/* What lisp_begin() has to know: Key ID, algorithm and size. */
struct lisp_auth lisp_auth_header(const struct lisp_key *key);

/* Do Key ID, algorithm and length of the message go with the key? */
bool lisp_auth_fits(const struct lisp_key *key, const struct lisp_msg *msg);
/* Puts the authentication data into a message that was built with lisp_auth_header() in msg->auth.
 * 0 or -EINVAL (a key without an algorithm; a size or offset that does not fit). */
MUST_USE int lisp_auth_sign(const struct lisp_io *io, void *ctx, const struct lisp_key *key,
			    const struct lisp_msg *msg, uint8_t *data, size_t size);
/* 0; -EACCES (Key ID, algorithm or length are not the key's); -EBADMSG (the data is wrong). */
MUST_USE int lisp_auth_verify(const struct lisp_io *io, void *ctx, const struct lisp_key *key,
			      const struct lisp_msg *msg, const uint8_t *data, size_t size);

/* The key of what is for this locator only: the secret is HMAC-SHA256 of "For this locator" and the locator's 1 + 16 bytes (4 or
 * 6; zeros behind an IPv4 one) under the key's secret.  Whoever else has the key takes no such
 * message for his. */
struct lisp_key lisp_auth_key_for(const struct lisp_io *io, void *ctx, const struct lisp_key *key,
				  struct addr locator);

/* What a map-server and an RTR authenticate a relayed message with (NAT draft, section 4.4): an HMAC over all of
 * the message as it stands.  With HKDF the salt is "MS-RTR Authentication" and the nonce the
 * message's.  Signing writes lisp_auth_size() bytes; a key without an algorithm: -EINVAL.
 * Verifying is as lisp_auth_verify() with what the ECM says in 'auth', whose data is at 'mac'. */
MUST_USE int lisp_auth_relay_sign(const struct lisp_io *io, void *ctx, const struct lisp_key *key,
				  uint64_t nonce, const uint8_t *message, size_t size,
				  uint8_t *mac);
MUST_USE int lisp_auth_relay_verify(const struct lisp_io *io, void *ctx, const struct lisp_key *key,
				    const struct lisp_auth *auth, const uint8_t *mac,
				    uint64_t nonce, const uint8_t *message, size_t size);

/* HKDF of RFC 5869 with SHA-256 for up to 32 bytes ('size'); the IKM comes in two parts of together
 * at most LISP_SECRET_SIZE_MAX + 8 bytes, 'info' has at most 255. */
void lisp_hkdf(const struct lisp_io *io, void *ctx, const uint8_t *salt, size_t salt_size,
	       const uint8_t *ikm_a, size_t ikm_a_size, const uint8_t *ikm_b, size_t ikm_b_size,
	       const uint8_t *info, size_t info_size, uint8_t *out, size_t size);

#endif
