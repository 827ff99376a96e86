/* Sessions with one peer. */
#include "vr/session.h"

#include <errno.h>

#include "vr/keys.h"
#include "vr/pmtu.h"
#include "wire/rd.h"
#include "wire/wr.h"

#define KEYS_MAX        4
#define RETRY_FIRST     (250 * US_MS)
#define RETRY_LAST      (4 * US_S) /* and up to a quarter more */
#define YIELD_TIME      (1 * US_S) /* for the peer's handshake to finish before ours goes on */
#define OLD_KEYS_TIME   (10 * US_S)
#define COOKIE_TIME     (110 * US_S) /* the peer accepts it for at least 120 s */
#define CONFIRM_TIME    (250 * US_MS)
#define CONFIRM_TRIES   5
#define UDP_HEADER_SIZE 8

struct session {
	const struct session_conf *conf;
	const struct session_ops *ops;
	void *ctx;
	uint32_t user;
	uint8_t public_key[CRYPTO_KEY_SIZE];

	struct keys keys[KEYS_MAX];
	struct keys *current; /* the keys that seal, NULL: none */
	uint64_t generation;
	uint64_t heard_generation; /* newest keys that a record was opened with */
	us_t heard_generation_at;

	/* Our own handshake under way. */
	bool pending;
	uint32_t pending_index;
	struct noise noise;
	uint8_t init[HANDSHAKE_INIT_SIZE]; /* as sent: a cookie is bound to it */
	struct endpoint init_to;
	bool cookie_used;  /* this INIT was already repeated with a cookie */
	us_t next_attempt; /* US_NEVER: none wanted */
	unsigned attempts;
	uint8_t cookie[HANDSHAKE_MAC_SIZE];
	us_t cookie_until;

	uint64_t heard_stamp;
	struct endpoint endpoint; /* where records go */
	struct endpoint endpoints[SESSION_ENDPOINTS_MAX];
	size_t endpoint_count;

	us_t due;              /* when session_run() has something to do */
	us_t heard;            /* last authentic record */
	us_t unanswered_since; /* first record sent since the peer was heard under current keys; 0 */
	us_t confirm_at;       /* next keepalive that tells the peer that we have the keys */
	unsigned confirm_tries;
	struct pmtu pmtu;
	uint16_t inner_mtu; /* as reported */
	struct session_stats stats;
};

struct session *
session_create(const struct session_conf *conf, const struct session_ops *ops, void *ctx,
	       uint32_t user, const uint8_t public_key[CRYPTO_KEY_SIZE], uint64_t heard_floor)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->conf = conf;
	s->ops = ops;
	s->ctx = ctx;
	s->user = user;
	memcpy(s->public_key, public_key, sizeof(s->public_key));
	s->heard_stamp = heard_floor;
	s->next_attempt = US_NEVER;
	s->confirm_at = US_NEVER;
	s->due = US_NEVER;
	pmtu_init(&s->pmtu, conf->mtu_max);
	s->inner_mtu = session_inner_mtu(s);
	return s;
}

static void
keys_drop(struct session *s, struct keys *k)
{
	if (!k->used)
		return;
	s->ops->index_give(s->ctx, k->index);
	if (s->current == k)
		s->current = NULL;
	keys_fini(k);
}

static void
pending_drop(struct session *s)
{
	if (!s->pending)
		return;
	s->ops->index_give(s->ctx, s->pending_index);
	s->pending = false;
	noise_fini(&s->noise);
}

void
session_destroy(struct session *s)
{
	if (s == NULL)
		return;
	pending_drop(s);
	for (size_t i = 0; i < KEYS_MAX; i++)
		keys_drop(s, &s->keys[i]);
	crypto_wipe(s, sizeof(*s));
	free(s);
}

static void
handshake_want(struct session *s, us_t now)
{
	if (s->next_attempt != US_NEVER)
		return;
	s->attempts = 0;
	s->next_attempt = now;
	s->due = now;
}

static void
handshake_end(struct session *s)
{
	pending_drop(s);
	s->next_attempt = US_NEVER;
	s->attempts = 0;
}

void
session_endpoints(struct session *s, const struct endpoint *endpoints, size_t count, us_t now)
{
	if (count > SESSION_ENDPOINTS_MAX)
		count = SESSION_ENDPOINTS_MAX;
	s->endpoint_count = count;
	if (count > 0)
		memcpy(s->endpoints, endpoints, count * sizeof(*endpoints));
	if (s->current == NULL && count > 0) {
		handshake_want(s, now);
		s->next_attempt = s->due = now;
	}
}

uint32_t
session_user(const struct session *s)
{
	return s->user;
}

const uint8_t *
session_public_key(const struct session *s)
{
	return s->public_key;
}

bool
session_is_up(const struct session *s)
{
	return s->current != NULL;
}

const struct endpoint *
session_endpoint(const struct session *s)
{
	return &s->endpoint;
}

uint64_t
session_heard_stamp(const struct session *s)
{
	return s->heard_stamp;
}

/* Bytes of IP and UDP in front of a record. */
static uint16_t
underlay_overhead(const struct session *s)
{
	return (s->endpoint.addr.family == ADDR_V6 ? 40 : 20) + UDP_HEADER_SIZE;
}

uint16_t
session_inner_mtu(const struct session *s)
{
	uint16_t overhead = underlay_overhead(s) + SEAL_OVERHEAD;

	return s->pmtu.size > overhead ? s->pmtu.size - overhead : 0;
}

static void
mtu_report(struct session *s, us_t now)
{
	uint16_t inner = session_inner_mtu(s);

	if (inner == s->inner_mtu)
		return;
	s->inner_mtu = inner;
	s->ops->mtu(s->ctx, s, now);
}

/* A duration and up to a quarter more, so that routers that fail together do not call together. */
static us_t
jittered(struct session *s, us_t duration)
{
	uint16_t r = 0;

	if (s->ops->random(s->ctx, &r, sizeof(r)) != 0)
		r = 0;
	return duration + duration / 4 * r / UINT16_MAX;
}

/* The endpoint for this attempt: where the peer is now, then where it may be, in turn. */
static const struct endpoint *
attempt_endpoint(const struct session *s)
{
	bool listed = addr_is_none(s->endpoint.addr);
	size_t count = s->endpoint_count;
	size_t turn;

	for (size_t i = 0; i < s->endpoint_count && !listed; i++)
		listed = endpoint_equal(s->endpoint, s->endpoints[i]);
	if (!listed)
		count++;
	else if (s->attempts == 0 && !addr_is_none(s->endpoint.addr))
		return &s->endpoint;
	if (count == 0)
		return NULL;
	turn = s->attempts % count;
	if (listed)
		return &s->endpoints[turn];
	return turn == 0 ? &s->endpoint : &s->endpoints[turn - 1];
}

static void
init_send(struct session *s, us_t now)
{
	const struct endpoint *to = attempt_endpoint(s);
	unsigned doubled = s->attempts < 4 ? s->attempts : 4;
	us_t wait = RETRY_FIRST << doubled;
	uint8_t ephemeral[CRYPTO_KEY_SIZE];
	struct handshake_init init = {.cipher = s->conf->cipher};
	int rc;

	if (to == NULL) {
		/* It has to call us. */
		handshake_end(s);
		return;
	}
	s->attempts++;
	s->next_attempt = now + jittered(s, wait < RETRY_LAST ? wait : RETRY_LAST);
	pending_drop(s);
	if (s->ops->random(s->ctx, ephemeral, sizeof(ephemeral)) != 0 ||
	    s->ops->index_take(s->ctx, s, &s->pending_index) != 0)
		return;
	init.sender = s->pending_index;
	init.stamp = s->ops->stamp(s->ctx);
	rc = handshake_init_build(&s->noise, &s->conf->self, &init, s->public_key, ephemeral,
				  s->init);
	crypto_wipe(ephemeral, sizeof(ephemeral));
	s->pending = true;
	if (rc != 0) {
		pending_drop(s);
		return;
	}
	if (now < s->cookie_until)
		handshake_init_prove(s->init, s->cookie);
	s->cookie_used = false;
	s->init_to = *to;
	/* Lost is lost: the next attempt follows. */
	(void)s->ops->send(s->ctx, to, s->init, sizeof(s->init));
}

/* Room for one more generation: what is least likely to be needed goes. */
static struct keys *
keys_room(struct session *s)
{
	struct keys *newest_unheard = NULL, *victim = NULL;

	for (size_t i = 0; i < KEYS_MAX; i++) {
		struct keys *k = &s->keys[i];

		if (!k->used)
			return k;
		if (k != s->current && !k->heard &&
		    (newest_unheard == NULL || k->generation > newest_unheard->generation))
			newest_unheard = k;
	}
	/* Answers that the peer has never used, but not the last of them; then the oldest. */
	for (size_t i = 0; i < KEYS_MAX; i++) {
		struct keys *k = &s->keys[i];

		if (k == s->current || k == newest_unheard)
			continue;
		if (victim == NULL || (victim->heard && !k->heard) ||
		    (victim->heard == k->heard && k->generation < victim->generation))
			victim = k;
	}
	keys_drop(s, victim);
	return victim;
}

static struct keys *
keys_add(struct session *s, const struct noise *n, bool initiator, uint32_t index, uint32_t remote,
	 us_t now)
{
	struct keys *k = keys_room(s);

	if (keys_init(k, n, initiator, index, remote, now) != 0)
		return NULL;
	k->generation = ++s->generation;
	return k;
}

/* From now on 'k' seals. */
static void
keys_promote(struct session *s, struct keys *k, us_t now)
{
	bool was_up = s->current != NULL;

	s->due = now;
	s->current = k;
	s->unanswered_since = 0;
	s->stats.handshakes++;
	s->stats.rekeys += was_up;
	handshake_end(s);
	if (!was_up) {
		pmtu_start(&s->pmtu, now);
		mtu_report(s, now);
		s->ops->up(s->ctx, s, true, now);
	}
}

static void
endpoint_follow(struct session *s, const struct endpoint *from, us_t now)
{
	bool roamed = !addr_is_none(s->endpoint.addr);

	if (endpoint_equal(s->endpoint, *from))
		return;
	s->endpoint = *from;
	s->stats.roams += roamed;
	/* Another path: what was found out about the old one may not hold. */
	if (s->current != NULL)
		pmtu_start(&s->pmtu, now);
	s->due = now;
	mtu_report(s, now);
}

int
session_init_heard(struct session *s, struct noise *n, const struct handshake_init *init,
		   const struct endpoint *from, us_t now)
{
	uint8_t ephemeral[CRYPTO_KEY_SIZE], msg[HANDSHAKE_RESPONSE_SIZE];
	uint32_t index;
	int rc;

	if (init->stamp <= s->heard_stamp)
		return -ESTALE;
	s->heard_stamp = init->stamp;
	s->ops->persist(s->ctx);
	rc = s->ops->random(s->ctx, ephemeral, sizeof(ephemeral));
	if (rc == 0)
		rc = s->ops->index_take(s->ctx, s, &index);
	if (rc != 0)
		return rc;
	rc = handshake_response_build(n, init->sender, index, ephemeral, msg);
	crypto_wipe(ephemeral, sizeof(ephemeral));
	if (rc == 0 && keys_add(s, n, false, index, init->sender, now) == NULL)
		rc = -ENOMEM;
	if (rc != 0) {
		s->ops->index_give(s->ctx, index);
		return rc;
	}
	/* When both call at once, one is enough: the smaller key gives way, for a while. */
	if (s->next_attempt != US_NEVER &&
	    memcmp(s->conf->self.public_key, s->public_key, CRYPTO_KEY_SIZE) < 0) {
		pending_drop(s);
		s->next_attempt = now + jittered(s, YIELD_TIME);
	}
	(void)s->ops->send(s->ctx, from, msg, sizeof(msg));
	return 0;
}

/* Seals a record of our own making and sends it. */
static int
control_send(struct session *s, enum seal_kind kind, uint8_t *record, size_t body_size, us_t now)
{
	int rc = session_seal(s, &(struct seal_inner){.kind = (uint8_t)kind}, record, body_size,
			      NULL, 0, now);

	if (rc != 0)
		return rc;
	return s->ops->send(s->ctx, &s->endpoint, record, SEAL_OVERHEAD + body_size);
}

/* Tells the peer that we have the new keys, until it is heard to have them too. */
static void
confirm_run(struct session *s, us_t now)
{
	uint8_t record[SEAL_OVERHEAD];

	if (now < s->confirm_at)
		return;
	if (s->current == NULL || s->current->heard || s->confirm_tries >= CONFIRM_TRIES) {
		s->confirm_at = US_NEVER;
		return;
	}
	s->confirm_tries++;
	s->confirm_at = now + CONFIRM_TIME;
	(void)control_send(s, SEAL_KEEPALIVE, record, 0, now);
}

int
session_response_heard(struct session *s, uint32_t index, const uint8_t *data, size_t size,
		       const struct endpoint *from, us_t now)
{
	struct keys *k;
	uint32_t remote;
	int rc;

	if (!s->pending || s->pending_index != index)
		return -ENOENT;
	rc = handshake_response_read(&s->noise, data, size, &remote);
	if (rc != 0)
		return rc;
	k = keys_add(s, &s->noise, true, index, remote, now);
	if (k == NULL) {
		pending_drop(s);
		return -ENOMEM;
	}
	/* The index belongs to the keys from now on. */
	s->pending = false;
	noise_fini(&s->noise);
	s->heard = now;
	endpoint_follow(s, from, now);
	s->confirm_tries = 0;
	s->confirm_at = now;
	keys_promote(s, k, now);
	confirm_run(s, now);
	return 0;
}

int
session_cookie_heard(struct session *s, uint32_t index, const uint8_t *data, size_t size, us_t now)
{
	int rc;

	if (!s->pending || s->pending_index != index || s->cookie_used)
		return -ENOENT;
	rc = handshake_cookie_read(s->public_key, s->init, data, size, s->cookie);
	if (rc != 0)
		return rc;
	s->cookie_until = now + COOKIE_TIME;
	s->cookie_used = true;
	handshake_init_prove(s->init, s->cookie);
	(void)s->ops->send(s->ctx, &s->init_to, s->init, sizeof(s->init));
	return 0;
}

/* Sends a probe that makes an underlay packet of this size. */
static int
probe_send(struct session *s, uint16_t packet, us_t now)
{
	size_t overhead = (size_t)underlay_overhead(s) + SEAL_OVERHEAD;
	size_t pad = packet > overhead ? packet - overhead : 0;

	memset(s->conf->scratch + SEAL_OUTER_SIZE + SEAL_INNER_SIZE, 0, pad);
	return control_send(s, SEAL_PROBE, s->conf->scratch, pad, now);
}

static void
pmtu_probe(struct session *s, us_t now)
{
	uint16_t size;

	while (s->current != NULL && (size = pmtu_run(&s->pmtu, now, s->heard)) != 0) {
		if (probe_send(s, size, now) == -EMSGSIZE)
			pmtu_refused(&s->pmtu, size, now);
		else if (s->pmtu.tries > 1)
			/* A small one tells whether it is the size or the peer that is gone. */
			(void)probe_send(s, 0, now);
	}
	mtu_report(s, now);
}

/* What the probe's receiver answers and what the prober does with it. */
static void
probe_heard(struct session *s, const struct session_content *c, size_t record_size, us_t now)
{
	uint8_t record[SEAL_OVERHEAD + 2];
	struct wr w = wr_make(record + SEAL_OUTER_SIZE + SEAL_INNER_SIZE, 2);
	struct rd r = rd_make(c->body, c->size);
	uint32_t size;

	if (c->inner.kind == SEAL_PROBE) {
		wr_u16(&w, (uint16_t)record_size);
		(void)control_send(s, SEAL_PROBE_ACK, record, 2, now);
		return;
	}
	size = rd_u16(&r) + (uint32_t)underlay_overhead(s);
	if (!rd_done(&r) || size > UINT16_MAX)
		return;
	pmtu_acked(&s->pmtu, (uint16_t)size, now);
	pmtu_probe(s, now);
}

/* What an authentic record under 'k' means for the session. */
static void
record_heard(struct session *s, struct keys *k, bool newest, const struct endpoint *from, us_t now)
{
	s->heard = now;
	k->heard_at = now;
	if (!k->heard) {
		k->heard = true;
		if (k->generation > s->heard_generation) {
			s->heard_generation = k->generation;
			s->heard_generation_at = now;
		}
	}
	/* Only what is newer than all that came before says where the peer is now. */
	if (newest && k->generation >= s->heard_generation)
		endpoint_follow(s, from, now);
	if (s->current == NULL || k->generation > s->current->generation)
		keys_promote(s, k, now);
	/* Hearing older keys only does not show that the peer gets what we seal. */
	if (k == s->current || k->generation > s->current->generation)
		s->unanswered_since = 0;
}

int
session_open(struct session *s, const struct seal_outer *outer, uint8_t *data, size_t size,
	     const struct endpoint *from, us_t now, struct session_content *out)
{
	struct keys *k = NULL;
	bool newest = false;
	int rc;

	for (size_t i = 0; i < KEYS_MAX && k == NULL; i++)
		if (s->keys[i].used && s->keys[i].index == outer->receiver)
			k = &s->keys[i];
	if (k == NULL)
		return -ENOENT;
	rc = keys_open(k, outer->counter, data, size, &newest);
	if (rc != 0)
		return rc;
	s->stats.rx_records++;
	s->stats.rx_bytes += size;
	record_heard(s, k, newest, from, now);
	if (seal_inner_parse(data + SEAL_OUTER_SIZE, size - SEAL_OUTER_SIZE - SEAL_TAG_SIZE,
			     &out->inner) != 0)
		return -EPROTO;
	out->body = data + SEAL_OUTER_SIZE + SEAL_INNER_SIZE;
	out->size = size - SEAL_OVERHEAD;
	if (out->inner.kind == SEAL_PROBE || out->inner.kind == SEAL_PROBE_ACK)
		probe_heard(s, out, size, now);
	return 0;
}

int
session_seal(struct session *s, const struct seal_inner *inner, uint8_t *out, size_t head_size,
	     const uint8_t *body, size_t body_size, us_t now)
{
	if (s->current == NULL ||
	    keys_seal(s->current, inner, out, head_size, body, body_size) != 0)
		return -ENOTCONN;
	s->stats.tx_records++;
	s->stats.tx_bytes += SEAL_OVERHEAD + head_size + body_size;
	if (s->current->counter == s->conf->rekey_records)
		s->due = now;
	if (s->unanswered_since == 0 && inner->kind != SEAL_KEEPALIVE &&
	    inner->kind != SEAL_PROBE_ACK)
		s->unanswered_since = now;
	return 0;
}

void
session_refused(struct session *s, size_t record_size, us_t now)
{
	size_t packet = record_size + underlay_overhead(s);

	if (packet <= UINT16_MAX)
		pmtu_refused(&s->pmtu, (uint16_t)packet, now);
	s->due = now;
	mtu_report(s, now);
}

/* When the age of the current keys asks for new ones.  Who started the last handshake starts the
 * next; the other side only when that fails to happen. */
static us_t
rekey_at(const struct session *s)
{
	us_t age = s->conf->rekey_time;

	if (!s->current->initiator)
		age += age / 8 + YIELD_TIME;
	return s->current->created + age;
}

static bool
rekey_count_reached(const struct session *s)
{
	const struct keys *k = s->current;
	uint64_t count = k->counter > k->replay.next ? k->counter : k->replay.next;
	uint64_t count_max = s->conf->rekey_records;

	if (!k->initiator)
		count_max += count_max / 8 + 1;
	return count >= count_max;
}

/* Keys that nobody needs any more go. */
static void
keys_expire(struct session *s, us_t now)
{
	us_t life = 2 * s->conf->rekey_time + 60 * US_S;
	bool was_up = s->current != NULL;

	for (size_t i = 0; i < KEYS_MAX; i++) {
		struct keys *k = &s->keys[i];
		us_t last =
			k->heard_at > s->heard_generation_at ? k->heard_at : s->heard_generation_at;

		if (!k->used)
			continue;
		if (now - k->created >= life ||
		    (k != s->current && k->generation < s->heard_generation &&
		     now - last >= OLD_KEYS_TIME))
			keys_drop(s, k);
	}
	if (was_up && s->current == NULL) {
		pmtu_stop(&s->pmtu);
		mtu_report(s, now);
		s->ops->up(s->ctx, s, false, now);
		handshake_want(s, now);
	}
}

static us_t
earlier(us_t a, us_t b)
{
	return a < b ? a : b;
}

us_t
session_run(struct session *s, us_t now)
{
	us_t due = US_NEVER;

	keys_expire(s, now);
	if (s->current != NULL) {
		if (now >= rekey_at(s) || rekey_count_reached(s) ||
		    (s->unanswered_since != 0 && now - s->unanswered_since >= s->conf->silence))
			handshake_want(s, now);
	}
	if (now >= s->next_attempt)
		init_send(s, now);
	confirm_run(s, now);
	if (s->current != NULL) {
		pmtu_probe(s, now);
		/* Sending in between may make something due: look again soon enough. */
		due = earlier(due, now + s->conf->silence / 2);
		due = earlier(due, s->pmtu.due);
		due = earlier(due, s->confirm_at);
		if (s->next_attempt == US_NEVER) {
			due = earlier(due, rekey_at(s));
			if (s->unanswered_since != 0)
				due = earlier(due, s->unanswered_since + s->conf->silence);
		}
	}
	due = earlier(due, s->next_attempt);
	s->due = due > now ? due : now + US_MS;
	return s->due;
}

us_t
session_due(const struct session *s)
{
	return s->due;
}

void
session_stats(const struct session *s, us_t now, struct session_stats *out)
{
	*out = s->stats;
	out->cipher = "";
	if (s->current == NULL)
		return;
	out->cipher = s->current->cipher == CRYPTO_AESGCM ? "AESGCM" : "ChaChaPoly";
	out->age = now - s->current->created;
}
