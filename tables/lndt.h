/* LNDT, the local network description table: what this router is responsible for, and who may speak
 * and claim.  Filled from the configuration only; never by a peer.
 *
 * Three kinds of rows, all per VN: local prefixes (machines at home on this LAN), prefixes that a
 * peer is responsible for, and mobile prefixes with the routers that may host their EIDs. */
#ifndef TABLES_LNDT_H
#define TABLES_LNDT_H

#include "base/err.h"
#include "base/types.h"

struct lndt;

/* 'self' is the own router's id. */
struct lndt *lndt_create(struct vr_id self);
void lndt_destroy(struct lndt *t);

/* 'vr' is responsible for the prefix ('self': a local one).  0, -EEXIST when another router has exactly
 * this prefix, or -ENOMEM. */
MUST_USE int lndt_put_fixed(struct lndt *t, vn_id_t vn, struct prefix prefix, struct vr_id vr);
/* EIDs of the prefix may be hosted by these routers ('count' 0: by every router of the VN; which these
 * are the caller knows).  Copies; replaces the hosts when the prefix is there.  0 or -ENOMEM
 * (unchanged). */
MUST_USE int lndt_put_mobile(struct lndt *t, vn_id_t vn, struct prefix prefix,
			     const struct vr_id *hosts, size_t count);

/* The router of the longest fixed prefix that contains the address; id none when there is none. */
struct vr_id lndt_home(const struct lndt *t, vn_id_t vn, struct addr ip);
/* True when that router is the own one. */
bool lndt_is_local(const struct lndt *t, vn_id_t vn, struct addr ip);
/* That prefix itself.  False, with '*prefix' unchanged, when there is none. */
bool lndt_find_fixed(const struct lndt *t, vn_id_t vn, struct addr ip, struct prefix *prefix);
/* The router that has exactly this fixed prefix; id none when there is none. */
struct vr_id lndt_fixed(const struct lndt *t, vn_id_t vn, struct prefix prefix);
/* True when the address lies in a mobile prefix, also if a longer fixed prefix contains it. */
bool lndt_is_mobile(const struct lndt *t, vn_id_t vn, struct addr ip);
/* True when a mobile prefix lies in this one, or is it. */
bool lndt_has_mobile_inside(const struct lndt *t, vn_id_t vn, struct prefix prefix);
/* May this router own (claim) this EID?  Yes when the longest fixed prefix is its own, or when the
 * longest mobile prefix lists it: a longer mobile prefix with other hosts takes EIDs out of a
 * shorter
 * one, and fixed and mobile prefixes do not hide each other.  Never for id none. */
bool lndt_may_host(const struct lndt *t, vn_id_t vn, struct addr ip, struct vr_id vr);

struct lndt_row {
	vn_id_t vn;
	struct prefix prefix;
	bool mobile;
	struct vr_id vr;           /* of a fixed prefix */
	const struct vr_id *hosts; /* of a mobile prefix, ascending; owned by the table */
	size_t host_count;         /* 0: every router */
};
/* Row by position, in the order in which they were put; false behind the last. */
bool lndt_row(const struct lndt *t, size_t position, struct lndt_row *row);

#endif
