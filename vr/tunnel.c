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

/* Datagrams relayed to one peer, where they stand in the receive buffer, behind each other. */
struct relay_train {
	uint32_t slot;
	uint8_t *data; /* NULL: none */
	size_t size, segment;
	unsigned count;
	bool closed; /* a shorter one ended it */
};

struct tunnel {
	const struct tunnel_ops *ops;
	void *ctx;
	struct log *log;
	struct udp *udp;
	struct roster *roster;
	struct train train;
	size_t front;     /* bytes in front of each record in the train, for a relay */
	uint8_t leg_kind; /* how the train leaves: a path to 'train.to' */
	uint32_t leg_via;
	struct relay_train relayed;
	uint64_t relayed_datagrams, relayed_bytes;
	struct paths_candidate
		known[PATHS_CANDIDATES_MAX]; /* configured ones, then own addresses */
	size_t known_count, configured_count;
	uint16_t port; /* of the socket */
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

/* 'size' bytes as datagrams of 'segment' bytes. */
static int
leg_send(struct tunnel *t, const struct path *leg, const uint8_t *data, size_t size, size_t segment,
	 unsigned *sent)
{
	*sent = 0;
	if (leg->kind == PATH_UDP)
		return udp_send(t->udp, &leg->to, data, size, segment, sent);
	return -ENOTCONN;
}

static int
on_send(void *ctx, const struct path *to, const uint8_t *data, size_t size)
{
	unsigned sent;

	return leg_send(ctx, to, data, size, size, &sent);
}

/* "192.0.2.1:51341", or by whom. */
static struct fmt
path_text(const struct path *path)
{
	struct fmt text = fmt_endpoint(path->to);

	if (path->kind == PATH_RELAY)
		snprintf(text.s, sizeof(text.s), "relay (peer %u)", path->via);
	return text;
}

static void
on_session(void *ctx, uint32_t slot, bool up, us_t now)
{
	struct tunnel *t = ctx;

	if (log_wants(t->log, LOG_INFO) && log_gate_open(&t->gate, now))
		log_line(t->log, LOG_INFO, MODULE, "session with peer %u by %s is %s", slot,
			 path_text(session_path(roster_at(t->roster, slot))).s, up ? "up" : "gone");
	t->ops->session(t->ctx, slot, up, now);
}

static void
on_moved(void *ctx, uint32_t slot, us_t now)
{
	struct session *s;
	struct session_stats stats;
	struct tunnel *t = ctx;

	s = roster_at(t->roster, slot);
	if (!session_is_up(s) || !log_wants(t->log, LOG_INFO) || !log_gate_open(&t->gate, now))
		return;
	session_stats(s, now, &stats);
	log_line(t->log, LOG_INFO, MODULE, "peer %u: records go by %s: %s", slot,
		 path_text(session_path(s)).s, stats.reason);
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
	.moved = on_moved,
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
		.keepalive = conf->keepalive,
		.relay = conf->relay,
		.relay_rate = conf->relay_rate,
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
	if (rc == 0)
		rc = udp_port(t->udp, &t->port);
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
	roster_set_relay(t->roster, peer->slot, peer->relays, now);
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
tunnel_peer_relays(struct tunnel *t, uint32_t slot, bool relays, us_t now)
{
	if (roster_at(t->roster, slot) != NULL)
		roster_set_relay(t->roster, slot, relays, now);
}

void
tunnel_peer_remove(struct tunnel *t, uint32_t slot, us_t now)
{
	tunnel_flush(t);
	roster_remove(t->roster, slot, now);
}

void
tunnel_set_relaying(struct tunnel *t, bool relay, uint64_t rate)
{
	roster_set_relaying(t->roster, relay, rate);
}

void
tunnel_set_candidates(struct tunnel *t, const struct endpoint *rows, size_t count, us_t now)
{
	size_t own = t->known_count - t->configured_count;
	struct paths_candidate kept[PATHS_CANDIDATES_MAX];

	memcpy(kept, t->known + t->configured_count, own * sizeof(*kept));
	if (count > TUNNEL_CANDIDATES_MAX)
		count = TUNNEL_CANDIDATES_MAX;
	for (size_t i = 0; i < count; i++)
		t->known[i] =
			(struct paths_candidate){.origin = CANDIDATE_CONFIGURED, .to = rows[i]};
	if (own > PATHS_CANDIDATES_MAX - count)
		own = PATHS_CANDIDATES_MAX - count;
	memcpy(t->known + count, kept, own * sizeof(*kept));
	t->configured_count = count;
	t->known_count = count + own;
	roster_own(t->roster, t->known, t->known_count, now);
}

void
tunnel_underlay_changed(struct tunnel *t, const struct addr *own, size_t count, us_t now)
{
	size_t known = t->configured_count;

	for (size_t i = 0; i < count && known < PATHS_CANDIDATES_MAX; i++)
		t->known[known++] = (struct paths_candidate){
			.origin = CANDIDATE_HOST, .to = {.addr = own[i], .port = t->port}};
	t->known_count = known;
	roster_own(t->roster, t->known, t->known_count, now);
	roster_underlay_changed(t->roster, now);
}

void
tunnel_set_silence(struct tunnel *t, us_t silence)
{
	roster_set_silence(t->roster, silence);
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

/* What was gathered for a peer leaves, out of the receive buffer. */
static void
relay_flush(struct tunnel *t)
{
	struct relay_train *r = &t->relayed;
	const struct session *s;
	unsigned sent = 0;

	if (r->data == NULL)
		return;
	s = roster_at(t->roster, r->slot);
	if (s == NULL || leg_send(t, session_path(s), r->data, r->size, r->segment, &sent) != 0)
		roster_count_drop(t->roster, ROSTER_DROP_SEND, r->count - sent);
	t->relayed_datagrams += sent;
	t->relayed_bytes += sent < r->count ? sent * r->segment : r->size;
	r->data = NULL;
}

static void
relay_add(struct tunnel *t, uint32_t slot, uint8_t *data, size_t size)
{
	struct relay_train *r = &t->relayed;

	if (r->data != NULL &&
	    (r->slot != slot || r->closed || r->data + r->size != data || size > r->segment))
		relay_flush(t);
	if (r->data == NULL)
		*r = (struct relay_train){.slot = slot, .data = data, .segment = size};
	r->size += size;
	r->count++;
	r->closed = size < r->segment;
}

static void
train_heard(struct tunnel *t, const struct udp_train *train, us_t now)
{
	const struct path from = path_udp(train->from);
	struct session_content content;
	size_t size;
	uint32_t slot;

	if (train->truncated) {
		roster_count_drop(t->roster, ROSTER_DROP_TRUNCATED, 1);
		return;
	}
	for (size_t at = 0; at < train->size; at += size) {
		enum roster_fate fate;

		size = train->size - at < train->segment ? train->size - at : train->segment;
		fate = roster_heard(t->roster, train->data + at, size, &from, now, &content, &slot);
		if (fate == ROSTER_CONTENT)
			content_deliver(t, slot, &content, now);
		else if (fate == ROSTER_FORWARD)
			relay_add(t, slot, train->data + at, size);
	}
	relay_flush(t);
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
	struct path leg = {.kind = t->leg_kind, .via = t->leg_via, .to = train->to};
	unsigned count, sent;
	int rc;

	if (train->count == 0)
		return;
	rc = leg_send(t, &leg, train->data, train->used, train->segment, &sent);
	/* Empty before anyone is told: what is called from here may send. */
	count = train->count;
	train_reset(train);
	if (rc != 0) {
		struct session *s = roster_at(t->roster, train->tag);

		roster_count_drop(t->roster, ROSTER_DROP_SEND, count - sent);
		if (rc == -EMSGSIZE && s != NULL) {
			session_refused(s, train->segment - t->front, train->now);
			roster_touch(t->roster, s);
		}
	}
}

/* Room for one more record of this size to the peer, in the train that waits or in a new one. */
static uint8_t *
record_room(struct tunnel *t, uint32_t slot, const struct roster_way *way, size_t size)
{
	size_t front = way->relayed ? SEAL_RELAY_SIZE : 0;

	size += front;
	if (t->train.count > 0 &&
	    (t->front != front || t->leg_kind != way->leg.kind || t->leg_via != way->leg.via ||
	     !train_takes(&t->train, slot, &way->leg.to, UDP_UNMARKED, size)))
		tunnel_flush(t);
	t->front = front;
	t->leg_kind = way->leg.kind;
	t->leg_via = way->leg.via;
	return train_room(&t->train, slot, &way->leg.to, UDP_UNMARKED, size) + front;
}

/* The record in the room that record_room() gave is sealed: it belongs to the train. */
static int
record_done(struct tunnel *t, uint32_t slot, const struct roster_way *way, uint8_t *record,
	    size_t size, us_t now)
{
	int rc = 0;

	if (way->relayed)
		rc = roster_relay_seal(t->roster, way->relay, slot, record - SEAL_RELAY_SIZE, now);
	if (rc == 0)
		train_add(&t->train, t->front + size, now);
	return rc;
}

static int
packet_send(struct tunnel *t, struct session *s, const struct roster_way *way,
	    const struct seal_inner *inner, const struct frame *f, us_t now)
{
	uint32_t slot = session_user(s);
	size_t size = f->size + SEAL_OVERHEAD;
	uint8_t *record = record_room(t, slot, way, size);
	int rc = session_seal(s, inner, record, 0, f->data, f->size, now);

	return rc == 0 ? record_done(t, slot, way, record, size, now) : rc;
}

static int
super_frame_send(struct tunnel *t, struct session *s, const struct roster_way *way,
		 const struct seal_inner *inner, const struct offload_cut *cut, us_t now)
{
	uint32_t slot = session_user(s);

	for (uint32_t i = 0; i < cut->count; i++) {
		uint32_t left = cut->payload - i * cut->segment;
		size_t size = SEAL_OVERHEAD + cut->header_size +
			      (left < cut->segment ? left : cut->segment);
		uint8_t *record = record_room(t, slot, way, size);
		const uint8_t *payload;
		uint32_t payload_size;
		int rc;

		/* The header is made where it will be sealed; the payload is sealed out of the
		 * super-frame. */
		offload_cut_get(cut, i, record + SEAL_OUTER_SIZE + SEAL_INNER_SIZE, &payload,
				&payload_size);
		rc = session_seal(s, inner, record, cut->header_size, payload, payload_size, now);
		if (rc == 0)
			rc = record_done(t, slot, way, record, size, now);
		if (rc != 0)
			return rc;
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
	struct roster_way way;
	uint16_t mtu;
	int rc;

	if (s == NULL || !session_is_up(s) || !roster_way(t->roster, s, &way))
		return -ENOTCONN;
	mtu = session_inner_mtu(s);
	marked.kind = SEAL_DATA;
	if (f->csum_partial)
		marked.flags |= SEAL_FLAG_CSUM_PARTIAL;
	if (f->gso == FRAME_GSO_NONE) {
		rc = f->size <= mtu ? packet_send(t, s, &way, &marked, f, now) : -EMSGSIZE;
	} else {
		rc = offload_cut_init(&cut, f, f->gso_size);
		if (rc == 0 &&
		    cut.header_size + (cut.payload < cut.segment ? cut.payload : cut.segment) > mtu)
			rc = -EMSGSIZE;
		if (rc == 0)
			rc = super_frame_send(t, s, &way, &marked, &cut, now);
	}
	roster_touch(t->roster, s);
	return rc;
}

int
tunnel_send_sync(struct tunnel *t, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct session *s = roster_at(t->roster, slot);
	uint8_t datagram[SEAL_RELAY_SIZE + SEAL_OVERHEAD + TUNNEL_SYNC_MAX];
	uint8_t *record = datagram + SEAL_RELAY_SIZE, *start = record;
	size_t whole = SEAL_OVERHEAD + size;
	struct roster_way way;
	unsigned sent;
	int rc;

	if (s == NULL || !session_is_up(s) || !roster_way(t->roster, s, &way))
		return -ENOTCONN;
	if (size > TUNNEL_SYNC_MAX)
		return -EMSGSIZE;
	rc = session_seal(s, &(struct seal_inner){.kind = SEAL_SYNC}, record, 0, msg, size, now);
	if (rc == 0 && way.relayed) {
		start = datagram;
		whole += SEAL_RELAY_SIZE;
		rc = roster_relay_seal(t->roster, way.relay, slot, start, now);
	}
	if (rc != 0)
		return rc;
	if (size <= session_inner_mtu(s) || way.leg.kind != PATH_UDP)
		rc = leg_send(t, &way.leg, start, whole, whole, &sent);
	else
		/* A path below 1280 bytes. */
		rc = udp_send_breakable(t->udp, &way.leg.to, start, whole);
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

/* The words are stable. */
static const char *
way_name(const struct session *s, const struct session_stats *stats)
{
	if (!session_is_up(s))
		return "";
	switch (session_path(s)->kind) {
	case PATH_UDP:
		return stats->punched ? "punched" : "direct";
	case PATH_RELAY:
		return "relayed";
	case PATH_TCP:
		return "tcp";
	default:
		return "";
	}
}

bool
tunnel_peer_stats(const struct tunnel *t, uint32_t slot, us_t now, struct tunnel_peer_stats *out)
{
	struct session *s = roster_at(t->roster, slot);
	struct session_stats stats;
	struct roster_way way = {.relayed = false};

	if (s == NULL)
		return false;
	session_stats(s, now, &stats);
	(void)roster_way(t->roster, s, &way);
	*out = (struct tunnel_peer_stats){
		.path = *session_path(s),
		.endpoint = way.leg.to,
		.way = way_name(s, &stats),
		.reason = stats.reason,
		.way_age = stats.path_age,
		.rtt = stats.rtt,
		.loss_pct = stats.loss_pct,
		.ways = stats.path_count,
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
				     .rx_datagrams = stats.rx_datagrams,
				     .relayed_datagrams = t->relayed_datagrams,
				     .relayed_bytes = t->relayed_bytes};
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
