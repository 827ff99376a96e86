/* The host's part of the underlay: which addresses of this router are worth telling its peers, and when
 * something has happened to them or to the way to a peer.
 *
 * What the kernel says comes in bursts (an address, its routes, a default route): it is gathered
 * for
 * a few milliseconds and told once.  Changes are told 50 times a second at most; where routes come
 * and go by the dozen, as a routing daemon makes them, once a second. */
#ifndef VR_UNDERLAY_H
#define VR_UNDERLAY_H

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"
#include "vr/netlink_addr.h"

#define UNDERLAY_ADDRS_MAX 8

struct underlay;

struct underlay_ops {
	/* Addresses, links or routes have changed.  It may ask this module whatever only reads. */
	void (*changed)(void *ctx, us_t now);
	/* This machine has come to another place, as its network card says: nothing need have changed
	 * but the network behind it. */
	void (*moved)(void *ctx, us_t now);
	/* Does a route to there matter: is one of the peers behind it? */
	bool (*concerns)(void *ctx, struct prefix to);
};

struct underlay_conf {
	/* Names of devices that are no part of it: the LANs.  Borrowed for the call. */
	const char *const *ignored;
	size_t ignored_count;
};

/* 0 and '*out', or -errno.  'ops' must outlive it; NULL 'log' writes nothing. */
MUST_USE int underlay_create(const struct underlay_conf *conf, const struct underlay_ops *ops,
			     void *ctx, struct log *log, struct underlay **out);
void underlay_destroy(struct underlay *u);

/* Readable when the kernel has something to say. */
int underlay_fd(const struct underlay *u);
/* Reads that; ask underlay_run() afterwards. */
void underlay_readable(struct underlay *u, us_t now);
/* Tells what is due; returns when to be called next. */
us_t underlay_run(struct underlay *u, us_t now);
/* The addresses are looked at within the next milliseconds, as if the kernel had said something. */
void underlay_look(struct underlay *u, us_t now);

/* Global unicast addresses of links that are up, in the kernel's order; not of LANs, TUN devices and loopback.  'out' has
 * room for UNDERLAY_ADDRS_MAX.  Returns how many there are. */
size_t underlay_addrs(const struct underlay *u, struct addr *out);
/* It was not there before the last change. */
bool underlay_is_new(const struct underlay *u, struct addr addr);

/* Takes in one fact as if the kernel had said it, and says whether it matters.  For
 * underlay_readable() and tests. */
bool underlay_heard(struct underlay *u, const struct netlink_fact *fact, us_t now);

#endif
