/* The socket and the sessions put together: trains out, trains in. */
#include "vr/tunnel_priv.h"

#include <errno.h>

#include "base/fmt.h"
#include "vr/loop.h"

#define MODULE "tunnel"
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
on_send(void *ctx, const struct path *to, const uint8_t *data, size_t size, us_t now)
{
	unsigned sent;

	return tunnel_leg_send(ctx, to, STREAMS_CONTROL, data, size, size, now, &sent);
}

static void
on_stuck(void *ctx, const struct path *stream)
{
	struct tunnel *t = ctx;
	us_t now = loop_now();
	uint32_t number = stream->via;

	if (number != 0 || streams_open(t->streams, &stream->to, now, &number) == 0)
		streams_close(t->streams, number, now);
}

static void
on_authentic(void *ctx, uint32_t slot, const struct path *from)
{
	struct tunnel *t = ctx;

	streams_trust(t->streams, t->heard_stream, slot);
	(void)from;
}

static bool
on_reaches(void *ctx, const struct endpoint *to)
{
	struct tunnel *t = ctx;

	return udp_reaches(t->udp, to);
}

static struct addr
on_source(void *ctx, const struct endpoint *to)
{
	struct addr from;

	(void)ctx;
	return udp_source(to, &from) == 0 ? from : (struct addr){.family = ADDR_NONE};
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
	.authentic = on_authentic,
	.stuck = on_stuck,
	.reaches = on_reaches,
	.source = on_source,
	.persist = on_persist,
};

/* Without it control waits behind data, as it does where the way takes the marks away. */
static void
open_urgent(struct tunnel *t, const struct udp_conf *conf)
{
	int rc = udp_create_urgent(t->udp, conf, &t->urgent);

	if (rc != 0)
		log_line(t->log, LOG_WARNING, MODULE, "no socket of its own for control: %s",
			 strerror(-rc));
}

static int
openers_open(struct tunnel *t, unsigned count)
{
	t->openers = openers_create(count, udp_buffer_size(t->udp), UDP_HEADROOM);
	return t->openers != NULL ? openers_start(t->openers) : -ENOMEM;
}

int
tunnel_create(const struct tunnel_conf *conf, const struct tunnel_ops *ops, void *ctx,
	      struct log *log, struct tunnel **out)
{
	struct udp_conf udp_conf = {
		.listen = conf->listen,
		.segment = conf->udp_segment,
		.gro = conf->udp_gro,
		.locals = true,
		/* A peer may have a larger maximum than we: its probes have to arrive. */
		.datagram_max =
			conf->mtu_max > TUNNEL_DATAGRAM_MIN ? conf->mtu_max : TUNNEL_DATAGRAM_MIN,
	};
	struct streams_conf streams_conf = {.listen = conf->stream_listen,
					    .proxy = conf->http_proxy,
					    .proxy_credentials = conf->proxy_credentials,
					    .proxy_credentials_size = conf->proxy_credentials_size};
	struct roster_conf roster_conf = {
		.cipher = conf->cipher,
		.rekey_time = conf->rekey_time,
		.rekey_records = conf->rekey_records,
		.silence = conf->silence,
		.keepalive = conf->keepalive,
		.relay = conf->relay,
		.relay_rate = conf->relay_rate,
		.relay_pairs = conf->relay_pairs,
		.mtu_max = conf->mtu_max,
		.workers = conf->workers,
		.clock_floor = conf->clock_floor,
	};
	struct tunnel *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return -ENOMEM;
	t->ops = ops;
	t->ctx = ctx;
	t->log = log;
	t->engine = conf->ipsec_mb ? crypto_engine_create() : NULL;
	roster_conf.engine = t->engine;
	rc = udp_create(&udp_conf, log, &t->udp);
	if (rc == 0) {
		if (conf->control_socket)
			open_urgent(t, &udp_conf);
		rc = udp_port(t->udp, &t->port);
	}
	if (rc == 0)
		rc = streams_create(&streams_conf, &tunnel_streams_ops, t, log, &t->streams);
	if (rc == 0) {
		memcpy(roster_conf.private_key, conf->private_key, CRYPTO_KEY_SIZE);
		rc = roster_create(&roster_conf, &roster_ops, t, &t->roster);
		crypto_wipe(roster_conf.private_key, CRYPTO_KEY_SIZE);
	}
	/* Without UDP_GRO there are no trains. */
	if (rc == 0 && conf->workers > 0 && udp_has_gro(t->udp))
		rc = openers_open(t, conf->workers);
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
	openers_destroy(t->openers);
	roster_destroy(t->roster);
	crypto_engine_destroy(t->engine);
	streams_destroy(t->streams);
	udp_destroy(t->urgent);
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
	session_streams(s, peer->streams, peer->stream_count, now);
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
tunnel_peer_streams(struct tunnel *t, uint32_t slot, const struct endpoint *endpoints, size_t count,
		    us_t now)
{
	struct session *s = roster_at(t->roster, slot);

	if (s == NULL)
		return;
	session_streams(s, endpoints, count, now);
	roster_touch(t->roster, s);
}

void
tunnel_peer_relays(struct tunnel *t, uint32_t slot, bool relays, us_t now)
{
	if (roster_at(t->roster, slot) != NULL)
		roster_set_relay(t->roster, slot, relays, now);
}

void
tunnel_peer_urge(struct tunnel *t, uint32_t slot, us_t now)
{
	struct session *s = roster_at(t->roster, slot);

	if (s == NULL)
		return;
	session_urge(s, now);
	roster_touch(t->roster, s);
}

void
tunnel_peer_remove(struct tunnel *t, uint32_t slot, us_t now)
{
	tunnel_flush(t);
	roster_remove(t->roster, slot, now);
}

void
tunnel_set_relaying(struct tunnel *t, bool relay, uint64_t rate, uint32_t pairs)
{
	roster_set_relay_pairs(t->roster, pairs);
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
	streams_underlay_changed(t->streams, now);
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

int
tunnel_urgent_fd(const struct tunnel *t)
{
	return t->urgent != NULL ? udp_fd(t->urgent) : -1;
}

int
tunnel_streams_fd(const struct tunnel *t)
{
	return streams_fd(t->streams);
}

int
tunnel_opened_fd(const struct tunnel *t)
{
	return t->openers != NULL ? openers_fd(t->openers) : -1;
}

us_t
tunnel_run(struct tunnel *t, us_t now)
{
	us_t due = streams_run(t->streams, now), roster = roster_run(t->roster, now);

	return due < roster ? due : roster;
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
