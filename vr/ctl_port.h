/* The management port: a character device, as a rule a port of virtio-serial, over which the cloud's middleware gives
 * management actions to the machine that this router is.  The same lines as on the control socket,
 * but one command, "move".
 *
 * Whoever holds the other end may use it: that is the hypervisor.  It may come and go, and say
 * anything: what is no request is counted and not answered, so that an echo of our own lines ends
 * there.  A line has at most CTL_PORT_LINE_MAX bytes. */
#ifndef VR_CTL_PORT_H
#define VR_CTL_PORT_H

#include "base/err.h"
#include "base/log.h"
#include "vr/ctl.h"
#include "vr/loop.h"

#define CTL_PORT_LINE_MAX 4096

struct ctl_port;

struct ctl_port_conf {
	const char *path;
	const struct ctl_command *commands;
	size_t count;
	void *ctx;
};

/* A device that is not there yet is tried again every second.  All is borrowed but the path.  0 and '*out', or -errno. */
MUST_USE int ctl_port_create(const struct ctl_port_conf *conf, struct loop *loop, struct log *log,
			     struct ctl_port **out);
/* Before the loop goes.  NULL is nothing. */
void ctl_port_destroy(struct ctl_port *p);
/* As ctl_wake().  NULL is nothing. */
void ctl_port_wake(struct ctl_port *p, us_t now);
/* Lines that were no request, or too long. */
uint64_t ctl_port_garbage(const struct ctl_port *p);

#endif
