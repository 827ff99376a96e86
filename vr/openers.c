/* Threads that open: see openers.h. */
#include "vr/openers.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/eventfd.h>

#define LINE        64
#define WAIT_MS     1
#define NOT_AWAITED UINT64_MAX
/* As "top -H" has it. */
#define NAME "vrd-open"

struct row {
	alignas(LINE) struct openers_train train;
	/* One more than the position of the last train here that is opened; its taker's. */
	alignas(LINE) _Atomic uint64_t opened;
};

struct hand {
	struct openers *all;
	unsigned number;
	bool is_running;
	pthread_t thread;
};

/* Positions count trains since the start: released <= read <= put, and taken <= put.  A train is in its row from
 * openers_fill() to openers_release(), and that comes after it was taken and opened. */
struct openers {
	/* The control thread's. */
	uint64_t read, released;
	uint8_t *memory;
	int fd;
	unsigned count;
	struct hand *hands;
	/* The threads', too. */
	alignas(LINE) sem_t work; /* calls */
	_Atomic bool stop;
	alignas(LINE) _Atomic uint64_t put; /* the control thread writes */
	_Atomic uint64_t awaited; /* the control thread writes: it asked for this one in vain */
	alignas(LINE) _Atomic uint64_t taken;
	_Atomic uint64_t count_opened;
	struct row rows[OPENERS_TRAINS];
};

static struct row *
row_at(struct openers *o, uint64_t position)
{
	return &o->rows[position % OPENERS_TRAINS];
}

/* ---- opening ---- */

/* The first train that nobody has taken; false: there is none. */
static bool
take(struct openers *o, uint64_t *position)
{
	uint64_t at = atomic_load_explicit(&o->taken, memory_order_relaxed);

	do {
		if (at >= atomic_load_explicit(&o->put, memory_order_acquire))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&o->taken, &at, at + 1, memory_order_relaxed, memory_order_relaxed));
	*position = at;
	return true;
}

/* Opens one train; false: there is none. */
static bool
open_next(struct openers *o, unsigned hand)
{
	struct openers_train *t;
	uint64_t position;

	if (!take(o, &position))
		return false;
	t = &row_at(o, position)->train;
	if (t->by != NULL) {
		opener_open_train(t->by, hand, t->index, t->data, t->size, t->segment, t->findings,
				  OPENERS_COUNT_MAX);
		if (hand != 0)
			atomic_fetch_add_explicit(&o->count_opened, 1, memory_order_relaxed);
	}
	/* Said first, asked afterwards; openers_next() does it the other way round, so that one of both sees the other. */
	atomic_store(&row_at(o, position)->opened, position + 1);
	if (hand != 0 && atomic_load(&o->awaited) == position) {
		uint64_t one = 1;

		BUG_IF(write(o->fd, &one, sizeof(one)) < 0 && errno != EAGAIN);
	}
	return true;
}

static void *
hand_main(void *ctx)
{
	const struct hand *h = ctx;
	struct openers *o = h->all;

	for (;;) {
		while (sem_wait(&o->work) != 0)
			BUG_IF(errno != EINTR);
		if (atomic_load_explicit(&o->stop, memory_order_acquire))
			return NULL;
		while (open_next(o, h->number))
			continue;
	}
}

/* ---- life ---- */

struct openers *
openers_create(unsigned count, size_t buffer_size, size_t headroom)
{
	struct openers *o = aligned_alloc(LINE, (sizeof(*o) + LINE - 1) / LINE * LINE);

	if (o == NULL)
		return NULL;
	memset(o, 0, sizeof(*o));
	BUG_IF(sem_init(&o->work, 0, 0) != 0);
	atomic_store(&o->awaited, NOT_AWAITED);
	o->count = count;
	o->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	o->hands = calloc(count + 1, sizeof(*o->hands));
	o->memory = aligned_alloc(LINE, buffer_size * OPENERS_TRAINS);
	if (o->fd < 0 || o->hands == NULL || o->memory == NULL) {
		openers_destroy(o);
		return NULL;
	}
	for (size_t i = 0; i < OPENERS_TRAINS; i++)
		o->rows[i].train.buffer = o->memory + i * buffer_size + headroom;
	for (unsigned i = 0; i < count; i++)
		o->hands[i] = (struct hand){.all = o, .number = i + 1};
	return o;
}

static void
stop(struct openers *o)
{
	atomic_store_explicit(&o->stop, true, memory_order_release);
	for (unsigned i = 0; o->hands != NULL && i < o->count; i++)
		BUG_IF(sem_post(&o->work) != 0);
	for (unsigned i = 0; o->hands != NULL && i < o->count; i++) {
		if (o->hands[i].is_running)
			pthread_join(o->hands[i].thread, NULL);
		o->hands[i].is_running = false;
	}
}

int
openers_start(struct openers *o)
{
	for (unsigned i = 0; i < o->count; i++) {
		sigset_t all, before;
		int err;

		/* Signals are for the event loop. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		err = pthread_create(&o->hands[i].thread, NULL, hand_main, &o->hands[i]);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (err != 0) {
			stop(o);
			return -err;
		}
		o->hands[i].is_running = true;
		(void)pthread_setname_np(o->hands[i].thread, NAME);
	}
	return 0;
}

void
openers_destroy(struct openers *o)
{
	if (o == NULL)
		return;
	stop(o);
	o->read = atomic_load(&o->put);
	openers_release(o);
	if (o->fd >= 0)
		close(o->fd);
	sem_destroy(&o->work);
	free(o->hands);
	free(o->memory);
	free(o);
}

/* ---- the queue ---- */

int
openers_fd(const struct openers *o)
{
	return o->fd;
}

static uint64_t
put_count(const struct openers *o)
{
	/* Its only writer asks. */
	return atomic_load_explicit(&o->put, memory_order_relaxed);
}

size_t
openers_room(const struct openers *o)
{
	return OPENERS_TRAINS - (size_t)(put_count(o) - o->released);
}

bool
openers_is_empty(const struct openers *o)
{
	return put_count(o) == o->read;
}

struct openers_train *
openers_fill(struct openers *o)
{
	BUG_IF(openers_room(o) == 0);
	return &row_at(o, put_count(o))->train;
}

void
openers_put(struct openers *o)
{
	uint64_t put = put_count(o);
	struct opener *by = row_at(o, put)->train.by;

	if (by != NULL)
		(void)opener_hold(by);
	else
		memset(row_at(o, put)->train.findings, OPENER_LEFT, OPENERS_COUNT_MAX);
	atomic_store_explicit(&o->put, put + 1, memory_order_release);
}

void
openers_call(struct openers *o)
{
	BUG_IF(sem_post(&o->work) != 0);
}

const struct openers_train *
openers_next(struct openers *o, bool helps)
{
	while (o->read < put_count(o)) {
		struct row *row = row_at(o, o->read);

		if (atomic_load(&row->opened) == o->read + 1) {
			o->read++;
			return &row->train;
		}
		if (helps && open_next(o, 0))
			continue;
		if (atomic_load_explicit(&o->awaited, memory_order_relaxed) == o->read)
			break;
		/* And looks once more. */
		atomic_store(&o->awaited, o->read);
	}
	return NULL;
}

void
openers_release(struct openers *o)
{
	for (; o->released < o->read; o->released++) {
		struct openers_train *t = &row_at(o, o->released)->train;

		opener_drop(t->by);
		t->by = NULL;
	}
}

void
openers_heard(struct openers *o)
{
	uint64_t count;

	BUG_IF(read(o->fd, &count, sizeof(count)) < 0 && errno != EAGAIN);
}

void
openers_wait(struct openers *o)
{
	struct pollfd fd = {.fd = o->fd, .events = POLLIN};

	(void)!poll(&fd, 1, WAIT_MS);
	openers_heard(o);
}

uint64_t
openers_opened(const struct openers *o)
{
	return atomic_load_explicit(&o->count_opened, memory_order_relaxed);
}
