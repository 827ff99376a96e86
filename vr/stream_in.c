/* What comes: many datagrams with each call of the system, handed up where they stand. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "vr/stream_priv.h"

/* Small enough to stay in a core's own cache between the copy out of the kernel and the cipher. */
#define IN_SIZE (320 * 1024)
/* Room for at least so much, beside the beginning of the largest datagram. */
#define IN_MIN 65536
/* What a stranger may say at once, and in all: some handshake messages. */
#define STRANGER_TURN 4096
#define STRANGER_ALL  16384

int
stream_in_create(struct streams *s)
{
	s->in = aligned_alloc(64, IN_SIZE);
	return s->in == NULL ? -ENOMEM : 0;
}

void
stream_in_prepare(struct streams *s, us_t now)
{
	if (IN_SIZE - s->in_used >= STREAM_HEADROOM + STREAM_DATAGRAM_MAX + IN_MIN)
		return;
	s->ops->batch_end(s->ctx, now);
	s->in_used = 0;
}

uint8_t *
stream_in_room(const struct streams *s, size_t front, size_t *room)
{
	*room = IN_SIZE - s->in_used - STREAM_HEADROOM - front;
	return s->in + s->in_used + STREAM_HEADROOM;
}

void
stream_in_used(struct streams *s, const uint8_t *end)
{
	s->in_used = ((size_t)(end - s->in) + 63) / 64 * 64;
}

/* The beginning of a frame waits for its end. */
static void
rest_keep(struct streams *s, struct stream *st, const uint8_t *data, size_t size, us_t now)
{
	if (size == 0)
		return;
	if (st->rest == NULL)
		st->rest = malloc(STREAM_LENGTH_SIZE + (size_t)s->conf.datagram_max);
	if (st->rest == NULL) {
		stream_end(s, st, STREAM_DROP_BROKEN, now);
		return;
	}
	memcpy(st->rest, data, size);
	st->rest_size = size;
}

/* 0: the magic is there; otherwise the stream has ended or waits for more. */
static int
magic_take(struct streams *s, struct stream *st, const uint8_t *data, size_t size, us_t now)
{
	struct endpoint remote = st->remote;
	uint32_t number = st->number;
	int rc = stream_magic_parse(data, size);

	if (rc == -EAGAIN)
		rest_keep(s, st, data, size, now);
	else if (rc != 0)
		stream_end(s, st, STREAM_DROP_MAGIC, now);
	if (rc != 0)
		return rc;
	st->magic_heard = true;
	if (st->accepted) {
		st->told = true;
		s->ops->opened(s->ctx, number, &remote, now);
	}
	return stream_find(s, number) != NULL ? 0 : -ENOTCONN;
}

void
stream_take(struct streams *s, struct stream *st, uint8_t *data, size_t size, us_t now)
{
	struct endpoint remote = st->remote;
	uint32_t number = st->number;
	size_t at = 0, datagram;
	int rc;

	if (!st->magic_heard) {
		if (magic_take(s, st, data, size, now) != 0)
			return;
		at = STREAM_MAGIC_SIZE;
	}
	for (;;) {
		rc = stream_frame_parse(data + at, size - at, s->conf.datagram_max, &datagram);
		if (rc != 0)
			break;
		at += STREAM_LENGTH_SIZE + datagram;
		st->rx_datagrams++;
		st->rx_bytes += datagram;
		s->stats.rx_datagrams++;
		s->ops->heard(s->ctx, number, &remote, data + at - datagram, datagram, now);
		/* It may have been closed. */
		if (st->number != number || st->fd < 0)
			return;
	}
	if (rc != -EAGAIN)
		stream_end(s, st, STREAM_DROP_LENGTH, now);
	else if (stream_is_stranger(st) && st->heard_bytes >= STRANGER_ALL)
		stream_end(s, st, STREAM_DROP_STRANGER_BYTES, now);
	else
		rest_keep(s, st, data + at, size - at, now);
}

void
stream_read(struct streams *s, struct stream *st, us_t now)
{
	size_t rest = st->rest_size, room;
	uint8_t *data = stream_in_room(s, rest, &room);
	ssize_t size;

	if (stream_is_stranger(st) && room > STRANGER_TURN)
		room = STRANGER_TURN;
	size = recv(st->fd, data + rest, room, MSG_DONTWAIT);
	if (size < 0 && errno == EAGAIN)
		return;
	if (size <= 0) {
		stream_end(s, st, size == 0 ? STREAM_DROP_CLOSED : STREAM_DROP_BROKEN, now);
		return;
	}
	s->stats.rx_calls++;
	st->heard = now;
	st->heard_bytes += (size_t)size;
	if (rest != 0)
		memcpy(data, st->rest, rest);
	st->rest_size = 0;
	stream_in_used(s, data + rest + size);
	stream_take(s, st, data, rest + (size_t)size, now);
}
