/* Path-compressed binary tries in one array: every node without a value has two children. */
#include "lisp/trie.h"

#include <errno.h>

#include "lisp/pages.h"

static uint32_t
tag_of(vn_id_t vn, uint8_t family)
{
	return (vn << 2 | family) + 1;
}

static size_t
row_of(uint32_t tag, size_t rows)
{
	return (tag * 2654435761u) & (rows - 1);
}

static struct trie_root *
find_root(const struct trie *t, vn_id_t vn, uint8_t family)
{
	uint32_t tag = tag_of(vn, family);

	for (size_t i = row_of(tag, t->root_rows);; i = (i + 1) & (t->root_rows - 1)) {
		if (t->roots[i].tag == tag)
			return &t->roots[i];
		if (t->roots[i].tag == 0)
			return NULL;
	}
}

static void
put_root(struct trie_root *roots, size_t rows, struct trie_root root)
{
	size_t i = row_of(root.tag, rows);

	while (roots[i].tag != 0)
		i = (i + 1) & (rows - 1);
	roots[i] = root;
}

/* The number of VNs is bounded by what the configuration allows. */
static struct trie_root *
make_root(struct trie *t, vn_id_t vn, uint8_t family)
{
	struct trie_root *root = find_root(t, vn, family);

	if (root != NULL)
		return root;
	if (2 * (t->root_count + 1) > t->root_rows) {
		struct trie_root *wider = calloc(2 * t->root_rows, sizeof(*wider));

		if (wider == NULL)
			return NULL;
		for (size_t i = 0; i < t->root_rows; i++)
			if (t->roots[i].tag != 0)
				put_root(wider, 2 * t->root_rows, t->roots[i]);
		free(t->roots);
		t->roots = wider;
		t->root_rows *= 2;
	}
	put_root(t->roots, t->root_rows, (struct trie_root){.tag = tag_of(vn, family)});
	t->root_count++;
	return find_root(t, vn, family);
}

int
trie_init(struct trie *t, uint32_t max)
{
	*t = (struct trie){.max = 2 * max + 1, .touched = 1, .root_rows = 16};
	t->nodes = pages_create((size_t)t->max + 1, sizeof(*t->nodes));
	t->roots = calloc(t->root_rows, sizeof(*t->roots));
	if (t->nodes == NULL || t->roots == NULL) {
		trie_fini(t);
		return -ENOMEM;
	}
	return 0;
}

void
trie_fini(struct trie *t)
{
	pages_destroy(t->nodes, (size_t)t->max + 1, sizeof(*t->nodes));
	free(t->roots);
	*t = (struct trie){0};
}

static uint32_t
take_node(struct trie *t)
{
	uint32_t n = t->free;

	if (n != 0)
		t->free = t->nodes[n].child[0];
	else if (t->touched <= t->max)
		n = t->touched++;
	return n;
}

static void
give_node(struct trie *t, uint32_t n)
{
	t->nodes[n] = (struct trie_node){.child = {t->free, 0}};
	t->free = n;
}

static bool
matches(const struct trie_node *n, const struct eid_key *key)
{
	return n->len <= key->len && eid_bits_common(n->w, key->w, n->len) == n->len;
}

static void
set_child(struct trie *t, uint32_t parent, uint32_t child)
{
	struct trie_node *p = &t->nodes[parent];

	p->child[eid_bit(t->nodes[child].w, p->len)] = child;
	t->nodes[child].parent = parent;
}

/* What led to 'old' leads to 'new' (0: nowhere). */
static void
replace(struct trie *t, struct trie_root *root, uint32_t old, uint32_t new)
{
	uint32_t parent = t->nodes[old].parent;

	if (parent == 0)
		root->node = new;
	else
		t->nodes[parent].child[t->nodes[parent].child[1] == old] = new;
	if (new != 0)
		t->nodes[new].parent = parent;
}

static uint32_t
make_node(struct trie *t, const struct eid_key *key, uint32_t value)
{
	uint32_t n = take_node(t);

	if (n != 0)
		t->nodes[n] = (struct trie_node){.w = {key->w[0], key->w[1]},
						 .len = key->len,
						 .value = value & TRIE_VALUE_MAX};
	return n;
}

/* Puts the new leaf and 'n' under a node of the bits that they share. */
static int
join(struct trie *t, struct trie_root *root, uint32_t leaf, uint32_t n, uint8_t common)
{
	struct eid_key key = {.w = {t->nodes[n].w[0], t->nodes[n].w[1]}, .len = t->nodes[n].len};
	struct eid_key shared = eid_key_cut(&key, common);
	uint32_t above = make_node(t, &shared, 0);

	if (above == 0)
		return -ENOSPC;
	replace(t, root, n, above);
	set_child(t, above, leaf);
	set_child(t, above, n);
	return 0;
}

/* Puts a new node where the walk ended: below 'parent', at the place of 'n', which does not match. */
static int
add_leaf(struct trie *t, struct trie_root *root, uint32_t leaf, uint32_t parent, uint32_t n)
{
	const struct trie_node *l = &t->nodes[leaf];
	uint8_t common;

	if (n == 0) {
		if (parent == 0)
			root->node = leaf;
		else
			set_child(t, parent, leaf);
		return 0;
	}
	common = eid_bits_common(l->w, t->nodes[n].w, l->len);
	if (common < l->len)
		return join(t, root, leaf, n, common);
	replace(t, root, n, leaf);
	set_child(t, leaf, n);
	return 0;
}

int
trie_add(struct trie *t, const struct eid_key *key, uint32_t value, uint32_t *node)
{
	struct trie_root *root = make_root(t, key->vn, key->family);
	uint32_t parent = 0, n, leaf;

	if (root == NULL)
		return -ENOMEM;
	for (n = root->node; n != 0 && matches(&t->nodes[n], key);) {
		if (t->nodes[n].len == key->len)
			break;
		parent = n;
		n = t->nodes[n].child[eid_bit(key->w, t->nodes[n].len)];
	}
	if (n != 0 && t->nodes[n].len == key->len && matches(&t->nodes[n], key)) {
		*node = n;
		if (t->nodes[n].value != 0)
			return -EEXIST;
		t->nodes[n].value = value & TRIE_VALUE_MAX;
		t->count++;
		return 0;
	}
	leaf = make_node(t, key, value);
	if (leaf == 0)
		return -ENOSPC;
	if (add_leaf(t, root, leaf, parent, n) != 0) {
		give_node(t, leaf);
		return -ENOSPC;
	}
	t->count++;
	*node = leaf;
	return 0;
}

/* Takes out a node that has one child at most, which takes its place. */
static void
splice(struct trie *t, struct trie_root *root, uint32_t n)
{
	const uint32_t *child = t->nodes[n].child;

	replace(t, root, n, child[0] != 0 ? child[0] : child[1]);
	give_node(t, n);
}

void
trie_remove(struct trie *t, vn_id_t vn, uint8_t family, uint32_t node)
{
	struct trie_root *root = find_root(t, vn, family);
	struct trie_node *n = &t->nodes[node];
	uint32_t parent = n->parent;

	BUG_IF(root == NULL || n->value == 0);
	n->value = 0;
	t->count--;
	if (n->child[0] != 0 && n->child[1] != 0)
		return;
	splice(t, root, node);
	if (parent != 0 && t->nodes[parent].value == 0 &&
	    (t->nodes[parent].child[0] == 0 || t->nodes[parent].child[1] == 0))
		splice(t, root, parent);
}

static uint32_t
root_node(const struct trie *t, const struct eid_key *key)
{
	const struct trie_root *root = find_root(t, key->vn, key->family);

	return root == NULL ? 0 : root->node;
}

uint32_t
trie_covering(const struct trie *t, const struct eid_key *key)
{
	uint32_t best = 0;

	for (uint32_t n = root_node(t, key); n != 0 && matches(&t->nodes[n], key);) {
		if (t->nodes[n].value != 0)
			best = n;
		if (t->nodes[n].len == key->len)
			break;
		n = t->nodes[n].child[eid_bit(key->w, t->nodes[n].len)];
	}
	return best;
}

uint32_t
trie_outer(const struct trie *t, uint32_t node)
{
	do {
		node = t->nodes[node].parent;
	} while (node != 0 && t->nodes[node].value == 0);
	return node;
}

/* The topmost node inside the key, or 0. */
static uint32_t
topmost(const struct trie *t, const struct eid_key *key)
{
	uint32_t n = root_node(t, key);

	while (n != 0 && t->nodes[n].len < key->len) {
		if (!matches(&t->nodes[n], key))
			return 0;
		n = t->nodes[n].child[eid_bit(key->w, t->nodes[n].len)];
	}
	return n != 0 && eid_bits_common(t->nodes[n].w, key->w, key->len) == key->len ? n : 0;
}

/* The next node of a walk, parents first; 0 behind the last inside a prefix of 'len' bits. */
static uint32_t
next_node(const struct trie *t, uint32_t n, uint8_t len)
{
	const struct trie_node *at = &t->nodes[n];

	if (at->child[0] != 0 || at->child[1] != 0)
		return at->child[0] != 0 ? at->child[0] : at->child[1];
	while (at->parent != 0 && t->nodes[at->parent].len >= len) {
		const struct trie_node *parent = &t->nodes[at->parent];

		if (parent->child[0] == n && parent->child[1] != 0)
			return parent->child[1];
		n = at->parent;
		at = parent;
	}
	return 0;
}

bool
trie_inside(const struct trie *t, const struct eid_key *key, uint32_t *cursor)
{
	uint32_t n = *cursor == 0 ? topmost(t, key) : next_node(t, *cursor, key->len);

	while (n != 0 && t->nodes[n].value == 0)
		n = next_node(t, n, key->len);
	*cursor = n;
	return n != 0;
}

uint8_t
trie_room(const struct trie *t, const struct eid_key *key)
{
	uint32_t n = root_node(t, key);
	uint8_t room = 0;

	while (n != 0) {
		const struct trie_node *at = &t->nodes[n];
		uint8_t limit = at->len < key->len ? (uint8_t)at->len : key->len;
		uint8_t common = eid_bits_common(at->w, key->w, limit);
		unsigned bit;

		if (common < limit)
			return (uint8_t)(common + 1);
		if (at->len >= key->len)
			return key->len;
		bit = eid_bit(key->w, at->len);
		room = (uint8_t)(at->len + (at->child[!bit] != 0));
		n = at->child[bit];
	}
	return room;
}

struct eid_key
trie_key(const struct trie *t, vn_id_t vn, uint8_t family, uint32_t node)
{
	const struct trie_node *n = &t->nodes[node];

	return (struct eid_key){
		.w = {n->w[0], n->w[1]}, .vn = vn, .family = family, .len = (uint8_t)n->len};
}
