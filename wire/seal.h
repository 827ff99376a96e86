/* Outer header of everything on the underlay port, and the inner header of a sealed record.
 *
 *   record: type 8 | version 8 | reserved 16 | receiver index 32 | counter 64 | sealed bytes ... tag
 *
 * The whole outer header is the record's associated data.  A relayed datagram has an outer header
 * of its own in front, and behind that, sealed, who sent it or shall have it:
 *
 *   type 8 | version 8 | reserved 16 | receiver index 32 | counter 64 | sealed id 64 | tag 128 |
 *   a datagram ...
 *
 * Drawn in docs/wire-format.md. */
#ifndef WIRE_SEAL_H
#define WIRE_SEAL_H

#include "base/err.h"
#include "base/types.h"

#define SEAL_VERSION    1
#define SEAL_TAG_SIZE   16
#define SEAL_OUTER_SIZE 16
#define SEAL_INNER_SIZE 8
/* What a record adds to an inner packet, before UDP and IP. */
#define SEAL_OVERHEAD (SEAL_OUTER_SIZE + SEAL_INNER_SIZE + SEAL_TAG_SIZE)

/* What stands in front of a relayed datagram. */
#define SEAL_ID_SIZE    8
#define SEAL_RELAY_SIZE (SEAL_OUTER_SIZE + SEAL_ID_SIZE + SEAL_TAG_SIZE)

enum seal_type {
	SEAL_INIT = 1,
	SEAL_RESPONSE = 2,
	SEAL_COOKIE = 3,
	SEAL_RECORD = 4,
	SEAL_RELAY = 5,   /* to a relay: whom it is for */
	SEAL_RELAYED = 6, /* from a relay: whom it is from */
};

struct seal_outer {
	uint8_t type;
	uint32_t receiver; /* of a record: the receiver's index for the session */
	uint64_t counter;
};

/* Kinds of sealed content. */
enum seal_kind {
	SEAL_KEEPALIVE = 0, /* nothing inside */
	SEAL_DATA = 1,      /* an IP packet */
	SEAL_SYNC = 2,      /* a message of wire/sync.h */
	SEAL_PROBE = 3,     /* padding: answer it with PROBE_ACK of its size (RFC 8899) */
	SEAL_PROBE_ACK = 4, /* 'size' in two bytes */
	/* Which of the ways between two routers work: see wire/paths.h. */
	SEAL_CHECK = 5,
	SEAL_CHECK_ACK = 6,
	SEAL_CANDIDATES = 7,
};

#define SEAL_FLAG_CSUM_PARTIAL 0x01 /* DATA: TCP/UDP checksum is the pseudo-header's sum */
#define SEAL_FLAG_REDIRECTED   0x02 /* DATA: forwarded by a VR that the destination has left */

struct seal_inner {
	uint8_t kind;
	uint8_t flags;
	uint8_t hops; /* of a redirected packet: how often it may still be redirected */
	vn_id_t vn;
};

/* 0 or -EBADMSG (short, other version, unknown type).  The reserved bits are not looked at: a
 * record's are authenticated with the rest. */
MUST_USE int seal_outer_parse(const uint8_t *data, size_t size, struct seal_outer *out);
/* Writes SEAL_OUTER_SIZE bytes. */
void seal_outer_build(const struct seal_outer *o, uint8_t *data);
/* 0 or -EBADMSG (short, unknown kind, unknown flag, reserved bits set). */
MUST_USE int seal_inner_parse(const uint8_t *data, size_t size, struct seal_inner *out);
/* Writes SEAL_INNER_SIZE bytes. */
void seal_inner_build(const struct seal_inner *i, uint8_t *data);

#endif
