/* One virtual router, without file descriptors and without a clock: tables, decisions, state machines.
 *
 * 'struct vr' owns every table and every state machine of one router; several live in one process.
 * What comes
 * in is handed to vr_lan_frame(), vr_lan_control(), vr_link_data(), vr_link_sync(); what goes out
 * leaves
 * through 'struct vr_io'.  The daemon (vr/daemon.h) stands around it with real devices, the
 * simulation with a
 * fake clock and a bad network.
 *
 * Where to go on reading: fwd.h the life of a packet, lan.h the answers to ARP, sight.h what a
 * sighting sets off, sync.h
 * what routers tell each other, neigh.h packets waiting for ARP. */
#ifndef VR_VR_H
#define VR_VR_H

#include "base/err.h"
#include "base/frame.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/pace.h"
#include "base/share.h"
#include "base/types.h"
#include "conf/conf.h"
#include "migration/announce.h"
#include "migration/move.h"
#include "migration/presence.h"
#include "migration/report.h"
#include "tables/change.h"
#include "tables/gndt.h"
#include "tables/hwdt.h"
#include "tables/lndt.h"
#include "tables/peer.h"
#include "vr/fwd_memo.h"
#include "vr/drop.h"
#include "vr/plain.h"
#include "vr/icmp_limit.h"
#include "wire/seal.h"
#include "wire/sync.h"

struct action_order;

/* What the router needs done outside.  Frames are borrowed for the call unless it says otherwise. */
struct vr_io {
	/* An Ethernet frame or super-frame onto the VN's LAN; the bytes stay valid until the end of the batch that it came
	 * in with.  0 or -errno. */
	int (*lan_send)(void *ctx, vn_id_t vn, struct frame *f);
	/* An ARP or claim frame, at once. */
	int (*lan_inject)(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size);
	/* Everything that lan_send() has queued leaves now. */
	void (*lan_flush)(void *ctx, vn_id_t vn);
	/* Hands up what has come from the VN's LAN by now and was not read yet, for a millisecond at most, and lets it leave.
	 * NULL: nothing waits. */
	void (*lan_drain)(void *ctx, vn_id_t vn, us_t now);
	/* An IP packet or super-frame to a peer; -ENOTCONN without a session. */
	int (*link_send)(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f,
			 us_t now);
	/* A sync message to a peer, at once. */
	int (*link_sync)(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now);
	/* There is something urgent for a peer, which may not be where it was: whatever way there may be to it is tried at once.
	 * NULL: nothing of the kind can be done. */
	void (*link_urge)(void *ctx, uint32_t slot, us_t now);
	/* Where a peer is reached now; false without a session. */
	bool (*link_rloc)(void *ctx, uint32_t slot, struct addr *rloc);
	/* An IP packet or super-frame to a locator, as plain LISP; as plain_send() (vr/plain.h). */
	int (*plain_send)(void *ctx, const struct plain_to *to, struct frame *f, us_t now);
	uint16_t (*plain_mtu)(void *ctx, struct addr rloc, us_t now);
	/* Monotonic time at this very moment, for time stamps within the handling of one event. */
	us_t (*clock)(void *ctx);
	/* Milliseconds of wall-clock time, for people. */
	int64_t (*wall_ms)(void *ctx);
	/* A binding that must survive a restart changed: see vr_keep(). */
	void (*persist)(void *ctx);
	/* This router is one machine's own, and that has another place on the underlay: does what is ordered.  0: it has begun,
	 * and action_done() follows with the token, if it has not come within the call;
	 * -EOPNOTSUPP,
	 * -EBUSY, another -errno.  NULL: nothing of the kind can be done. */
	int (*act)(void *ctx, const struct action_order *order, uint32_t token, us_t now);
};

struct actions;
struct neigh;
struct mapsys;
struct outside;
struct rtr;
struct beside;

/* A host here that was told by ARP that a neighbour of its is local. */
struct vr_told {
	struct mac to;
	struct addr ip;
	struct mac mac; /* where that is */
	us_t again;     /* not before, whatever it sends */
	bool waits;     /* is told by the next vr_run() */
};

#define VR_TOLD 64

/* Peers that are proxies of a VN and used: the first ones. */
#define SITE_PROXIES 8

/* One VN at this site. */
struct site {
	vn_id_t vn;
	const struct conf_vn *conf;
	struct mac router_mac;
	uint16_t lan_mtu; /* largest IP packet on the LAN */
	bool lan_is_down;
	struct binding fresh[SYNC_BINDINGS_MAX]; /* news that waits a moment for company */
	size_t fresh_count;
	us_t fresh_due;
	us_t ask_due;    /* next ARP request for a machine that has been silent */
	us_t defend_due; /* an own address that somebody uses is not defended before */
	struct vr_told told[VR_TOLD];
	bool tells; /* one of them waits, or the LAN is told of a machine that is here */
	/* MACs asked about and destinations waited for in the place of others, silent machines asked by ARP for other routers,
	 * and hosts told of neighbours. */
	struct pace query_pace, wait_pace, ask_pace, tell_pace;
	struct outside *outside;    /* of a proxy: its LAN is no LAN of the VN.  Otherwise NULL */
	struct beside *beside;      /* of a machine in the hybrid model.  Otherwise NULL */
	uint64_t taken_in, let_out; /* packets of a proxy */
	uint32_t proxies[SITE_PROXIES]; /* slots of peers that are proxies */
	size_t proxy_count;
};

/* Queries of ours that are under way: who has this MAC, or this EID? */
struct vr_query {
	struct share share;
	us_t started;
	struct vr_id whom; /* none: everybody */
	bool by_mac;
	struct mac mac;
	struct addr ip;
	us_t due;
	unsigned tries;
	struct mac asker; /* a machine here waits for the answer; zero: nobody */
	struct addr asker_ip;
};

#define VR_QUERIES 64 /* of each kind */

/* An EID that answered at two sites: packets are no reason to believe that it has moved. */
struct vr_double {
	struct share share;
	struct addr ip;
	struct mac mac;
	us_t due;   /* when it is asked about again */
	us_t until; /* then it is as any other */
};

#define VR_DOUBLES 64

struct vr {
	struct vr_id self;
	const struct conf *conf; /* borrowed: replaced by vr_reload() */
	const struct vr_io *io;
	void *ctx;
	struct log *log;
	struct hash_key key;
	uint64_t boot; /* random: tells peers of a restart */

	struct site *sites;
	size_t site_count;

	struct lndt *lndt;
	struct gndt *gndt;
	struct hwdt *hwdt;
	struct peers *peers;
	struct change_feed *feed;

	struct reports *reports;
	struct moves *moves;
	struct presence *presence;
	struct announce *announce;
	struct neigh *neigh;
	struct mapsys *mapsys; /* NULL: no part in the mapping system */
	struct actions *actions;
	struct rtr *rtr; /* NULL: no RTR; owned */

	struct vr_query mac_queries[VR_QUERIES], eid_queries[VR_QUERIES];
	us_t query_due;
	us_t hello_due;
	us_t sync_due; /* nothing else of sync.c is due before: no need to look at every peer */
	us_t sweep_due;
	us_t double_due;
	us_t limits_due;
	uint32_t last_id;
	us_t now; /* of the event being handled: the time of what is sent */
	struct fwd_memo memo;
	uint64_t changes;     /* another number: what decides about packets may have changed */
	bool wake;            /* something was started: run again at once */
	uint64_t last_logged; /* number of the last move record in the log */
	us_t first_frames;    /* until then somebody waits for the first frame after a move */
	struct vr_double doubles[VR_DOUBLES];
	struct icmp_limit icmp;
	uint64_t drops[DROP_COUNT];
	uint64_t lan_frames, lan_taken, lan_delivered, link_frames, plain_frames, unknown_owner,
		redirected;
	uint64_t guarded, suspects, duplicates, frozen;
	uint64_t icmp_limited; /* errors not sent because there were too many */
	uint64_t crowded_out;  /* doubles that were given up for others */
	struct log_gate alarm_gate;
};

struct vr_start {
	struct vr_id self;
	const struct vr_io *io;
	void *ctx;
	struct log *log;
	struct hash_key key; /* random */
	uint64_t boot;       /* random, not 0 */
	/* Of every conf->vns[i]: the router's MAC on that LAN, and the LAN's MTU. */
	const struct mac *macs;
	const uint16_t *mtus;
	/* Of every conf->peers[i]: its id. */
	const struct vr_id *peer_ids;
};

/* 'conf' is borrowed for the life of the router (or until vr_reload()).  '*slots' (conf->peer_count of them) receives
 * each peer's slot.  0 or -ENOMEM, -EEXIST (the same peer or prefix twice). */
MUST_USE int vr_create(const struct conf *conf, const struct vr_start *start, us_t now,
		       uint32_t *slots, struct vr **out);
void vr_destroy(struct vr *vr);

/* A bulk frame from the LAN, at its Ethernet header. */
void vr_lan_frame(struct vr *vr, vn_id_t vn, struct frame *f, us_t now);
/* Data workers (vr/workers.h) act for the router.  Would every packet from this machine of the LAN be as welcome as this
 * one was, until 'changes' is another number: is it known, here, and nothing in doubt about it? */
bool vr_lan_is_settled(const struct vr *vr, vn_id_t vn, struct mac mac, struct addr ip);
/* They have heard it again, which is a sighting. */
void vr_lan_seen(struct vr *vr, vn_id_t vn, struct mac mac, struct addr ip, us_t now);
/* They have sent so many packets of the LAN to a peer, of so many bytes in all. */
void vr_lan_sent(struct vr *vr, uint32_t slot, uint64_t packets, uint64_t bytes);
/* An ARP or RARP frame heard on the LAN; 'outgoing': from this host's own kernel. */
void vr_lan_control(struct vr *vr, vn_id_t vn, const uint8_t *frame, size_t size, bool outgoing,
		    us_t now);
/* An ARP frame that did not come to the router: the machine of the hybrid model got it from its LAN. */
void vr_lan_beside(struct vr *vr, vn_id_t vn, const uint8_t *frame, size_t size, us_t now);
/* An authentic packet from a peer, at its IP header, with room for an Ethernet header in front. */
void vr_link_data(struct vr *vr, uint32_t slot, const struct seal_inner *inner, struct frame *f,
		  us_t now);
void vr_link_sync(struct vr *vr, uint32_t slot, const uint8_t *msg, size_t size, us_t now);
/* Keys with the peer are there, or gone. */
void vr_link_session(struct vr *vr, uint32_t slot, bool up, us_t now);
void vr_link_mtu(struct vr *vr, uint32_t slot, uint16_t inner_mtu);
/* The VN's LAN device as it is now: its MTU, the router's MAC there, and whether frames can leave. */
void vr_lan_changed(struct vr *vr, vn_id_t vn, struct mac mac, uint16_t mtu, bool is_up, us_t now);
/* Does what is due; when to be called next. */
us_t vr_run(struct vr *vr, us_t now);

/* What must survive a restart: calls 'each' for every binding that this router owns or has owned (its mobility counter
 * must not fall back), among the next 'count' records from '*position' (0 at first) on.  True at
 * the
 * end.  The table may change in between: what is missed then has been said to 'persist' meanwhile.
 */
MUST_USE bool vr_keep(const struct vr *vr, size_t *position, size_t count,
		      void (*each)(void *ctx, const struct binding *b), void *ctx);
/* Takes one of those back, before the first event.  Its owner is this router or a peer. */
void vr_recall(struct vr *vr, const struct binding *b, us_t now);

/* Replaces the configuration of prefixes, policy and timers, and the names and VNs of the peers, which keep their slots and
 * their state.  Sites stay.  Every peer of 'conf' is there already (vr_peer_add()); those that it
 * no longer has are taken
 * out after (vr_peer_remove()).  The old conf is no longer referenced then.  0 or -errno with
 * nothing changed. */
MUST_USE int vr_reload(struct vr *vr, const struct conf *conf, const struct vr_id *peer_ids,
		       us_t now);
MUST_USE int vr_peer_add(struct vr *vr, const struct conf_peer *peer, struct vr_id id, us_t now,
			 uint32_t *slot);
void vr_peer_remove(struct vr *vr, uint32_t slot, us_t now);

/* Shared by the files of this folder. */
struct site *vr_site(struct vr *vr, vn_id_t vn);
bool vr_owns_address(const struct site *site, struct addr ip);
/* Do these two ask for each other by ARP, so that a packet between them keeps its TTL?  They stand in one configured on-link
 * subnet, or have the same longest fixed prefix. */
bool vr_same_subnet(const struct vr *vr, const struct site *site, struct addr a, struct addr b);
/* Is this the address of a machine in some subnet of the VN, rather than of one behind a router there? */
bool vr_is_on_link(const struct vr *vr, const struct site *site, struct addr ip);
/* The address from which the router speaks to 'to': its own in that subnet, any of its own, or none. */
struct addr vr_address_for(const struct site *site, struct addr to);
/* Name of a router, or NULL. */
const char *vr_name(const struct vr *vr, struct vr_id id);
const char *vr_name_of(const void *vr, struct vr_id id);
void vr_drop(struct vr *vr, enum vr_drop reason);
/* Puts a binding into HWDT and follows it up in GNDT, the change feed and the state machines.  The only way in. */
enum hwdt_fate vr_bind(struct vr *vr, const struct binding *b, us_t now);
/* Takes the record out everywhere. */
void vr_unbind(struct vr *vr, vn_id_t vn, struct addr ip, us_t now);
/* Sends news of own bindings: moves at once, the rest a moment later together. */
void vr_tell_later(struct vr *vr, struct site *site, const struct binding *b, us_t now);
/* What vr_tell_later() has gathered goes out now. */
void vr_tell_fresh(struct vr *vr, struct site *site, us_t now);
/* The host route of a binding: put where the owner is not the router of the prefix anyway, otherwise
 * taken out. */
void vr_route(struct vr *vr, const struct binding *b);
/* Slot of a router, GNDT_LOCAL for this one.  False for a stranger. */
bool vr_slot(const struct vr *vr, struct vr_id id, uint32_t *slot);
/* Says that a binding of this router is no longer. */
void vr_withdraw(struct vr *vr, struct binding b, us_t now);
/* The LNDT that a configuration describes; NULL and '*err' on failure. */
struct lndt *vr_lndt(const struct conf *conf, struct vr_id self, const struct vr_id *peer_ids,
		     int *err);
/* Routes to the fixed prefixes of the LNDT, but for those that have a machine's host route.  0 or -ENOMEM. */
MUST_USE int vr_route_fixed(struct vr *vr, const struct lndt *lndt);
/* Which peers are proxies, when peers have come, gone or changed. */
void vr_find_proxies(struct vr *vr);
/* The router's own addresses are bindings too: its peers' visitors ask for their home gateway.  Those of a proxy stand
 * outside. */
void vr_bind_addresses(struct vr *vr, struct site *site, us_t now);
/* A binding that was one of the router's own addresses under an earlier configuration. */
bool vr_is_former_address(struct vr *vr, const struct binding *b);

#endif
