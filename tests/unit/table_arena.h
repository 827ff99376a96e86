/* An arena whose every block is an allocation of its own, in place of tables/arena.c: each of them can
 * fail, and the address sanitizer sees where it begins, where it ends and when it is gone.  After
 * tests/unit/table_memory.h. */
#ifndef TESTS_UNIT_TABLE_ARENA_H
#define TESTS_UNIT_TABLE_ARENA_H

#include "tables/arena.h"

void *
arena_take(struct arena *a, size_t size)
{
	void *block = malloc(size);

	a->taken += block != NULL;
	return block;
}

void
arena_give(struct arena *a, void *block, size_t size)
{
	(void)size;
	free(block);
	a->taken--;
}

#endif
