/* Which streams there are: by number, by endpoint; and their ends. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fmt.h"
#include "base/hash.h"
#include "vr/stream_priv.h"

#define MODULE "stream"

static uint16_t
position(const struct streams *s, const struct stream *st)
{
	return (uint16_t)(st - s->list);
}

struct stream *
stream_find(const struct streams *s, uint32_t number)
{
	uint32_t at = number % STREAM_NUMBER_POS;

	if (number == STREAM_NONE || at >= s->end)
		return NULL;
	return s->list[at].number == number && s->list[at].fd >= 0 ? &s->list[at] : NULL;
}

/* Endpoints of ours come from the configuration or an authentic peer: nobody else can choose them so
 * that they fall together. */
static size_t
bucket_of(const struct endpoint *to)
{
	static const struct hash_key key = {.k0 = 0};

	return (hash_bytes(&key, &to->addr, sizeof(to->addr)) + to->port) % STREAM_BUCKETS;
}

struct stream *
stream_find_ours(const struct streams *s, const struct endpoint *to)
{
	uint16_t at = s->buckets[bucket_of(to)];

	while (at != STREAM_NOBODY && !endpoint_equal(s->list[at].remote, *to))
		at = s->list[at].next;
	return at == STREAM_NOBODY ? NULL : &s->list[at];
}

/* Frees the position. */
static void
stream_clear(struct streams *s, struct stream *st)
{
	uint16_t *link = &s->buckets[bucket_of(&st->remote)];

	while (!st->accepted && *link != position(s, st)) {
		BUG_IF(*link == STREAM_NOBODY);
		link = &s->list[*link].next;
	}
	if (!st->accepted)
		*link = st->next;
	*st = (struct stream){.fd = -1};
}

/* The one that has waited for longest is forgotten. */
static struct stream *
stream_forget(struct streams *s)
{
	struct stream *oldest = NULL;

	for (uint16_t i = 0; i < s->end; i++)
		if (s->list[i].state == STREAM_WAITS &&
		    (oldest == NULL || s->list[i].active < oldest->active))
			oldest = &s->list[i];
	if (oldest != NULL)
		stream_clear(s, oldest);
	return oldest;
}

static struct stream *
stream_position(struct streams *s)
{
	for (uint16_t i = 0; i < s->end; i++)
		if (s->list[i].state == STREAM_FREE)
			return &s->list[i];
	if (s->end < s->conf.streams_max)
		return &s->list[s->end++];
	return stream_forget(s);
}

struct stream *
stream_put_ours(struct streams *s, const struct endpoint *to)
{
	uint16_t *head = &s->buckets[bucket_of(to)];
	struct stream *st = stream_position(s);

	if (st == NULL)
		return NULL;
	*st = (struct stream){
		.fd = -1,
		.state = STREAM_WAITS,
		.remote = *to,
		.next = *head,
	};
	*head = position(s, st);
	return st;
}

struct stream *
stream_put_stranger(struct streams *s, const struct endpoint *from, int fd, us_t now)
{
	struct stream *st = stream_position(s);

	BUG_IF(s->stranger_count >= s->conf.strangers_max);
	if (st != NULL) {
		*st = (struct stream){.fd = -1, .accepted = true, .remote = *from};
		if (stream_attach(s, st, fd, now)) {
			s->strangers[s->stranger_count++] = position(s, st);
			return st;
		}
		stream_clear(s, st);
	}
	close(fd);
	return NULL;
}

void
stream_due(struct streams *s, us_t due)
{
	if (due < s->due)
		s->due = due;
}

bool
stream_attach(struct streams *s, struct stream *st, int fd, us_t now)
{
	/* Of one position a number comes back after a million others. */
	uint32_t number =
		(s->generation % (UINT32_MAX / STREAM_NUMBER_POS) + 1) * STREAM_NUMBER_POS +
		position(s, st);
	struct epoll_event event = {.events = st->accepted ? EPOLLIN : EPOLLOUT,
				    .data.u32 = number};

	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return false;
	s->generation++;
	st->number = number;
	st->fd = fd;
	st->state = st->accepted ? STREAM_OPEN : STREAM_CONNECTING;
	st->armed = event.events;
	st->since = now;
	st->due = now + (st->accepted ? s->conf.trust_time : s->conf.connect_time);
	stream_due(s, st->due);
	s->active++;
	return true;
}

void
stream_watch(struct streams *s, struct stream *st, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u32 = st->number};

	/* The descriptor is known already: this needs no memory and cannot fail. */
	if (st->armed != events)
		BUG_IF(epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, st->fd, &event) != 0);
	st->armed = events;
}

bool
stream_is_stranger(const struct stream *st)
{
	return st->accepted && !st->trusted;
}

void
stream_known(struct streams *s, struct stream *st)
{
	size_t i = 0;

	if (!stream_is_stranger(st))
		return;
	while (i < s->stranger_count && s->strangers[i] != position(s, st))
		i++;
	BUG_IF(i == s->stranger_count);
	s->stranger_count--;
	memmove(&s->strangers[i], &s->strangers[i + 1],
		(s->stranger_count - i) * sizeof(s->strangers[0]));
}

void
stream_failed(struct streams *s, struct stream *st, us_t now)
{
	struct stream kept = *st;

	kept.pause = kept.pause == 0 ? s->conf.retry_min : 2 * kept.pause;
	if (kept.pause > s->conf.retry_max)
		kept.pause = s->conf.retry_max;
	*st = (struct stream){
		.fd = -1,
		.state = STREAM_WAITS,
		.remote = kept.remote,
		.next = kept.next,
		.due = now + kept.pause,
		.pause = kept.pause,
		.failure = kept.failure,
		.refused_by = kept.refused_by,
		.active = now,
	};
}

void
stream_release(struct streams *s, struct stream *st, bool failed, us_t now)
{
	stream_known(s, st);
	if (st->queue.used != 0)
		s->drops[STREAM_DROP_LOST]++;
	/* This takes it out of epoll, too. */
	close(st->fd);
	s->active--;
	free(st->rest);
	stream_queue_fini(&st->queue);
	if (failed && !st->accepted)
		stream_failed(s, st, now);
	else
		stream_clear(s, st);
}

static void
end_log(struct streams *s, const struct stream *st, enum stream_drop reason, us_t now)
{
	/* A stranger is worth no line of the log. */
	bool known = !stream_is_stranger(st);
	bool proxy = reason == STREAM_DROP_PROXY || reason == STREAM_DROP_PROXY_AUTH ||
		     reason == STREAM_DROP_PROXY_ANSWER;
	enum log_level level = proxy ? LOG_WARNING : known ? LOG_INFO : LOG_DEBUG;

	if (!log_wants(s->log, level) || !log_gate_open(&s->gate, now))
		return;
	if (st->http.status != 0 && proxy)
		log_line(s->log, level, MODULE, "no way to %s: HTTP proxy %s answers %u (%s)",
			 fmt_endpoint(st->remote).s, fmt_endpoint(s->conf.proxy).s, st->http.status,
			 stream_drop_text(reason));
	else
		log_line(s->log, level, MODULE, "stream %s %s has ended: %s",
			 st->accepted ? "from" : "to", fmt_endpoint(st->remote).s,
			 stream_drop_text(reason));
}

void
stream_blame(struct stream *st, enum stream_drop reason)
{
	bool refused = reason == STREAM_DROP_PROXY || reason == STREAM_DROP_PROXY_AUTH;

	st->failure = (uint8_t)(1 + reason);
	st->refused_by = refused ? (uint16_t)st->http.status : 0;
}

void
stream_end(struct streams *s, struct stream *st, enum stream_drop reason, us_t now)
{
	struct endpoint remote = st->remote;
	uint32_t number = st->number;
	bool told = st->told;

	s->drops[reason]++;
	stream_blame(st, reason);
	end_log(s, st, reason, now);
	stream_release(s, st, true, now);
	/* Last: what is called from there may open streams. */
	if (told)
		s->ops->closed(s->ctx, number, &remote, reason, now);
}
