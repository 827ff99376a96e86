/* Data workers: threads that carry the LAN's packets to the peers, each some of the flows.
 *
 * The control thread decides about packets, and nobody else.  A worker repeats decisions: it has a
 * cache of them (vr/flow_cache.h), each good until something has changed that it may depend on
 * (vr/epoch.h).  A packet without a decision, or out of the ordinary (fragments, SYN, options, the
 * end of its TTL, larger than the path), goes to the control thread through a bounded ring, and is
 * handled there as if there were no workers; what comes of it is then the decision.
 *
 * Packets of a flow keep their order: all come to one worker, and while some of them are with the
 * control thread those behind them are held back for a moment, or follow them there.
 *
 * A worker has a socket of its own on each LAN; to the underlay it sends by the sessions' socket.
 * What comes from the underlay is opened by other threads (vr/openers.h) and delivered by the
 * control thread, which also has ports of a single host, ways through relays and streams, and plain
 * LISP. */
#ifndef VR_WORKERS_H
#define VR_WORKERS_H

#include "base/err.h"
#include "base/frame.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/types.h"
#include "vr/port.h"
#include "wire/seal.h"

struct tunnel;
struct vr;
struct workers;

/* What the control thread lends them; all of it outlives them. */
struct workers_conf {
	unsigned count;
	struct vr *vr;
	struct tunnel *tunnel; /* made for so many workers */
	struct log *log;
	struct hash_key key; /* random */
	size_t port_count;
};

/* How many there are by default: the cores that this process may use but one, 8 at most; none where there are fewer than
 * three cores, because these have the machine's own work to do. */
unsigned workers_automatic(void);

/* Without ports yet.  0 and '*out', or -errno. */
MUST_USE int workers_create(const struct workers_conf *conf, struct workers **out);
/* NULL is allowed, here and in all that follow: then nothing is done. */
void workers_destroy(struct workers *ws);

/* Before the port's device is closed: nobody uses it any more when this returns. */
void workers_port_closing(struct workers *ws, unsigned number);
/* The device is there, or may have changed: the workers hear on it, in the port's place.  Where that cannot be the port goes
 * on hearing itself. */
void workers_port_changed(struct workers *ws, unsigned number, struct port *port, vn_id_t vn);

/* Readable when one of them has something for the control thread; -1 without workers. */
int workers_fd(const struct workers *ws);
/* Handles a bounded batch of it.  The caller flushes what was sent, and then says so. */
void workers_readable(struct workers *ws, us_t now);
void workers_flushed(struct workers *ws);
/* After every event, and before what it has led to can be seen outside: what was decided before is not good any more if
 * something has changed. */
void workers_settle(struct workers *ws);
/* Counts what the workers have done; when to be called next. */
us_t workers_run(struct workers *ws, us_t now);

/* What a packet of the control thread has come to, for the decision about those like it: it was sent to a peer, or something
 * else was done. */
void workers_saw_link(struct workers *ws, uint32_t slot, const struct seal_inner *inner,
		      const struct frame *f);
void workers_saw_other(struct workers *ws);

/* name, meaning: what one worker counts.  Names are stable. */
#define WORKER_COUNTERS(X)                                                                         \
	X(FAST, "fast", "packets that it sent by itself")                                          \
	X(SLOW, "slow", "packets that it handed to the control thread")                            \
	X(HELD, "held", "times it waited for packets of the same flow")                            \
	X(RECORDS, "records", "records that it sealed")                                            \
	X(DROP_RING, "ring", "a packet for the control thread, which was behind")                  \
	X(DROP_SEND, "send", "a record that the kernel did not take")                              \
	X(DROP_KERNEL, "kernel", "a frame that the kernel dropped before it was read")             \
	X(DROP_MALFORMED, "malformed", "not a well-formed frame")                                  \
	X(DROP_TOO_LARGE, "too-large", "larger than the LAN's MTU")                                \
	X(DROP_VLAN, "vlan", "a tagged frame")                                                     \
	X(ECHOES, "echoes", "own frames that came back")                                           \
	X(RX_FRAMES, "rx_frames", "frames that it read")                                           \
	X(RX_BYTES, "rx_bytes", "bytes of these")

enum worker_counter {
#define X(id, name, text) WORKER_##id,
	WORKER_COUNTERS(X)
#undef X
		WORKER_COUNTERS_END
};

/* The drops are these. */
#define WORKER_DROPS     WORKER_DROP_RING
#define WORKER_DROPS_END WORKER_ECHOES

unsigned workers_count(const struct workers *ws);
uint64_t workers_counter(const struct workers *ws, unsigned worker, enum worker_counter counter);
const char *worker_counter_name(enum worker_counter counter);
const char *worker_counter_text(enum worker_counter counter);

#endif
