/* Allocations that can be made to fail, and random numbers that repeat, for the tests of tables.
 *
 * A test that includes this and then the tables' .c files makes their calloc(), malloc() and
 * realloc() count down; the functions are then the test's own and not those of the library. */
#ifndef TESTS_UNIT_TABLE_MEMORY_H
#define TESTS_UNIT_TABLE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEMORY_ALL SIZE_MAX

static size_t memory_left = MEMORY_ALL;

/* From here on 'count' allocations succeed and then all fail. */
static inline void
memory_allow(size_t count)
{
	memory_left = count;
}

static inline bool
memory_take(void)
{
	if (memory_left == MEMORY_ALL)
		return true;
	if (memory_left == 0)
		return false;
	memory_left--;
	return true;
}

static inline void *
test_table_calloc(size_t count, size_t size)
{
	return memory_take() ? calloc(count, size) : NULL;
}

static inline void *
test_table_realloc(void *old, size_t size)
{
	return memory_take() ? realloc(old, size) : NULL;
}

#define calloc(count, size) test_table_calloc(count, size)
#define realloc(old, size)  test_table_realloc(old, size)
#define malloc(size)        test_table_realloc(NULL, size)

/* xorshift64*: the same numbers for the same seed everywhere. */
struct random {
	uint64_t state;
};

static inline uint64_t
random_next(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 to 'limit' - 1. */
static inline size_t
random_below(struct random *r, size_t limit)
{
	return (size_t)((random_next(r) >> 11) % limit);
}

/* The seed is TEST_SEED of the environment or new each time, and printed.  What a test before,
 * which failed, left of memory is not this one's. */
static inline struct random
random_start(const char *test)
{
	const char *text = getenv("TEST_SEED");
	struct timespec now;
	struct random r;

	memory_allow(MEMORY_ALL);
	clock_gettime(CLOCK_REALTIME, &now);
	r.state = text != NULL ? strtoull(text, NULL, 0)
			       : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
	r.state |= 1;
	printf("%s: TEST_SEED=%llu\n", test, (unsigned long long)r.state);
	return r;
}

#endif
