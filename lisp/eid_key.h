/* EID-prefixes as the map-server's tables have them: bits to compare, highest first. */
#ifndef LISP_EID_KEY_H
#define LISP_EID_KEY_H

#include "wire/lisp_addr.h"

enum eid_family { EID_V4 = 0, EID_V6, EID_MAC };

struct eid_key {
	uint64_t w[2]; /* bits behind 'len' are zero */
	vn_id_t vn;
	uint8_t family; /* enum eid_family */
	uint8_t len;
};

/* Bits of an address of this family: 32, 128 or 48. */
uint8_t eid_key_width(uint8_t family);
/* False for a kind of EID that cannot be registered here: none, Source/Dest, not understood. */
bool eid_key_from(const struct lisp_eid *eid, struct eid_key *out);
/* The EID of a key; a MAC prefix that is not of full length becomes kind NONE.  With 'plain_zero'
 * VN 0 stands in no Instance-ID LCAF. */
struct lisp_eid eid_key_eid(const struct eid_key *key, bool plain_zero);
/* The same key cut to a shorter prefix; 'len' is not longer than the key's. */
struct eid_key eid_key_cut(const struct eid_key *key, uint8_t len);
bool eid_key_equal(const struct eid_key *a, const struct eid_key *b);
/* Number of equal leading bits, at most 'limit'. */
static inline uint8_t
eid_bits_common(const uint64_t a[2], const uint64_t b[2], uint8_t limit)
{
	uint64_t diff = a[0] ^ b[0];
	unsigned equal = 128;

	if (diff != 0)
		equal = (unsigned)__builtin_clzll(diff);
	else if ((diff = a[1] ^ b[1]) != 0)
		equal = 64 + (unsigned)__builtin_clzll(diff);
	return equal < limit ? (uint8_t)equal : limit;
}

static inline unsigned
eid_bit(const uint64_t w[2], uint8_t position)
{
	return (unsigned)(w[position / 64] >> (63 - position % 64)) & 1;
}

#endif
