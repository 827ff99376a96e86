/* Longest prefix match over the keys of one VN and family: a path-compressed tree bitmap.
 *
 * A node covers six bits of the key.  Two bitmaps say which prefixes that end inside and which
 * subtrees below are there; only those have a slot (Eatherton, Varghese, Dittia: Tree Bitmap,
 * 2004). A subtree of one prefix is a leaf that holds it whole, and bits in which nothing
 * differs have no node: every node has two slots at least, so the memory is bounded by the
 * number of prefixes, wherever they lie.  Large tables begin with an array indexed by
 * the first bits.
 *
 * There is one writer.  It never changes a node that is reachable but for the value or the
 * pointer of one slot: it makes a new one and publishes it by a single store.  Readers of other
 * threads take no lock; what they may still look at goes to 'retire'. */
#ifndef TABLES_TB_H
#define TABLES_TB_H

#include "base/err.h"
#include "base/types.h"
#include "tables/retire.h"

/* A key: its first bit is the highest.  IPv4 uses the first 32 bits, the others are 0. */
__extension__ typedef unsigned __int128 tb_key_t;

/* A pointer to a node, or to a leaf where the lowest bit is set; 0 for nothing. */
typedef uintptr_t tb_ref_t;

#define TB_STRIDE 6

/* A prefix of 'start' + r bits (r from 0 to 5) that continues the node's key by the r bits v is
 * bit 2^r + v of 'inner'; the subtree of the next six bits v is bit v of 'outer'.  A slot for
 * each bit: those of 'outer' first, which are references, then those of 'inner', which are
 * values.  A value may be NULL: taken out when there was no memory for a smaller node.
 *
 * 'shift' brings the six bits of a key to the lowest position; 'key' has no bits from there on.
 *
 * A leaf begins like a node, so that a look-up passes both in the same way: its value stands in
 * the place of 'outer'.  Its key and shift leave 0 of a key that begins with it, which is bit 0
 * of 'inner'; without any bits it is bit 1, as in a node. */
struct tb_node {
	uint64_t inner;
	union {
		uint64_t outer;
		uintptr_t value;
	};
};

#define TB_LEAF_INNER     1
#define TB_LEAF_INNER_ALL 2

struct tb_node4 {
	struct tb_node bitmaps;
	uint32_t key;
	uint32_t shift; /* of the first 64 bits of a key */
	uintptr_t slot[];
};

struct tb_node6 {
	struct tb_node bitmaps;
	uint64_t key[2];
	uint64_t shift;
	uintptr_t slot[];
};

/* What is below the first bits of a key, and the value of the longest prefix that is shorter. */
struct tb_entry {
	tb_ref_t below;
	uintptr_t best;
};

struct tb_top {
	unsigned bits;
	struct tb_entry entry[]; /* 2 to the power of 'bits' */
};

struct tb {
	tb_ref_t root;
	struct tb_top *top; /* NULL: too few prefixes for one */
	size_t count;
	struct retire *retire; /* borrowed; nodes and leaves are from its arena */
	bool six;
	bool holes; /* a value has been taken out without its slot */
};

struct tb_prefix {
	tb_key_t key;
	unsigned len;
	void *value;
};

/* 'len' is at most 32 or 128, bits of 'key' behind it are 0.  Adds a prefix that is not there;
 * 'value' is not NULL.  0, -EEXIST or -ENOMEM (both: unchanged). */
MUST_USE int tb_add(struct tb *t, tb_key_t key, unsigned len, void *value);
/* Returns the value that was there, or NULL.  Never fails. */
void *tb_remove(struct tb *t, tb_key_t key, unsigned len);
/* Sets the value of a prefix that may be there; returns the one before, or NULL: not there. */
void *tb_replace(struct tb *t, tb_key_t key, unsigned len, void *value);
/* Frees all. */
void tb_fini(struct tb *t);

/* Value of exactly this prefix, or NULL. */
void *tb_find_exact(const struct tb *t, tb_key_t key, unsigned len);
/* Value of the longest prefix that the key begins with, or NULL. */
void *tb_find(const struct tb *t, tb_key_t key);
/* The same for many: values[i] for keys[i].  Waits for memory together. */
#define TB_BATCH 128
void tb_find_batch(const struct tb *t, const tb_key_t *keys, size_t count, void **values);

/* The longest prefix of 'len' bits at most that the key begins with; false: none. */
bool tb_find_around(const struct tb *t, tb_key_t key, unsigned len, struct tb_prefix *found);
/* The first prefix behind 'after' in the order of keys and lengths, whether 'after' is there or
 * not; NULL: the first of all.  False when there is none. */
bool tb_next(const struct tb *t, const struct tb_prefix *after, struct tb_prefix *found);

/* ---- for the files of this structure ---- */

/* Bits in front of a key, as if they were 0, so that strides end where they should: at 24 bits
 * of IPv4, where most prefixes of the Internet end, and at 128 of IPv6. */
#define TB_LEAD4 5
#define TB_LEAD6 4

/* A larger table gets an array of the first bits; a smaller one gives it back. */
void tb_top_resize(struct tb *t);
/* After a change of this prefix. */
void tb_top_refresh(struct tb *t, tb_key_t key, unsigned len);

static inline bool
tb_is_leaf(tb_ref_t ref)
{
	return (ref & 1) != 0;
}

/* Of a leaf too. */
static inline const struct tb_node *
tb_node(tb_ref_t ref)
{
	return (const struct tb_node *)(ref & ~(tb_ref_t)1);
}

static inline unsigned
tb_lead(const struct tb *t)
{
	return t->six ? TB_LEAD6 : TB_LEAD4;
}

/* How far the digit of a node is from the end of a key of 128 bits. */
static inline unsigned
tb_shift(const struct tb *t, const struct tb_node *n)
{
	return t->six ? (unsigned)((const struct tb_node6 *)n)->shift
		      : ((const struct tb_node4 *)n)->shift + 64;
}

/* Bits of a key in front of the node's digit; below 0 for a node that begins in the lead. */
static inline int
tb_start(const struct tb *t, const struct tb_node *n)
{
	return 128 - TB_STRIDE - (int)tb_shift(t, n);
}

static inline tb_key_t
tb_key_of(uint64_t high, uint64_t low)
{
	return (tb_key_t)high << 64 | low;
}

static inline tb_key_t
tb_node_key(const struct tb *t, const struct tb_node *n)
{
	const struct tb_node6 *six = (const struct tb_node6 *)n;

	return t->six ? tb_key_of(six->key[0], six->key[1])
		      : tb_key_of((uint64_t)((const struct tb_node4 *)n)->key << 32, 0);
}

static inline const uintptr_t *
tb_slots(const struct tb *t, const struct tb_node *n)
{
	return t->six ? ((const struct tb_node6 *)n)->slot : ((const struct tb_node4 *)n)->slot;
}

static inline tb_key_t
tb_mask(unsigned len)
{
	return len == 0 ? 0 : ~(tb_key_t)0 << (128 - len);
}

static inline unsigned
tb_digit(const struct tb *t, const struct tb_node *n, tb_key_t key)
{
	return (unsigned)(key >> tb_shift(t, n)) & ((1u << TB_STRIDE) - 1);
}

/* Bit of 'inner' for the first r bits of a digit. */
static inline unsigned
tb_inner_bit(unsigned digit, unsigned r)
{
	return (1u << TB_STRIDE | digit) >> (TB_STRIDE - r);
}

static inline unsigned
tb_rank(uint64_t bitmap, unsigned bit)
{
	return (unsigned)__builtin_popcountll(bitmap & ((UINT64_C(1) << bit) - 1));
}

static inline bool
tb_has(uint64_t bitmap, unsigned bit)
{
	return (bitmap >> bit & 1) != 0;
}

/* The slot of a bit of 'outer' that is set. */
static inline const uintptr_t *
tb_below(const struct tb *t, const struct tb_node *n, unsigned digit)
{
	return &tb_slots(t, n)[tb_rank(n->outer, digit)];
}

/* The slot of a bit of 'inner' that is set. */
static inline const uintptr_t *
tb_inside(const struct tb *t, const struct tb_node *n, unsigned bit)
{
	return &tb_slots(t, n)[(unsigned)__builtin_popcountll(n->outer) + tb_rank(n->inner, bit)];
}

static inline tb_ref_t
tb_load(const uintptr_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

/* What a leaf holds. */
static inline struct tb_prefix
tb_leaf(const struct tb *t, tb_ref_t ref)
{
	const struct tb_node *n = tb_node(ref);

	return (struct tb_prefix){tb_node_key(t, n),
				  n->inner == TB_LEAF_INNER_ALL ? 0 : 128 - tb_shift(t, n),
				  (void *)tb_load(&n->value)};
}

/* Longest prefix inside a node, of 'rest' bits behind its start at most, that goes on with this
 * digit: its length and value; false: none. */
static inline bool
tb_longest_inside(const struct tb *t, const struct tb_node *n, unsigned digit, unsigned rest,
		  struct tb_prefix *found)
{
	unsigned r = rest < TB_STRIDE - 1 ? rest : TB_STRIDE - 1;

	for (unsigned bit = tb_inner_bit(digit, r); bit != 0; bit >>= 1, r--) {
		void *value;

		if (!tb_has(n->inner, bit))
			continue;
		value = (void *)tb_load(tb_inside(t, n, bit));
		if (value == NULL)
			continue;
		found->len = (unsigned)(tb_start(t, n) + (int)r);
		found->value = value;
		return true;
	}
	return false;
}

#endif
