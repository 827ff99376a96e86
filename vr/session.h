/* All sessions with one peer: handshakes, keys, rekeying, the ways to it, path MTU.
 *
 * A pure state machine: no socket, no clock ('now' is passed in), no randomness of its own;
 * what it wants done goes out through its ops.  It keeps up to four generations of keys, so
 * that records that are under way while keys change are still opened: one generation seals, all
 * of them open.  Keys that we answered for are used for sealing only after the peer's first
 * valid record under them; older ones go away some time after that.
 *
 * Handshakes of both sides may cross: both succeed, and each side seals with the newest
 * generation that the peer is known to have; it does not matter if these differ, because keys
 * that are heard stay.
 *
 * There may be several ways to the peer: endpoints where it is expected or was heard, peers that
 * relay, streams.
 * One is in use.  Where there is a choice, sealed checks go along all of them; the best that
 * answers is taken,
 * before what is in use fails if possible.  Routers that are heard by a relay tell each other where
 * else they may be reached (their candidates), and both check these at once, which opens the NATs
 * between them (as RFC 8445 does, but within the session: nothing is believed that is not sealed).
 */
#ifndef VR_SESSION_H
#define VR_SESSION_H

#include "base/err.h"
#include "base/types.h"
#include "vr/handshake.h"
#include "vr/keys.h"
#include "vr/opener.h"
#include "vr/path.h"
#include "vr/sealer.h"
#include "wire/paths.h"
#include "wire/seal.h"

#define SESSION_ENDPOINTS_MAX 8
#define SESSION_STREAMS_MAX   4

struct session;

/* The same for all sessions of a router; borrowed by them. */
struct session_conf {
	struct handshake_self self;
	enum crypto_cipher cipher;          /* proposed; both are accepted */
	const struct crypto_engine *engine; /* NULL: OpenSSL */
	unsigned hands;                     /* threads that seal or open */
	us_t rekey_time;
	uint64_t rekey_records;
	us_t silence;
	us_t keepalive; /* longest time without a check of the path in use, so that NATs keep their mapping */
	uint16_t mtu_max; /* underlay IP packet */
	uint8_t *scratch; /* 'mtu_max' bytes that a session may write to during a call */
};

struct session_ops {
	/* An unused index that names 's', and its end.  0 or -ENOMEM. */
	int (*index_take)(void *ctx, struct session *s, uint32_t *index);
	void (*index_give)(void *ctx, uint32_t index);
	/* 0 or -EIO. */
	int (*random)(void *ctx, void *bytes, size_t size);
	/* A handshake timestamp, larger than any before. */
	uint64_t (*stamp)(void *ctx);
	/* 0, -EMSGSIZE (larger than the first link takes), another error: lost. */
	int (*send)(void *ctx, struct session *s, const struct path *to, const uint8_t *data,
		    size_t size, us_t now);
	/* A check was not answered, or not sent, because the peer makes for too many. */
	void (*limited)(void *ctx);
	/* A packet of a machine passes by the relay in this slot: said at most once a second. */
	void (*leg_traffic)(void *ctx, uint32_t slot, us_t now);
	/* How the relay in this slot is reached: UDP or a stream; NULL: it is not. */
	const struct path *(*leg)(void *ctx, uint32_t slot);
	/* Where this router may be reached, with a serial and nothing else about the receiver. */
	const struct paths_candidates *(*candidates)(void *ctx);
	/* Something authentic came by this stream. */
	void (*authentic)(void *ctx, struct session *s, const struct path *from);
	/* This stream takes bytes and nothing comes of it: the next send opens another. */
	void (*stuck)(void *ctx, const struct path *stream);
	/* Can anything be sent there at all?  Not without a socket of that family. */
	bool (*reaches)(void *ctx, const struct endpoint *to);
	/* The own address from which the system sends there; family NONE: not known. */
	struct addr (*source)(void *ctx, const struct endpoint *to);
	/* The peer sees us there. */
	void (*seen)(void *ctx, struct session *s, struct endpoint at, us_t now);
	/* Records go another way from now on: session_path(). */
	void (*moved)(void *ctx, struct session *s, us_t now);
	/* Keys to seal with are there, or gone. */
	void (*up)(void *ctx, struct session *s, bool up, us_t now);
	/* Whoever seals beside the session asks session_link() anew: other keys, or none; or an address is looked at. */
	void (*keys)(void *ctx);
	/* session_inner_mtu() changed. */
	void (*mtu)(void *ctx, struct session *s, us_t now);
	/* session_heard_stamp() changed. */
	void (*persist)(void *ctx);
};

/* A session without keys, its first handshake due at once when there is an endpoint.  'user' is
 * the caller's number for it.  NULL when memory is short.  'conf' and 'ops' must outlive it. */
struct session *session_create(const struct session_conf *conf, const struct session_ops *ops,
			       void *ctx, uint32_t user, const uint8_t public_key[CRYPTO_KEY_SIZE],
			       uint64_t heard_floor);
/* Gives its indices back, and says that its keys are gone; calls no other op. */
void session_destroy(struct session *s);
/* Where the peer may be; at most SESSION_ENDPOINTS_MAX are kept. */
void session_endpoints(struct session *s, const struct endpoint *endpoints, size_t count, us_t now);
/* Where it takes streams; at most SESSION_STREAMS_MAX are kept. */
void session_streams(struct session *s, const struct endpoint *endpoints, size_t count, us_t now);
/* Those that are configured; how many. */
size_t session_streams_get(const struct session *s, struct endpoint out[SESSION_STREAMS_MAX]);
/* The peer in this slot relays for us, and is up; or does not any more. */
void session_relay(struct session *s, uint32_t slot, bool is_up, us_t now);
/* The relay in use is reached another way. */
void session_leg_changed(struct session *s, us_t now);
/* This stream has ended. */
void session_path_closed(struct session *s, const struct path *path, us_t now);
/* Own candidates have changed. */
void session_candidates_changed(struct session *s, us_t now);

/* The way to the peer may be another one, or the peer must learn where we are now: it is asked for a sign of life at once, and
 * a new handshake follows when that is not answered soon.  Without keys the peer is called at once.
 */
void session_underlay_changed(struct session *s, us_t now);

/* There is something urgent for the peer, which may not be where it was: all ways are checked at once, and if none answers, or
 * without keys, it is called at all places again, as fast as at first. */
void session_urge(struct session *s, us_t now);

/* Something in 'conf' has changed: session_run() is due, whatever it said before. */
void session_wake(struct session *s);

uint32_t session_user(const struct session *s);
const uint8_t *session_public_key(const struct session *s);

/* Does what is due; returns when to be called next. */
us_t session_run(struct session *s, us_t now);
/* The same without doing anything; any other call may have brought it forward. */
us_t session_due(const struct session *s);

/* An INIT of this peer was read: answers it.  0, -ESTALE (the timestamp is not newer), -EIO,
 * -ENOMEM. */
MUST_USE int session_init_heard(struct session *s, struct noise *n,
				const struct handshake_init *init, const struct path *from,
				us_t now);
/* A RESPONSE whose mac1 is valid, or a COOKIE, to one of our indices.  0, -ENOENT (nothing of
 * ours waits for it), -EBADMSG, -ENOMEM. */
MUST_USE int session_response_heard(struct session *s, uint32_t index, const uint8_t *data,
				    size_t size, const struct path *from, us_t now);
MUST_USE int session_cookie_heard(struct session *s, uint32_t index, const uint8_t *data,
				  size_t size, us_t now);

struct session_content {
	struct seal_inner inner;
	uint8_t *body; /* inside the record's memory */
	size_t size;
};

/* Opens a record in place, as keys_open().  0: '*out' is filled; all but DATA and SYNC is already dealt with.  -ENOENT, -EALREADY
 * (replayed), -EBADMSG (not authentic), -EPROTO (authentic, but the inner header is not ours to
 * understand). */
MUST_USE int session_open(struct session *s, const struct seal_outer *outer, uint8_t *data,
			  size_t size, struct opened opened, const struct path *from, us_t now,
			  struct session_content *out);
/* What opens records to this index, beginning with this counter; NULL: there are no such keys, or it is a repetition.  The
 * keys', unless it is held. */
struct opener *session_opener(struct session *s, uint32_t index, uint64_t counter);
/* Opens what stands in front of relayed datagrams for the receiver index 'index', as keys_relay_open(): 'rows' says what came of
 * each, -ENOENT without such keys.  'whole' bytes in all: each has 'stride' but the last. */
void session_relay_open(struct session *s, uint32_t index, uint8_t *data, size_t whole,
			size_t stride, struct keys_relayed *rows, size_t count,
			const struct path *from, us_t now);
/* Writes it, as keys_relay_seal().  0, -ENOTCONN. */
MUST_USE int session_relay_seal(struct session *s, enum seal_type type, struct vr_id id,
				uint8_t *out, size_t stride, size_t count, us_t now);
/* Seals a record, as keys_seal().  0, -ENOTCONN. */
MUST_USE int session_seal(struct session *s, const struct seal_inner *inner, uint8_t *out,
			  size_t head_size, const uint8_t *body, size_t body_size, us_t now);
/* What a data worker needs to seal for this session by itself. */
struct session_link {
	struct sealer *sealer; /* good until keys change, unless it is held */
	struct endpoint to;
	uint16_t inner_mtu;
};
/* False: without keys, or where records do not go straight to a UDP endpoint.  What it says is true until the next
 * session_ops.keys(), moved() or mtu(). */
bool session_link(const struct session *s, struct session_link *out);
/* Workers have sealed so many records of data, of so many bytes in all, since they said so last. */
void session_sealed(struct session *s, uint64_t records, uint64_t bytes, us_t now);
/* A packet of a machine passes, either way: in this session, or relayed for us by its peer. */
void session_traffic(struct session *s, us_t now);
/* The kernel refused a record of this size (as UDP payload) to the peer's endpoint. */
void session_refused(struct session *s, size_t record_size, us_t now);

bool session_is_up(const struct session *s);
/* The way that records go now; kind NONE when not known. */
const struct path *session_path(const struct session *s);
/* Where the peer is heard from and may be: copies of its records go there, too, as far as session_trial_take() allows.
 * Always a UDP endpoint.  NULL: nowhere. */
const struct path *session_trial(const struct session *s);
/* May a copy of this size (UDP payload) go there?  It is then counted as sent. */
bool session_trial_take(struct session *s, size_t size);
/* Largest inner packet that fits one record on the confirmed path. */
uint16_t session_inner_mtu(const struct session *s);
uint64_t session_heard_stamp(const struct session *s);

/* Why records go the way they go.  name, text */
#define PATH_REASONS(X)                                                                            \
	X(FIRST, "the first that was there")                                                       \
	X(PEER, "the peer came from there")                                                        \
	X(STILL, "the peer answers there still")                                                   \
	X(BETTER, "better than the one before")                                                    \
	X(SILENT, "the one before did not answer")                                                 \
	X(LOSS, "the one before lost too much")                                                    \
	X(LATENCY, "the one before was too slow")

enum path_reason {
#define X(id, text) PATH_##id,
	PATH_REASONS(X)
#undef X
};

struct session_stats {
	const char *cipher; /* of the keys that seal; "" without */
	us_t age;           /* of these keys */
	uint64_t handshakes, rekeys, roams;
	uint64_t tx_records, tx_bytes, rx_records, rx_bytes; /* bytes of UDP payload */
	/* Of the path in use. */
	bool punched;        /* both ends stand behind NATs */
	us_t path_age;       /* since it is in use */
	us_t rtt;            /* of its checks; 0: unknown */
	unsigned loss_pct;   /* of its last checks */
	unsigned path_count; /* that answer */
	const char *reason;
};
void session_stats(struct session *s, us_t now, struct session_stats *out);

#endif
