/* What CHANGE-PRIORITY said last of each EID, so that nothing older is believed after it, and nothing twice.
 *
 * Addresses of senders are not authentic, so the order is that of the EID: the nonces are times of
 * day.  A hypervisor's word (H) and those of routers count apart, as one leads to the other.  The
 * table is bounded: a row that gives way leaves its nonce behind as the least that its set takes,
 * so that under a flood what is late is refused earlier, and nothing is believed twice. */
#ifndef LISP_PUSH_ORDER_H
#define LISP_PUSH_ORDER_H

#include "base/err.h"
#include "base/hash.h"
#include "base/types.h"

struct push_order;

/* The key is copied.  NULL when memory is short. */
struct push_order *push_order_create(const struct hash_key *key);
void push_order_destroy(struct push_order *o);
/* Is this newer than all before?  Then it is the last. */
bool push_order_take(struct push_order *o, vn_id_t vn, struct addr eid, bool hypervisor,
		     uint64_t nonce);

#endif
