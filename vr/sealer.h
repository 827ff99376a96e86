/* The half of a pair of keys that seals, shared by the control thread and the data workers.
 *
 * The counter, which is the nonce, is one for all: whoever seals takes the next ones out of it and
 * uses each once or never.
 * The cipher's state is not shared: each thread has a hand of its own, the control thread hand 0.
 */
#ifndef VR_SEALER_H
#define VR_SEALER_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/types.h"
#include "vr/crypto.h"
#include "wire/seal.h"

#define SEALER_NO_COUNTER UINT64_MAX

struct sealer {
	uint32_t remote; /* the receiver's index */
	unsigned hands;
	unsigned users; /* the control thread's count of who holds it */
	_Atomic uint64_t counter;
	struct crypto_aead *aead[];
};

/* With one user.  NULL when memory is short. */
struct sealer *sealer_create(const struct crypto_engine *engine, enum crypto_cipher cipher,
			     const uint8_t key[CRYPTO_KEY_SIZE], uint32_t remote, unsigned hands);
/* Both for the control thread only. */
struct sealer *sealer_hold(struct sealer *s);
/* The last one wipes it.  NULL is allowed. */
void sealer_drop(struct sealer *s);

/* How many counters have been taken. */
uint64_t sealer_counter(const struct sealer *s);
/* Takes so many counters, at most 65536; the first of them, or SEALER_NO_COUNTER when they are used up. */
uint64_t sealer_take(struct sealer *s, uint32_t count);
/* Seals one record with a counter that was taken, as keys_seal() (vr/keys.h).  0 or -EIO. */
MUST_USE int sealer_seal(struct sealer *s, unsigned hand, uint64_t counter,
			 const struct seal_inner *inner, uint8_t *out, size_t head_size,
			 const uint8_t *body, size_t body_size);

#endif
