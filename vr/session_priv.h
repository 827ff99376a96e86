/* What the parts of a session share: its handshakes, its records, its paths, and what it tells of
 * these.  Nobody else includes this. */
#ifndef VR_SESSION_PRIV_H
#define VR_SESSION_PRIV_H

#include "base/bucket.h"
#include "base/hash.h"
#include "conf/conf.h"
#include "vr/keys.h"
#include "vr/pmtu.h"
#include "vr/session.h"
#include "wire/paths.h"

#define SESSION_KEYS_MAX 4
/* The peer keeps the keys of so many INITs, beside those in use. */
#define SESSION_CALLS_MAX  3
#define SESSION_YIELD_TIME (1 * US_S) /* for the peer's handshake to finish before ours goes on */

#define SESSION_PATHS_MAX 24
/* Of these, what is not configured has so many at least. */
#define SESSION_PATHS_FOUND 4
_Static_assert(SESSION_ENDPOINTS_MAX + SESSION_STREAMS_MAX + CONF_RELAYS_MAX +
			       SESSION_PATHS_FOUND <=
		       SESSION_PATHS_MAX,
	       "every configured way has a row");
/* So many checks lost, one after the other, make a way useless. */
#define SESSION_LOST_COUNT 3
/* So often a check of full size is tried. */
#define SESSION_PAD_TRIES 2
/* So many spans in a row, and a way is lossy, for so long. */
#define SESSION_LOSSY_SPANS 2
#define SESSION_LOSSY_TIME  (5 * US_S)
/* Streams that are not needed are not opened; it is looked again after this. */
#define SESSION_STREAM_LOOK (1 * US_S)
/* Ranks: from here on bad, and of no use. */
#define SESSION_RANK_BAD  50
#define SESSION_RANK_NONE 100

enum path_origin { PATH_CONFIGURED = 0, PATH_HEARD, PATH_TOLD };

/* One way to the peer, and what is known of it. */
struct path_row {
	struct path path;   /* kind NONE: the row is free */
	struct addr called; /* own address that records came to by it last; family NONE: unknown */
	uint8_t origin;     /* enum path_origin */
	uint8_t hint;       /* TOLD: enum candidate_origin */
	uint8_t number;     /* names the row in the tokens of its checks */
	bool valid;         /* a check came back, and not too many were lost since */
	bool has_died;      /* it was valid, and then was not */
	bool answered;      /* something came back from there, once */
	bool waiting;       /* a check is under way */
	uint8_t lost;       /* checks without an answer, in a row */
	uint8_t pads;       /* tries of a check of full size */
	uint8_t bad_times;  /* how often it was found bad */
	uint8_t bad_reason; /* enum path_reason */
	uint8_t count;      /* checks in 'history', at most 16 */
	uint16_t history;   /* of the last ones: 1 is lost */
	uint16_t proven;    /* largest underlay packet that passed; 0: none */
	us_t sent;          /* the last check */
	us_t due;           /* next check, or when the one under way is lost */
	us_t idle;          /* before the last check nothing had been sent for so long */
	us_t rtt;           /* smoothed; 0: unknown */
	us_t bad_until;     /* not used before, if there is another */
	us_t good_since;    /* that ended; 0: never */
	uint8_t lossy;      /* spans in a row in which much of what should have come was lost */
	us_t lossy_until;   /* that was so twice, or the peer says so of what we send */
	uint32_t credit;    /* bytes that may be sent there before anything was answered */
};

/* The peer's records come from an address where it has not answered (vr/session_trial.c). */
struct session_trial {
	enum {
		TRIAL_NONE = 0,
		TRIAL_RUNS,  /* 'path' is checked, and so is 'old', which is in use */
		TRIAL_TAKEN, /* 'path' has answered and is in use; 'old' may still answer */
	} state;
	struct path path, old;
	us_t since;
};

/* How much the peer has sealed, and how much of that was opened: what is missing was lost on the way. */
struct session_span {
	uint64_t generation; /* of the keys; 0: begins with the next record */
	uint64_t next, opened;
	us_t since;
};

/* An INIT that may still be answered. */
struct session_call {
	bool used;
	uint32_t index;
	struct noise noise;
	uint8_t init[HANDSHAKE_INIT_SIZE]; /* as sent: a cookie is bound to it */
	struct path to;
	bool cookie_used; /* it was already repeated with a cookie */
};

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

	/* Our own handshake under way: the last INITs, as the answer to each may be late. */
	struct session_call calls[SESSION_CALLS_MAX];
	unsigned call_next; /* place of the next one, and of the oldest */
	us_t next_attempt;  /* US_NEVER: none wanted */
	unsigned attempts;
	bool has_yielded; /* to the peer's, once */
	uint8_t cookie[HANDSHAKE_MAC_SIZE];
	us_t cookie_until;

	uint64_t heard_stamp;

	/* The ways to the peer (vr/session_paths.c). */
	struct path path;      /* where records go */
	struct path peer_path; /* where its own came from last */
	struct addr
		called; /* own address that its records by 'path' came to last; family NONE: unknown */
	struct path_row rows[SESSION_PATHS_MAX];
	uint8_t row_number; /* of the last row made */
	struct session_trial trial;
	struct bucket answers; /* to the peer's checks */
	struct bucket
		tries; /* of addresses that the peer has named and where nobody has answered */
	struct hash_key token_key; /* random */
	us_t paths_due;
	bool has_choice;          /* more than one way is known */
	struct session_span span; /* of what comes by 'peer_path' */
	us_t doubt_since;    /* first record sent since something was heard by the way in use; 0 */
	us_t other_answered; /* a check by another way that the peer answered was sent then */
	us_t path_since;
	us_t path_heard;       /* last record that came by it */
	struct path path_left; /* for it */
	uint8_t path_reason;   /* enum path_reason, as it is known by now */
	bool follows;          /* it was taken because the peer had */
	us_t sent_at;          /* last record */
	us_t traffic_at;       /* last packet of a machine, either way; 0: none */
	us_t keepalive;        /* what the NATs on the way were found to need */
	us_t keepalive_trial;  /* a longer one is tried then; 0: none, it is as configured */
	us_t keepalive_hold;   /* from a trial to the next; 0: it was never shortened */
	us_t leg_told;         /* the relay in use was told of traffic last */
	struct endpoint seen;  /* where the peer sees us; family NONE: unknown */

	/* What it tells of its own (vr/session_tell.c). */
	us_t told_at;
	uint32_t told;  /* the peer's serial; 0: it has told nothing */
	uint32_t acked; /* our serial that the peer has */
	us_t tell_at;
	unsigned tell_tries;

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
/* Of two routers that have called each other at once the one with the smaller key waits. */
bool session_gives_way(const struct session *s);
/* Sends the next INIT when it is time. */
void session_handshake_run(struct session *s, us_t now);
/* Tells the peer that we have the new keys, until it is heard to have them too. */
void session_confirm_run(struct session *s, us_t now);

/* Wipes one generation of keys and gives its index back. */
void session_keys_drop(struct session *s, struct keys *k);
/* From now on 'k' seals. */
void session_keys_promote(struct session *s, struct keys *k, us_t now);
/* The path in use is another, or its keys are new: its MTU is searched for. */
void session_path_start(struct session *s, us_t now);
/* Reports the inner MTU when it changed. */
void session_mtu_report(struct session *s, us_t now);
/* Sends a probe that makes an underlay packet of this size; 0: a small one.  As session_control_send(). */
int session_probe_send(struct session *s, uint16_t packet, us_t now);
/* When the MTU is to be looked after; what was found is confirmed only while machines talk. */
us_t session_mtu_due(const struct session *s, us_t now);
void session_mtu_run(struct session *s, us_t now);
/* A probe, which is answered, or the answer to one of ours. */
void session_probe_heard(struct session *s, const struct session_content *c, size_t record_size,
			 const struct path *from, us_t now);
/* Seals a record of our own making, its body already in place, and sends it.  0, -ENOTCONN,
 * -EMSGSIZE, another error: lost. */
int session_control_send(struct session *s, const struct path *by, enum seal_kind kind,
			 uint8_t *record, size_t body_size, us_t now);
/* Bytes in front of a record on this path, down to the underlay's IP header. */
uint16_t session_path_overhead(const struct session *s, const struct path *path);
/* Can something be sent there at all?  Not by a relay that is down. */
bool session_path_is_usable(const struct session *s, const struct path *path);

/* NULL: there is none. */
struct path_row *session_path_find(struct session *s, struct path path);
/* The row of a path: made if there is none, in the place of the least useful one. */
struct path_row *session_path_put(struct session *s, struct path path, enum path_origin origin,
				  us_t now);
void session_path_remove(struct path_row *row);
bool session_path_is_used(const struct session *s, const struct path_row *row);
/* Smaller is better; equal ones are as good. */
unsigned session_path_rank(const struct session *s, const struct path_row *row, us_t now);
/* Is the full size that is in use known to pass there, or known not to? */
bool session_path_is_proven(const struct session *s, const struct path_row *row);
/* Takes the best way, if it is better than the one in use. */
void session_path_choose(struct session *s, us_t now);
/* Records go there from now on. */
void session_path_take(struct session *s, struct path path, enum path_reason reason, us_t now);
/* The newest authentic record, with something in it, came from there: ours go there if the peer is known to be
 * there, and otherwise it is looked whether it is. */
void session_path_follow(struct session *s, const struct path *from, us_t now);
/* The same, when it is known. */
void session_path_go_after(struct session *s, struct path_row *row, us_t now);
/* The peer has got something that was sent there. */
void session_path_confirm(struct session *s, const struct path *path, us_t now);
/* An authentic record came by this way: what goes there leaves from the address that it came to. */
void session_path_called(struct session *s, const struct path *from);
/* That is forgotten: the system chooses. */
void session_path_uncalled(struct session *s, struct path_row *row);
/* It has to answer for a while before it is taken again; why it is not now. */
void session_path_watch(struct path_row *row, enum path_reason reason, us_t now);
/* All ways are looked at again. */
void session_paths_doubt(struct session *s, us_t now);
/* The keys are gone: nothing is known of any path any more. */
void session_paths_forget(struct session *s);
/* Checks that are due, and what follows from those that are lost; when to be called next. */
us_t session_paths_run(struct session *s, us_t now);
/* A record under these keys was opened: is too much missing of those before? */
void session_span_heard(struct session *s, const struct keys *k, us_t now);
/* Found to be bad, and not used for a while if there is another. */
void session_path_bad(struct path_row *row, enum path_reason reason, us_t now);
/* Was so much lost by this way a short time ago, of what either end sent? */
bool session_path_is_lossy(const struct path_row *row, us_t now);
/* Does it lead over a stream, to the peer or to its relay?  A dead way leads nowhere. */
bool session_path_is_by_stream(const struct session *s, const struct path_row *row, us_t now);
/* It loses, and a stream, which there is, may be better. */
bool session_path_is_throttled(const struct session *s, const struct path_row *row, us_t now);
/* Is there a stream besides this way, or could one be opened? */
bool session_knows_stream(const struct session *s, const struct path_row *used, us_t now);
/* Something was sent that the peer answers: if it does not, something is wrong. */
void session_answer_expected(struct session *s, us_t now);
/* Has a machine's packet passed within so long? */
bool session_had_traffic(const struct session *s, us_t time, us_t now);
/* Within the last minute? */
bool session_is_busy(const struct session *s, us_t now);
/* Longest time without a check of the way in use. */
us_t session_keepalive(const struct session *s, us_t now);
/* After such a pause the NATs on the way have given us the same address as before, or another: then it was too long. */
void session_keepalive_seen(struct session *s, us_t pause, bool is_same, us_t now);
/* The underlay is another: what was found out about its NATs is forgotten. */
void session_keepalive_reset(struct session *s);
/* When the way in use has to be checked because nothing comes back; never without a choice. */
us_t session_doubt_at(struct session *s);
void session_check_heard(struct session *s, const struct session_content *c, size_t record_size,
			 const struct path *from, us_t now);
void session_check_ack_heard(struct session *s, const struct session_content *c, us_t now);
/* The peer has got our check by this way from the address 'at': perhaps not ours, but that of a NAT. */
void session_seen_at(struct session *s, const struct path_row *row, struct endpoint at, us_t now);

/* Nobody has named this address, and nothing ever came back from it: only the sender of what was heard says that the peer
 * is there, and who that is nobody knows. */
bool session_path_is_strange(const struct path_row *row);
/* So many bytes (of UDP payload) came from there. */
void session_credit_give(struct path_row *row, size_t size);
/* May so many bytes be sent there?  They are then counted. */
bool session_credit_take(struct path_row *row, size_t size);
/* Must it be looked first whether the peer, which was heard from there, is there? */
bool session_trial_wants(struct session *s, const struct path_row *row, us_t now);
void session_trial_start(struct session *s, struct path_row *row, us_t now);
void session_trial_end(struct session *s);
/* A check that was sent there 'age' ago has come back. */
void session_trial_answered(struct session *s, struct path_row *row, us_t age, us_t now);
void session_trial_lost(struct session *s, const struct path_row *row);

/* Own candidates, or the path, have changed: the peer is told if that is of use to it. */
void session_tell_want(struct session *s, us_t now);
void session_tell_run(struct session *s, us_t now);
void session_candidates_heard(struct session *s, const struct session_content *c, us_t now);

#endif
