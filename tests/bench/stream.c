/* One stream against a plain TCP connection, over loopback: datagrams of 1400 bytes in trains of 64 kB on one side, write() and
 * read() of 64 kB on the other.  In turns, so that what else the machine does meets both.
 *
 *     stream [ROUNDS [SECONDS]]
 *
 * Each round is a line; the last line has the medians, in Gb/s of payload, and their ratio. */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/fmt.h"
#include "vr/stream.h"

#define SEGMENT    1400
#define TRAIN      (46 * SEGMENT)
#define BLOCK      65536
#define ROUNDS_MAX 99

/* What the reader has heard. */
struct reader {
	struct streams *s;
	uint64_t bytes, datagrams;
	uint64_t sum; /* so that each datagram is looked at */
	bool ended;
};

static us_t
clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * US_S + t.tv_nsec / 1000;
}

static void
on_heard(void *ctx, uint32_t number, const struct endpoint *from, uint8_t *data, size_t size,
	 us_t now)
{
	struct reader *r = ctx;

	(void)from;
	(void)now;
	if (r->bytes == 0)
		streams_trust(r->s, number, 1);
	r->bytes += size;
	r->datagrams++;
	r->sum += data[0];
}

static void
on_batch_end(void *ctx, us_t now)
{
	(void)ctx;
	(void)now;
}

static void
on_opened(void *ctx, uint32_t number, const struct endpoint *remote, us_t now)
{
	(void)ctx;
	(void)number;
	(void)remote;
	(void)now;
}

static void
on_closed(void *ctx, uint32_t number, const struct endpoint *remote, enum stream_drop reason,
	  us_t now)
{
	struct reader *r = ctx;

	(void)number;
	(void)remote;
	(void)reason;
	(void)now;
	r->ended = true;
}

static const struct streams_ops ops = {
	.heard = on_heard,
	.batch_end = on_batch_end,
	.opened = on_opened,
	.closed = on_closed,
};

static void
turn(struct streams *s, int timeout)
{
	struct pollfd fd = {.fd = streams_fd(s), .events = POLLIN};

	(void)poll(&fd, 1, timeout);
	streams_readable(s, clock_now());
}

/* Sends trains whenever the last one has left the queue, until killed. */
static void
stream_writer(struct endpoint to)
{
	static uint8_t train[TRAIN];
	struct reader self = {.bytes = 0};
	struct streams_conf conf = {.queue_max = 0};
	struct stream_info info;
	uint32_t number;
	unsigned sent;

	memset(train, 'x', sizeof(train));
	if (streams_create(&conf, &ops, &self, NULL, &self.s) != 0 ||
	    streams_open(self.s, &to, clock_now(), &number) != 0)
		errx(1, "no stream");
	while (!self.ended && streams_info(self.s, number, &info)) {
		if (!info.is_open || info.queued != 0)
			turn(self.s, 100);
		else if (streams_send(self.s, number, STREAMS_DATA, train, sizeof(train), SEGMENT,
				      clock_now(), &sent) != 0)
			turn(self.s, 0);
	}
}

static pid_t
child(void (*run)(struct endpoint), struct endpoint to)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(to);
		_exit(0);
	}
	return pid;
}

static void
child_end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static double
stream_round(us_t duration)
{
	struct streams_conf conf = {.queue_max = 0};
	struct reader r = {.bytes = 0};
	struct streams_stats before, after;
	uint64_t bytes;
	us_t start, now;
	pid_t pid;

	if (endpoint_from_text("127.0.0.1:0", &conf.listen) != 0 ||
	    streams_create(&conf, &ops, &r, NULL, &r.s) != 0)
		errx(1, "no streams");
	pid = child(stream_writer, streams_endpoint(r.s));
	while (r.bytes < 16 * 1024 * 1024)
		turn(r.s, 100);
	start = clock_now();
	bytes = r.bytes;
	streams_stats(r.s, &before);
	do {
		turn(r.s, 100);
		now = clock_now();
	} while (now < start + duration);
	streams_stats(r.s, &after);
	bytes = r.bytes - bytes;
	child_end(pid);
	streams_destroy(r.s);
	printf("  %.1f datagrams with each recv()\n",
	       (double)(after.rx_datagrams - before.rx_datagrams) /
		       (double)(after.rx_calls - before.rx_calls));
	return (double)bytes * 8e-3 / (double)(now - start);
}

static struct sockaddr_in
address(struct endpoint ep)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(ep.port)};

	memcpy(&a.sin_addr, ep.addr.b, 4);
	return a;
}

static void
plain_writer(struct endpoint to)
{
	static uint8_t block[BLOCK];
	struct sockaddr_in a = address(to);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(block, 'x', sizeof(block));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		err(1, "connect");
	while (write(fd, block, sizeof(block)) > 0)
		;
}

static double
plain_round(us_t duration)
{
	static uint8_t block[BLOCK];
	struct endpoint at;
	struct sockaddr_in a;
	socklen_t size = sizeof(a);
	uint64_t bytes = 0;
	us_t start = 0, now;
	pid_t pid;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	if (endpoint_from_text("127.0.0.1:0", &at) != 0)
		errx(1, "no address");
	a = address(at);
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&a, &size) != 0)
		err(1, "listen");
	at.port = ntohs(a.sin_port);
	pid = child(plain_writer, at);
	fd = accept(listener, NULL, NULL);
	do {
		ssize_t got = read(fd, block, sizeof(block));

		if (got <= 0)
			err(1, "read");
		bytes += (uint64_t)got;
		now = clock_now();
		if (start == 0 && bytes >= 16 * 1024 * 1024) {
			start = now;
			bytes = 0;
		}
	} while (start == 0 || now < start + duration);
	child_end(pid);
	close(fd);
	close(listener);
	return (double)bytes * 8e-3 / (double)(now - start);
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double
median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

int
main(int argc, char **argv)
{
	double streams[ROUNDS_MAX], plain[ROUNDS_MAX];
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 5;
	us_t duration = (us_t)((argc > 2 ? strtod(argv[2], NULL) : 1) * (double)US_S);

	if (rounds < 1 || rounds > ROUNDS_MAX || duration <= 0)
		errx(2, "usage: stream [ROUNDS [SECONDS]]");
	for (size_t i = 0; i < rounds; i++) {
		streams[i] = stream_round(duration);
		plain[i] = plain_round(duration);
		printf("round %zu: stream %.2f Gb/s, plain TCP %.2f Gb/s\n", i + 1, streams[i],
		       plain[i]);
	}
	printf("stream %.2f Gb/s, plain TCP %.2f Gb/s, ratio %.2f\n", median(streams, rounds),
	       median(plain, rounds), median(streams, rounds) / median(plain, rounds));
	return 0;
}
