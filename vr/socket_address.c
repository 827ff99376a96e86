/* Sockets of the internet families. */
#include "vr/socket_address.h"

#include <errno.h>
#include <string.h>

socklen_t
socket_address_make(const struct endpoint *ep, bool v6, union socket_address *out)
{
	memset(out, 0, sizeof(*out));
	if (!v6) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(ep->port);
		memcpy(&out->v4.sin_addr, ep->addr.b, 4);
		return sizeof(out->v4);
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons(ep->port);
	if (ep->addr.family == ADDR_V4) {
		/* ::ffff:a.b.c.d */
		memset(out->v6.sin6_addr.s6_addr + 10, 0xff, 2);
		memcpy(out->v6.sin6_addr.s6_addr + 12, ep->addr.b, 4);
	} else {
		memcpy(out->v6.sin6_addr.s6_addr, ep->addr.b, 16);
	}
	return sizeof(out->v6);
}

struct endpoint
socket_address_endpoint(const union socket_address *a)
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

int
socket_open(struct addr addr, int type)
{
	int fd = socket(addr.family == ADDR_V6 ? AF_INET6 : AF_INET,
			type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int
socket_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

int
socket_bind(int fd, const struct endpoint *at)
{
	bool v6 = at->addr.family == ADDR_V6;
	union socket_address a;
	socklen_t size = socket_address_make(at, v6, &a);
	int rc = 0;

	if (v6)
		rc = socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !addr_is_unspecified(at->addr));
	return rc == 0 && bind(fd, &a.any, size) != 0 ? -errno : rc;
}
