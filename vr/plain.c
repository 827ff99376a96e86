/* The plain LISP data plane: see plain.h. */
#include "vr/plain.h"

#include <errno.h>
#include <stdlib.h>

#include "base/counter.h"
#include "base/fmt.h"
#include "vr/offload.h"
#include "vr/train.h"
#include "wire/ip.h"

#define FAMILIES   2 /* IPv4, IPv6: in the order of family_index() */
#define ROUNDS_MAX 4 /* of udp_receive() per wake-up, so that the other sources get their turn */
#define GRO_SIZE   65536
/* Paths found to be narrower than the first link are remembered, and tried anew after this time (RFC
 * 1191 section 6.3). */
#define NARROW_PATHS 256
#define NARROW_TIME  (600 * US_S)
#define MTU_LEAST4   576
#define MTU_LEAST6   1280

/* A socket that sends, and what waits to leave by it. */
struct lane {
	struct udp *udp;
	struct train train;
};

struct narrow {
	struct addr rloc;
	uint16_t mtu; /* of the underlay packet */
	us_t until;
};

struct family {
	struct udp *udp; /* listens */
	struct lane *lanes[PLAIN_POOL];
	struct lane
		*zero[PLAIN_POOL]; /* without checksums; each made when the first packet wants it */
	struct lane data;          /* by 'udp' */
	struct lane control;       /* by a socket that is not ours; may have none */
};

struct plain {
	const struct plain_ops *ops;
	void *ctx;
	struct log *log;
	struct plain_conf conf;
	struct family families[FAMILIES];
	struct narrow narrow[NARROW_PATHS];
	uint8_t *copies; /* packets of a batch that had no room in front */
	size_t copies_size, copies_used;
	uint64_t drops[PLAIN_DROP_COUNT];
};

static unsigned
family_index(uint8_t family)
{
	return family == ADDR_V6 ? 1 : 0;
}

/* What the outer headers add to a packet. */
static uint16_t
overhead(uint8_t family)
{
	return (uint16_t)((family == ADDR_V6 ? IP6_SIZE : IP4_SIZE_MIN) + 8 + LISPDATA_SIZE);
}

/* ---- creation ---- */

static int
lane_create(struct plain *p, struct addr rloc, bool zero_checksum, struct lane **out)
{
	struct udp_conf conf = {.listen = {.addr = rloc},
				.segment = p->conf.udp_segment,
				.mtu = UDP_MTU_KERNEL,
				.zero_checksum = zero_checksum};
	struct lane *lane = calloc(1, sizeof(*lane));
	int rc;

	if (lane == NULL)
		return -ENOMEM;
	rc = udp_create(&conf, p->log, &lane->udp);
	if (rc != 0)
		free(lane);
	else
		*out = lane;
	return rc;
}

static void
lane_destroy(struct lane *lane)
{
	if (lane == NULL)
		return;
	udp_destroy(lane->udp);
	free(lane);
}

static int
family_open(struct plain *p, struct addr rloc)
{
	struct family *f = &p->families[family_index(rloc.family)];
	struct udp_conf conf = {.listen = {.addr = rloc, .port = p->conf.port},
				.segment = p->conf.udp_segment,
				.gro = p->conf.udp_gro,
				.datagram_max = p->conf.mtu_max,
				.mtu = UDP_MTU_KERNEL,
				.marks = true};
	int rc = f->udp == NULL ? udp_create(&conf, p->log, &f->udp) : -EEXIST;

	for (unsigned i = 0; rc == 0 && i < PLAIN_POOL; i++)
		rc = lane_create(p, rloc, false, &f->lanes[i]);
	f->data.udp = f->udp;
	return rc;
}

int
plain_create(const struct plain_conf *conf, const struct plain_ops *ops, void *ctx, struct log *log,
	     struct plain **out)
{
	struct plain *p = calloc(1, sizeof(*p));
	int rc = 0;

	if (p == NULL)
		return -ENOMEM;
	p->ops = ops;
	p->ctx = ctx;
	p->log = log;
	p->conf = *conf;
	/* A batch of trains, and the room in front of each datagram. */
	p->copies_size = (size_t)UDP_TRAINS * (GRO_SIZE + UDP_TRAIN_COUNT_MAX * PLAIN_HEADROOM);
	p->copies = malloc(p->copies_size);
	if (p->copies == NULL)
		rc = -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < ARRAY_COUNT(conf->rlocs); i++)
		if (!addr_is_none(conf->rlocs[i])) {
			rc = family_open(p, conf->rlocs[i]);
			p->families[family_index(conf->rlocs[i].family)].control.udp =
				conf->control[i];
		}
	if (rc != 0)
		plain_destroy(p);
	else
		*out = p;
	return rc;
}

void
plain_destroy(struct plain *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < FAMILIES; i++) {
		for (unsigned j = 0; j < PLAIN_POOL; j++) {
			lane_destroy(p->families[i].lanes[j]);
			lane_destroy(p->families[i].zero[j]);
		}
		udp_destroy(p->families[i].udp);
	}
	free(p->copies);
	free(p);
}

/* ---- in ---- */

/* The 'index'th family that is spoken. */
static struct family *
family_at(struct plain *p, unsigned index)
{
	for (unsigned i = 0; i < FAMILIES; i++)
		if (p->families[i].udp != NULL && index-- == 0)
			return &p->families[i];
	return NULL;
}

int
plain_fd(struct plain *p, unsigned index)
{
	const struct family *f = family_at(p, index);

	return f != NULL ? udp_fd(f->udp) : -1;
}

/* A packet with an Ethernet header's room in front.  Behind the first datagram of a train there are only the 8 bytes of
 * the LISP header, and before these the packet before, which is still needed. */
static uint8_t *
with_headroom(struct plain *p, uint8_t *packet, size_t size, bool is_first)
{
	uint8_t *copy = p->copies + p->copies_used + PLAIN_HEADROOM;

	if (is_first)
		return packet;
	BUG_IF(p->copies_used + PLAIN_HEADROOM + size > p->copies_size);
	memcpy(copy, packet, size);
	p->copies_used += PLAIN_HEADROOM + size;
	return copy;
}

static void
datagram_heard(struct plain *p, const struct udp_train *train, uint8_t *data, size_t size, us_t now)
{
	struct lispdata_outer outer = {.ttl = train->marks.ttl, .tos = train->marks.tos};
	struct lispdata header;
	struct frame f = {.size = size - LISPDATA_SIZE};
	struct ip ip;
	int rc = lispdata_parse(data, size, &header);

	if (rc != 0) {
		p->drops[rc == -EPROTONOSUPPORT ? PLAIN_DROP_ENCRYPTED : PLAIN_DROP_MALFORMED]++;
		return;
	}
	f.data = with_headroom(p, data + LISPDATA_SIZE, f.size, data == train->data);
	if (ip_parse(f.data, f.size, &ip) != 0 || ip.size > f.size)
		p->drops[PLAIN_DROP_MALFORMED]++;
	else if (!lispdata_copy_in(f.data, outer))
		p->drops[PLAIN_DROP_CONGESTED]++;
	else
		p->ops->data(p->ctx, &train->from, &header, &f, now);
}

static void
train_heard(struct plain *p, const struct udp_train *train, us_t now)
{
	size_t size;

	if (train->truncated) {
		p->drops[PLAIN_DROP_TRUNCATED]++;
		return;
	}
	for (size_t at = 0; at < train->size; at += size) {
		size = train->size - at < train->segment ? train->size - at : train->segment;
		datagram_heard(p, train, train->data + at, size, now);
	}
}

void
plain_readable(struct plain *p, unsigned index, us_t now)
{
	struct udp_train trains[UDP_TRAINS];
	struct family *f = family_at(p, index);
	bool more = f != NULL;

	for (unsigned round = 0; round < ROUNDS_MAX && more; round++) {
		size_t count = udp_receive(f->udp, trains, &more);

		for (size_t i = 0; i < count; i++)
			train_heard(p, &trains[i], now);
		p->ops->batch_end(p->ctx, now);
		p->copies_used = 0;
	}
}

/* ---- paths ---- */

static size_t
narrow_index(struct addr rloc)
{
	size_t sum = 0;

	for (size_t i = 0; i < sizeof(rloc.b); i++)
		sum = sum * 31 + rloc.b[i];
	return sum % NARROW_PATHS;
}

uint16_t
plain_mtu(const struct plain *p, struct addr rloc, us_t now)
{
	const struct narrow *n = &p->narrow[narrow_index(rloc)];
	uint16_t mtu = p->conf.mtu_max;

	if (addr_equal(n->rloc, rloc) && now < n->until && n->mtu < mtu)
		mtu = n->mtu;
	return (uint16_t)(mtu - overhead(rloc.family));
}

/* The kernel refused a datagram as too large: it knows what the path takes.  A claim below what every path
 * has to take is not believed (RFC 1191 section 3, RFC 8201 section 4). */
static void
narrow_learn(struct plain *p, const struct udp *udp, const struct endpoint *to, us_t now)
{
	uint16_t least = to->addr.family == ADDR_V6 ? MTU_LEAST6 : MTU_LEAST4, mtu;

	if (udp_path_mtu(udp, to, &mtu) != 0)
		return;
	p->narrow[narrow_index(to->addr)] = (struct narrow){
		.rloc = to->addr, .mtu = mtu < least ? least : mtu, .until = now + NARROW_TIME};
}

/* ---- out ---- */

static void
lane_flush(struct plain *p, struct lane *lane)
{
	struct train *t = &lane->train;
	unsigned sent;
	int rc;

	if (t->count == 0)
		return;
	rc = udp_send_marked(lane->udp, &t->to, t->marks, t->data, t->used, t->segment, &sent);
	if (rc == -EMSGSIZE) {
		p->drops[PLAIN_DROP_TOO_BIG] += t->count - sent;
		narrow_learn(p, lane->udp, &t->to, t->now);
	} else if (rc != 0) {
		p->drops[PLAIN_DROP_SEND] += t->count - sent;
	}
	train_reset(t);
}

void
plain_flush(struct plain *p)
{
	for (unsigned i = 0; i < FAMILIES; i++) {
		struct family *f = &p->families[i];

		for (unsigned j = 0; f->udp != NULL && j < PLAIN_POOL; j++) {
			lane_flush(p, f->lanes[j]);
			if (f->zero[j] != NULL)
				lane_flush(p, f->zero[j]);
		}
		lane_flush(p, &f->data);
		lane_flush(p, &f->control);
	}
}

/* The lane that a packet leaves by, or NULL. */
static struct lane *
lane_of(struct plain *p, const struct plain_to *to)
{
	struct family *f = &p->families[family_index(to->rloc.addr.family)];
	unsigned index = to->flow % PLAIN_POOL;
	struct addr own;

	if (addr_is_none(to->rloc.addr) || f->udp == NULL)
		return NULL;
	if (to->by == PLAIN_BY_DATA)
		return &f->data;
	if (to->by == PLAIN_BY_CONTROL)
		return f->control.udp != NULL ? &f->control : NULL;
	if (!to->zero_checksum)
		return f->lanes[index];
	own = p->conf.rlocs[0].family == to->rloc.addr.family ? p->conf.rlocs[0] : p->conf.rlocs[1];
	if (f->zero[index] == NULL && lane_create(p, own, true, &f->zero[index]) != 0)
		return NULL;
	return f->zero[index];
}

/* Room for one more datagram of this size. */
static uint8_t *
datagram_room(struct plain *p, struct lane *lane, const struct plain_to *to, struct udp_marks marks,
	      size_t size)
{
	if (!train_takes(&lane->train, 0, &to->rloc, marks, size))
		lane_flush(p, lane);
	return train_room(&lane->train, 0, &to->rloc, marks, size);
}

static int
packet_send(struct plain *p, struct lane *lane, const struct plain_to *to, struct udp_marks marks,
	    struct frame *f, us_t now)
{
	size_t size = LISPDATA_SIZE + f->size;
	uint8_t *datagram;

	if (f->size > plain_mtu(p, to->rloc.addr, now))
		return -EMSGSIZE;
	offload_finish_checksum(f);
	datagram = datagram_room(p, lane, to, marks, size);
	lispdata_build(&to->header, datagram);
	memcpy(datagram + LISPDATA_SIZE, f->data, f->size);
	train_add(&lane->train, size, now);
	return 0;
}

static int
super_frame_send(struct plain *p, struct lane *lane, const struct plain_to *to,
		 struct udp_marks marks, const struct frame *f, us_t now)
{
	struct offload_cut cut;
	int rc = offload_cut_init(&cut, f, f->gso_size);

	if (rc != 0)
		return rc;
	if (cut.header_size + (cut.payload < cut.segment ? cut.payload : cut.segment) >
	    plain_mtu(p, to->rloc.addr, now))
		return -EMSGSIZE;
	/* Nobody behind the tunnel would finish them. */
	cut.csum_partial = false;
	for (uint32_t i = 0; i < cut.count; i++) {
		uint32_t left = cut.payload - i * cut.segment;
		size_t size =
			LISPDATA_SIZE + cut.header_size + (left < cut.segment ? left : cut.segment);
		uint8_t *datagram = datagram_room(p, lane, to, marks, size);
		const uint8_t *payload;
		uint32_t payload_size;

		lispdata_build(&to->header, datagram);
		offload_cut_get(&cut, i, datagram + LISPDATA_SIZE, &payload, &payload_size);
		memcpy(datagram + LISPDATA_SIZE + cut.header_size, payload, payload_size);
		train_add(&lane->train, size, now);
	}
	return 0;
}

int
plain_send(struct plain *p, const struct plain_to *to, struct frame *f, us_t now)
{
	struct lane *lane = lane_of(p, to);
	struct lispdata_outer outer;
	struct udp_marks marks;

	if (lane == NULL)
		return -EAFNOSUPPORT;
	outer = lispdata_outer(f->data);
	marks = (struct udp_marks){.ttl = outer.ttl, .tos = outer.tos};
	return f->gso == FRAME_GSO_NONE ? packet_send(p, lane, to, marks, f, now)
					: super_frame_send(p, lane, to, marks, f, now);
}

int
plain_send_control(struct plain *p, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	struct family *f = &p->families[family_index(to->addr.family)];
	unsigned sent;

	if (addr_is_none(to->addr) || f->udp == NULL)
		return -EAFNOSUPPORT;
	return udp_send(f->udp, to, msg, size, size, &sent);
}

/* ---- drops ---- */

static const struct counter drop_reasons[] = {PLAIN_DROPS(COUNTER_ROW)};

const char *
plain_drop_name(enum plain_drop reason)
{
	return drop_reasons[reason].name;
}

const char *
plain_drop_text(enum plain_drop reason)
{
	return drop_reasons[reason].text;
}

uint64_t
plain_drop_count(const struct plain *p, enum plain_drop reason)
{
	return p->drops[reason];
}
