/* What leaves the underlay socket: datagrams, trains, letters. */
#include <errno.h>
#include <netinet/udp.h>

#include "base/fmt.h"
#include "vr/udp_priv.h"

/* Control messages of a datagram or train that is sent. */
struct control {
	size_t used;
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(uint16_t)) + 2 * CMSG_SPACE(sizeof(int)) +
			      CMSG_SPACE(sizeof(struct in6_pktinfo))];
	};
};

static void
control_add(struct control *c, int level, int type, const void *value, size_t size)
{
	struct cmsghdr *head = (struct cmsghdr *)(void *)(c->bytes + c->used);

	head->cmsg_level = level;
	head->cmsg_type = type;
	head->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(head), value, size);
	c->used += CMSG_SPACE(size);
}

static void
control_marks(struct control *c, const struct endpoint *to, struct udp_marks marks)
{
	int ttl = marks.ttl, tos = marks.tos;
	bool v4 = to->addr.family == ADDR_V4;

	if (marks.ttl != 0)
		control_add(c, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_HOPLIMIT, &ttl,
			    sizeof(ttl));
	if (marks.ttl == 0 && marks.tos == 0)
		return;
	control_add(c, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &tos,
		    sizeof(tos));
}

static void
control_local(struct control *c, struct addr local)
{
	struct in6_pktinfo v6 = {.ipi6_ifindex = 0};
	struct in_pktinfo v4 = {.ipi_ifindex = 0};

	if (local.family == ADDR_V4) {
		memcpy(&v4.ipi_spec_dst, local.b, 4);
		control_add(c, IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4));
	} else if (local.family == ADDR_V6) {
		memcpy(&v6.ipi6_addr, local.b, 16);
		control_add(c, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
	}
}

static void
control_put(struct msghdr *msg, struct control *c)
{
	msg->msg_control = c->used > 0 ? c->bytes : NULL;
	msg->msg_controllen = c->used;
}

/* One call for the whole train.  -EIO: the route's device cannot do it. */
static int
send_train(struct udp *u, union socket_address *to, socklen_t to_size, struct control marks,
	   const uint8_t *data, size_t size, size_t segment)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	struct msghdr msg = {
		.msg_name = to, .msg_namelen = to_size, .msg_iov = &iov, .msg_iovlen = 1};
	uint16_t value = (uint16_t)segment;

	if (segment < size)
		control_add(&marks, SOL_UDP, UDP_SEGMENT, &value, sizeof(value));
	control_put(&msg, &marks);
	if (sendmsg(u->fd, &msg, 0) < 0)
		return -errno;
	u->stats.tx_calls++;
	return 0;
}

static int
send_batch(struct udp *u, union socket_address *to, socklen_t to_size, struct control *marks,
	   const uint8_t *data, size_t size, size_t segment, unsigned *done)
{
	struct mmsghdr msgs[UDP_TRAIN_COUNT_MAX];
	struct iovec iovs[UDP_TRAIN_COUNT_MAX];
	unsigned count = 0, sent = 0;

	memset(msgs, 0, sizeof(msgs));
	for (size_t at = 0; at < size && count < UDP_TRAIN_COUNT_MAX; at += segment, count++) {
		iovs[count].iov_base = (void *)(uintptr_t)(data + at);
		iovs[count].iov_len = size - at < segment ? size - at : segment;
		msgs[count].msg_hdr.msg_name = to;
		msgs[count].msg_hdr.msg_namelen = to_size;
		msgs[count].msg_hdr.msg_iov = &iovs[count];
		msgs[count].msg_hdr.msg_iovlen = 1;
		control_put(&msgs[count].msg_hdr, marks);
	}
	while (sent < count) {
		int rc = sendmmsg(u->fd, msgs + sent, count - sent, 0);

		if (rc <= 0)
			return rc < 0 ? -errno : -EAGAIN;
		u->stats.tx_calls++;
		sent += (unsigned)rc;
		*done = sent;
	}
	return 0;
}

static int
send_somehow(struct udp *u, const struct endpoint *to, struct udp_marks marks, struct addr local,
	     const uint8_t *data, size_t size, size_t segment, unsigned *sent)
{
	struct control control = {.used = 0};
	union socket_address a;
	socklen_t a_size = socket_address_make(to, u->v6, &a);
	int rc;

	memset(control.bytes, 0, sizeof(control.bytes));
	control_marks(&control, to, marks);
	control_local(&control, local);
	if (segment >= size || u->segment) {
		rc = send_train(u, &a, a_size, control, data, size, segment);
		if (rc == 0)
			*sent = (unsigned)((size + segment - 1) / segment);
		if (rc == 0 || segment >= size || (rc != -EIO && rc != -EINVAL))
			return rc;
		/* EIO: a device without checksum offload; EINVAL: segments larger than its MTU
		 * (before Linux 6.12), which the other way tells by EMSGSIZE. */
		if (rc == -EIO) {
			u->segment = false;
			log_line(u->log, LOG_WARNING, UDP_MODULE,
				 "no UDP_SEGMENT on the way to %s: sending packet by packet",
				 fmt_endpoint(*to).s);
		}
	}
	return send_batch(u, &a, a_size, &control, data, size, segment, sent);
}

bool
udp_reaches(const struct udp *u, const struct endpoint *to)
{
	return !addr_is_none(to->addr) && (u->v6 || to->addr.family == ADDR_V4);
}

static int
send_marked_from(struct udp *u, const struct endpoint *to, struct udp_marks marks,
		 struct addr local, const uint8_t *data, size_t size, size_t segment,
		 unsigned *sent)
{
	int rc;

	*sent = 0;
	if (!udp_reaches(u, to))
		return -EAFNOSUPPORT;
	if (size > UDP_TRAIN_SIZE_MAX || segment == 0 || size > segment * UDP_TRAIN_COUNT_MAX)
		return -EINVAL;
	if (!u->locals || local.family != to->addr.family)
		local.family = ADDR_NONE;
	rc = send_somehow(u, to, marks, local, data, size, segment, sent);
	/* The address has been taken away. */
	if (rc == -EINVAL && *sent == 0 && local.family != ADDR_NONE)
		rc = send_somehow(u, to, marks, (struct addr){0}, data, size, segment, sent);
	u->stats.tx_datagrams += *sent;
	return rc;
}

int
udp_send_marked(struct udp *u, const struct endpoint *to, struct udp_marks marks,
		const uint8_t *data, size_t size, size_t segment, unsigned *sent)
{
	return send_marked_from(u, to, marks, (struct addr){0}, data, size, segment, sent);
}

int
udp_send_from(struct udp *u, const struct endpoint *to, struct udp_marks marks, struct addr local,
	      const uint8_t *data, size_t size, size_t segment, unsigned *sent)
{
	return send_marked_from(u, to, marks, local, data, size, segment, sent);
}

int
udp_send(struct udp *u, const struct endpoint *to, const uint8_t *data, size_t size, size_t segment,
	 unsigned *sent)
{
	return udp_send_marked(u, to, UDP_UNMARKED, data, size, segment, sent);
}

void
udp_send_letters(struct udp *u, const struct udp_letter *letters, size_t count)
{
	struct mmsghdr msgs[UDP_TRAINS];
	struct iovec iovs[UDP_TRAINS];
	union socket_address to[UDP_TRAINS];
	size_t at = 0;

	BUG_IF(count > UDP_TRAINS);
	memset(msgs, 0, count * sizeof(*msgs));
	for (size_t i = 0; i < count; i++) {
		struct msghdr *msg = &msgs[i].msg_hdr;

		iovs[i].iov_base = (void *)(uintptr_t)letters[i].data;
		iovs[i].iov_len = letters[i].size;
		msg->msg_name = &to[i];
		msg->msg_namelen = socket_address_make(&letters[i].to, u->v6, &to[i]);
		msg->msg_iov = &iovs[i];
		msg->msg_iovlen = 1;
	}
	while (at < count) {
		int rc = sendmmsg(u->fd, msgs + at, (unsigned)(count - at), 0);

		if (rc <= 0) {
			/* An error is the first one's. */
			u->stats.drop_letters++;
			at++;
			continue;
		}
		u->stats.tx_calls++;
		u->stats.tx_datagrams += (unsigned)rc;
		at += (size_t)rc;
	}
}

int
udp_send_breakable(struct udp *u, const struct endpoint *to, struct addr local, const uint8_t *data,
		   size_t size)
{
	unsigned sent;
	int rc;

	if (to->addr.family != ADDR_V4)
		return udp_send_from(u, to, UDP_URGENT, local, data, size, size, &sent);
	rc = socket_option(u->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	if (rc != 0)
		return rc;
	rc = udp_send_from(u, to, UDP_URGENT, local, data, size, size, &sent);
	BUG_IF(socket_option(u->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) != 0);
	return rc;
}
