/* Longest prefix match over all VNs and both families: a path-compressed binary trie.
 *
 * VN and family are the first 32 bits of every key, so one trie holds them all and an order of keys
 * is
 * an order by VN, family and address.  A look-up visits at most one node per bit in which stored
 * prefixes differ, and compares one machine word per node for IPv4.  The trie keeps a pointer per
 * prefix and does not look behind it. */
#ifndef TABLES_LPM_H
#define TABLES_LPM_H

#include "base/err.h"
#include "base/types.h"

/* VN (24 bits), family (8) and address (128), the first bit being the highest of w[0]. */
struct lpm_key {
	uint64_t w[3];
};

struct lpm_node {
	struct lpm_key key;
	struct lpm_node *child[2];
	struct lpm_node *parent;
	void *value;  /* NULL: the node only joins its children */
	unsigned len; /* bits of the key that count, VN and family included */
};

struct lpm {
	struct lpm_node *root;
	size_t count; /* prefixes */
};

/* Frees the nodes, not what the values point to. */
void lpm_fini(struct lpm *lpm);
/* Adds a prefix that is not there; 'value' is not NULL.  0, -EEXIST or -ENOMEM (both: unchanged). */
MUST_USE int lpm_add(struct lpm *lpm, vn_id_t vn, struct prefix prefix, void *value);
/* Returns the value that was there, or NULL. */
void *lpm_remove(struct lpm *lpm, vn_id_t vn, struct prefix prefix);
/* Value of the longest prefix that contains the address, or NULL. */
void *lpm_find(const struct lpm *lpm, vn_id_t vn, struct addr addr);
/* Value of the longest prefix that contains all of this one, itself included, or NULL. */
void *lpm_find_around(const struct lpm *lpm, vn_id_t vn, struct prefix prefix);
/* Value of exactly this prefix, or NULL. */
void *lpm_find_exact(const struct lpm *lpm, vn_id_t vn, struct prefix prefix);
/* Walks the nodes that have a value, by VN, family, address and length: NULL starts and ends. */
const struct lpm_node *lpm_next(const struct lpm *lpm, const struct lpm_node *node);
/* The first node with a value behind this prefix in that order, whether the prefix is there or not; or NULL. */
const struct lpm_node *lpm_after(const struct lpm *lpm, vn_id_t vn, struct prefix prefix);
/* Order of two nodes in such a walk: negative, zero or positive. */
int lpm_compare(const struct lpm_node *a, const struct lpm_node *b);

#endif
