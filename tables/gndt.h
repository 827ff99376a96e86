/* GNDT, the global network description table: EID prefix -> who is reached there, longest prefix
 * first, per VN.
 *
 * Behind this interface stands tables/lpm.h.  Routes to the same router share one
 * target, so that a route costs no more than its place in it. */
#ifndef TABLES_GNDT_H
#define TABLES_GNDT_H

#include "base/err.h"
#include "base/hash.h"
#include "base/types.h"

/* 'slot' of a target on the own LAN; other values are the caller's (a peer's slot). */
#define GNDT_LOCAL UINT32_MAX

enum gndt_origin { GNDT_FIXED = 0, GNDT_HOST, GNDT_MAPPED };

/* Who is reached. */
struct gndt_target {
	struct vr_id vr;
	uint32_t slot;
	uint8_t origin; /* enum gndt_origin */
};

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
/* Adds or replaces the route of this exact prefix (a copy); 0, -ENOMEM or -ENOSPC (both:
 * unchanged). Replacing needs memory only for a target that no route has; that of targets which
 * lost their last route is kept for it, so that what was replaced can always be put back, unless
 * the table is shared. */
MUST_USE int gndt_put(struct gndt *g, vn_id_t vn, const struct gndt_route *route);
/* No-op when the prefix is not there. */
void gndt_remove(struct gndt *g, vn_id_t vn, struct prefix prefix);
/* Target of the longest prefix that contains the address, or NULL.  Valid until the next
 * non-const call; when shared, until the owner reclaims. */
const struct gndt_target *gndt_find(const struct gndt *g, vn_id_t vn, struct addr addr);
/* The same as a route, with its prefix; false: there is none. */
bool gndt_find_route(const struct gndt *g, vn_id_t vn, struct addr addr, struct gndt_route *route);
/* As gndt_find(), for many addresses of a VN: targets[i] for addrs[i]; of many the memory
 * comes together. */
void gndt_find_batch(const struct gndt *g, vn_id_t vn, const struct addr *addrs, size_t count,
		     const struct gndt_target **targets);
/* Target of the route of exactly this prefix, or NULL. */
const struct gndt_target *gndt_find_exact(const struct gndt *g, vn_id_t vn, struct prefix prefix);
size_t gndt_count(const struct gndt *g);
/* Walks all routes by VN, family, address and length (shorter first): '*route' is the first one
 * behind 'after' of VN '*vn', whether 'after' is there or not, so that the table may change
 * between two steps.  NULL starts.  '*vn' receives the route's VN.  False at the end. */
bool gndt_next(const struct gndt *g, vn_id_t *vn, const struct prefix *after,
	       struct gndt_route *route);

/* From now on other threads may call what takes a const pointer while the owner changes the
 * table (tables/lpm.h says what they may rely on).  The owner takes a mark, waits until each of
 * them has said that it holds nothing that it found before, and reclaims up to the mark. */
void gndt_share(struct gndt *g);
uint64_t gndt_mark(const struct gndt *g);
void gndt_reclaim(struct gndt *g, uint64_t mark);

#endif
