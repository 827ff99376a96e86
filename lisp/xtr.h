/* An xTR's control plane (RFC 9301): a state machine without a socket.
 *
 *   asks.c      Map-Requests for EIDs that packets want to, refresh of mappings, SMRs honoured
 *   asks_answer.c  what the answers say, and the mappings made of it
 *   answers.c   Map-Requests of others for own EIDs; who asked is remembered
 *   registrar.c own EIDs at the map-servers
 *   traverse.c  is there a NAT before them?  Then through an RTR
 *   notices.c   Map-Notifies: acknowledgements, publications (RFC 9437)
 *   probes.c    RLOC-probes
 *   push.c      who is told when an EID moves: SMR, CHANGE-PRIORITY (seed 003, algorithm 1)
 *
 * What the mappings are stands in the map-cache (tables/mapcache.h), which the forwarding reads.
 * Where own EIDs are only the router knows: it is asked through 'struct xtr_ops'.
 *
 * A Map-Reply is believed when its nonce is that of a question of ours, for what was asked, and the
 * router has no better knowledge of those EIDs; an SMR is a hint to ask again, and is never
 * believed; a Map-Notify and a CHANGE-PRIORITY must be authentic. */
#ifndef LISP_XTR_H
#define LISP_XTR_H

#include "base/hash.h"
#include "lisp/io.h"
#include "lisp/xtr_count.h"
#include "tables/mapcache.h"
#include "wire/lisp.h"

#define XTR_RLOCS_MAX   4
#define XTR_SERVERS_MAX 8
/* Questions under way at once. */
#define XTR_ASKS_MAX 1024
/* Own EID-prefixes that are registered. */
#define XTR_OWN_MAX 65536
/* Pairs of an EID and a locator that asked for it. */
#define XTR_ASKERS_MAX 16384
/* Locators that are probed. */
#define XTR_PROBES_MAX 1024
/* How far the clock of their sender may be from ours. */
#define XTR_PUSH_WINDOW (30 * US_S)

/* What an RTR is registered with in the place of own locators. */
#define REGISTER_RTR_PRIORITY 1
#define REGISTER_RTR_WEIGHT   100

/* A locator of this site. */
struct xtr_rloc {
	struct addr addr;
	uint8_t priority, weight;
};

/* A map-server that own EIDs are registered at. */
struct xtr_server {
	struct endpoint to;
	struct lisp_key key;
	bool proxy_reply;     /* P: it answers for us */
	bool with_ids;        /* I: xTR-ID and site-ID go with each Map-Register */
	bool merge;           /* a: it joins our locators with those of others of this site */
	bool acknowledge_all; /* Map-Notifies that answer a Map-Register are acknowledged, too */
};

struct xtr_conf {
	uint16_t port; /* that the control messages of others are due at; 0: 4342 */
	struct xtr_rloc rlocs[XTR_RLOCS_MAX];
	size_t rloc_count;
	struct endpoint resolvers[XTR_SERVERS_MAX];
	size_t resolver_count;
	struct xtr_server servers[XTR_SERVERS_MAX];
	size_t server_count;
	struct lisp_xtr_id ids;
	bool subscribe;         /* ask the mapping system to tell of changes (RFC 9437) */
	bool plain_zero;        /* VN 0 stands in no Instance-ID LCAF */
	uint32_t ttl_min;       /* of own mappings, minutes */
	us_t register_interval; /* between refreshes */
	us_t probe_interval;    /* 0: no RLOC-probes */
	uint32_t reply_rate;    /* Map-Replies per second and locator; 0: no limit */
	bool has_push_key;      /* CHANGE-PRIORITY is sent and taken with 'push_key' */
	struct lisp_key push_key;
	struct lisp_dialect dialect;
	bool push_type5; /* send its historic form */
	/* The map-servers are asked how they see us (draft-ermagan-lisp-nat-traversal): where that is
	 * not as we are, own EIDs are registered through an RTR, which all data goes to then. */
	bool nat;
	us_t nat_keepalive; /* between Map-Registers through an RTR */
};

/* What an own EID-prefix, or one that was, is answered with. */
struct xtr_place {
	struct prefix prefix; /* the answer is for all of it */
	uint16_t version;     /* Map-Version; 0: none */
	bool is_here;         /* behind this router: own locators.  Otherwise 'rlocs' */
	struct addr rlocs[XTR_RLOCS_MAX];
	size_t rloc_count;
};

struct xtr_ops {
	/* The mapping of this prefix is new, has changed, or is gone: look it up. */
	void (*mapped)(void *ctx, vn_id_t vn, struct prefix prefix, us_t now);
	/* Nobody answered: packets for this EID wait for nothing. */
	void (*unanswered)(void *ctx, vn_id_t vn, struct addr eid, us_t now);
	/* May a mapping of this prefix come from the mapping system, or does the router know better? */
	bool (*may_map)(void *ctx, vn_id_t vn, struct prefix prefix);
	/* Is the router a Proxy-ITR of this VN?  Its Map-Requests say so (RFC 9301 section 5.2, p). */
	bool (*proxies)(void *ctx, vn_id_t vn);
	/* Is the router a Proxy-ETR that lets out what is for this EID, which is nobody's in its VN?  Its kind is IP, or NONE:
	 * of any VN.  RLOC-probes that name it are answered, and nothing else. */
	bool (*lets_out)(void *ctx, const struct lisp_eid *eid);
	/* A site asked for this EID, the first time or after a while: the other routers of the VN may want to know.  False:
	 * they cannot be told now; it is said again with the next question. */
	bool (*asked)(void *ctx, vn_id_t vn, struct addr eid, struct addr rloc, us_t now);
	/* Where is this EID?  False: not ours to say. */
	bool (*place)(void *ctx, vn_id_t vn, struct addr eid, struct xtr_place *out);
	/* A CHANGE-PRIORITY says that an EID is here now (H), or at other locators.  False: refused.  'version': the Map-Version
	 * there, 0 none. */
	bool (*arrived)(void *ctx, vn_id_t vn, struct addr eid, us_t now);
	bool (*departed)(void *ctx, vn_id_t vn, struct addr eid, uint16_t version,
			 const struct addr *rlocs, size_t count, us_t now);
	/* The time of day, microseconds since 1970: nonces of CHANGE-PRIORITY are made of it. */
	us_t (*wall)(void *ctx);
	/* Is a router of ours reached at this locator, which hears of moves from us in another way? */
	bool (*is_peer)(void *ctx, struct addr rloc);
	/* Does this locator take CHANGE-PRIORITY, as far as is known beforehand? */
	bool (*pushes)(void *ctx, struct addr rloc);
	/* All map-servers have it (again) that this own EID is here. */
	void (*in_force)(void *ctx, vn_id_t vn, struct prefix prefix, us_t now);
	/* From now on all data goes to this RTR, which has heard of us; NONE: as the mappings say.  Of one with 'nat' only. */
	void (*way_out)(void *ctx, struct addr rtr, us_t now);
};

struct xtr;

/* 'conf' is copied; 'io', 'ops' and 'cache' are borrowed.  'nonce' is larger than any that was ever
 * given to a Map-Register: kept from before a restart, or from a clock.  0 or -ENOMEM. */
MUST_USE int xtr_create(const struct xtr_conf *conf, const struct lisp_io *io, void *io_ctx,
			const struct xtr_ops *ops, void *ctx, struct mapcache *cache,
			const struct hash_key *key, uint64_t nonce, struct xtr **out);
void xtr_destroy(struct xtr *x);
/* Another key from now on: for the server at this position of the configuration, for CHANGE-PRIORITY. */
void xtr_server_key(struct xtr *x, size_t server, const struct lisp_key *key);
void xtr_push_key(struct xtr *x, const struct lisp_key *key);

/* A control message from the underlay; one in an ECM comes with the ECM around it.  False when it is
 * not for an xTR, and uncounted. */
bool xtr_heard(struct xtr *x, const struct endpoint *from, const uint8_t *data, size_t size,
	       us_t now);
/* A packet that came inside of a data packet with the Instance-ID LISP_CONTROL_VN, at its IP header (a Data-Map-Notify). */
void xtr_heard_inside(struct xtr *x, const uint8_t *packet, size_t size, us_t now);
/* Where a map-server listens at the same address: is this message for the xTR rather than for both? */
bool xtr_wants(const struct xtr *x, const uint8_t *data, size_t size);
/* Does what is due; when to be called next. */
us_t xtr_run(struct xtr *x, us_t now);

/* A packet from 'source', NONE where that is not known, wants to an EID of which nothing is known.  0: asked, now or before; -EAGAIN: asked so
 * lately that it is not asked again yet; -ENOSPC; -ENOENT: there is no resolver. */
int xtr_resolve(struct xtr *x, vn_id_t vn, struct addr eid, struct addr source, us_t now);
/* A packet came from an EID, and not from where its mapping says, if there is one: it is asked for (anew).  0: asked, now or
 * before; otherwise as xtr_resolve(). */
int xtr_verify(struct xtr *x, vn_id_t vn, struct addr eid, us_t now);
/* Data came from a locator with these status bits for its site (RFC 9300 section 10): what they say
 * to be down is probed at once, and not believed before. */
void xtr_status_bits(struct xtr *x, vn_id_t vn, struct addr source, struct addr from, uint32_t bits,
		     unsigned width, us_t now);

/* Locators of Proxy-ETRs, of each VN a mapping (RFC 6832): they are in no map-cache, and are probed as
 * those that are, at once and from then on; 'silent' and 'rtt' say what came of it, and may be
 * given
 * from before.  The prefix is what a probe names: the default route.  Borrowed until the next call;
 * NULL with 0: none. */
void xtr_petrs(struct xtr *x, struct mapping *petrs, size_t count, us_t now);

/* An EID-prefix of this site: registered from now on, quickly at first.  Put again with another
 * version it is registered anew.  0, -ENOSPC, -ENOMEM. */
MUST_USE int xtr_own_put(struct xtr *x, vn_id_t vn, struct prefix prefix, uint16_t version,
			 us_t now);
/* It is no longer.  'withdraw': the map-servers are told (TTL 0); otherwise another site has told
 * them already.  No-op when it is not there. */
void xtr_own_remove(struct xtr *x, vn_id_t vn, struct prefix prefix, bool withdraw, us_t now);

/* What is not put again between these two is withdrawn. */
void xtr_own_begin(struct xtr *x);
void xtr_own_end(struct xtr *x, us_t now);

/* An EID moved to this site, or away from it ('place' says where it is): those who asked for it are
 * told, by CHANGE-PRIORITY where 'pushes' says that they take it, by SMR otherwise. */
void xtr_tell_askers(struct xtr *x, vn_id_t vn, struct addr eid, us_t now);
/* This locator sends to us what is for an EID that has moved away: it is told once more, at most once a second. */
void xtr_tell_sender(struct xtr *x, vn_id_t vn, struct addr eid, struct addr rloc, us_t now);
/* The same for the site that had the EID before (H and C clear). */
void xtr_tell_previous(struct xtr *x, vn_id_t vn, struct addr eid, struct addr rloc, us_t now);
/* The EID came here, and from no router of ours that could be told: where the map-cache has it, that site is told at once,
 * and the mapping system is asked once who had it, so that another one is told too.  Routers of
 * ours are not.  Before the
 * EID is registered here.  Without a key for CHANGE-PRIORITY: no-op. */
void xtr_ask_previous(struct xtr *x, vn_id_t vn, struct addr eid, us_t now);
/* This locator asked for the EID, or sends to it.  'source': an EID behind the locator, NONE where it is not known. */
void xtr_asked(struct xtr *x, vn_id_t vn, struct addr eid, struct addr rloc, struct addr source,
	       us_t now);
/* The same by hearsay: nobody else is told of it. */
void xtr_told(struct xtr *x, vn_id_t vn, struct addr eid, struct addr rloc, us_t now);

/* The largest nonce that was given to a Map-Register. */
uint64_t xtr_nonce(const struct xtr *x);
uint64_t xtr_count_of(const struct xtr *x, enum xtr_count count);

/* One own EID-prefix at one map-server, to be shown. */
struct xtr_registration {
	vn_id_t vn;
	struct prefix prefix;
	struct addr server;
	struct addr rtr; /* that it is registered through; NONE: directly */
	bool in_force;
	us_t since;   /* in force; 0: not */
	us_t renewed; /* last acknowledged; 0: never */
	us_t due;     /* next Map-Register */
	us_t expires; /* unless it is renewed; 0: not in force */
	unsigned tries;
	uint64_t sent, acknowledged; /* Map-Registers */
};

/* Walks all: start with '*position' 0; false at the end. */
bool xtr_registration_next(const struct xtr *x, size_t *position, struct xtr_registration *out);

/* How the map-server at a position of the configuration sees us. */
enum xtr_nat_state {
	XTR_NAT_OFF = 0, /* nobody asks */
	XTR_NAT_ASKING,  /* nothing is registered yet */
	XTR_NAT_NONE,    /* as we are, or it does not answer */
	XTR_NAT_BEHIND,  /* as somebody else: there is a NAT */
};

struct xtr_nat {
	enum xtr_nat_state state;
	struct endpoint seen; /* address NONE: not known */
	struct addr rtr;      /* that is used, or tried; NONE: there is none */
};

struct xtr_nat xtr_nat_at(const struct xtr *x, size_t server);

struct xtr_asker {
	vn_id_t vn;
	struct addr eid;
	struct addr rloc;
	struct addr source; /* an EID behind it; NONE: not known */
	bool pushes;        /* told to xtr_asker_next(): by CHANGE-PRIORITY, not by SMR */
	bool proven;        /* its locator is known to answer: nobody made it up */
	us_t last;
	us_t told;   /* of a move; 0: never */
	us_t shared; /* when ops->asked() took it last; 0: never, it is known by hearsay */
};

bool xtr_asker_next(const struct xtr *x, size_t *position, struct xtr_asker *out);
/* May it still have the mapping that it asked for? */
bool xtr_asker_counts(const struct xtr *x, const struct xtr_asker *asker, us_t now);

#endif
