/* What the parts of a roster share.  Nobody else includes this. */
#ifndef VR_ROSTER_PRIV_H
#define VR_ROSTER_PRIV_H

#include "vr/door.h"
#include "vr/roster.h"

struct roster_slot {
	struct session *session; /* NULL: the slot is empty */
	struct vr_id id;
	bool relays;                 /* for us */
	bool up;                     /* keys to seal with are there */
	struct endpoint seen, seen6; /* where it sees us, by IPv4 and IPv6; family NONE: unknown */
	/* What it may still have relayed, in millionths of a byte, so that often counted is not less; and when that
	 * was counted last. */
	uint64_t credit;
	us_t credited;
	/* Whom it has had something relayed to within this minute: a bit for each slot. */
	uint8_t *receivers;
	size_t receivers_size;
	uint32_t receiver_count;
	us_t receivers_since;
};

struct index_row {
	uint32_t index;
	struct session *session; /* NULL: free */
};

struct roster {
	struct session_conf conf;
	const struct roster_ops *ops;
	void *ctx;
	struct roster_slot *slots;
	uint32_t slot_count; /* places */
	uint32_t *ids;       /* one more than the slot, at or behind the id's place; 0: nothing */
	uint32_t id_count;   /* places: a power of two, at least twice the peers */
	struct index_row *rows;
	uint32_t row_count; /* a power of two: an index's lower bits are its place */
	uint32_t row_next;  /* where to look for a free one */
	struct door door;
	uint64_t clock;
	uint64_t changes; /* of keys, ways and MTUs */
	us_t due;
	bool relay;
	uint64_t relay_rate;
	uint32_t relay_pairs;
	struct roster_held *held; /* calls for peers that are not there yet; NULL: none so far */
	uint8_t *envelope; /* room for a datagram of our own and what stands in front for a relay */
	struct paths_candidates own;
	struct paths_candidate known[PATHS_CANDIDATES_MAX]; /* without what relays see */
	size_t known_count;
	uint64_t drops[ROSTER_DROP_COUNT];
};

/* The row of an index that is in use; NULL: of none.  Valid until an index is taken. */
struct index_row *roster_row_of(const struct roster *r, uint32_t index);
/* NULL: no peer's. */
struct session *roster_by_key(const struct roster *r, const uint8_t public_key[CRYPTO_KEY_SIZE]);
/* Sends a datagram of our own making by any path; 'id': the receiver's, for a relay.  0, -EMSGSIZE, or
 * another error, counted. */
int roster_datagram_send(struct roster *r, const struct path *to, struct vr_id id,
			 const uint8_t *data, size_t size, us_t now);
/* The index over ids has to be made again: a peer has come or gone.  0 or -ENOMEM (as it was). */
MUST_USE int roster_ids_make(struct roster *r);
/* Slot of a peer by its id.  False: there is none. */
bool roster_slot_of(const struct roster *r, struct vr_id id, uint32_t *slot);
/* The UDP endpoint or stream by which a relay of ours is reached; NULL: it is not. */
const struct path *roster_leg(const struct roster *r, uint32_t relay);
/* Why a record, or what stands in front of a relayed datagram, was not opened: counted. */
void roster_count_unopened(struct roster *r, int rc);
/* So many datagrams at once. */
#define RELAY_RUN_MAX 64

/* Datagrams of one train that are relayed in one session: what stands in front of them is for the same index. */
struct relay_run {
	uint8_t type;   /* SEAL_RELAY or SEAL_RELAYED */
	uint32_t index; /* the receiver's */
	uint8_t *data;
	size_t whole, segment; /* bytes of all; of each but the last */
	size_t count;          /* 1 to RELAY_RUN_MAX */
	struct keys_relayed rows[RELAY_RUN_MAX];
};
/* Those at the front of a train; false: the first is not relayed.  'out->rows' has their counters. */
bool roster_relay_run(uint8_t *data, size_t whole, size_t segment, struct relay_run *out);
/* To be relayed by us: opens what stands in front of them, writes it anew for the receivers, and tells of each that goes on. */
void roster_forward(struct roster *r, struct session *from, struct relay_run *run,
		    const struct path *path, us_t now, roster_heard_fn *heard, void *ctx);
/* May the one in the slot 'from' have something handed on to the one in 'to', which is up? */
bool roster_may_relay(struct roster *r, uint32_t from, uint32_t to, us_t now);
/* Keeps a datagram for a peer that is not there, if it is a call.  False: it is not kept, nor counted. */
bool roster_hold(struct roster *r, uint32_t from, uint32_t to, const uint8_t *data, size_t size,
		 us_t now);
/* The peer is there: it gets what was kept for it. */
void roster_hold_end(struct roster *r, uint32_t to, us_t now);
/* The peer is one no longer. */
void roster_hold_forget(struct roster *r, uint32_t slot);
/* Gives up, counted, what has waited too long; returns when to be called next. */
us_t roster_hold_run(struct roster *r, us_t now);
/* A relay of ours has come up or gone down: the sessions learn of it. */
void roster_relay_changed(struct roster *r, uint32_t slot, us_t now);
/* A peer sees us there. */
void roster_seen(struct roster *r, uint32_t slot, struct endpoint at, us_t now);
/* The candidates again, from what is known and what relays see. */
void roster_own_make(struct roster *r, us_t now);

#endif
