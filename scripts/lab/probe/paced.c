/* Numbered requests at a fixed rate, and what comes back.
 *
 * A thread of real-time priority sends at exact multiples of the period; a late wake-up is made up for at
 * once, so no number is left out.  The payload starts with the lab's mark, flow and number, so that a capture
 * anywhere can tell which request or reply it sees:
 *
 *	0 magic "VRLB"   4 flow   8 number   12 zeros up to SIZE		(network order)
 *
 * What it prints names the first number that was answered, when its reply came (CLOCK_MONOTONIC; 0: none did), and the
 * highest that was answered; all numbers are since the start, only "longest_gap_ms" is since the last mark. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

#define MAGIC           0x56524c42u
#define ICMP_SIZE       8
#define SEEN_BITS       (1u << 24) /* more than four hours at 1 kHz */
#define LAST_REPLIES_US 1500000u

struct paced {
	int fd;
	bool icmp;
	uint32_t flow;
	size_t size;
	uint64_t period_ns;
	atomic_uint sent, send_errors;
	atomic_bool stop;
	uint8_t *seen; /* bit per number: its reply came */
	uint32_t received, duplicated, reordered, highest, first;
	uint64_t first_reply, last_reply, longest_gap;
};

static void
store32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

static uint32_t
load32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return ntohl(value);
}

static uint16_t
checksum(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	if (size & 1)
		sum += (uint32_t)(data[size - 1] << 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void
send_one(struct paced *p, uint32_t number)
{
	uint8_t message[1500] = {0};
	uint8_t *payload = message + (p->icmp ? ICMP_SIZE : 0);
	size_t size = p->size + (p->icmp ? ICMP_SIZE : 0);
	uint16_t sum;

	store32(payload, MAGIC);
	store32(payload + 4, p->flow);
	store32(payload + 8, number);
	if (p->icmp) {
		message[0] = 8;
		message[4] = (uint8_t)(p->flow >> 8);
		message[5] = (uint8_t)p->flow;
		message[6] = (uint8_t)(number >> 8);
		message[7] = (uint8_t)number;
		sum = checksum(message, size);
		memcpy(message + 2, &sum, sizeof(sum));
	}
	if (send(p->fd, message, size, 0) < 0)
		atomic_fetch_add(&p->send_errors, 1);
}

static void *
sender(void *ctx)
{
	struct paced *p = ctx;
	struct timespec due;

	clock_gettime(CLOCK_MONOTONIC, &due);
	while (!atomic_load(&p->stop)) {
		send_one(p, atomic_load(&p->sent));
		atomic_fetch_add(&p->sent, 1);
		due.tv_nsec += (long)p->period_ns;
		while (due.tv_nsec >= 1000000000L) {
			due.tv_nsec -= 1000000000L;
			due.tv_sec++;
		}
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
			;
	}
	return NULL;
}

static void
heard(struct paced *p, const uint8_t *data, size_t size)
{
	uint32_t number;
	uint64_t now = probe_now();

	if (p->icmp) {
		size_t skip = size > 0 ? (size_t)(data[0] & 15) * 4 : 0;

		if (skip == 0 || size < skip + ICMP_SIZE || data[skip] != 0)
			return;
		data += skip + ICMP_SIZE;
		size -= skip + ICMP_SIZE;
	}
	if (size < 12 || load32(data) != MAGIC || load32(data + 4) != p->flow)
		return;
	number = load32(data + 8) % SEEN_BITS;
	if (p->seen[number / 8] & 1u << number % 8) {
		p->duplicated++;
		return;
	}
	p->seen[number / 8] |= (uint8_t)(1u << number % 8);
	if (p->received > 0 && number < p->highest)
		p->reordered++;
	else
		p->highest = number;
	if (p->received == 0) {
		p->first = number;
		p->first_reply = now;
	}
	if (p->last_reply > 0 && now - p->last_reply > p->longest_gap)
		p->longest_gap = now - p->last_reply;
	p->last_reply = now;
	p->received++;
}

static void
print_state(struct paced *p, bool finished)
{
	printf("{\"finished\":%s,\"sent\":%u,\"received\":%u,\"duplicated\":%u,\"reordered\":%u,"
	       "\"send_errors\":%u,\"longest_gap_ms\":%.3f,\"first\":%u,\"highest\":%u,"
	       "\"first_reply_us\":%llu}\n",
	       finished ? "true" : "false", atomic_load(&p->sent), p->received, p->duplicated,
	       p->reordered, atomic_load(&p->send_errors), (double)p->longest_gap / 1000.0,
	       p->first, p->highest, (unsigned long long)p->first_reply);
	p->longest_gap = 0;
}

/* Reads until "finish" (true) or the end of input (false). */
static bool
receive(struct paced *p, uint64_t until)
{
	uint8_t data[2048];
	char line[64];

	for (;;) {
		struct pollfd fds[2] = {{.fd = p->fd, .events = POLLIN},
					{.fd = until ? -1 : STDIN_FILENO, .events = POLLIN}};
		ssize_t got;

		poll(fds, 2, 100);
		while ((got = recv(p->fd, data, sizeof(data), MSG_DONTWAIT)) >= 0)
			heard(p, data, (size_t)got);
		if (until && probe_now() >= until)
			return true;
		if (!fds[1].revents)
			continue;
		got = read(STDIN_FILENO, line, sizeof(line) - 1);
		if (got <= 0)
			return false;
		line[got] = '\0';
		if (strstr(line, "finish"))
			return true;
		if (strstr(line, "mark"))
			print_state(p, false);
	}
}

static int
open_socket(struct paced *p, const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int size = 4 << 20;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return -EINVAL;
	p->fd = p->icmp ? socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) : socket(AF_INET, SOCK_DGRAM, 0);
	if (p->fd < 0)
		return -errno;
	setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (connect(p->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return -errno;
	return 0;
}

static int
start_sender(struct paced *p, pthread_t *thread)
{
	struct sched_param priority = {.sched_priority = 5};
	int rc = pthread_create(thread, NULL, sender, p);

	/* Without the right to it the probe works too, only less evenly. */
	if (rc == 0)
		(void)pthread_setschedparam(*thread, SCHED_FIFO, &priority);
	return rc;
}

int
probe_paced(int argc, char **argv)
{
	struct paced *p = calloc(1, sizeof(*p));
	pthread_t thread;
	bool asked;
	int rc;

	(void)argc;
	if (p == NULL || (p->seen = calloc(1, SEEN_BITS / 8)) == NULL)
		return 1;
	p->icmp = strcmp(argv[1], "ping") == 0;
	p->period_ns = 1000000000u / (uint64_t)atoi(argv[4]);
	p->size = (size_t)atoi(argv[5]);
	p->flow = (uint32_t)atoi(argv[6]);
	if (p->size < 12 || p->size > 1472) {
		fprintf(stderr, "probe: size %zu is not in 12..1472\n", p->size);
		return 2;
	}
	rc = open_socket(p, argv[2], argv[3]);
	if (rc != 0 || start_sender(p, &thread) != 0) {
		fprintf(stderr, "probe: %s: %s\n", argv[2], strerror(-rc));
		return 1;
	}
	asked = receive(p, 0);
	atomic_store(&p->stop, true);
	pthread_join(thread, NULL);
	if (asked) {
		receive(p, probe_now() + LAST_REPLIES_US);
		print_state(p, true);
	}
	return 0;
}
