/* The keys that one handshake gave: both directions, counters, replay window. */
#ifndef VR_KEYS_H
#define VR_KEYS_H

#include "base/err.h"
#include "base/types.h"
#include "vr/crypto.h"
#include "vr/noise.h"
#include "vr/opener.h"
#include "vr/path.h"
#include "vr/replay.h"
#include "vr/sealer.h"
#include "wire/seal.h"

struct keys {
	bool used;
	bool initiator;        /* we started this handshake */
	bool heard;            /* a record under these keys was opened: the peer has them too */
	uint32_t index;        /* ours: in records to us */
	struct path init_from; /* where the peer's INIT came from, when it started */
	uint64_t generation;   /* grows with every handshake of the session */
	uint64_t opened;       /* records of the peer's */
	us_t created;
	us_t heard_at; /* last record opened; 'created' before that */
	enum crypto_cipher cipher;
	struct sealer *seal; /* with the peer's index and the counter of the next record */
	struct opener *open;
	struct replay replay;
};

/* Takes the keys out of a finished handshake.  'engine' (NULL: none) must outlive them; 'hands': threads that will seal or open.
 * 0 or -ENOMEM (nothing is kept). */
MUST_USE int keys_init(struct keys *k, const struct noise *n, const struct crypto_engine *engine,
		       unsigned hands, bool initiator, uint32_t index, uint32_t remote, us_t now);
/* Wipes; also fit for unused keys. */
void keys_fini(struct keys *k);

/* Seals one record into 'out': header, the inner header, 'head_size' bytes that stand behind it
 * already, and 'body' behind those.  Writes SEAL_OVERHEAD + head_size + body_size bytes.  0,
 * -EIO, -EOVERFLOW (the counter is used up). */
MUST_USE int keys_seal(struct keys *k, const struct seal_inner *inner, uint8_t *out,
		       size_t head_size, const uint8_t *body, size_t body_size);
/* Opens a record in place: its plaintext starts at data + SEAL_OUTER_SIZE.  'opened': what was found of it before.  '*newest': the
 * counter advanced.  0, -EALREADY (replayed or too old), -EBADMSG, -ENOENT (it was opened by keys
 * that are gone). */
MUST_USE int keys_open(struct keys *k, uint64_t counter, uint8_t *data, size_t size,
		       struct opened opened, bool *newest);
/* Writes the SEAL_RELAY_SIZE bytes in front of each of 'count' relayed datagrams that begin
 * 'stride' bytes apart.  'type': SEAL_RELAY or SEAL_RELAYED; 'id': of all of them.  As
 * keys_seal(), by the control thread; after an error none may be sent. */
MUST_USE int keys_relay_seal(struct keys *k, enum seal_type type, struct vr_id id, uint8_t *out,
			     size_t stride, size_t count);

/* One relayed datagram. */
struct keys_relayed {
	uint64_t counter; /* of its header */
	int rc;           /* of opening that: 0, -EALREADY (replayed or too old), -EBADMSG */
	struct vr_id id;  /* 0: whom it is for or from */
};

/* Opens in place what stands in front of 'count' datagrams, whose counters are in 'rows', in the
 * order in which they came, and fills the rest of 'rows'.  '*newest': the counter advanced.  How
 * many are authentic and fresh. */
size_t keys_relay_open(struct keys *k, uint8_t *data, size_t stride, struct keys_relayed *rows,
		       size_t count, bool *newest);

#endif
