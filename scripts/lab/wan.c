/* A WAN emulator: a switch with bad lines.
 *
 *	wan INTERFACE INTERFACE... -- [RULE...]
 *
 * Joins Ethernet interfaces as a learning switch would.  Each direction between two of them is a line
 * with a delay, a rate, loss, corruption and duplication of its own.  A rule is one argument, "FROM TO
 * key=value ...", where FROM and TO are positions (from 0) or '*'; later rules win:
 *
 *	delay_us, rate_mbit (0: unlimited), loss_pct, corrupt_pct, duplicate_pct
 *
 * A rule can also come as a line on standard input while it runs ("0 1 loss_pct=100" cuts a line); the line "mark" is
 * answered with counters as a JSON object.  End of input ends it.  A line is first in, first out: nothing is
 * reordered.  Super-frames pass whole (PACKET_VNET_HDR): with a loss each counts as one frame, so whoever wants
 * loss frame by frame turns segmentation off on the interfaces. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_LEGS     8
#define MAX_STATIONS 256
#define FRAME_MAX    (65536 + 64)
#define HEADER_SIZE  sizeof(struct virtio_net_hdr)
#define BACKLOG_NS   200000000u /* a line with a rate drops what would wait longer */
#define BATCH        64

struct packet {
	struct packet *next;
	uint64_t due; /* ns, CLOCK_REALTIME */
	size_t size;  /* with the vnet header in front */
	uint8_t data[];
};

struct line {
	uint64_t delay_ns;
	double rate, loss, corrupt, duplicate; /* Mbit/s; probabilities */
	uint64_t free_at;                      /* the rate's clock */
	struct packet *first, **last;
};

struct station {
	uint8_t mac[6];
	uint8_t leg;
};

struct wan {
	int legs[MAX_LEGS];
	size_t count;
	struct line lines[MAX_LEGS][MAX_LEGS];
	struct station stations[MAX_STATIONS];
	size_t station_count, station_next;
	uint64_t random;
	uint64_t passed, lost, corrupted, duplicated, overflow, refused;
	uint8_t buffer[HEADER_SIZE + FRAME_MAX];
};

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t
random_word(struct wan *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * 0x2545f4914f6cdd1du;
}

static bool
happens(struct wan *w, double probability)
{
	return probability > 0 && (double)(random_word(w) >> 11) * 0x1p-53 < probability;
}

static bool
set_key(struct line *l, const char *key, double value)
{
	if (strcmp(key, "delay_us") == 0)
		l->delay_ns = (uint64_t)(value * 1000 + 0.5);
	else if (strcmp(key, "rate_mbit") == 0)
		l->rate = value;
	else if (strcmp(key, "loss_pct") == 0)
		l->loss = value / 100;
	else if (strcmp(key, "corrupt_pct") == 0)
		l->corrupt = value / 100;
	else if (strcmp(key, "duplicate_pct") == 0)
		l->duplicate = value / 100;
	else
		return false;
	return true;
}

/* True when the end that the rule names ('*' or a number) is this one. */
static bool
names(const char *end, size_t index)
{
	return strcmp(end, "*") == 0 || strtoul(end, NULL, 10) == index;
}

static bool
apply_rule(struct wan *w, const char *rule)
{
	char text[256], *rest, *from, *to, *pair;

	snprintf(text, sizeof(text), "%s", rule);
	from = strtok_r(text, " \n", &rest);
	to = strtok_r(NULL, " \n", &rest);
	if (from == NULL || to == NULL)
		return false;
	while ((pair = strtok_r(NULL, " \n", &rest)) != NULL) {
		char *equals = strchr(pair, '=');

		if (equals == NULL)
			return false;
		*equals = '\0';
		for (size_t i = 0; i < w->count; i++) {
			for (size_t j = 0; j < w->count; j++) {
				if (names(from, i) && names(to, j) &&
				    !set_key(&w->lines[i][j], pair, strtod(equals + 1, NULL)))
					return false;
			}
		}
	}
	return true;
}

/* Remembers where a station is.  When the table is full the oldest row goes. */
static void
learn(struct wan *w, const uint8_t *mac, size_t leg)
{
	size_t i;

	for (i = 0; i < w->station_count; i++) {
		if (memcmp(w->stations[i].mac, mac, 6) == 0)
			break;
	}
	if (i == w->station_count) {
		if (w->station_count < MAX_STATIONS)
			w->station_count++;
		else
			i = w->station_next++ % MAX_STATIONS;
		memcpy(w->stations[i].mac, mac, 6);
	}
	w->stations[i].leg = (uint8_t)leg;
}

/* The leg of a station, or 'count' when it is unknown or a group. */
static size_t
find_leg(const struct wan *w, const uint8_t *mac)
{
	for (size_t i = 0; i < w->station_count && !(mac[0] & 1); i++) {
		if (memcmp(w->stations[i].mac, mac, 6) == 0)
			return w->stations[i].leg;
	}
	return w->count;
}

static void
transmit(struct wan *w, size_t leg, const uint8_t *data, size_t size)
{
	if (send(w->legs[leg], data, size, 0) >= 0)
		w->passed++;
	else
		w->refused++;
}

/* Puts one frame on one line; 'arrival' is when it came in. */
static void
enqueue(struct wan *w, size_t from, size_t to, uint64_t arrival, const uint8_t *data, size_t size)
{
	struct line *l = &w->lines[from][to];
	struct packet *p;

	if (l->rate > 0) {
		uint64_t start = l->free_at > arrival ? l->free_at : arrival;

		if (start - arrival > BACKLOG_NS) {
			w->overflow++;
			return;
		}
		l->free_at = start + (uint64_t)((double)(size - HEADER_SIZE) * 8000.0 / l->rate);
		arrival = l->free_at;
	}
	if (l->delay_ns == 0 && l->rate <= 0 && l->corrupt <= 0 && l->first == NULL) {
		transmit(w, to, data, size);
		return;
	}
	p = malloc(sizeof(*p) + size);
	if (p == NULL) {
		w->overflow++;
		return;
	}
	p->next = NULL;
	p->due = arrival + l->delay_ns;
	p->size = size;
	memcpy(p->data, data, size);
	/* Behind the Ethernet header, so that it still finds its way. */
	if (size > HEADER_SIZE + 14 && happens(w, l->corrupt)) {
		size_t at = HEADER_SIZE + 14 + random_word(w) % (size - HEADER_SIZE - 14);

		p->data[at] ^= (uint8_t)(1u << random_word(w) % 8);
		w->corrupted++;
	}
	*l->last = p;
	l->last = &p->next;
}

static void
forward(struct wan *w, size_t from, uint64_t arrival, size_t size)
{
	const uint8_t *eth = w->buffer + HEADER_SIZE;
	size_t only;

	if (size < HEADER_SIZE + 14)
		return;
	learn(w, eth + 6, from);
	only = find_leg(w, eth);
	for (size_t to = 0; to < w->count; to++) {
		struct line *l = &w->lines[from][to];

		if (to == from || (only < w->count && to != only))
			continue;
		if (happens(w, l->loss)) {
			w->lost++;
			continue;
		}
		enqueue(w, from, to, arrival, w->buffer, size);
		if (happens(w, l->duplicate)) {
			enqueue(w, from, to, arrival, w->buffer, size);
			w->duplicated++;
		}
	}
}

/* The kernel's time of arrival, so that a late wake-up does not add to the delay. */
static uint64_t
arrival_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		struct timespec t;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	}
	return now_ns();
}

static void
read_leg(struct wan *w, size_t leg)
{
	for (int i = 0; i < BATCH; i++) {
		_Alignas(struct cmsghdr) uint8_t control[128];
		struct iovec data = {.iov_base = w->buffer, .iov_len = sizeof(w->buffer)};
		struct msghdr m = {.msg_iov = &data,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof(control)};
		ssize_t got = recvmsg(w->legs[leg], &m, MSG_DONTWAIT);

		if (got < 0)
			return;
		forward(w, leg, arrival_of(&m), (size_t)got);
	}
}

/* Sends what is due; returns when the next is (0: nothing waits). */
static uint64_t
send_due(struct wan *w)
{
	uint64_t next = 0, now = now_ns();

	for (size_t i = 0; i < w->count * w->count; i++) {
		struct line *l = &w->lines[i / w->count][i % w->count];
		struct packet *p;

		while ((p = l->first) != NULL && p->due <= now) {
			transmit(w, i % w->count, p->data, p->size);
			l->first = p->next;
			if (l->first == NULL)
				l->last = &l->first;
			free(p);
		}
		if (p != NULL && (next == 0 || p->due < next))
			next = p->due;
	}
	return next;
}

static int
open_leg(const char *name)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int one = 1, size = 16 << 20, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	at.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || at.sll_ifindex == 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) != 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		return -errno;
	return fd;
}

static void
read_command(struct wan *w, char *line)
{
	if (strncmp(line, "mark", 4) == 0)
		printf("{\"passed\":%llu,\"lost\":%llu,\"corrupted\":%llu,\"duplicated\":%llu,"
		       "\"overflow\":%llu,\"refused\":%llu}\n",
		       (unsigned long long)w->passed, (unsigned long long)w->lost,
		       (unsigned long long)w->corrupted, (unsigned long long)w->duplicated,
		       (unsigned long long)w->overflow, (unsigned long long)w->refused);
	else
		printf("{\"ok\":%s}\n", apply_rule(w, line) ? "true" : "false");
}

static void
wan_run(struct wan *w)
{
	struct pollfd fds[MAX_LEGS + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	char line[256];

	for (size_t i = 0; i < w->count; i++)
		fds[i + 1] = (struct pollfd){.fd = w->legs[i], .events = POLLIN};
	for (;;) {
		uint64_t next = send_due(w), now = now_ns();
		uint64_t wait = next == 0 ? 1000000000u : next > now ? next - now : 0;
		struct timespec t = {.tv_sec = (time_t)(wait / 1000000000u),
				     .tv_nsec = (long)(wait % 1000000000u)};

		if (ppoll(fds, w->count + 1, &t, NULL) <= 0)
			continue;
		for (size_t i = 0; i < w->count; i++) {
			if (fds[i + 1].revents)
				read_leg(w, i);
		}
		if (fds[0].revents) {
			ssize_t got = read(STDIN_FILENO, line, sizeof(line) - 1);

			if (got <= 0)
				return;
			line[got] = '\0';
			read_command(w, line);
		}
	}
}

int
main(int argc, char **argv)
{
	struct wan *w = calloc(1, sizeof(*w));
	struct sched_param priority = {.sched_priority = 2};
	int i;

	if (w == NULL)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	w->random = now_ns() | 1;
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0 && w->count < MAX_LEGS; i++) {
		int fd = open_leg(argv[i]);

		if (fd < 0) {
			fprintf(stderr, "wan: %s: %s\n", argv[i], strerror(-fd));
			return 1;
		}
		w->legs[w->count++] = fd;
	}
	for (size_t j = 0; j < MAX_LEGS * MAX_LEGS; j++) {
		struct line *l = &w->lines[j / MAX_LEGS][j % MAX_LEGS];

		l->last = &l->first;
	}
	for (i++; i < argc; i++) {
		if (!apply_rule(w, argv[i])) {
			fprintf(stderr, "wan: no rule: %s\n", argv[i]);
			return 2;
		}
	}
	if (w->count < 2) {
		fprintf(stderr, "usage: wan INTERFACE INTERFACE... -- [RULE...]\n");
		return 2;
	}
	/* A wire does not wait for a processor. */
	(void)sched_setscheduler(0, SCHED_FIFO, &priority);
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	printf("{\"ready\":true}\n");
	wan_run(w);
	return 0;
}
