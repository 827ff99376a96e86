/* The underlay socket: made, asked, read from.  Sending is in udp_send.c. */
#include "vr/udp_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>
#include <linux/sock_diag.h>

#include "base/fmt.h"
#include "vr/socket_address.h"

#define BUFFER_BYTES (8 * 1024 * 1024)
/* Twice that is what the kernel gives.  Of the shortest records, 45,000 wait then; control overtakes them, and they
 * are still in the window of replay.h. */
#define RECEIVE_BYTES (2 * 1024 * 1024)
#define GRO_SIZE      65536
/* Trains of one call: of long ones so few that they are still in the processor's cache when they leave.  With more short ones
 * an event takes in so many packets for a machine whose MAC is still asked for that those that wait
 * for it are lost. */
#define GRO_TRAINS_LONG 4
#define LONG            8192

/* Large buffers, beyond the system's limit where we may.  What comes to a socket that nobody reads must not fill the kernel's
 * memory. */
static void
buffers_set(int fd, bool receives)
{
	if (!receives)
		(void)!socket_option(fd, SOL_SOCKET, SO_RCVBUF, 1);
	else if (socket_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES) != 0)
		(void)!socket_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES);
	if (socket_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES) != 0)
		(void)!socket_option(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
}

/* Never fragment; whether ICMP is believed is the caller's choice. */
static int
mtu_mode_set(const struct udp *u, enum udp_mtu mode)
{
	bool kernel = mode == UDP_MTU_KERNEL;
	int rc = socket_option(u->fd, IPPROTO_IP, IP_MTU_DISCOVER,
			       kernel ? IP_PMTUDISC_DO : IP_PMTUDISC_PROBE);

	if (u->v6)
		rc = socket_option(u->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
				   kernel ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_PROBE);
	return rc;
}

/* TTL and TOS come with what arrives; checksums stay out of what is sent. */
static int
look_set(const struct udp *u, const struct udp_conf *conf)
{
	int rc = 0;

	if (conf->marks) {
		rc = socket_option(u->fd, IPPROTO_IP, IP_RECVTTL, 1);
		if (rc == 0)
			rc = socket_option(u->fd, IPPROTO_IP, IP_RECVTOS, 1);
		if (rc == 0 && u->v6)
			rc = socket_option(u->fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		if (rc == 0 && u->v6)
			rc = socket_option(u->fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
		/* Who sends without a checksum is heard (RFC 9300 section 5.3). */
		if (rc == 0 && u->v6)
			rc = socket_option(u->fd, SOL_UDP, UDP_NO_CHECK6_RX, 1);
	}
	if (rc == 0 && conf->zero_checksum) {
		rc = socket_option(u->fd, SOL_SOCKET, SO_NO_CHECK, 1);
		if (rc == 0 && u->v6)
			rc = socket_option(u->fd, SOL_UDP, UDP_NO_CHECK6_TX, 1);
	}
	return rc;
}

/* A socket of IPv6 tells of IPv4 by the same option. */
static int
locals_set(struct udp *u, const struct udp_conf *conf)
{
	u->locals = conf->locals && addr_is_unspecified(conf->listen.addr);
	if (!u->locals)
		return 0;
	return u->v6 ? socket_option(u->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
		     : socket_option(u->fd, IPPROTO_IP, IP_PKTINFO, 1);
}

static int
open_socket(struct udp *u, const struct udp_conf *conf)
{
	int rc;

	u->v6 = conf->listen.addr.family == ADDR_V6;
	u->fd = socket_open(conf->listen.addr, SOCK_DGRAM);
	if (u->fd < 0)
		return u->fd;
	rc = mtu_mode_set(u, conf->mtu);
	if (rc == 0)
		rc = look_set(u, conf);
	if (rc == 0)
		rc = locals_set(u, conf);
	if (rc != 0)
		return rc;
	buffers_set(u->fd, conf->datagram_max != 0);
	return 0;
}

static int
buffers_create(struct udp *u, uint16_t datagram_max)
{
	size_t room = u->gro ? GRO_SIZE : (size_t)datagram_max + 64;

	if (!u->gro && room < 2048)
		room = 2048;
	u->trains = u->gro ? UDP_GRO_TRAINS : UDP_TRAINS;
	u->batch = u->trains;
	/* Every buffer starts on a cache line. */
	u->slot_size = (UDP_HEADROOM + room + 63) / 64 * 64;
	u->memory = aligned_alloc(64, u->slot_size * u->trains);
	if (u->memory == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < u->trains; i++) {
		u->iovs[i].iov_base = u->memory + i * u->slot_size + UDP_HEADROOM;
		u->iovs[i].iov_len = room;
	}
	return 0;
}

int
udp_open(const struct udp_conf *conf, struct log *log, struct udp **out)
{
	struct udp *u = calloc(1, sizeof(*u));
	int rc, value = 0;
	socklen_t size = sizeof(value);

	if (u == NULL)
		return -ENOMEM;
	u->log = log;
	u->fd = -1;
	rc = open_socket(u, conf);
	if (rc == 0) {
		u->segment = conf->segment && !conf->zero_checksum &&
			     getsockopt(u->fd, SOL_UDP, UDP_SEGMENT, &value, &size) == 0;
		u->gro = conf->gro && socket_option(u->fd, SOL_UDP, UDP_GRO, 1) == 0;
		if (conf->datagram_max != 0)
			rc = buffers_create(u, conf->datagram_max);
	}
	if (rc != 0)
		udp_destroy(u);
	else
		*out = u;
	return rc;
}

int
udp_create(const struct udp_conf *conf, struct log *log, struct udp **out)
{
	struct udp *u = NULL;
	int rc = udp_open(conf, log, &u);

	if (rc == 0)
		rc = socket_bind(u->fd, &conf->listen);
	if (rc != 0) {
		log_line(log, LOG_ERROR, UDP_MODULE, "cannot listen on %s: %s",
			 fmt_endpoint(conf->listen).s, strerror(-rc));
		udp_destroy(u);
		return rc;
	}
	*out = u;
	return 0;
}

int
udp_share(const struct udp *u, struct udp **out)
{
	struct udp *other = calloc(1, sizeof(*other));

	if (other == NULL)
		return -ENOMEM;
	/* Nothing is logged from there: a log belongs to one thread. */
	other->v6 = u->v6;
	other->segment = u->segment;
	other->fd = fcntl(u->fd, F_DUPFD_CLOEXEC, 0);
	if (other->fd < 0) {
		int rc = -errno;

		free(other);
		return rc;
	}
	*out = other;
	return 0;
}

void
udp_destroy(struct udp *u)
{
	if (u == NULL)
		return;
	if (u->fd >= 0)
		close(u->fd);
	free(u->memory);
	free(u);
}

int
udp_fd(const struct udp *u)
{
	return u->fd;
}

bool
udp_has_segment(const struct udp *u)
{
	return u->segment;
}

bool
udp_has_gro(const struct udp *u)
{
	return u->gro;
}

int
udp_port(const struct udp *u, uint16_t *port)
{
	union socket_address a;
	socklen_t size = sizeof(a);

	if (getsockname(u->fd, &a.any, &size) != 0)
		return -errno;
	*port = socket_address_endpoint(&a).port;
	return 0;
}

int
udp_source(const struct endpoint *to, struct addr *from)
{
	union socket_address a;
	socklen_t size = socket_address_make(to, to->addr.family == ADDR_V6, &a);
	int fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, &a.any, size) != 0)
		rc = -errno;
	size = sizeof(a);
	if (rc == 0 && getsockname(fd, &a.any, &size) != 0)
		rc = -errno;
	close(fd);
	if (rc == 0)
		*from = socket_address_endpoint(&a).addr;
	return rc;
}

/* Only a connected socket says it. */
int
udp_path_mtu(const struct udp *u, const struct endpoint *to, uint16_t *mtu)
{
	bool v4 = to->addr.family == ADDR_V4;
	union socket_address a, from;
	socklen_t a_size = socket_address_make(to, u->v6, &a), size = sizeof(from);
	int fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int value = 0, rc = 0;

	if (fd < 0)
		return -errno;
	if (getsockname(u->fd, &from.any, &size) == 0) {
		/* The way out may depend on the source. */
		from.v4.sin_port = 0;
		rc = bind(fd, &from.any, size) == 0 ? 0 : -errno;
	}
	size = sizeof(value);
	if (rc == 0 && connect(fd, &a.any, a_size) != 0)
		rc = -errno;
	if (rc == 0 && getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU,
				  &value, &size) != 0)
		rc = -errno;
	close(fd);
	if (rc == 0)
		*mtu = (uint16_t)(value > UINT16_MAX ? UINT16_MAX : value);
	return rc;
}

/* The own address that a datagram came to. */
static struct addr
local_address(const struct cmsghdr *c)
{
	union socket_address a = {.v6 = {.sin6_family = AF_INET6}};
	struct in6_pktinfo v6;
	struct in_pktinfo v4;

	if (c->cmsg_level == IPPROTO_IP) {
		memcpy(&v4, CMSG_DATA(c), sizeof(v4));
		return addr_make(ADDR_V4, (const uint8_t *)&v4.ipi_spec_dst);
	}
	memcpy(&v6, CMSG_DATA(c), sizeof(v6));
	a.v6.sin6_addr = v6.ipi6_addr;
	return socket_address_endpoint(&a).addr;
}

static bool
tells_local(const struct cmsghdr *c)
{
	return (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
		c->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) ||
	       (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
		c->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo)));
}

/* What the kernel says of a train beside its bytes. */
static void
train_details(struct msghdr *msg, struct udp_train *train)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		int value = 0;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			train->marks.tos = *CMSG_DATA(c);
			continue;
		}
		if (tells_local(c)) {
			train->local = local_address(c);
			continue;
		}
		if (c->cmsg_len < CMSG_LEN(sizeof(value)))
			continue;
		memcpy(&value, CMSG_DATA(c), sizeof(value));
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO && value > 0 &&
		    (size_t)value < train->size)
			train->segment = (size_t)value;
		else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
			 (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))
			train->marks.ttl = (uint8_t)value;
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
			train->marks.tos = (uint8_t)value;
	}
}

/* After a batch of 'count' trains. */
static void
choose_batch(struct udp *u, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += u->msgs[i].msg_len;
	if (size > count * LONG)
		u->batch = GRO_TRAINS_LONG;
	else if (u->batch < u->trains)
		u->batch *= 2;
}

size_t
udp_receive(struct udp *u, struct udp_train trains[UDP_TRAINS], bool *more)
{
	int rc;

	for (size_t i = 0; i < u->batch; i++) {
		u->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &u->from[i],
			.msg_namelen = sizeof(u->from[i]),
			.msg_iov = &u->iovs[i],
			.msg_iovlen = 1,
			.msg_control = u->control[i].bytes,
			.msg_controllen = sizeof(u->control[i].bytes),
		};
	}
	rc = recvmmsg(u->fd, u->msgs, (unsigned)u->batch, MSG_DONTWAIT, NULL);
	*more = rc == (int)u->batch;
	if (rc < 0)
		return 0;
	choose_batch(u, (size_t)rc);
	for (int i = 0; i < rc; i++) {
		struct msghdr *msg = &u->msgs[i].msg_hdr;
		size_t size = u->msgs[i].msg_len;

		trains[i] = (struct udp_train){
			.data = u->iovs[i].iov_base,
			.size = size,
			.segment = size,
			.from = socket_address_endpoint(&u->from[i]),
			.truncated = (msg->msg_flags & MSG_TRUNC) != 0,
		};
		train_details(msg, &trains[i]);
		u->stats.rx_trains++;
		u->stats.rx_datagrams +=
			size == 0 ? 1 : (size + trains[i].segment - 1) / trains[i].segment;
	}
	return (size_t)rc;
}

size_t
udp_buffer_size(const struct udp *u)
{
	return u->slot_size;
}

void
udp_swap(struct udp *u, const struct udp_train *train, uint8_t **buffer)
{
	size_t i = 0;

	while (i < u->trains && u->iovs[i].iov_base != train->data)
		i++;
	BUG_IF(i == u->trains);
	u->iovs[i].iov_base = *buffer;
	*buffer = train->data;
}

void
udp_stats(struct udp *u, struct udp_stats *out)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t size = sizeof(info);

	/* Asked for when somebody wants to know: a control message with each datagram would cost more. */
	if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 && size == sizeof(info)) {
		u->stats.drop_kernel += info[SK_MEMINFO_DROPS] - u->drops_seen;
		u->drops_seen = info[SK_MEMINFO_DROPS];
	}
	*out = u->stats;
}
