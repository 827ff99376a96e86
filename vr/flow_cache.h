/* What the control thread has decided about packets that look the same: one data worker's own copy, without locks.
 *
 * A decision is of one time (vr/epoch.h) and is not found at any other.  Bounded: where a set is
 * full, one of another time
 * goes, otherwise the oldest of the set. */
#ifndef VR_FLOW_CACHE_H
#define VR_FLOW_CACHE_H

#include "base/err.h"
#include "base/hash.h"
#include "base/types.h"

#define FLOW_CACHE_SETS 1024
#define FLOW_CACHE_WAYS 4

struct worker_link;

/* All that a decision is made by.  No padding: it is compared as bytes. */
struct flow_key {
	uint32_t port; /* number of the LAN port it came in by */
	struct mac to, from;
	uint8_t src[4], dst[4];
};
_Static_assert(sizeof(struct flow_key) == 24, "no padding");

struct flow {
	struct flow_key key;
	uint64_t epoch;                 /* 0: the place is free */
	const struct worker_link *link; /* the peer that it goes to */
	vn_id_t vn;
	bool counts_hop; /* one is taken from its TTL */
	us_t told;       /* when the control thread was last told that its sender is there */
};

struct flow_cache;

/* NULL when memory is short. */
struct flow_cache *flow_cache_create(struct hash_key key);
void flow_cache_destroy(struct flow_cache *c);
/* Of this time, or NULL.  Valid until flow_cache_put(). */
struct flow *flow_cache_find(struct flow_cache *c, const struct flow_key *key, uint64_t epoch);
/* In the place of what was there for the key. */
void flow_cache_put(struct flow_cache *c, const struct flow *flow);

#endif
