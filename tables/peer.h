/* The other routers: one slot each, with what is known of it and what it counts.
 *
 * A slot number names a peer everywhere (GNDT targets, links); it stays the same until the peer is
 * removed and is reused only after that. */
#ifndef TABLES_PEER_H
#define TABLES_PEER_H

#include "base/err.h"
#include "base/pace.h"
#include "base/types.h"

/* Twice what a configuration may name: a reload adds the new ones before it takes out the others. */
#define PEER_SLOTS_MAX 8192
#define PEER_VNS_MAX   64
#define PEER_SERVED    4

enum peer_state { PEER_DOWN = 0, PEER_UP };

/* What a peer has told of one VN. */
struct peer_vn {
	vn_id_t vn;
	bool is_proxy;         /* the caller's: it is a proxy of this VN */
	uint32_t digest_count; /* its digest as it last said */
	uint64_t digest_sum;
	bool pulling; /* its table is being taken in */
	us_t pull_started;
	us_t pull_due;    /* next request: a retry while pulling, otherwise the next attempt */
	us_t pull_again;  /* the last pull changed nothing: no other one so long after it */
	uint32_t pull_id; /* message id of the first request of this pull */
	struct addr pull_after; /* how far it has come */
	uint64_t pulled_sum;    /* the peer's digest at the last pull, and ours of it after that */
	uint64_t pulled_own;
	uint32_t pull_tries;
	uint32_t pull_pages;          /* taken in so far */
	uint32_t served[PEER_SERVED]; /* ids of its last PULLs that were answered */
	uint32_t serves;              /* how many there were */
	us_t thaw;          /* claims of its own were refused as frozen until then; 0: none */
	unsigned retelling; /* so often it is still to be told who asked for EIDs of this VN */
	size_t retold;      /* the caller's: how far that has come */
};

struct peer {
	struct vr_id id;
	char name[64];
	uint32_t slot;
	uint8_t state;   /* enum peer_state */
	bool may_manage; /* the caller's: its management actions are carried out */
	us_t heard;      /* last sync message; 0: never */
	us_t since;      /* of the state */
	us_t rtt;        /* smoothed; 0: not measured yet */
	uint16_t mtu;    /* largest inner packet that fits one record on the path, bytes */
	uint64_t echo;   /* 'sent' of its last HELLO, and when that was heard */
	us_t echo_heard;
	uint64_t boot; /* random number of its process: another one means it restarted */
	struct peer_vn *vns;
	size_t vn_count;
	size_t vn_room;     /* of 'vns' */
	size_t hello_vn;    /* where the next HELLO goes on, when not all VNs fit in one */
	struct pace pages;  /* of our tables, sent to it */
	struct pace hellos; /* sent to it out of turn */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};

struct peers;

struct peers *peers_create(void);
void peers_destroy(struct peers *t);
/* Adds a peer, in state DOWN, with room for 'vns' (copied numbers, repeats left out).  The name is
 * copied and cut to its room.  '*slot' receives its slot, the lowest that is free.  0, -EEXIST when
 * the id is there, -ENOSPC (PEER_SLOTS_MAX, PEER_VNS_MAX), -ENOMEM; unchanged on error. */
MUST_USE int peers_put(struct peers *t, struct vr_id id, const char *name, const vn_id_t *vns,
		       size_t vn_count, uint32_t *slot);
/* Makes room for so many VNs of the peer at this slot; nothing else changes.  0, -ENOENT (the slot is
 * empty), -ENOSPC (PEER_VNS_MAX) or -ENOMEM. */
MUST_USE int peers_reserve(struct peers *t, uint32_t slot, size_t vn_count);
/* Gives the peer another name and other VNs, for which there is room: peers_reserve().  What is known of
 * VNs that stay, its slot, its state and its counters are kept.  Pointers to its 'struct peer_vn'
 * end
 * here. */
void peers_update(struct peers *t, uint32_t slot, const char *name, const vn_id_t *vns,
		  size_t vn_count);
/* No-op when the slot is empty.  Pointers to this peer end here, those to others do not. */
void peers_remove(struct peers *t, uint32_t slot);
/* NULL when the slot is empty or the id is unknown. */
struct peer *peers_at(const struct peers *t, uint32_t slot);
struct peer *peers_find(const struct peers *t, struct vr_id id);
/* Walks used slots in order: start with '*position' 0; NULL at the end.  Survives peers_remove() of
 * the peer just returned. */
struct peer *peers_next(const struct peers *t, uint32_t *position);
size_t peers_count(const struct peers *t);
/* What is known of this VN at the peer; NULL when the peer is not in it. */
struct peer_vn *peer_vn(const struct peer *p, vn_id_t vn);

#endif
