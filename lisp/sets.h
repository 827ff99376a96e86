/* Locator sets as bytes of a message, each kept once: a million EIDs behind one router share one. */
#ifndef LISP_SETS_H
#define LISP_SETS_H

#include "base/hash.h"
#include "lisp/io.h"
#include "tables/pool.h"
#include "wire/lisp.h"

/* A record with more locators is refused. */
#define SETS_LOCATORS_MAX 32

struct locator_set {
	struct chain chain;
	uint64_t hash;
	uint32_t refs;
	uint16_t size;
	uint8_t count; /* locators */
	uint8_t bytes[];
};

struct sets {
	struct index index;
	struct hash_key key;
	size_t count, bytes; /* sets, and what they take in memory */
};

/* Room for about 'max' sets.  0 or -ENOMEM. */
MUST_USE int sets_init(struct sets *s, size_t max, const struct hash_key *key);
/* All sets were given back. */
void sets_fini(struct sets *s);

/* The set of a record's locators, in the order of their addresses (RFC 9301 section 5.5), with L
 * and p cleared.  One with the address 'hidden' (NONE: there is none) is left out when its R bit is
 * clear.  '*out' is a reference, to be given back.  0, -E2BIG (more than SETS_LOCATORS_MAX),
 * -ENOMEM. */
MUST_USE int sets_get(struct sets *s, const struct lisp_record *record, struct addr hidden,
		      struct locator_set **out);
/* The set of what is in any of them; one that is in several is as in the first.  Cut to
 * SETS_LOCATORS_MAX. */
MUST_USE int sets_union(struct sets *s, struct locator_set *const *parts, size_t part_count,
			struct locator_set **out);
struct locator_set *sets_ref(struct locator_set *set);
void sets_drop_ref(struct sets *s, struct locator_set *set);
/* Its locators, for lisp_locator_next(). */
struct rd sets_locators(const struct locator_set *set);

#endif
