/* An ordered tree of the members of something: a treap, whose shape follows from weights that a stranger cannot
 * foresee, so that its depth is logarithmic whatever is put in.  Allocates nothing. */
#ifndef TABLES_TREE_H
#define TABLES_TREE_H

#include "base/types.h"

/* Part of every member; all bytes zero for a member of no tree. */
struct tree {
	struct tree *left, *right;
	uint64_t weight;
};

/* Order of a member and a key: below 0, 0, above 0. */
typedef int tree_compare_fn(const struct tree *member, const void *key);

/* 'key' is the member's own; no other member has the same. */
void tree_add(struct tree **root, struct tree *member, const void *key, uint64_t weight,
	      tree_compare_fn *compare);
/* The member must be there. */
void tree_take(struct tree **root, struct tree *member, const void *key, tree_compare_fn *compare);
/* The first member above the key, or NULL. */
const struct tree *tree_above(const struct tree *root, const void *key, tree_compare_fn *compare);

#endif
