/* What leaves the tunnel: records in trains, by UDP or by a stream, to the peer or to its relay. */
#include "vr/tunnel_priv.h"

#include <errno.h>

#include "vr/offload.h"

/* The stream of this path, which is opened if it is ours to open.  0 or -errno. */
static int
stream_of(struct tunnel *t, const struct path *path, us_t now, uint32_t *number)
{
	*number = path->via;
	return path->via != 0 ? 0 : streams_open(t->streams, &path->to, now, number);
}

static struct udp_marks marks_of(enum streams_class class)
{
	return class == STREAMS_CONTROL ? UDP_URGENT : UDP_UNMARKED;
}

/* 'size' bytes as datagrams of 'segment' bytes. */
int
tunnel_leg_send(struct tunnel *t, const struct path *leg, enum streams_class class,
		const uint8_t *data, size_t size, size_t segment, us_t now, unsigned *sent)
{
	uint32_t number;
	int rc;

	*sent = 0;
	if (leg->kind == PATH_UDP)
		return udp_send_from(t->udp, &leg->to, marks_of(class), leg->local, data, size,
				     segment, sent);
	if (leg->kind != PATH_TCP)
		return -ENOTCONN;
	rc = stream_of(t, leg, now, &number);
	return rc == 0 ? streams_send(t->streams, number, class, data, size, segment, now, sent)
		       : rc;
}

void
tunnel_copy(struct tunnel *t, uint32_t slot, enum streams_class class, const uint8_t *data,
	    size_t size, size_t segment, size_t front)
{
	struct session *s = roster_at(t->roster, slot);
	const struct path *to = s != NULL ? session_trial(s) : NULL;
	unsigned sent;
	size_t whole;

	for (size_t at = 0; to != NULL && at < size; at += whole) {
		whole = size - at < segment ? size - at : segment;
		/* One of them at a time: there are not many. */
		if (whole > front && session_trial_take(s, whole - front) &&
		    udp_send_from(t->udp, &to->to, marks_of(class), to->local, data + at + front,
				  whole - front, whole - front, &sent) != 0)
			return;
	}
}

void
tunnel_flush(struct tunnel *t)
{
	struct train *train = &t->train;
	struct path leg = {
		.kind = t->leg_kind, .via = t->leg_via, .to = train->to, .local = t->leg_local};
	unsigned count, sent = 0;
	int rc = 0;

	if (train->count == 0)
		return;
	if (t->front > 0)
		rc = roster_relay_seal(t->roster, t->relay, train->tag, train->data, train->segment,
				       train->count, train->now);
	if (rc == 0)
		rc = tunnel_leg_send(t, &leg, STREAMS_DATA, train->data, train->used,
				     train->segment, train->now, &sent);
	tunnel_copy(t, train->tag, STREAMS_DATA, train->data, train->used, train->segment,
		    t->front);
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
	    (t->front != front || t->relay != way->relay || t->leg_kind != way->leg.kind ||
	     t->leg_via != way->leg.via || !addr_equal(t->leg_local, way->leg.local) ||
	     !train_takes(&t->train, slot, &way->leg.to, UDP_UNMARKED, size)))
		tunnel_flush(t);
	t->front = front;
	t->relay = way->relay;
	t->leg_kind = way->leg.kind;
	t->leg_via = way->leg.via;
	t->leg_local = way->leg.local;
	return train_room(&t->train, slot, &way->leg.to, UDP_UNMARKED, size) + front;
}

static int
packet_send(struct tunnel *t, struct session *s, const struct roster_way *way,
	    const struct seal_inner *inner, const struct frame *f, us_t now)
{
	uint32_t slot = session_user(s);
	size_t size = f->size + SEAL_OVERHEAD;
	uint8_t *record = record_room(t, slot, way, size);
	int rc = session_seal(s, inner, record, 0, f->data, f->size, now);

	if (rc == 0)
		train_add(&t->train, t->front + size, now);
	return rc;
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
		if (rc != 0)
			return rc;
		train_add(&t->train, t->front + size, now);
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
		rc = roster_relay_seal(t->roster, way.relay, slot, start, 0, 1, now);
	}
	if (rc != 0)
		return rc;
	if (size <= session_inner_mtu(s) || way.leg.kind != PATH_UDP)
		rc = tunnel_leg_send(t, &way.leg, STREAMS_CONTROL, start, whole, whole, now, &sent);
	else
		/* A path below 1280 bytes. */
		rc = udp_send_breakable(t->udp, &way.leg.to, way.leg.local, start, whole);
	tunnel_copy(t, slot, STREAMS_CONTROL, record, SEAL_OVERHEAD + size, SEAL_OVERHEAD + size,
		    0);
	if (rc != 0)
		/* As if lost on the way: the layer above repeats what matters. */
		roster_count_drop(t->roster, ROSTER_DROP_SEND, 1);
	roster_touch(t->roster, s);
	return 0;
}
