/* A token bucket that is one time stamp: so many tokens at once, and one more per interval. */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include "base/types.h"

/* Zero: full. */
struct bucket {
	us_t full_at; /* when it will be full again */
};

/* Takes a token out of the bucket if there is one. */
static inline bool
bucket_take(struct bucket *b, us_t interval, unsigned burst, us_t now)
{
	us_t start = b->full_at > now ? b->full_at : now;

	if (start + interval - now > interval * (us_t)burst)
		return false;
	b->full_at = start + interval;
	return true;
}

#endif
