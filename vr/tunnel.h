/* The underlay: one UDP socket, streams where that is not enough, the sealed sessions of all peers on
 * them, what is relayed for others, and what a batch costs.
 *
 * Packets and super-frames go in whole and leave as records, one IP packet each, in as few
 * UDP_SEGMENT calls as their limits allow (65,507 bytes, 64 segments, equal sizes but the
 * last); records that arrive by UDP_GRO are opened in place and handed up one by one.  Peers
 * are named by slot (tables/peer.h). Handshakes, rekeying, keepalive, roaming, cookies, the choice
 * among
 * the ways to a peer and path MTU discovery happen in here; whether a peer is alive is decided
 * above, by its HELLOs. */
#ifndef VR_TUNNEL_H
#define VR_TUNNEL_H

#include "base/err.h"
#include "base/frame.h"
#include "base/log.h"
#include "base/types.h"
#include "vr/crypto.h"
#include "vr/path.h"
#include "vr/stream.h"
#include "wire/seal.h"

struct session_link;
struct udp;

struct tunnel;

#define TUNNEL_ENDPOINTS_MAX 8
/* Configured endpoints that peers are told. */
#define TUNNEL_CANDIDATES_MAX 4
/* Endpoints of one peer where streams are tried. */
#define TUNNEL_STREAMS_MAX 4
/* Bytes that are free in front of a packet that was opened: its own record's headers and, in
 * the middle of a train, the tag of the record before.  (Less than FRAME_HEADROOM: what lies
 * further in front is another packet.) */
#define TUNNEL_HEADROOM SEAL_OVERHEAD
/* Largest message of tunnel_send_sync(). */
#define TUNNEL_SYNC_MAX 1184
/* Datagrams up to this size are received whatever our own maximum is. */
#define TUNNEL_DATAGRAM_MIN 2048

struct tunnel_conf {
	struct endpoint listen;
	uint8_t private_key[CRYPTO_KEY_SIZE];
	enum crypto_cipher cipher; /* that we propose; both are accepted */
	us_t rekey_time;
	uint64_t rekey_records;
	us_t silence; /* nothing authentic heard for so long: start a new handshake (keeping the session) */
	us_t keepalive;                /* longest time without a sign of life that NATs may need */
	struct endpoint stream_listen; /* where streams are accepted; family NONE: nowhere */
	struct endpoint http_proxy;    /* that streams are opened through; family NONE: none */
	const uint8_t *proxy_credentials; /* "user:password"; borrowed for the call */
	size_t proxy_credentials_size;    /* 0: none */
	bool relay;                       /* relays for its peers */
	uint64_t relay_rate;              /* bytes a second for each of them; 0: no limit */
	uint32_t relay_pairs;             /* receivers of each within a minute; 0: no limit */
	uint16_t mtu_max;                 /* largest underlay IP packet probed for */
	unsigned workers; /* data workers that seal, too, and as many threads that open */
	bool udp_segment, udp_gro, control_socket, ipsec_mb; /* false forces the fallback */
	uint64_t
		clock_floor; /* handshake timestamps sent are larger than this (from the state file) */
};

struct tunnel_peer_conf {
	uint32_t slot;
	uint8_t public_key[CRYPTO_KEY_SIZE];
	struct endpoint
		endpoints[TUNNEL_ENDPOINTS_MAX]; /* tried in turn; none: wait to be called */
	size_t endpoint_count;
	struct endpoint streams[TUNNEL_STREAMS_MAX]; /* tried where UDP does not pass */
	size_t stream_count;
	bool relays; /* for us: peers behind NATs are reached by it */
	uint64_t
		heard_floor; /* handshake timestamps of this peer must be larger (from the state file) */
};

/* All may call tunnel_send(), tunnel_send_sync(), tunnel_flush() and whatever only reads; none
 * may add or remove peers or destroy the tunnel. */
struct tunnel_ops {
	/* An authentic data packet (its IP header not looked at): 'f->data' is at the IP
	 * header, TUNNEL_HEADROOM bytes in front may be written to, 'f->csum_partial' follows
	 * the record's flag, no super-frame.  'f' is borrowed for the call, the bytes stay
	 * valid and unchanged until 'batch_end' of the same batch. */
	void (*data)(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f,
		     us_t now);
	void (*sync)(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now);
	/* The bytes handed up since the last batch_end go away after this. */
	void (*batch_end)(void *ctx, us_t now);
	/* Keys with this peer are there (true) or gone. */
	void (*session)(void *ctx, uint32_t slot, bool up, us_t now);
	/* Largest inner packet that fits one record to this peer changed. */
	void (*mtu)(void *ctx, uint32_t slot, uint16_t inner_mtu, us_t now);
	/* A value that must survive a restart changed: see tunnel_clock() and tunnel_heard(). */
	void (*persist)(void *ctx);
};

/* Opens and binds the socket.  0 and '*out', or -errno. 'ops' must outlive the tunnel. */
MUST_USE int tunnel_create(const struct tunnel_conf *conf, const struct tunnel_ops *ops, void *ctx,
			   struct log *log, struct tunnel **out);
void tunnel_destroy(struct tunnel *t);

/* 0, -EEXIST (slot or key in use), -ENOMEM.  When an endpoint is known, the next tunnel_run() starts a
 * handshake. */
MUST_USE int tunnel_peer_add(struct tunnel *t, const struct tunnel_peer_conf *peer, us_t now);
/* New endpoints for a peer; its session goes on.  Without one they are called in the next
 * tunnel_run(). */
void tunnel_peer_endpoints(struct tunnel *t, uint32_t slot, const struct endpoint *endpoints,
			   size_t count);
/* New endpoints for streams. */
void tunnel_peer_streams(struct tunnel *t, uint32_t slot, const struct endpoint *endpoints,
			 size_t count, us_t now);
/* The peer relays for us, or does not any more. */
void tunnel_peer_relays(struct tunnel *t, uint32_t slot, bool relays, us_t now);
/* As session_urge(). */
void tunnel_peer_urge(struct tunnel *t, uint32_t slot, us_t now);
void tunnel_peer_remove(struct tunnel *t, uint32_t slot, us_t now);
/* As in the conf, from now on. */
void tunnel_set_relaying(struct tunnel *t, bool relay, uint64_t rate, uint32_t pairs);
/* Underlay addresses of this host are these now ('own'),: paths are checked anew, peers that are down are called. */
void tunnel_underlay_changed(struct tunnel *t, const struct addr *own, size_t count, us_t now);
/* Further endpoints under which peers may reach this router, told to those that are not reached directly. */
void tunnel_set_candidates(struct tunnel *t, const struct endpoint *rows, size_t count, us_t now);
/* Another 'silence' than the conf's, from now on and for all sessions, which go on. */
void tunnel_set_silence(struct tunnel *t, us_t silence);

/* Of the UDP socket, of that for control by UDP (-1: there is none), and of all streams together. */
int tunnel_fd(const struct tunnel *t);
int tunnel_urgent_fd(const struct tunnel *t);
int tunnel_streams_fd(const struct tunnel *t);
/* Of the threads that open; -1 without them. */
int tunnel_opened_fd(const struct tunnel *t);
/* Reads and handles a bounded batch; calls batch_end at the end of it.  With threads that open, what they have in hand, and what came after it,
 * is handled when they are done: tunnel_opened(). */
void tunnel_readable(struct tunnel *t, us_t now);
void tunnel_urgent_readable(struct tunnel *t, us_t now);
void tunnel_streams_readable(struct tunnel *t, us_t now);
void tunnel_opened(struct tunnel *t, us_t now);
/* Does what is due (handshakes, rekeys, keepalives, probes); returns when to be called next.
 * Any other call may have brought that forward, so call this after each batch; it costs nothing
 * when nothing is due. */
us_t tunnel_run(struct tunnel *t, us_t now);

/* Seals an IP packet or super-frame to the peer.  Segments must fit the inner MTU
 * ('f->gso_size' is at most what the caller computed from it).  'inner->kind' and its checksum
 * flag are filled in here.  Sealed at once, sent by tunnel_flush() at the latest; 'f' is not
 * needed after the call.  0; -ENOTCONN (no session: dropped), -EMSGSIZE, -EINVAL (a super-frame
 * that is not one). */
MUST_USE int tunnel_send(struct tunnel *t, uint32_t slot, const struct seal_inner *inner,
			 struct frame *f, us_t now);
/* Seals and sends at once, in front of what is queued.  0, -ENOTCONN, -EMSGSIZE. */
MUST_USE int tunnel_send_sync(struct tunnel *t, uint32_t slot, const uint8_t *msg, size_t size,
			      us_t now);
/* Everything queued leaves now: at the end of every batch. */
void tunnel_flush(struct tunnel *t);

/* For data workers (vr/workers.h), which seal for peers by themselves: as session_link(), session_sealed() and
 * session_refused(), and what they send by. */
bool tunnel_link(const struct tunnel *t, uint32_t slot, struct session_link *out);
void tunnel_sealed(struct tunnel *t, uint32_t slot, uint64_t records, uint64_t bytes, us_t now);
void tunnel_refused(struct tunnel *t, uint32_t slot, size_t record_size, us_t now);
struct udp *tunnel_udp(const struct tunnel *t);
/* As roster_changes(). */
uint64_t tunnel_changes(const struct tunnel *t);

/* Last handshake timestamp sent to anyone, and last one accepted from this peer. */
uint64_t tunnel_clock(const struct tunnel *t);
uint64_t tunnel_heard(const struct tunnel *t, uint32_t slot);

struct tunnel_peer_stats {
	struct path path; /* how records go now */
	struct endpoint
		endpoint; /* where they go first: the peer's, or its relay's; family NONE: nowhere */
	const char *way;  /* "direct", "punched", "relayed", "tcp" or "" */
	const char *reason; /* why this way */
	us_t way_age;
	us_t rtt;          /* of checks; 0: unknown */
	unsigned loss_pct; /* of the last checks */
	unsigned ways;     /* that answer */
	bool up;
	const char *cipher; /* "AESGCM", "ChaChaPoly" or "" */
	us_t session_age;
	uint16_t inner_mtu;
	uint64_t handshakes, rekeys, roams;
	uint64_t tx_records, tx_bytes, rx_records, rx_bytes;
	bool stream_failed; /* one to the peer, and nothing authentic has come by it since */
	struct endpoint stream_to;
	struct streams_failure stream_failure;
};
/* False when the slot is unknown. */
bool tunnel_peer_stats(const struct tunnel *t, uint32_t slot, us_t now,
		       struct tunnel_peer_stats *out);

/* Drops at the door, by reason, in order, and then those of streams; NULL behind the last.  Names are
 * stable. */
/* "tunnel" or "stream". */
const char *tunnel_drop_where(unsigned reason);
const char *tunnel_drop_name(unsigned reason);
const char *tunnel_drop_text(unsigned reason);
uint64_t tunnel_drop_count(const struct tunnel *t, unsigned reason);

/* What the socket's calls carried: with UDP_SEGMENT and UDP_GRO many datagrams each. */
struct tunnel_stats {
	uint64_t tx_calls, tx_datagrams, rx_trains, rx_datagrams;
	uint64_t opened_trains; /* of these trains: by threads beside the control thread */
	uint64_t relayed_datagrams, relayed_bytes; /* for others */
	size_t streams;                            /* that stand, or are being opened */
};
void tunnel_stats(const struct tunnel *t, struct tunnel_stats *out);

/* What the kernel gave: "UDP_SEGMENT", "UDP_GRO"; for the start-up report. */
bool tunnel_has_segment(const struct tunnel *t);
bool tunnel_has_gro(const struct tunnel *t);
bool tunnel_has_control_socket(const struct tunnel *t);
/* The library that seals with AES-256-GCM; static. */
const char *tunnel_aesgcm(const struct tunnel *t);

#endif
