/* Memory of this process, for what the benchmarks measure. */
#ifndef BENCH_RESIDENT_H
#define BENCH_RESIDENT_H

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"

/* Bytes that are resident. */
static inline size_t
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	size_t pages = 0;

	BUG_IF(f == NULL || fscanf(f, "%*s %zu", &pages) != 1);
	(void)fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#endif
