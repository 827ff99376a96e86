/* Registered EIDs: exact and longest-prefix match, expiry, merged registrations.
 *
 * An EID costs a registration of 64 bytes, a deadline of 8, a place in the hash of 4 to 8 and one
 * or two nodes of 32 bytes; locator sets are shared (lisp/sets.h).  All arrays are asked for once,
 * and
 * the system hands out their pages as they are first used.
 *
 * Hosts are found by the hash, in a few memory accesses however many there are; the trie serves
 * what is no exact match, and questions about what is near (trie_room()).
 *
 * Time is in seconds, of the caller's choice, from 1. */
#ifndef LISP_REGISTRY_H
#define LISP_REGISTRY_H

#include "lisp/nonces.h"
#include "lisp/sets.h"
#include "lisp/trie.h"
#include "lisp/wheel.h"

#define REGISTRY_MAX TRIE_VALUE_MAX

struct registration {
	uint64_t w[2];           /* the key, see struct eid_key */
	struct locator_set *set; /* of all ETRs, if merged */
	uint32_t node;           /* in the trie; of a free row the next one */
	uint32_t vn : 24, family : 8;
	uint32_t etr;   /* row of lisp/nonces.h: who registered it last */
	uint32_t since; /* registered by this site without a break */
	uint32_t expires;
	uint32_t ttl;   /* minutes, for those who ask */
	uint32_t parts; /* first of a merged registration, or 0 */
	uint16_t site;
	uint16_t map_version;
	bool proxy;      /* the ETR, or one of them, wants us to answer */
	bool plain_zero; /* VN 0, registered without an Instance-ID LCAF */
	bool used;
	uint8_t len;
};

/* What a Map-Register says of one EID. */
struct registry_news {
	struct locator_set *set; /* borrowed */
	uint32_t etr;
	uint32_t ttl;
	uint32_t lifetime; /* seconds, not 0 */
	uint16_t site, map_version;
	bool proxy, plain_zero, merge;
};

enum registry_change { REGISTRY_SAME, REGISTRY_NEW, REGISTRY_CHANGED };

struct registry;

/* At most 'max' EIDs of 'sites' sites; 'nonces' is borrowed.  NULL: memory is short, or 'max' is
 * above REGISTRY_MAX. */
struct registry *registry_create(uint32_t max, uint32_t sites, const struct hash_key *key,
				 struct nonces *nonces);
void registry_destroy(struct registry *r);
struct sets *registry_sets(struct registry *r);

/* Adds or refreshes.  A site that was not the registrant replaces what was there, parts and all; a
 * 'merge' from the same site joins the parts of other ETRs that merge, too.  0; -ENOSPC, -ENOMEM:
 * unchanged. */
MUST_USE int registry_put(struct registry *r, const struct eid_key *key,
			  const struct registry_news *news, uint32_t now, uint32_t *number,
			  enum registry_change *change);
/* The ETR's share of a merged registration ends; true when that was the last one (or it is not
 * merged): then the registration is still there, to be removed. */
bool registry_leave(struct registry *r, uint32_t number, uint32_t etr);
void registry_remove(struct registry *r, uint32_t number);
/* Something whose time is over, or 0: '*gone' says whether the whole registration is (it is still
 * there, and to be removed) or only a part of it. */
uint32_t registry_expire(struct registry *r, uint32_t now, bool *gone);
/* When registry_expire() is due next; WHEEL_NEVER. */
uint32_t registry_due(const struct registry *r);

/* Number of the registration, or 0. */
uint32_t registry_find(const struct registry *r, const struct eid_key *key);
/* Of the longest prefix that contains the key. */
uint32_t registry_match(const struct registry *r, const struct eid_key *key);
/* Valid until the next call that changes anything. */
const struct registration *registry_at(const struct registry *r, uint32_t number);
struct eid_key registry_key(const struct registry *r, uint32_t number);
/* Walks all in no order: start with 0; 0 ends.  Survives the removal of the current one. */
uint32_t registry_next(const struct registry *r, uint32_t number);
/* For trie_inside(), trie_room(). */
const struct trie *registry_trie(const struct registry *r);
size_t registry_count(const struct registry *r);
uint32_t registry_site_count(const struct registry *r, uint32_t site);
/* Bytes that are in use for what is registered. */
size_t registry_memory(const struct registry *r);

#endif
