/* Nonces of publications about mappings that are not in the map-cache any more: withdrawn, ended, or
 * pushed out.  An old Map-Notify must not bring one back (RFC 9437 section 6).
 *
 * Bounded, the longest known goes first.  Whoever forgets one sees to it that the subscriptions
 * around it want
 * greater nonces from then on. */
#ifndef LISP_GONE_H
#define LISP_GONE_H

#include "base/hash.h"
#include "base/types.h"
#include "tables/pool.h"

struct gone_row {
	struct chain chain;
	struct link order; /* by 'since' */
	vn_id_t vn;
	struct prefix prefix;
	uint64_t nonce;
	us_t since;
};

struct gone {
	struct pool rows;
	struct index index;
	struct link order;
	struct hash_key key;
};

/* 0 or -ENOMEM. */
MUST_USE int gone_init(struct gone *g, size_t max, const struct hash_key *key);
void gone_fini(struct gone *g);
/* Of a prefix that is there the greater nonce stays, from now on.  Not when it is full and the prefix is not there:
 * gone_take() first. */
void gone_put(struct gone *g, vn_id_t vn, struct prefix prefix, uint64_t nonce, us_t now);
/* 0: not there. */
uint64_t gone_nonce(const struct gone *g, vn_id_t vn, struct prefix prefix);
bool gone_is_full(const struct gone *g);
/* Takes out the longest known; false when there is none. */
bool gone_take(struct gone *g, struct gone_row *out);
/* Since when the longest known is there; US_NEVER: there is none. */
us_t gone_since(const struct gone *g);

#endif
