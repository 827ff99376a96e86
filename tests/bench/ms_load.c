/* Load for a map-server, or for an echo, from one socket.
 *
 *     ms_load fill|requests|registers OWN-ADDRESS ADDRESS PORT EIDS SECRET
 *
 * fill       registers every EID once, and checks that all are confirmed
 * requests   asks for EIDs in random order for two seconds
 * registers  registers EIDs anew in random order, with a Map-Notify wanted
 *
 * Prints the answers per second.  So many messages are under way that the other side never waits
 * for
 * this one.  Messages are made before the clock runs, and answers are not read: the socket has next
 * to
 * no buffer, and the kernel counts what it drops.  So this side costs less than the bare echo,
 * whose
 * rate is then its own. */
#include <arpa/inet.h>
#include <err.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/bench/ms_messages.h"

/* Where a Map-Notify goes to. */
#define PORT     LISP_CONTROL_PORT
#define BATCH    64
#define WINDOW   1024
#define MESSAGES (1u << 18)
#define SECONDS  2.0
/* Nothing came for so long: what is under way is lost. */
#define LOST_S 0.2

struct load {
	int fd;
	struct lisp_key key;
	struct endpoint own;
	struct sockaddr_in to;
	struct message *messages;
	uint64_t random, nonce;
	uint32_t dropped_before;
};

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Answers so far: none is read, so all beyond the first few are dropped. */
static uint32_t
answers(const struct load *l)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t size = sizeof(info);

	if (getsockopt(l->fd, SOL_SOCKET, SO_MEMINFO, info, &size) != 0)
		err(1, "SO_MEMINFO");
	return info[SK_MEMINFO_DROPS] - l->dropped_before;
}

static void
send_batch(const struct load *l, const struct message *messages, unsigned count)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[BATCH];
	unsigned at = 0;

	memset(msgs, 0, sizeof(msgs));
	for (unsigned i = 0; i < count; i++) {
		iovs[i] = (struct iovec){(void *)(uintptr_t)messages[i].data, messages[i].size};
		msgs[i].msg_hdr.msg_name = (void *)(uintptr_t)&l->to;
		msgs[i].msg_hdr.msg_namelen = sizeof(l->to);
		msgs[i].msg_hdr.msg_iov = &iovs[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	while (at < count) {
		int sent = sendmmsg(l->fd, msgs + at, count - at, 0);

		if (sent <= 0)
			err(1, "sendmmsg");
		at += (unsigned)sent;
	}
}

/* Sends 'count' messages once, or over again until the time is up; returns the answers. */
static uint32_t
drive(struct load *l, unsigned count, double until)
{
	uint32_t sent = 0, lost = 0, seen = 0;
	double moved = seconds(), now = moved;

	l->dropped_before += answers(l);
	while (until != 0 ? now < until : seen + lost < count) {
		uint32_t got = answers(l);

		now = seconds();
		if (got != seen)
			moved = now;
		else if (now - moved > LOST_S)
			lost = sent - got;
		seen = got;
		if (sent - seen - lost <= WINDOW - BATCH && (until != 0 || sent < count)) {
			send_batch(l, &l->messages[sent % count], BATCH);
			sent += BATCH;
		}
	}
	return seen;
}

static double
timed(struct load *l, bool once)
{
	double start = seconds();
	uint32_t got = drive(l, MESSAGES, once ? 0 : start + SECONDS);

	return got / (seconds() - start);
}

/* Fills up what buffer there is, so that every further answer is counted. */
static void
stop_up(struct load *l)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(&own.sin_addr, l->own.addr.b, 4);
	for (unsigned i = 0; i < 4096 && answers(l) == 0; i++)
		if (sendto(fd, &own, 1, 0, (struct sockaddr *)&own, sizeof(own)) < 0)
			err(1, "own address");
	if (answers(l) == 0)
		errx(1, "the socket's buffer is never full");
}

static double
fill(struct load *l, uint32_t eids)
{
	double start = seconds();
	uint32_t confirmed = 0;

	for (uint32_t at = 0; at < eids;) {
		uint32_t count = 0;

		for (; count < MESSAGES && (at < eids || count % BATCH != 0); count++, at++)
			make_register(&l->key, ++l->nonce, at % eids, true, &l->messages[count]);
		confirmed += drive(l, count, 0);
	}
	if (confirmed < eids)
		errx(1, "%u of %u EIDs confirmed", confirmed, eids);
	return eids / (seconds() - start);
}

static void
open_socket(struct load *l, const char *own, const char *to, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int one = 1;

	l->to = (struct sockaddr_in){.sin_family = AF_INET,
				     .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	if (inet_pton(AF_INET, own, &a.sin_addr) != 1 ||
	    inet_pton(AF_INET, to, &l->to.sin_addr) != 1)
		errx(2, "no address");
	l->own = (struct endpoint){addr_make(ADDR_V4, (const uint8_t *)&a.sin_addr), PORT};
	l->fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)) != 0 ||
	    bind(l->fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		err(1, "%s", own);
}

static void
take_key(struct load *l, const char *secret)
{
	size_t size = strlen(secret);

	if (size > LISP_SECRET_SIZE_MAX)
		errx(2, "the secret is too long");
	l->key = (struct lisp_key){
		.key_id = 1, .algorithm = LISP_AUTH_SHA256_128, .secret_size = size};
	memcpy(l->key.secret, secret, size);
}

int
main(int argc, char **argv)
{
	struct load l = {.random = 1};
	struct timespec ts;
	uint32_t eids;
	bool registers;
	double rate;

	if (argc != 7)
		errx(2, "usage: ms_load fill|requests|registers OWN ADDRESS PORT EIDS SECRET");
	registers = strcmp(argv[1], "registers") == 0;
	eids = (uint32_t)strtoul(argv[5], NULL, 10);
	take_key(&l, argv[6]);
	open_socket(&l, argv[2], argv[3], argv[4]);
	stop_up(&l);
	l.messages = calloc(MESSAGES, sizeof(*l.messages));
	if (l.messages == NULL || eids == 0)
		errx(1, "no messages");
	/* Larger than those of earlier runs. */
	clock_gettime(CLOCK_REALTIME, &ts);
	l.nonce = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	if (strcmp(argv[1], "fill") == 0) {
		rate = fill(&l, eids);
	} else {
		for (size_t i = 0; i < MESSAGES; i++) {
			uint32_t eid = message_random(&l.random) % eids;

			if (registers)
				make_register(&l.key, ++l.nonce, eid, true, &l.messages[i]);
			else
				make_request(&l.own, ++l.nonce, eid, &l.messages[i]);
		}
		rate = timed(&l, registers);
	}
	printf("%.0f\n", rate);
	free(l.messages);
	return 0;
}
