/* Sockets of the internet families: their addresses, which stay in network order, and how they are opened.  For vr/udp.c and
 * vr/stream_socket.c; everyone else has endpoints. */
#ifndef VR_SOCKET_ADDRESS_H
#define VR_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/types.h"

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The endpoint as a socket of IPv6 has it (IPv4 as ::ffff:a.b.c.d), or with 'v6' false one of IPv4; its size in bytes. */
socklen_t socket_address_make(const struct endpoint *ep, bool v6, union socket_address *out);
/* The reverse; family NONE for that of another kind of socket. */
struct endpoint socket_address_endpoint(const union socket_address *a);

/* A socket of this type (SOCK_...) for addresses of the family of 'addr', which never waits, or -errno. */
MUST_USE int socket_open(struct addr addr, int type);
/* 0 or -errno. */
MUST_USE int socket_option(int fd, int level, int name, int value);
/* [::] hears IPv4, too.  The socket has been opened for the address.  0 or -errno. */
MUST_USE int socket_bind(int fd, const struct endpoint *at);

#endif
