/* Random schedules: fifty and more routers, machines that move, routers that die and come back,
 * partitions, and a network that loses, repeats and reorders; then quiet, then the invariants. */
#ifndef TESTS_SIM_RANDOM_H
#define TESTS_SIM_RANDOM_H

#include "base/types.h"

/* One schedule.  False when an invariant does not hold: '*why' (of 'size' bytes) says which. */
bool random_schedule(uint64_t seed, bool trace, char *why, size_t size);
/* Runs schedules 'seed', 'seed' + 1 ... in so many processes; the number of those that failed, died
 * or were not run because another died. */
unsigned random_run(uint64_t seed, unsigned count, unsigned processes, bool trace);

#endif
