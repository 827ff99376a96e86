/* Seconds of a clock, for what the benchmarks measure. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <time.h>

static inline double
clock_seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Of the wall, which nobody sets. */
static inline double
seconds(void)
{
	return clock_seconds(CLOCK_MONOTONIC);
}

#endif
