/* Streams that others open: who may come in, and who goes when there are too many. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vr/stream_priv.h"
#include "vr/stream_socket.h"

#define ACCEPTS_MAX  8 /* at once */
#define ACCEPT_PAUSE US_S

/* Those who share this are one: an IPv6 host has a /64 to itself. */
static struct prefix
neighbourhood(struct addr a)
{
	return prefix_make(a, a.family == ADDR_V6 ? 64 : 32);
}

static size_t
strangers_like(const struct streams *s, struct prefix p, const struct stream **oldest)
{
	size_t count = 0;

	for (size_t i = s->stranger_count; i-- > 0;) {
		const struct stream *st = &s->list[s->strangers[i]];

		if (prefix_contains(p, st->remote.addr)) {
			*oldest = st;
			count++;
		}
	}
	return count;
}

/* The oldest of the address that has the most of them: who comes from many addresses displaces himself first. */
static const struct stream *
crowd_oldest(const struct streams *s)
{
	const struct stream *victim = NULL, *oldest = NULL;
	size_t most = 0;

	for (size_t i = 0; i < s->stranger_count; i++) {
		struct addr a = s->list[s->strangers[i]].remote.addr;
		size_t count = strangers_like(s, neighbourhood(a), &oldest);

		if (count > most) {
			most = count;
			victim = oldest;
		}
	}
	return victim;
}

/* Makes room for one more stranger from there.  False: there is none. */
static bool
stranger_room(struct streams *s, struct addr from, us_t now)
{
	const struct stream *victim = NULL;

	if (strangers_like(s, neighbourhood(from), &victim) < s->conf.strangers_each)
		victim = s->stranger_count >= s->conf.strangers_max ||
					 s->active >= s->conf.streams_max
				 ? crowd_oldest(s)
				 : NULL;
	if (victim != NULL)
		stream_end(s, stream_find(s, victim->number), STREAM_DROP_CROWD, now);
	return s->active < s->conf.streams_max && s->stranger_count < s->conf.strangers_max;
}

static void
accept_pause(struct streams *s, us_t now)
{
	struct epoll_event event = {.data.u32 = STREAM_LISTENER};

	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listen_fd, &event) != 0)
		return;
	s->accept_again = now + ACCEPT_PAUSE;
	stream_due(s, s->accept_again);
}

void
stream_accept_again(struct streams *s)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = STREAM_LISTENER};

	BUG_IF(epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listen_fd, &event) != 0);
	s->accept_again = 0;
}

void
stream_accept(struct streams *s, us_t now)
{
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		struct endpoint from;
		int fd = stream_socket_accept(s->listen_fd, s->conf.dead_time, &from);

		if (fd == -EAGAIN)
			return;
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
			/* Who waits stays in the kernel's queue until some have gone. */
			s->drops[STREAM_DROP_FULL]++;
			accept_pause(s, now);
			return;
		}
		if (fd < 0)
			continue;
		if (!stranger_room(s, from.addr, now)) {
			s->drops[STREAM_DROP_FULL]++;
			close(fd);
		} else if (stream_put_stranger(s, &from, fd, now) != NULL) {
			s->stats.accepted++;
		} else {
			s->drops[STREAM_DROP_FULL]++;
		}
	}
}
