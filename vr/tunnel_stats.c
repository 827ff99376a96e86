/* What the tunnel tells of itself. */
#include "vr/tunnel_priv.h"

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

static void
stream_failure_find(const struct tunnel *t, const struct session *s, struct tunnel_peer_stats *out)
{
	struct endpoint streams[SESSION_STREAMS_MAX];
	size_t count = session_streams_get(s, streams);

	for (size_t i = 0; i < count && !out->stream_failed; i++) {
		out->stream_to = streams[i];
		out->stream_failed = streams_failure(t->streams, &streams[i], &out->stream_failure);
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
	stream_failure_find(t, s, out);
	return true;
}

const char *
tunnel_drop_where(unsigned reason)
{
	return reason < ROSTER_DROP_COUNT ? "tunnel" : "stream";
}

const char *
tunnel_drop_name(unsigned reason)
{
	return reason < ROSTER_DROP_COUNT ? roster_drop_name(reason)
					  : stream_drop_name(reason - ROSTER_DROP_COUNT);
}

const char *
tunnel_drop_text(unsigned reason)
{
	return reason < ROSTER_DROP_COUNT ? roster_drop_text(reason)
					  : stream_drop_text(reason - ROSTER_DROP_COUNT);
}

/* Of both sockets; the one for control does not send. */
static void
both_stats(const struct tunnel *t, struct udp_stats *out)
{
	struct udp_stats urgent = {0};

	udp_stats(t->udp, out);
	if (t->urgent != NULL)
		udp_stats(t->urgent, &urgent);
	out->rx_trains += urgent.rx_trains;
	out->rx_datagrams += urgent.rx_datagrams;
	out->drop_kernel += urgent.drop_kernel;
}

uint64_t
tunnel_drop_count(const struct tunnel *t, unsigned reason)
{
	struct udp_stats stats = {0};

	if (reason >= ROSTER_DROP_COUNT)
		return streams_drop_count(t->streams, reason - ROSTER_DROP_COUNT);
	if (reason == ROSTER_DROP_KERNEL)
		both_stats(t, &stats);
	return roster_drop_count(t->roster, reason) + stats.drop_kernel;
}

void
tunnel_stats(const struct tunnel *t, struct tunnel_stats *out)
{
	struct streams_stats streams;
	struct udp_stats stats;

	both_stats(t, &stats);
	streams_stats(t->streams, &streams);
	*out = (struct tunnel_stats){.streams = streams.streams,
				     .tx_calls = stats.tx_calls,
				     .tx_datagrams = stats.tx_datagrams,
				     .rx_trains = stats.rx_trains,
				     .rx_datagrams = stats.rx_datagrams,
				     .opened_trains =
					     t->openers != NULL ? openers_opened(t->openers) : 0,
				     .relayed_datagrams = t->relayed_datagrams,
				     .relayed_bytes = t->relayed_bytes};
}

bool
tunnel_has_segment(const struct tunnel *t)
{
	return udp_has_segment(t->udp);
}

bool
tunnel_has_control_socket(const struct tunnel *t)
{
	return t->urgent != NULL;
}

bool
tunnel_has_gro(const struct tunnel *t)
{
	return udp_has_gro(t->udp);
}

const char *
tunnel_aesgcm(const struct tunnel *t)
{
	return crypto_engine_name(t->engine);
}
