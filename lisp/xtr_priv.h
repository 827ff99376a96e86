/* The inside of an xTR, shared by its files. */
#ifndef LISP_XTR_PRIV_H
#define LISP_XTR_PRIV_H

#include "lisp/gone.h"
#include "lisp/limiter.h"
#include "lisp/push_order.h"
#include "lisp/xtr.h"
#include "tables/lpm.h"
#include "tables/pool.h"
#include "wire/lisp_ecm.h"

/* A question: under way, or answered so lately that it counts for the limit. */
struct ask {
	vn_id_t vn;
	struct prefix prefix; /* length 0 of family NONE: a free row */
	uint64_t nonce;
	unsigned tries;
	bool answered;
	bool smr_invoked;
	bool stranger;      /* anybody could set it off */
	bool previous;      /* who had an EID that is here now: of no interest to the map-cache */
	bool renewal;       /* of a subscription: nobody waits for the answer */
	bool again;         /* an SMR came sooner than it may be followed: asked when it may */
	us_t due;           /* the next try, or the end of the row */
	us_t spent;         /* until then what was used of its allowance has not come back */
	unsigned unheard;   /* Map-Requests since the last answer */
	struct addr source; /* of the packet that wants to it; NONE: no packet */
};

/* One own EID-prefix at one map-server. */
struct own_at {
	uint64_t nonce;  /* of the Map-Register that waits for a Map-Notify; 0: none */
	uint64_t before; /* of the one that it repeats, whose answer may be late; 0: none */
	us_t due, since, renewed;
	us_t doubted;   /* see registrar_doubt(); 0: never */
	unsigned tries; /* since the last acknowledgement */
	uint64_t sent, acknowledged;
	bool in_force;
};

struct own {
	struct chain chain; /* of free rows */
	bool used;
	vn_id_t vn;
	struct prefix prefix;
	uint16_t version;
	uint64_t round; /* see xtr_own_begin() */
	bool leaving;   /* withdrawn; freed when the servers have heard it or do not answer */
	bool announced; /* ops->in_force() was called for this version */
	struct own_at servers[XTR_SERVERS_MAX];
};

/* Info-Requests to one map-server, and what came of them. */
#define NAT_NONCES 4

struct nat_at {
	uint8_t state;               /* enum xtr_nat_state */
	uint64_t nonces[NAT_NONCES]; /* of the last questions that nobody answered; 0: none */
	unsigned tries;              /* since the last answer */
	us_t due;
	struct endpoint seen;
	struct addr rtrs[LISP_RTRS_MAX];
	uint8_t rtr_count;
	uint8_t rtr;     /* the one that is used or tried */
	unsigned missed; /* rounds of Map-Registers in a row that the RTR brought no answer to */
	us_t sent;       /* the last of them */
	bool in_use;     /* it has brought one */
};

/* An RLOC that mappings name, or that is a Proxy-ETR: probed once for all of them. */
struct probe {
	struct addr rloc; /* family NONE: a free row */
	vn_id_t vn;       /* a mapping that names it, for the question */
	struct prefix prefix;
	uint64_t nonce;
	us_t sent; /* of the probe under way; 0: none */
	us_t due;
	us_t hurried;    /* when it was probed before its time, last */
	unsigned missed; /* in a row */
	bool answered;   /* one, ever */
};

/* A locator stands in one of so many rows. */
#define PROBE_WAYS 8

/* Of so many mappings that left the map-cache the nonce of the last publication is remembered, and for so long. */
#define GONE_MAX  4096
#define GONE_TIME (3600 * US_S)

struct askers;

struct xtr {
	struct xtr_conf conf;
	const struct lisp_io *io;
	void *io_ctx;
	const struct xtr_ops *ops;
	void *ctx;
	struct mapcache *cache;
	struct hash_key key;
	uint64_t nonce;
	struct limiter replies;
	struct limiter smrs;
	struct ask asks[XTR_ASKS_MAX];
	us_t asks_due;
	uint64_t ask_nonce; /* the last of a question that subscribes */
	uint64_t ask_clock; /* the clock that 'nonce' was given from, and when that was */
	us_t ask_epoch;
	unsigned resolver; /* that is asked next */
	struct pool own;
	struct lpm own_lpm;
	uint64_t own_round;
	us_t own_due;
	struct probe probes[XTR_PROBES_MAX];
	us_t probes_due;
	struct mapping *petrs; /* see xtr_petrs() */
	size_t petr_count;
	struct nat_at nat[XTR_SERVERS_MAX];
	us_t nat_due;
	struct addr way_out; /* as ops->way_out() was told last */
	struct push_order *push_order;
	uint64_t push_nonce; /* the last that was given */
	struct askers *askers;
	struct gone gone;
	uint64_t counts[XTR_COUNT_END];
};

void xtr_counted(struct xtr *x, enum xtr_count count);
/* Sends a message that was built; 'size' negative: it could not be. */
void xtr_send(struct xtr *x, const struct endpoint *to, const uint8_t *data, int size);
uint64_t xtr_random(struct xtr *x);
/* An EID of a VN as this xTR writes it. */
struct lisp_eid xtr_eid(const struct xtr *x, vn_id_t vn, struct prefix prefix);
/* Own locators into a record that was begun; 'probed' is the one that answers a probe, or NONE. */
void xtr_put_own_rlocs(const struct xtr *x, struct lisp_builder *b, struct addr probed);
/* The same for an EID that may be elsewhere: then its locators there. */
void xtr_put_place(const struct xtr *x, struct lisp_builder *b, const struct xtr_place *place,
		   struct addr probed);
/* The first own locator of this family, NONE when there is none. */
struct addr xtr_own_rloc(const struct xtr *x, uint8_t family);
/* ITR-RLOCs of a Map-Request: all own locators. */
void xtr_put_itrs(const struct xtr *x, struct lisp_builder *b);

/* asks.c */
void asks_reply(struct xtr *x, const struct lisp_msg *msg, us_t now);
void asks_smr(struct xtr *x, const struct lisp_msg *msg, us_t now);
us_t asks_run(struct xtr *x, us_t now);
/* The question with this nonce that waits, or NULL. */
struct ask *asks_find(struct xtr *x, uint64_t nonce);
void asks_done(struct xtr *x, struct ask *ask);
/* Takes one record into the map-cache; 'nonce' is that of a publication, else 0; 'ask' the question that it answers, or
 * NULL. */
void asks_take(struct xtr *x, const struct lisp_record *record, enum map_source source,
	       uint64_t nonce, const struct ask *ask, us_t now);
/* Before the records of an answer are taken: what was asked for, and is in the map-cache, goes when they do not bear it
 * out.  True: it stays all the same, for now. */
bool asks_doubt(struct xtr *x, const struct ask *ask, struct rd records, uint64_t nonce, us_t now);
/* Subscribes anew to what a subscription was to. */
void asks_renew(struct xtr *x, vn_id_t vn, struct prefix prefix, us_t now);
/* The mapping of this prefix is no longer; unless it is a fixed one. */
void asks_forget(struct xtr *x, vn_id_t vn, struct prefix prefix, us_t now);

/* answers.c */
void answers_request(struct xtr *x, const struct endpoint *from, const struct lisp_ecm *ecm,
		     const struct lisp_msg *msg, us_t now);

/* registrar.c */
MUST_USE int registrar_create(struct xtr *x);
us_t registrar_run(struct xtr *x, us_t now);
/* A Map-Notify with this nonce came from the server: false when nothing waits for it. */
bool registrar_notify(struct xtr *x, size_t server, uint64_t nonce, us_t now);
void registrar_destroy(struct xtr *x);
/* The server says unasked that the EID is elsewhere, which may be old: what it answers to a refresh is not.  That is sent now,
 * unless one is under way or was just sent for this. */
void registrar_doubt(struct xtr *x, size_t server, struct own *own, us_t now);
/* All own EIDs are registered at this server anew. */
void registrar_anew(struct xtr *x, size_t server, us_t now);
/* An own EID, if there is one: what a question to a map-server is about. */
bool registrar_any(const struct xtr *x, vn_id_t *vn, struct prefix *prefix);

/* traverse.c */
void traverse_start(struct xtr *x);
us_t traverse_run(struct xtr *x, us_t now);
void traverse_info(struct xtr *x, const struct endpoint *from, const struct lisp_msg *msg,
		   const uint8_t *data, size_t size, us_t now);
/* May anything be registered at this server now? */
bool traverse_is_settled(const struct xtr *x, size_t server);
/* The RTR that this server is reached through, or NONE. */
struct addr traverse_rtr(const struct xtr *x, size_t server);
/* Sends a Map-Register through it, which is at data + LISP_ECM_SIZE_MAX, where room is for the headers. */
void traverse_send(struct xtr *x, size_t server, uint8_t *data, size_t size, us_t now);
/* The server has answered one. */
void traverse_answered(struct xtr *x, size_t server, us_t now);

/* notices.c */
/* The last nonce of a publication about this prefix, which is, or was, in the map-cache; 0: none is known. */
uint64_t notices_last(const struct xtr *x, vn_id_t vn, struct prefix prefix);
/* A prefix that had publications up to this nonce leaves the map-cache. */
void notices_gone(struct xtr *x, vn_id_t vn, struct prefix prefix, uint64_t nonce, us_t now);
us_t notices_run(struct xtr *x, us_t now);
void notices_heard(struct xtr *x, const struct endpoint *from, const struct lisp_msg *msg,
		   const uint8_t *data, size_t size, us_t now);

/* probes.c */
us_t probes_run(struct xtr *x, us_t now);
void probes_reply(struct xtr *x, const struct endpoint *from, const struct lisp_msg *msg, us_t now);
/* The locators of a new mapping are probed from now on. */
void probes_follow(struct xtr *x, const struct mapping *m, us_t now);
void probes_hurry(struct xtr *x, struct addr rloc, us_t now);
/* Does somebody answer at this locator?  False when that is not known. */
bool probes_is_alive(struct xtr *x, struct addr rloc);

/* askers.c */
struct askers *askers_create(const struct hash_key *key);
void askers_destroy(struct askers *a);
/* Its row, valid until the next put; 'told' and 'shared' are those of before.  One that is not 'proven' takes no room from those
 * that are, and is NULL where it finds none.  Rows that were last heard before 'oldest' are free.
 * '*lost': somebody else was
 * forgotten, or this one is. */
struct xtr_asker *askers_put(struct askers *a, const struct xtr_asker *asker, us_t oldest,
			     bool *lost);
/* Calls 'each' for every locator that asked for the EID since 'oldest'. */
void askers_of(struct askers *a, vn_id_t vn, struct addr eid, us_t oldest,
	       void (*each)(void *ctx, struct xtr_asker *asker), void *ctx);
/* The row of this pair, or NULL; valid until the next put. */
struct xtr_asker *askers_find(struct askers *a, vn_id_t vn, struct addr eid, struct addr rloc);
bool askers_next(const struct askers *a, size_t *position, struct xtr_asker *out);

/* push.c */
/* Tells the site at which the map-cache has the EID, if it has it. */
void push_last_known(struct xtr *x, vn_id_t vn, struct addr eid, us_t now);
/* These are the locators of the site that had the EID before: those that push_last_known() does not know are told. */
void push_previous(struct xtr *x, vn_id_t vn, struct addr eid, struct rd locators, us_t now);
/* The locators of a record that are not ours, and can be used; '*ours' says whether one of ours is there too. */
size_t push_foreign(const struct xtr *x, const struct lisp_record *record,
		    struct addr out[XTR_RLOCS_MAX], bool *ours);
/* The record of an authentic message says that its EID, a host's, is at these locators now, none of them ours: takes it where
 * it was here.  False: refused. */
bool push_departed(struct xtr *x, const struct lisp_record *record, const struct addr *rlocs,
		   size_t count, us_t now);
void push_heard(struct xtr *x, const struct lisp_msg *msg, const uint8_t *data, size_t size,
		us_t now);

#endif
