/* TCP sockets and their options. */
#include "vr/stream_socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "vr/socket_address.h"

#define BACKLOG 128

/* No waiting for more, little that waits in the kernel, and an end when nothing is acknowledged: by
 * the user timeout while something is under way, by keepalives otherwise. */
static int
options_set(int fd, us_t dead_time)
{
	int third = (int)(dead_time / 3 / US_S);
	int rc = socket_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);

	if (third < 1)
		third = 1;
	if (rc == 0)
		rc = socket_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, STREAM_NOTSENT_MAX);
	if (rc == 0)
		rc = socket_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(dead_time / US_MS));
	if (rc == 0)
		rc = socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, third);
	if (rc == 0)
		rc = socket_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, third);
	if (rc == 0)
		rc = socket_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 2);
	return rc == 0 ? socket_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) : rc;
}

int
stream_socket_listen(const struct endpoint *at)
{
	int fd = socket_open(at->addr, SOCK_STREAM);
	int rc;

	if (fd < 0)
		return fd;
	rc = socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rc == 0)
		rc = socket_bind(fd, at);
	if (rc == 0 && listen(fd, BACKLOG) != 0)
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
	return socket_address_endpoint(&a);
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
	*from = socket_address_endpoint(&a);
	return fd;
}

int
stream_socket_connect(const struct endpoint *to, us_t dead_time)
{
	union socket_address a;
	socklen_t size = socket_address_make(to, to->addr.family == ADDR_V6, &a);
	int fd = socket_open(to->addr, SOCK_STREAM);
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

bool
stream_socket_has_address(int fd)
{
	struct endpoint at = stream_socket_where(fd);
	int probe = addr_is_none(at.addr) ? -1 : socket_open(at.addr, SOCK_DGRAM);
	int rc;

	if (probe < 0)
		return true;
	at.port = 0;
	rc = socket_bind(probe, &at);
	close(probe);
	return rc != -EADDRNOTAVAIL;
}

int
stream_socket_error(int fd)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size) != 0 ? -errno : -value;
}
