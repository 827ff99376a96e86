/* Map-cache: mappings that were asked for or pushed, EID-prefix -> locators, for as long as they are good (RFC 9301).
 *
 * Longest prefix first, per VN.  A mapping without locators is a negative one: 'action' says what
 * to
 * do with packets.  Bounded; when it is full, the mapping goes that has been without a packet for
 * longest among those of the VN that has most, so that one VN cannot push out the others. */
#ifndef TABLES_MAPCACHE_H
#define TABLES_MAPCACHE_H

#include "base/err.h"
#include "base/hash.h"
#include "base/types.h"

#define MAP_LOCATORS_MAX 8
/* Priority of a locator that must not be used (RFC 9301 section 5.4). */
#define MAP_PRIORITY_NEVER 255
/* A mapping is asked for again so long before its end, or when a tenth of its time is left. */
#define MAP_REFRESH (60 * US_S)

enum map_source {
	MAP_ASKED = 0, /* Map-Reply */
	MAP_PUBLISHED, /* Map-Notify of a subscription (RFC 9437) */
	MAP_PUSHED,    /* CHANGE-PRIORITY */
	MAP_FIXED,     /* by configuration: never expires, never replaced by the others */
};

struct map_locator {
	struct addr rloc;
	uint8_t priority, weight;
	/* Each of these takes it out of use. */
	bool not_reachable; /* its record says so (R), or its site's locator-status bits */
	bool silent;        /* RLOC-probes stay unanswered */
	us_t rtt;           /* of probes; 0: not known */
	uint32_t peer; /* the caller's: 1 + slot of the peer that is reached there; 0: of none */
	uint64_t packets, bytes; /* sent there */
};

struct mapping {
	vn_id_t vn;
	struct prefix prefix;
	uint8_t source; /* enum map_source */
	uint8_t action; /* enum lisp_action, when there are no locators */
	bool authoritative;
	uint16_t version; /* Map-Version number; 0: none */
	uint64_t notice;  /* nonce of the last publication that was taken; 0: none */
	/* Subscribed, by itself or by what is around it: a publication of a prefix inside that has no nonce of its own
	 * must have a greater one.  0: not subscribed. */
	uint64_t floor;
	bool doubted; /* the caller's: put makes it false */
	uint8_t count;
	struct map_locator locators
		[MAP_LOCATORS_MAX]; /* in the order of the record, which is that of the status bits */
	us_t ttl;                   /* as given; US_NEVER: for ever */
	us_t renew; /* as given: asked for again after so long, while it is in use; 0: only near its end */
	us_t since;   /* the prefix is there */
	us_t changed; /* its locators are these */
	us_t expires;
	us_t refresh;     /* to be asked for again, when it is in use; US_NEVER: not any more */
	us_t used;        /* last packet; 0: none yet */
	uint64_t packets; /* also of those that had no usable locator */
};

struct mapcache;

/* NULL when memory is short.  The key is copied. */
struct mapcache *mapcache_create(size_t max, const struct hash_key *key);
void mapcache_destroy(struct mapcache *m);

enum map_fate {
	MAP_NEW = 1,
	MAP_SAME,    /* same locators: renewed */
	MAP_CHANGED, /* other locators, priorities, weights or action */
	MAP_REFUSED, /* there is a fixed one */
};

/* Adds or replaces the mapping of exactly this prefix; times and counts in 'mapping' are not looked at,
 * but for 'ttl' and 'renew'.  What was counted and measured of a locator that stays, stays;
 * 'notice' and 'floor' only
 * grow. */
MUST_USE enum map_fate mapcache_put(struct mapcache *m, const struct mapping *mapping, us_t now);
/* No-op when it is not there. */
void mapcache_remove(struct mapcache *m, vn_id_t vn, struct prefix prefix);
/* All of these are valid until the next put, remove or expire. */
struct mapping *mapcache_find(const struct mapcache *m, vn_id_t vn, struct addr addr);
/* The longest that contains all of this prefix, itself included. */
struct mapping *mapcache_find_around(const struct mapcache *m, vn_id_t vn, struct prefix prefix);
struct mapping *mapcache_find_exact(const struct mapcache *m, vn_id_t vn, struct prefix prefix);
/* Walks all: start with '*position' 0; NULL at the end.  Survives removal of the one just returned. */
struct mapping *mapcache_next(const struct mapcache *m, size_t *position);
/* The mapping that is due first, if one is: past its end, to be removed; otherwise to be asked for again if it is in use,
 * after which mapcache_refreshed() says when the next time is: its 'refresh' is US_NEVER when only
 * its end is left. */
struct mapping *mapcache_pending(const struct mapcache *m, us_t now);
void mapcache_refreshed(struct mapcache *m, struct mapping *mapping, us_t now);
/* When mapcache_pending() is due next; US_NEVER. */
us_t mapcache_due(const struct mapcache *m);
/* The mapping that the last put pushed out, as it was; false when it pushed out none. */
bool mapcache_evicted(const struct mapcache *m, struct mapping *out);
size_t mapcache_count(const struct mapcache *m);

/* Locator for a flow: among those in use, the best priority, by weight (RFC 9301 section 5.4: weights
 * of 0 share equally); the same one for a flow as long as the locators are the same.  -1: none. */
int mapping_choose(const struct mapping *mapping, uint32_t flow);
bool map_locator_usable(const struct map_locator *l);
/* A packet was sent: counts it, and that the mapping is in use. */
void mapping_count(struct mapping *mapping, int locator, size_t size, us_t now);

#endif
