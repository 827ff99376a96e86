/* Parts for tables of a fixed size: a pool of equal items, hash buckets, and ordered lists.
 *
 * All memory is asked for once, when the table is made, and the system hands out its pages as they
 * are first used: a large limit costs nothing until it is needed, and no later call can fail for
 * lack of memory.  Items never change their place. */
#ifndef TABLES_POOL_H
#define TABLES_POOL_H

#include "base/err.h"
#include "base/types.h"

/* First member of every item of a pool: links the free items, or those of one hash bucket. */
struct chain {
	struct chain *next;
};

struct pool {
	unsigned char *items;
	size_t item_size;
	size_t max;
	size_t touched; /* items that were ever taken: the others are still zero */
	size_t count;   /* items taken now */
	struct chain *free;
};

/* 0 or -ENOMEM. */
MUST_USE int pool_init(struct pool *pool, size_t max, size_t item_size);
void pool_fini(struct pool *pool);
/* A zeroed item, or NULL when all are taken. */
void *pool_take(struct pool *pool);
/* Zeroes the item, but for its chain. */
void pool_give(struct pool *pool, void *item);
/* Item by number, below 'touched'; taken or not. */
void *pool_at(const struct pool *pool, size_t number);

/* Buckets of chained items.  The caller computes the hashes and compares the keys. */
struct index {
	struct chain **bucket;
	uint64_t mask;
};

/* Room for about 'count' items; 0 or -ENOMEM. */
MUST_USE int index_init(struct index *index, size_t count);
void index_fini(struct index *index);

static inline struct chain *
index_at(const struct index *index, uint64_t hash)
{
	return index->bucket[hash & index->mask];
}

void index_add(struct index *index, uint64_t hash, struct chain *item);
/* The item must be there. */
void index_take(struct index *index, uint64_t hash, struct chain *item);

/* Ring through a head and its members.  All bytes zero is an empty head, and a member of no ring. */
struct link {
	struct link *prev;
	struct link *next;
};

bool link_is_empty(const struct link *head);
/* As the last of the ring. */
void link_add(struct link *head, struct link *member);
/* No-op for a member of no ring. */
void link_take(struct link *member);

#define CONTAINER_OF(pointer, type, member)                                                        \
	((type *)(void *)((unsigned char *)(pointer)-offsetof(type, member)))

#endif
