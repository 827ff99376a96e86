/* GNDT: longest prefix match, and a hash of the targets, which count their routes. */
#include "tables/gndt.h"

#include <errno.h>

#include "tables/lpm.h"

#define BUCKETS_FIRST 16

struct item {
	struct gndt_target target;
	size_t routes;
	uint64_t hash;
	struct item *next; /* in its bucket */
};

/* The hash grows by one bucket per target (linear hashing), so that no put pays for all: buckets
 * below 'split' have been split in this round, 'round' is the number at its start. */
struct gndt {
	struct hash_key key;
	struct lpm lpm;
	struct item **bucket;
	/* For routes whose target changes: what is not used any more is kept, so that what has
	 * been changed can be changed back without memory. */
	struct item *spare;
	size_t spares;
	size_t items;
	size_t round; /* a power of two */
	size_t split;
	size_t room; /* buckets allocated */
};

static uint64_t
hash_target(const struct gndt *g, const struct gndt_target *t)
{
	const uint64_t words[2] = {t->vr.v, (uint64_t)t->slot << 8 | t->origin};

	return hash_bytes(&g->key, words, sizeof(words));
}

static size_t
bucket_number(const struct gndt *g, uint64_t hash)
{
	size_t number = hash & (g->round - 1);

	return number < g->split ? hash & (2 * g->round - 1) : number;
}

/* Best effort: without memory the chains get longer. */
static void
grow(struct gndt *g)
{
	size_t buckets = g->round + g->split;
	struct item *item;

	if (buckets == g->room) {
		struct item **more = realloc(g->bucket, 2 * g->room * sizeof(struct item *));

		if (more == NULL)
			return;
		g->bucket = more;
		g->room *= 2;
	}
	item = g->bucket[g->split];
	g->bucket[g->split] = NULL;
	g->bucket[buckets] = NULL;
	if (++g->split == g->round) {
		g->round *= 2;
		g->split = 0;
	}
	while (item != NULL) {
		struct item *next = item->next;
		struct item **bucket = &g->bucket[bucket_number(g, item->hash)];

		item->next = *bucket;
		*bucket = item;
		item = next;
	}
}

static struct item *
item_find(const struct gndt *g, const struct gndt_target *t, uint64_t hash)
{
	struct item *item = g->bucket[bucket_number(g, hash)];

	while (item != NULL && (item->hash != hash || !vr_id_equal(item->target.vr, t->vr) ||
				item->target.slot != t->slot || item->target.origin != t->origin))
		item = item->next;
	return item;
}

static void
spare_put(struct gndt *g, struct item *item)
{
	item->next = g->spare;
	g->spare = item;
	g->spares++;
}

/* NULL: there is none. */
static struct item *
spare_take(struct gndt *g)
{
	struct item *item = g->spare;

	if (item != NULL) {
		g->spare = item->next;
		g->spares--;
	}
	return item;
}

/* Best effort. */
static void
make_spare(struct gndt *g)
{
	struct item *item = g->spares == 0 ? malloc(sizeof(*item)) : NULL;

	if (item != NULL)
		spare_put(g, item);
}

/* The target as a route has it, counted for one more; NULL: no memory.  Give it back by
 * item_drop_ref(). */
static struct item *
item_get(struct gndt *g, const struct gndt_route *route)
{
	struct gndt_target target = {.vr = route->vr, .slot = route->slot, .origin = route->origin};
	uint64_t hash = hash_target(g, &target);
	struct item *item = item_find(g, &target, hash);
	struct item **bucket;

	if (item == NULL) {
		make_spare(g);
		item = spare_take(g);
		if (item == NULL)
			return NULL;
		*item = (struct item){.target = target, .hash = hash};
		if (g->items++ >= g->round + g->split)
			grow(g);
		bucket = &g->bucket[bucket_number(g, hash)];
		item->next = *bucket;
		*bucket = item;
	}
	item->routes++;
	return item;
}

/* Best effort: one without routes that cannot be retired waits for the next that has this
 * target. */
static void
item_drop_ref(struct gndt *g, struct item *item)
{
	struct item **link = &g->bucket[bucket_number(g, item->hash)];

	if (--item->routes > 0 || retire_reserve(&g->lpm.retire, 1) != 0)
		return;
	while (*link != item)
		link = &(*link)->next;
	*link = item->next;
	g->items--;
	if (g->lpm.retire.on)
		retire_block(&g->lpm.retire, item);
	else
		spare_put(g, item);
	while (g->spares > gndt_count(g) + 1)
		free(spare_take(g));
}

struct gndt *
gndt_create(const struct hash_key *key)
{
	struct gndt *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->key = *key;
	g->round = g->room = BUCKETS_FIRST;
	g->bucket = calloc(g->room, sizeof(struct item *));
	make_spare(g);
	if (g->bucket == NULL || g->spares == 0) {
		gndt_destroy(g);
		return NULL;
	}
	return g;
}

void
gndt_destroy(struct gndt *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; g->bucket != NULL && i < g->round + g->split; i++)
		while (g->bucket[i] != NULL) {
			struct item *item = g->bucket[i];

			g->bucket[i] = item->next;
			free(item);
		}
	lpm_fini(&g->lpm);
	free(g->bucket);
	while (g->spares > 0)
		free(spare_take(g));
	free(g);
}

int
gndt_put(struct gndt *g, vn_id_t vn, const struct gndt_route *route)
{
	struct item *old = lpm_find_exact(&g->lpm, vn, route->prefix), *item;
	int err = 0;

	if (old == NULL && gndt_count(g) >= GNDT_MAX)
		return -ENOSPC;
	item = item_get(g, route);
	if (item == NULL)
		return -ENOMEM;
	make_spare(g);
	if (old == NULL)
		err = lpm_add(&g->lpm, vn, route->prefix, item);
	else if (old != item)
		(void)lpm_replace(&g->lpm, vn, route->prefix, item);
	if (err != 0)
		old = item;
	if (old != NULL)
		item_drop_ref(g, old);
	return err;
}

void
gndt_remove(struct gndt *g, vn_id_t vn, struct prefix prefix)
{
	struct item *item = lpm_remove(&g->lpm, vn, prefix);

	if (item != NULL)
		item_drop_ref(g, item);
}

const struct gndt_target *
gndt_find(const struct gndt *g, vn_id_t vn, struct addr addr)
{
	const struct item *item = lpm_find(&g->lpm, vn, addr);

	return item == NULL ? NULL : &item->target;
}

static struct gndt_route
route_of(struct prefix prefix, const struct item *item)
{
	return (struct gndt_route){prefix, item->target.vr, item->target.slot, item->target.origin};
}

bool
gndt_find_route(const struct gndt *g, vn_id_t vn, struct addr addr, struct gndt_route *route)
{
	struct prefix prefix;
	const struct item *item = lpm_find_longest(&g->lpm, vn, addr, &prefix);

	if (item != NULL)
		*route = route_of(prefix, item);
	return item != NULL;
}

void
gndt_find_batch(const struct gndt *g, vn_id_t vn, const struct addr *addrs, size_t count,
		const struct gndt_target **targets)
{
	void *values[TB_BATCH];

	for (size_t done = 0; done < count; done += TB_BATCH) {
		size_t size = count - done < TB_BATCH ? count - done : TB_BATCH;

		lpm_find_batch(&g->lpm, vn, addrs + done, size, values);
		for (size_t i = 0; i < size; i++) {
			const struct item *item = values[i];

			targets[done + i] = item == NULL ? NULL : &item->target;
		}
	}
}

const struct gndt_target *
gndt_find_exact(const struct gndt *g, vn_id_t vn, struct prefix prefix)
{
	const struct item *item = lpm_find_exact(&g->lpm, vn, prefix);

	return item == NULL ? NULL : &item->target;
}

size_t
gndt_count(const struct gndt *g)
{
	return g->lpm.count;
}

bool
gndt_next(const struct gndt *g, vn_id_t *vn, const struct prefix *after, struct gndt_route *route)
{
	struct prefix prefix = {0};
	const struct item *item;

	if (after == NULL)
		*vn = 0;
	else
		prefix = *after;
	item = lpm_next(&g->lpm, vn, &prefix);
	if (item == NULL)
		return false;
	*route = route_of(prefix, item);
	return true;
}

void
gndt_share(struct gndt *g)
{
	lpm_share(&g->lpm);
}

uint64_t
gndt_mark(const struct gndt *g)
{
	return lpm_mark(&g->lpm);
}

void
gndt_reclaim(struct gndt *g, uint64_t mark)
{
	lpm_reclaim(&g->lpm, mark);
}
