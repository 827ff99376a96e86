/* What was decided about the packet before, for the next of its flow.
 *
 * Packets come in trains, most of them of one flow: what decides about them is the same, byte for
 * byte, and so is the
 * decision while nothing else happens.  Remembered is one only, of a packet from a peer or locator
 * that went to a machine of this
 * LAN whole, without side effects that would have to be repeated. */
#ifndef VR_FWD_MEMO_H
#define VR_FWD_MEMO_H

#include "base/frame.h"
#include "base/types.h"

struct vr;
struct site;
struct peer;

/* Where a packet came from and what its outer header says, as far as that is looked at. */
struct fwd_memo_from {
	const struct site *site;
	const struct peer *peer; /* NULL: from a locator */
	struct addr rloc;        /* of family NONE: from a peer */
	uint64_t header;         /* the rest, as a number */
};

#define FWD_MEMO_HEAD 24 /* IPv4 header and ports */

/* Zero-initialise. */
struct fwd_memo {
	bool is_open;
	bool is_set;
	const uint8_t
		*pending; /* packet that is being decided about, and may be remembered; or NULL */
	struct fwd_memo_from from;
	uint8_t head[FWD_MEMO_HEAD];
	struct mac to;
};

/* Between these, and only there, it is used: around the packets of one event. */
void fwd_memo_open(struct vr *vr);
void fwd_memo_close(struct vr *vr);
/* Something happens that may decide otherwise about the next packet. */
void fwd_memo_forget(struct vr *vr);

/* The packet, at its IP header, is as the one before: '*to' is the machine that it goes to.  False: it has to be decided about,
 * between fwd_memo_begin() and fwd_memo_end(). */
bool fwd_memo_find(const struct vr *vr, const struct fwd_memo_from *from, const struct frame *f,
		   struct mac *to);
void fwd_memo_begin(struct vr *vr, const struct fwd_memo_from *from, const struct frame *f);
/* It went to this machine, whole. */
void fwd_memo_decided(struct vr *vr, const struct frame *f, struct mac to);
void fwd_memo_end(struct vr *vr);

#endif
