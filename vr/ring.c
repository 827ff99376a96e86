/* A ring of messages between two threads: see ring.h. */
#include "vr/ring.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LINE 64

/* In front of each message. */
struct head {
	size_t size;
	bool is_gap; /* no message: the next one stands at the ring's beginning */
};

/* Positions count bytes since the start.  What the two threads write stands on lines of its own. */
struct ring {
	uint8_t *bytes;
	size_t size;
	/* The writer's. */
	alignas(LINE) _Atomic uint64_t written;
	uint64_t released_seen;
	/* The reader's. */
	alignas(LINE) _Atomic uint64_t released;
	uint64_t read;
};

static size_t
whole_lines(size_t size)
{
	return (size + LINE - 1) / LINE * LINE;
}

struct ring *
ring_create(size_t size)
{
	struct ring *r = aligned_alloc(LINE, whole_lines(sizeof(*r)));

	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->size = size;
	r->bytes = aligned_alloc(LINE, size);
	if (r->bytes == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
ring_destroy(struct ring *r)
{
	if (r == NULL)
		return;
	free(r->bytes);
	free(r);
}

static struct head *
head_at(struct ring *r, uint64_t position)
{
	return (struct head *)(void *)(r->bytes + (position & (r->size - 1)));
}

/* Are so many bytes free behind 'written'? */
static bool
has_room(struct ring *r, uint64_t written, size_t size)
{
	if (written + size - r->released_seen <= r->size)
		return true;
	r->released_seen = atomic_load_explicit(&r->released, memory_order_acquire);
	return written + size - r->released_seen <= r->size;
}

void *
ring_room(struct ring *r, size_t size)
{
	uint64_t written = atomic_load_explicit(&r->written, memory_order_relaxed);
	size_t need = LINE + whole_lines(size);
	size_t left = r->size - (size_t)(written & (r->size - 1));

	if (need > r->size / 2)
		return NULL;
	if (need > left) {
		if (!has_room(r, written, left + need))
			return NULL;
		*head_at(r, written) = (struct head){.size = left, .is_gap = true};
		written += left;
		atomic_store_explicit(&r->written, written, memory_order_release);
	}
	return has_room(r, written, need) ? (uint8_t *)head_at(r, written) + LINE : NULL;
}

void
ring_put(struct ring *r, size_t size)
{
	uint64_t written = atomic_load_explicit(&r->written, memory_order_relaxed);

	*head_at(r, written) = (struct head){.size = size};
	atomic_store_explicit(&r->written, written + LINE + whole_lines(size),
			      memory_order_release);
}

void *
ring_next(struct ring *r, size_t *size)
{
	uint64_t written = atomic_load_explicit(&r->written, memory_order_acquire);
	struct head *head;

	if (r->read < written && head_at(r, r->read)->is_gap)
		r->read += head_at(r, r->read)->size;
	if (r->read >= written)
		return NULL;
	head = head_at(r, r->read);
	*size = head->size;
	r->read += LINE + whole_lines(head->size);
	return (uint8_t *)head + LINE;
}

void
ring_release(struct ring *r)
{
	atomic_store_explicit(&r->released, r->read, memory_order_release);
}
