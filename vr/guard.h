/* Keeps the host's kernel from handling frames that are the router's: an nftables ingress chain of
 * our own on one device, in a table of our own ("vrd_" and the device's name).
 *
 * Packet sockets see a frame before the chain drops it.  Where the kernel can (5.12 and later) the
 * table dies with the process, however that ends; elsewhere the next guard on the device replaces
 * it. */
#ifndef VR_GUARD_H
#define VR_GUARD_H

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"

struct guard;

struct guard_conf {
	const char *device;
	/* Drop all that comes in: the device is ours alone. */
	bool everything;
	/* Otherwise: unicast to the device's own MAC from or to these addresses, but never to an
	 * address that is the host's own at that moment. */
	const struct prefix *prefixes;
	size_t count;
	/* The table dies with the process where the kernel can do that; false: as where it cannot. */
	bool owned;
};

/* 0; -EPERM: no rights, or another process guards this device; -EOPNOTSUPP: no nftables.  The cause
 * in nftables' own words goes to the log at 'level'. */
MUST_USE int guard_create(const struct guard_conf *conf, struct log *log, enum log_level level,
			  struct guard **out);
/* Other prefixes from now on, in one step: at no time is the device without its rules.  0, or -errno
 * with the cause logged and the rules as they were.  Nothing to do with 'everything'. */
MUST_USE int guard_set(struct guard *g, const struct prefix *prefixes, size_t count);
/* Removes the chain and its table. */
void guard_destroy(struct guard *g);

#endif
