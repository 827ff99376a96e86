/* By madvise(), for the whole pages of the memory. */
#include "tables/huge.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void
huge_advise(void *memory, size_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = ((uintptr_t)memory + page - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)memory + size) & ~(page - 1);

	if (end > first)
		(void)madvise((void *)first, end - first, MADV_HUGEPAGE);
}
