/* Streams over loopback with a clock of their own, and plain sockets at their other end. */
#ifndef TESTS_UNIT_STREAM_RIG_H
#define TESTS_UNIT_STREAM_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fmt.h"
#include "vr/stream.h"
#include "wire/stream.h"

#define HEARD_MAX (1024 * 1024)

/* One side, and what it was told. */
struct rig {
	struct streams *s;
	us_t now;
	unsigned heard, opened, closed, batches;
	unsigned open_batch; /* datagrams since the last batch_end */
	uint32_t number;     /* of what was last opened or heard */
	struct endpoint from;
	enum stream_drop reason; /* of the last end */
	uint32_t ended;
	bool trusts;         /* whoever it hears */
	unsigned close_when; /* it hears this datagram: closes the stream */
	bool reopens;        /* in 'closed': tries again */
	int reopened;        /* what came of it */
	uint8_t *bytes;      /* the last datagrams, behind each other */
	size_t size;
};

static inline void
rig_heard(void *ctx, uint32_t number, const struct endpoint *from, uint8_t *data, size_t size,
	  us_t now)
{
	struct rig *r = ctx;

	assert_int_equal(now, r->now);
	r->heard++;
	r->open_batch++;
	r->number = number;
	r->from = *from;
	assert_true(r->size + size <= HEARD_MAX);
	memcpy(r->bytes + r->size, data, size);
	r->size += size;
	/* In place, with its length. */
	memset(data - STREAM_LENGTH_SIZE, 0xee, size + STREAM_LENGTH_SIZE);
	if (r->open_batch == 1)
		memset(data - STREAM_HEADROOM, 0xee, STREAM_HEADROOM);
	if (r->trusts)
		streams_trust(r->s, number, 1);
	if (r->heard == r->close_when)
		streams_close(r->s, number, now);
}

static inline void
rig_batch_end(void *ctx, us_t now)
{
	struct rig *r = ctx;

	assert_int_equal(now, r->now);
	r->batches++;
	r->open_batch = 0;
}

static inline void
rig_opened(void *ctx, uint32_t number, const struct endpoint *remote, us_t now)
{
	struct rig *r = ctx;

	(void)now;
	r->opened++;
	r->number = number;
	r->from = *remote;
}

static inline void
rig_closed(void *ctx, uint32_t number, const struct endpoint *remote, enum stream_drop reason,
	   us_t now)
{
	struct rig *r = ctx;

	r->closed++;
	r->ended = number;
	r->reason = reason;
	assert_false(streams_info(r->s, number, &(struct stream_info){.queued = 0}));
	if (r->reopens)
		r->reopened = streams_open(r->s, remote, now, &r->number);
}

static const struct streams_ops rig_ops = {
	.heard = rig_heard,
	.batch_end = rig_batch_end,
	.opened = rig_opened,
	.closed = rig_closed,
};

static inline struct endpoint
rig_endpoint(const char *text)
{
	struct endpoint ep;

	assert_int_equal(endpoint_from_text(text, &ep), 0);
	return ep;
}

static inline void
rig_init(struct rig *r, struct streams_conf conf)
{
	*r = (struct rig){.now = 1000 * US_S, .bytes = malloc(HEARD_MAX)};
	assert_int_equal(streams_create(&conf, &rig_ops, r, NULL, &r->s), 0);
}

/* Accepts on loopback. */
static inline void
rig_listen(struct rig *r, struct streams_conf conf)
{
	conf.listen = rig_endpoint("127.0.0.1:1");
	conf.listen.port = 0;
	rig_init(r, conf);
}

static inline void
rig_fini(struct rig *r)
{
	streams_destroy(r->s);
	free(r->bytes);
}

static inline uint64_t
rig_drops(const struct rig *r, enum stream_drop reason)
{
	return streams_drop_count(r->s, reason);
}

static inline struct streams_stats
rig_stats(const struct rig *r)
{
	struct streams_stats stats;

	streams_stats(r->s, &stats);
	return stats;
}

/* One turn of each side; 'b' may be NULL. */
static inline void
rig_turn(struct rig *a, struct rig *b)
{
	struct pollfd fds[2] = {{.fd = streams_fd(a->s), .events = POLLIN},
				{.fd = b != NULL ? streams_fd(b->s) : -1, .events = POLLIN}};

	(void)poll(fds, 2, 2);
	streams_readable(a->s, a->now);
	if (b != NULL)
		streams_readable(b->s, b->now);
}

/* A deadline in real time. */
static inline time_t
rig_deadline(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 20;
}

static inline bool
rig_late(time_t deadline)
{
	return rig_deadline() - 20 > deadline;
}

/* Turns until the condition holds. */
#define RIG_UNTIL(a, b, condition)                                                                 \
	do {                                                                                       \
		time_t deadline_ = rig_deadline();                                                 \
                                                                                                   \
		while (!(condition)) {                                                             \
			if (rig_late(deadline_))                                                   \
				fail_msg("%s:%d: never: %s", __FILE__, __LINE__, #condition);      \
			rig_turn(a, b);                                                            \
		}                                                                                  \
	} while (0)

/* --- plain sockets, which block, but not for ever --- */

static inline struct sockaddr_in
raw_address(struct endpoint ep)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(ep.port)};

	memcpy(&a.sin_addr, ep.addr.b, 4);
	return a;
}

static inline int
raw_socket(void)
{
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

/* From 127.0.0.'host'. */
static inline int
raw_connect_from(const struct rig *r, unsigned host)
{
	struct sockaddr_in to = raw_address(streams_endpoint(r->s));
	struct sockaddr_in from = {.sin_family = AF_INET};
	int fd = raw_socket();

	from.sin_addr.s_addr = htonl(0x7f000000 + host);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static inline int
raw_connect(const struct rig *r)
{
	return raw_connect_from(r, 1);
}

static inline int
raw_listen(struct endpoint *where, int backlog)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t size = sizeof(a);
	int fd = raw_socket();

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	*where = (struct endpoint){.addr = addr_make(ADDR_V4, (const uint8_t *)&a.sin_addr),
				   .port = ntohs(a.sin_port)};
	return fd;
}

static inline int
raw_accept(int listener)
{
	struct timeval patience = {.tv_sec = 20};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

static inline void
raw_send(int fd, const void *data, size_t size)
{
	assert_int_equal(send(fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* The first of it has been there for the length. */
static inline void
raw_send_frame(int fd, size_t size, uint8_t byte)
{
	uint8_t *frame = malloc(STREAM_LENGTH_SIZE + size);

	stream_frame_build(size, frame);
	memset(frame + STREAM_LENGTH_SIZE, byte, size);
	raw_send(fd, frame, STREAM_LENGTH_SIZE + size);
	free(frame);
}

static inline void
raw_expect(int fd, const void *data, size_t size)
{
	uint8_t *found = malloc(size);

	assert_int_equal(recv(fd, found, size, MSG_WAITALL), (ssize_t)size);
	assert_memory_equal(found, data, size);
	free(found);
}

/* The other side has closed, and said nothing before. */
static inline bool
raw_at_end(int fd)
{
	uint8_t byte;
	ssize_t size = recv(fd, &byte, 1, MSG_DONTWAIT);

	return size == 0 || (size < 0 && errno == ECONNRESET);
}

static inline void
raw_reset(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	close(fd);
}

/* A stream of ours to a socket that the test has, which is 'fd' from then on. */
static inline uint32_t
open_raw(struct rig *r, int *fd)
{
	struct endpoint to;
	int listener = raw_listen(&to, 1);
	uint32_t number;

	assert_int_equal(streams_open(r->s, &to, r->now, &number), 0);
	*fd = raw_accept(listener);
	close(listener);
	RIG_UNTIL(r, NULL, r->opened == 1);
	return number;
}

#endif
