/* The sessions of one router with all its peers: who is who, by slot, by public key, by id and by the
 * index in a record; which of them relay, and what this one relays for them; where it may itself be
 * reached; and what is refused at the door, by reason.  No socket, no clock. */
#ifndef VR_ROSTER_H
#define VR_ROSTER_H

#include "base/err.h"
#include "base/types.h"
#include "vr/session.h"

struct roster;

/* name, meaning; names are stable */
#define ROSTER_DROPS(X)                                                                            \
	X(MALFORMED, "malformed", "short, of another version or of an unknown type")               \
	X(MAC1, "mac1", "a handshake message not made for this router's key")                      \
	X(LOAD, "load", "too many handshakes: told a cookie, or nothing")                          \
	X(HANDSHAKE, "handshake", "a handshake message that is not authentic")                     \
	X(UNKNOWN_PEER, "unknown-peer", "authentic, but of a router that is no peer")              \
	X(STALE, "stale", "a handshake message repeated or older than the last")                   \
	X(UNASKED, "unasked", "an answer that nobody waits for")                                   \
	X(NO_INDEX, "no-index", "a record of a session that is not there")                         \
	X(REPLAYED, "replayed", "a record that came before or is too old")                         \
	X(FORGED, "forged", "a record that is not authentic")                                      \
	X(INNER, "inner", "an authentic record of an unknown kind")                                \
	X(RELAY_OFF, "relay-off", "to be relayed, but this router does not relay")                 \
	X(RELAY_UNKNOWN, "relay-unknown",                                                          \
	  "to be relayed to a router that is no peer or not there")                                \
	X(RELAY_LIMIT, "relay-limit", "to be relayed, beyond the limit of its sender")             \
	X(RELAY_REFUSED, "relay-refused", "relayed by a peer that does not relay for this router") \
	X(CHECK_LIMIT, "check-limit", "checks that a peer makes for, more than are needed")        \
	X(RESOURCE, "resource", "memory or randomness was short")                                  \
	X(TRUNCATED, "truncated", "a datagram larger than the receive buffer")                     \
	X(SEND, "send", "a datagram that the kernel did not take")                                 \
	X(KERNEL, "kernel", "a datagram that the kernel dropped before it was read")

enum roster_drop {
#define X(id, name, text) ROSTER_DROP_##id,
	ROSTER_DROPS(X)
#undef X
		ROSTER_DROP_COUNT
};

struct roster_conf {
	uint8_t private_key[CRYPTO_KEY_SIZE];
	enum crypto_cipher cipher;
	const struct crypto_engine
		*engine; /* for AES-GCM; NULL: OpenSSL.  Must outlive the roster */
	us_t rekey_time;
	uint64_t rekey_records;
	us_t silence;
	us_t keepalive;
	uint16_t mtu_max;
	unsigned workers; /* threads that seal beside the one that calls */
	uint64_t clock_floor;
	bool relay;           /* relays for its peers */
	uint64_t relay_rate;  /* bytes a second for each sender; 0: no limit */
	uint32_t relay_pairs; /* receivers of each sender within a minute; 0: no limit */
};

struct roster_ops {
	/* 0 or -EIO. */
	int (*random)(void *ctx, void *bytes, size_t size);
	/* Nanoseconds of the wall clock; may stand still or go back. */
	uint64_t (*wall)(void *ctx);
	/* As in struct session_ops; to UDP endpoints and streams only. */
	int (*send)(void *ctx, const struct path *to, const uint8_t *data, size_t size, us_t now);
	/* As in struct session_ops; 'slot': of whom. */
	void (*authentic)(void *ctx, uint32_t slot, const struct path *from);
	void (*stuck)(void *ctx, const struct path *stream);
	bool (*reaches)(void *ctx, const struct endpoint *to);
	struct addr (*source)(void *ctx, const struct endpoint *to);
	/* session_path() of this slot is another. */
	void (*moved)(void *ctx, uint32_t slot, us_t now);
	void (*session)(void *ctx, uint32_t slot, bool up, us_t now);
	void (*mtu)(void *ctx, uint32_t slot, uint16_t inner_mtu, us_t now);
	void (*persist)(void *ctx);
};

/* 0 and '*out', -ENOMEM, -EIO.  'ops' must outlive it. */
MUST_USE int roster_create(const struct roster_conf *conf, const struct roster_ops *ops, void *ctx,
			   struct roster **out);
void roster_destroy(struct roster *r);

/* 0, -EEXIST (slot or key in use), -EINVAL (slot out of range), -ENOMEM. */
MUST_USE int roster_put(struct roster *r, uint32_t slot, const uint8_t public_key[CRYPTO_KEY_SIZE],
			uint64_t heard_floor);
void roster_remove(struct roster *r, uint32_t slot, us_t now);
/* This peer relays for us, or does not (any more). */
void roster_set_relay(struct roster *r, uint32_t slot, bool relays, us_t now);
/* As in the conf, from now on. */
void roster_set_relaying(struct roster *r, bool relay, uint64_t rate);
void roster_set_relay_pairs(struct roster *r, uint32_t pairs);
/* Where this router may be reached as far as it knows itself: its own addresses, and what is
 * configured.  What its relays see is added.  Told to peers that are not reached directly. */
void roster_own(struct roster *r, const struct paths_candidate *rows, size_t count, us_t now);
/* As in the conf, from now on. */
void roster_set_silence(struct roster *r, us_t silence);
/* NULL when the slot is empty. */
struct session *roster_at(const struct roster *r, uint32_t slot);

/* Does what is due in all sessions; returns when to be called next. */
us_t roster_run(struct roster *r, us_t now);
/* After a call into a session from outside: it may have something to do earlier. */
void roster_touch(struct roster *r, const struct session *s);
us_t roster_due(const struct roster *r);

/* What becomes of a datagram: it is dealt with or counted; or it was a record with something for
 * the layers above (DATA or SYNC); or it is to be relayed. */
enum roster_fate { ROSTER_DONE = 0, ROSTER_CONTENT, ROSTER_FORWARD };

/* Takes in one datagram, whoever sent it.  CONTENT: '*out' and '*slot' are filled, the content stands in
 * 'data'.  FORWARD: 'data' is as it has to leave for the peer in '*slot', to the UDP endpoint or
 * the
 * stream that session_path() of that peer names. */
enum roster_fate roster_heard(struct roster *r, uint8_t *data, size_t size, const struct path *from,
			      us_t now, struct session_content *out, uint32_t *slot);

/* Told of each datagram that does not end in the roster: its fate is CONTENT, with 'content', or FORWARD.  May send, not put
 * or remove peers. */
typedef void roster_heard_fn(void *ctx, enum roster_fate fate, uint32_t slot, uint8_t *data,
			     size_t size, const struct session_content *content, us_t now);
/* What was found of the datagrams of a train before: enum opener_finding of the first 'count', with these keys. */
struct roster_found {
	const struct opener *by;
	const uint8_t *findings;
	size_t count;
};
/* Takes in a train: 'whole' bytes of one sender's datagrams of 'segment' bytes each, but the last.  As roster_heard() for one
 * after the other, and cheaper where they are relayed.  'found': NULL, nothing. */
void roster_train_heard(struct roster *r, uint8_t *data, size_t whole, size_t segment,
			const struct roster_found *found, const struct path *from, us_t now,
			roster_heard_fn *heard, void *ctx);
/* What opens a train that begins with this datagram, and the receiver index that it is for; NULL: it begins with something else than a
 * record that may be new.  As session_opener(). */
struct opener *roster_opener(struct roster *r, const uint8_t *data, size_t size, uint32_t *index);

/* How a session's records leave: '*leg' is a UDP endpoint or a stream, and with a relay 'relay' is its
 * slot.  False: not at all. */
struct roster_way {
	struct path leg;
	bool relayed; /* SEAL_RELAY_SIZE bytes stand in front of each, from roster_relay_seal() */
	uint32_t relay;
};
bool roster_way(const struct roster *r, const struct session *s, struct roster_way *way);
/* What stands in front of 'count' datagrams, 'stride' bytes apart, that the relay shall hand to the peer in
 * 'slot'.  0, -ENOTCONN (none may be sent). */
MUST_USE int roster_relay_seal(struct roster *r, uint32_t relay, uint32_t slot, uint8_t *out,
			       size_t stride, size_t count, us_t now);
/* This stream has ended: who was reached by it goes another way. */
void roster_path_closed(struct roster *r, const struct path *path, us_t now);
/* Own addresses have changed. */
void roster_underlay_changed(struct roster *r, us_t now);

/* Another number than before: what session_link() said of some session may not be true any more. */
uint64_t roster_changes(const struct roster *r);
/* The last handshake timestamp given out. */
uint64_t roster_clock(const struct roster *r);
void roster_count_drop(struct roster *r, enum roster_drop reason, uint64_t count);
uint64_t roster_drop_count(const struct roster *r, enum roster_drop reason);
/* NULL behind the last. */
const char *roster_drop_name(unsigned reason);
const char *roster_drop_text(unsigned reason);

#endif
