/* The order of a tree bitmap: by key, a shorter prefix before what it contains. */
#include "tables/tb.h"

#define BITS_END 128 /* of a node, 'inner' and 'outer' in one row */

/* The bits of a node form a binary tree: that of 'inner' with number b has below it 2 * b and 2
 * * b + 1, and what is 64 or more is of 'outer'.  Next in order, or BITS_END. */
static unsigned
bit_after(unsigned bit)
{
	if (bit < BITS_END / 2)
		return 2 * bit;
	while ((bit & 1) != 0)
		bit >>= 1;
	return bit == 0 ? BITS_END : bit + 1;
}

static bool
is_behind(const struct tb_prefix *p, const struct tb_prefix *after)
{
	if (after == NULL || p->key != after->key)
		return after == NULL || p->key > after->key;
	return p->len > after->len;
}

static bool
leaf_next(const struct tb *t, tb_ref_t ref, const struct tb_prefix *after, struct tb_prefix *found)
{
	struct tb_prefix p = tb_leaf(t, ref);

	if (p.value == NULL || !is_behind(&p, after))
		return false;
	*found = p;
	return true;
}

/* The prefix that a bit of 'inner' stands for. */
static struct tb_prefix
inside(const struct tb *t, const struct tb_node *n, unsigned bit)
{
	unsigned r = 31 - (unsigned)__builtin_clz(bit);
	tb_key_t digit = (tb_key_t)((bit - (1u << r)) << (TB_STRIDE - r));

	return (struct tb_prefix){tb_node_key(t, n) | digit << tb_shift(t, n),
				  (unsigned)(tb_start(t, n) + (int)r),
				  (void *)tb_load(tb_inside(t, n, bit))};
}

static bool next_below(const struct tb *t, tb_ref_t ref, const struct tb_prefix *after,
		       struct tb_prefix *found);

/* The first of a node's bits from this one on. */
static bool
next_from(const struct tb *t, const struct tb_node *n, unsigned bit, struct tb_prefix *found)
{
	for (; bit != BITS_END; bit = bit_after(bit)) {
		if (bit >= BITS_END / 2) {
			if (tb_has(n->outer, bit - BITS_END / 2) &&
			    next_below(t, tb_load(tb_below(t, n, bit - BITS_END / 2)), NULL, found))
				return true;
		} else if (tb_has(n->inner, bit)) {
			*found = inside(t, n, bit);
			if (found->value != NULL)
				return true;
		}
	}
	return false;
}

static bool
next_in_node(const struct tb *t, const struct tb_node *n, const struct tb_prefix *after,
	     struct tb_prefix *found)
{
	int start = tb_start(t, n);
	unsigned known = start < 0 ? 0 : (unsigned)start;
	tb_key_t key = tb_node_key(t, n), ahead;
	unsigned digit, bit;

	if (after == NULL)
		return next_from(t, n, 1, found);
	ahead = after->key & tb_mask(known);
	if (key != ahead)
		return key > ahead && next_from(t, n, 1, found);
	if (after->len < known)
		return next_from(t, n, 1, found);
	digit = tb_digit(t, n, after->key);
	if ((int)after->len - start < TB_STRIDE) {
		bit = tb_inner_bit(digit, (unsigned)((int)after->len - start));
	} else {
		bit = BITS_END / 2 + digit;
		if (tb_has(n->outer, digit) &&
		    next_below(t, tb_load(tb_below(t, n, digit)), after, found))
			return true;
	}
	return next_from(t, n, bit_after(bit), found);
}

/* As deep as a key has strides. */
static bool
next_below(const struct tb *t, tb_ref_t ref, const struct tb_prefix *after, struct tb_prefix *found)
{
	if (ref == 0)
		return false;
	return tb_is_leaf(ref) ? leaf_next(t, ref, after, found)
			       : next_in_node(t, tb_node(ref), after, found);
}

bool
tb_next(const struct tb *t, const struct tb_prefix *after, struct tb_prefix *found)
{
	return next_below(t, tb_load(&t->root), after, found);
}
