/* Memory of a structure at which readers without locks may look while it is taken out.
 *
 * Off (all bytes zero) what is taken out is free at once.  On, it is queued: the owner takes a
 * mark, waits until each reader has said that it holds nothing from before, and reclaims up to the
 * mark. */
#ifndef TABLES_RETIRE_H
#define TABLES_RETIRE_H

#include "base/err.h"
#include "base/types.h"
#include "tables/arena.h"

struct retired {
	void *block;
	size_t size; /* 0: it came from malloc() */
};

struct retire {
	struct arena arena;    /* where the parts come from */
	struct retired *queue; /* a ring of 'room' places, a power of two */
	size_t room;
	uint64_t head, tail; /* blocks freed and blocks queued since the start */
	bool on;
};

/* Makes sure that so many blocks can be retired before the next call: 0 or -ENOMEM.  Never fails
 * when off. */
MUST_USE int retire_reserve(struct retire *r, size_t count);
/* Takes the block, which came from malloc(), or NULL.  When on, room must be reserved. */
void retire_block(struct retire *r, void *block);
/* The same for a block of the arena and its size. */
void retire_part(struct retire *r, void *part, size_t size);
/* Frees what was queued when 'tail' was 'mark'. */
void retire_reclaim(struct retire *r, uint64_t mark);
/* Frees all that was retired; no reader and no part may be left. */
void retire_fini(struct retire *r);

#endif
