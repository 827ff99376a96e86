/* What stands in front of relayed datagrams, sealed for many of them at once.
 *
 *   outer header 128 | id 64, encrypted | tag 128
 *
 * The id is encrypted by AES-256 in counter mode, the tag is the AES-256-CMAC of what stands in
 * front of it: two blocks
 * of the cipher.  All headers of a train go through the cipher together, block by block of each,
 * where an AEAD takes a
 * call for each header.  Drawn, with the keys and the argument, in docs/wire-format.md. */
#ifndef VR_RELAY_SEAL_H
#define VR_RELAY_SEAL_H

#include "base/err.h"
#include "base/types.h"
#include "vr/crypto.h"
#include "wire/seal.h"

/* So many headers in one call. */
#define RELAY_SEAL_MAX 64

/* The keys of one direction of one session. */
struct relay_seal;

/* 'secret': of the session (noise_secret()).  NULL when memory is short. */
struct relay_seal *relay_seal_create(const uint8_t secret[CRYPTO_KEY_SIZE], bool to_responder);
void relay_seal_destroy(struct relay_seal *s);

/* Of 'count' headers, 'stride' bytes apart, all but the tag stands there, the id in the clear, and no two counters are
 * the same, ever: encrypts the ids and writes the tags.  0 or -EIO (nothing may be sent). */
MUST_USE int relay_seal_close(struct relay_seal *s, uint8_t *data, size_t stride, size_t count);
/* Bit n of '*good': the n-th header is authentic, and its id in the clear now; others are as they were.  0 or -EIO
 * (none is). */
MUST_USE int relay_seal_open(struct relay_seal *s, uint8_t *data, size_t stride, size_t count,
			     uint64_t *good);

#endif
