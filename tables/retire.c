/* A ring of blocks in the order in which they were retired. */
#include "tables/retire.h"

#include <errno.h>

#define ROOM_FIRST 64

int
retire_reserve(struct retire *r, size_t count)
{
	size_t room = r->room == 0 ? ROOM_FIRST : r->room;
	size_t queued = (size_t)(r->tail - r->head);
	void **queue;

	if (!r->on || queued + count <= r->room)
		return 0;
	while (room < queued + count)
		room *= 2;
	queue = malloc(room * sizeof(void *));
	if (queue == NULL)
		return -ENOMEM;
	for (uint64_t i = r->head; i != r->tail; i++)
		queue[i & (room - 1)] = r->queue[i & (r->room - 1)];
	free(r->queue);
	r->queue = queue;
	r->room = room;
	return 0;
}

void
retire_block(struct retire *r, void *block)
{
	if (block == NULL)
		return;
	if (!r->on) {
		free(block);
		return;
	}
	BUG_IF(r->tail - r->head >= r->room);
	r->queue[r->tail++ & (r->room - 1)] = block;
}

void
retire_reclaim(struct retire *r, uint64_t mark)
{
	BUG_IF(mark > r->tail);
	while (r->head < mark)
		free(r->queue[r->head++ & (r->room - 1)]);
}

void
retire_fini(struct retire *r)
{
	retire_reclaim(r, r->tail);
	free(r->queue);
	*r = (struct retire){0};
}
