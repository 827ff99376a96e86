/* Path-compressed binary trie: every node without a value has two children. */
#include "tables/lpm.h"

#include <errno.h>

#define HEAD_BITS 32

static uint32_t
load32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static struct lpm_key
key_make(vn_id_t vn, const struct addr *a)
{
	uint64_t head = (uint64_t)(vn << 8 | a->family) << 32;
	struct lpm_key key = {{head | load32(a->b), 0, 0}};

	if (a->family == ADDR_V6) {
		key.w[1] = (uint64_t)load32(a->b + 4) << 32 | load32(a->b + 8);
		key.w[2] = (uint64_t)load32(a->b + 12) << 32;
	}
	return key;
}

static unsigned
key_bits(uint8_t family)
{
	return HEAD_BITS + (unsigned)addr_size(family) * 8;
}

/* Number of equal leading bits, at most 'limit'. */
static unsigned
common_bits(const struct lpm_key *a, const struct lpm_key *b, unsigned limit)
{
	unsigned i;

	for (i = 0; i * 64 < limit; i++) {
		uint64_t diff = a->w[i] ^ b->w[i];

		if (diff != 0) {
			unsigned equal = i * 64 + (unsigned)__builtin_clzll(diff);

			return equal < limit ? equal : limit;
		}
	}
	return limit;
}

static unsigned
bit_at(const struct lpm_key *key, unsigned position)
{
	return (unsigned)(key->w[position / 64] >> (63 - position % 64)) & 1;
}

static bool
node_matches(const struct lpm_node *n, const struct lpm_key *key)
{
	/* All IPv4 keys end in the first word, whose first half is never without meaning. */
	if (n->len <= 64)
		return n->len == 0 || (n->key.w[0] ^ key->w[0]) >> (64 - n->len) == 0;
	return common_bits(&n->key, key, n->len) == n->len;
}

/* The pointer that leads to this node. */
static struct lpm_node **
link_to(struct lpm *lpm, const struct lpm_node *n)
{
	if (n->parent == NULL)
		return &lpm->root;
	return &n->parent->child[n->parent->child[1] == n];
}

static void
set_child(struct lpm_node *parent, struct lpm_node *child)
{
	parent->child[bit_at(&child->key, parent->len)] = child;
	child->parent = parent;
}

/* Takes out a node that has one child at most, which takes its place. */
static void
splice(struct lpm *lpm, struct lpm_node *n)
{
	struct lpm_node *child = n->child[0] != NULL ? n->child[0] : n->child[1];

	*link_to(lpm, n) = child;
	if (child != NULL)
		child->parent = n->parent;
	free(n);
}

static struct lpm_node *
find_node(const struct lpm *lpm, vn_id_t vn, const struct prefix *prefix)
{
	struct lpm_key key = key_make(vn, &prefix->addr);
	unsigned len = HEAD_BITS + prefix->len;
	struct lpm_node *n = lpm->root;

	while (n != NULL && n->len < len && node_matches(n, &key))
		n = n->child[bit_at(&key, n->len)];
	return n != NULL && n->len == len && node_matches(n, &key) ? n : NULL;
}

void
lpm_fini(struct lpm *lpm)
{
	struct lpm_node *n = lpm->root;

	while (n != NULL) {
		struct lpm_node *parent = n->parent;

		if (n->child[0] != NULL) {
			n = n->child[0];
		} else if (n->child[1] != NULL) {
			n = n->child[1];
		} else {
			*link_to(lpm, n) = NULL;
			free(n);
			n = parent;
		}
	}
	*lpm = (struct lpm){0};
}

/* Enters 'leaf' above 'below' or beside it.  'leaf' and 'below' agree in 'common' bits, fewer than
 * 'below' has. */
static int
add_beside(struct lpm *lpm, struct lpm_node *leaf, struct lpm_node *below, unsigned common)
{
	struct lpm_node **link = link_to(lpm, below);
	struct lpm_node *top = leaf;

	if (common < leaf->len) {
		top = calloc(1, sizeof(*top));
		if (top == NULL)
			return -ENOMEM;
		top->key = leaf->key;
		top->len = common;
	}
	top->parent = below->parent;
	*link = top;
	set_child(top, below);
	if (top != leaf)
		set_child(top, leaf);
	return 0;
}

int
lpm_add(struct lpm *lpm, vn_id_t vn, struct prefix prefix, void *value)
{
	struct lpm_key key = key_make(vn, &prefix.addr);
	unsigned len = HEAD_BITS + prefix.len;
	struct lpm_node *parent = NULL;
	struct lpm_node *n = lpm->root;
	struct lpm_node *leaf;
	unsigned common = 0;

	BUG_IF(value == NULL || len > key_bits(prefix.addr.family));
	while (n != NULL) {
		common = common_bits(&key, &n->key, len < n->len ? len : n->len);
		if (common < n->len || len == n->len)
			break;
		parent = n;
		n = n->child[bit_at(&key, n->len)];
	}
	if (n != NULL && common == len && n->len == len) {
		if (n->value != NULL)
			return -EEXIST;
		n->key = key; /* a joining node has more bits set than count */
		n->value = value;
		lpm->count++;
		return 0;
	}
	leaf = calloc(1, sizeof(*leaf));
	if (leaf == NULL)
		return -ENOMEM;
	*leaf = (struct lpm_node){.key = key, .parent = parent, .value = value, .len = len};
	if (n != NULL) {
		if (add_beside(lpm, leaf, n, common) != 0) {
			free(leaf);
			return -ENOMEM;
		}
	} else if (parent != NULL) {
		set_child(parent, leaf);
	} else {
		lpm->root = leaf;
	}
	lpm->count++;
	return 0;
}

void *
lpm_remove(struct lpm *lpm, vn_id_t vn, struct prefix prefix)
{
	struct lpm_node *n = find_node(lpm, vn, &prefix);
	void *value = n == NULL ? NULL : n->value;
	struct lpm_node *parent;

	if (value == NULL)
		return NULL;
	lpm->count--;
	n->value = NULL;
	if (n->child[0] != NULL && n->child[1] != NULL)
		return value;
	parent = n->parent;
	splice(lpm, n);
	if (parent != NULL && parent->value == NULL &&
	    (parent->child[0] == NULL || parent->child[1] == NULL))
		splice(lpm, parent);
	return value;
}

/* Value of the longest prefix of 'len' bits at most that the key begins with. */
static void *
find_longest(const struct lpm *lpm, const struct lpm_key *key, unsigned len)
{
	const struct lpm_node *n = lpm->root;
	void *best = NULL;

	while (n != NULL && n->len <= len && node_matches(n, key)) {
		if (n->value != NULL)
			best = n->value;
		if (n->len >= len)
			break;
		n = n->child[bit_at(key, n->len)];
	}
	return best;
}

void *
lpm_find(const struct lpm *lpm, vn_id_t vn, struct addr addr)
{
	struct lpm_key key = key_make(vn, &addr);

	return find_longest(lpm, &key, key_bits(addr.family));
}

void *
lpm_find_around(const struct lpm *lpm, vn_id_t vn, struct prefix prefix)
{
	struct lpm_key key = key_make(vn, &prefix.addr);

	return find_longest(lpm, &key, HEAD_BITS + prefix.len);
}

void *
lpm_find_exact(const struct lpm *lpm, vn_id_t vn, struct prefix prefix)
{
	const struct lpm_node *n = find_node(lpm, vn, &prefix);

	return n == NULL ? NULL : n->value;
}

const struct lpm_node *
lpm_next(const struct lpm *lpm, const struct lpm_node *node)
{
	const struct lpm_node *n = node;

	do {
		if (n == NULL) {
			n = lpm->root;
		} else if (n->child[0] != NULL) {
			n = n->child[0];
		} else if (n->child[1] != NULL) {
			n = n->child[1];
		} else {
			while (n->parent != NULL &&
			       (n->parent->child[1] == n || n->parent->child[1] == NULL))
				n = n->parent;
			n = n->parent == NULL ? NULL : n->parent->child[1];
		}
	} while (n != NULL && n->value == NULL);
	return n;
}

const struct lpm_node *
lpm_after(const struct lpm *lpm, vn_id_t vn, struct prefix prefix)
{
	struct lpm_key key = key_make(vn, &prefix.addr);
	unsigned len = HEAD_BITS + prefix.len;
	const struct lpm_node *n = lpm->root;
	const struct lpm_node *after = NULL; /* all of this subtree is behind the prefix */

	/* Down along the prefix. */
	while (n != NULL && n->len < len && node_matches(n, &key)) {
		unsigned bit = bit_at(&key, n->len);

		if (bit == 0 && n->child[1] != NULL)
			after = n->child[1];
		n = n->child[bit];
	}
	if (n != NULL) {
		unsigned common = common_bits(&key, &n->key, len < n->len ? len : n->len);

		if (common < len && common < n->len)
			after = bit_at(&n->key, common) == 1 ? n : after;
		else if (n->len > len)
			after = n;
		else if (n->child[0] != NULL || n->child[1] != NULL)
			after = n->child[n->child[0] == NULL];
	}
	if (after == NULL || after->value != NULL)
		return after;
	return lpm_next(lpm, after);
}

int
lpm_compare(const struct lpm_node *a, const struct lpm_node *b)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(a->key.w); i++)
		if (a->key.w[i] != b->key.w[i])
			return a->key.w[i] < b->key.w[i] ? -1 : 1;
	return (a->len > b->len) - (a->len < b->len);
}
