/* Chunks of one huge page, each with a bitmap in front which says where a free block begins and
 * where one ends, so that what is given back finds its neighbours. */
#include "tables/arena.h"

#include <sanitizer/asan_interface.h>

#include "tables/huge.h"

#define UNITS (HUGE_SIZE / ARENA_UNIT)

struct arena_chunk {
	struct arena_chunk *prev, *next;
	uint64_t ends[UNITS / 64]; /* the first and the last unit of each free block */
	uint64_t data[];
};

#define DATA_SIZE (HUGE_SIZE - sizeof(struct arena_chunk))

/* The start of a free block; its size stands in its last word too, which is the third of the
 * smallest block. */
struct arena_free {
	struct arena_free *prev, *next;
	size_t size;
};

_Static_assert(sizeof(struct arena_free) <= ARENA_BLOCK_MIN, "a free block has room for its list");

static struct arena_chunk *
chunk_of(const void *memory)
{
	return (struct arena_chunk *)((uintptr_t)memory & ~(uintptr_t)(HUGE_SIZE - 1));
}

static size_t
unit_of(const void *memory)
{
	return ((uintptr_t)memory & (HUGE_SIZE - 1)) / ARENA_UNIT;
}

static bool
is_end(const void *memory)
{
	size_t unit = unit_of(memory);

	return (chunk_of(memory)->ends[unit / 64] >> unit % 64 & 1) != 0;
}

static void
flip_end(const void *memory)
{
	size_t unit = unit_of(memory);

	chunk_of(memory)->ends[unit / 64] ^= UINT64_C(1) << unit % 64;
}

static unsigned char *
bytes_of(struct arena_free *free)
{
	return (unsigned char *)free;
}

static size_t *
last_word(struct arena_free *free, size_t size)
{
	return (size_t *)(void *)(bytes_of(free) + size - ARENA_UNIT);
}

static size_t
list_of(size_t size)
{
	size_t units = size / ARENA_UNIT;

	return units < ARENA_LISTS ? units : ARENA_LISTS - 1;
}

/* Under the address sanitizer nobody may touch free memory but for these words, which are used
 * here; otherwise this is nothing. */
static void
words_open(struct arena_free *free, size_t size)
{
	ASAN_UNPOISON_MEMORY_REGION(free, sizeof(*free));
	ASAN_UNPOISON_MEMORY_REGION(last_word(free, size), ARENA_UNIT);
}

static void
words_close(struct arena_free *free, size_t size)
{
	ASAN_POISON_MEMORY_REGION(free, sizeof(*free));
	ASAN_POISON_MEMORY_REGION(last_word(free, size), ARENA_UNIT);
}

static void
insert(struct arena *a, void *memory, size_t size)
{
	struct arena_free *free = memory;
	size_t list = list_of(size);

	words_open(free, size);
	*free = (struct arena_free){NULL, a->free[list], size};
	*last_word(free, size) = size;
	if (free->next != NULL)
		free->next->prev = free;
	a->free[list] = free;
	a->filled[list / 64] |= UINT64_C(1) << list % 64;
	flip_end(free);
	flip_end(last_word(free, size));
}

/* Returns its size. */
static size_t
take_out(struct arena *a, struct arena_free *free)
{
	size_t size = free->size, list = list_of(size);

	if (free->next != NULL)
		free->next->prev = free->prev;
	if (free->prev != NULL)
		free->prev->next = free->next;
	else
		a->free[list] = free->next;
	if (a->free[list] == NULL)
		a->filled[list / 64] &= ~(UINT64_C(1) << list % 64);
	flip_end(free);
	flip_end(last_word(free, size));
	words_close(free, size);
	return size;
}

/* The first list from this one on that has a block; ARENA_LISTS: none. */
static size_t
filled_from(const struct arena *a, size_t list)
{
	for (size_t word = list / 64; word < ARRAY_COUNT(a->filled); word++) {
		uint64_t filled = a->filled[word];

		if (word == list / 64)
			filled &= ~UINT64_C(0) << list % 64;
		if (filled != 0)
			return word * 64 + (size_t)__builtin_ctzll(filled);
	}
	return ARENA_LISTS;
}

/* A free block from which one of this size can be cut so that nothing or a block is left; NULL:
 * none. */
static struct arena_free *
find(const struct arena *a, size_t size)
{
	size_t list = size / ARENA_UNIT;

	if (a->free[list] == NULL)
		list = filled_from(a, list + ARENA_BLOCK_MIN / ARENA_UNIT);
	return list < ARENA_LISTS ? a->free[list] : NULL;
}

/* What is small stays small: only from the second on they are huge pages. */
static bool
chunk_add(struct arena *a)
{
	struct arena_chunk *chunk = aligned_alloc(HUGE_SIZE, HUGE_SIZE);

	if (chunk == NULL)
		return false;
	if (a->chunks != NULL)
		huge_advise(chunk, HUGE_SIZE);
	memset(chunk, 0, sizeof(*chunk));
	chunk->next = a->chunks;
	if (chunk->next != NULL)
		chunk->next->prev = chunk;
	a->chunks = chunk;
	a->memory += HUGE_SIZE;
	ASAN_POISON_MEMORY_REGION(chunk->data, DATA_SIZE);
	insert(a, chunk->data, DATA_SIZE);
	return true;
}

static void
chunk_drop(struct arena *a, struct arena_chunk *chunk)
{
	if (chunk->next != NULL)
		chunk->next->prev = chunk->prev;
	if (chunk->prev != NULL)
		chunk->prev->next = chunk->next;
	else
		a->chunks = chunk->next;
	a->memory -= HUGE_SIZE;
	ASAN_UNPOISON_MEMORY_REGION(chunk, HUGE_SIZE);
	free(chunk);
}

void *
arena_take(struct arena *a, size_t size)
{
	struct arena_free *free;
	size_t left;

	BUG_IF(size % ARENA_UNIT != 0 || size < ARENA_BLOCK_MIN || size > ARENA_BLOCK_MAX);
	free = find(a, size);
	if (free == NULL && chunk_add(a))
		free = find(a, size);
	if (free == NULL)
		return NULL;
	left = take_out(a, free) - size;
	if (left > 0)
		insert(a, bytes_of(free) + size, left);
	ASAN_UNPOISON_MEMORY_REGION(free, size);
	a->taken++;
	return free;
}

void
arena_give(struct arena *a, void *block, size_t size)
{
	struct arena_chunk *chunk = chunk_of(block);
	unsigned char *begin = block, *end = begin + size;

	BUG_IF(is_end(begin) || is_end(end - ARENA_UNIT));
	ASAN_POISON_MEMORY_REGION(block, size);
	if (end < (unsigned char *)chunk + HUGE_SIZE && is_end(end))
		end += take_out(a, (struct arena_free *)(void *)end);
	if (begin > (unsigned char *)chunk->data && is_end(begin - ARENA_UNIT)) {
		begin -= *(size_t *)(void *)(begin - ARENA_UNIT);
		(void)take_out(a, (struct arena_free *)(void *)begin);
	}
	a->taken--;
	if ((size_t)(end - begin) == DATA_SIZE)
		chunk_drop(a, chunk);
	else
		insert(a, begin, (size_t)(end - begin));
}
