/* Routers with sessions in one process: a fake clock and a network that loses, repeats, delays
 * and reorders.  Everything repeats exactly from the seed. */
#ifndef TESTS_SESSION_SIM_H
#define TESTS_SESSION_SIM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "tests/unit/session_nat.h"
#include "tests/unit/session_queue.h"
#include "vr/roster.h"

#define SIM_NODES_MAX 48
#define SIM_SEQ_MAX   100000
#define SIM_PACKET    200 /* inner bytes of a data packet */

struct sim;

struct sim_link {
	bool up; /* as reported */
	unsigned ups, downs, moves;
	uint16_t mtu;
	uint32_t sent;       /* data packets offered and taken */
	uint32_t got;        /* of the other's, without repetitions */
	uint8_t *seen;       /* by sequence number */
	uint64_t floor;      /* heard timestamp, "on disk" */
	unsigned duplicates; /* delivered twice: must stay 0 */
};

struct sim_node {
	struct sim *sim;
	unsigned number;
	struct roster *roster;
	struct endpoint at;
	uint8_t key[CRYPTO_KEY_SIZE], public_key[CRYPTO_KEY_SIZE];
	uint64_t clock_floor; /* "on disk" */
	bool has_endpoints;
	struct sim_nat nat;
	uint64_t relayed;    /* datagrams, for others */
	uint16_t device_mtu; /* larger packets: EMSGSIZE */
	bool no_random;      /* the system has none */
	bool no_buffers;     /* ENOBUFS */
	bool only_v4;        /* its socket takes nothing else */
	us_t busy_until;     /* no processor until then: datagrams wait */
	struct sim_link links[SIM_NODES_MAX];
};

struct sim {
	struct roster_conf conf;
	us_t now;
	uint64_t seed, state;
	struct sim_node nodes[SIM_NODES_MAX];
	unsigned count;
	struct sim_queue queue;
	uint64_t order;
	/* The network. */
	unsigned loss_pct, dup_pct;
	us_t delay_min, delay_max;
	uint16_t path_mtu; /* larger packets vanish */
	bool cut[SIM_NODES_MAX][SIM_NODES_MAX];
	/* False: this datagram is lost.  May look at and keep whatever passes. */
	bool (*tap)(struct sim *s, const struct sim_event *e);
	void *tap_ctx;
	us_t last_delivery;
};

static inline uint64_t
sim_random(struct sim *s)
{
	/* splitmix64 */
	uint64_t z = (s->state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline uint64_t
sim_below(struct sim *s, uint64_t n)
{
	return n == 0 ? 0 : sim_random(s) % n;
}

static inline struct endpoint
sim_address(unsigned number, uint16_t port)
{
	const uint8_t b[4] = {10, 0, (uint8_t)(number >> 8), (uint8_t)number};

	return (struct endpoint){.addr = addr_make(ADDR_V4, b), .port = port};
}

/* Puts a datagram on the wire as it is: no loss, no repetition. */
static inline void
sim_inject(struct sim *s, const struct endpoint *from, const struct endpoint *to,
	   const uint8_t *data, size_t size)
{
	struct sim_event e = {.at = s->now + s->delay_min +
				    (us_t)sim_below(s, s->delay_max - s->delay_min + 1),
			      .order = s->order++,
			      .from = *from,
			      .to = *to,
			      .size = (uint16_t)size,
			      .data = malloc(size)};

	memcpy(e.data, data, size);
	sim_queue_put(&s->queue, e);
}

/* Is this datagram for the node? */
static inline bool
sim_reaches(const struct sim *s, const struct sim_node *n, const struct sim_event *e)
{
	if (e->stream != 0 || n->nat.blocks_udp)
		return false;
	if (n->nat.mapping == SIM_PUBLIC)
		return endpoint_equal(n->at, e->to);
	return addr_equal(n->nat.outside, e->to.addr) &&
	       sim_nat_in(&n->nat, &e->from, e->to.port, s->now);
}

/* Streams lose nothing.  A stream's number says who opened it to whom. */
static inline int
sim_stream_send(struct sim_node *n, const struct path *to, const uint8_t *data, size_t size)
{
	struct sim *s = n->sim;
	struct sim_event e = {.at = s->now + s->delay_max,
			      .order = s->order++,
			      .size = (uint16_t)size,
			      .stream = to->via,
			      .forth = to->via == 0};

	for (unsigned i = 0; e.forth && i < s->count; i++)
		if (endpoint_equal(s->nodes[i].at, to->to) && s->nodes[i].nat.mapping == SIM_PUBLIC)
			e.stream = 1 + n->number * SIM_NODES_MAX + i;
	if (e.stream == 0 || n->nat.blocks_tcp)
		return -ENOTCONN;
	e.data = malloc(size);
	memcpy(e.data, data, size);
	sim_queue_put(&s->queue, e);
	return 0;
}

static inline int
sim_on_send(void *ctx, const struct path *to, const uint8_t *data, size_t size, us_t now)
{
	struct sim_node *n = ctx;
	struct sim *s = n->sim;
	struct endpoint from;

	(void)now;
	assert_true(to->kind == PATH_UDP || to->kind == PATH_TCP);
	if (n->no_buffers)
		return -ENOBUFS;
	if (to->kind == PATH_TCP)
		return sim_stream_send(n, to, data, size);
	if (n->only_v4 && to->to.addr.family != ADDR_V4)
		return -EAFNOSUPPORT;
	if (size + 28 > n->device_mtu)
		return -EMSGSIZE;
	from = sim_nat_out(&n->nat, n->at, &to->to, s->now);
	if (size + 28 > s->path_mtu || n->nat.blocks_udp || sim_below(s, 100) < s->loss_pct)
		return 0;
	sim_inject(s, &from, &to->to, data, size);
	if (sim_below(s, 100) < s->dup_pct)
		sim_inject(s, &from, &to->to, data, size);
	return 0;
}

static inline int
sim_on_random(void *ctx, void *bytes, size_t size)
{
	struct sim_node *n = ctx;
	uint8_t *p = bytes;

	if (n->no_random)
		return -EIO;
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)sim_random(n->sim);
	return 0;
}

static inline uint64_t
sim_on_wall(void *ctx)
{
	struct sim_node *n = ctx;

	/* Clocks differ; some stand still. */
	return n->number % 3 == 2 ? 1000 : (uint64_t)n->sim->now * 1000 + n->number * 1000000000u;
}

static inline void
sim_on_session(void *ctx, uint32_t slot, bool up, us_t now)
{
	struct sim_node *n = ctx;

	(void)now;
	assert_true(n->links[slot].up != up);
	n->links[slot].up = up;
	if (up)
		n->links[slot].ups++;
	else
		n->links[slot].downs++;
}

static inline void
sim_on_mtu(void *ctx, uint32_t slot, uint16_t inner_mtu, us_t now)
{
	struct sim_node *n = ctx;

	(void)now;
	n->links[slot].mtu = inner_mtu;
}

static inline void
sim_on_persist(void *ctx)
{
	struct sim_node *n = ctx;

	if (n->roster == NULL)
		return;
	n->clock_floor = roster_clock(n->roster);
	for (unsigned i = 0; i < n->sim->count; i++)
		if (roster_at(n->roster, i) != NULL)
			n->links[i].floor = session_heard_stamp(roster_at(n->roster, i));
}

static inline void
sim_on_moved(void *ctx, uint32_t slot, us_t now)
{
	struct sim_node *n = ctx;

	(void)now;
	n->links[slot].moves++;
}

static inline void
sim_on_authentic(void *ctx, uint32_t slot, const struct path *from)
{
	(void)ctx, (void)slot;
	assert_int_equal(from->kind, PATH_TCP);
}

static inline void
sim_on_stuck(void *ctx, const struct path *stream)
{
	(void)ctx;
	assert_int_equal(stream->kind, PATH_TCP);
}

static inline bool
sim_on_reaches(void *ctx, const struct endpoint *to)
{
	const struct sim_node *n = ctx;

	return !n->only_v4 || to->addr.family == ADDR_V4;
}

static inline struct addr
sim_on_source(void *ctx, const struct endpoint *to)
{
	const struct sim_node *n = ctx;

	(void)to;
	return n->at.addr;
}

static const struct roster_ops sim_ops = {
	.reaches = sim_on_reaches,
	.source = sim_on_source,
	.authentic = sim_on_authentic,
	.stuck = sim_on_stuck,
	.moved = sim_on_moved,
	.random = sim_on_random,
	.wall = sim_on_wall,
	.send = sim_on_send,
	.session = sim_on_session,
	.mtu = sim_on_mtu,
	.persist = sim_on_persist,
};

/* Starts a router, or starts it again with what is "on disk". */
static inline void
sim_start(struct sim *s, unsigned number)
{
	struct sim_node *n = &s->nodes[number];
	struct roster_conf conf = s->conf;

	memcpy(conf.private_key, n->key, sizeof(conf.private_key));
	conf.clock_floor = n->clock_floor;
	assert_int_equal(roster_create(&conf, &sim_ops, n, &n->roster), 0);
	for (unsigned i = 0; i < s->count; i++) {
		struct session *peer;

		n->links[i].up = false;
		if (i == number)
			continue;
		assert_int_equal(
			roster_put(n->roster, i, s->nodes[i].public_key, n->links[i].floor), 0);
		peer = roster_at(n->roster, i);
		if (n->has_endpoints)
			session_endpoints(peer, &s->nodes[i].at, 1, s->now);
		roster_touch(n->roster, peer);
	}
}

static inline void
sim_start_all(struct sim *s)
{
	for (unsigned i = 0; i < s->count; i++)
		sim_start(s, i);
}

static inline void
sim_stop(struct sim *s, unsigned number)
{
	roster_destroy(s->nodes[number].roster);
	s->nodes[number].roster = NULL;
	for (unsigned i = 0; i < s->count; i++)
		s->nodes[number].links[i].up = false;
}

static inline struct sim *
sim_create(unsigned count, uint64_t seed)
{
	struct sim *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->seed = s->state = seed;
	s->now = US_S;
	s->count = count;
	s->queue.heap = calloc(SIM_QUEUE_MAX, sizeof(*s->queue.heap));
	s->conf = (struct roster_conf){
		.rekey_time = 120 * US_S,
		.rekey_records = UINT64_C(1) << 32,
		.silence = 3 * US_S,
		.keepalive = 25 * US_S,
		.mtu_max = 1500,
	};
	s->path_mtu = 65535;
	s->delay_min = 1 * US_MS;
	s->delay_max = 1 * US_MS;
	for (unsigned i = 0; i < count; i++) {
		struct sim_node *n = &s->nodes[i];

		n->sim = s;
		n->number = i;
		n->at = sim_address(i, 51341);
		n->has_endpoints = true;
		n->device_mtu = 65535;
		assert_int_equal(sim_on_random(n, n->key, sizeof(n->key)), 0);
		assert_int_equal(crypto_public_key(n->key, n->public_key), 0);
		for (unsigned j = 0; j < count; j++)
			n->links[j].seen = calloc(SIM_SEQ_MAX, 1);
	}
	return s;
}

static inline void
sim_destroy(struct sim *s)
{
	while (s->queue.count > 0)
		free(sim_queue_take(&s->queue).data);
	for (unsigned i = 0; i < s->count; i++) {
		roster_destroy(s->nodes[i].roster);
		for (unsigned j = 0; j < s->count; j++)
			free(s->nodes[i].links[j].seen);
	}
	free(s->queue.heap);
	free(s);
}

/* To where the peer may be by now, too. */
static inline void
sim_copy(struct sim_node *n, struct session *peer, const uint8_t *data, size_t size)
{
	const struct path *to = session_trial(peer);

	if (to != NULL && session_trial_take(peer, size))
		(void)sim_on_send(n, to, data, size, n->sim->now);
}

/* A record with a number from a to b.  False: not taken. */
static inline bool
sim_say(struct sim *s, unsigned a, unsigned b, enum seal_kind kind, uint32_t seq)
{
	struct sim_node *n = &s->nodes[a];
	struct session *peer = roster_at(n->roster, b);
	uint8_t datagram[SEAL_RELAY_SIZE + SEAL_OVERHEAD + SIM_PACKET], body[SIM_PACKET] = {0};
	uint8_t *record = datagram + SEAL_RELAY_SIZE;
	size_t front = 0;
	struct roster_way way;

	memcpy(body, &seq, sizeof(seq));
	if (!roster_way(n->roster, peer, &way) ||
	    session_seal(peer, &(struct seal_inner){.kind = (uint8_t)kind, .vn = 7}, record, 0,
			 body, sizeof(body), s->now) != 0)
		return false;
	if (way.relayed) {
		front = SEAL_RELAY_SIZE;
		assert_int_equal(roster_relay_seal(n->roster, way.relay, b, datagram, 0, 1, s->now),
				 0);
	}
	roster_touch(n->roster, peer);
	(void)sim_on_send(n, &way.leg, record - front, front + SEAL_OVERHEAD + SIM_PACKET, s->now);
	sim_copy(n, peer, record, SEAL_OVERHEAD + SIM_PACKET);
	return true;
}

/* One data packet.  False: not taken. */
static inline bool
sim_data(struct sim *s, unsigned a, unsigned b)
{
	struct sim_link *l = &s->nodes[a].links[b];
	bool is_taken = sim_say(s, a, b, SEAL_DATA, l->sent);

	l->sent += is_taken;
	return is_taken;
}

/* What routers say to each other while their machines are silent. */
static inline void
sim_hello(struct sim *s, unsigned a, unsigned b)
{
	(void)sim_say(s, a, b, SEAL_SYNC, 0);
}

static inline void
sim_got(struct sim_node *n, uint32_t slot, const struct session_content *c)
{
	struct sim_link *l = &n->links[slot];
	uint32_t seq;

	if (c->inner.kind == SEAL_SYNC)
		return;
	assert_int_equal(c->inner.kind, SEAL_DATA);
	assert_int_equal(c->size, SIM_PACKET);
	memcpy(&seq, c->body, sizeof(seq));
	assert_true(seq < SIM_SEQ_MAX);
	if (l->seen[seq])
		l->duplicates++;
	else
		l->got++;
	l->seen[seq] = 1;
}

static inline void
sim_hear(struct sim *s, struct sim_node *n, const struct sim_event *e, struct path from)
{
	struct session_content content;
	uint32_t slot;

	switch (roster_heard(n->roster, e->data, e->size, &from, s->now, &content, &slot)) {
	case ROSTER_CONTENT:
		sim_got(n, slot, &content);
		break;
	case ROSTER_FORWARD:
		n->relayed++;
		(void)sim_on_send(n, session_path(roster_at(n->roster, slot)), e->data, e->size,
				  s->now);
		sim_copy(n, roster_at(n->roster, slot), e->data, e->size);
		break;
	case ROSTER_DONE:
		break;
	}
}

static inline void
sim_deliver(struct sim *s, const struct sim_event *e)
{
	unsigned opener, other;

	for (unsigned i = 0; i < s->count; i++) {
		struct sim_node *n = &s->nodes[i];

		if (n->roster == NULL || !sim_reaches(s, n, e))
			continue;
		for (unsigned j = 0; j < s->count; j++)
			if (s->cut[i][j] && endpoint_equal(s->nodes[j].at, e->from))
				return;
		sim_hear(s, n, e, path_udp(e->from));
	}
	if (e->stream == 0)
		return;
	opener = (e->stream - 1) / SIM_NODES_MAX;
	other = (e->stream - 1) % SIM_NODES_MAX;
	if (e->forth && s->nodes[other].roster != NULL)
		sim_hear(s, &s->nodes[other], e,
			 path_tcp(e->stream, (struct endpoint){.addr = s->nodes[opener].nat.outside,
							       .port = (uint16_t)e->stream}));
	else if (!e->forth && s->nodes[opener].roster != NULL)
		sim_hear(s, &s->nodes[opener], e, path_tcp(0, s->nodes[other].at));
}

/* Who gets it has no processor: it waits. */
static inline bool
sim_postpone(struct sim *s, const struct sim_event *e)
{
	for (unsigned i = 0; i < s->count; i++) {
		const struct sim_node *n = &s->nodes[i];
		struct sim_event later = *e;

		if (n->busy_until <= s->now || !sim_reaches(s, n, e))
			continue;
		later.at = n->busy_until;
		sim_queue_put(&s->queue, later);
		return true;
	}
	return false;
}

/* When the router has to run. */
static inline us_t
sim_due(const struct sim_node *n)
{
	us_t due = n->roster != NULL ? roster_due(n->roster) : US_NEVER;

	return due > n->busy_until ? due : n->busy_until;
}

/* Lets time pass. */
static inline void
sim_run(struct sim *s, us_t duration)
{
	us_t end = s->now + duration;

	for (;;) {
		us_t next = s->queue.count > 0 ? s->queue.heap[0].at : US_NEVER;

		for (unsigned i = 0; i < s->count; i++)
			if (sim_due(&s->nodes[i]) < next)
				next = sim_due(&s->nodes[i]);
		if (next > end)
			break;
		if (next > s->now)
			s->now = next;
		for (unsigned i = 0; i < s->count; i++)
			if (s->nodes[i].roster != NULL && s->nodes[i].busy_until <= s->now)
				(void)roster_run(s->nodes[i].roster, s->now);
		if (s->queue.count > 0 && s->queue.heap[0].at <= s->now) {
			struct sim_event e = sim_queue_take(&s->queue);

			if (sim_postpone(s, &e))
				continue;
			if (s->tap == NULL || s->tap(s, &e))
				sim_deliver(s, &e);
			free(e.data);
		}
	}
	s->now = end;
}

static inline bool
sim_both_up(const struct sim *s, unsigned a, unsigned b)
{
	return s->nodes[a].links[b].up && s->nodes[b].links[a].up;
}

static inline uint64_t
sim_drops(const struct sim *s, unsigned node, enum roster_drop reason)
{
	return roster_drop_count(s->nodes[node].roster, reason);
}

/* Traffic in both directions, a packet each 'gap'. */
static inline void
sim_talk(struct sim *s, us_t duration, us_t gap)
{
	for (us_t end = s->now + duration; s->now < end;) {
		sim_run(s, gap);
		(void)sim_data(s, 0, 1);
		(void)sim_data(s, 1, 0);
	}
}

/* Everything that 'a' sent to 'b' arrived, once. */
static inline void
sim_check_all_arrived(const struct sim *s, unsigned a, unsigned b)
{
	const struct sim_link *l = &s->nodes[b].links[a];

	if (l->got != s->nodes[a].links[b].sent || l->duplicates != 0)
		fail_msg("seed %llu: %u to %u: sent %u, got %u, twice %u",
			 (unsigned long long)s->seed, a, b, s->nodes[a].links[b].sent, l->got,
			 l->duplicates);
}

#endif
