/* What is under way in the simulated network, earliest first. */
#ifndef TESTS_UNIT_SESSION_QUEUE_H
#define TESTS_UNIT_SESSION_QUEUE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/types.h"

#define SIM_QUEUE_MAX 200000

struct sim_event {
	us_t at;
	uint64_t order; /* settles equal times */
	struct endpoint from, to;
	unsigned stream; /* not a datagram: of this stream; 0: a datagram */
	bool forth;      /* from who opened the stream */
	uint16_t size;
	uint8_t *data;
};

struct sim_queue {
	struct sim_event *heap; /* SIM_QUEUE_MAX */
	size_t count;
};

static inline bool
event_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void
sim_queue_put(struct sim_queue *q, struct sim_event e)
{
	size_t i = q->count++;

	assert_true(i < SIM_QUEUE_MAX);
	for (; i > 0 && event_before(&e, &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		q->heap[i] = q->heap[(i - 1) / 2];
	q->heap[i] = e;
}

static inline struct sim_event
sim_queue_take(struct sim_queue *q)
{
	struct sim_event first = q->heap[0], last = q->heap[--q->count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= q->count)
			break;
		if (child + 1 < q->count && event_before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (!event_before(&q->heap[child], &last))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	if (q->count > 0)
		q->heap[i] = last;
	return first;
}

#endif
