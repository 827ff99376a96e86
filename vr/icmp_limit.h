/* How many ICMP errors the router sends (RFC 1812 section 4.3.2.8).
 *
 * Everybody who is told something has an allowance of his own, so that one sender's errors do not
 * silence those of another;
 * and all together have a ceiling.  "Fragmentation needed" is told apart in both: without it a
 * connection stands
 * still, while whoever misses another error only learns later what he did wrong.  The size is
 * fixed:
 * senders that fall together share an allowance. */
#ifndef VR_ICMP_LIMIT_H
#define VR_ICMP_LIMIT_H

#include "base/bucket.h"
#include "base/hash.h"
#include "base/types.h"
#include "wire/ip.h"

#define ICMP_LIMIT_SOURCES 1024
/* Of one sender. */
#define ICMP_LIMIT_SOURCE_BURST    100
#define ICMP_LIMIT_SOURCE_INTERVAL (10 * US_MS)
/* Of all senders: "fragmentation needed", and everything else. */
#define ICMP_LIMIT_BIG_BURST      1000
#define ICMP_LIMIT_BIG_INTERVAL   (US_MS / 10)
#define ICMP_LIMIT_OTHER_BURST    200
#define ICMP_LIMIT_OTHER_INTERVAL US_MS

struct icmp_allowance {
	struct bucket all;
	struct bucket sources[ICMP_LIMIT_SOURCES];
};

/* Zero-initialise. */
struct icmp_limit {
	struct icmp_allowance big, other;
};

/* May this error be sent to 'source' of the VN now?  It counts as sent. */
bool icmp_limit_take(struct icmp_limit *l, const struct hash_key *key, vn_id_t vn,
		     struct addr source, enum icmp_error error, us_t now);

#endif
