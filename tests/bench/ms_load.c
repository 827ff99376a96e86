/* Load for a map-server, or for an echo, from one socket.
 *
 *     ms_load fill|echo|requests|registers OWN-ADDRESS ADDRESS PORT EIDS SECRET PID
 *
 * fill       registers every EID once, and ends when all are confirmed
 * requests   asks for EIDs in random order for two seconds
 * echo       the same to an echo
 * registers  registers EIDs anew in random order, with a Map-Notify wanted: for each message a new
 *            nonce, so that it is an authentic update and no repetition
 *
 * Says as JSON how many answers came per second once it was under way, how many never came, how
 * many were looked at and how many of these were wrong; which part of the time the process that
 * answers (PID) had a processor, and for which part nothing could be sent before it answered: near
 * 1 it
 * is that process that is measured, near 0 this one.
 *
 * So many messages are under way that the other side never waits for this one.  They are made
 * before
 * the clock runs, and of the answers the kernel keeps one of SAMPLE, by chance, and counts the
 * others: so this side costs less than the bare echo, whose rate is then its own. */
#include <arpa/inet.h>
#include <err.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/clock.h"
#include "tests/bench/ms_check.h"

/* Where a Map-Notify goes to. */
#define PORT     LISP_CONTROL_PORT
#define BATCH    64
#define WINDOW   1024
#define MESSAGES (1u << 20)
#define SECONDS  2.0
/* Before that nothing is counted. */
#define WARM_S 0.2
/* Nothing came for so long: what is under way is lost. */
#define LOST_S 0.2
#define SAMPLE 64

struct load {
	int fd;
	struct lisp_key key;
	struct endpoint own;
	struct sockaddr_in to;
	struct message *messages;
	uint64_t random, nonce;
	const char *pid;
	bool (*is_right)(const struct sent *sent, const uint8_t *data, size_t size);
	struct sent sent;              /* what answers are looked at with */
	uint32_t dropped_before, kept; /* answers */
	uint32_t wrong;                /* of those kept */
};

/* At one moment. */
struct mark {
	double time, processor, waited; /* seconds */
	uint32_t seen;
};

/* User and system time of the process that answers. */
static double
processor_time(const struct load *l)
{
	unsigned long user = 0, kernel = 0;
	char path[64], line[1024] = "";
	const char *rest;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", l->pid);
	f = fopen(path, "r");
	if (f == NULL)
		err(1, "%s", path);
	rest = fgets(line, sizeof(line), f) == NULL ? NULL : strrchr(line, ')');
	fclose(f);
	if (rest == NULL || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				   &user, &kernel) != 2)
		errx(1, "%s: cannot be read", path);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static uint32_t
dropped(const struct load *l)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t size = sizeof(info);

	if (getsockopt(l->fd, SOL_SOCKET, SO_MEMINFO, info, &size) != 0)
		err(1, "SO_MEMINFO");
	return info[SK_MEMINFO_DROPS];
}

/* Answers so far. */
static uint32_t
answers(struct load *l)
{
	uint8_t data[SLOT];
	ssize_t size;

	while ((size = recv(l->fd, data, sizeof(data), MSG_DONTWAIT)) >= 0) {
		l->kept++;
		l->wrong += !l->is_right(&l->sent, data, (size_t)size);
	}
	return dropped(l) - l->dropped_before + l->kept;
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

/* Sends 'count' messages once, or over again until the time is up.  '*warm' and '*end' receive where
 * the measurement begins and ends; returns how many were lost. */
static uint32_t
drive(struct load *l, unsigned count, double until, struct mark *warm, struct mark *end)
{
	uint32_t sent = 0, lost = 0, seen = 0;
	double start = seconds(), now = start, moved = start, waited = 0;

	l->dropped_before = dropped(l);
	l->kept = 0;
	*warm = (struct mark){0};
	while (until != 0 ? now < until : seen + lost < count) {
		uint32_t got = answers(l);
		double before = now;

		now = seconds();
		if (got != seen)
			moved = now;
		else if (now - moved > LOST_S)
			lost = sent - got;
		seen = got;
		if (warm->time == 0 && now - start >= WARM_S)
			*warm = (struct mark){now, processor_time(l), waited, seen};
		if (sent - seen - lost <= WINDOW - BATCH && (until != 0 || sent < count)) {
			send_batch(l, &l->messages[sent % count], BATCH);
			sent += BATCH;
		} else {
			waited += now - before;
		}
	}
	*end = (struct mark){until != 0 ? now : moved, processor_time(l), waited, seen};
	return lost;
}

/* What is sent next begins with this nonce. */
static void
begin(struct load *l, uint32_t count)
{
	l->sent = (struct sent){&l->key, l->messages, l->nonce + 1, count};
}

static void
fill(struct load *l, uint32_t eids)
{
	struct mark warm, end;
	uint32_t confirmed = 0, kept = 0;

	for (uint32_t at = 0; at < eids;) {
		uint32_t count = 0;

		begin(l, MESSAGES);
		for (; count < MESSAGES && (at < eids || count % BATCH != 0); count++, at++)
			make_register(&l->key, ++l->nonce, at % eids, true, &l->messages[count]);
		(void)drive(l, count, 0, &warm, &end);
		confirmed += end.seen;
		kept += l->kept;
	}
	if (confirmed < eids)
		errx(1, "%u of %u EIDs confirmed", confirmed, eids);
	printf("{\"answers\": %u, \"looked_at\": %u, \"wrong\": %u}\n", confirmed, kept, l->wrong);
}

static void
timed(struct load *l, uint32_t eids, bool registers)
{
	struct mark warm, end;
	uint32_t lost;

	begin(l, MESSAGES);
	for (size_t i = 0; i < MESSAGES; i++) {
		uint32_t eid = message_random(&l->random) % eids;

		if (registers)
			make_register(&l->key, ++l->nonce, eid, true, &l->messages[i]);
		else
			make_request(&l->own, ++l->nonce, eid, &l->messages[i]);
	}
	lost = drive(l, MESSAGES, registers ? 0 : seconds() + WARM_S + SECONDS, &warm, &end);
	if (warm.time == 0 || end.time <= warm.time)
		errx(1, "over before it was under way");
	printf("{\"per_s\": %.0f, \"answers\": %u, \"lost\": %u, \"looked_at\": %u, \"wrong\": %u, "
	       "\"processor\": %.3f, \"waited\": %.3f, \"bytes\": %u}\n",
	       (end.seen - warm.seen) / (end.time - warm.time), end.seen, lost, l->kept, l->wrong,
	       (end.processor - warm.processor) / (end.time - warm.time),
	       (end.waited - warm.waited) / (end.time - warm.time), l->messages[0].size);
}

static void
open_socket(struct load *l, const char *own, const char *to, const char *port)
{
	/* One of SAMPLE, by chance; the others are dropped, and counted as such. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SAMPLE - 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, SLOT),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	l->to = (struct sockaddr_in){.sin_family = AF_INET,
				     .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	if (inet_pton(AF_INET, own, &a.sin_addr) != 1 ||
	    inet_pton(AF_INET, to, &l->to.sin_addr) != 1)
		errx(2, "no address");
	l->own = (struct endpoint){addr_make(ADDR_V4, (const uint8_t *)&a.sin_addr), PORT};
	l->fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0 ||
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

	if (argc != 8)
		errx(2, "usage: ms_load fill|echo|requests|registers OWN ADDRESS PORT EIDS SECRET "
			"PID");
	registers = strcmp(argv[1], "registers") == 0 || strcmp(argv[1], "fill") == 0;
	l.is_right = registers ? is_notify : strcmp(argv[1], "echo") == 0 ? is_echo : is_reply;
	eids = (uint32_t)strtoul(argv[5], NULL, 10);
	take_key(&l, argv[6]);
	l.pid = argv[7];
	open_socket(&l, argv[2], argv[3], argv[4]);
	l.messages = calloc(MESSAGES, sizeof(*l.messages));
	if (l.messages == NULL || eids == 0)
		errx(1, "no messages");
	/* Larger than those of earlier runs. */
	clock_gettime(CLOCK_REALTIME, &ts);
	l.nonce = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	l.random += l.nonce;
	if (strcmp(argv[1], "fill") == 0)
		fill(&l, eids);
	else
		timed(&l, eids, registers);
	free(l.messages);
	return 0;
}
