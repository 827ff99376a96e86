/* The handshakes of a session: ours, the peer's, and what becomes of their keys. */
#include "vr/session_priv.h"

#include <errno.h>

#define RETRY_FIRST   (250 * US_MS)
#define RETRY_LAST    (4 * US_S)   /* and up to a quarter more */
#define COOKIE_TIME   (110 * US_S) /* the peer accepts it for at least 120 s */
#define CONFIRM_TIME  (250 * US_MS)
#define CONFIRM_TRIES 5

void
session_keys_drop(struct session *s, struct keys *k)
{
	if (!k->used)
		return;
	s->ops->index_give(s->ctx, k->index);
	if (s->current == k) {
		s->current = NULL;
		s->ops->keys(s->ctx);
	}
	keys_fini(k);
}

static void
call_drop(struct session *s, struct session_call *c)
{
	if (!c->used)
		return;
	s->ops->index_give(s->ctx, c->index);
	c->used = false;
	noise_fini(&c->noise);
}

static void
calls_drop(struct session *s)
{
	for (size_t i = 0; i < SESSION_CALLS_MAX; i++)
		call_drop(s, &s->calls[i]);
}

static struct session_call *
call_of(struct session *s, uint32_t index)
{
	for (size_t i = 0; i < SESSION_CALLS_MAX; i++)
		if (s->calls[i].used && s->calls[i].index == index)
			return &s->calls[i];
	return NULL;
}

void
session_handshake_want(struct session *s, us_t now)
{
	if (s->next_attempt != US_NEVER)
		return;
	s->attempts = 0;
	s->has_yielded = false;
	s->next_attempt = now;
	s->due = now;
}

void
session_handshake_end(struct session *s)
{
	calls_drop(s);
	s->next_attempt = US_NEVER;
	s->attempts = 0;
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

/* Rows of one kind, but for what is in use, behind each other. */
static size_t
places_add(const struct session *s, enum path_kind kind, bool configured, struct path *places,
	   size_t count)
{
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++) {
		const struct path_row *row = &s->rows[i];

		if (row->path.kind == kind && !path_equal(row->path, s->path) &&
		    (row->origin == PATH_CONFIGURED) == configured &&
		    session_path_is_usable(s, &row->path))
			places[count++] = row->path;
	}
	return count;
}

/* Where this attempt goes: where the peer is now, then where it may be, in turn.  'rounds': how often all of
 * them were tried. */
static bool
attempt_path(const struct session *s, struct path *to, unsigned *rounds)
{
	struct path places[SESSION_PATHS_MAX + 1];
	size_t count = 0;

	if (session_path_is_usable(s, &s->path))
		places[count++] = s->path;
	count = places_add(s, PATH_UDP, true, places, count);
	count = places_add(s, PATH_RELAY, true, places, count);
	count = places_add(s, PATH_TCP, true, places, count);
	count = places_add(s, PATH_UDP, false, places, count);
	if (count == 0)
		return false;
	*to = places[s->attempts % count];
	*rounds = s->attempts / (unsigned)count;
	return true;
}

static void
init_send(struct session *s, us_t now)
{
	us_t wait;
	unsigned rounds;
	struct path to;
	uint8_t ephemeral[CRYPTO_KEY_SIZE];
	struct handshake_init init = {.cipher = s->conf->cipher};
	struct session_call *c = &s->calls[s->call_next];
	int rc;

	if (!attempt_path(s, &to, &rounds)) {
		/* It has to call us; with keys there may be a way again soon. */
		session_handshake_end(s);
		if (s->current != NULL)
			s->next_attempt = now + US_S;
		return;
	}
	s->attempts++;
	wait = RETRY_FIRST << (rounds < 4 ? rounds : 4);
	s->next_attempt = now + jittered(s, wait < RETRY_LAST ? wait : RETRY_LAST);
	call_drop(s, c);
	if (s->ops->random(s->ctx, ephemeral, sizeof(ephemeral)) != 0 ||
	    s->ops->index_take(s->ctx, s, &c->index) != 0)
		return;
	init.sender = c->index;
	init.stamp = s->ops->stamp(s->ctx);
	rc = handshake_init_build(&c->noise, &s->conf->self, &init, s->public_key, ephemeral,
				  c->init);
	crypto_wipe(ephemeral, sizeof(ephemeral));
	c->used = true;
	if (rc != 0) {
		call_drop(s, c);
		return;
	}
	s->call_next = (s->call_next + 1) % SESSION_CALLS_MAX;
	if (now < s->cookie_until)
		handshake_init_prove(c->init, s->cookie);
	c->cookie_used = false;
	c->to = to;
	/* Lost is lost: the next attempt follows. */
	(void)s->ops->send(s->ctx, s, &to, c->init, sizeof(c->init), now);
}

void
session_handshake_run(struct session *s, us_t now)
{
	if (now >= s->next_attempt)
		init_send(s, now);
}

/* Room for one more generation: what is least likely to be needed goes. */
static struct keys *
keys_room(struct session *s)
{
	struct keys *newest_unheard = NULL, *victim = NULL;

	for (size_t i = 0; i < SESSION_KEYS_MAX; i++) {
		struct keys *k = &s->keys[i];

		if (!k->used)
			return k;
		if (k != s->current && !k->heard &&
		    (newest_unheard == NULL || k->generation > newest_unheard->generation))
			newest_unheard = k;
	}
	/* Answers that the peer has never used, but not the last of them; then the oldest. */
	for (size_t i = 0; i < SESSION_KEYS_MAX; i++) {
		struct keys *k = &s->keys[i];

		if (k == s->current || k == newest_unheard)
			continue;
		if (victim == NULL || (victim->heard && !k->heard) ||
		    (victim->heard == k->heard && k->generation < victim->generation))
			victim = k;
	}
	session_keys_drop(s, victim);
	return victim;
}

static struct keys *
keys_add(struct session *s, const struct noise *n, bool initiator, uint32_t index, uint32_t remote,
	 us_t now)
{
	struct keys *k = keys_room(s);

	if (keys_init(k, n, s->conf->engine, s->conf->hands, initiator, index, remote, now) != 0)
		return NULL;
	k->generation = ++s->generation;
	return k;
}

bool
session_gives_way(const struct session *s)
{
	return memcmp(s->conf->self.public_key, s->public_key, CRYPTO_KEY_SIZE) < 0;
}

/* From now on 'k' seals. */
void
session_keys_promote(struct session *s, struct keys *k, us_t now)
{
	bool was_up = s->current != NULL;

	s->due = now;
	s->current = k;
	s->ops->keys(s->ctx);
	s->unanswered_since = 0;
	s->stats.handshakes++;
	s->stats.rekeys += was_up;
	session_handshake_end(s);
	if (!was_up) {
		session_path_start(s, now);
		session_mtu_report(s, now);
		s->paths_due = now;
		session_tell_want(s, now);
		s->ops->up(s->ctx, s, true, now);
	}
}

int
session_init_heard(struct session *s, struct noise *n, const struct handshake_init *init,
		   const struct path *from, us_t now)
{
	uint8_t ephemeral[CRYPTO_KEY_SIZE], msg[HANDSHAKE_RESPONSE_SIZE];
	struct keys *k = NULL;
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
	if (rc == 0) {
		k = keys_add(s, n, false, index, init->sender, now);
		rc = k == NULL ? -ENOMEM : 0;
	}
	if (rc != 0) {
		s->ops->index_give(s->ctx, index);
		return rc;
	}
	k->init_from = *from;
	/* When both call at once, one is enough: the smaller key gives way, for a while, and once.  The peer may not hear our
	 * answers, and call again and again.  Without keys an answer that is under way is still
	 * welcome: with it packets go
	 * one way earlier. */
	if (s->next_attempt != US_NEVER && !s->has_yielded && session_gives_way(s)) {
		if (s->current != NULL)
			calls_drop(s);
		s->has_yielded = true;
		s->next_attempt = now + jittered(s, SESSION_YIELD_TIME);
	}
	(void)s->ops->send(s->ctx, s, from, msg, sizeof(msg), now);
	return 0;
}

/* Tells the peer that we have the new keys, until it is heard to have them too. */
void
session_confirm_run(struct session *s, us_t now)
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
	(void)session_control_send(s, &s->path, SEAL_KEEPALIVE, record, 0, now);
}

int
session_response_heard(struct session *s, uint32_t index, const uint8_t *data, size_t size,
		       const struct path *from, us_t now)
{
	struct session_call *c = call_of(s, index);
	struct keys *k;
	uint32_t remote;
	int rc;

	if (c == NULL)
		return -ENOENT;
	rc = handshake_response_read(&c->noise, data, size, &remote);
	if (rc != 0)
		return rc;
	k = keys_add(s, &c->noise, true, index, remote, now);
	if (k == NULL) {
		call_drop(s, c);
		return -ENOMEM;
	}
	/* The index belongs to the keys from now on. */
	c->used = false;
	noise_fini(&c->noise);
	s->heard = now;
	/* The INIT was heard where it was sent to.  Who says that the peer is elsewhere may have sent the answer on. */
	if (from->kind == PATH_UDP && c->to.kind == PATH_UDP)
		from = &c->to;
	session_path_confirm(s, from, now);
	session_path_follow(s, from, now);
	s->confirm_tries = 0;
	s->confirm_at = now;
	session_keys_promote(s, k, now);
	session_confirm_run(s, now);
	return 0;
}

int
session_cookie_heard(struct session *s, uint32_t index, const uint8_t *data, size_t size, us_t now)
{
	struct session_call *c = call_of(s, index);
	int rc;

	if (c == NULL || c->cookie_used)
		return -ENOENT;
	rc = handshake_cookie_read(s->public_key, c->init, data, size, s->cookie);
	if (rc != 0)
		return rc;
	s->cookie_until = now + COOKIE_TIME;
	c->cookie_used = true;
	handshake_init_prove(c->init, s->cookie);
	(void)s->ops->send(s->ctx, s, &c->to, c->init, sizeof(c->init), now);
	return 0;
}
