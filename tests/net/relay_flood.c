/* Sends frames as fast as it is told, whatever is in them.  For tests/net/test_relay_abuse.py.
 *
 *   relay_flood DEVICE COUNT RATE < FRAMES
 *
 * FRAMES: each two bytes of its size, big-endian, and the frame from its Ethernet header on.  They
 * are sent in turn,
 * over and over, until COUNT have left, RATE of them a second. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#define BATCH      64
#define INPUT_MAX  (64u << 20)
#define FRAMES_MAX (1u << 20)

struct frames {
	uint8_t *bytes;
	size_t size;
	struct iovec *rows;
	size_t count;
};

static void
fail(const char *what)
{
	fprintf(stderr, "relay_flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
frames_read(struct frames *f)
{
	size_t at = 0;

	f->bytes = malloc(INPUT_MAX);
	f->rows = calloc(FRAMES_MAX, sizeof(*f->rows));
	if (f->bytes == NULL || f->rows == NULL)
		fail("memory");
	f->size = fread(f->bytes, 1, INPUT_MAX, stdin);
	while (f->count < FRAMES_MAX && f->size - at >= 2) {
		size_t size = (size_t)f->bytes[at] << 8 | f->bytes[at + 1];

		if (size > f->size - at - 2)
			break;
		f->rows[f->count++] =
			(struct iovec){.iov_base = f->bytes + at + 2, .iov_len = size};
		at += 2 + size;
	}
	errno = EINVAL;
	if (f->count == 0 || at != f->size)
		fail("the frames");
}

static int
socket_open(const char *device)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_ifindex = (int)if_nametoindex(device)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), yes = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)(void *)&at, sizeof(at)) != 0)
		fail(device);
	(void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes));
	return fd;
}

/* Until the one after 'sent' is due. */
static void
wait_due(const struct timespec *begin, size_t sent, size_t rate)
{
	struct timespec due = *begin;

	due.tv_sec += (time_t)(sent / rate);
	due.tv_nsec += (long)(sent % rate * 1000000000u / rate);
	if (due.tv_nsec >= 1000000000) {
		due.tv_sec++;
		due.tv_nsec -= 1000000000;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
		;
}

static size_t
send_batch(int fd, const struct frames *f, size_t first, unsigned count)
{
	struct mmsghdr msgs[BATCH];
	int rc;

	memset(msgs, 0, sizeof(msgs));
	for (unsigned i = 0; i < count; i++) {
		msgs[i].msg_hdr.msg_iov = &f->rows[(first + i) % f->count];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	rc = sendmmsg(fd, msgs, count, 0);
	if (rc < 0 && errno != ENOBUFS && errno != EAGAIN)
		fail("send");
	return rc < 0 ? 0 : (size_t)rc;
}

int
main(int argc, char **argv)
{
	struct frames frames = {0};
	size_t sent = 0, count, rate;
	struct timespec begin;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: relay_flood DEVICE COUNT RATE < FRAMES\n");
		return 2;
	}
	count = strtoul(argv[2], NULL, 10);
	rate = strtoul(argv[3], NULL, 10);
	if (rate == 0)
		return 2;
	frames_read(&frames);
	fd = socket_open(argv[1]);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (sent < count) {
		size_t left = count - sent;

		sent += send_batch(fd, &frames, sent, left < BATCH ? (unsigned)left : BATCH);
		wait_due(&begin, sent, rate);
	}
	printf("%zu\n", sent);
	close(fd);
	free(frames.rows);
	free(frames.bytes);
	return 0;
}
