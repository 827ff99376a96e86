/* Longest prefix match over all VNs and both families.
 *
 * A VN with prefixes of a family has a tree bitmap of its own (tables/tb.h); another finds it by
 * VN and family.  Per prefix a value is kept, which nobody here looks behind.  Memory is bounded
 * by the number of prefixes, wherever they lie: blocks of 64 bytes for each of IPv4 and 96 of
 * IPv6, a third of that where they lie close together, and at most 43 more, twice that while it
 * shrinks, in a VN of 8192 or more.  What is free between the blocks comes on top.
 *
 * What a reader without locks may rely on, when lpm_share() was called before it came: all
 * functions that take a const pointer may run in other threads while the one owner adds, removes
 * and replaces; each look-up gives what was right at some time between its begin and its end;
 * what it gave, and the memory on the way there, stays until the owner reclaims.  A walk sees
 * each prefix that was there all the time once. */
#ifndef TABLES_LPM_H
#define TABLES_LPM_H

#include "base/err.h"
#include "base/types.h"
#include "tables/retire.h"
#include "tables/tb.h"

/* All bytes zero: empty.  Stays where it is while it holds something. */
struct lpm {
	struct tb vns; /* VN and family in one word -> struct vn_tb */
	struct retire retire;
	size_t count; /* prefixes */
};

/* Frees the structure, not what the values point to.  No reader is left. */
void lpm_fini(struct lpm *lpm);
/* Adds a prefix that is not there; 'value' is not NULL.  0, -EEXIST or -ENOMEM (both:
 * unchanged). */
MUST_USE int lpm_add(struct lpm *lpm, vn_id_t vn, struct prefix prefix, void *value);
/* Returns the value that was there, or NULL.  Never fails. */
void *lpm_remove(struct lpm *lpm, vn_id_t vn, struct prefix prefix);
/* Gives a prefix that is there another value, not NULL.  Returns the one before, or NULL: the
 * prefix is not there.  Needs no memory. */
void *lpm_replace(struct lpm *lpm, vn_id_t vn, struct prefix prefix, void *value);
/* Value of the longest prefix that contains the address, or NULL. */
void *lpm_find(const struct lpm *lpm, vn_id_t vn, struct addr addr);
/* The same, and which prefix that is; it is unchanged for NULL. */
void *lpm_find_longest(const struct lpm *lpm, vn_id_t vn, struct addr addr, struct prefix *prefix);
/* As lpm_find(), for many addresses of a VN: values[i] for addrs[i].  Faster than one by one
 * when the table is larger than the processor's caches. */
void lpm_find_batch(const struct lpm *lpm, vn_id_t vn, const struct addr *addrs, size_t count,
		    void **values);
/* Value of the longest prefix that contains all of this one, itself included, or NULL. */
void *lpm_find_around(const struct lpm *lpm, vn_id_t vn, struct prefix prefix);
/* Value of exactly this prefix, or NULL. */
void *lpm_find_exact(const struct lpm *lpm, vn_id_t vn, struct prefix prefix);
/* Walks by VN, family, address and length, shorter first: value of the first prefix behind
 * '*prefix' of VN '*vn', whether that is there or not, so that the table may change between two
 * steps; both are then set to it. Zeros start; NULL at the end, and nothing is set. */
void *lpm_next(const struct lpm *lpm, vn_id_t *vn, struct prefix *prefix);

/* From now on readers of other threads may look.  The owner takes a mark, waits until each of
 * them has said that it holds nothing that it found before, and reclaims up to the mark. */
void lpm_share(struct lpm *lpm);
uint64_t lpm_mark(const struct lpm *lpm);
void lpm_reclaim(struct lpm *lpm, uint64_t mark);

#endif
