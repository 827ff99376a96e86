/* A second socket for what must not wait: both stand at one port (SO_REUSEPORT), and a filter sends by the outer header's traffic
 * class what is marked to the second, the rest to the first. */
#include <errno.h>
#include <stdlib.h>
#include <linux/filter.h>

#include "vr/udp_priv.h"

/* In the order in which they were bound. */
enum { FIRST = 0, URGENT = 1 };

/* The traffic class without its two bits of congestion; those of IPv6 lie across two bytes. */
static int
steer(int fd)
{
	enum { V6 = 4, COMPARE = 6 };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_NET_OFF),
		/* Version 6, not 4. */
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x2000, V6 - 2, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfc),
		BPF_JUMP(BPF_JMP | BPF_JA, COMPARE - 4, 0, 0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfc),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UDP_URGENT_TOS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, URGENT),
		BPF_STMT(BPF_RET | BPF_K, FIRST),
	};
	struct sock_fprog program = {.len = ARRAY_COUNT(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) < 0
		       ? -errno
		       : 0;
}

/* The first one was bound alone, so that nobody else had the port; from now on it is shared. */
static int
join(const struct udp *first, const struct udp *u, const struct endpoint *at)
{
	int rc = socket_option(first->fd, SOL_SOCKET, SO_REUSEPORT, 1);

	if (rc == 0)
		rc = socket_option(u->fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (rc == 0)
		rc = socket_bind(u->fd, at);
	return rc == 0 ? steer(u->fd) : rc;
}

int
udp_create_urgent(struct udp *u, const struct udp_conf *conf, struct udp **out)
{
	struct endpoint at = conf->listen;
	struct udp *other = NULL;
	int rc = udp_port(u, &at.port);

	if (rc == 0)
		rc = udp_open(conf, u->log, &other);
	if (rc == 0)
		rc = join(u, other, &at);
	if (rc != 0) {
		/* What would come to a group of one is not steered. */
		udp_destroy(other);
		return rc;
	}
	*out = other;
	return 0;
}
