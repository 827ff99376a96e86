/* The plain LISP data plane (RFC 9300): inner packets behind an 8-byte header on UDP port 4341.
 *
 * One socket per address family hears; a pool of others sends, each with a source port of its own,
 * picked by the flow, so that paths with equal cost share the load (RFC 9300 section 5.3).
 * Segments of a super-frame leave and arrive in trains, as on the sealed sessions.  TTL, DSCP and
 * ECN go over between inner and outer header (RFC 9300 section 5.3, RFC 6040).
 *
 * Behind a NAT and towards one a packet leaves by a socket whose port is known to the other side:
 * the
 * one that hears, or that of control messages (draft-ermagan-lisp-nat-traversal).
 *
 * What comes in here is from anybody: the caller decides whom to believe. */
#ifndef VR_PLAIN_H
#define VR_PLAIN_H

#include "base/err.h"
#include "base/frame.h"
#include "base/log.h"
#include "wire/lispdata.h"

struct udp;

/* Sockets that send, per family. */
#define PLAIN_POOL 16
/* Bytes that are free in front of 'f->data' in plain_ops.data(). */
#define PLAIN_HEADROOM 16

struct plain;

struct plain_conf {
	struct addr rlocs[2]; /* own ones, one per family at most; NONE: not spoken */
	uint16_t port;        /* that is listened on; 4341 but in tests */
	bool udp_segment, udp_gro;
	uint16_t mtu_max; /* of an underlay packet */
	/* The sockets of control messages, for PLAIN_BY_CONTROL: one per family at most; NULL: none.  Borrowed. */
	struct udp *control[2];
};

/* What can happen to a data packet here.  name, meaning */
#define PLAIN_DROPS(X)                                                                             \
	X(MALFORMED, "lisp-malformed", "not a LISP data packet")                                   \
	X(ENCRYPTED, "lisp-encrypted", "LISP data encrypted in a way that is not spoken")          \
	X(TRUNCATED, "lisp-truncated", "LISP data packet larger than is received")                 \
	X(CONGESTED, "lisp-congested", "congestion mark on what cannot carry one (RFC 6040)")      \
	X(TOO_BIG, "lisp-too-big", "LISP data packet larger than its path")                        \
	X(SEND, "lisp-send", "the underlay did not take a LISP data packet")

enum plain_drop {
#define X(id, name, text) PLAIN_DROP_##id,
	PLAIN_DROPS(X)
#undef X
		PLAIN_DROP_COUNT
};

struct plain_ops {
	/* A packet came in: 'f' at its inner IP header, TTL and ECN already taken over from the
	 * outer one, its checksum as it came.  'f' is borrowed for the call, the bytes stay valid
	 * and unchanged until 'batch_end'. */
	void (*data)(void *ctx, const struct endpoint *from, const struct lispdata *header,
		     struct frame *f, us_t now);
	void (*batch_end)(void *ctx, us_t now);
};

/* 0 and '*out', or -errno with the cause logged. */
MUST_USE int plain_create(const struct plain_conf *conf, const struct plain_ops *ops, void *ctx,
			  struct log *log, struct plain **out);
void plain_destroy(struct plain *p);

/* Descriptors to watch: index 0, 1 ...; -1 behind the last. */
int plain_fd(struct plain *p, unsigned index);
/* Reads and handles a bounded batch of one of them; calls batch_end at the end. */
void plain_readable(struct plain *p, unsigned index, us_t now);

/* Where a packet goes and what its header says. */
/* The socket that it leaves by. */
enum plain_by { PLAIN_BY_POOL = 0, PLAIN_BY_DATA, PLAIN_BY_CONTROL };

struct plain_to {
	struct endpoint rloc;
	enum plain_by by;
	struct lispdata header;
	bool zero_checksum; /* outer UDP checksum 0; by the pool only */
	uint32_t flow;      /* hash of the packet's flow: picks the source port */
};

/* Encapsulates an IP packet or super-frame; segments must fit plain_mtu().  Unfinished checksums are
 * finished.  Sent by plain_flush() at the latest; 'f' is not needed after the call.  0;
 * -EAFNOSUPPORT (no own RLOC of that family), -EMSGSIZE, -EINVAL (a super-frame that is not one).
 */
MUST_USE int plain_send(struct plain *p, const struct plain_to *to, struct frame *f, us_t now);
/* A control message from the port that data is heard on, at once.  0 or -errno. */
MUST_USE int plain_send_control(struct plain *p, const struct endpoint *to, const uint8_t *msg,
				size_t size);
/* Everything queued leaves now: at the end of every batch. */
void plain_flush(struct plain *p);

/* Largest inner packet that reaches this locator in one datagram, as far as is known. */
uint16_t plain_mtu(const struct plain *p, struct addr rloc, us_t now);

const char *plain_drop_name(enum plain_drop reason);
const char *plain_drop_text(enum plain_drop reason);
uint64_t plain_drop_count(const struct plain *p, enum plain_drop reason);

#endif
