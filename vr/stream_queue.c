/* A ring of bytes that measures its own rate. */
#include "vr/stream_queue.h"

#include <errno.h>
#include <stdlib.h>

/* A few bytes say more about when the socket woke up than about its rate. */
#define PATH_MIN 8192

void
stream_queue_fini(struct stream_queue *q)
{
	free(q->data);
	*q = (struct stream_queue){.data = NULL};
}

int
stream_queue_spans(const struct stream_queue *q, struct iovec spans[2])
{
	size_t first = q->room - q->start < q->used ? q->room - q->start : q->used;

	if (q->used == 0)
		return 0;
	spans[0] = (struct iovec){.iov_base = q->data + q->start, .iov_len = first};
	spans[1] = (struct iovec){.iov_base = q->data, .iov_len = q->used - first};
	return first < q->used ? 2 : 1;
}

int
stream_queue_reserve(struct stream_queue *q, size_t room)
{
	struct iovec spans[2];
	uint8_t *data;
	size_t at = 0;
	int count;

	if (room <= q->room)
		return 0;
	data = malloc(room);
	if (data == NULL)
		return -ENOMEM;
	count = stream_queue_spans(q, spans);
	for (int i = 0; i < count; i++) {
		memcpy(data + at, spans[i].iov_base, spans[i].iov_len);
		at += spans[i].iov_len;
	}
	free(q->data);
	q->data = data;
	q->room = room;
	q->start = 0;
	return 0;
}

static void
mark_set(struct stream_queue *q, us_t now)
{
	q->mark = q->used;
	q->mark_path = q->used;
	q->mark_since = now;
}

void
stream_queue_push(struct stream_queue *q, const void *data, size_t size, us_t now)
{
	size_t end, first;

	BUG_IF(size > q->room - q->used);
	if (size == 0)
		return;
	end = (q->start + q->used) % q->room;
	first = q->room - end < size ? q->room - end : size;
	memcpy(q->data + end, data, first);
	memcpy(q->data, (const uint8_t *)data + first, size - first);
	q->used += size;
	if (q->mark == 0)
		mark_set(q, now);
}

void
stream_queue_pull(struct stream_queue *q, size_t size, us_t now)
{
	BUG_IF(size > q->used);
	if (size == 0)
		return;
	q->start = (q->start + size) % q->room;
	q->used -= size;
	if (q->mark > size) {
		q->mark -= size;
		return;
	}
	if (q->mark_path >= PATH_MIN) {
		q->worth = q->mark_path;
		q->worth_time = now - q->mark_since;
	}
	q->mark = 0;
	if (q->used != 0)
		mark_set(q, now);
}

static size_t
scaled(size_t bytes, us_t time, us_t taken)
{
	return taken <= 0 ? SIZE_MAX : (size_t)((uint64_t)bytes * (uint64_t)time / (uint64_t)taken);
}

size_t
stream_queue_limit(struct stream_queue *q, us_t time, size_t min, size_t max, us_t now)
{
	size_t limit = max;

	if (q->worth != 0)
		limit = scaled(q->worth, time, q->worth_time);
	/* It may have become slower, or stand still: the marked byte is under way for longer. */
	if (q->mark != 0 && now - q->mark_since > time) {
		size_t late = scaled(q->mark_path, time, now - q->mark_since);

		limit = late < limit ? late : limit;
	}
	return limit < min ? min : limit > max ? max : limit;
}
