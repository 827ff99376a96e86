/* What a hypervisor says to the site that a machine has come to: CHANGE-PRIORITY with H set (seed 003). */
#ifndef LISP_ARRIVAL_H
#define LISP_ARRIVAL_H

#include "lisp/io.h"
#include "wire/lisp.h"

struct lisp_arrival {
	vn_id_t vn;
	struct addr eid;
	struct addr to; /* the destination's locator that it is sent to */
	/* The time of day, microseconds since 1970: the destination refuses what is not of its last 30 s, and what is not
	 * larger than the last of this sender. */
	uint64_t nonce;
	const struct lisp_key *key;
	uint16_t sub_type; /* of type 15 */
	bool is_historic;  /* in a message of type 5 instead */
};

/* Builds and signs it: 'io' only needs 'hmac'.  Its size, -EMSGSIZE, or -EINVAL (a key without an
 * algorithm). */
MUST_USE int lisp_arrival_build(const struct lisp_arrival *a, const struct lisp_io *io, void *ctx,
				uint8_t *data, size_t room);

#endif
