/* Pools, buckets and rings: the parts that bounded tables are made of. */
#include "tables/pool.h"

#include <errno.h>

int
pool_init(struct pool *pool, size_t max, size_t item_size)
{
	*pool = (struct pool){.item_size = item_size, .max = max};
	pool->items = calloc(max + 1, item_size);
	return pool->items == NULL ? -ENOMEM : 0;
}

void
pool_fini(struct pool *pool)
{
	free(pool->items);
	*pool = (struct pool){0};
}

void *
pool_take(struct pool *pool)
{
	struct chain *item = pool->free;

	if (item != NULL) {
		pool->free = item->next;
		item->next = NULL;
	} else if (pool->touched < pool->max) {
		item = pool_at(pool, pool->touched++);
	} else {
		return NULL;
	}
	pool->count++;
	return item;
}

void
pool_give(struct pool *pool, void *item)
{
	struct chain *chain = item;

	memset(item, 0, pool->item_size);
	chain->next = pool->free;
	pool->free = chain;
	pool->count--;
}

void *
pool_at(const struct pool *pool, size_t number)
{
	return pool->items + number * pool->item_size;
}

int
index_init(struct index *index, size_t count)
{
	size_t size = 1;

	while (size < count && size <= SIZE_MAX / 2)
		size *= 2;
	index->mask = size - 1;
	index->bucket = calloc(size, sizeof(struct chain *));
	return index->bucket == NULL ? -ENOMEM : 0;
}

void
index_fini(struct index *index)
{
	free(index->bucket);
	*index = (struct index){0};
}

void
index_add(struct index *index, uint64_t hash, struct chain *item)
{
	struct chain **bucket = &index->bucket[hash & index->mask];

	item->next = *bucket;
	*bucket = item;
}

void
index_take(struct index *index, uint64_t hash, struct chain *item)
{
	struct chain **at = &index->bucket[hash & index->mask];

	while (*at != item) {
		BUG_IF(*at == NULL);
		at = &(*at)->next;
	}
	*at = item->next;
	item->next = NULL;
}

bool
link_is_empty(const struct link *head)
{
	return head->next == NULL || head->next == head;
}

void
link_add(struct link *head, struct link *member)
{
	if (head->next == NULL)
		head->prev = head->next = head;
	member->prev = head->prev;
	member->next = head;
	head->prev->next = member;
	head->prev = member;
}

void
link_take(struct link *member)
{
	if (member->next == NULL)
		return;
	member->prev->next = member->next;
	member->next->prev = member->prev;
	*member = (struct link){0};
}
