/* Map-cache: a pool of mappings, a trie to find them, a heap for their ends, a ring per VN for what was used last. */
#include "tables/mapcache.h"

#include <errno.h>

#include "tables/lpm.h"
#include "tables/pool.h"

struct item {
	struct chain chain; /* free ones */
	struct mapping mapping;
	struct link used; /* in its VN's ring, the longest unused first */
	struct share *share;
	size_t heap_index; /* 0: not in the heap, which is for those that end */
	uint64_t seen;     /* packets when it was last looked at for use */
};

/* The mappings of one VN. */
struct share {
	struct chain chain;
	vn_id_t vn;
	size_t count;
	struct link items;
};

struct mapcache {
	struct hash_key key;
	struct pool items, shares;
	struct index by_vn;
	struct lpm lpm;
	struct item **heap; /* [1] is due first */
	size_t heap_count;
	bool has_evicted;
	struct mapping evicted;
};

/* ---- the heap of what is due ---- */

static void
heap_set(struct mapcache *m, size_t i, struct item *item)
{
	m->heap[i] = item;
	item->heap_index = i;
}

static us_t
due_of(const struct mapping *mapping)
{
	return mapping->refresh < mapping->expires ? mapping->refresh : mapping->expires;
}

static us_t
heap_due(const struct mapcache *m, size_t i)
{
	return due_of(&m->heap[i]->mapping);
}

static void
heap_settle(struct mapcache *m, size_t i)
{
	struct item *item = m->heap[i];

	for (; i > 1 && heap_due(m, i / 2) > due_of(&item->mapping); i /= 2)
		heap_set(m, i, m->heap[i / 2]);
	for (;;) {
		size_t child = 2 * i;

		if (child > m->heap_count)
			break;
		if (child < m->heap_count && heap_due(m, child + 1) < heap_due(m, child))
			child++;
		if (heap_due(m, child) >= due_of(&item->mapping))
			break;
		heap_set(m, i, m->heap[child]);
		i = child;
	}
	heap_set(m, i, item);
}

static void
heap_take(struct mapcache *m, struct item *item)
{
	size_t i = item->heap_index;
	struct item *last;

	if (i == 0)
		return;
	item->heap_index = 0;
	last = m->heap[m->heap_count--];
	if (last == item)
		return;
	heap_set(m, i, last);
	heap_settle(m, i);
}

static void
heap_put(struct mapcache *m, struct item *item)
{
	if (item->mapping.expires == US_NEVER) {
		heap_take(m, item);
		return;
	}
	if (item->heap_index == 0)
		heap_set(m, ++m->heap_count, item);
	heap_settle(m, item->heap_index);
}

/* ---- creation ---- */

struct mapcache *
mapcache_create(size_t max, const struct hash_key *key)
{
	struct mapcache *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->key = *key;
	m->heap = calloc(max + 2, sizeof(struct item *));
	if (m->heap == NULL || pool_init(&m->items, max, sizeof(struct item)) != 0 ||
	    pool_init(&m->shares, max, sizeof(struct share)) != 0 ||
	    index_init(&m->by_vn, max < 4096 ? max : 4096) != 0) {
		mapcache_destroy(m);
		return NULL;
	}
	return m;
}

void
mapcache_destroy(struct mapcache *m)
{
	if (m == NULL)
		return;
	lpm_fini(&m->lpm);
	pool_fini(&m->items);
	pool_fini(&m->shares);
	index_fini(&m->by_vn);
	free(m->heap);
	free(m);
}

/* ---- shares ---- */

static uint64_t
share_hash(const struct mapcache *m, vn_id_t vn)
{
	return hash_bytes(&m->key, &vn, sizeof(vn));
}

static struct share *
share_get(struct mapcache *m, vn_id_t vn)
{
	uint64_t hash = share_hash(m, vn);
	struct share *s = (struct share *)index_at(&m->by_vn, hash);

	while (s != NULL && s->vn != vn)
		s = (struct share *)s->chain.next;
	if (s == NULL) {
		s = pool_take(&m->shares);
		/* There are as many as mappings. */
		BUG_IF(s == NULL);
		s->vn = vn;
		index_add(&m->by_vn, hash, &s->chain);
	}
	return s;
}

static void
share_leave(struct mapcache *m, struct item *item)
{
	struct share *s = item->share;

	link_take(&item->used);
	if (--s->count > 0)
		return;
	index_take(&m->by_vn, share_hash(m, s->vn), &s->chain);
	pool_give(&m->shares, s);
}

static void
item_free(struct mapcache *m, struct item *item)
{
	(void)lpm_remove(&m->lpm, item->mapping.vn, item->mapping.prefix);
	heap_take(m, item);
	share_leave(m, item);
	pool_give(&m->items, item);
}

/* The one of the share that has been unused for longest, fixed ones last.  What had packets since it
 * was looked at goes to the end of the ring instead, so each is looked at twice at most. */
static struct item *
share_oldest(struct share *s)
{
	for (size_t looked = 0; looked < 2 * s->count; looked++) {
		struct item *item = CONTAINER_OF(s->items.next, struct item, used);

		if (item->seen == item->mapping.packets && item->mapping.source != MAP_FIXED)
			return item;
		item->seen = item->mapping.packets;
		link_take(&item->used);
		link_add(&s->items, &item->used);
	}
	return NULL;
}

/* Makes room; false when nothing may go. */
static bool
evict(struct mapcache *m)
{
	struct share *most = NULL;
	struct item *item;

	for (size_t i = 0; i < m->shares.touched; i++) {
		struct share *s = pool_at(&m->shares, i);

		if (s->count > 0 && (most == NULL || s->count > most->count))
			most = s;
	}
	item = most != NULL ? share_oldest(most) : NULL;
	if (item == NULL)
		return false;
	m->has_evicted = true;
	m->evicted = item->mapping;
	item_free(m, item);
	return true;
}

/* ---- put ---- */

static struct item *
item_of(const struct mapping *mapping)
{
	return CONTAINER_OF((uintptr_t)mapping, struct item, mapping);
}

static struct item *
item_make(struct mapcache *m, const struct mapping *mapping)
{
	struct item *item = pool_take(&m->items);

	if (item == NULL && evict(m))
		item = pool_take(&m->items);
	if (item == NULL)
		return NULL;
	item->mapping.vn = mapping->vn;
	item->mapping.prefix = mapping->prefix;
	if (lpm_add(&m->lpm, mapping->vn, mapping->prefix, &item->mapping) != 0) {
		pool_give(&m->items, item);
		return NULL;
	}
	item->share = share_get(m, mapping->vn);
	item->share->count++;
	link_add(&item->share->items, &item->used);
	return item;
}

static bool
same_locators(const struct mapping *a, const struct mapping *b)
{
	if (a->count != b->count || (a->count == 0 && a->action != b->action))
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (!addr_equal(a->locators[i].rloc, b->locators[i].rloc) ||
		    a->locators[i].priority != b->locators[i].priority ||
		    a->locators[i].weight != b->locators[i].weight ||
		    a->locators[i].not_reachable != b->locators[i].not_reachable)
			return false;
	return true;
}

/* What is known of a locator beside its record. */
static void
keep_measured(struct map_locator *l, const struct mapping *before)
{
	l->silent = false;
	l->rtt = 0;
	l->packets = l->bytes = 0;
	for (unsigned i = 0; i < before->count; i++) {
		if (!addr_equal(before->locators[i].rloc, l->rloc))
			continue;
		l->silent = before->locators[i].silent;
		l->rtt = before->locators[i].rtt;
		l->packets = before->locators[i].packets;
		l->bytes = before->locators[i].bytes;
	}
}

/* When it is to be asked for again, of one that ends. */
static us_t
next_refresh(const struct mapping *m, us_t now)
{
	us_t last = m->expires - (m->ttl / 10 < MAP_REFRESH ? m->ttl / 10 : MAP_REFRESH);

	if (now >= last)
		return US_NEVER;
	return m->renew > 0 && m->renew < last - now ? now + m->renew : last;
}

enum map_fate
mapcache_put(struct mapcache *m, const struct mapping *mapping, us_t now)
{
	struct mapping *old = lpm_find_exact(&m->lpm, mapping->vn, mapping->prefix);
	struct item *item = old != NULL ? item_of(old) : NULL;
	struct mapping next = *mapping;
	enum map_fate fate = MAP_NEW;

	BUG_IF(mapping->count > MAP_LOCATORS_MAX);
	m->has_evicted = false;
	if (item != NULL && old->source == MAP_FIXED && mapping->source != MAP_FIXED)
		return MAP_REFUSED;
	if (item != NULL)
		fate = same_locators(old, mapping) ? MAP_SAME : MAP_CHANGED;
	else
		item = item_make(m, mapping);
	if (item == NULL)
		return MAP_REFUSED;
	for (unsigned i = 0; i < next.count; i++)
		keep_measured(&next.locators[i], &item->mapping);
	next.since = fate == MAP_NEW ? now : item->mapping.since;
	next.changed = fate == MAP_SAME ? item->mapping.changed : now;
	if (next.notice < item->mapping.notice)
		next.notice = item->mapping.notice;
	if (next.floor < item->mapping.floor)
		next.floor = item->mapping.floor;
	next.doubted = false;
	next.used = item->mapping.used;
	next.packets = item->mapping.packets;
	next.expires =
		next.source == MAP_FIXED || next.ttl >= US_NEVER - now ? US_NEVER : now + next.ttl;
	next.refresh = next.expires == US_NEVER ? US_NEVER : next_refresh(&next, now);
	item->mapping = next;
	heap_put(m, item);
	return fate;
}

void
mapcache_remove(struct mapcache *m, vn_id_t vn, struct prefix prefix)
{
	struct mapping *mapping = lpm_find_exact(&m->lpm, vn, prefix);

	if (mapping != NULL)
		item_free(m, item_of(mapping));
}

/* ---- find ---- */

struct mapping *
mapcache_find(const struct mapcache *m, vn_id_t vn, struct addr addr)
{
	return lpm_find(&m->lpm, vn, addr);
}

struct mapping *
mapcache_find_around(const struct mapcache *m, vn_id_t vn, struct prefix prefix)
{
	return lpm_find_around(&m->lpm, vn, prefix);
}

struct mapping *
mapcache_find_exact(const struct mapcache *m, vn_id_t vn, struct prefix prefix)
{
	return lpm_find_exact(&m->lpm, vn, prefix);
}

struct mapping *
mapcache_next(const struct mapcache *m, size_t *position)
{
	while (*position < m->items.touched) {
		struct item *item = pool_at(&m->items, (*position)++);

		if (item->share != NULL)
			return &item->mapping;
	}
	return NULL;
}

struct mapping *
mapcache_pending(const struct mapcache *m, us_t now)
{
	return m->heap_count > 0 && heap_due(m, 1) <= now ? &m->heap[1]->mapping : NULL;
}

void
mapcache_refreshed(struct mapcache *m, struct mapping *mapping, us_t now)
{
	mapping->refresh = next_refresh(mapping, now);
	heap_put(m, item_of(mapping));
}

us_t
mapcache_due(const struct mapcache *m)
{
	return m->heap_count > 0 ? heap_due(m, 1) : US_NEVER;
}

bool
mapcache_evicted(const struct mapcache *m, struct mapping *out)
{
	if (m->has_evicted)
		*out = m->evicted;
	return m->has_evicted;
}

size_t
mapcache_count(const struct mapcache *m)
{
	return m->items.count;
}

/* ---- locators ---- */

bool
map_locator_usable(const struct map_locator *l)
{
	return l->priority != MAP_PRIORITY_NEVER && !l->not_reachable && !l->silent;
}

int
mapping_choose(const struct mapping *mapping, uint32_t flow)
{
	unsigned best = MAP_PRIORITY_NEVER, weights = 0, sharers = 0, at;

	for (unsigned i = 0; i < mapping->count; i++) {
		const struct map_locator *l = &mapping->locators[i];

		if (!map_locator_usable(l) || l->priority > best)
			continue;
		if (l->priority < best) {
			best = l->priority;
			weights = sharers = 0;
		}
		weights += l->weight;
		sharers++;
	}
	if (sharers == 0)
		return -1;
	at = flow % (weights > 0 ? weights : sharers);
	for (unsigned i = 0; i < mapping->count; i++) {
		const struct map_locator *l = &mapping->locators[i];
		unsigned share = weights > 0 ? l->weight : 1;

		if (!map_locator_usable(l) || l->priority != best)
			continue;
		if (at < share)
			return (int)i;
		at -= share;
	}
	return -1;
}

void
mapping_count(struct mapping *mapping, int locator, size_t size, us_t now)
{
	mapping->used = now;
	mapping->packets++;
	if (locator < 0)
		return;
	mapping->locators[locator].packets++;
	mapping->locators[locator].bytes += size;
}
