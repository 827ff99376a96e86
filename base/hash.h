/* Keyed hash for tables whose keys a stranger can choose (SipHash-1-3, Aumasson and Bernstein).
 * Not a message authentication: for that see vr/crypto.h. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/types.h"

struct hash_key {
	uint64_t k0, k1;
};

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t size);

#endif
