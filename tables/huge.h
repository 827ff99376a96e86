/* Large memory that is read at random: with huge pages a read waits for its cache line only, not
 * for the page table too. */
#ifndef TABLES_HUGE_H
#define TABLES_HUGE_H

#include <stddef.h>

/* Of the huge pages of most systems. */
#define HUGE_SIZE ((size_t)2 << 20)

/* A wish, for memory that has just been allocated; without effect where the system has no huge
 * pages or the memory is smaller than one. */
void huge_advise(void *memory, size_t size);

#endif
