/* Small datagrams at a given rate, and how many of them arrive.
 *
 *     udp_rate send ADDRESS PORT SIZE RATE SECONDS [FLOWS [STRIDE]]
 *     udp_rate receive PORT SIZE
 *
 * RATE is per second; 0 is as many as it can.  Several FLOWS have a source port each, and as
 * destination the
 * one before's and STRIDE addresses more; they take turns, datagram by datagram.
 * The sender prints one line, at its end or when it is told to end: how many it has sent, and in
 * how many seconds.  Datagrams leave in
 * batches of at most 64; what a sender that was held up could not send in time is left out and not
 * sent in a burst.  The receiver prints "ready", then for each line of its standard input how many
 * datagrams of this size have come since the line before, and ends with its input. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/clock.h"

#define BATCH     64
#define BYTES_MAX 1472
#define BUFFER    (8 * 1024 * 1024)
#define PAUSE_NS  50000
#define FLOWS_MAX 50000
#define PORT_MIN  10000

static volatile sig_atomic_t is_stopped;

static size_t
size_from(const char *text)
{
	unsigned long size = strtoul(text, NULL, 10);

	if (size < 1 || size > BYTES_MAX)
		errx(2, "a datagram has 1 to %d bytes", BYTES_MAX);
	return size;
}

static struct sockaddr_in
address(const char *host, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", host);
	a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	return a;
}

/* How many the kernel took of 'count' datagrams. */
static unsigned
send_batch(int fd, struct mmsghdr *msgs, unsigned count)
{
	int sent = sendmmsg(fd, msgs, count, 0);

	if (sent >= 0)
		return (unsigned)sent;
	if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
		err(1, "sendmmsg");
	return 0;
}

static void
on_stop(int number)
{
	(void)number;
	is_stopped = 1;
}

/* A batch of datagrams, which the kernel or, of several flows, we give a UDP header. */
struct batch {
	int fd;
	struct sockaddr_in to; /* of the first flow */
	unsigned flows, stride, next;
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[BATCH][2];
	struct sockaddr_in tos[BATCH];
	uint16_t headers[BATCH][4]; /* as they are sent; no checksum */
	uint8_t bytes[BYTES_MAX];
};

static void
batch_open(struct batch *b, size_t size)
{
	bool is_raw = b->flows > 1;

	b->fd = is_raw ? socket(AF_INET, SOCK_RAW, IPPROTO_UDP) : socket(AF_INET, SOCK_DGRAM, 0);
	if (b->fd < 0 || (!is_raw && connect(b->fd, (struct sockaddr *)&b->to, sizeof(b->to)) != 0))
		err(1, "connect");
	for (size_t i = 0; i < BATCH; i++) {
		b->iovs[i][0] = (struct iovec){b->headers[i], sizeof(b->headers[i])};
		b->iovs[i][1] = (struct iovec){b->bytes, size};
		b->headers[i][1] = b->to.sin_port;
		b->headers[i][2] = htons((uint16_t)(size + sizeof(b->headers[i])));
		b->tos[i] = b->to;
		b->tos[i].sin_port = 0;
		b->msgs[i].msg_hdr = (struct msghdr){.msg_iov = b->iovs[i] + !is_raw,
						     .msg_iovlen = is_raw ? 2 : 1};
		if (is_raw) {
			b->msgs[i].msg_hdr.msg_name = &b->tos[i];
			b->msgs[i].msg_hdr.msg_namelen = sizeof(b->tos[i]);
		}
	}
}

static void
batch_fill(struct batch *b, unsigned count)
{
	for (unsigned i = 0; i < count && b->flows > 1; i++) {
		b->headers[i][0] = htons((uint16_t)(PORT_MIN + b->next));
		b->tos[i].sin_addr.s_addr =
			htonl(ntohl(b->to.sin_addr.s_addr) + b->next * b->stride);
		b->next = (b->next + 1) % b->flows;
	}
}

static int
send_all(struct batch *b, size_t size, double rate, double time)
{
	unsigned long sent = 0;
	double start, now, missed = 0;

	batch_open(b, size);
	(void)signal(SIGTERM, on_stop);
	/* Pauses are as short as they are said to be. */
	(void)prctl(PR_SET_TIMERSLACK, 1);
	start = seconds();
	while ((now = seconds()) < start + time && !is_stopped) {
		double due = rate > 0 ? rate * (now - start) - missed - (double)sent : BATCH;

		if (due > BATCH) {
			missed += due - BATCH;
			due = BATCH;
		}
		if (due < 1) {
			(void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
			continue;
		}
		batch_fill(b, (unsigned)due);
		sent += send_batch(b->fd, b->msgs, (unsigned)due);
	}
	printf("{\"sent\": %lu, \"seconds\": %.6f}\n", sent, now - start);
	return 0;
}

/* Takes what has come; returns how many are of this size. */
static unsigned long
take(int fd, size_t size)
{
	static uint8_t bytes[BATCH][BYTES_MAX + 1];
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[BATCH];
	unsigned long good = 0;
	int count;

	do {
		for (size_t i = 0; i < BATCH; i++) {
			iovs[i] = (struct iovec){bytes[i], sizeof(bytes[i])};
			msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iovs[i], .msg_iovlen = 1};
		}
		count = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < count; i++)
			good += msgs[i].msg_len == size;
	} while (count == BATCH);
	return good;
}

static int
receive(struct sockaddr_in at, size_t size)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = BUFFER;
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	unsigned long received = 0;
	char line[64];

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		err(1, "bind");
	puts("ready");
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			err(1, "poll");
		received += take(fd, size);
		if (fds[1].revents == 0)
			continue;
		if (read(0, line, sizeof(line)) <= 0)
			return 0;
		printf("{\"received\": %lu}\n", received);
		received = 0;
	}
}

int
main(int argc, char **argv)
{
	static struct batch batch = {.flows = 1};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc >= 7 && argc <= 9 && strcmp(argv[1], "send") == 0) {
		batch.to = address(argv[2], argv[3]);
		if (argc > 7)
			batch.flows = (unsigned)strtoul(argv[7], NULL, 10);
		if (argc > 8)
			batch.stride = (unsigned)strtoul(argv[8], NULL, 10);
		if (batch.flows < 1 || batch.flows > FLOWS_MAX)
			errx(2, "1 to %d flows", FLOWS_MAX);
		return send_all(&batch, size_from(argv[4]), strtod(argv[5], NULL),
				strtod(argv[6], NULL));
	}
	if (argc == 4 && strcmp(argv[1], "receive") == 0)
		return receive(address("0.0.0.0", argv[2]), size_from(argv[3]));
	errx(2, "usage: udp_rate send ADDRESS PORT SIZE RATE SECONDS [FLOWS [STRIDE]] | receive "
		"PORT SIZE");
}
