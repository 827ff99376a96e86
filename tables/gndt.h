/* GNDT, the global network description table: EID prefix -> who is reached there, longest prefix
 * first, per VN.
 *
 * Behind this interface stands a path-compressed binary trie with a hash of host routes in front; a
 * faster structure can replace it without a change to callers. */
#ifndef TABLES_GNDT_H
#define TABLES_GNDT_H

#include "base/err.h"
#include "base/hash.h"
#include "base/types.h"

/* 'slot' of a target on the own LAN; other values are the caller's (a peer's slot). */
#define GNDT_LOCAL UINT32_MAX

enum gndt_origin { GNDT_FIXED = 0, GNDT_HOST, GNDT_MAPPED };

struct gndt_route {
	struct prefix prefix;
	struct vr_id vr;
	uint32_t slot;
	uint8_t origin; /* enum gndt_origin */
};

/* Routes that a table takes at most. */
#define GNDT_MAX ((size_t)1 << 22)

struct gndt;

/* NULL when memory is short.  The key is copied. */
struct gndt *gndt_create(const struct hash_key *key);
void gndt_destroy(struct gndt *g);
/* Adds or replaces the route of this exact prefix (a copy); 0, -ENOMEM or -ENOSPC (both: unchanged).
 * Replacing never fails. */
MUST_USE int gndt_put(struct gndt *g, vn_id_t vn, const struct gndt_route *route);
/* No-op when the prefix is not there. */
void gndt_remove(struct gndt *g, vn_id_t vn, struct prefix prefix);
/* Longest prefix that contains the address, or NULL.  Valid until the next non-const call. */
const struct gndt_route *gndt_find(const struct gndt *g, vn_id_t vn, struct addr addr);
/* The route of exactly this prefix, or NULL. */
const struct gndt_route *gndt_find_exact(const struct gndt *g, vn_id_t vn, struct prefix prefix);
size_t gndt_count(const struct gndt *g);
/* Walks all routes by VN, family, address and length (shorter first): the first one behind 'after' of VN '*vn', whether
 * 'after' is there or not, so that the table may change between two steps.  NULL starts.  '*vn'
 * receives the route's VN.  NULL at the end; otherwise valid until the next non-const call. */
const struct gndt_route *gndt_next(const struct gndt *g, vn_id_t *vn, const struct prefix *after);

#endif
