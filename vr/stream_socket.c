/* TCP sockets: addresses and options. */
#include "vr/stream_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t
address_from_endpoint(const struct endpoint *ep, union socket_address *out)
{
	memset(out, 0, sizeof(*out));
	if (ep->addr.family == ADDR_V4) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(ep->port);
		memcpy(&out->v4.sin_addr, ep->addr.b, 4);
		return sizeof(out->v4);
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons(ep->port);
	memcpy(out->v6.sin6_addr.s6_addr, ep->addr.b, 16);
	return sizeof(out->v6);
}

static struct endpoint
endpoint_from_address(const union socket_address *a)
{
	const uint8_t *b = a->v6.sin6_addr.s6_addr;

	if (a->any.sa_family == AF_INET)
		return (struct endpoint){
			.addr = addr_make(ADDR_V4, (const uint8_t *)&a->v4.sin_addr),
			.port = ntohs(a->v4.sin_port)};
	if (a->any.sa_family != AF_INET6)
		return (struct endpoint){.port = 0};
	if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		return (struct endpoint){.addr = addr_make(ADDR_V4, b + 12),
					 .port = ntohs(a->v6.sin6_port)};
	return (struct endpoint){.addr = addr_make(ADDR_V6, b), .port = ntohs(a->v6.sin6_port)};
}

static int
option_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* No waiting for more, little that waits in the kernel, and an end when nothing is acknowledged: by
 * the user timeout while something is under way, by keepalives otherwise. */
static int
options_set(int fd, us_t dead_time)
{
	int third = (int)(dead_time / 3 / US_S);
	int rc = option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);

	if (third < 1)
		third = 1;
	if (rc == 0)
		rc = option_set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, STREAM_NOTSENT_MAX);
	if (rc == 0)
		rc = option_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(dead_time / US_MS));
	if (rc == 0)
		rc = option_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, third);
	if (rc == 0)
		rc = option_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, third);
	if (rc == 0)
		rc = option_set(fd, IPPROTO_TCP, TCP_KEEPCNT, 2);
	return rc == 0 ? option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) : rc;
}

static int
socket_open(const struct endpoint *ep)
{
	int fd = socket(ep->addr.family == ADDR_V4 ? AF_INET : AF_INET6,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int
stream_socket_listen(const struct endpoint *at)
{
	union socket_address a;
	socklen_t size = address_from_endpoint(at, &a);
	int fd = socket_open(at);
	int rc;

	if (fd < 0)
		return fd;
	rc = option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rc == 0 && at->addr.family == ADDR_V6)
		rc = option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !addr_is_unspecified(at->addr));
	if (rc == 0 && (bind(fd, &a.any, size) != 0 || listen(fd, BACKLOG) != 0))
		rc = -errno;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

struct endpoint
stream_socket_where(int fd)
{
	union socket_address a;
	socklen_t size = sizeof(a);

	memset(&a, 0, sizeof(a));
	if (getsockname(fd, &a.any, &size) != 0)
		a.any.sa_family = AF_UNSPEC;
	return endpoint_from_address(&a);
}

int
stream_socket_accept(int listener, us_t dead_time, struct endpoint *from)
{
	union socket_address a;
	socklen_t size = sizeof(a);
	int fd, rc;

	memset(&a, 0, sizeof(a));
	fd = accept4(listener, &a.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = options_set(fd, dead_time);
	if (rc != 0) {
		close(fd);
		return rc;
	}
	*from = endpoint_from_address(&a);
	return fd;
}

int
stream_socket_connect(const struct endpoint *to, us_t dead_time)
{
	union socket_address a;
	socklen_t size = address_from_endpoint(to, &a);
	int fd = socket_open(to);
	int rc;

	if (fd < 0)
		return fd;
	rc = options_set(fd, dead_time);
	if (rc == 0 && connect(fd, &a.any, size) != 0 && errno != EINPROGRESS)
		rc = -errno;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int
stream_socket_error(int fd)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size) != 0 ? -errno : -value;
}
