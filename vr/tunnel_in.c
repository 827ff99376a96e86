/* What comes into the tunnel, by UDP or by a stream: records are opened, and what is relayed for others goes on
 * at once. */
#include "vr/tunnel_priv.h"

/* Rounds of udp_receive() per wake-up, so that the other sources get their turn. */
#define ROUNDS_MAX 4

/* What came as urgent goes on so; of a stream's room for control it gets nothing. */
static int
relay_send(struct tunnel *t, const struct path *leg, us_t now, unsigned *sent)
{
	const struct relay_train *r = &t->relayed;

	if (r->urgent && leg->kind == PATH_UDP)
		return udp_send_from(t->udp, &leg->to, UDP_URGENT, leg->local, r->data, r->size,
				     r->segment, sent);
	return tunnel_leg_send(t, leg, STREAMS_DATA, r->data, r->size, r->segment, now, sent);
}

/* What was gathered for a peer leaves, out of the receive buffer. */
static void
relay_flush(struct tunnel *t, us_t now)
{
	struct relay_train *r = &t->relayed;
	const struct session *s;
	unsigned sent = 0;

	if (r->data == NULL)
		return;
	s = roster_at(t->roster, r->slot);
	if (s == NULL || relay_send(t, session_path(s), now, &sent) != 0)
		roster_count_drop(t->roster, ROSTER_DROP_SEND, r->count - sent);
	tunnel_copy(t, r->slot, r->urgent ? STREAMS_CONTROL : STREAMS_DATA, r->data, r->size,
		    r->segment, 0);
	t->relayed_datagrams += sent;
	t->relayed_bytes += sent < r->count ? sent * r->segment : r->size;
	r->data = NULL;
}

static void
relay_add(struct tunnel *t, uint32_t slot, uint8_t *data, size_t size, us_t now)
{
	struct relay_train *r = &t->relayed;

	if (r->data != NULL &&
	    (r->slot != slot || r->closed || r->data + r->size != data || size > r->segment))
		relay_flush(t, now);
	if (r->data == NULL)
		*r = (struct relay_train){
			.slot = slot, .data = data, .segment = size, .urgent = t->hears_urgent};
	r->size += size;
	r->count++;
	r->closed = size < r->segment;
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
datagram_heard(void *ctx, enum roster_fate fate, uint32_t slot, uint8_t *data, size_t size,
	       const struct session_content *content, us_t now)
{
	if (fate == ROSTER_CONTENT)
		content_deliver(ctx, slot, content, now);
	else
		relay_add(ctx, slot, data, size, now);
}

static void
train_heard(struct tunnel *t, const struct udp_train *train, us_t now)
{
	struct path from = path_udp(train->from);

	from.local = train->local;
	if (train->truncated)
		roster_count_drop(t->roster, ROSTER_DROP_TRUNCATED, 1);
	else
		roster_train_heard(t->roster, train->data, train->size, train->segment, &from, now,
				   datagram_heard, t);
	relay_flush(t, now);
}

/* How the sessions know a stream: those that we open by where they lead. */
static struct path
stream_path(struct tunnel *t, uint32_t number, const struct endpoint *remote)
{
	struct stream_info info;

	return path_tcp(streams_info(t->streams, number, &info) && !info.is_accepted ? 0 : number,
			*remote);
}

static void
on_stream_heard(void *ctx, uint32_t number, const struct endpoint *from, uint8_t *data, size_t size,
		us_t now)
{
	struct tunnel *t = ctx;

	if (t->heard_stream != number) {
		t->heard_stream = number;
		t->heard_path = stream_path(t, number, from);
	}
	roster_train_heard(t->roster, data, size, size, &t->heard_path, now, datagram_heard, t);
}

static void
on_stream_batch_end(void *ctx, us_t now)
{
	struct tunnel *t = ctx;

	relay_flush(t, now);
	t->heard_stream = STREAM_NONE;
	t->ops->batch_end(t->ctx, now);
}

static void
on_stream_opened(void *ctx, uint32_t number, const struct endpoint *remote, us_t now)
{
	(void)ctx, (void)number, (void)remote, (void)now;
}

static void
on_stream_closed(void *ctx, uint32_t number, const struct endpoint *remote, enum stream_drop reason,
		 us_t now)
{
	struct tunnel *t = ctx;
	struct path accepted = path_tcp(number, *remote), opened = path_tcp(0, *remote);

	(void)reason;
	t->heard_stream = STREAM_NONE;
	roster_path_closed(t->roster, &accepted, now);
	roster_path_closed(t->roster, &opened, now);
}

const struct streams_ops tunnel_streams_ops = {
	.heard = on_stream_heard,
	.batch_end = on_stream_batch_end,
	.opened = on_stream_opened,
	.closed = on_stream_closed,
};

/* Returns whether there may be more. */
static bool
read_round(struct tunnel *t, struct udp *udp, us_t now)
{
	struct udp_train trains[UDP_TRAINS];
	bool more;
	size_t count = udp_receive(udp, trains, &more);

	for (size_t i = 0; i < count; i++)
		train_heard(t, &trains[i], now);
	if (count > 0)
		t->ops->batch_end(t->ctx, now);
	return more;
}

static bool
read_urgent(struct tunnel *t, us_t now)
{
	bool more;

	t->hears_urgent = true;
	more = read_round(t, t->urgent, now);
	t->hears_urgent = false;
	return more;
}

void
tunnel_readable(struct tunnel *t, us_t now)
{
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		/* A round of long trains takes most of a millisecond. */
		if (round > 0 && t->urgent != NULL)
			(void)read_urgent(t, now);
		if (!read_round(t, t->udp, now))
			break;
	}
	(void)roster_run(t->roster, now);
}

void
tunnel_urgent_readable(struct tunnel *t, us_t now)
{
	unsigned round = 0;

	while (round++ < ROUNDS_MAX && read_urgent(t, now))
		continue;
	(void)roster_run(t->roster, now);
}

void
tunnel_streams_readable(struct tunnel *t, us_t now)
{
	streams_readable(t->streams, now);
	(void)roster_run(t->roster, now);
}
