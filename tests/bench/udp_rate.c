/* Small datagrams at a given rate, and how many of them arrive.
 *
 *     udp_rate send ADDRESS PORT SIZE RATE SECONDS     RATE per second; 0 is as many as it can
 *     udp_rate receive PORT SIZE
 *
 * The sender prints one line: how many it has sent, and in how many seconds.  Datagrams leave in
 * batches of at most 64; what a sender that was held up could not send in time is left out and not
 * sent in a burst.  The receiver prints "ready", then for each line of its standard input how many
 * datagrams of this size have come since the line before, and ends with its input. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
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

static int
send_all(struct sockaddr_in to, size_t size, double rate, double time)
{
	static uint8_t bytes[BYTES_MAX];
	struct iovec iov = {bytes, size};
	struct mmsghdr msgs[BATCH];
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	unsigned long sent = 0;
	double start, now, missed = 0;

	for (size_t i = 0; i < BATCH; i++)
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		err(1, "connect");
	/* Pauses are as short as they are said to be. */
	(void)prctl(PR_SET_TIMERSLACK, 1);
	start = seconds();
	while ((now = seconds()) < start + time) {
		double due = rate > 0 ? rate * (now - start) - missed - (double)sent : BATCH;

		if (due > BATCH) {
			missed += due - BATCH;
			due = BATCH;
		}
		if (due < 1) {
			(void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
			continue;
		}
		sent += send_batch(fd, msgs, (unsigned)due);
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
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 7 && strcmp(argv[1], "send") == 0)
		return send_all(address(argv[2], argv[3]), size_from(argv[4]),
				strtod(argv[5], NULL), strtod(argv[6], NULL));
	if (argc == 4 && strcmp(argv[1], "receive") == 0)
		return receive(address("0.0.0.0", argv[2]), size_from(argv[3]));
	errx(2, "usage: udp_rate send ADDRESS PORT SIZE RATE SECONDS | receive PORT SIZE");
}
