/* A session's life and its records; the handshakes are in vr/session_handshake.c. */
#include "vr/session_priv.h"

#include <errno.h>

#include "wire/rd.h"
#include "wire/wr.h"

#define OLD_KEYS_TIME   (10 * US_S)
#define UDP_HEADER_SIZE 8
#define CHECK_TIME      (15 * US_MS) /* and twice that after each */
#define CHECKS          4

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
	s->check_at = US_NEVER;
	s->due = US_NEVER;
	pmtu_init(&s->pmtu, conf->mtu_max);
	s->inner_mtu = session_inner_mtu(s);
	return s;
}

void
session_destroy(struct session *s)
{
	if (s == NULL)
		return;
	session_handshake_end(s);
	for (size_t i = 0; i < SESSION_KEYS_MAX; i++)
		session_keys_drop(s, &s->keys[i]);
	crypto_wipe(s, sizeof(*s));
	free(s);
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
		session_handshake_want(s, now);
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

void
session_path_start(struct session *s, us_t now)
{
	pmtu_start(&s->pmtu, s->endpoint.addr.family == ADDR_V6 ? PMTU_LOW_V6 : PMTU_LOW_V4, now);
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

void
session_mtu_report(struct session *s, us_t now)
{
	uint16_t inner = session_inner_mtu(s);

	if (inner == s->inner_mtu)
		return;
	s->inner_mtu = inner;
	s->ops->mtu(s->ctx, s, now);
}

void
session_endpoint_follow(struct session *s, const struct endpoint *from, us_t now)
{
	bool roamed = !addr_is_none(s->endpoint.addr);

	if (endpoint_equal(s->endpoint, *from))
		return;
	s->endpoint = *from;
	s->stats.roams += roamed;
	/* Another path: what was found out about the old one may not hold. */
	if (s->current != NULL)
		session_path_start(s, now);
	s->due = now;
	session_mtu_report(s, now);
}

/* Seals a record of our own making and sends it. */
int
session_control_send(struct session *s, enum seal_kind kind, uint8_t *record, size_t body_size,
		     us_t now)
{
	int rc = session_seal(s, &(struct seal_inner){.kind = (uint8_t)kind}, record, body_size,
			      NULL, 0, now);

	if (rc != 0)
		return rc;
	return s->ops->send(s->ctx, &s->endpoint, record, SEAL_OVERHEAD + body_size);
}

/* Sends a probe that makes an underlay packet of this size. */
static int
probe_send(struct session *s, uint16_t packet, us_t now)
{
	size_t overhead = (size_t)underlay_overhead(s) + SEAL_OVERHEAD;
	size_t pad = packet > overhead ? packet - overhead : 0;

	memset(s->conf->scratch + SEAL_OUTER_SIZE + SEAL_INNER_SIZE, 0, pad);
	return session_control_send(s, SEAL_PROBE, s->conf->scratch, pad, now);
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
	session_mtu_report(s, now);
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
		(void)session_control_send(s, SEAL_PROBE_ACK, record, 2, now);
		return;
	}
	size = rd_u16(&r) + (uint32_t)underlay_overhead(s);
	if (!rd_done(&r) || size > UINT16_MAX)
		return;
	s->check_at = US_NEVER;
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
		session_endpoint_follow(s, from, now);
	if (s->current == NULL || k->generation > s->current->generation)
		session_keys_promote(s, k, now);
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

	for (size_t i = 0; i < SESSION_KEYS_MAX && k == NULL; i++)
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
	session_mtu_report(s, now);
}

/* When the age of the current keys asks for new ones.  Who started the last handshake starts
 * the next; the other side only when that fails to happen. */
static us_t
rekey_at(const struct session *s)
{
	us_t age = s->conf->rekey_time;

	if (!s->current->initiator)
		age += age / 8 + SESSION_YIELD_TIME;
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

	for (size_t i = 0; i < SESSION_KEYS_MAX; i++) {
		struct keys *k = &s->keys[i];
		us_t last =
			k->heard_at > s->heard_generation_at ? k->heard_at : s->heard_generation_at;

		if (!k->used)
			continue;
		if (now - k->created >= life ||
		    (k != s->current && k->generation < s->heard_generation &&
		     now - last >= OLD_KEYS_TIME))
			session_keys_drop(s, k);
	}
	if (was_up && s->current == NULL) {
		pmtu_stop(&s->pmtu);
		session_mtu_report(s, now);
		s->ops->up(s->ctx, s, false, now);
		session_handshake_want(s, now);
	}
}

void
session_underlay_changed(struct session *s, us_t now)
{
	if (s->current != NULL) {
		s->checks = 0;
		s->check_at = now;
	} else if (s->endpoint_count > 0 || !addr_is_none(s->endpoint.addr)) {
		s->attempts = 0;
		s->next_attempt = now;
	}
	s->due = now;
}

/* The first of these may be lost because the neighbour is not known yet, or the route not complete. */
static void
check_run(struct session *s, us_t now)
{
	if (now < s->check_at)
		return;
	s->check_at = s->checks < CHECKS ? now + (CHECK_TIME << s->checks) : US_NEVER;
	if (s->checks++ < CHECKS)
		(void)probe_send(s, 0, now);
	else
		session_handshake_want(s, now);
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
			session_handshake_want(s, now);
	}
	if (s->current != NULL)
		check_run(s, now);
	session_handshake_run(s, now);
	session_confirm_run(s, now);
	if (s->current != NULL) {
		due = earlier(due, s->check_at);
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

void
session_wake(struct session *s)
{
	s->due = 0;
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
