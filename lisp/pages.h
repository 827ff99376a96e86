/* Large arrays whose memory the system hands out as it is first used, in huge pages where it has
 * them: a table of a million rows is read at random, and with small pages the translation of each
 * address costs as much as the access itself. */
#ifndef LISP_PAGES_H
#define LISP_PAGES_H

#include <stddef.h>

/* Zeroed room for 'count' items, at a multiple of 64 when it is large; NULL when memory is short. */
void *pages_create(size_t count, size_t item_size);
/* With the same sizes.  NULL is no-op. */
void pages_destroy(void *pages, size_t count, size_t item_size);

#endif
