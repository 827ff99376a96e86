/* Many runs of one function in several processes, counted so that none is lost: a process that dies
 * is found out, with the run that it died of, and what it did not come to counts as failed. */
#ifndef TESTS_SIM_JOBS_H
#define TESTS_SIM_JOBS_H

#include <stdio.h>

#include "base/types.h"

struct jobs {
	uint64_t seed; /* of the first run; the others count up from it */
	unsigned count;
	unsigned processes; /* 0: one */
	/* One run.  False when something is wrong: '*why' (of 'size' bytes) says what. */
	bool (*run)(const void *arg, uint64_t seed, char *why, size_t size);
	const void *arg;
	FILE *out; /* who failed, and how to repeat it */
};

/* Runs them all; how many failed.  A single run is in this process, for debuggers. */
unsigned jobs_run(const struct jobs *jobs);

#endif
