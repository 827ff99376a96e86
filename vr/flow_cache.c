/* One worker's decisions: see flow_cache.h. */
#include "vr/flow_cache.h"

#include <stdlib.h>

struct flow_cache {
	struct hash_key key;
	uint8_t next[FLOW_CACHE_SETS]; /* who goes from a full set */
	struct flow flows[FLOW_CACHE_SETS][FLOW_CACHE_WAYS];
};

struct flow_cache *
flow_cache_create(struct hash_key key)
{
	struct flow_cache *c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->key = key;
	return c;
}

void
flow_cache_destroy(struct flow_cache *c)
{
	free(c);
}

static size_t
set_of(const struct flow_cache *c, const struct flow_key *key)
{
	return hash_bytes(&c->key, key, sizeof(*key)) % FLOW_CACHE_SETS;
}

struct flow *
flow_cache_find(struct flow_cache *c, const struct flow_key *key, uint64_t epoch)
{
	struct flow *set = c->flows[set_of(c, key)];

	for (size_t i = 0; i < FLOW_CACHE_WAYS; i++)
		if (set[i].epoch == epoch && memcmp(&set[i].key, key, sizeof(*key)) == 0)
			return &set[i];
	return NULL;
}

void
flow_cache_put(struct flow_cache *c, const struct flow *flow)
{
	size_t number = set_of(c, &flow->key);
	struct flow *set = c->flows[number], *place = NULL;

	for (size_t i = 0; i < FLOW_CACHE_WAYS; i++) {
		if (set[i].epoch != 0 && memcmp(&set[i].key, &flow->key, sizeof(flow->key)) == 0) {
			place = &set[i];
			break;
		}
		if (set[i].epoch != flow->epoch)
			place = &set[i];
	}
	if (place == NULL)
		place = &set[c->next[number]++ % FLOW_CACHE_WAYS];
	*place = *flow;
}
