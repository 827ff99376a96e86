/* The array of the first bits: what is below them, and the longest prefix above.
 *
 * An entry's two words change one after the other.  A change of one prefix changes the meaning
 * of one of them only, so that a reader who sees one old and one new has the old or the new
 * answer. */
#include "tables/tb.h"

#include "tables/huge.h"

/* Malloc gives so much its own pages. */
#define HUGE_FROM ((size_t)4 << 20)

/* Arrays that there are, by their strides, and from how many prefixes on: an entry is 16 bytes. */
static const struct {
	unsigned strides;
	size_t count;
} sizes[] = {{2, 512}, {3, 8192}, {4, 393216}};

/* Entries to fill in, both inclusive. */
struct range {
	size_t first, last;
};

static void
entry_set(struct tb_entry *e, tb_ref_t below, void *best)
{
	__atomic_store_n(&e->below, below, __ATOMIC_RELEASE);
	__atomic_store_n(&e->best, (uintptr_t)best, __ATOMIC_RELEASE);
}

static void
fill_plain(struct tb_top *top, struct range range, void *best)
{
	for (size_t i = range.first; i <= range.last; i++)
		entry_set(&top->entry[i], 0, best);
}

/* The entries of 'len' bits of a key. */
static struct range
range_of(const struct tb_top *top, tb_key_t key, unsigned len)
{
	return (struct range){(size_t)(key >> (128 - top->bits)),
			      (size_t)((key | ~tb_mask(len)) >> (128 - top->bits))};
}

/* The common part, which may be empty: its first is then behind its last. */
static struct range
cut(struct range a, struct range b)
{
	return (struct range){a.first > b.first ? a.first : b.first,
			      a.last < b.last ? a.last : b.last};
}

static void
fill_leaf(const struct tb *t, struct tb_top *top, tb_ref_t ref, struct range range, void *best)
{
	struct tb_prefix p = tb_leaf(t, ref);
	struct range part = cut(range, range_of(top, p.key, p.len));

	fill_plain(top, range, best);
	if (part.first > part.last || p.value == NULL)
		return;
	if (p.len >= top->bits)
		entry_set(&top->entry[part.first], ref, best);
	else
		fill_plain(top, part, p.value);
}

/* The entries of 'range' from what is in the subtree 'ref', and 'best' around it.  Strides end
 * where the array's bits do, so the recursion is as deep as the array has strides. */
static void
fill(const struct tb *t, struct tb_top *top, tb_ref_t ref, struct range range, void *best)
{
	const struct tb_node *n = tb_node(ref);
	struct range part;
	unsigned start;

	if (ref == 0) {
		fill_plain(top, range, best);
		return;
	}
	if (tb_is_leaf(ref)) {
		fill_leaf(t, top, ref, range, best);
		return;
	}
	start = tb_start(t, n) < 0 ? 0 : (unsigned)tb_start(t, n);
	part = cut(range, range_of(top, tb_node_key(t, n), start));
	if (part.first != range.first || part.last != range.last)
		fill_plain(top, range, best);
	if (part.first > part.last)
		return;
	if (start >= top->bits) {
		entry_set(&top->entry[part.first], ref, best);
		return;
	}
	while (part.first <= part.last) {
		tb_key_t key = (tb_key_t)part.first << (128 - top->bits);
		unsigned digit = tb_digit(t, n, key);
		unsigned len = 128 - tb_shift(t, n);
		struct range here = cut(part, range_of(top, key & tb_mask(len), len));
		struct tb_prefix longest = {.value = best};

		(void)tb_longest_inside(t, n, digit, TB_STRIDE - 1, &longest);
		fill(t, top, tb_has(n->outer, digit) ? *tb_below(t, n, digit) : 0, here,
		     longest.value);
		part.first = here.last + 1;
	}
}

void
tb_top_refresh(struct tb *t, tb_key_t key, unsigned len)
{
	if (t->top != NULL)
		fill(t, t->top, t->root, range_of(t->top, key, len), NULL);
}

/* The largest array for so many prefixes, 0: none. */
static unsigned
bits_for(const struct tb *t, size_t count)
{
	unsigned bits = 0;

	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++)
		if (count >= sizes[i].count)
			bits = sizes[i].strides * TB_STRIDE - tb_lead(t);
	return bits;
}

/* Best effort: without memory it stays as it is.  Shrinking waits for half as many, so that a
 * number that goes up and down does not build it again and again. */
void
tb_top_resize(struct tb *t)
{
	unsigned bits = t->top == NULL ? 0 : t->top->bits;
	unsigned wanted = bits_for(t, t->count);
	struct tb_top *old = t->top, *top = NULL;

	if (wanted == bits || (wanted < bits && bits_for(t, 2 * t->count) >= bits))
		return;
	if (retire_reserve(t->retire, 1) != 0)
		return;
	if (wanted != 0) {
		size_t size = sizeof(*top) + ((size_t)1 << wanted) * sizeof(struct tb_entry);

		top = malloc(size);
		if (top == NULL)
			return;
		if (size >= HUGE_FROM)
			huge_advise(top, size);
		top->bits = wanted;
		fill(t, top, t->root, range_of(top, 0, 0), NULL);
	}
	__atomic_store_n(&t->top, top, __ATOMIC_RELEASE);
	retire_block(t->retire, old);
}
