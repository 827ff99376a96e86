/* The half of a pair of keys that opens, shared by the control thread and those that open for it (vr/openers.h).
 *
 * What is authentic is all that they find out; what is new, in order and to be believed is the
 * control thread's to say, which
 * has the window against repetition (vr/keys.h).  The cipher's state is not shared: each thread has
 * a hand of its own, the
 * control thread hand 0. */
#ifndef VR_OPENER_H
#define VR_OPENER_H

#include "base/err.h"
#include "base/types.h"
#include "vr/crypto.h"

struct opener;

/* With one user.  NULL when memory is short. */
struct opener *opener_create(const struct crypto_engine *engine, enum crypto_cipher cipher,
			     const uint8_t key[CRYPTO_KEY_SIZE], unsigned hands);
/* Both for the control thread only. */
struct opener *opener_hold(struct opener *o);
/* The last one wipes it.  NULL is allowed. */
void opener_drop(struct opener *o);

/* Opens in place what stands behind the outer header at 'data': 'size' bytes with the tag.  0 or -EBADMSG. */
MUST_USE int opener_open(struct opener *o, unsigned hand, uint64_t counter, uint8_t *data,
			 size_t size);

/* What was found of a datagram before the control thread looked at it. */
enum opener_finding {
	OPENER_LEFT = 0, /* nothing, it is as it came */
	OPENER_AUTHENTIC,
	OPENER_FORGED,
};

struct opened {
	enum opener_finding finding;
	const struct opener *by; /* whose keys that was found with */
};

#define OPENED_NOT ((struct opened){.finding = OPENER_LEFT})

/* Opens those datagrams of a train, of 'segment' bytes each but the last, that are records to the receiver 'index', and says
 * of each of the first 'count' what was found. */
void opener_open_train(struct opener *o, unsigned hand, uint32_t index, uint8_t *data, size_t size,
		       size_t segment, uint8_t *findings, size_t count);

#endif
