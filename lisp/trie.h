/* Prefixes of many VNs in path-compressed binary tries, in 32 bytes per node and at most two nodes
 * per prefix: one trie per VN and family, all in one array.
 *
 * Each prefix has a value, a number from 1 to TRIE_VALUE_MAX that means something to the caller.
 * The array is asked for once; the system hands out its pages as they are first used.  Node numbers
 * of stored prefixes stay valid until the prefix is removed; 0 is no node. */
#ifndef LISP_TRIE_H
#define LISP_TRIE_H

#include "base/err.h"
#include "base/hash.h"
#include "lisp/eid_key.h"

#define TRIE_VALUE_MAX 0xffffffu

struct trie_node {
	uint64_t w[2];
	uint32_t child[2]; /* a free node: child[0] is the next one */
	uint32_t parent;
	uint32_t len : 8, value : 24; /* value 0: the node only joins its children */
};

/* Root of one VN and family. */
struct trie_root {
	uint32_t tag; /* VN and family, not 0; 0: free row */
	uint32_t node;
};

struct trie {
	struct trie_node *nodes;
	uint32_t max; /* nodes */
	uint32_t touched, free;
	struct trie_root *roots; /* open addressing; rows are never given back */
	size_t root_rows, root_count;
	size_t count; /* prefixes */
};

/* Room for 'max' prefixes.  0 or -ENOMEM. */
MUST_USE int trie_init(struct trie *t, uint32_t max);
void trie_fini(struct trie *t);

/* Adds a prefix that is not there; '*node' receives its node.  0; -EEXIST ('*node' is the one that
 * is there), -ENOSPC, -ENOMEM: unchanged. */
MUST_USE int trie_add(struct trie *t, const struct eid_key *key, uint32_t value, uint32_t *node);
/* Takes out the prefix of this node, which is in this VN and family. */
void trie_remove(struct trie *t, vn_id_t vn, uint8_t family, uint32_t node);

/* Node of the longest prefix that contains the key or is it, or 0. */
uint32_t trie_covering(const struct trie *t, const struct eid_key *key);
/* Node of the next shorter prefix around the one of this node, or 0. */
uint32_t trie_outer(const struct trie *t, uint32_t node);
/* Walks the prefixes inside the key (the key itself included): start with '*cursor' 0; false at the
 * end.  Nothing may be added or removed meanwhile. */
bool trie_inside(const struct trie *t, const struct eid_key *key, uint32_t *cursor);
/* Smallest length to which the key can be cut without a stored prefix beginning inside of it (one
 * that contains the key is no obstacle, nor is one that equals the cut key).  The key's own length
 * when even that has one inside. */
uint8_t trie_room(const struct trie *t, const struct eid_key *key);

static inline uint32_t
trie_value(const struct trie *t, uint32_t node)
{
	return t->nodes[node].value;
}

/* Another value, not 0, for a stored prefix. */
static inline void
trie_set_value(struct trie *t, uint32_t node, uint32_t value)
{
	t->nodes[node].value = value & TRIE_VALUE_MAX;
}

/* The prefix of a node. */
struct eid_key trie_key(const struct trie *t, vn_id_t vn, uint8_t family, uint32_t node);

#endif
