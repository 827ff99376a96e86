/* Datagrams that wait to leave in one call: see train.h. */
#include "vr/train.h"

bool
train_takes(const struct train *t, uint32_t tag, const struct endpoint *to, struct udp_marks marks,
	    size_t size)
{
	return t->count == 0 ||
	       (!t->closed && t->tag == tag && size <= t->segment &&
		t->count < UDP_TRAIN_COUNT_MAX && t->used + size <= UDP_TRAIN_SIZE_MAX &&
		t->marks.ttl == marks.ttl && t->marks.tos == marks.tos &&
		endpoint_equal(t->to, *to));
}

uint8_t *
train_room(struct train *t, uint32_t tag, const struct endpoint *to, struct udp_marks marks,
	   size_t size)
{
	if (t->count == 0) {
		t->tag = tag;
		t->to = *to;
		t->marks = marks;
		t->segment = size;
	}
	return t->data + t->used;
}

void
train_add(struct train *t, size_t size, us_t now)
{
	t->used += size;
	t->count++;
	t->closed = size < t->segment;
	t->now = now;
}

void
train_reset(struct train *t)
{
	t->count = 0;
	t->used = 0;
	t->closed = false;
}
