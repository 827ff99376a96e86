/* The socket and the sessions put together: trains out, trains in. */
#include "vr/tunnel.h"

#include <errno.h>

#include "base/fmt.h"
#include "vr/loop.h"
#include "vr/offload.h"
#include "vr/roster.h"
#include "vr/train.h"

#define MODULE "tunnel"
/* Rounds of udp_receive() per wake-up, so that the other sources get their turn. */
#define ROUNDS_MAX 4

struct tunnel {
	const struct tunnel_ops *ops;
	void *ctx;
	struct log *log;
	struct udp *udp;
	struct roster *roster;
	struct train train;
	struct log_gate gate;
};

static int
on_random(void *ctx, void *bytes, size_t size)
{
	(void)ctx;
	return crypto_random(bytes, size);
}

static uint64_t
on_wall(void *ctx)
{
	(void)ctx;
	return loop_wall_ns();
}

static int
on_send(void *ctx, const struct endpoint *to, const uint8_t *data, size_t size)
{
	struct tunnel *t = ctx;
	unsigned sent;

	return udp_send(t->udp, to, data, size, size, &sent);
}

static void
on_session(void *ctx, uint32_t slot, bool up, us_t now)
{
	struct tunnel *t = ctx;

	if (log_wants(t->log, LOG_INFO) && log_gate_open(&t->gate, now))
		log_line(t->log, LOG_INFO, MODULE, "session with peer %u at %s is %s", slot,
			 fmt_endpoint(*session_endpoint(roster_at(t->roster, slot))).s,
			 up ? "up" : "gone");
	t->ops->session(t->ctx, slot, up, now);
}

static void
on_mtu(void *ctx, uint32_t slot, uint16_t inner_mtu, us_t now)
{
	struct tunnel *t = ctx;

	t->ops->mtu(t->ctx, slot, inner_mtu, now);
}

static void
on_persist(void *ctx)
{
	struct tunnel *t = ctx;

	t->ops->persist(t->ctx);
}

static const struct roster_ops roster_ops = {
	.random = on_random,
	.wall = on_wall,
	.send = on_send,
	.session = on_session,
	.mtu = on_mtu,
	.persist = on_persist,
};

int
tunnel_create(const struct tunnel_conf *conf, const struct tunnel_ops *ops, void *ctx,
	      struct log *log, struct tunnel **out)
{
	struct udp_conf udp_conf = {
		.listen = conf->listen,
		.segment = conf->udp_segment,
		.gro = conf->udp_gro,
		/* A peer may have a larger maximum than we: its probes have to arrive. */
		.datagram_max =
			conf->mtu_max > TUNNEL_DATAGRAM_MIN ? conf->mtu_max : TUNNEL_DATAGRAM_MIN,
	};
	struct roster_conf roster_conf = {
		.cipher = conf->cipher,
		.rekey_time = conf->rekey_time,
		.rekey_records = conf->rekey_records,
		.silence = conf->silence,
		.mtu_max = conf->mtu_max,
		.clock_floor = conf->clock_floor,
	};
	struct tunnel *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return -ENOMEM;
	t->ops = ops;
	t->ctx = ctx;
	t->log = log;
	rc = udp_create(&udp_conf, log, &t->udp);
	if (rc == 0) {
		memcpy(roster_conf.private_key, conf->private_key, CRYPTO_KEY_SIZE);
		rc = roster_create(&roster_conf, &roster_ops, t, &t->roster);
		crypto_wipe(roster_conf.private_key, CRYPTO_KEY_SIZE);
	}
	if (rc != 0)
		tunnel_destroy(t);
	else
		*out = t;
	return rc;
}

void
tunnel_destroy(struct tunnel *t)
{
	if (t == NULL)
		return;
	roster_destroy(t->roster);
	udp_destroy(t->udp);
	free(t);
}

int
tunnel_peer_add(struct tunnel *t, const struct tunnel_peer_conf *peer, us_t now)
{
	int rc = roster_put(t->roster, peer->slot, peer->public_key, peer->heard_floor);
	struct session *s;

	if (rc != 0)
		return rc;
	s = roster_at(t->roster, peer->slot);
	session_endpoints(s, peer->endpoints, peer->endpoint_count, now);
	roster_touch(t->roster, s);
	return 0;
}

void
tunnel_peer_endpoints(struct tunnel *t, uint32_t slot, const struct endpoint *endpoints,
		      size_t count)
{
	struct session *s = roster_at(t->roster, slot);

	if (s == NULL)
		return;
	/* Due since ever: the next tunnel_run() calls there. */
	session_endpoints(s, endpoints, count, 0);
	roster_touch(t->roster, s);
}

void
tunnel_peer_remove(struct tunnel *t, uint32_t slot)
{
	if (t->train.tag == slot)
		tunnel_flush(t);
	roster_remove(t->roster, slot);
}

void
tunnel_set_silence(struct tunnel *t, us_t silence)
{
	roster_set_silence(t->roster, silence);
}

void
tunnel_underlay_changed(struct tunnel *t, const struct addr *own, size_t count, us_t now)
{
	(void)own;
	(void)count;
	roster_underlay_changed(t->roster, now);
}

int
tunnel_fd(const struct tunnel *t)
{
	return udp_fd(t->udp);
}

static void
content_deliver(struct tunnel *t, uint32_t slot, const struct session_content *c, us_t now)
{
	struct frame f = {
		.data = c->body,
		.size = c->size,
		.csum_partial = (c->inner.flags & SEAL_FLAG_CSUM_PARTIAL) != 0,
	};

	if (c->inner.kind == SEAL_DATA)
		t->ops->data(t->ctx, slot, &c->inner, &f, now);
	else
		t->ops->sync(t->ctx, slot, c->body, c->size, now);
}

static void
train_heard(struct tunnel *t, const struct udp_train *train, us_t now)
{
	struct session_content content;
	size_t size;
	uint32_t slot;

	if (train->truncated) {
		roster_count_drop(t->roster, ROSTER_DROP_TRUNCATED, 1);
		return;
	}
	for (size_t at = 0; at < train->size; at += size) {
		size = train->size - at < train->segment ? train->size - at : train->segment;
		if (roster_heard(t->roster, train->data + at, size, &train->from, now, &content,
				 &slot))
			content_deliver(t, slot, &content, now);
	}
}

void
tunnel_readable(struct tunnel *t, us_t now)
{
	struct udp_train trains[UDP_TRAINS];
	bool more = true;

	for (unsigned round = 0; round < ROUNDS_MAX && more; round++) {
		size_t count = udp_receive(t->udp, trains, &more);

		for (size_t i = 0; i < count; i++)
			train_heard(t, &trains[i], now);
		t->ops->batch_end(t->ctx, now);
	}
	(void)roster_run(t->roster, now);
}

us_t
tunnel_run(struct tunnel *t, us_t now)
{
	return roster_run(t->roster, now);
}

void
tunnel_flush(struct tunnel *t)
{
	struct train *train = &t->train;
	unsigned count, sent;
	int rc;

	if (train->count == 0)
		return;
	rc = udp_send(t->udp, &train->to, train->data, train->used, train->segment, &sent);
	/* Empty before anyone is told: what is called from here may send. */
	count = train->count;
	train_reset(train);
	if (rc != 0) {
		struct session *s = roster_at(t->roster, train->tag);

		roster_count_drop(t->roster, ROSTER_DROP_SEND, count - sent);
		if (rc == -EMSGSIZE && s != NULL) {
			session_refused(s, train->segment, train->now);
			roster_touch(t->roster, s);
		}
	}
}

/* Room for one more record of this size to the peer, in the train that waits or in a new one. */
static uint8_t *
record_room(struct tunnel *t, uint32_t slot, const struct endpoint *to, size_t size)
{
	if (!train_takes(&t->train, slot, to, UDP_UNMARKED, size))
		tunnel_flush(t);
	return train_room(&t->train, slot, to, UDP_UNMARKED, size);
}

static int
packet_send(struct tunnel *t, struct session *s, uint32_t slot, const struct seal_inner *inner,
	    const struct frame *f, us_t now)
{
	size_t size = f->size + SEAL_OVERHEAD;
	uint8_t *record = record_room(t, slot, session_endpoint(s), size);
	int rc = session_seal(s, inner, record, 0, f->data, f->size, now);

	if (rc == 0)
		train_add(&t->train, size, now);
	return rc;
}

static int
super_frame_send(struct tunnel *t, struct session *s, uint32_t slot, const struct seal_inner *inner,
		 const struct offload_cut *cut, us_t now)
{
	const struct endpoint *to = session_endpoint(s);

	for (uint32_t i = 0; i < cut->count; i++) {
		uint32_t left = cut->payload - i * cut->segment;
		size_t size = SEAL_OVERHEAD + cut->header_size +
			      (left < cut->segment ? left : cut->segment);
		uint8_t *record = record_room(t, slot, to, size);
		const uint8_t *payload;
		uint32_t payload_size;
		int rc;

		/* The header is made where it will be sealed; the payload is sealed out of the
		 * super-frame. */
		offload_cut_get(cut, i, record + SEAL_OUTER_SIZE + SEAL_INNER_SIZE, &payload,
				&payload_size);
		rc = session_seal(s, inner, record, cut->header_size, payload, payload_size, now);
		if (rc != 0)
			return rc;
		train_add(&t->train, size, now);
	}
	return 0;
}

int
tunnel_send(struct tunnel *t, uint32_t slot, const struct seal_inner *inner, struct frame *f,
	    us_t now)
{
	struct session *s = roster_at(t->roster, slot);
	struct seal_inner marked = *inner;
	struct offload_cut cut;
	uint16_t mtu;
	int rc;

	if (s == NULL || !session_is_up(s))
		return -ENOTCONN;
	mtu = session_inner_mtu(s);
	marked.kind = SEAL_DATA;
	if (f->csum_partial)
		marked.flags |= SEAL_FLAG_CSUM_PARTIAL;
	if (f->gso == FRAME_GSO_NONE) {
		rc = f->size <= mtu ? packet_send(t, s, slot, &marked, f, now) : -EMSGSIZE;
	} else {
		rc = offload_cut_init(&cut, f, f->gso_size);
		if (rc == 0 &&
		    cut.header_size + (cut.payload < cut.segment ? cut.payload : cut.segment) > mtu)
			rc = -EMSGSIZE;
		if (rc == 0)
			rc = super_frame_send(t, s, slot, &marked, &cut, now);
	}
	roster_touch(t->roster, s);
	return rc;
}

int
tunnel_send_sync(struct tunnel *t, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct session *s = roster_at(t->roster, slot);
	uint8_t record[SEAL_OVERHEAD + TUNNEL_SYNC_MAX];
	unsigned sent;
	int rc;

	if (s == NULL || !session_is_up(s))
		return -ENOTCONN;
	if (size > TUNNEL_SYNC_MAX)
		return -EMSGSIZE;
	rc = session_seal(s, &(struct seal_inner){.kind = SEAL_SYNC}, record, 0, msg, size, now);
	if (rc != 0)
		return rc;
	size += SEAL_OVERHEAD;
	if (size - SEAL_OVERHEAD <= session_inner_mtu(s))
		rc = udp_send(t->udp, session_endpoint(s), record, size, size, &sent);
	else
		/* A path below 1280 bytes. */
		rc = udp_send_breakable(t->udp, session_endpoint(s), record, size);
	if (rc != 0)
		/* As if lost on the way: the layer above repeats what matters. */
		roster_count_drop(t->roster, ROSTER_DROP_SEND, 1);
	roster_touch(t->roster, s);
	return 0;
}

uint64_t
tunnel_clock(const struct tunnel *t)
{
	return roster_clock(t->roster);
}

uint64_t
tunnel_heard(const struct tunnel *t, uint32_t slot)
{
	const struct session *s = roster_at(t->roster, slot);

	return s != NULL ? session_heard_stamp(s) : 0;
}

bool
tunnel_peer_stats(const struct tunnel *t, uint32_t slot, us_t now, struct tunnel_peer_stats *out)
{
	const struct session *s = roster_at(t->roster, slot);
	struct session_stats stats;

	if (s == NULL)
		return false;
	session_stats(s, now, &stats);
	*out = (struct tunnel_peer_stats){
		.endpoint = *session_endpoint(s),
		.up = session_is_up(s),
		.cipher = stats.cipher,
		.session_age = stats.age,
		.inner_mtu = session_inner_mtu(s),
		.handshakes = stats.handshakes,
		.rekeys = stats.rekeys,
		.roams = stats.roams,
		.tx_records = stats.tx_records,
		.tx_bytes = stats.tx_bytes,
		.rx_records = stats.rx_records,
		.rx_bytes = stats.rx_bytes,
	};
	return true;
}

const char *
tunnel_drop_name(unsigned reason)
{
	return roster_drop_name(reason);
}

const char *
tunnel_drop_text(unsigned reason)
{
	return roster_drop_text(reason);
}

uint64_t
tunnel_drop_count(const struct tunnel *t, unsigned reason)
{
	struct udp_stats stats = {0};

	if (reason >= ROSTER_DROP_COUNT)
		return 0;
	if (reason == ROSTER_DROP_KERNEL)
		udp_stats(t->udp, &stats);
	return roster_drop_count(t->roster, reason) + stats.drop_kernel;
}

void
tunnel_stats(const struct tunnel *t, struct tunnel_stats *out)
{
	struct udp_stats stats;

	udp_stats(t->udp, &stats);
	*out = (struct tunnel_stats){.tx_calls = stats.tx_calls,
				     .tx_datagrams = stats.tx_datagrams,
				     .rx_trains = stats.rx_trains,
				     .rx_datagrams = stats.rx_datagrams};
}

bool
tunnel_has_segment(const struct tunnel *t)
{
	return udp_has_segment(t->udp);
}

bool
tunnel_has_gro(const struct tunnel *t)
{
	return udp_has_gro(t->udp);
}
