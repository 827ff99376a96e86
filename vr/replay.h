/* Window against replayed records (RFC 6479): a ring of words, advanced without shifting.
 *
 * A record is accepted once, and only when it is at most REPLAY_WINDOW behind the newest.  The
 * window is wide because whole batches can overtake each other on the way, and control all data
 * that
 * waits in the receive buffer (vr/udp.c). */
#ifndef VR_REPLAY_H
#define VR_REPLAY_H

#include "base/types.h"

#define REPLAY_WORDS  1024 /* a power of two */
#define REPLAY_WINDOW ((REPLAY_WORDS - 1) * 64)

struct replay {
	uint64_t next; /* one more than the newest counter that was accepted */
	uint64_t words[REPLAY_WORDS];
};

/* True when the counter was not accepted before and is not too old.  Changes nothing. */
static inline bool
replay_fresh(const struct replay *r, uint64_t counter)
{
	if (counter == UINT64_MAX)
		return false;
	if (counter >= r->next)
		return true;
	if (r->next - counter > REPLAY_WINDOW)
		return false;
	return (r->words[counter / 64 % REPLAY_WORDS] >> counter % 64 & 1) == 0;
}

/* Marks a fresh counter as accepted, after the record was authenticated.  True when it is the
 * newest so far. */
static inline bool
replay_accept(struct replay *r, uint64_t counter)
{
	bool newest = counter >= r->next;

	if (newest) {
		uint64_t word = r->next == 0 ? 0 : (r->next - 1) / 64;
		uint64_t ahead = counter / 64 - word;

		if (ahead > REPLAY_WORDS)
			ahead = REPLAY_WORDS;
		for (uint64_t i = 1; i <= ahead; i++)
			r->words[(word + i) % REPLAY_WORDS] = 0;
		r->next = counter + 1;
	}
	r->words[counter / 64 % REPLAY_WORDS] |= (uint64_t)1 << counter % 64;
	return newest;
}

#endif
