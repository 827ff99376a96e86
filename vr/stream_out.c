/* What leaves: a train with its lengths in one call of the system, and a short queue for what the socket does not
 * take. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "vr/stream_priv.h"

/* Datagrams of one call: twice as many spans, which the system limits to 1024. */
#define GROUP_MAX 128
/* Bytes that may wait: for a stranger, who is told little; and before the stream stands, when the
 * handshake's messages are all that is of use. */
#define QUEUE_STRANGER 4096
#define QUEUE_EARLY    16384
/* However slow a stream is, so much may wait: a burst of some packets must not lose most of them. */
#define QUEUE_SLOW 32768
/* Beyond what data may take. */
#define QUEUE_CONTROL 16384
/* First room of a queue. */
#define QUEUE_FIRST 8192

/* Datagrams behind each other, each of 'segment' bytes but the last; with the magic in front of them, or
 * without. */
struct group {
	const uint8_t *data;
	size_t size, segment;
	size_t count;
	size_t front; /* size of the magic, or 0 */
};

static size_t
datagram_size(const struct group *g, size_t i)
{
	return i + 1 < g->count ? g->segment : g->size - i * g->segment;
}

/* The frame of datagram 'i' begins here, in what a group makes of the stream. */
static size_t
frame_start(const struct group *g, size_t i)
{
	return i == 0 ? 0 : g->front + i * (STREAM_LENGTH_SIZE + g->segment);
}

static size_t
group_size(const struct group *g)
{
	return g->front + g->count * STREAM_LENGTH_SIZE + g->size;
}

/* What stands in front of datagram 'i'.  Its size. */
static size_t
head_build(const struct group *g, size_t i, uint8_t head[STREAM_MAGIC_SIZE + STREAM_LENGTH_SIZE])
{
	size_t front = i == 0 ? g->front : 0;

	if (front != 0)
		stream_magic_build(head);
	stream_frame_build(datagram_size(g, i), head + front);
	return front + STREAM_LENGTH_SIZE;
}

/* Bytes that the socket has taken, or -errno. */
static ssize_t
group_send(struct stream *st, const struct group *g)
{
	struct iovec spans[2 * GROUP_MAX];
	uint8_t first[STREAM_MAGIC_SIZE + STREAM_LENGTH_SIZE];
	uint8_t other[STREAM_MAGIC_SIZE + STREAM_LENGTH_SIZE];
	uint8_t last[STREAM_MAGIC_SIZE + STREAM_LENGTH_SIZE];
	struct msghdr msg = {.msg_iov = spans, .msg_iovlen = 2 * g->count};
	ssize_t taken;

	for (size_t i = 0; i < g->count; i++) {
		/* Those between the first and the last have the same length. */
		uint8_t *head = i == 0 ? first : i + 1 < g->count ? other : last;

		spans[2 * i].iov_base = head;
		spans[2 * i].iov_len =
			head != other || i == 1 ? head_build(g, i, head) : STREAM_LENGTH_SIZE;
		spans[2 * i + 1].iov_base = (void *)(uintptr_t)(g->data + i * g->segment);
		spans[2 * i + 1].iov_len = datagram_size(g, i);
	}
	taken = sendmsg(st->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return taken < 0 ? -errno : taken;
}

static void
broken(struct streams *s, struct stream *st)
{
	st->broken = true;
	/* Since ever. */
	stream_due(s, 0);
}

/* Bytes that may wait, this datagram included. */
static size_t
queue_limit(struct streams *s, struct stream *st, enum streams_class class, us_t now)
{
	size_t max = s->conf.queue_max;
	size_t min = max < QUEUE_SLOW ? max : QUEUE_SLOW;

	if (st->state != STREAM_OPEN)
		return QUEUE_EARLY;
	if (stream_is_stranger(st))
		return QUEUE_STRANGER;
	return stream_queue_limit(&st->queue, s->conf.queue_time, min, max, now) +
	       (class == STREAMS_CONTROL ? QUEUE_CONTROL : 0);
}

static int
queue_room(struct streams *s, struct stream *st, size_t size, us_t now)
{
	size_t room = st->queue.room == 0 ? QUEUE_FIRST : st->queue.room;

	if (st->queue.room == 0)
		stream_due(s, now + STREAM_QUEUE_IDLE);
	while (room < st->queue.used + size)
		room *= 2;
	return stream_queue_reserve(&st->queue, room);
}

/* Puts what is left of a frame behind 'skip' bytes into the queue.  False: there is no room. */
static bool
frame_queue(struct streams *s, struct stream *st, const struct group *g, size_t i, size_t skip,
	    enum streams_class class, us_t now)
{
	uint8_t head[STREAM_MAGIC_SIZE + STREAM_LENGTH_SIZE];
	size_t head_size = head_build(g, i, head), datagram = datagram_size(g, i);
	size_t head_skip = skip < head_size ? skip : head_size;
	size_t size = head_size + datagram - skip;

	/* What has begun must come to its end. */
	if (skip == 0 && st->queue.used + size > queue_limit(s, st, class, now))
		return false;
	if (queue_room(s, st, size, now) != 0) {
		if (skip != 0)
			broken(s, st);
		return false;
	}
	stream_queue_push(&st->queue, head + head_skip, head_size - head_skip, now);
	stream_queue_push(&st->queue, g->data + i * g->segment + (skip - head_skip),
			  datagram - (skip - head_skip), now);
	st->active = now;
	return true;
}

/* How many datagrams of the group have left or wait. */
static size_t
group_out(struct streams *s, struct stream *st, struct group *g, enum streams_class class, us_t now)
{
	size_t whole = 0, queued = 0, cut = 0;
	ssize_t taken = 0;

	g->front = st->magic_sent ? 0 : STREAM_MAGIC_SIZE;
	if (st->state == STREAM_OPEN && st->queue.used == 0) {
		taken = group_send(st, g);
		if (taken < 0 && taken != -EAGAIN) {
			broken(s, st);
			return 0;
		}
		taken = taken < 0 ? 0 : taken;
		s->stats.tx_calls += taken > 0;
	}
	if ((size_t)taken == group_size(g)) {
		whole = g->count;
	} else if ((size_t)taken > g->front) {
		whole = ((size_t)taken - g->front) / (STREAM_LENGTH_SIZE + g->segment);
		cut = (size_t)taken - frame_start(g, whole);
	} else {
		cut = (size_t)taken;
	}
	st->magic_sent = st->magic_sent || taken > 0;
	for (size_t i = whole; i < g->count; i++) {
		if (!frame_queue(s, st, g, i, i == whole ? cut : 0, class, now))
			break;
		st->magic_sent = true;
		queued++;
	}
	if (st->state == STREAM_OPEN && st->queue.used != 0)
		stream_watch(s, st, EPOLLIN | EPOLLOUT);
	s->stats.tx_datagrams += whole;
	s->stats.tx_copied += queued;
	return whole + queued;
}

int
streams_send(struct streams *s, uint32_t number, enum streams_class class, const uint8_t *data,
	     size_t size, size_t segment, us_t now, unsigned *sent)
{
	struct stream *st = stream_find(s, number);
	size_t count, done = 0, out;

	*sent = 0;
	if (size == 0 || segment == 0 || (size < segment ? size : segment) > STREAM_DATAGRAM_MAX)
		return -EINVAL;
	if (st == NULL || st->broken)
		return -ENOTCONN;
	if (segment > size)
		segment = size;
	count = (size + segment - 1) / segment;
	do {
		struct group g = {.data = data + done * segment, .segment = segment};

		g.count = count - done < GROUP_MAX ? count - done : GROUP_MAX;
		g.size = count - done <= GROUP_MAX ? size - done * segment : g.count * segment;
		out = group_out(s, st, &g, class, now);
		if (out != 0) {
			size_t first = done * segment, end = (done + out) * segment;

			st->tx_datagrams += out;
			st->tx_bytes += (end < size ? end : size) - first;
		}
		done += out;
		if (out < g.count)
			break;
	} while (done < count);
	*sent = (unsigned)done;
	s->drops[STREAM_DROP_QUEUE] += count - done;
	if (done == count)
		return 0;
	return st->broken ? -ENOTCONN : -ENOBUFS;
}

void
stream_flush(struct streams *s, struct stream *st, us_t now)
{
	/* One more event after the last byte, so that a stream whose queue is often empty and soon
	 * not does not change its events each time. */
	if (st->queue.used == 0)
		stream_watch(s, st, EPOLLIN);
	while (st->queue.used != 0 && !st->broken) {
		struct iovec spans[2];
		struct msghdr msg = {.msg_iov = spans};
		ssize_t taken;

		msg.msg_iovlen = (size_t)stream_queue_spans(&st->queue, spans);
		taken = sendmsg(st->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (taken < 0 && errno == EAGAIN)
			return;
		if (taken < 0) {
			broken(s, st);
			return;
		}
		s->stats.tx_calls++;
		stream_queue_pull(&st->queue, (size_t)taken, now);
	}
}
