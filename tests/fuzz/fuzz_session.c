/* Everything that a session endpoint takes from strangers and from peers.
 *
 * Two routers with a session are made once.  The first byte of an input says what is done with
 * the rest: handed to a router as it came; with a mac1 made right, so that it gets further; as
 * a change to a real message; sealed by the peer, so that it is what an authentic peer could
 * send. */
#include <stdlib.h>

#include "vr/roster.h"
#include "wire/wr.h"

#define OUTBOX 16
#define SIZE   2048

struct message {
	uint8_t data[SIZE];
	size_t size;
};

struct node {
	struct roster *roster;
	struct endpoint at;
	uint8_t public_key[CRYPTO_KEY_SIZE];
	struct message outbox[OUTBOX];
	unsigned count;
	uint64_t state;
	size_t in_size; /* of the datagram being handled; 0: none */
	bool strange;   /* it came from somebody who is not authentic */
};

struct world {
	struct node a, b;
	us_t now;
	struct message init; /* a real one from a to b */
};

static int
on_random(void *ctx, void *bytes, size_t size)
{
	struct node *n = ctx;
	uint8_t *p = bytes;

	for (size_t i = 0; i < size; i++) {
		n->state = n->state * 6364136223846793005u + 1442695040888963407u;
		p[i] = (uint8_t)(n->state >> 56);
	}
	return 0;
}

static uint64_t
on_wall(void *ctx)
{
	(void)ctx;
	return 1;
}

static int
on_send(void *ctx, const struct path *to, const uint8_t *data, size_t size, us_t now)
{
	(void)now;
	struct node *n = ctx;

	BUG_IF(size > SIZE || addr_is_none(to->to.addr));
	/* No answer to a stranger is larger than what caused it. */
	BUG_IF(n->strange && n->in_size > 0 && size > n->in_size);
	if (n->count < OUTBOX) {
		memcpy(n->outbox[n->count].data, data, size);
		n->outbox[n->count++].size = size;
	}
	return 0;
}

static void
on_session(void *ctx, uint32_t slot, bool up, us_t now)
{
	(void)ctx, (void)slot, (void)up, (void)now;
}

static void
on_mtu(void *ctx, uint32_t slot, uint16_t inner_mtu, us_t now)
{
	(void)ctx, (void)slot, (void)now;
	BUG_IF(inner_mtu < 1280 - 48 - SEAL_OVERHEAD || inner_mtu > 1500 - 28 - SEAL_OVERHEAD);
}

static void
on_authentic(void *ctx, uint32_t slot, const struct path *from)
{
	(void)ctx, (void)slot, (void)from;
}

static void
on_stuck(void *ctx, const struct path *stream)
{
	(void)ctx, (void)stream;
}

static void
on_moved(void *ctx, uint32_t slot, us_t now)
{
	(void)ctx, (void)slot, (void)now;
}

static void
on_persist(void *ctx)
{
	(void)ctx;
}

static bool
on_reaches(void *ctx, const struct endpoint *to)
{
	(void)ctx, (void)to;
	return true;
}

static struct addr
on_source(void *ctx, const struct endpoint *to)
{
	(void)ctx, (void)to;
	return (struct addr){.family = ADDR_NONE};
}

static const struct roster_ops ops = {
	.reaches = on_reaches,
	.source = on_source,
	.random = on_random,
	.wall = on_wall,
	.send = on_send,
	.session = on_session,
	.mtu = on_mtu,
	.moved = on_moved,
	.authentic = on_authentic,
	.stuck = on_stuck,
	.persist = on_persist,
};

static void
node_create(struct node *n, uint8_t number)
{
	struct roster_conf conf = {
		.rekey_time = 120 * US_S,
		.rekey_records = UINT64_C(1) << 40,
		.silence = 1000000 * US_S,
		.keepalive = 25 * US_S,
		.mtu_max = 1500,
	};

	memset(n, 0, sizeof(*n));
	n->state = number;
	memset(conf.private_key, number, sizeof(conf.private_key));
	n->at = (struct endpoint){.addr = addr_make(ADDR_V4, conf.private_key), .port = number};
	BUG_IF(crypto_public_key(conf.private_key, n->public_key) != 0 ||
	       roster_create(&conf, &ops, n, &n->roster) != 0);
}

/* Hands a copy of exact size to the router. */
static bool
hear(struct node *n, const uint8_t *data, size_t size, const struct endpoint *from, us_t now)
{
	struct session_content content = {.size = 0};
	uint8_t *copy = malloc(size > 0 ? size : 1);
	struct path path = path_udp(*from);
	enum roster_fate fate;
	uint32_t slot;

	if (size > 0)
		memcpy(copy, data, size);
	n->in_size = size;
	fate = roster_heard(n->roster, copy, size, &path, now, &content, &slot);
	n->in_size = 0;
	if (fate == ROSTER_CONTENT)
		BUG_IF(slot != 0 || content.body < copy ||
		       content.body + content.size > copy + size);
	/* There is nobody to relay to but the sender itself. */
	BUG_IF(fate == ROSTER_FORWARD);
	free(copy);
	return fate == ROSTER_CONTENT;
}

static void
on_train(void *ctx, enum roster_fate fate, uint32_t slot, uint8_t *data, size_t size,
	 const struct session_content *content, us_t now)
{
	(void)ctx, (void)now;
	BUG_IF(fate != ROSTER_CONTENT || slot != 0 || content->body < data ||
	       content->body + content->size > data + size);
}

/* A train of two datagrams of an authentic peer, relayed: the input is laid over both. */
static void
hear_train(struct world *w, const uint8_t *data, size_t size, enum seal_type type)
{
	struct path from = path_udp(w->a.at);
	size_t stride = SEAL_RELAY_SIZE + SEAL_OUTER_SIZE + 60;
	uint8_t *copy;

	if (size < 2)
		return;
	copy = calloc(2, stride);
	BUG_IF(copy == NULL);
	BUG_IF(session_relay_seal(roster_at(w->a.roster, 0), type, (struct vr_id){size}, copy,
				  stride, 2, w->now) != 0);
	for (size_t i = 1; i < size; i++)
		copy[(data[0] + i - 1) % (2 * stride)] ^= data[i];
	roster_train_heard(w->b.roster, copy, 2 * stride - data[0] % stride, stride, NULL, &from,
			   w->now, on_train, NULL);
	free(copy);
}

static void
exchange(struct world *w)
{
	while (w->a.count > 0 || w->b.count > 0) {
		struct node *from = w->a.count > 0 ? &w->a : &w->b;
		struct node *to = from == &w->a ? &w->b : &w->a;
		struct message m = from->outbox[--from->count];

		if (m.data[0] == SEAL_INIT)
			w->init = m;
		(void)hear(to, m.data, m.size, &from->at, w->now);
	}
}

static struct world *
world_create(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct session *s;

	BUG_IF(w == NULL);
	w->now = US_S;
	node_create(&w->a, 1);
	node_create(&w->b, 2);
	BUG_IF(roster_put(w->a.roster, 0, w->b.public_key, 0) != 0 ||
	       roster_put(w->b.roster, 0, w->a.public_key, 0) != 0);
	s = roster_at(w->a.roster, 0);
	session_endpoints(s, &w->b.at, 1, w->now);
	roster_touch(w->a.roster, s);
	(void)roster_run(w->a.roster, w->now);
	exchange(w);
	BUG_IF(!session_is_up(s) || !session_is_up(roster_at(w->b.roster, 0)));
	/* b takes what a relays, and would relay itself. */
	roster_set_relaying(w->b.roster, true, 0);
	roster_set_relay(w->b.roster, 0, true, w->now);
	return w;
}

static void
world_destroy(struct world *w)
{
	roster_destroy(w->a.roster);
	roster_destroy(w->b.roster);
	free(w);
}

/* As it came, but with a mac1 that is right. */
static void
hear_maced(struct world *w, const uint8_t *data, size_t size, const struct endpoint *from)
{
	uint8_t copy[SIZE], key[CRYPTO_HASH_SIZE], mac[CRYPTO_HASH_SIZE];
	size_t at = size;

	memcpy(copy, data, size);
	if (size == HANDSHAKE_INIT_SIZE)
		at = size - 2 * HANDSHAKE_MAC_SIZE;
	else if (size == HANDSHAKE_RESPONSE_SIZE)
		at = size - HANDSHAKE_MAC_SIZE;
	if (at < size) {
		crypto_hash("vrd mac1", 8, w->b.public_key, CRYPTO_KEY_SIZE, key);
		crypto_hmac(key, sizeof(key), copy, at, NULL, 0, mac);
		memcpy(copy + at, mac, HANDSHAKE_MAC_SIZE);
	}
	(void)hear(&w->b, copy, size, from, w->now);
}

/* The real message with the input's bytes laid over it from an offset on. */
static void
hear_changed(struct world *w, const struct message *real, const uint8_t *data, size_t size,
	     const struct endpoint *from, bool maced)
{
	struct message m = *real;

	for (size_t i = 2; i < size; i++)
		m.data[(data[0] + i - 2) % m.size] ^= data[i];
	if (size > 1 && data[1] < m.size && data[1] > 128)
		m.size = data[1];
	if (maced)
		hear_maced(w, m.data, m.size, from);
	else
		(void)hear(&w->b, m.data, m.size, from, w->now);
}

/* What an authentic peer could send: the input is the plaintext. */
static void
hear_sealed(struct world *w, const uint8_t *data, size_t size)
{
	struct session *s = roster_at(w->a.roster, 0);
	struct seal_inner inner = {.kind = SEAL_KEEPALIVE};
	uint8_t body[SIZE] = {0};
	struct message m;

	if (size > 1400)
		size = 1400;
	if (size >= SEAL_INNER_SIZE && seal_inner_parse(data, size, &inner) == 0) {
		data += SEAL_INNER_SIZE;
		size -= SEAL_INNER_SIZE;
	}
	if (size > 0)
		memcpy(body, data, size);
	m.size = SEAL_OVERHEAD + size;
	BUG_IF(session_seal(s, &inner, m.data, 0, body, size, w->now) != 0);
	(void)hear(&w->b, m.data, m.size, &w->a.at, w->now);
}

/* A datagram that an authentic peer relays, or wants to have relayed: the input is the datagram. */
static void
hear_relayed(struct world *w, const uint8_t *data, size_t size, enum seal_type type)
{
	struct session *s = roster_at(w->a.roster, 0);
	struct message m;

	if (size > 1400)
		size = 1400;
	m.size = SEAL_RELAY_SIZE + size;
	BUG_IF(session_relay_seal(s, type, (struct vr_id){size}, m.data, 0, 1, w->now) != 0);
	if (size > 0)
		memcpy(m.data + SEAL_RELAY_SIZE, data, size);
	(void)hear(&w->b, m.data, m.size, &w->a.at, w->now);
}

static void
one(struct world *w, uint8_t mode, const uint8_t *data, size_t size)
{
	const uint8_t ip[16] = {10, 0, mode, size > 3 ? data[3] & 7 : 0};
	struct endpoint from = {.addr = addr_make(ADDR_V4, ip), .port = 1};
	struct endpoint home = session_path(roster_at(w->b.roster, 0))->to;
	struct message record;

	/* A change may undo itself, and a real record of the peer may be answered at length. */
	w->b.strange = mode < 0x80;
	if (mode < 0x60) {
		(void)hear(&w->b, data, size, &from, w->now);
	} else if (mode < 0x68) {
		hear_maced(w, data, size, &from);
	} else if (mode < 0x6c) {
		hear_changed(w, &w->init, data, size, &from, true);
	} else if (mode < 0x80) {
		hear_changed(w, &w->init, data, size, &from, false);
	} else if (mode < 0xc0) {
		memset(&record, 0, sizeof(record));
		record.size = SEAL_OVERHEAD + 60;
		BUG_IF(session_seal(roster_at(w->a.roster, 0),
				    &(struct seal_inner){.kind = SEAL_DATA}, record.data, 60, NULL,
				    0, w->now) != 0);
		if (size > 2)
			hear_changed(w, &record, data, size, &from, false);
	} else {
		if (mode < 0xf0)
			hear_sealed(w, data, size);
		else if (mode < 0xf8)
			hear_train(w, data, size, mode < 0xf6 ? SEAL_RELAYED : SEAL_RELAY);
		else
			hear_relayed(w, data, size, mode < 0xfc ? SEAL_RELAYED : SEAL_RELAY);
		return;
	}
	/* Nobody of these is the peer, so nobody has moved it. */
	if (mode < 0x80)
		BUG_IF(!endpoint_equal(home, session_path(roster_at(w->b.roster, 0))->to));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Making a pair takes longer than a thousand inputs: it serves many and is made anew
	 * often enough for a finding to repeat from the inputs at hand. */
	static struct world *w;
	static unsigned served;

	if (size < 1 || size > SIZE)
		return 0;
	if (w != NULL && served >= 5000) {
		world_destroy(w);
		w = NULL;
	}
	if (w == NULL) {
		w = world_create();
		served = 0;
	}
	served++;
	w->now += 100;
	one(w, data[0], data + 1, size - 1);
	if (served % 16 == 0)
		(void)roster_run(w->b.roster, w->now);
	w->a.count = w->b.count = 0;
	return 0;
}
