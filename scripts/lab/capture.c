/* Captures frames on several interfaces of one network namespace into one pcapng file.
 *
 *	capture FILE SNAPLEN INTERFACE...
 *
 * Time stamps are the kernel's, in nanoseconds; each packet carries its direction (inbound, outbound) as seen by
 * the interface.  A line on standard input makes it write out all that the kernel has and answer with
 * one line of counters: "<frames> <dropped by the kernel>".  After the line "pause" frames are thrown away, until the
 * line "resume": from the same moment on all interfaces.  End of input ends it. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_INTERFACES 16
/* Blocks are closed by time rather than by size: five seconds without a processor lose nothing. */
#define BLOCK_SIZE       (1u << 16)
#define BLOCK_COUNT      256u
#define BLOCK_TIMEOUT_MS 20

struct tap {
	int fd;
	uint8_t *ring;
	unsigned block; /* to be read next */
};

struct capture {
	FILE *out;
	uint32_t snaplen;
	struct tap taps[MAX_INTERFACES];
	size_t count;
	uint64_t frames, dropped;
	uint64_t
		since; /* frames with an earlier stamp are thrown away: they wait in some rings only */
	bool paused;
};

static void
put32(FILE *out, uint32_t value)
{
	fwrite(&value, sizeof(value), 1, out);
}

static void
put16(FILE *out, uint16_t value)
{
	fwrite(&value, sizeof(value), 1, out);
}

static void
put_section(FILE *out)
{
	put32(out, 0x0a0d0d0a);
	put32(out, 28);
	put32(out, 0x1a2b3c4d);
	put16(out, 1);
	put16(out, 0);
	put32(out, 0xffffffff); /* the section's length is not given */
	put32(out, 0xffffffff);
	put32(out, 28);
}

static void
put_interface(FILE *out, const char *name, uint32_t snaplen)
{
	uint8_t padded[IF_NAMESIZE + 4] = {0};
	uint32_t size = (uint32_t)strlen(name), room = (size + 3) & ~3u;
	uint32_t total = 16 + 4 + room + 8 + 4 + 4;

	memcpy(padded, name, size);
	put32(out, 1);
	put32(out, total);
	put16(out, 1); /* Ethernet */
	put16(out, 0);
	put32(out, snaplen);
	put16(out, 2); /* if_name */
	put16(out, (uint16_t)size);
	fwrite(padded, 1, room, out);
	put16(out, 9); /* if_tsresol */
	put16(out, 1);
	put32(out, 9); /* 10^-9 s */
	put32(out, 0);
	put32(out, total);
}

static void
put_packet(struct capture *c, uint32_t interface, const struct tpacket3_hdr *h)
{
	static const uint8_t zero[4];
	const uint8_t *base = (const uint8_t *)h;
	const struct sockaddr_ll *from =
		(const struct sockaddr_ll *)(const void *)(base + TPACKET_ALIGN(sizeof(*h)));
	uint32_t size = h->tp_snaplen < c->snaplen ? h->tp_snaplen : c->snaplen;
	uint32_t room = (size + 3) & ~3u, total = 28 + room + 12 + 4;
	uint64_t ns = (uint64_t)h->tp_sec * 1000000000u + h->tp_nsec;

	if (ns < c->since)
		return;
	put32(c->out, 6);
	put32(c->out, total);
	put32(c->out, interface);
	put32(c->out, (uint32_t)(ns >> 32));
	put32(c->out, (uint32_t)ns);
	put32(c->out, size);
	put32(c->out, h->tp_len);
	fwrite(base + h->tp_mac, 1, size, c->out);
	fwrite(zero, 1, room - size, c->out);
	put16(c->out, 2); /* epb_flags: the direction */
	put16(c->out, 4);
	put32(c->out, from->sll_pkttype == PACKET_OUTGOING ? 2 : 1);
	put32(c->out, 0);
	put32(c->out, total);
	c->frames++;
}

static int
tap_open(struct tap *t, const char *name, uint32_t snaplen)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct tpacket_req3 req = {.tp_block_size = BLOCK_SIZE,
				   .tp_block_nr = BLOCK_COUNT,
				   .tp_frame_size = 2048,
				   .tp_frame_nr = BLOCK_COUNT * (BLOCK_SIZE / 2048),
				   .tp_retire_blk_tov = BLOCK_TIMEOUT_MS};
	/* Accept everything, but only the first 'snaplen' bytes: super-frames would fill the ring. */
	struct sock_filter accept_some = BPF_STMT(BPF_RET | BPF_K, snaplen);
	struct sock_fprog filter = {.len = 1, .filter = &accept_some};
	int version = TPACKET_V3;

	at.sll_ifindex = (int)if_nametoindex(name);
	if (at.sll_ifindex == 0)
		return -errno;
	/* Protocol 0 until it is bound: nothing from other interfaces gets in. */
	t->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return -errno;
	if (setsockopt(t->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) != 0 ||
	    setsockopt(t->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0 ||
	    setsockopt(t->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) != 0)
		return -errno;
	t->ring = mmap(NULL, (size_t)BLOCK_SIZE * BLOCK_COUNT, PROT_READ | PROT_WRITE, MAP_SHARED,
		       t->fd, 0);
	if (t->ring == MAP_FAILED)
		return -errno;
	if (bind(t->fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		return -errno;
	return 0;
}

/* Writes out the blocks that the kernel has closed. */
static void
tap_drain(struct capture *c, uint32_t interface)
{
	struct tap *t = &c->taps[interface];

	for (;;) {
		struct tpacket_block_desc *b =
			(struct tpacket_block_desc *)(void *)(t->ring +
							      (size_t)t->block * BLOCK_SIZE);
		uint8_t *at = (uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;

		if (!(__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			return;
		for (uint32_t i = 0; i < b->hdr.bh1.num_pkts; i++) {
			const struct tpacket3_hdr *h = (const struct tpacket3_hdr *)(void *)at;

			if (!c->paused)
				put_packet(c, interface, h);
			at += h->tp_next_offset;
		}
		__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		t->block = (t->block + 1) % BLOCK_COUNT;
	}
}

static void
drain_all(struct capture *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		tap_drain(c, i);
}

static void
report(struct capture *c)
{
	/* What is in open blocks now is closed by the kernel within the time-out. */
	usleep((BLOCK_TIMEOUT_MS * 2 + 10) * 1000);
	drain_all(c);
	fflush(c->out);
	for (size_t i = 0; i < c->count; i++) {
		struct tpacket_stats_v3 stats;
		socklen_t size = sizeof(stats);

		if (getsockopt(c->taps[i].fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
			c->dropped += stats.tp_drops;
	}
	printf("%llu %llu\n", (unsigned long long)c->frames, (unsigned long long)c->dropped);
	fflush(stdout);
}

/* The clock of the kernel's stamps. */
static uint64_t
wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Each line has one answer, so that whoever asks knows when it is done. */
static void
obey(struct capture *c, const char *line)
{
	report(c);
	if (strncmp(line, "pause", 5) == 0) {
		c->paused = true;
	} else if (strncmp(line, "resume", 6) == 0) {
		c->since = wall_clock();
		c->paused = false;
	}
}

static void
capture_run(struct capture *c)
{
	struct pollfd fds[MAX_INTERFACES + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	char line[64];

	for (size_t i = 0; i < c->count; i++)
		fds[i + 1] = (struct pollfd){.fd = c->taps[i].fd, .events = POLLIN};
	for (;;) {
		if (poll(fds, c->count + 1, 500) < 0 && errno != EINTR)
			return;
		drain_all(c);
		for (size_t i = 1; i <= c->count; i++) {
			int cause;
			socklen_t size = sizeof(cause);

			/* An interface that goes down leaves an error; reading it clears it. */
			if (fds[i].revents & POLLERR)
				getsockopt(fds[i].fd, SOL_SOCKET, SO_ERROR, &cause, &size);
			/* One that is removed does not come back. */
			if (fds[i].revents & (POLLHUP | POLLNVAL))
				fds[i].fd = -1;
		}
		if (fds[0].revents) {
			ssize_t got = read(STDIN_FILENO, line, sizeof(line) - 1);

			if (got <= 0)
				return;
			line[got] = '\0';
			obey(c, line);
		}
	}
}

int
main(int argc, char **argv)
{
	struct capture c = {.count = 0};

	if (argc < 4 || argc - 3 > MAX_INTERFACES) {
		fprintf(stderr, "usage: capture FILE SNAPLEN INTERFACE...\n");
		return 2;
	}
	signal(SIGINT, SIG_IGN);
	c.snaplen = (uint32_t)strtoul(argv[2], NULL, 10);
	c.out = fopen(argv[1], "w");
	if (c.out == NULL) {
		perror(argv[1]);
		return 1;
	}
	setvbuf(c.out, NULL, _IOFBF, 1 << 18);
	put_section(c.out);
	for (int i = 3; i < argc; i++) {
		int rc = tap_open(&c.taps[c.count], argv[i], c.snaplen);

		if (rc != 0) {
			fprintf(stderr, "capture: %s: %s\n", argv[i], strerror(-rc));
			return 1;
		}
		put_interface(c.out, argv[i], c.snaplen);
		c.count++;
	}
	c.since = wall_clock();
	printf("ready\n");
	fflush(stdout);
	capture_run(&c);
	report(&c);
	fclose(c.out);
	return 0;
}
