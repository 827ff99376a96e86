/* Who has registered, and the last nonce of each (RFC 9301 section 5.6): one row per site, xTR-ID
 * (the address of an ETR that tells none) and Key ID.  Rows come from authenticated messages only.
 *
 * The last nonce stands in memory.  What is written to disk is a *reserve* above it, in groups and
 * off the path; after a restart nonces up to the written reserve are refused.  The reserve is asked
 * to be renewed when a nonce reaches it.  Its margin is what the sender used up twice over since
 * the last writing, if it sent more than one message, otherwise 1: who refreshes once a minute
 * loses one message after a restart of ours, who floods us loses two writing intervals of it.
 * Nothing that was accepted can be replayed after a restart but what a sender sent beyond its
 * reserve within the last interval before it.
 *
 * Fair when full: the site that has most rows loses its longest unheard.  A row that is pinned (a
 * registration names it) is not taken. */
#ifndef LISP_NONCES_H
#define LISP_NONCES_H

#include "base/hash.h"
#include "lisp/io.h"
#include "tables/pool.h"
#include "wire/lisp.h"

struct nonce_row {
	struct chain chain;
	struct link
		heard; /* among those of its site that are not pinned, the longest unheard first */
	uint32_t site;
	uint8_t key_id;
	bool has_xtr_id;
	struct lisp_xtr_id xtr;
	struct addr
		addr; /* names an ETR without xTR-ID where nonces are not looked at, otherwise NONE */
	struct endpoint from; /* where its last message came from */
	struct addr
		behind; /* its own address when 'from' is an RTR that relays it; otherwise NONE */
	uint64_t last;
	uint64_t reserve;  /* on disk, or on its way there */
	uint64_t kept;     /* 'last' when the reserve was computed */
	uint32_t fresh;    /* messages since then */
	uint64_t messages; /* accepted in all */
	uint32_t pins;
	bool used;
};

struct nonces;

/* At most 'max' rows for 'sites' sites.  'io' is borrowed.  NULL when memory is short. */
struct nonces *nonces_create(uint32_t max, uint32_t sites, const struct hash_key *key,
			     const struct lisp_io *io, void *ctx);
void nonces_destroy(struct nonces *n);

/* An authenticated message came in.  'strict' false accepts any nonce.  '*row' receives the number
 * of the row.  0; -ESTALE: not greater than the last (nothing changed); -ENOSPC: no room for one
 * more. */
MUST_USE int nonces_heard(struct nonces *n, uint32_t site, const struct lisp_msg *msg,
			  const struct endpoint *from, bool strict, uint32_t *row);
/* The last message of this row was relayed by an RTR for who has this address; NONE: it was not. */
void nonces_way(struct nonces *n, uint32_t row, struct addr behind);
/* Valid until the next nonces_heard(); for ever while it is pinned. */
const struct nonce_row *nonces_at(const struct nonces *n, uint32_t row);
/* The most recent site that this xTR-ID spoke for; false when it never did. */
bool nonces_site_of(const struct nonces *n, const struct lisp_xtr_id *xtr, uint32_t *site,
		    uint8_t *key_id);
void nonces_pin(struct nonces *n, uint32_t row);
void nonces_unpin(struct nonces *n, uint32_t row);
/* The same ETR, whichever key it used? */
bool nonces_same_etr(const struct nonces *n, uint32_t a, uint32_t b);
size_t nonces_count(const struct nonces *n);

/* Computes the reserves and calls 'each' for every row: what is to be written. */
void nonces_keep(struct nonces *n, void (*each)(void *ctx, const struct nonce_row *row), void *ctx);
/* Takes one back, before the first message: site, key_id, has_xtr_id, xtr, addr and reserve are
 * read.  Left out when there is no room. */
void nonces_recall(struct nonces *n, const struct nonce_row *row);

#endif
