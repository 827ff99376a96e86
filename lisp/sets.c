/* Interning: hash, compare, count references. */
#include "lisp/sets.h"

#include <errno.h>

#include "wire/lisp_copy.h"

/* One locator as it stood in its message. */
struct span {
	bool reachable; /* R */
	struct addr addr;
	const uint8_t *bytes;
	size_t size;
};

struct spans {
	struct span at[SETS_LOCATORS_MAX];
	size_t count;
};

int
sets_init(struct sets *s, size_t max, const struct hash_key *key)
{
	*s = (struct sets){.key = *key};
	return index_init(&s->index, max);
}

void
sets_fini(struct sets *s)
{
	BUG_IF(s->count != 0);
	index_fini(&s->index);
}

struct rd
sets_locators(const struct locator_set *set)
{
	return rd_make(set->bytes, set->size);
}

/* IPv4 before IPv6 before what is no address, which keeps its place by its bytes. */
static int
compare(const struct span *a, const struct span *b)
{
	uint8_t rank_a = addr_is_none(a->addr) ? 255 : a->addr.family;
	uint8_t rank_b = addr_is_none(b->addr) ? 255 : b->addr.family;
	size_t size = a->size < b->size ? a->size : b->size;
	int order;

	if (rank_a != rank_b)
		return rank_a < rank_b ? -1 : 1;
	order = memcmp(a->addr.b, b->addr.b, sizeof(a->addr.b));
	if (order == 0 && rank_a == 255)
		order = memcmp(a->bytes, b->bytes, size);
	return order;
}

/* At its place; few locators make insertion the cheapest sort. */
static void
insert(struct spans *spans, const struct span *span)
{
	size_t i = spans->count++;

	for (; i > 0 && compare(span, &spans->at[i - 1]) < 0; i--)
		spans->at[i] = spans->at[i - 1];
	spans->at[i] = *span;
}

static bool
holds(const struct spans *spans, const struct span *span)
{
	for (size_t i = 0; i < spans->count; i++)
		if (spans->at[i].size == span->size && compare(&spans->at[i], span) == 0)
			return true;
	return false;
}

static bool
next_span(struct rd *locators, struct span *span)
{
	struct lisp_locator locator;

	span->bytes = locators->data;
	if (!lisp_locator_next(locators, &locator))
		return false;
	span->size = (size_t)(locators->data - span->bytes);
	span->addr = locator.rloc.addr;
	span->reachable = locator.reachable;
	return true;
}

static struct locator_set *
find(const struct sets *s, uint64_t hash, const uint8_t *bytes, size_t size, size_t count)
{
	for (struct chain *c = index_at(&s->index, hash); c != NULL; c = c->next) {
		struct locator_set *set = (struct locator_set *)(void *)c;

		if (set->hash == hash && set->size == size && set->count == count &&
		    memcmp(set->bytes, bytes, size) == 0)
			return set;
	}
	return NULL;
}

/* Writes the locators behind each other, without what only their own router may say. */
static void
write_bytes(const struct spans *spans, uint8_t *out)
{
	for (size_t i = 0; i < spans->count; i++) {
		memcpy(out, spans->at[i].bytes, spans->at[i].size);
		lisp_locator_strip(out);
		out += spans->at[i].size;
	}
}

static int
intern(struct sets *s, const struct spans *spans, struct locator_set **out)
{
	/* Most sets are there already: one is only allocated when it is not. */
	uint8_t local[1024], *bytes = local;
	struct locator_set *set;
	size_t size = 0;
	uint64_t hash;
	int err = 0;

	for (size_t i = 0; i < spans->count; i++)
		size += spans->at[i].size;
	if (size > UINT16_MAX)
		return -E2BIG;
	if (size > sizeof(local) && (bytes = malloc(size)) == NULL)
		return -ENOMEM;
	write_bytes(spans, bytes);
	hash = hash_bytes(&s->key, bytes, size);
	set = find(s, hash, bytes, size, spans->count);
	if (set != NULL) {
		*out = sets_ref(set);
	} else if ((set = malloc(sizeof(*set) + size)) != NULL) {
		*set = (struct locator_set){.hash = hash,
					    .refs = 1,
					    .size = (uint16_t)size,
					    .count = (uint8_t)spans->count};
		memcpy(set->bytes, bytes, size);
		index_add(&s->index, hash, &set->chain);
		s->count++;
		s->bytes += sizeof(*set) + size;
		*out = set;
	} else {
		err = -ENOMEM;
	}
	if (bytes != local)
		free(bytes);
	return err;
}

int
sets_get(struct sets *s, const struct lisp_record *record, struct addr hidden,
	 struct locator_set **out)
{
	struct rd locators = record->locators;
	struct spans spans;
	struct span span;

	spans.count = 0;
	if (record->locator_count > SETS_LOCATORS_MAX)
		return -E2BIG;
	while (next_span(&locators, &span))
		if (span.reachable || addr_is_none(hidden) || !addr_equal(span.addr, hidden))
			insert(&spans, &span);
	return intern(s, &spans, out);
}

int
sets_union(struct sets *s, struct locator_set *const *parts, size_t part_count,
	   struct locator_set **out)
{
	struct spans spans;

	spans.count = 0;
	for (size_t i = 0; i < part_count; i++) {
		struct rd locators = sets_locators(parts[i]);
		struct span span;

		while (spans.count < SETS_LOCATORS_MAX && next_span(&locators, &span))
			if (!holds(&spans, &span))
				insert(&spans, &span);
	}
	return intern(s, &spans, out);
}

struct locator_set *
sets_ref(struct locator_set *set)
{
	set->refs++;
	return set;
}

void
sets_drop_ref(struct sets *s, struct locator_set *set)
{
	if (set == NULL || --set->refs != 0)
		return;
	index_take(&s->index, set->hash, &set->chain);
	s->count--;
	s->bytes -= sizeof(*set) + set->size;
	free(set);
}
