/* Bringing a packet within an MTU.
 *
 * A TCP super-frame only gets a smaller segment size.  What may be fragmented is cut: a UDP
 * super-frame first into its
 * datagrams, each of them then into fragments.  Anything else its sender has to be told of. */
#ifndef VR_FIT_H
#define VR_FIT_H

#include "base/frame.h"
#include "wire/ip.h"

/* Pieces are made on the stack: they stay this small where the path takes larger ones. */
#define FIT_PIECE_MAX 9216

enum fit {
	FIT_WHOLE,  /* fits as it is (now) */
	FIT_PIECES, /* fits in pieces: fit_cut() */
	FIT_NEVER,
};

/* 'f->data' at the IP header, 'ip' its headers.  May lower f->gso_size. */
enum fit fit_judge(struct frame *f, const struct ip *ip, uint32_t mtu);

/* One piece with its headers; its bytes are good for the call only, and stand behind FRAME_HEADROOM. */
typedef void fit_fn(void *ctx, struct frame *piece, const struct ip *ip);

/* Cuts a packet that fit_judge() wants in pieces.  Unfinished checksums are finished.  The packet's bytes are
 * changed.  Returns how many pieces there were; 0: it cannot be cut. */
unsigned fit_cut(struct frame *f, const struct ip *ip, uint32_t mtu, fit_fn *each, void *ctx);

#endif
