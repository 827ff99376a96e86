/* The keys that one handshake gave: both directions, counters, replay window. */
#ifndef VR_KEYS_H
#define VR_KEYS_H

#include "base/err.h"
#include "base/types.h"
#include "vr/crypto.h"
#include "vr/noise.h"
#include "vr/path.h"
#include "vr/replay.h"
#include "wire/seal.h"

struct keys {
	bool used;
	bool initiator;        /* we started this handshake */
	bool heard;            /* a record under these keys was opened: the peer has them too */
	uint32_t index;        /* ours: in records to us */
	uint32_t remote;       /* the peer's: in records to it */
	struct path init_from; /* where the peer's INIT came from, when it started */
	uint64_t generation;   /* grows with every handshake of the session */
	uint64_t counter;      /* of the next record we seal */
	uint64_t opened;       /* records of the peer's */
	us_t created;
	us_t heard_at; /* last record opened; 'created' before that */
	enum crypto_cipher cipher;
	struct crypto_aead *seal, *open;
	struct replay replay;
};

/* Takes the keys out of a finished handshake.  'engine' (NULL: none) must outlive them.  0 or -ENOMEM (nothing is kept). */
MUST_USE int keys_init(struct keys *k, const struct noise *n, const struct crypto_engine *engine,
		       bool initiator, uint32_t index, uint32_t remote, us_t now);
/* Wipes; also fit for unused keys. */
void keys_fini(struct keys *k);

/* Seals one record into 'out': header, the inner header, 'head_size' bytes that stand behind it
 * already, and 'body' behind those.  Writes SEAL_OVERHEAD + head_size + body_size bytes.  0,
 * -EIO, -EOVERFLOW (the counter is used up). */
MUST_USE int keys_seal(struct keys *k, const struct seal_inner *inner, uint8_t *out,
		       size_t head_size, const uint8_t *body, size_t body_size);
/* Opens a record in place: its plaintext starts at data + SEAL_OUTER_SIZE.  '*newest': the
 * counter advanced.  0, -EALREADY (replayed or too old), -EBADMSG. */
MUST_USE int keys_open(struct keys *k, uint64_t counter, uint8_t *data, size_t size, bool *newest);
/* Writes the SEAL_RELAY_SIZE bytes in front of a relayed datagram.  'type': SEAL_RELAY or SEAL_RELAYED.
 * As keys_seal(). */
MUST_USE int keys_relay_seal(struct keys *k, enum seal_type type, struct vr_id id, uint8_t *out);
/* Opens them in place.  As keys_open(). */
MUST_USE int keys_relay_open(struct keys *k, uint64_t counter, uint8_t *data, struct vr_id *id,
			     bool *newest);

#endif
