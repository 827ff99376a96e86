/* Blocks of many sizes: none lies in another, none is touched by others, what is free side by side
 * is one block, and all memory goes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/table_memory.h"

/* Chunks can be made to fail, too. */
static void *
test_aligned_alloc(size_t alignment, size_t size)
{
	return memory_take() ? aligned_alloc(alignment, size) : NULL;
}

#define aligned_alloc test_aligned_alloc
#include "tables/arena.c"

#define BLOCKS 4096

struct block {
	unsigned char *bytes; /* all of them are 'mark' */
	size_t size;
	unsigned char mark;
};

static size_t
random_size(struct random *r)
{
	size_t sizes = (ARENA_BLOCK_MAX - ARENA_BLOCK_MIN) / ARENA_UNIT + 1;

	/* Small ones are the most. */
	return ARENA_BLOCK_MIN + ARENA_UNIT * random_below(r, 1 + random_below(r, sizes));
}

static struct block
take(struct arena *a, size_t size, unsigned char mark)
{
	struct block b = {arena_take(a, size), size, mark};

	assert_non_null(b.bytes);
	assert_int_equal((uintptr_t)b.bytes % ARENA_UNIT, 0);
	memset(b.bytes, b.mark, b.size);
	return b;
}

static void
give(struct arena *a, const struct block *b)
{
	for (size_t i = 0; i < b->size; i++)
		assert_int_equal(b->bytes[i], b->mark);
	arena_give(a, b->bytes, b->size);
}

/* Walks the lists: each block is where it belongs, and none has a free neighbour.  Returns what is
 * free. */
static size_t
check_free(const struct arena *a)
{
	size_t sum = 0;

	for (size_t list = 0; list < ARENA_LISTS; list++) {
		const struct arena_free *prev = NULL;

		assert_int_equal(a->filled[list / 64] >> list % 64 & 1, a->free[list] != NULL);
		for (struct arena_free *f = a->free[list]; f != NULL; f = f->next) {
			unsigned char *begin = bytes_of(f), *end = begin + f->size;
			struct arena_chunk *chunk = chunk_of(f);

			assert_ptr_equal(f->prev, prev);
			assert_int_equal(list_of(f->size), list);
			assert_int_equal(*last_word(f, f->size), f->size);
			assert_true(is_end(begin) && is_end(end - ARENA_UNIT));
			assert_true(begin == (unsigned char *)chunk->data ||
				    !is_end(begin - ARENA_UNIT));
			assert_true(end == (unsigned char *)chunk + HUGE_SIZE || !is_end(end));
			sum += f->size;
			prev = f;
		}
	}
	return sum;
}

static void
blocks_keep_what_is_written_into_them(void **state)
{
	static struct block blocks[BLOCKS];
	struct random r = random_start("blocks_keep_what_is_written_into_them");
	struct arena a = {0};
	size_t count = 0, size = 0, chunks;

	(void)state;
	for (size_t step = 0; step < 100000; step++) {
		bool filling = step / (2 * BLOCKS) % 2 == 0;
		size_t at;

		if (count == 0 || (count < BLOCKS && random_below(&r, 4) < (filling ? 3 : 1))) {
			blocks[count] = take(&a, random_size(&r), (unsigned char)step);
			size += blocks[count++].size;
		} else {
			at = random_below(&r, count);
			give(&a, &blocks[at]);
			size -= blocks[at].size;
			blocks[at] = blocks[--count];
		}
		assert_int_equal(a.taken, count);
		if (step % 64 != 0)
			continue;
		chunks = a.memory / HUGE_SIZE;
		assert_int_equal(check_free(&a) + size, chunks * DATA_SIZE);
	}
	while (count > 0)
		give(&a, &blocks[--count]);
	assert_int_equal(a.memory, 0);
	assert_null(a.chunks);
	assert_int_equal(check_free(&a), 0);
}

/* As the nodes of a table do: each block is replaced by one that is a little larger. */
static void
blocks_that_grow_leave_no_holes(void **state)
{
	static struct block blocks[BLOCKS];
	struct random r = random_start("blocks_that_grow_leave_no_holes");
	struct arena a = {0};
	size_t size = 0;

	(void)state;
	for (size_t i = 0; i < BLOCKS; i++)
		blocks[i] = take(&a, ARENA_BLOCK_MIN, (unsigned char)i);
	while (size < BLOCKS * 400) {
		size_t at = random_below(&r, BLOCKS);
		struct block larger;

		if (blocks[at].size == ARENA_BLOCK_MAX)
			continue;
		larger = take(&a, blocks[at].size + ARENA_UNIT, (unsigned char)at);
		give(&a, &blocks[at]);
		blocks[at] = larger;
		size += ARENA_UNIT;
	}
	size += BLOCKS * ARENA_BLOCK_MIN;
	assert_in_range(a.memory, size, size + size / 5 + HUGE_SIZE);
	for (size_t i = 0; i < BLOCKS; i++)
		give(&a, &blocks[i]);
	assert_int_equal(a.memory, 0);
}

static void
a_free_chunk_goes_back(void **state)
{
	enum { COUNT = 8192 };
	static void *blocks[COUNT];
	struct arena a = {0};
	size_t most;

	(void)state;
	memory_allow(MEMORY_ALL);
	for (size_t i = 0; i < COUNT; i++) {
		blocks[i] = arena_take(&a, ARENA_BLOCK_MAX);
		assert_non_null(blocks[i]);
	}
	most = a.memory;
	assert_in_range(most, COUNT * ARENA_BLOCK_MAX, COUNT * ARENA_BLOCK_MAX + 2 * HUGE_SIZE);
	assert_int_equal((uintptr_t)a.chunks % HUGE_SIZE, 0);
	for (size_t i = 0; i < COUNT / 2; i++)
		arena_give(&a, blocks[i], ARENA_BLOCK_MAX);
	assert_in_range(a.memory, most / 2, most / 2 + HUGE_SIZE);
	for (size_t i = COUNT / 2; i < COUNT; i++)
		arena_give(&a, blocks[i], ARENA_BLOCK_MAX);
	assert_int_equal(a.memory, 0);
	assert_null(a.chunks);
}

static void
without_memory_nothing_changes(void **state)
{
	struct arena a = {0};
	size_t count = 0;
	void *first = NULL;

	(void)state;
	memory_allow(0);
	assert_null(arena_take(&a, ARENA_BLOCK_MAX));
	assert_int_equal(a.memory, 0);
	memory_allow(1);
	for (void **b = arena_take(&a, 512); b != NULL; b = arena_take(&a, 512)) {
		*b = first;
		first = b;
		count++;
	}
	assert_int_equal(count, DATA_SIZE / 512);
	assert_int_equal(a.taken, count);
	assert_int_equal(check_free(&a), DATA_SIZE % 512);
	memory_allow(MEMORY_ALL);
	while (first != NULL) {
		void *next = *(void **)first;

		arena_give(&a, first, 512);
		first = next;
	}
	assert_int_equal(a.memory, 0);
}

static void
the_sanitizer_knows_what_is_taken(void **state)
{
	struct arena a = {0};
	unsigned char *kept, *block;

	(void)state;
	memory_allow(MEMORY_ALL);
	kept = arena_take(&a, 64);
	block = arena_take(&a, 64);
	assert_int_equal(__asan_address_is_poisoned(block + 63), 0);
	assert_int_not_equal(__asan_address_is_poisoned(block + 64 + ARENA_BLOCK_MIN), 0);
	arena_give(&a, block, 64);
	assert_int_not_equal(__asan_address_is_poisoned(block + ARENA_BLOCK_MIN), 0);
	assert_int_not_equal(__asan_address_is_poisoned(block + 63), 0);
	assert_ptr_equal(arena_take(&a, 64), block);
	assert_int_equal(__asan_address_is_poisoned(block), 0);
	assert_int_equal(__asan_address_is_poisoned(block + 63), 0);
	arena_give(&a, block, 64);
	arena_give(&a, kept, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_keep_what_is_written_into_them),
		cmocka_unit_test(blocks_that_grow_leave_no_holes),
		cmocka_unit_test(a_free_chunk_goes_back),
		cmocka_unit_test(without_memory_nothing_changes),
		cmocka_unit_test(the_sanitizer_knows_what_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
