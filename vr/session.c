/* A session's life and its records; the handshakes are in vr/session_handshake.c, the ways to the peer in
 * vr/session_paths.c, what size of packets they take in vr/session_mtu.c. */
#include "vr/session_priv.h"

#include <errno.h>

#include "wire/rd.h"

#define OLD_KEYS_TIME (10 * US_S)
#define CHECK_TIME    (15 * US_MS) /* and twice that after each */
#define CHECKS        4
#define CHECK_PACKET  1280

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
	s->paths_due = s->tell_at = US_NEVER;
	session_keepalive_reset(s);
	if (ops->random(ctx, &s->token_key, sizeof(s->token_key)) != 0) {
		free(s);
		return NULL;
	}
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

const struct path *
session_path(const struct session *s)
{
	return &s->path;
}

uint64_t
session_heard_stamp(const struct session *s)
{
	return s->heard_stamp;
}

/* Seals a record of our own making and sends it. */
int
session_control_send(struct session *s, const struct path *by, enum seal_kind kind, uint8_t *record,
		     size_t body_size, us_t now)
{
	int rc = session_seal(s, &(struct seal_inner){.kind = (uint8_t)kind}, record, body_size,
			      NULL, 0, now);

	if (rc != 0)
		return rc;
	return s->ops->send(s->ctx, s, by, record, SEAL_OVERHEAD + body_size, now);
}

/* What an authentic record under 'k' means for the session. */
static void
record_heard(struct session *s, struct keys *k, us_t now)
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
	/* Hearing older keys only does not show that the peer gets what we seal. */
	if (k == s->current || s->current == NULL || k->generation > s->current->generation)
		s->unanswered_since = 0;
}

/* Has the peer chosen this way for its records?  What looks after ways goes by all of them. */
static bool
is_by_choice(const struct session_content *c)
{
	struct paths_check check;

	if (c->inner.kind == SEAL_CHECK)
		return paths_check_parse(c->body, c->size, &check) == 0 && check.in_use;
	return c->inner.kind != SEAL_CHECK_ACK;
}

static struct keys *
keys_of(struct session *s, uint32_t index)
{
	for (size_t i = 0; i < SESSION_KEYS_MAX; i++)
		if (s->keys[i].used && s->keys[i].index == index)
			return &s->keys[i];
	return NULL;
}

/* So much came from an address that the peer may not be at. */
static void
stranger_heard(struct session *s, const struct path *from, size_t size)
{
	struct path_row *row;

	if (from->kind != PATH_UDP || path_equal(*from, s->peer_path))
		return;
	row = session_path_find(s, *from);
	if (row != NULL)
		session_credit_give(row, size);
}

/* Both have called, and both calls were answered: the keys of the one that gives way go. */
static bool
is_of_crossed(const struct session *s)
{
	return s->current->initiator && !s->current->heard && session_gives_way(s);
}

/* Only what is newer than all that came before says where the peer is now. */
static void
sender_heard(struct session *s, struct keys *k, bool follow, const struct path *from, size_t size,
	     us_t now)
{
	bool is_first = !k->heard && !k->initiator;

	record_heard(s, k, now);
	/* It has our answer, which went to where its INIT came from. */
	if (is_first) {
		session_path_confirm(s, &k->init_from, now);
		if (s->path.kind == PATH_NONE)
			session_path_follow(s, &k->init_from, now);
	}
	if (from->kind == PATH_TCP)
		s->ops->authentic(s->ctx, s, from);
	if ((follow || s->path.kind == PATH_NONE) && k->generation >= s->heard_generation)
		session_path_follow(s, from, now);
	if (path_equal(*from, s->path)) {
		s->doubt_since = 0;
		s->path_heard = now;
	} else {
		stranger_heard(s, from, size);
	}
	if (s->current == NULL || k->generation > s->current->generation ||
	    (is_first && is_of_crossed(s)))
		session_keys_promote(s, k, now);
	/* By another way only checks come. */
	if (!addr_equal(from->local, s->called) || !path_equal(*from, s->path))
		session_path_called(s, from);
	session_span_heard(s, k, now);
}

/* The records that sessions exchange about themselves. */
static void
control_heard(struct session *s, const struct session_content *c, size_t record_size,
	      const struct path *from, us_t now)
{
	switch (c->inner.kind) {
	case SEAL_PROBE:
	case SEAL_PROBE_ACK:
		session_probe_heard(s, c, record_size, from, now);
		break;
	case SEAL_CHECK:
		session_check_heard(s, c, record_size, from, now);
		break;
	case SEAL_CHECK_ACK:
		session_check_ack_heard(s, c, now);
		break;
	case SEAL_CANDIDATES:
		session_candidates_heard(s, c, now);
		break;
	case SEAL_DATA:
		session_traffic(s, now);
		break;
	default:
		break;
	}
}

int
session_open(struct session *s, const struct seal_outer *outer, uint8_t *data, size_t size,
	     struct opened opened, const struct path *from, us_t now, struct session_content *out)
{
	struct keys *k = keys_of(s, outer->receiver);
	bool newest = false;
	int rc;

	if (k == NULL)
		return -ENOENT;
	rc = keys_open(k, outer->counter, data, size, opened, &newest);
	if (rc != 0)
		return rc;
	s->stats.rx_records++;
	s->stats.rx_bytes += size;
	rc = seal_inner_parse(data + SEAL_OUTER_SIZE, size - SEAL_OUTER_SIZE - SEAL_TAG_SIZE,
			      &out->inner);
	out->body = data + SEAL_OUTER_SIZE + SEAL_INNER_SIZE;
	out->size = size - SEAL_OVERHEAD;
	sender_heard(s, k, newest && (rc != 0 || is_by_choice(out)), from, size, now);
	if (rc != 0)
		return -EPROTO;
	control_heard(s, out, size, from, now);
	return 0;
}

struct opener *
session_opener(struct session *s, uint32_t index, uint64_t counter)
{
	const struct keys *k = keys_of(s, index);

	return k != NULL && replay_fresh(&k->replay, counter) ? k->open : NULL;
}

void
session_relay_open(struct session *s, uint32_t index, uint8_t *data, size_t whole, size_t stride,
		   struct keys_relayed *rows, size_t count, const struct path *from, us_t now)
{
	struct keys *k = keys_of(s, index);
	size_t opened, size = 0;
	bool newest;

	if (k == NULL) {
		for (size_t i = 0; i < count; i++)
			rows[i].rc = -ENOENT;
		return;
	}
	opened = keys_relay_open(k, data, stride, rows, count, &newest);
	if (opened == 0)
		return;
	s->stats.rx_records += opened;
	s->stats.rx_bytes += opened * SEAL_RELAY_SIZE;
	/* What is behind came from there as well: so much may go back, above all its answer. */
	for (size_t i = 0; i < count; i++)
		if (rows[i].rc == 0)
			size += i + 1 < count ? stride : whole - i * stride;
	sender_heard(s, k, newest, from, size, now);
}

int
session_relay_seal(struct session *s, enum seal_type type, struct vr_id id, uint8_t *out,
		   size_t stride, size_t count, us_t now)
{
	uint64_t before;

	if (s->current == NULL)
		return -ENOTCONN;
	before = sealer_counter(s->current->seal);
	if (keys_relay_seal(s->current, type, id, out, stride, count) != 0)
		return -ENOTCONN;
	s->stats.tx_records += count;
	s->stats.tx_bytes += count * SEAL_RELAY_SIZE;
	s->sent_at = now;
	if (before < s->conf->rekey_records &&
	    sealer_counter(s->current->seal) >= s->conf->rekey_records)
		s->due = now;
	return 0;
}

static us_t
earlier(us_t a, us_t b)
{
	return a < b ? a : b;
}

/* Is something expected to come back for it? */
static bool
is_answered(enum seal_kind kind)
{
	return kind == SEAL_DATA || kind == SEAL_SYNC || kind == SEAL_PROBE;
}

void
session_answer_expected(struct session *s, us_t now)
{
	if (s->unanswered_since == 0)
		s->unanswered_since = now;
	if (s->doubt_since != 0)
		return;
	s->doubt_since = now;
	s->due = earlier(s->due, session_doubt_at(s));
	s->paths_due = earlier(s->paths_due, session_doubt_at(s));
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
	if (sealer_counter(s->current->seal) == s->conf->rekey_records)
		s->due = now;
	s->sent_at = now;
	if (inner->kind == SEAL_DATA)
		session_traffic(s, now);
	if (is_answered(inner->kind))
		session_answer_expected(s, now);
	return 0;
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
	uint64_t sealed = sealer_counter(k->seal);
	uint64_t count = sealed > k->replay.next ? sealed : k->replay.next;
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
		session_paths_forget(s);
		session_mtu_report(s, now);
		s->ops->up(s->ctx, s, false, now);
		session_handshake_want(s, now);
	}
}

void
session_underlay_changed(struct session *s, us_t now)
{
	session_keepalive_reset(s);
	session_urge(s, now);
}

void
session_urge(struct session *s, us_t now)
{
	if (s->current != NULL) {
		s->checks = 0;
		s->check_at = now;
		session_paths_doubt(s, now);
	}
	if (s->current == NULL || s->next_attempt != US_NEVER) {
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
	if (s->checks++ >= CHECKS) {
		session_handshake_want(s, now);
		return;
	}
	(void)session_probe_send(s, 0, now);
	/* The peer may send no more than some times what it gets until it knows that we are there. */
	if (s->pmtu.size >= CHECK_PACKET)
		(void)session_probe_send(s, CHECK_PACKET, now);
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
		session_mtu_run(s, now);
		due = earlier(due, session_paths_run(s, now));
		session_tell_run(s, now);
		due = earlier(due, s->tell_at);
		/* Sending in between may make something due: look again soon enough. */
		due = earlier(due, now + s->conf->silence / 2);
		due = earlier(due, session_mtu_due(s, now));
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
