/* Packets that wait for a mapping, of their destination or of their source: so many EIDs, packets of each, bytes in all, for so long.
 *
 * What finds no room takes that of the longest waiting, so that what cannot be resolved does not
 * keep
 * out what can. */
#ifndef VR_PENDING_H
#define VR_PENDING_H

#include "base/err.h"
#include "base/frame.h"
#include "base/hash.h"
#include "base/types.h"

/* A machine that has just moved here may be in the midst of streams to sites that this router has never sent to: what it says
 * during a round trip to the map-resolver must not be lost. */
#define PENDING_EIDS_MAX    256
#define PENDING_PACKETS_MAX 128
#define PENDING_BYTES_MAX   ((size_t)8 << 20)
#define PENDING_TIMEOUT     (3 * US_S)

struct pending;

/* Where a packet came from. */
struct pending_from {
	struct mac mac;   /* on the LAN */
	uint32_t peer;    /* 1 + slot of the peer that it came from; 0: from none */
	struct addr rloc; /* plain from this locator, otherwise NONE */
};

struct pending_packet {
	struct frame f; /* 'data' in 'bytes' */
	uint8_t *bytes;
	struct pending_from from;
};

/* What waits for the mapping of one EID, in the order in which it came. */
struct pending_row {
	vn_id_t vn;
	struct addr eid;
	struct pending_packet packets[PENDING_PACKETS_MAX];
	size_t count;
};

/* NULL when memory is short.  The key is copied. */
struct pending *pending_create(const struct hash_key *key);
void pending_destroy(struct pending *p);

/* Keeps a copy of a packet.  Returns how many are lost by that: others that were in its place, or itself. */
size_t pending_add(struct pending *p, vn_id_t vn, struct addr eid, const struct frame *f,
		   const struct pending_from *from, us_t now);
/* Takes out the longest waiting row of these EIDs, for pending_free(); false: there is none. */
MUST_USE bool pending_take(struct pending *p, vn_id_t vn, struct prefix prefix,
			   struct pending_row *out);
void pending_free(struct pending_row *row);
/* Takes out what has had its time, packets lost. */
size_t pending_expire(struct pending *p, us_t now);
/* When that is next; US_NEVER. */
us_t pending_due(const struct pending *p);
/* How many EIDs are waited for. */
size_t pending_count(const struct pending *p);

#endif
