/* Allowances for ICMP errors: see icmp_limit.h. */
#include "vr/icmp_limit.h"

#include "wire/wr.h"

static size_t
source_index(const struct hash_key *key, vn_id_t vn, struct addr source)
{
	uint8_t bytes[4 + 1 + 8];
	struct wr w = wr_make(bytes, sizeof(bytes));

	wr_u32(&w, vn);
	wr_u8(&w, source.family);
	/* Whoever has an IPv6 address has 2^64 of them. */
	wr_bytes(&w, source.b, 8);
	return hash_bytes(key, bytes, sizeof(bytes)) % ICMP_LIMIT_SOURCES;
}

bool
icmp_limit_take(struct icmp_limit *l, const struct hash_key *key, vn_id_t vn, struct addr source,
		enum icmp_error error, us_t now)
{
	bool is_big = error == ICMP_TOO_BIG;
	struct icmp_allowance *a = is_big ? &l->big : &l->other;

	return bucket_take(&a->sources[source_index(key, vn, source)], ICMP_LIMIT_SOURCE_INTERVAL,
			   ICMP_LIMIT_SOURCE_BURST, now) &&
	       bucket_take(&a->all, is_big ? ICMP_LIMIT_BIG_INTERVAL : ICMP_LIMIT_OTHER_INTERVAL,
			   is_big ? ICMP_LIMIT_BIG_BURST : ICMP_LIMIT_OTHER_BURST, now);
}
