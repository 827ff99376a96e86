/* GNDT: a hash of the host routes, and longest prefix match for the others.
 *
 * Host routes are the longest of all, so a hit in the hash is the answer; one that misses needs the
 * prefixes only, which are few.  A second trie holds the host routes too, for the order of walks.
 */
#include "tables/gndt.h"

#include <errno.h>

#include "tables/lpm.h"

#define BUCKETS_FIRST 64

struct item {
	struct gndt_route route;
	vn_id_t vn;
	uint64_t hash;
	struct item *next; /* in its bucket; host routes only */
};

/* The hash grows by one bucket per route (linear hashing), so that no put pays for all: buckets
 * below 'split' have been split in this round, 'round' is the number at its start. */
struct gndt {
	struct hash_key key;
	struct lpm prefixes;
	struct lpm hosts;
	struct item **bucket;
	size_t round; /* a power of two */
	size_t split;
	size_t room; /* buckets allocated */
};

static uint64_t
hash_host(const struct gndt *g, vn_id_t vn, const struct addr *addr)
{
	uint32_t head = vn << 8 | addr->family;
	uint8_t bytes[sizeof(head) + sizeof(addr->b)];

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), addr->b, sizeof(addr->b));
	return hash_bytes(&g->key, bytes, sizeof(head) + addr_size(addr->family));
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

static bool
is_host(const struct prefix *p)
{
	return p->len == addr_size(p->addr.family) * 8;
}

static struct item *
host_find(const struct gndt *g, vn_id_t vn, const struct addr *addr)
{
	uint64_t hash = hash_host(g, vn, addr);
	struct item *item = g->bucket[bucket_number(g, hash)];

	while (item != NULL && (item->hash != hash || item->vn != vn ||
				!addr_equal(item->route.prefix.addr, *addr)))
		item = item->next;
	return item;
}

static struct item *
find_exact(const struct gndt *g, vn_id_t vn, const struct prefix *prefix)
{
	if (is_host(prefix))
		return host_find(g, vn, &prefix->addr);
	return lpm_find_exact(&g->prefixes, vn, *prefix);
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
	if (g->bucket == NULL) {
		free(g);
		return NULL;
	}
	return g;
}

void
gndt_destroy(struct gndt *g)
{
	const struct lpm_node *n = NULL;

	if (g == NULL)
		return;
	while ((n = lpm_next(&g->prefixes, n)) != NULL)
		free(n->value);
	while ((n = lpm_next(&g->hosts, n)) != NULL)
		free(n->value);
	lpm_fini(&g->prefixes);
	lpm_fini(&g->hosts);
	free(g->bucket);
	free(g);
}

static int
put_new(struct gndt *g, vn_id_t vn, const struct gndt_route *route)
{
	bool host = is_host(&route->prefix);
	struct item *item;
	int err;

	if (gndt_count(g) >= GNDT_MAX)
		return -ENOSPC;
	item = calloc(1, sizeof(*item));
	if (item == NULL)
		return -ENOMEM;
	item->route = *route;
	item->vn = vn;
	err = lpm_add(host ? &g->hosts : &g->prefixes, vn, route->prefix, item);
	if (err != 0) {
		free(item);
		return err;
	}
	if (host) {
		struct item **bucket;

		if (g->hosts.count > g->round + g->split)
			grow(g);
		item->hash = hash_host(g, vn, &route->prefix.addr);
		bucket = &g->bucket[bucket_number(g, item->hash)];
		item->next = *bucket;
		*bucket = item;
	}
	return 0;
}

int
gndt_put(struct gndt *g, vn_id_t vn, const struct gndt_route *route)
{
	struct item *item = find_exact(g, vn, &route->prefix);

	if (item == NULL)
		return put_new(g, vn, route);
	if (!vr_id_equal(item->route.vr, route->vr) || item->route.slot != route->slot ||
	    item->route.origin != route->origin)
		item->route = *route;
	return 0;
}

void
gndt_remove(struct gndt *g, vn_id_t vn, struct prefix prefix)
{
	struct item *item;

	if (is_host(&prefix)) {
		struct item **link;

		item = lpm_remove(&g->hosts, vn, prefix);
		if (item == NULL)
			return;
		link = &g->bucket[bucket_number(g, item->hash)];
		while (*link != item)
			link = &(*link)->next;
		*link = item->next;
	} else {
		item = lpm_remove(&g->prefixes, vn, prefix);
		if (item == NULL)
			return;
	}
	free(item);
}

const struct gndt_route *
gndt_find(const struct gndt *g, vn_id_t vn, struct addr addr)
{
	const struct item *item = host_find(g, vn, &addr);

	if (item == NULL)
		item = lpm_find(&g->prefixes, vn, addr);
	return item == NULL ? NULL : &item->route;
}

const struct gndt_route *
gndt_find_exact(const struct gndt *g, vn_id_t vn, struct prefix prefix)
{
	const struct item *item = find_exact(g, vn, &prefix);

	return item == NULL ? NULL : &item->route;
}

size_t
gndt_count(const struct gndt *g)
{
	return g->prefixes.count + g->hosts.count;
}

const struct gndt_route *
gndt_next(const struct gndt *g, vn_id_t *vn, const struct prefix *after)
{
	const struct lpm_node *prefix =
		after == NULL ? lpm_next(&g->prefixes, NULL) : lpm_after(&g->prefixes, *vn, *after);
	const struct lpm_node *host =
		after == NULL ? lpm_next(&g->hosts, NULL) : lpm_after(&g->hosts, *vn, *after);
	const struct item *item;

	if (prefix == NULL && host == NULL)
		return NULL;
	if (prefix == NULL || (host != NULL && lpm_compare(host, prefix) < 0))
		item = host->value;
	else
		item = prefix->value;
	*vn = item->vn;
	return &item->route;
}
