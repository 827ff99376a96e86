/* Subscriptions of a map-server (RFC 9437), and every Map-Notify that is sent unasked until it is
 * acknowledged.
 *
 * A subscription is to the prefix that its first Map-Notify answered with: a registration's, the
 * part of one that has nothing else inside (all of it, if that was asked for, and little is inside:
 * this
 * is told then), or, when nothing is registered, the widest free prefix
 * (then it ends after 15 minutes).  It comes into force, and changes its locators or ends, when
 * the xTR acknowledges that Map-Notify with authentic data: a Map-Request with a forged xTR-ID
 * costs a row for some seconds.  A site can be configured to be trusted without.
 *
 * A change of a registration is told to the subscribers of its prefix, of what is inside (unless a
 * longer registration covers that), and of what is around it.  Each xTR is told once.  A Map-Notify
 * is filled when it is sent: what changes while one waits goes out with a new nonce, and only the
 * newest state is ever told.
 *
 * Sent again after 3, 3, 3, 6, 12 and 24 seconds; then the next of the xTR's locators is tried, and
 * when none answers the subscription ends with one last Map-Notify (action Drop/Auth-Failure). */
#ifndef LISP_PUBSUB_H
#define LISP_PUBSUB_H

#include "lisp/eid_key.h"
#include "lisp/mapserver.h"

struct pubsub;

/* What a Map-Request with the N bit says. */
struct pubsub_request {
	uint32_t site;
	uint8_t key_id;
	const struct lisp_xtr_id *xtr;
	uint64_t nonce;
	const struct endpoint *rlocs; /* 1 to PUBSUB_RLOCS_MAX */
	size_t rloc_count;
	bool plain_zero; /* the EID stood in no Instance-ID LCAF */
};

enum pubsub_fate {
	PUBSUB_TAKEN,    /* answered with a Map-Notify */
	PUBSUB_REPLAYED, /* to be dropped silently */
	PUBSUB_REFUSED,  /* no room, or too fast: to be answered with a Map-Reply; counted */
};

/* NULL when memory is short.  'ms' is who it belongs to. */
struct pubsub *pubsub_create(struct ms *ms);
void pubsub_destroy(struct pubsub *p);

/* 'key' is the prefix of the answer; 'temporary': of a negative one. */
enum pubsub_fate pubsub_subscribe(struct pubsub *p, const struct pubsub_request *request,
				  const struct eid_key *key, bool temporary, us_t now);
/* Is there so little registered inside the prefix that a new subscriber is told of all of it? */
bool pubsub_can_list(const struct pubsub *p, const struct eid_key *key);
/* Ends it; of a prefix inside a subscribed one, silences that part. */
enum pubsub_fate pubsub_unsubscribe(struct pubsub *p, const struct pubsub_request *request,
				    const struct eid_key *key, us_t now);
/* The registration of this prefix changed, appeared or is gone; the registry knows it. */
void pubsub_changed(struct pubsub *p, const struct eid_key *key, us_t now);
/* Tells an ETR (row of the nonces) what is registered for this prefix now. */
void pubsub_tell_etr(struct pubsub *p, uint32_t etr, const struct eid_key *key, us_t now);
/* A Map-Notify-Ack.  False when none of ours has its nonce. */
bool pubsub_acked(struct pubsub *p, const struct lisp_msg *msg, const uint8_t *data, size_t size,
		  us_t now);
us_t pubsub_run(struct pubsub *p, us_t now);
/* Ends what belongs to a site. */
void pubsub_forget_site(struct pubsub *p, uint32_t site);

bool pubsub_next(const struct pubsub *p, uint32_t *position, struct ms_subscription *out);

#endif
