/* A data worker's thread: reads its share of the LAN's frames, and sends by itself what it has a decision for. */
#include "vr/worker_priv.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "vr/fit.h"
#include "vr/loop.h"
#include "vr/offload.h"
#include "wire/eth.h"

/* Its machines are told to be there so often. */
#define SEEN_PACE (500 * US_MS)
/* The counters of its sockets are read so often. */
#define STATS_PACE (100 * US_MS)
/* It waits so long, once in a batch, for the control thread to be done with a flow's packets, and looks so often. */
#define HOLD_TIME      (2 * US_MS)
#define HOLD_STEP_NS   20000
#define FAILED_STEP_NS 10000000
#define TCP_FLAGS_AT   13
#define TCP_FLAG_SYN   0x02

static void
train_send(struct worker *w)
{
	struct train *t = &w->train;
	unsigned sent;
	struct note *note;
	int rc;

	if (t->count == 0)
		return;
	rc = udp_send(w->udp, &t->to, t->data, t->used, t->segment, &sent);
	if (rc != 0)
		worker_count(w, WORKER_DROP_SEND, t->count - sent);
	if (rc == -EMSGSIZE && (note = ring_room(w->up, sizeof(*note))) != NULL) {
		*note = (struct note){
			.kind = NOTE_REFUSED, .slot = t->tag, .size = (uint32_t)t->segment};
		ring_put(w->up, sizeof(*note));
		w->has_pushed = true;
	}
	train_reset(t);
}

/* ---- to the control thread ---- */

static uint64_t *
bucket_of(struct worker *w, const struct flow_key *key)
{
	uint32_t a, b;

	memcpy(&a, key->src, sizeof(a));
	memcpy(&b, key->dst, sizeof(b));
	return &w->last[(a * 0x9e3779b1u ^ b * 0x85ebca6bu) >> 16 & (WORKER_BUCKETS - 1)];
}

/* What was taken from it before leaves before, too. */
static void
hand_over(struct worker *w, const struct frame *f, const struct flow_key *key, bool is_plain)
{
	size_t size = sizeof(struct note) + FRAME_HEADROOM + f->size;
	struct note *note;

	train_send(w);
	note = ring_room(w->up, size);
	if (note == NULL) {
		worker_count(w, WORKER_DROP_RING, 1);
		return;
	}
	*note = (struct note){.kind = NOTE_FRAME,
			      .is_plain = is_plain,
			      .gso = f->gso,
			      .csum_partial = f->csum_partial,
			      .csum_verified = f->csum_verified,
			      .gso_size = f->gso_size,
			      .size = (uint32_t)f->size,
			      .number = ++w->pushed,
			      .key = *key};
	memcpy((uint8_t *)(note + 1) + FRAME_HEADROOM, f->data, f->size);
	ring_put(w->up, size);
	*bucket_of(w, key) = w->pushed;
	w->has_pushed = true;
	worker_count(w, WORKER_SLOW, 1);
}

static void
wake_control(struct worker *w)
{
	uint64_t one = 1;

	if (w->has_pushed && write(w->all->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		worker_count(w, WORKER_DROP_RING, 1);
	w->has_pushed = false;
}

/* The control thread learns that the machine is there, as from its packets. */
static void
tell_seen(struct worker *w, struct flow *flow)
{
	struct note *note;

	if (w->now - flow->told < SEEN_PACE || (note = ring_room(w->up, sizeof(*note))) == NULL)
		return;
	*note = (struct note){.kind = NOTE_SEEN, .key = flow->key};
	ring_put(w->up, sizeof(*note));
	flow->told = w->now;
	w->has_pushed = true;
}

static bool
is_with_control(struct worker *w, const struct flow_key *key)
{
	return *bucket_of(w, key) > atomic_load_explicit(&w->done, memory_order_acquire);
}

/* Packets of the flow are with the control thread: waits a moment for them to leave.  False: they have not, or the decision
 * is not good any more. */
static bool
hold(struct worker *w, const struct flow_key *key)
{
	const struct timespec step = {.tv_nsec = HOLD_STEP_NS};
	us_t until = loop_now() + HOLD_TIME;

	if (!is_with_control(w, key))
		return true;
	if (w->has_waited)
		return false;
	train_send(w);
	wake_control(w);
	worker_count(w, WORKER_HELD, 1);
	while (is_with_control(w, key) && loop_now() < until)
		nanosleep(&step, NULL);
	w->has_waited = is_with_control(w, key);
	return !w->has_waited && epoch_now(&w->all->epoch) == w->epoch;
}

/* ---- to a peer ---- */

static uint8_t *
record_room(struct worker *w, const struct worker_link *link, size_t size)
{
	if (w->train.count > 0 &&
	    (w->link != link || !train_takes(&w->train, link->slot, &link->to, UDP_UNMARKED, size)))
		train_send(w);
	w->link = link;
	return train_room(&w->train, link->slot, &link->to, UDP_UNMARKED, size);
}

static void
count_sent(struct worker *w, const struct worker_link *link, const struct frame *f,
	   uint32_t records, size_t record_bytes)
{
	struct worker_sent *sent = &link->sent[w->number];

	worker_add(&sent->packets, 1);
	worker_add(&sent->bytes, f->size);
	worker_add(&sent->records, records);
	worker_add(&sent->record_bytes, record_bytes);
	worker_count(w, WORKER_FAST, 1);
	worker_count(w, WORKER_RECORDS, records);
}

/* 'f' at its IP header, within the link's MTU.  False: nothing of it was sent. */
static bool
seal(struct worker *w, const struct flow *flow, const struct frame *f)
{
	const struct worker_link *link = flow->link;
	unsigned hand = 1 + w->number;
	struct seal_inner inner = {.kind = SEAL_DATA,
				   .flags = f->csum_partial ? SEAL_FLAG_CSUM_PARTIAL : 0,
				   .vn = flow->vn};
	uint8_t header[OFFLOAD_HEADER_MAX];
	struct offload_cut cut = {.count = 1};
	uint32_t sealed = 0;
	uint64_t counter;
	size_t bytes = 0;

	if (f->gso != FRAME_GSO_NONE &&
	    (offload_cut_init(&cut, f, f->gso_size) != 0 ||
	     cut.header_size + (cut.payload < cut.segment ? cut.payload : cut.segment) > link->mtu))
		return false;
	counter = sealer_take(link->sealer, cut.count);
	if (counter == SEALER_NO_COUNTER)
		return false;
	for (; sealed < cut.count; sealed++) {
		const uint8_t *payload = f->data;
		uint32_t payload_size = (uint32_t)f->size;
		uint8_t *record;
		size_t size;

		if (f->gso != FRAME_GSO_NONE)
			offload_cut_get(&cut, sealed, header, &payload, &payload_size);
		size = SEAL_OVERHEAD + cut.header_size + payload_size;
		record = record_room(w, link, size);
		memcpy(record + SEAL_OUTER_SIZE + SEAL_INNER_SIZE, header, cut.header_size);
		if (sealer_seal(link->sealer, hand, counter + sealed, &inner, record,
				cut.header_size, payload, payload_size) != 0) {
			worker_count(w, WORKER_DROP_SEND, cut.count - sealed);
			break;
		}
		train_add(&w->train, size, w->now);
		bytes += size;
	}
	count_sent(w, link, f, sealed, bytes);
	return true;
}

/* Whatever a decision does not speak of is out of the ordinary. */
static bool
is_plain(const struct frame *packet, const struct ip *ip)
{
	if (ip->header_size != IP4_SIZE_MIN || ip->more_fragments || ip->fragment_offset != 0 ||
	    ip->size > packet->size || ip->l4_header_size == 0)
		return false;
	if (ip->proto == IP_PROTO_TCP)
		return (packet->data[ip->header_size + TCP_FLAGS_AT] & TCP_FLAG_SYN) == 0;
	return ip->proto == IP_PROTO_UDP;
}

/* By the decision, if it speaks of this packet. */
static bool
send_by(struct worker *w, struct flow *flow, struct frame packet, const struct ip *ip)
{
	/* What follows is the Ethernet's padding. */
	packet.size = ip->size;
	if ((flow->counts_hop && ip->ttl <= 1) ||
	    fit_judge(&packet, ip, flow->link->mtu) != FIT_WHOLE || !hold(w, &flow->key))
		return false;
	if (flow->counts_hop)
		ip_dec_ttl(packet.data);
	if (!seal(w, flow, &packet)) {
		worker_count(w, WORKER_DROP_SEND, 1);
		return true;
	}
	tell_seen(w, flow);
	return true;
}

struct heard {
	struct worker *worker;
	unsigned port;
};

static void
on_frame(void *ctx, struct frame *f)
{
	const struct heard *h = ctx;
	struct worker *w = h->worker;
	struct flow_key key = {.port = h->port};
	struct frame packet = *f;
	struct eth eth;
	struct flow *flow;
	bool plain;
	struct ip ip;

	packet.data += ETH_SIZE;
	packet.size -= f->size < ETH_SIZE ? f->size : ETH_SIZE;
	if (eth_parse(f->data, f->size, &eth) != 0 || eth.type != ETH_IP4 ||
	    ip_parse(packet.data, packet.size, &ip) != 0) {
		hand_over(w, f, &key, false);
		return;
	}
	key = flow_key_make(h->port, f->data);
	plain = is_plain(&packet, &ip);
	flow = plain ? flow_cache_find(w->cache, &key, w->epoch) : NULL;
	if (flow == NULL || !send_by(w, flow, packet, &ip))
		hand_over(w, f, &key, plain);
}

/* ---- the loop ---- */

static void
take_decisions(struct worker *w)
{
	const struct flow *flow;
	size_t size;

	while ((flow = ring_next(w->down, &size)) != NULL)
		flow_cache_put(w->cache, flow);
	ring_release(w->down);
}

static void
take_stats(struct worker *w, struct worker_port *p)
{
	struct port_packet_stats s, *t = &p->taken;

	port_packet_stats(p->packet, &s);
	worker_count(w, WORKER_RX_FRAMES, s.rx_frames - t->rx_frames);
	worker_count(w, WORKER_RX_BYTES, s.rx_bytes - t->rx_bytes);
	worker_count(w, WORKER_ECHOES, s.rx_echoes - t->rx_echoes);
	worker_count(w, WORKER_DROP_VLAN, s.drop_vlan - t->drop_vlan);
	worker_count(w, WORKER_DROP_KERNEL, s.drop_kernel - t->drop_kernel);
	worker_count(w, WORKER_DROP_MALFORMED, s.drop_malformed - t->drop_malformed);
	worker_count(w, WORKER_DROP_TOO_LARGE, s.drop_too_large - t->drop_too_large);
	*t = s;
}

static void
take_all_stats(struct worker *w)
{
	for (size_t i = 0; i < w->all->conf.port_count; i++)
		if (w->ports[i].packet != NULL)
			take_stats(w, &w->ports[i]);
	w->has_counts = false;
	w->stats_due = w->now + STATS_PACE;
}

/* One batch of one port. */
static void
read_port(struct worker *w, unsigned number)
{
	struct heard h = {.worker = w, .port = number};

	/* A device that fails is the control thread's to see; until it has, there is no hurry. */
	if (port_packet_read(w->ports[number].packet, on_frame, &h) != 0)
		nanosleep(&(struct timespec){.tv_nsec = FAILED_STEP_NS}, NULL);
	w->has_counts = true;
}

static void
work(struct worker *w)
{
	w->now = loop_now();
	for (unsigned i = 0; i < w->all->conf.port_count; i++) {
		if (w->ports[i].packet == NULL || w->fds[i].revents == 0)
			continue;
		w->epoch = epoch_enter(&w->all->epoch, &w->reader);
		w->has_waited = false;
		take_decisions(w);
		read_port(w, i);
		train_send(w);
		wake_control(w);
		epoch_leave(&w->reader);
	}
	if (w->has_counts && w->now >= w->stats_due)
		take_all_stats(w);
}

void *
worker_main(void *worker)
{
	struct worker *w = worker;
	size_t count = w->all->conf.port_count;

	for (size_t i = 0; i < count; i++)
		w->fds[i] = (struct pollfd){
			.fd = w->ports[i].packet == NULL ? -1 : port_packet_fd(w->ports[i].packet),
			.events = POLLIN};
	w->fds[count] = (struct pollfd){.fd = w->wake_fd, .events = POLLIN};
	while (!atomic_load_explicit(&w->stop, memory_order_acquire)) {
		int n = poll(w->fds, count + 1, w->has_counts ? (int)(STATS_PACE / US_MS) : -1);

		if (n > 0)
			work(w);
		else if (n == 0)
			take_all_stats(w);
	}
	take_all_stats(w);
	return NULL;
}
