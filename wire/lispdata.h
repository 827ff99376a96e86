/* The header of LISP data packets (RFC 9300 section 5): 8 bytes between UDP and the inner packet. */
#ifndef WIRE_LISPDATA_H
#define WIRE_LISPDATA_H

#include "base/err.h"
#include "base/types.h"

#define LISPDATA_SIZE 8

struct lispdata {
	bool has_nonce;    /* N: 'nonce' is one */
	bool has_lsb;      /* L: 'lsb' is there */
	bool echo;         /* E: with N, the nonce is to be echoed */
	bool has_versions; /* V: 'source_version' and 'dest_version'; never with 'has_nonce' */
	bool has_vn;       /* I */
	uint8_t key_id;    /* K K: not 0: encrypted (RFC 8061), which is not spoken */
	uint32_t nonce;    /* 24 bits */
	uint16_t source_version, dest_version; /* 12 bits each */
	vn_id_t vn;
	uint32_t lsb; /* 32 bits; 8 with 'has_vn' */
};

/* 0; -EBADMSG (short); -EPROTONOSUPPORT ('key_id' not 0).  N and V both set counts as N, as RFC 9300
 * section 5.3 demands.  What no bit announces is 0. */
MUST_USE int lispdata_parse(const uint8_t *data, size_t size, struct lispdata *out);
/* Writes LISPDATA_SIZE bytes.  What no bit announces is sent as 0, 'key_id' always. */
void lispdata_build(const struct lispdata *h, uint8_t *data);

/* Inner TTL, DSCP and ECN on the way in and out (RFC 9300 section 5.3, RFC 6040): the outer's at
 * encapsulation from the inner's.  The packet has been parsed before (ip_parse()). */
struct lispdata_outer {
	uint8_t ttl, tos;
};
struct lispdata_outer lispdata_outer(const uint8_t *packet);
/* The inner's at decapsulation, in place, with its checksum: the smaller TTL, the outer DSCP, and
 * the congestion mark of RFC 6040 figure 4.  False, and the packet unchanged, when it has to be
 * dropped (CE outside, not ECN-capable inside).  The packet has been parsed before. */
bool lispdata_copy_in(uint8_t *packet, struct lispdata_outer outer);

#endif
