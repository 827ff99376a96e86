/* The checksummable stream of the lab: what the guest sends and the probes expect.
 *
 * A seed gives an endless pseudo-random sequence of 64-bit words, sent in network order.  Both ends
 * make it themselves, so every byte can be compared as it arrives; the sender ends with a trailer
 * that holds the number of bytes and a hash over them. */
#ifndef LAB_STREAM_H
#define LAB_STREAM_H

#include <stddef.h>
#include <stdint.h>

#define STREAM_TRAILER_SIZE 16
#define STREAM_PORT         5001 /* TCP downloads */
#define ECHO_PORT           5002 /* UDP echo */

struct stream {
	uint64_t state;
	uint64_t hash;
	uint64_t bytes; /* always a multiple of 8 */
};

static inline void
stream_init(struct stream *s, uint64_t seed)
{
	s->state = seed ? seed : 1;
	s->hash = 0xcbf29ce484222325u;
	s->bytes = 0;
}

/* The next word: xorshift64*, folded into the hash. */
static inline uint64_t
stream_next(struct stream *s)
{
	uint64_t x = s->state, word;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	s->state = x;
	word = x * 0x2545f4914f6cdd1du;
	s->hash = (s->hash ^ word) * 0x100000001b3u;
	s->bytes += 8;
	return word;
}

static inline void
stream_store(uint8_t *at, uint64_t word)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(word >> (56 - 8 * i));
}

static inline uint64_t
stream_load(const uint8_t *at)
{
	uint64_t word = 0;

	for (int i = 0; i < 8; i++)
		word = word << 8 | at[i];
	return word;
}

/* 'size' must be a multiple of 8. */
static inline void
stream_fill(struct stream *s, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i += 8)
		stream_store(out + i, stream_next(s));
}

#endif
