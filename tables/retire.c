/* A ring of blocks in the order in which they were retired. */
#include "tables/retire.h"

#include <errno.h>

#define ROOM_FIRST 64

int
retire_reserve(struct retire *r, size_t count)
{
	size_t room = r->room == 0 ? ROOM_FIRST : r->room;
	size_t queued = (size_t)(r->tail - r->head);
	struct retired *queue;

	if (!r->on || queued + count <= r->room)
		return 0;
	while (room < queued + count)
		room *= 2;
	queue = malloc(room * sizeof(*queue));
	if (queue == NULL)
		return -ENOMEM;
	for (uint64_t i = r->head; i != r->tail; i++)
		queue[i & (room - 1)] = r->queue[i & (r->room - 1)];
	free(r->queue);
	r->queue = queue;
	r->room = room;
	return 0;
}

static void
release(struct retire *r, struct retired retired)
{
	if (retired.size == 0)
		free(retired.block);
	else
		arena_give(&r->arena, retired.block, retired.size);
}

static void
retire(struct retire *r, struct retired retired)
{
	if (!r->on) {
		release(r, retired);
		return;
	}
	BUG_IF(r->tail - r->head >= r->room);
	r->queue[r->tail++ & (r->room - 1)] = retired;
}

void
retire_block(struct retire *r, void *block)
{
	if (block != NULL)
		retire(r, (struct retired){block, 0});
}

void
retire_part(struct retire *r, void *part, size_t size)
{
	retire(r, (struct retired){part, size});
}

void
retire_reclaim(struct retire *r, uint64_t mark)
{
	BUG_IF(mark > r->tail);
	while (r->head < mark)
		release(r, r->queue[r->head++ & (r->room - 1)]);
}

void
retire_fini(struct retire *r)
{
	retire_reclaim(r, r->tail);
	BUG_IF(r->arena.taken != 0);
	free(r->queue);
	*r = (struct retire){0};
}
