/* Look-ups.  A node costs an exclusive or, a shift and a count of bits; a batch goes down one
 * step for all its keys before the next, so that the memory of each is on its way while the
 * others are looked at. */
#include "tables/tb.h"

/* The instructions that count bits are not in every processor of this kind. */
#if defined(__x86_64__)
#define WITH_BIT_COUNT __attribute__((target("popcnt,bmi,bmi2")))
#define HAS_BIT_COUNT                                                                              \
	(__builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&                      \
	 __builtin_cpu_supports("bmi2"))
#else
#define WITH_BIT_COUNT
#define HAS_BIT_COUNT true
#endif

#define INLINE static inline __attribute__((always_inline))

#define DIGITS     (1u << TB_STRIDE)
#define CACHE_LINE 64

/* Bits of 'inner' that a digit stands for: itself cut to 0 to 5 bits.  0 is that of a leaf too. */
#define M(d)                                                                                       \
	(UINT64_C(1) << ((64 | (d)) >> 1) | UINT64_C(1) << ((64 | (d)) >> 2) |                     \
	 UINT64_C(1) << ((64 | (d)) >> 3) | UINT64_C(1) << ((64 | (d)) >> 4) |                     \
	 UINT64_C(1) << ((64 | (d)) >> 5) | UINT64_C(1) << 1 | ((d) == 0 ? TB_LEAF_INNER : 0))
#define M8(d) M(d), M(d + 1), M(d + 2), M(d + 3), M(d + 4), M(d + 5), M(d + 6), M(d + 7)
static const uint64_t matches[DIGITS] = {M8(0),  M8(8),  M8(16), M8(24),
					 M8(32), M8(40), M8(48), M8(56)};

/* A look-up on its way down. */
struct lane {
	uint64_t key[2]; /* the second is for IPv6 only */
	tb_ref_t ref;
	const uintptr_t *slot;  /* that has the next reference */
	const uintptr_t *value; /* of the longest prefix so far; NULL: none */
};

/* The head of a node or leaf may lie on two cache lines. */
INLINE void
prefetch_head(tb_ref_t ref, bool six)
{
	size_t size = six ? sizeof(struct tb_node6) : sizeof(struct tb_node4);

	__builtin_prefetch((const char *)ref);
	__builtin_prefetch((const char *)ref + size - 1);
}

INLINE const uintptr_t *
slots(const struct tb_node *n, bool six)
{
	return six ? ((const struct tb_node6 *)n)->slot : ((const struct tb_node4 *)n)->slot;
}

/* Digit of the key in this node; DIGITS or more: the key is not below it. */
INLINE uint64_t
digit_of(const struct lane *lane, const struct tb_node *n, bool six)
{
	if (six) {
		const struct tb_node6 *node = (const struct tb_node6 *)n;
		tb_key_t rest =
			tb_key_of(lane->key[0] ^ node->key[0], lane->key[1] ^ node->key[1]) >>
			node->shift;

		return (uint64_t)(rest >> 64) != 0 ? DIGITS : (uint64_t)rest;
	} else {
		const struct tb_node4 *node = (const struct tb_node4 *)n;

		return (lane->key[0] ^ (uint64_t)node->key << 32) >> node->shift;
	}
}

/* The slot of the highest bit of 'inner', which is not 0. */
INLINE const uintptr_t *
inside_slot(const struct tb_node *n, uint64_t inner, bool six)
{
	uint64_t lower = UINT64_MAX >> __builtin_clzll(inner) >> 1;

	return &slots(n, six)[(unsigned)__builtin_popcountll(n->outer) +
			      (unsigned)__builtin_popcountll(n->inner & lower)];
}

/* Passes a node or leaf, without a branch: which it is, what it has and where it ends is
 * different for each key.  True: it goes on at 'slot'. */
INLINE bool
pass(struct lane *lane, bool six)
{
	const struct tb_node *n = tb_node(lane->ref);
	uint64_t digit = digit_of(lane, n, six);
	uint64_t below = digit < DIGITS;
	unsigned at = (unsigned)digit % DIGITS;
	uint64_t inner = n->inner & matches[at] & -below;
	uint64_t outer = n->outer;
	const uintptr_t *found = inside_slot(n, inner | 1, six);

	found = tb_is_leaf(lane->ref) ? &n->value : found;
	lane->value = inner != 0 ? found : lane->value;
	lane->slot = &slots(n, six)[tb_rank(outer, at)];
	return (below & outer >> at & ~lane->ref & 1) != 0;
}

/* Where a key starts. */
INLINE void
lane_start(struct lane *lane, const struct tb *t, const struct tb_top *top, tb_key_t key)
{
	lane->key[0] = (uint64_t)(key >> 64);
	lane->key[1] = (uint64_t)key;
	if (top != NULL) {
		const struct tb_entry *e = &top->entry[lane->key[0] >> (64 - top->bits)];

		lane->ref = tb_load(&e->below);
		lane->value = &e->best;
	} else {
		lane->ref = tb_load(&t->root);
		lane->value = NULL;
	}
}

/* A value may have been taken out without its slot: then the way is searched for the next. */
INLINE void *
lane_value(const struct lane *lane, const struct tb *t, bool six)
{
	struct tb_prefix found;
	void *value;

	if (lane->value == NULL)
		return NULL;
	value = (void *)tb_load(lane->value);
	if (value != NULL || !__atomic_load_n(&t->holes, __ATOMIC_ACQUIRE))
		return value;
	return tb_find_around(t, tb_key_of(lane->key[0], lane->key[1]), six ? 128 : 32, &found)
		       ? found.value
		       : NULL;
}

/* One alone is faster with branches: what is guessed need not be waited for. */
INLINE void *
find_one(const struct tb *t, tb_key_t key, bool six)
{
	const struct tb_node *longest = NULL;
	uint64_t inner_longest = 0;
	struct lane lane;

	lane_start(&lane, t, __atomic_load_n(&t->top, __ATOMIC_ACQUIRE), key);
	while (lane.ref != 0) {
		const struct tb_node *n = tb_node(lane.ref);
		uint64_t digit = digit_of(&lane, n, six), inner;

		if (digit >= DIGITS)
			break;
		inner = n->inner & matches[digit];
		if (tb_is_leaf(lane.ref)) {
			if (inner != 0) {
				lane.value = &n->value;
				longest = NULL;
			}
			break;
		}
		if (inner != 0) {
			longest = n;
			inner_longest = inner;
		}
		if (!tb_has(n->outer, (unsigned)digit))
			break;
		lane.ref = tb_load(&slots(n, six)[tb_rank(n->outer, (unsigned)digit)]);
	}
	if (longest != NULL)
		lane.value = inside_slot(longest, inner_longest, six);
	return lane_value(&lane, t, six);
}

INLINE void
find_many(const struct tb *t, const tb_key_t *keys, size_t count, void **values, bool six)
{
	const struct tb_top *top = __atomic_load_n(&t->top, __ATOMIC_ACQUIRE);
	struct lane lanes[TB_BATCH];
	struct lane *active[TB_BATCH];
	unsigned left = 0;

	if (top != NULL)
		for (unsigned i = 0; i < count; i++)
			__builtin_prefetch(&top->entry[keys[i] >> (128 - top->bits)]);
	for (unsigned i = 0; i < count; i++) {
		lane_start(&lanes[i], t, top, keys[i]);
		prefetch_head(lanes[i].ref, six);
		active[left] = &lanes[i];
		left += lanes[i].ref != 0;
	}
	while (left > 0) {
		unsigned going = 0;

		for (unsigned i = 0; i < left; i++) {
			struct lane *lane = active[i];
			bool goes = pass(lane, six);

			__builtin_prefetch(goes ? lane->slot : lane->value);
			active[going] = lane;
			going += goes;
		}
		left = going;
		for (unsigned i = 0; i < left; i++) {
			active[i]->ref = tb_load(active[i]->slot);
			prefetch_head(active[i]->ref, six);
		}
	}
	for (unsigned i = 0; i < count; i++)
		values[i] = lane_value(&lanes[i], t, six);
}

WITH_BIT_COUNT static void *
find_fast(const struct tb *t, tb_key_t key)
{
	return t->six ? find_one(t, key, true) : find_one(t, key, false);
}

WITH_BIT_COUNT static void
find_many_fast(const struct tb *t, const tb_key_t *keys, size_t count, void **values)
{
	if (t->six)
		find_many(t, keys, count, values, true);
	else
		find_many(t, keys, count, values, false);
}

void *
tb_find(const struct tb *t, tb_key_t key)
{
	if (HAS_BIT_COUNT)
		return find_fast(t, key);
	return t->six ? find_one(t, key, true) : find_one(t, key, false);
}

static void
find_batch(const struct tb *t, const tb_key_t *keys, size_t count, void **values)
{
	if (HAS_BIT_COUNT)
		find_many_fast(t, keys, count, values);
	else if (t->six)
		find_many(t, keys, count, values, true);
	else
		find_many(t, keys, count, values, false);
}

void
tb_find_batch(const struct tb *t, const tb_key_t *keys, size_t count, void **values)
{
	for (size_t done = 0; done < count; done += TB_BATCH)
		find_batch(t, keys + done, count - done < TB_BATCH ? count - done : TB_BATCH,
			   values + done);
}

bool
tb_find_around(const struct tb *t, tb_key_t key, unsigned len, struct tb_prefix *found)
{
	tb_ref_t ref = tb_load(&t->root);
	bool any = false;

	while (ref != 0 && !tb_is_leaf(ref)) {
		const struct tb_node *n = tb_node(ref);
		int start = tb_start(t, n);
		unsigned digit = tb_digit(t, n, key);

		if (start > (int)len ||
		    (start > 0 && ((key ^ tb_node_key(t, n)) & tb_mask((unsigned)start)) != 0))
			break;
		any |= tb_longest_inside(t, n, digit, (unsigned)((int)len - start), found);
		ref = tb_has(n->outer, digit) ? tb_load(tb_below(t, n, digit)) : 0;
	}
	if (ref != 0 && tb_is_leaf(ref)) {
		struct tb_prefix p = tb_leaf(t, ref);

		if (p.value != NULL && p.len <= len && ((key ^ p.key) & tb_mask(p.len)) == 0) {
			*found = p;
			any = true;
		}
	}
	if (any)
		found->key = key & tb_mask(found->len);
	return any;
}
