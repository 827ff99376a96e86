/* What a worker's thread and the control thread's side of it share.  Nobody else includes this.
 *
 * Whatever is marked atomic has one writer; all the rest belongs to one of both. */
#ifndef VR_WORKER_PRIV_H
#define VR_WORKER_PRIV_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "vr/epoch.h"
#include "vr/flow_cache.h"
#include "vr/port_packet.h"
#include "vr/ring.h"
#include "vr/sealer.h"
#include "vr/train.h"
#include "vr/workers.h"
#include "wire/ip.h"

#define WORKER_UP_SIZE   ((size_t)4 << 20)
#define WORKER_DOWN_SIZE ((size_t)128 << 10)
/* Flows that are told apart by where their packets are; others share their fate for a moment. */
#define WORKER_BUCKETS 1024

/* What one worker has sent to one peer since the link was made. */
struct worker_sent {
	alignas(64) _Atomic uint64_t packets;
	_Atomic uint64_t bytes, records, record_bytes;
};

/* A peer as workers need it.  Never changed: another one takes its place, and it is freed when no reader is left. */
struct worker_link {
	struct worker_link *next; /* of those that wait for that */
	uint64_t gone;            /* the time since when it is not used any more */
	uint64_t checked;         /* tunnel_changes() when it was last found to be true */
	uint32_t slot;
	struct endpoint to;
	uint16_t mtu; /* of inner packets */
	struct sealer *sealer;
	struct worker_sent *sent; /* of each worker */
	uint64_t counted_packets, counted_bytes, counted_records, counted_record_bytes;
};

/* ---- what a worker says ---- */

enum note_kind {
	NOTE_FRAME,   /* a frame, behind FRAME_HEADROOM bytes behind the note */
	NOTE_SEEN,    /* a machine was heard */
	NOTE_REFUSED, /* the kernel did not take a record of 'size' bytes to the peer */
};

struct note {
	uint8_t kind;
	bool is_plain; /* FRAME: the decision about it is good for all that have its key */
	uint8_t gso;
	bool csum_partial, csum_verified;
	uint16_t gso_size;
	uint32_t size;
	uint32_t slot;
	uint64_t number; /* FRAME: counts from 1 */
	struct flow_key key;
};

struct worker_port {
	struct port_packet *packet; /* NULL: none */
	vn_id_t vn;
	struct port_packet_stats taken; /* what is in the counters already */
};

struct worker {
	struct workers *all;
	unsigned number;
	pthread_t thread;
	bool is_running;
	int wake_fd; /* ends its waiting */
	struct ring *up, *down;
	struct flow_cache *cache;
	struct udp *udp;
	struct worker_port *ports; /* of each port of the router */
	struct pollfd *fds;        /* of each of these, and 'wake_fd' */
	struct train train;
	uint64_t epoch; /* of the batch in work */
	us_t now;
	us_t stats_due;
	bool has_pushed, has_waited, has_counts;
	uint64_t pushed;                /* frames given to the control thread */
	uint64_t last[WORKER_BUCKETS];  /* number of the last one of these flows */
	const struct worker_link *link; /* of the train */
	_Atomic bool stop;
	_Atomic uint64_t counters[WORKER_COUNTERS_END];
	alignas(64) struct epoch_reader reader;
	alignas(64) _Atomic uint64_t
		done;     /* the control thread's: it has sent all frames up to this one */
	uint64_t handled; /* up to this one it has handled them */
};

struct workers {
	struct workers_conf conf;
	alignas(64) struct epoch epoch;
	alignas(64) int fd; /* of the control thread, an eventfd */
	uint64_t changes;   /* when the epoch was advanced last */
	struct worker **rows;
	struct port **ports; /* that they hear for */
	struct port_packet_conf *port_confs;
	vn_id_t *vns;
	struct worker_link **links; /* by slot */
	uint32_t link_count;
	struct worker_link *retired;
	us_t active; /* something was done last */
	/* The frame in work. */
	struct {
		bool is_watched, is_other;
		unsigned count;
		uint32_t slot;
		uint8_t flags;
		const uint8_t *data;
	} saw;
};

/* The thread. */
void *worker_main(void *worker);
/* Starts and stops all threads.  0 or -errno with none running. */
MUST_USE int workers_start(struct workers *ws);
void workers_stop(struct workers *ws);

static inline void
worker_count(struct worker *w, enum worker_counter counter, uint64_t more)
{
	/* One writer: no need to lock the memory. */
	uint64_t before = atomic_load_explicit(&w->counters[counter], memory_order_relaxed);

	atomic_store_explicit(&w->counters[counter], before + more, memory_order_relaxed);
}

static inline void
worker_add(_Atomic uint64_t *sum, uint64_t more)
{
	atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + more,
			      memory_order_relaxed);
}

/* The key of a frame at its Ethernet header, of IPv4. */
static inline struct flow_key
flow_key_make(unsigned port, const uint8_t *frame)
{
	struct flow_key key = {.port = port};

	memcpy(key.to.b, frame, sizeof(key.to.b));
	memcpy(key.from.b, frame + 6, sizeof(key.from.b));
	memcpy(key.src, frame + 14 + 12, sizeof(key.src));
	memcpy(key.dst, frame + 14 + 16, sizeof(key.dst));
	return key;
}

#endif
