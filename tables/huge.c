/* By mmap() and madvise(), for the whole pages of the memory. */
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

void *
huge_alloc(size_t size)
{
	/* More, so that a part of it begins where a huge page may; the rest is given back. */
	void *all = mmap(NULL, size + HUGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *memory;
	size_t before;

	if (all == MAP_FAILED)
		return NULL;
	before = (HUGE_SIZE - (uintptr_t)all % HUGE_SIZE) % HUGE_SIZE;
	memory = (unsigned char *)all + before;
	if (before != 0)
		(void)munmap(all, before);
	(void)munmap(memory + size, HUGE_SIZE - before);
	return memory;
}

void
huge_free(void *memory, size_t size)
{
	(void)munmap(memory, size);
}
