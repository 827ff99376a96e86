/* Memory for many small blocks which are read at random: it is in huge pages, and what has been
 * given back side by side is one block again, so that blocks that grow leave no holes.  The owner
 * knows how large each block is; nothing stands in front of it. */
#ifndef TABLES_ARENA_H
#define TABLES_ARENA_H

#include "base/err.h"
#include "base/types.h"

/* A block is a multiple of ARENA_UNIT long, and aligned to it. */
#define ARENA_UNIT      8
#define ARENA_BLOCK_MIN 24
#define ARENA_BLOCK_MAX 1056

/* Lists of free blocks by their size in units; the last has all that are larger, each of which
 * leaves a block when the largest is cut off. */
#define ARENA_LISTS ((ARENA_BLOCK_MAX + ARENA_BLOCK_MIN) / ARENA_UNIT + 1)

struct arena_chunk;
struct arena_free;

/* All bytes zero: empty.  There is no memory while no block is taken. */
struct arena {
	struct arena_chunk *chunks;
	size_t memory; /* bytes of all chunks */
	size_t taken;  /* blocks */
	struct arena_free *free[ARENA_LISTS];
	uint64_t filled[(ARENA_LISTS + 63) / 64]; /* which of these lists have a block */
};

/* A block with any content, or NULL: no memory. */
void *arena_take(struct arena *a, size_t size);
/* Takes back a block of this size. */
void arena_give(struct arena *a, void *block, size_t size);

#endif
