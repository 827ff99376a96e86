/* What comes into the tunnel, by UDP or by a stream: records are opened, and what is relayed for others goes on
 * at once. */
#include "vr/tunnel_priv.h"

/* Rounds of udp_receive() per wake-up, so that the other sources get their turn. */
#define ROUNDS_MAX 4
/* A train that is shorter is opened sooner than another thread wakes up. */
#define OPENERS_SIZE_MIN 8192

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
		roster_train_heard(t->roster, train->data, train->size, train->segment, NULL, &from,
				   now, datagram_heard, t);
	relay_flush(t, now);
}

/* ---- by others ---- */

/* What comes behind a train that waits waits, too. */
static void
train_put(struct tunnel *t, const struct udp_train *train, struct opener *by, uint32_t index)
{
	struct openers_train *o = openers_fill(t->openers);

	udp_swap(t->udp, train, &o->buffer);
	o->data = o->buffer;
	o->size = train->size;
	o->segment = train->segment;
	o->from = path_udp(train->from);
	o->from.local = train->local;
	o->by = by;
	o->index = index;
	openers_put(t->openers);
}

/* 'is_last': nothing else has come; then there is nothing to be done meanwhile.  True: a thread may open it. */
static bool
train_take(struct tunnel *t, const struct udp_train *train, bool is_last, us_t now)
{
	bool is_first = t->openers == NULL || openers_is_empty(t->openers);
	struct opener *by = NULL;
	uint32_t index = 0;

	if (t->openers != NULL && !train->truncated && train->size >= OPENERS_SIZE_MIN &&
	    !(is_first && is_last))
		by = roster_opener(t->roster, train->data, train->segment, &index);
	if (by == NULL && (is_first || train->truncated))
		train_heard(t, train, now);
	else
		train_put(t, train, by, index);
	return by != NULL;
}

/* What is opened, in the order in which it came. */
static void
take_opened(struct tunnel *t, bool helps, us_t now)
{
	const struct openers_train *o;

	while (t->openers != NULL && (o = openers_next(t->openers, helps)) != NULL) {
		const struct roster_found found = {
			.by = o->by, .findings = o->findings, .count = OPENERS_COUNT_MAX};

		roster_train_heard(t->roster, o->data, o->size, o->segment, &found, &o->from, now,
				   datagram_heard, t);
		relay_flush(t, now);
	}
}

static void
batch_end(struct tunnel *t, us_t now)
{
	t->ops->batch_end(t->ctx, now);
	if (t->openers != NULL)
		openers_release(t->openers);
}

/* Is there room for whatever one call may read? */
static bool
has_room(struct tunnel *t, us_t now)
{
	for (unsigned i = 0; t->openers != NULL && openers_room(t->openers) < UDP_GRO_TRAINS; i++) {
		/* What is done; what may be begun; what is about to be done. */
		if (i == 3)
			return false;
		if (i == 2)
			openers_wait(t->openers);
		take_opened(t, i > 0, now);
		batch_end(t, now);
	}
	return true;
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
	roster_train_heard(t->roster, data, size, size, NULL, &t->heard_path, now, datagram_heard,
			   t);
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
read_urgent(struct tunnel *t, us_t now)
{
	struct udp_train trains[UDP_TRAINS];
	bool more;
	size_t count = udp_receive(t->urgent, trains, &more);

	t->hears_urgent = true;
	for (size_t i = 0; i < count; i++)
		train_heard(t, &trains[i], now);
	t->hears_urgent = false;
	if (count > 0)
		t->ops->batch_end(t->ctx, now);
	return more;
}

/* Returns whether there may be more.  'is_last': others get their turn behind it. */
static bool
read_round(struct tunnel *t, bool is_last, us_t now)
{
	struct udp_train trains[UDP_TRAINS];
	bool more;
	size_t count = udp_receive(t->udp, trains, &more), put = 0;

	for (size_t i = 0; i < count; i++)
		put += train_take(t, &trains[i], !more && i + 1 == count, now);
	/* To wake up more of them, or for one that this thread can open as well, costs more than it is worth. */
	if (put > 1)
		openers_call(t->openers);
	/* Helps when there is nothing else to be read, or others get their turn. */
	take_opened(t, !more || is_last, now);
	if (count > 0 || t->openers != NULL)
		batch_end(t, now);
	return more;
}

void
tunnel_readable(struct tunnel *t, us_t now)
{
	for (unsigned round = 0; round < ROUNDS_MAX && has_room(t, now); round++) {
		/* A round of long trains takes most of a millisecond. */
		if (round > 0 && t->urgent != NULL)
			(void)read_urgent(t, now);
		if (!read_round(t, round + 1 == ROUNDS_MAX, now))
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
tunnel_opened(struct tunnel *t, us_t now)
{
	openers_heard(t->openers);
	take_opened(t, true, now);
	batch_end(t, now);
	(void)roster_run(t->roster, now);
}

void
tunnel_streams_readable(struct tunnel *t, us_t now)
{
	streams_readable(t->streams, now);
	(void)roster_run(t->roster, now);
}
