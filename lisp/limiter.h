/* So many per second and address, and not more: for answers to strangers.
 *
 * A fixed table; an address that finds no row takes that of the one that has been quiet longest
 * among its neighbours in the hash, so that a flood from many addresses costs memory for none. */
#ifndef LISP_LIMITER_H
#define LISP_LIMITER_H

#include "base/err.h"
#include "base/hash.h"
#include "base/types.h"

#define LIMITER_SETS 1024
#define LIMITER_WAYS 4

struct limiter_row {
	struct addr addr;
	us_t empty; /* when what was used of its allowance has come back */
};

struct limiter {
	struct limiter_row *rows; /* NULL: no limit */
	struct hash_key key;
	us_t interval; /* of one */
	us_t burst;    /* how far 'empty' may lie ahead */
};

/* 'rate' per second, so many at once; 0: no limit.  0 or -ENOMEM. */
MUST_USE int limiter_init(struct limiter *l, uint32_t rate, uint32_t burst,
			  const struct hash_key *key);
void limiter_fini(struct limiter *l);
/* True when one more may go to this address now, and counts it. */
bool limiter_take(struct limiter *l, struct addr addr, us_t now);

#endif
