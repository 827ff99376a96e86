/* What the parts of the tunnel share.  Nobody else includes this. */
#ifndef VR_TUNNEL_PRIV_H
#define VR_TUNNEL_PRIV_H

#include "vr/openers.h"
#include "vr/roster.h"
#include "vr/stream.h"
#include "vr/train.h"
#include "vr/tunnel.h"

/* Datagrams relayed to one peer, where they stand in the receive buffer, behind each other. */
struct relay_train {
	uint32_t slot;
	uint8_t *data; /* NULL: none */
	size_t size, segment;
	unsigned count;
	bool closed; /* a shorter one ended it */
	bool urgent; /* they came so */
};

struct tunnel {
	const struct tunnel_ops *ops;
	void *ctx;
	struct log *log;
	struct crypto_engine *engine; /* NULL: OpenSSL */
	struct udp *udp;
	struct udp *urgent;      /* NULL: 'udp' has all */
	struct openers *openers; /* NULL: none */
	struct streams *streams;
	struct roster *roster;
	struct train train;
	size_t front;     /* bytes in front of each record in the train, for a relay */
	uint32_t relay;   /* its slot */
	uint8_t leg_kind; /* how the train leaves: a path to 'train.to' */
	uint32_t leg_via;
	struct addr leg_local;
	struct relay_train relayed;
	bool hears_urgent;     /* what is being read came so */
	uint32_t heard_stream; /* the one that is being read */
	struct path heard_path;
	uint64_t relayed_datagrams, relayed_bytes;
	struct paths_candidate
		known[PATHS_CANDIDATES_MAX]; /* configured ones, then own addresses */
	size_t known_count, configured_count;
	uint16_t port; /* of the socket */
	struct log_gate gate;
};

extern const struct streams_ops tunnel_streams_ops;

/* Sends 'size' bytes as datagrams of 'segment' bytes to a UDP endpoint or by a stream.  As udp_send(), or
 * streams_send(). */
int tunnel_leg_send(struct tunnel *t, const struct path *leg, enum streams_class class,
		    const uint8_t *data, size_t size, size_t segment, us_t now, unsigned *sent);
/* Copies of datagrams that went to this peer, without 'front' bytes in front of each, to where it may be by now. */
void tunnel_copy(struct tunnel *t, uint32_t slot, enum streams_class class, const uint8_t *data,
		 size_t size, size_t segment, size_t front);

#endif
