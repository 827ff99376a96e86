/* All sessions with one peer: handshakes, keys, rekeying, roaming, path MTU.
 *
 * A pure state machine: no socket, no clock ('now' is passed in), no randomness of its own;
 * what it wants done goes out through its ops.  It keeps up to four generations of keys, so
 * that records that are under way while keys change are still opened: one generation seals, all
 * of them open.  Keys that we answered for are used for sealing only after the peer's first
 * valid record under them; older ones go away some time after that.
 *
 * Handshakes of both sides may cross: both succeed, and each side seals with the newest
 * generation that the peer is known to have; it does not matter if these differ, because keys
 * that are heard stay. */
#ifndef VR_SESSION_H
#define VR_SESSION_H

#include "base/err.h"
#include "base/types.h"
#include "vr/handshake.h"
#include "wire/seal.h"

#define SESSION_ENDPOINTS_MAX 8

struct session;

/* The same for all sessions of a router; borrowed by them. */
struct session_conf {
	struct handshake_self self;
	enum crypto_cipher cipher; /* proposed; both are accepted */
	us_t rekey_time;
	uint64_t rekey_records;
	us_t silence;
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
	int (*send)(void *ctx, const struct endpoint *to, const uint8_t *data, size_t size);
	/* Keys to seal with are there, or gone. */
	void (*up)(void *ctx, struct session *s, bool up, us_t now);
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
/* Gives its indices back; calls no other op. */
void session_destroy(struct session *s);
/* Where the peer may be; at most SESSION_ENDPOINTS_MAX are kept. */
void session_endpoints(struct session *s, const struct endpoint *endpoints, size_t count, us_t now);

/* The way to the peer may be another one, or the peer must learn where we are now: it is asked for a sign of life at once, and
 * a new handshake follows when that is not answered soon.  Without keys the peer is called at once.
 */
void session_underlay_changed(struct session *s, us_t now);

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
				const struct handshake_init *init, const struct endpoint *from,
				us_t now);
/* A RESPONSE whose mac1 is valid, or a COOKIE, to one of our indices.  0, -ENOENT (nothing of
 * ours waits for it), -EBADMSG, -ENOMEM. */
MUST_USE int session_response_heard(struct session *s, uint32_t index, const uint8_t *data,
				    size_t size, const struct endpoint *from, us_t now);
MUST_USE int session_cookie_heard(struct session *s, uint32_t index, const uint8_t *data,
				  size_t size, us_t now);

struct session_content {
	struct seal_inner inner;
	uint8_t *body; /* inside the record's memory */
	size_t size;
};

/* Opens a record in place.  0: '*out' is filled; KEEPALIVE, PROBE and PROBE_ACK are already
 * dealt with.  -ENOENT, -EALREADY (replayed), -EBADMSG (not authentic), -EPROTO (authentic, but
 * the inner header is not ours to understand). */
MUST_USE int session_open(struct session *s, const struct seal_outer *outer, uint8_t *data,
			  size_t size, const struct endpoint *from, us_t now,
			  struct session_content *out);
/* Seals a record, as keys_seal().  0, -ENOTCONN. */
MUST_USE int session_seal(struct session *s, const struct seal_inner *inner, uint8_t *out,
			  size_t head_size, const uint8_t *body, size_t body_size, us_t now);
/* The kernel refused a record of this size (as UDP payload) to the peer's endpoint. */
void session_refused(struct session *s, size_t record_size, us_t now);

bool session_is_up(const struct session *s);
/* Family NONE when not known. */
const struct endpoint *session_endpoint(const struct session *s);
/* Largest inner packet that fits one record on the confirmed path. */
uint16_t session_inner_mtu(const struct session *s);
uint64_t session_heard_stamp(const struct session *s);

struct session_stats {
	const char *cipher; /* of the keys that seal; "" without */
	us_t age;           /* of these keys */
	uint64_t handshakes, rekeys, roams;
	uint64_t tx_records, tx_bytes, rx_records, rx_bytes; /* bytes of UDP payload */
};
void session_stats(const struct session *s, us_t now, struct session_stats *out);

#endif
