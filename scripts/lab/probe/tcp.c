/* A checksummed TCP download: every byte is compared with what it must be as it arrives. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"
#include "../stream.h"

#define FINISH_US 30000000u

struct tcp {
	int fd;
	struct stream expected;
	uint8_t tail[STREAM_TRAILER_SIZE + 8]; /* not compared yet: may be the trailer */
	size_t tail_size;
	uint64_t bytes; /* received and right */
	uint64_t last, longest_gap;
	bool wrong, ended;
	int error; /* errno of a broken connection */
};

/* Compares what cannot be the trailer any more. */
static void
check(struct tcp *t, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		t->tail[t->tail_size++] = data[i];
		if (t->tail_size < sizeof(t->tail))
			continue;
		if (stream_load(t->tail) != stream_next(&t->expected))
			t->wrong = true;
		memmove(t->tail, t->tail + 8, sizeof(t->tail) - 8);
		t->tail_size -= 8;
		t->bytes += 8;
	}
}

static bool
trailer_is_right(const struct tcp *t)
{
	return t->tail_size == STREAM_TRAILER_SIZE && stream_load(t->tail) == t->expected.bytes &&
	       stream_load(t->tail + 8) == t->expected.hash;
}

static void
read_some(struct tcp *t)
{
	uint8_t data[65536];
	ssize_t got = recv(t->fd, data, sizeof(data), MSG_DONTWAIT);
	uint64_t now = probe_now();

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		t->error = errno;
		return;
	}
	if (got == 0) {
		t->ended = true;
		return;
	}
	if (t->last > 0 && now - t->last > t->longest_gap)
		t->longest_gap = now - t->last;
	t->last = now;
	check(t, data, (size_t)got);
}

static void
print_state(struct tcp *t, bool finished)
{
	uint64_t silence = t->last > 0 ? probe_now() - t->last : 0;

	if (silence > t->longest_gap)
		t->longest_gap = silence;
	printf("{\"finished\":%s,\"bytes\":%llu,\"longest_gap_ms\":%.3f,\"content_ok\":%s,"
	       "\"checksum_ok\":%s,\"error\":\"%s\"}\n",
	       finished && t->ended ? "true" : "false", (unsigned long long)t->bytes,
	       (double)t->longest_gap / 1000.0, t->wrong ? "false" : "true",
	       t->ended && !t->wrong && trailer_is_right(t) ? "true" : "false",
	       t->error ? strerrorname_np(t->error) : "");
	t->longest_gap = 0;
}

static int
open_download(struct tcp *t, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
	char line[96];
	int size;

	if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		return -EINVAL;
	stream_init(&t->expected, strtoull(argv[5], NULL, 10));
	t->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (t->fd < 0 || connect(t->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return -errno;
	size = snprintf(line, sizeof(line), "GET %s %s\n", argv[5], argv[4]);
	if (send(t->fd, line, (size_t)size, MSG_NOSIGNAL) != size)
		return -errno;
	return 0;
}

/* Reads until "finish" (true), or until input ends (false). */
static bool
download(struct tcp *t)
{
	char line[64];

	for (;;) {
		bool open = !t->ended && t->error == 0;
		struct pollfd fds[2] = {{.fd = open ? t->fd : -1, .events = POLLIN},
					{.fd = STDIN_FILENO, .events = POLLIN}};
		ssize_t got;

		poll(fds, 2, -1);
		if (fds[0].revents)
			read_some(t);
		if (!fds[1].revents)
			continue;
		got = read(STDIN_FILENO, line, sizeof(line) - 1);
		if (got <= 0)
			return false;
		line[got] = '\0';
		if (strstr(line, "finish"))
			return true;
		if (strstr(line, "mark"))
			print_state(t, false);
	}
}

int
probe_tcp(int argc, char **argv)
{
	struct tcp t = {.fd = -1};
	uint64_t until;
	int rc = open_download(&t, argv);

	(void)argc;
	if (rc != 0) {
		fprintf(stderr, "probe: %s: %s\n", argv[2], strerror(-rc));
		return 1;
	}
	printf("{\"connected\":true}\n");
	if (!download(&t))
		return 0;
	shutdown(t.fd, SHUT_WR);
	until = probe_now() + FINISH_US;
	while (!t.ended && t.error == 0 && probe_now() < until) {
		struct pollfd in = {.fd = t.fd, .events = POLLIN};

		if (poll(&in, 1, 100) > 0)
			read_some(&t);
	}
	print_state(&t, true);
	return 0;
}
