/* TCP sockets as streams want them. */
#ifndef VR_STREAM_SOCKET_H
#define VR_STREAM_SOCKET_H

#include "base/err.h"
#include "base/types.h"

/* Bytes that the kernel takes before they can leave.  What waits there cannot be dropped any more. */
#define STREAM_NOTSENT_MAX 65536

/* A listening socket, or -errno.  [::] hears IPv4 too. */
MUST_USE int stream_socket_listen(const struct endpoint *at);
/* Where it listens; family NONE when that cannot be told. */
struct endpoint stream_socket_where(int fd);
/* The next that wants in, and who that is, or -errno (-EAGAIN: nobody). */
MUST_USE int stream_socket_accept(int listener, us_t dead_time, struct endpoint *from);
/* A socket that connects, or -errno.  Writable when that has come to an end: see
 * stream_socket_error(). */
MUST_USE int stream_socket_connect(const struct endpoint *to, us_t dead_time);
/* Does the machine still have the address that the socket sends from? */
bool stream_socket_has_address(int fd);
/* 0, or -errno of what has happened to it. */
MUST_USE int stream_socket_error(int fd);

#endif
