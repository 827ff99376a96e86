/* From the heap when small, otherwise straight from the system. */
#include "lisp/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static int
is_large(size_t count, size_t item_size)
{
	return count > HUGE_PAGE / item_size;
}

void *
pages_create(size_t count, size_t item_size)
{
	void *pages;

	if (!is_large(count, item_size))
		return calloc(count, item_size);
	if (count > SIZE_MAX / item_size)
		return NULL;
	pages = mmap(NULL, count * item_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (pages == MAP_FAILED)
		return NULL;
	/* Only a wish: without huge pages everything works, slower. */
	(void)madvise(pages, count * item_size, MADV_HUGEPAGE);
	return pages;
}

void
pages_destroy(void *pages, size_t count, size_t item_size)
{
	if (pages == NULL)
		return;
	if (is_large(count, item_size))
		munmap(pages, count * item_size);
	else
		free(pages);
}
