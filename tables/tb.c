/* How a tree bitmap changes: new nodes are made, published, and the old ones retired. */
#include "tables/tb.h"

#include <errno.h>

/* Blocks that one change retires at most: a node, a leaf, and an array of the first bits. */
#define RETIRED_MAX 3

/* What stands in a slot of a node: a reference below, or a value inside. */
struct entry {
	bool inside;
	unsigned bit; /* of 'outer' or of 'inner' */
	uintptr_t word;
};

/* The path to a prefix: the slot that leads to the node or leaf in which it is or would be, and
 * the node of that slot. */
struct place {
	uintptr_t *link;
	uintptr_t *node_link; /* of the node that has 'link'; NULL at the root */
	unsigned digit;       /* of 'link' in that node */
};

static unsigned
common_bits(tb_key_t a, tb_key_t b)
{
	uint64_t high = (uint64_t)((a ^ b) >> 64), low = (uint64_t)(a ^ b);

	if (high != 0)
		return (unsigned)__builtin_clzll(high);
	return low != 0 ? 64 + (unsigned)__builtin_clzll(low) : 128;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Only the writer changes what it has reached. */
static uintptr_t *
own_slot(const uintptr_t *slot)
{
	return (uintptr_t *)(uintptr_t)slot;
}

static void
publish(uintptr_t *link, uintptr_t word)
{
	__atomic_store_n(link, word, __ATOMIC_RELEASE);
}

static unsigned
slot_count(const struct tb_node *n)
{
	return (unsigned)__builtin_popcountll(n->outer) + (unsigned)__builtin_popcountll(n->inner);
}

/* Bytes of a node, or of a leaf, which has 0 slots. */
static size_t
size_of(const struct tb *t, unsigned slots)
{
	size_t fixed = t->six ? sizeof(struct tb_node6) : sizeof(struct tb_node4);

	return fixed + slots * sizeof(uintptr_t);
}

static size_t
ref_size(const struct tb *t, tb_ref_t ref)
{
	return size_of(t, tb_is_leaf(ref) ? 0 : slot_count(tb_node(ref)));
}

static void *
ref_block(tb_ref_t ref)
{
	return (void *)(ref & ~(tb_ref_t)1);
}

static void
retire_ref(struct tb *t, tb_ref_t ref)
{
	retire_part(t->retire, ref_block(ref), ref_size(t, ref));
}

/* At which no reader looks. */
static void
free_ref(const struct tb *t, tb_ref_t ref)
{
	arena_give(&t->retire->arena, ref_block(ref), ref_size(t, ref));
}

/* ---- making leaves and nodes ---- */

/* Bitmaps and slots are the caller's to fill in. */
static struct tb_node *
node_make(const struct tb *t, tb_key_t key, unsigned shift, unsigned slots)
{
	void *block = arena_take(&t->retire->arena, size_of(t, slots));

	if (block == NULL)
		return NULL;
	if (t->six) {
		struct tb_node6 *n = block;

		n->key[0] = (uint64_t)(key >> 64);
		n->key[1] = (uint64_t)key;
		n->shift = shift;
	} else {
		struct tb_node4 *n = block;

		n->key = (uint32_t)(key >> 96);
		n->shift = shift - 64;
	}
	return block;
}

/* 0: no memory. */
static tb_ref_t
leaf_make(const struct tb *t, tb_key_t key, unsigned len, void *value)
{
	struct tb_node *leaf = node_make(t, key, len == 0 ? 127 : 128 - len, 0);

	if (leaf == NULL)
		return 0;
	leaf->inner = len == 0 ? TB_LEAF_INNER_ALL : TB_LEAF_INNER;
	leaf->value = (uintptr_t)value;
	return (tb_ref_t)leaf | 1;
}

static unsigned
slot_index(const struct tb_node *n, bool inside, unsigned bit)
{
	return inside ? (unsigned)__builtin_popcountll(n->outer) + tb_rank(n->inner, bit)
		      : tb_rank(n->outer, bit);
}

static void
set_bit(struct tb_node *n, bool inside, unsigned bit, bool set)
{
	uint64_t *bitmap = inside ? &n->inner : &n->outer;

	*bitmap = (*bitmap & ~(UINT64_C(1) << bit)) | (uint64_t)set << bit;
}

/* A copy with one entry more; NULL: no memory. */
static struct tb_node *
node_with(const struct tb *t, const struct tb_node *old, const struct entry *e)
{
	unsigned slots = slot_count(old), at = slot_index(old, e->inside, e->bit);
	const uintptr_t *from = tb_slots(t, old);
	struct tb_node *n = node_make(t, tb_node_key(t, old), tb_shift(t, old), slots + 1);
	uintptr_t *to;

	if (n == NULL)
		return NULL;
	n->inner = old->inner;
	n->outer = old->outer;
	set_bit(n, e->inside, e->bit, true);
	to = own_slot(tb_slots(t, n));
	memcpy(to, from, at * sizeof(*to));
	to[at] = e->word;
	memcpy(to + at + 1, from + at, (slots - at) * sizeof(*to));
	return n;
}

/* A copy with one entry less; NULL: no memory. */
static struct tb_node *
node_without(const struct tb *t, const struct tb_node *old, bool inside, unsigned bit)
{
	unsigned slots = slot_count(old), at = slot_index(old, inside, bit);
	const uintptr_t *from = tb_slots(t, old);
	struct tb_node *n = node_make(t, tb_node_key(t, old), tb_shift(t, old), slots - 1);
	uintptr_t *to;

	if (n == NULL)
		return NULL;
	n->inner = old->inner;
	n->outer = old->outer;
	set_bit(n, inside, bit, false);
	to = own_slot(tb_slots(t, n));
	memcpy(to, from, at * sizeof(*to));
	memcpy(to + at, from + at + 1, (slots - at - 1) * sizeof(*to));
	return n;
}

/* A node of two entries. */
static tb_ref_t
node_of_two(const struct tb *t, tb_key_t key, unsigned shift, const struct entry *a,
	    const struct entry *b)
{
	unsigned start = shift + TB_STRIDE < 128 ? 128 - TB_STRIDE - shift : 0;
	struct tb_node *n = node_make(t, key & tb_mask(start), shift, 2);

	if (n == NULL)
		return 0;
	n->inner = n->outer = 0;
	set_bit(n, a->inside, a->bit, true);
	set_bit(n, b->inside, b->bit, true);
	own_slot(tb_slots(t, n))[slot_index(n, a->inside, a->bit)] = a->word;
	own_slot(tb_slots(t, n))[slot_index(n, b->inside, b->bit)] = b->word;
	return (tb_ref_t)n;
}

/* ---- adding ---- */

/* How a prefix stands in a node with this shift: as a value, or, when it is longer, as a leaf
 * that 'word' leads to. */
static struct entry
entry_of(unsigned shift, tb_key_t key, unsigned len, void *value, tb_ref_t word)
{
	unsigned digit = (unsigned)(key >> shift) & ((1u << TB_STRIDE) - 1);
	unsigned r = len + shift + TB_STRIDE - 128;

	if (r < TB_STRIDE)
		return (struct entry){true, tb_inner_bit(digit, r), (uintptr_t)value};
	return (struct entry){false, digit, word};
}

/* The same for a new prefix, whose leaf is made; word 0: no memory. */
static struct entry
entry_new(const struct tb *t, unsigned shift, const struct tb_prefix *p)
{
	struct entry e = entry_of(shift, p->key, p->len, p->value, 0);

	if (!e.inside)
		e.word = leaf_make(t, p->key, p->len, p->value);
	return e;
}

static void
entry_drop(const struct tb *t, const struct entry *e)
{
	if (!e->inside && e->word != 0)
		free_ref(t, e->word);
}

/* Shift of the node in which two that agree in 'common' bits part. */
static unsigned
parting_shift(const struct tb *t, unsigned common)
{
	unsigned lead = tb_lead(t);

	return 128 - TB_STRIDE + lead - (common + lead) / TB_STRIDE * TB_STRIDE;
}

/* Puts a node of 'other' and the new prefix where 'other' was. */
static int
part(struct tb *t, uintptr_t *link, unsigned shift, const struct entry *other,
     const struct tb_prefix *p)
{
	struct entry fresh = entry_new(t, shift, p);
	tb_ref_t node;

	if (fresh.word == 0)
		return -ENOMEM;
	node = node_of_two(t, p->key, shift, other, &fresh);
	if (node == 0) {
		entry_drop(t, &fresh);
		return -ENOMEM;
	}
	publish(link, node);
	return 0;
}

/* A value that was taken out without memory has left its slot. */
static int
revive(uintptr_t *value, void *fresh)
{
	if (*value != 0)
		return -EEXIST;
	publish(value, (uintptr_t)fresh);
	return 0;
}

static int
add_at_leaf(struct tb *t, uintptr_t *link, const struct tb_prefix *p)
{
	tb_ref_t old = *link;
	struct tb_prefix there = tb_leaf(t, old);
	unsigned common = least(common_bits(p->key, there.key), least(p->len, there.len));
	unsigned shift = parting_shift(t, common);
	struct entry other;
	int err;

	if (common == p->len && common == there.len)
		return revive(own_slot(&tb_node(old)->value), p->value);
	other = entry_of(shift, there.key, there.len, there.value, old);
	err = part(t, link, shift, &other, p);
	if (err == 0 && other.inside)
		retire_ref(t, old);
	return err;
}

static int
add_in_node(struct tb *t, uintptr_t *link, const struct tb_prefix *p)
{
	const struct tb_node *old = tb_node(*link);
	struct entry e = entry_of(tb_shift(t, old), p->key, p->len, p->value, 0);
	const struct tb_node *n;

	if (e.inside && tb_has(old->inner, e.bit))
		return revive(own_slot(tb_inside(t, old, e.bit)), p->value);
	e = entry_new(t, tb_shift(t, old), p);
	if (e.word == 0)
		return -ENOMEM;
	n = node_with(t, old, &e);
	if (n == NULL) {
		entry_drop(t, &e);
		return -ENOMEM;
	}
	publish(link, (uintptr_t)n);
	retire_ref(t, (tb_ref_t)old);
	return 0;
}

/* Does the node's key begin the prefix? */
static bool
node_covers(const struct tb *t, const struct tb_node *n, tb_key_t key, unsigned len)
{
	int start = tb_start(t, n);

	return start <= (int)len &&
	       (start <= 0 || common_bits(key, tb_node_key(t, n)) >= (unsigned)start);
}

/* Is the prefix, when it is there, below a slot of 'outer' of this node? */
static bool
is_below(const struct tb *t, const struct tb_node *n, unsigned len)
{
	return (int)len - tb_start(t, n) >= TB_STRIDE;
}

static struct place
descend(const struct tb *t, tb_key_t key, unsigned len)
{
	struct place at = {.link = own_slot(&t->root)};

	while (*at.link != 0 && !tb_is_leaf(*at.link)) {
		const struct tb_node *n = tb_node(*at.link);
		unsigned digit = tb_digit(t, n, key);

		if (!node_covers(t, n, key, len) || !is_below(t, n, len) ||
		    !tb_has(n->outer, digit))
			break;
		at = (struct place){own_slot(tb_below(t, n, digit)), at.link, digit};
	}
	return at;
}

static int
add(struct tb *t, uintptr_t *link, const struct tb_prefix *p)
{
	const struct tb_node *n;
	struct entry other;
	unsigned common, shift;

	if (*link == 0) {
		tb_ref_t leaf = leaf_make(t, p->key, p->len, p->value);

		if (leaf == 0)
			return -ENOMEM;
		publish(link, leaf);
		return 0;
	}
	if (tb_is_leaf(*link))
		return add_at_leaf(t, link, p);
	n = tb_node(*link);
	if (node_covers(t, n, p->key, p->len))
		return add_in_node(t, link, p);
	common = least(common_bits(p->key, tb_node_key(t, n)),
		       least(p->len, (unsigned)tb_start(t, n)));
	shift = parting_shift(t, common);
	other = (struct entry){
		false, (unsigned)(tb_node_key(t, n) >> shift) & ((1u << TB_STRIDE) - 1), *link};
	return part(t, link, shift, &other, p);
}

/* Where the value of exactly this prefix stands, or NULL; 'at' tells the way there. */
static uintptr_t *
find_value(const struct tb *t, tb_key_t key, unsigned len, struct place *at)
{
	tb_ref_t ref;
	const struct tb_node *n;
	unsigned bit;

	*at = descend(t, key, len);
	ref = *at->link;
	if (ref == 0)
		return NULL;
	if (tb_is_leaf(ref)) {
		struct tb_prefix p = tb_leaf(t, ref);

		return p.len == len && p.key == key ? own_slot(&tb_node(ref)->value) : NULL;
	}
	n = tb_node(ref);
	if (!node_covers(t, n, key, len) || is_below(t, n, len))
		return NULL;
	bit = tb_inner_bit(tb_digit(t, n, key), (unsigned)((int)len - tb_start(t, n)));
	return tb_has(n->inner, bit) ? own_slot(tb_inside(t, n, bit)) : NULL;
}

int
tb_add(struct tb *t, tb_key_t key, unsigned len, void *value)
{
	struct tb_prefix p = {key, len, value};
	struct place at;
	uintptr_t *there;
	int err;

	BUG_IF(value == NULL || len > (t->six ? 128 : 32));
	if (retire_reserve(t->retire, RETIRED_MAX) != 0) {
		there = find_value(t, key, len, &at);
		return there != NULL && *there != 0 ? -EEXIST : -ENOMEM;
	}
	err = add(t, descend(t, key, len).link, &p);
	if (err != 0)
		return err;
	t->count++;
	tb_top_refresh(t, key, len);
	tb_top_resize(t);
	return 0;
}

/* ---- taking out ---- */

/* What stands for a node of two entries when one of them goes; 0: no memory. */
static tb_ref_t
what_is_left(const struct tb *t, const struct tb_node *n, bool inside, unsigned bit)
{
	uint64_t inner = n->inner & ~((uint64_t)inside << bit);
	uintptr_t word = tb_slots(t, n)[1 - slot_index(n, inside, bit)];
	unsigned left, r;
	tb_key_t digit;

	if (inner == 0)
		return word;
	left = 63 - (unsigned)__builtin_clzll(inner);
	r = 31 - (unsigned)__builtin_clz(left);
	digit = (tb_key_t)((left - (1u << r)) << (TB_STRIDE - r));
	return leaf_make(t, tb_node_key(t, n) | digit << tb_shift(t, n),
			 (unsigned)(tb_start(t, n) + (int)r), (void *)word);
}

/* Takes an entry out of the node that 'link' leads to; false: no memory, unchanged. */
static bool
take_out(struct tb *t, uintptr_t *link, bool inside, unsigned bit)
{
	const struct tb_node *old = tb_node(*link);
	tb_ref_t fresh = slot_count(old) == 2 ? what_is_left(t, old, inside, bit)
					      : (tb_ref_t)node_without(t, old, inside, bit);

	if (fresh == 0)
		return false;
	publish(link, fresh);
	retire_ref(t, (tb_ref_t)old);
	return true;
}

/* Makes the structure smaller by a prefix; false: no memory, unchanged. */
static bool
shrink(struct tb *t, const struct place *at, tb_key_t key, unsigned len)
{
	tb_ref_t old = *at->link;
	const struct tb_node *n;

	if (retire_reserve(t->retire, RETIRED_MAX) != 0)
		return false;
	if (!tb_is_leaf(old)) {
		n = tb_node(old);
		return take_out(
			t, at->link, true,
			tb_inner_bit(tb_digit(t, n, key), (unsigned)((int)len - tb_start(t, n))));
	}
	if (at->node_link == NULL)
		publish(at->link, 0);
	else if (!take_out(t, at->node_link, false, at->digit))
		return false;
	retire_ref(t, old);
	return true;
}

static void
free_below(const struct tb *t, tb_ref_t ref)
{
	if (ref == 0)
		return;
	if (!tb_is_leaf(ref)) {
		const struct tb_node *n = tb_node(ref);
		unsigned below = (unsigned)__builtin_popcountll(n->outer);

		for (unsigned i = 0; i < below; i++)
			free_below(t, tb_slots(t, n)[i]);
	}
	free_ref(t, ref);
}

void *
tb_remove(struct tb *t, tb_key_t key, unsigned len)
{
	struct place at;
	uintptr_t *there = find_value(t, key, len, &at);
	void *value = there == NULL ? NULL : (void *)*there;

	if (value == NULL)
		return NULL;
	if (!shrink(t, &at, key, len)) {
		__atomic_store_n(&t->holes, true, __ATOMIC_RELEASE);
		publish(there, 0);
	}
	t->count--;
	tb_top_refresh(t, key, len);
	tb_top_resize(t);
	return value;
}

void *
tb_replace(struct tb *t, tb_key_t key, unsigned len, void *value)
{
	struct place at;
	uintptr_t *there = find_value(t, key, len, &at);
	void *old = there == NULL ? NULL : (void *)*there;

	BUG_IF(value == NULL);
	if (old == NULL)
		return NULL;
	publish(there, (uintptr_t)value);
	tb_top_refresh(t, key, len);
	return old;
}

void *
tb_find_exact(const struct tb *t, tb_key_t key, unsigned len)
{
	struct place at;
	uintptr_t *there = find_value(t, key, len, &at);

	return there == NULL ? NULL : (void *)tb_load(there);
}

void
tb_fini(struct tb *t)
{
	free_below(t, t->root);
	free(t->top);
	t->root = 0;
	t->top = NULL;
	t->count = 0;
}
