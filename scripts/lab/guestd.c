/* The program that runs in the lab's guest machine: TCP downloads of a checksummable stream at a
 * bounded rate, and a UDP echo.  Linked statically into the guest's initramfs; also runs anywhere
 * else, for tests without a hypervisor.
 *
 * A download starts with one line from the client, "GET <seed> <bytes per second>\n", and goes on
 * until the client
 * closes its sending side; then the trailer follows and the connection ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "stream.h"

#define MAX_DOWNLOADS 32
#define CHUNK_SIZE    16384
#define TICK_MS       5
#define ECHO_BATCH    64

enum phase { FREE, ASKING, STREAMING, TRAILER };

struct download {
	enum phase phase;
	int fd;
	char line[128];
	size_t line_size;
	struct stream stream;
	uint64_t rate;  /* bytes per second */
	uint64_t since; /* us */
	int64_t budget; /* bytes that may leave now */
	uint8_t out[CHUNK_SIZE];
	size_t out_size, out_done;
};

struct guestd {
	int listener, echo;
	struct download downloads[MAX_DOWNLOADS];
};

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void
download_close(struct download *d)
{
	close(d->fd);
	d->phase = FREE;
	d->fd = -1;
}

static void
accept_download(struct guestd *g)
{
	int one = 1, fd = accept4(g->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 0; i < MAX_DOWNLOADS; i++) {
		struct download *d = &g->downloads[i];

		if (d->phase != FREE)
			continue;
		memset(d, 0, sizeof(*d));
		d->fd = fd;
		d->phase = ASKING;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		return;
	}
	close(fd);
}

/* Collects the request line; a line that is no request ends the connection. */
static void
read_request(struct download *d)
{
	unsigned long long seed, rate;
	ssize_t got = read(d->fd, d->line + d->line_size, sizeof(d->line) - 1 - d->line_size);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		download_close(d);
		return;
	}
	d->line_size += (size_t)got;
	d->line[d->line_size] = '\0';
	if (strchr(d->line, '\n') == NULL) {
		if (d->line_size == sizeof(d->line) - 1)
			download_close(d);
		return;
	}
	if (sscanf(d->line, "GET %llu %llu", &seed, &rate) != 2 || rate == 0) {
		download_close(d);
		return;
	}
	stream_init(&d->stream, seed);
	d->rate = rate;
	d->since = now_us();
	d->phase = STREAMING;
}

/* The client says nothing more; its end of file asks for the trailer. */
static void
read_end(struct download *d)
{
	char scrap[64];
	ssize_t got = read(d->fd, scrap, sizeof(scrap));

	if (got == 0)
		d->phase = TRAILER;
	else if (got < 0 && errno != EAGAIN && errno != EINTR)
		download_close(d);
}

/* Fills 'out' when it is empty.  False when there is nothing to send now. */
static bool
refill(struct download *d)
{
	size_t size = d->budget > CHUNK_SIZE ? CHUNK_SIZE : (size_t)(d->budget > 0 ? d->budget : 0);

	if (d->out_done < d->out_size)
		return true;
	d->out_done = 0;
	if (d->phase == TRAILER) {
		stream_store(d->out, d->stream.bytes);
		stream_store(d->out + 8, d->stream.hash);
		d->out_size = STREAM_TRAILER_SIZE;
		return true;
	}
	d->out_size = size & ~(size_t)7;
	stream_fill(&d->stream, d->out, d->out_size);
	d->budget -= (int64_t)d->out_size;
	return d->out_size > 0;
}

static void
write_stream(struct download *d, uint64_t now)
{
	/* At most 20 ms in one burst: after a stall the rate goes on, it does not catch up. */
	int64_t most = (int64_t)(d->rate / 50 + 8);
	bool trailer;

	d->budget += (int64_t)(d->rate * (now - d->since) / 1000000u);
	d->since = now;
	if (d->budget > most)
		d->budget = most;
	while (trailer = d->phase == TRAILER && d->out_done == d->out_size, refill(d)) {
		ssize_t put =
			send(d->fd, d->out + d->out_done, d->out_size - d->out_done, MSG_NOSIGNAL);

		if (put < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (put < 0) {
			download_close(d);
			return;
		}
		d->out_done += (size_t)put;
		if (trailer && d->out_done == d->out_size) {
			download_close(d);
			return;
		}
	}
}

static void
echo(int fd)
{
	uint8_t data[2048];
	struct sockaddr_in from;

	for (int i = 0; i < ECHO_BATCH; i++) {
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &size);

		if (got < 0)
			return;
		(void)!sendto(fd, data, (size_t)got, MSG_DONTWAIT, (struct sockaddr *)&from, size);
	}
}

static int
open_socket(int type, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    (type == SOCK_STREAM && listen(fd, 16) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One round: waits for sockets, or for the next tick while something streams. */
static void
serve(struct guestd *g)
{
	struct pollfd fds[2 + MAX_DOWNLOADS] = {{.fd = g->listener, .events = POLLIN},
						{.fd = g->echo, .events = POLLIN}};
	int timeout = -1;

	for (size_t i = 0; i < MAX_DOWNLOADS; i++) {
		struct download *d = &g->downloads[i];

		fds[2 + i].fd = d->phase == ASKING || d->phase == STREAMING ? d->fd : -1;
		fds[2 + i].events = POLLIN;
		if (d->phase == STREAMING || d->phase == TRAILER)
			timeout = TICK_MS;
	}
	if (poll(fds, 2 + MAX_DOWNLOADS, timeout) < 0)
		return;
	if (fds[1].revents)
		echo(g->echo);
	if (fds[0].revents)
		accept_download(g);
	for (size_t i = 0; i < MAX_DOWNLOADS; i++) {
		struct download *d = &g->downloads[i];

		if (d->phase == ASKING && fds[2 + i].revents)
			read_request(d);
		else if (d->phase == STREAMING && fds[2 + i].revents)
			read_end(d);
		if (d->phase == STREAMING || d->phase == TRAILER)
			write_stream(d, now_us());
	}
}

int
main(void)
{
	struct guestd *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	g->listener = open_socket(SOCK_STREAM, STREAM_PORT);
	g->echo = open_socket(SOCK_DGRAM, ECHO_PORT);
	if (g->listener < 0 || g->echo < 0) {
		perror("guestd");
		return 1;
	}
	printf("guestd ready\n");
	fflush(stdout);
	for (;;)
		serve(g);
}
