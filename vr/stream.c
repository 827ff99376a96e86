/* All streams of a router: making, events, times. */
#include "vr/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/fmt.h"
#include "vr/crypto.h"
#include "vr/stream_priv.h"
#include "vr/stream_socket.h"

#define MODULE     "stream"
#define EVENTS_MAX 64 /* of one turn, each with one call of the system or a few */

/* A zero becomes the default. */
#define DEFAULT(value, fallback)                                                                   \
	do {                                                                                       \
		if ((value) == 0)                                                                  \
			(value) = (fallback);                                                      \
	} while (0)

static void
conf_complete(struct streams_conf *c)
{
	DEFAULT(c->datagram_max, STREAM_DATAGRAM_MAX);
	DEFAULT(c->streams_max, 1024);
	DEFAULT(c->strangers_max, STRANGERS_MAX);
	DEFAULT(c->strangers_each, 8);
	DEFAULT(c->peer_each, 16);
	DEFAULT(c->queue_max, 256 * 1024);
	DEFAULT(c->queue_time, 50 * US_MS);
	DEFAULT(c->trust_time, 5 * US_S);
	DEFAULT(c->connect_time, 5 * US_S);
	DEFAULT(c->dead_time, 10 * US_S);
	DEFAULT(c->retry_min, 500 * US_MS);
	DEFAULT(c->retry_max, 16 * US_S);
}

static int
listener_open(struct streams *s)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = STREAM_LISTENER};

	if (addr_is_none(s->conf.listen.addr))
		return 0;
	s->listen_fd = stream_socket_listen(&s->conf.listen);
	if (s->listen_fd >= 0 && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->listen_fd, &event) == 0)
		return 0;
	return s->listen_fd < 0 ? s->listen_fd : -errno;
}

static int
memory_get(struct streams *s)
{
	s->list = calloc(s->conf.streams_max, sizeof(*s->list));
	for (size_t i = 0; s->list != NULL && i < s->conf.streams_max; i++)
		s->list[i].fd = -1;
	for (size_t i = 0; i < STREAM_BUCKETS; i++)
		s->buckets[i] = STREAM_NOBODY;
	if (s->list == NULL || stream_in_create(s) != 0)
		return -ENOMEM;
	return 0;
}

int
streams_create(const struct streams_conf *conf, const struct streams_ops *ops, void *ctx,
	       struct log *log, struct streams **out)
{
	struct streams *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->conf = *conf;
	conf_complete(&s->conf);
	s->ops = ops;
	s->ctx = ctx;
	s->log = log;
	s->due = US_NEVER;
	s->listen_fd = -1;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	rc = s->epoll_fd < 0 ? -errno : 0;
	if (rc == 0 &&
	    (s->conf.streams_max > STREAMS_MAX || s->conf.strangers_max > STRANGERS_MAX ||
	     s->conf.proxy_credentials_size > sizeof(s->credentials)))
		rc = -EINVAL;
	if (rc == 0) {
		memcpy(s->credentials,
		       s->conf.proxy_credentials == NULL ? s->credentials
							 : s->conf.proxy_credentials,
		       s->conf.proxy_credentials_size);
		s->conf.proxy_credentials = s->credentials;
		rc = memory_get(s);
	}
	if (rc == 0)
		rc = listener_open(s);
	if (rc == 0) {
		*out = s;
		return 0;
	}
	log_line(log, LOG_ERROR, MODULE, "no streams on %s: %s", fmt_endpoint(conf->listen).s,
		 strerror(-rc));
	streams_destroy(s);
	return rc;
}

void
streams_destroy(struct streams *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->end; i++)
		if (s->list[i].fd >= 0)
			stream_release(s, &s->list[i], false, 0);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	crypto_wipe(s->credentials, sizeof(s->credentials));
	free(s->list);
	free(s->in);
	free(s);
}

int
streams_fd(const struct streams *s)
{
	return s->epoll_fd;
}

struct endpoint
streams_endpoint(const struct streams *s)
{
	return s->listen_fd < 0 ? (struct endpoint){.port = 0} : stream_socket_where(s->listen_fd);
}

static void
stream_event(struct streams *s, struct stream *st, uint32_t events, us_t now)
{
	switch (st->state) {
	case STREAM_CONNECTING:
		stream_connecting(s, st, now);
		break;
	case STREAM_ASKING:
		stream_asking(s, st, now);
		break;
	case STREAM_OPEN:
		if ((events & EPOLLOUT) != 0)
			stream_flush(s, st, now);
		if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
			stream_read(s, st, now);
		break;
	case STREAM_FREE:
	case STREAM_WAITS:
		break;
	}
}

void
streams_readable(struct streams *s, us_t now)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(s->epoll_fd, events, EVENTS_MAX, 0);

	for (int i = 0; i < count; i++) {
		struct stream *st;

		if (events[i].data.u32 == STREAM_LISTENER) {
			stream_accept(s, now);
			continue;
		}
		stream_in_prepare(s, now);
		/* What an event before has led to may have ended it. */
		st = stream_find(s, events[i].data.u32);
		if (st != NULL)
			stream_event(s, st, events[i].events, now);
	}
	s->ops->batch_end(s->ctx, now);
	s->in_used = 0;
	(void)streams_run(s, now);
}

static void
stream_run(struct streams *s, struct stream *st, us_t now)
{
	if (st->crowded) {
		stream_end(s, st, STREAM_DROP_PEER_CROWD, now);
	} else if (st->broken) {
		stream_end(s, st, STREAM_DROP_BROKEN, now);
	} else if (st->due <= now) {
		stream_end(s, st, st->accepted ? STREAM_DROP_STRANGER : STREAM_DROP_SLOW, now);
	} else {
		stream_due(s, st->due);
		if (st->queue.room == 0)
			return;
		/* A queue that was not needed for some time gives its memory back. */
		if (st->queue.used == 0 && now - st->active >= STREAM_QUEUE_IDLE)
			stream_queue_fini(&st->queue);
		else
			stream_due(s, now + STREAM_QUEUE_IDLE);
	}
}

void
streams_underlay_changed(struct streams *s, us_t now)
{
	for (size_t i = 0; i < s->end; i++) {
		struct stream *st = &s->list[i];
		struct endpoint remote = st->remote;
		uint32_t number = st->number;
		bool told = st->told;

		/* What has failed may work now. */
		if (st->state == STREAM_WAITS) {
			st->due = now;
			st->pause = 0;
		}
		if (st->fd < 0 || stream_socket_has_address(st->fd))
			continue;
		/* Not the other end's failure: there is no pause. */
		s->drops[STREAM_DROP_BROKEN]++;
		stream_release(s, st, false, now);
		if (told)
			s->ops->closed(s->ctx, number, &remote, STREAM_DROP_BROKEN, now);
	}
}

us_t
streams_run(struct streams *s, us_t now)
{
	if (now < s->due)
		return s->due;
	s->due = US_NEVER;
	if (s->accept_again != 0 && s->accept_again <= now)
		stream_accept_again(s);
	if (s->accept_again != 0)
		stream_due(s, s->accept_again);
	for (size_t i = 0; i < s->end; i++)
		if (s->list[i].fd >= 0)
			stream_run(s, &s->list[i], now);
	return s->due;
}

/* A router that has moved may still have some that are dead and not known to be: the longest silent goes. */
static void
peer_limit(struct streams *s, uint32_t peer)
{
	struct stream *silent = NULL;
	size_t count = 0;

	for (size_t i = 0; i < s->end; i++) {
		struct stream *st = &s->list[i];

		if (st->fd < 0 || !st->accepted || !st->trusted || st->crowded || st->peer != peer)
			continue;
		count++;
		if (silent == NULL || st->heard < silent->heard ||
		    (st->heard == silent->heard && st->since < silent->since))
			silent = st;
	}
	if (count <= s->conf.peer_each)
		return;
	silent->crowded = true;
	stream_due(s, 0);
}

void
streams_trust(struct streams *s, uint32_t number, uint32_t peer)
{
	struct stream *st = stream_find(s, number);

	if (st == NULL || st->trusted)
		return;
	stream_known(s, st);
	st->trusted = true;
	st->pause = 0;
	st->failure = 0;
	st->peer = peer;
	if (!st->accepted)
		return;
	st->due = US_NEVER;
	peer_limit(s, peer);
}

void
streams_close(struct streams *s, uint32_t number, us_t now)
{
	struct stream *st = stream_find(s, number);

	if (st == NULL)
		return;
	if (!st->trusted)
		stream_blame(st, STREAM_DROP_STRANGER);
	stream_release(s, st, !st->trusted, now);
}

bool
streams_info(const struct streams *s, uint32_t number, struct stream_info *out)
{
	const struct stream *st = stream_find(s, number);

	if (st == NULL)
		return false;
	*out = (struct stream_info){
		.remote = st->remote,
		.is_accepted = st->accepted,
		.is_open = st->state == STREAM_OPEN && !st->broken,
		.is_trusted = st->trusted,
		.since = st->since,
		.queued = st->queue.used,
		.tx_datagrams = st->tx_datagrams,
		.tx_bytes = st->tx_bytes,
		.rx_datagrams = st->rx_datagrams,
		.rx_bytes = st->rx_bytes,
	};
	return true;
}

void
streams_stats(const struct streams *s, struct streams_stats *out)
{
	*out = s->stats;
	out->streams = s->active;
	out->strangers = s->stranger_count;
}

static const struct counter drop_reasons[] = {STREAM_DROPS(COUNTER_ROW)};

const char *
stream_drop_name(unsigned reason)
{
	return reason < STREAM_DROP_COUNT ? drop_reasons[reason].name : NULL;
}

const char *
stream_drop_text(unsigned reason)
{
	return reason < STREAM_DROP_COUNT ? drop_reasons[reason].text : NULL;
}

uint64_t
streams_drop_count(const struct streams *s, unsigned reason)
{
	return reason < STREAM_DROP_COUNT ? s->drops[reason] : 0;
}
