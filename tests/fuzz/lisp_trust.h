/* What a LISP server under test is given for its keys: all authentication data is right, or all is wrong, as the input wants.
 * No fuzzer finds a hash by itself. */
#ifndef TESTS_FUZZ_LISP_TRUST_H
#define TESTS_FUZZ_LISP_TRUST_H

#include "lisp/io.h"

/* What the 'ctx' of these functions of struct lisp_io begins with. */
struct trust {
	bool believes;
	uint8_t random;
};

/* The first byte of the key, mixed with all that is hashed: it must be there to be read. */
void trust_hmac(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size,
		const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out);
/* 'believes', whatever is compared. */
bool trust_equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t size);
/* All bytes are one more than the last time. */
int trust_random(void *ctx, void *bytes, size_t size);
/* Nothing is kept. */
void trust_persist(void *ctx);

#endif
