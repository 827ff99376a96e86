/* What the two halves of a session share: its handshakes and its records.  Nobody else includes
 * this. */
#ifndef VR_SESSION_PRIV_H
#define VR_SESSION_PRIV_H

#include "vr/keys.h"
#include "vr/pmtu.h"
#include "vr/session.h"

#define SESSION_KEYS_MAX   4
#define SESSION_YIELD_TIME (1 * US_S) /* for the peer's handshake to finish before ours goes on */

struct session {
	const struct session_conf *conf;
	const struct session_ops *ops;
	void *ctx;
	uint32_t user;
	uint8_t public_key[CRYPTO_KEY_SIZE];

	struct keys keys[SESSION_KEYS_MAX];
	struct keys *current; /* the keys that seal, NULL: none */
	uint64_t generation;
	uint64_t heard_generation; /* newest keys that a record was opened with */
	us_t heard_generation_at;

	/* Our own handshake under way. */
	bool pending;
	uint32_t pending_index;
	struct noise noise;
	uint8_t init[HANDSHAKE_INIT_SIZE]; /* as sent: a cookie is bound to it */
	struct endpoint init_to;
	bool cookie_used;  /* this INIT was already repeated with a cookie */
	us_t next_attempt; /* US_NEVER: none wanted */
	unsigned attempts;
	uint8_t cookie[HANDSHAKE_MAC_SIZE];
	us_t cookie_until;

	uint64_t heard_stamp;
	struct endpoint endpoint; /* where records go */
	struct endpoint endpoints[SESSION_ENDPOINTS_MAX];
	size_t endpoint_count;

	us_t due;              /* when session_run() has something to do */
	us_t heard;            /* last authentic record */
	us_t unanswered_since; /* first record sent since the peer was heard under current keys; 0 */
	us_t confirm_at;       /* next keepalive that tells the peer that we have the keys */
	unsigned confirm_tries;
	us_t check_at; /* next probe of the way to the peer, after the underlay has changed; US_NEVER */
	unsigned checks;
	struct pmtu pmtu;
	uint16_t inner_mtu; /* as reported */
	struct session_stats stats;
};

/* A handshake should start now, unless one is under way. */
void session_handshake_want(struct session *s, us_t now);
void session_handshake_end(struct session *s);
/* Sends the next INIT when it is time. */
void session_handshake_run(struct session *s, us_t now);
/* Tells the peer that we have the new keys, until it is heard to have them too. */
void session_confirm_run(struct session *s, us_t now);

/* Wipes one generation of keys and gives its index back. */
void session_keys_drop(struct session *s, struct keys *k);
/* From now on 'k' seals. */
void session_keys_promote(struct session *s, struct keys *k, us_t now);
/* The peer is at 'from'. */
void session_endpoint_follow(struct session *s, const struct endpoint *from, us_t now);
/* The path to the endpoint is new: its MTU is searched for. */
void session_path_start(struct session *s, us_t now);
/* Reports the inner MTU when it changed. */
void session_mtu_report(struct session *s, us_t now);
/* Seals a record of our own making, its body already in place, and sends it.  0, -ENOTCONN,
 * -EMSGSIZE, another error: lost. */
int session_control_send(struct session *s, enum seal_kind kind, uint8_t *record, size_t body_size,
			 us_t now);

#endif
