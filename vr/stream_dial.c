/* Streams that we open, until they stand: connecting, and asking a proxy. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fmt.h"
#include "vr/crypto.h"
#include "vr/stream_priv.h"
#include "vr/stream_socket.h"

#define MODULE "stream"
/* "Proxy Authentication Required"; "Unauthorized", which tinyproxy says to a wrong password. */
#define STATUS_AUTHENTICATE 407
#define STATUS_UNAUTHORIZED 401

static bool
is_proxied(const struct streams *s)
{
	return !addr_is_none(s->conf.proxy.addr);
}

int
streams_open(struct streams *s, const struct endpoint *to, us_t now, uint32_t *number)
{
	struct stream *st = stream_find_ours(s, to);
	int fd;

	if (st != NULL && st->fd >= 0) {
		*number = st->number;
		return 0;
	}
	if (st != NULL && now < st->due)
		return -EAGAIN;
	if (s->active >= s->conf.streams_max)
		return -ENOBUFS;
	if (st == NULL)
		st = stream_put_ours(s, to);
	if (st == NULL)
		return -ENOBUFS;
	fd = stream_socket_connect(is_proxied(s) ? &s->conf.proxy : to, s->conf.dead_time);
	if (fd >= 0 && !stream_attach(s, st, fd, now)) {
		close(fd);
		fd = -ENOBUFS;
	}
	if (fd < 0) {
		s->drops[STREAM_DROP_CONNECT]++;
		stream_blame(st, STREAM_DROP_CONNECT);
		stream_failed(s, st, now);
		return fd;
	}
	st->told = true;
	*number = st->number;
	return 0;
}

us_t
streams_retry(const struct streams *s, const struct endpoint *to)
{
	const struct stream *st = stream_find_ours(s, to);

	return st != NULL && st->fd < 0 ? st->due : 0;
}

bool
streams_failure(const struct streams *s, const struct endpoint *to, struct streams_failure *out)
{
	const struct stream *st = stream_find_ours(s, to);

	if (st == NULL || st->failure == 0)
		return false;
	*out = (struct streams_failure){
		.reason = (enum stream_drop)(st->failure - 1),
		.status = st->refused_by,
		.retry = st->fd < 0 ? st->due : 0,
	};
	return true;
}

static void
stand(struct streams *s, struct stream *st, us_t now)
{
	uint32_t number = st->number;
	struct endpoint remote = st->remote;

	st->state = STREAM_OPEN;
	st->due = US_NEVER;
	s->stats.opened++;
	stream_watch(s, st, st->queue.used != 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
	stream_flush(s, st, now);
	if (log_wants(s->log, LOG_INFO) && log_gate_open(&s->gate, now))
		log_line(s->log, LOG_INFO, MODULE, "stream to %s stands%s%s",
			 fmt_endpoint(remote).s, is_proxied(s) ? ", through HTTP proxy " : "",
			 is_proxied(s) ? fmt_endpoint(s->conf.proxy).s : "");
	s->ops->opened(s->ctx, number, &remote, now);
}

static void
proxy_ask(struct streams *s, struct stream *st, us_t now)
{
	char request[HTTP_CONNECT_REQUEST_MAX];
	size_t size = http_connect_request(&st->remote, s->conf.proxy_credentials,
					   s->conf.proxy_credentials_size, request);
	/* A fresh socket has room for it. */
	ssize_t taken = send(st->fd, request, size, MSG_NOSIGNAL | MSG_DONTWAIT);

	crypto_wipe(request, sizeof(request));
	if (taken != (ssize_t)size) {
		stream_end(s, st, STREAM_DROP_PROXY, now);
		return;
	}
	st->state = STREAM_ASKING;
	stream_watch(s, st, EPOLLIN);
}

void
stream_connecting(struct streams *s, struct stream *st, us_t now)
{
	if (stream_socket_error(st->fd) != 0)
		stream_end(s, st, STREAM_DROP_CONNECT, now);
	else if (is_proxied(s))
		proxy_ask(s, st, now);
	else
		stand(s, st, now);
}

static enum stream_drop
refusal(const struct http_connect *http)
{
	if (http->verdict != HTTP_CONNECT_REFUSED)
		return STREAM_DROP_PROXY_ANSWER;
	return http->status == STATUS_AUTHENTICATE || http->status == STATUS_UNAUTHORIZED
		       ? STREAM_DROP_PROXY_AUTH
		       : STREAM_DROP_PROXY;
}

void
stream_asking(struct streams *s, struct stream *st, us_t now)
{
	uint32_t number = st->number;
	size_t room, used;
	uint8_t *data = stream_in_room(s, 0, &room);
	ssize_t size;

	if (room > HTTP_CONNECT_ANSWER_MAX)
		room = HTTP_CONNECT_ANSWER_MAX;
	size = recv(st->fd, data, room, MSG_DONTWAIT);
	if (size < 0 && errno == EAGAIN)
		return;
	if (size <= 0) {
		stream_end(s, st, STREAM_DROP_PROXY, now);
		return;
	}
	switch (http_connect_heard(&st->http, data, (size_t)size, &used)) {
	case HTTP_CONNECT_MORE:
		return;
	case HTTP_CONNECT_OPEN:
		break;
	case HTTP_CONNECT_REFUSED:
	case HTTP_CONNECT_MALFORMED:
	case HTTP_CONNECT_TOO_LARGE:
		stream_end(s, st, refusal(&st->http), now);
		return;
	}
	stream_in_used(s, data + size);
	stand(s, st, now);
	st = stream_find(s, number);
	if (st != NULL && used < (size_t)size)
		stream_take(s, st, data + used, (size_t)size - used, now);
}
