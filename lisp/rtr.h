/* A Re-encapsulating Tunnel Router's control plane (draft-ermagan-lisp-nat-traversal): a state machine
 * without a socket.
 *
 * An xTR behind a NAT sends its Map-Registers here, in an ECM with the R bit.  They are relayed to
 * the
 * map-server, in an ECM with the N bit; the Map-Notify comes back in an ECM with the R bit and
 * authentication data by a key that this router shares with the map-server, and goes on to the xTR
 * in
 * a data packet, to the address and port that its Map-Register came from.  Only that Map-Notify
 * makes
 * state: the EID-prefixes in it, as far as their locators name this router, are then reached at
 * that
 * address and port, from our control port, which is where the NAT lets packets in from.
 *
 * Until then a Map-Register is only a row among few that wait, for a few seconds: anybody can send
 * one.  One that comes from where its EID is reached already never has to yield to strangers.  Of
 * two
 * copies of one Map-Register from two places neither is believed: one of them is forged. */
#ifndef LISP_RTR_H
#define LISP_RTR_H

#include "base/hash.h"
#include "lisp/io.h"
#include "lisp/rtr_count.h"
#include "wire/lisp.h"

#define RTR_SERVERS_MAX 8
/* Map-Registers whose answer is waited for. */
#define RTR_WAITING_MAX 1024
/* EID-prefixes of one xTR. */
#define RTR_EIDS_PER_XTR 1024

/* A map-server that is relayed to. */
struct rtr_server {
	struct addr addr;
	struct lisp_key key;
};

struct rtr_conf {
	uint16_t port;        /* of control messages, ours and the map-servers' */
	struct addr rlocs[2]; /* own ones, one of each family at most; NONE: not spoken */
	struct rtr_server servers[RTR_SERVERS_MAX];
	size_t server_count;
	uint32_t eids_max;
	bool old_drafts; /* a Map-Register's ECM may lack the R bit, as before version 04 */
	struct lisp_dialect dialect;
};

struct rtr_ops {
	/* Is the VN one of this router's, and the prefix nothing that it knows better? */
	bool (*may_serve)(void *ctx, vn_id_t vn, struct prefix prefix);
};

/* An EID-prefix behind a NAT. */
struct rtr_eid {
	vn_id_t vn;
	struct prefix prefix;
	struct lisp_xtr_id xtr;
	struct endpoint to; /* as the NAT shows the xTR */
	struct addr local;  /* its own address */
	unsigned server;    /* that accepted it: position in the configuration */
	us_t since, renewed, expires;
	uint64_t in_packets, in_bytes;   /* from the site */
	uint64_t out_packets, out_bytes; /* to the site */
};

struct rtr;

/* 'conf' is copied; 'io' and 'ops' are borrowed.  0, -ENOMEM, -EINVAL (no room for EIDs, no server). */
MUST_USE int rtr_create(const struct rtr_conf *conf, const struct lisp_io *io, void *io_ctx,
			const struct rtr_ops *ops, void *ctx, const struct hash_key *key,
			struct rtr **out);
void rtr_destroy(struct rtr *r);
/* Another key from now on for the server at this position. */
void rtr_server_key(struct rtr *r, size_t server, const struct lisp_key *key);

/* A control message from the underlay.  False when it is not for an RTR, and uncounted. */
bool rtr_heard(struct rtr *r, const struct endpoint *from, const uint8_t *data, size_t size,
	       us_t now);
/* Does what is due; when to be called next. */
us_t rtr_run(struct rtr *r, us_t now);

/* The longest prefix around the EID that is behind a NAT, or NULL.  Valid until the next call that takes a time. */
struct rtr_eid *rtr_find(const struct rtr *r, vn_id_t vn, struct addr eid);
/* Walks all: start with '*position' 0; NULL at the end. */
const struct rtr_eid *rtr_next(const struct rtr *r, size_t *position);
uint64_t rtr_count_of(const struct rtr *r, enum rtr_count count);
/* Map-Registers that wait for their answer. */
size_t rtr_waiting(const struct rtr *r, us_t now);

#endif
