/* Sites that lost a mobile EID to another one and have not stopped to register it.
 *
 * Bounded; when full, the one that was silent longest is forgotten. */
#ifndef LISP_DISPLACED_H
#define LISP_DISPLACED_H

#include "base/hash.h"
#include "lisp/eid_key.h"
#include "tables/pool.h"

struct displaced_row {
	struct chain chain;
	struct link order; /* by 'heard' */
	struct eid_key key;
	uint32_t site;
	us_t heard; /* when it lost the EID, or registered it last after that */
};

struct displaced {
	struct pool rows;
	struct index index;
	struct link order;
	struct hash_key key;
};

/* 0 or -ENOMEM. */
MUST_USE int displaced_init(struct displaced *d, size_t max, const struct hash_key *key);
void displaced_fini(struct displaced *d);
/* The site has lost the EID, or is heard again: from now on. */
void displaced_put(struct displaced *d, const struct eid_key *key, uint32_t site, us_t now);
void displaced_remove(struct displaced *d, const struct eid_key *key, uint32_t site);
/* NULL when it is none. */
const struct displaced_row *displaced_find(const struct displaced *d, const struct eid_key *key,
					   uint32_t site);
/* Forgets those that were silent since 'before'. */
void displaced_expire(struct displaced *d, us_t before);

#endif
