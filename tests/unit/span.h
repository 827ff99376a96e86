/* Heap copies of exact size, so that the address sanitizer sees a read of one byte too many. */
#ifndef TESTS_UNIT_SPAN_H
#define TESTS_UNIT_SPAN_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Freed by the caller.  A size of 0 gives a pointer that may not be read at all. */
static inline uint8_t *
span_copy(const void *bytes, size_t size)
{
	uint8_t *copy = malloc(size);

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, size);
	return copy;
}

/* xorshift64: the same numbers for the same seed everywhere; a seed of 0 is not allowed. */
static inline uint64_t
span_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
