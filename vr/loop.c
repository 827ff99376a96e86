/* The event loop: see loop.h. */
#include "vr/loop.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

/* Handling single packets takes less; whatever takes longer, or is interrupted for longer, says that there is
 * more to do, or somebody else who has, and that it will be so for a while. */
#define LIGHT_TIME ((us_t)40)
#define HEAVY_TIME (1 * US_MS)
/* A descriptor after whose packets nothing came so many times more often than something did is trusted no
 * longer, and tried once in a while. */
#define TRUST_FIRST 1
#define TRUST_MAX   4
#define TRY_EVERY   16

struct watch {
	struct watch *next;
	struct loop *loop;
	ev_io io;
	ev_signal signal;
	bool is_signal;
	unsigned trust;   /* that soon another packet follows one of its; 0: none */
	unsigned skipped; /* times without trust */
	loop_fn *fn;
	void *ctx;
};

struct loop_timer {
	struct loop_timer *next;
	struct watch *watch;
	int fd;
	us_t due;
	loop_fn *fn;
	void *ctx;
};

struct loop {
	struct ev_loop *ev;
	struct watch *watches;
	struct loop_timer *timers;
	bool stops;
	us_t look_on;
	us_t heavy_until;
	struct watch *last;  /* that had a packet; NULL: none since the loop has looked */
	struct watch *after; /* after whose packet the loop is looking on */
	struct loop_stats stats;
};

us_t
loop_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (us_t)t.tv_sec * US_S + t.tv_nsec / 1000;
}

uint64_t
loop_wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct loop *
loop_create(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->ev = ev_loop_new(EVFLAG_AUTO);
	if (l->ev == NULL) {
		free(l);
		return NULL;
	}
	return l;
}

void
loop_destroy(struct loop *l)
{
	if (l == NULL)
		return;
	while (l->watches != NULL) {
		struct watch *w = l->watches;

		l->watches = w->next;
		if (w->is_signal)
			ev_signal_stop(l->ev, &w->signal);
		else
			ev_io_stop(l->ev, &w->io);
		free(w);
	}
	while (l->timers != NULL) {
		struct loop_timer *t = l->timers;

		l->timers = t->next;
		close(t->fd);
		free(t);
	}
	ev_loop_destroy(l->ev);
	free(l);
}

static void
on_io(struct ev_loop *ev, ev_io *io, int events)
{
	struct watch *w = io->data;

	(void)ev;
	(void)events;
	w->fn(w->ctx, loop_now());
}

static void
on_packets(struct ev_loop *ev, ev_io *io, int events)
{
	struct watch *w = io->data;
	struct loop *l = w->loop;
	us_t start = loop_now(), end;

	(void)ev;
	(void)events;
	/* It may end the watch. */
	l->last = w;
	w->fn(w->ctx, start);
	if (l->look_on == 0)
		return;
	end = loop_now();
	if (end > start + LIGHT_TIME)
		l->heavy_until = end + HEAVY_TIME;
}

static void
on_signal(struct ev_loop *ev, ev_signal *signal, int events)
{
	struct watch *w = signal->data;

	(void)ev;
	(void)events;
	w->fn(w->ctx, loop_now());
}

static struct watch *
watch_add(struct loop *l, loop_fn *fn, void *ctx)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	*w = (struct watch){.next = l->watches, .loop = l, .fn = fn, .ctx = ctx};
	l->watches = w;
	return w;
}

static int
watch_fd(struct loop *l, int fd, bool has_packets, int priority, loop_fn *fn, void *ctx)
{
	struct watch *w = watch_add(l, fn, ctx);

	if (w == NULL)
		return -ENOMEM;
	w->trust = TRUST_FIRST;
	ev_io_init(&w->io, has_packets ? on_packets : on_io, fd, EV_READ);
	ev_set_priority(&w->io, priority);
	w->io.data = w;
	ev_io_start(l->ev, &w->io);
	return 0;
}

int
loop_watch(struct loop *l, int fd, loop_fn *fn, void *ctx)
{
	return watch_fd(l, fd, false, 0, fn, ctx);
}

int
loop_watch_first(struct loop *l, int fd, loop_fn *fn, void *ctx)
{
	return watch_fd(l, fd, false, EV_MAXPRI, fn, ctx);
}

int
loop_watch_packets(struct loop *l, int fd, loop_fn *fn, void *ctx)
{
	return watch_fd(l, fd, true, 0, fn, ctx);
}

void
loop_look_on(struct loop *l, us_t time)
{
	l->look_on = time;
}

struct loop_stats
loop_stats(const struct loop *l)
{
	return l->stats;
}

void
loop_unwatch(struct loop *l, int fd)
{
	for (struct watch **at = &l->watches; *at != NULL; at = &(*at)->next) {
		struct watch *w = *at;

		if (w->is_signal || w->io.fd != fd)
			continue;
		*at = w->next;
		if (l->last == w)
			l->last = NULL;
		if (l->after == w)
			l->after = NULL;
		ev_io_stop(l->ev, &w->io);
		free(w);
		return;
	}
}

int
loop_signal(struct loop *l, int signal, loop_fn *fn, void *ctx)
{
	struct watch *w = watch_add(l, fn, ctx);
	sigset_t set;

	if (w == NULL)
		return -ENOMEM;
	w->is_signal = true;
	ev_signal_init(&w->signal, on_signal, signal);
	w->signal.data = w;
	ev_signal_start(l->ev, &w->signal);
	sigemptyset(&set);
	sigaddset(&set, signal);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 0;
}

static void
on_timer(void *ctx, us_t now)
{
	struct loop_timer *t = ctx;
	uint64_t expirations;

	/* Nothing to read means that it was set anew meanwhile. */
	if (read(t->fd, &expirations, sizeof(expirations)) != (ssize_t)sizeof(expirations))
		return;
	t->due = US_NEVER;
	t->fn(t->ctx, now);
}

struct loop_timer *
loop_timer(struct loop *l, loop_fn *fn, void *ctx)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	*t = (struct loop_timer){.due = US_NEVER, .fn = fn, .ctx = ctx};
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t->fd < 0 || loop_watch(l, t->fd, on_timer, t) != 0) {
		if (t->fd >= 0)
			close(t->fd);
		free(t);
		return NULL;
	}
	t->next = l->timers;
	l->timers = t;
	return t;
}

void
loop_timer_set(struct loop_timer *t, us_t due)
{
	struct itimerspec at = {.it_value = {0}};

	if (due == t->due)
		return;
	t->due = due;
	/* All zero would stop it; a time that has passed fires at once. */
	if (due != US_NEVER) {
		at.it_value.tv_sec = due > 0 ? due / US_S : 0;
		at.it_value.tv_nsec = due > 0 ? due % US_S * 1000 : 1;
	}
	timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Does it pay, after what has just been handled? */
static bool
may_look_on(struct loop *l)
{
	struct watch *w = l->last;

	if (l->look_on == 0 || w == NULL || loop_now() < l->heavy_until)
		return false;
	return w->trust > 0 || ++w->skipped % TRY_EVERY == 0;
}

/* Until another packet has been handled, or for the time that was set. */
static void
look_on(struct loop *l)
{
	us_t until = loop_now() + l->look_on;

	l->after = l->last;
	l->last = NULL;
	l->stats.looked_on++;
	for (;;) {
		ev_run(l->ev, EVRUN_NOWAIT);
		if (l->stops || l->last != NULL || loop_now() >= until)
			break;
		sched_yield();
	}
	l->stats.found += l->last != NULL;
	if (l->after == NULL)
		return;
	if (l->last != NULL && l->after->trust < TRUST_MAX)
		l->after->trust++;
	else if (l->last == NULL && l->after->trust > 0)
		l->after->trust--;
	l->after = NULL;
}

void
loop_run(struct loop *l)
{
	l->stops = false;
	do {
		l->last = NULL;
		if (ev_run(l->ev, EVRUN_ONCE) == 0)
			return;
		while (!l->stops && may_look_on(l))
			look_on(l);
	} while (!l->stops);
}

void
loop_stop(struct loop *l)
{
	l->stops = true;
	ev_break(l->ev, EVBREAK_ALL);
}
