/* Map-Notifies that are sent until they are acknowledged, filled with what is registered then. */
#include <errno.h>

#include "lisp/auth.h"
#include "lisp/pubsub_priv.h"

/* A Map-Notify-Ack whose nonce several wait for is tried with so many keys. */
#define ACK_TRIES_MAX 8
#define BATCH         1024

/* How long is waited after the first time, after the second ... (RFC 9301 section 5.7). */
static const uint8_t waits_s[] = {3, 3, 3, 6, 12, 24, 24};

/* A subscription that is not confirmed may be forged: it is not worth more. */
#define UNCONFIRMED_TIMES 4

static struct pub *
pub_at(const struct pubsub *p, uint32_t number)
{
	return pool_at(&p->pub_pool, number - 1);
}

static uint32_t
number_of(const struct pubsub *p, const struct pub *pub)
{
	return (uint32_t)(pub - (const struct pub *)(const void *)p->pub_pool.items) + 1;
}

static uint32_t
tick_of(const struct pubsub *p, us_t now)
{
	return (uint32_t)((now - p->ms->start) * PUBSUB_TICKS / US_S) + 1;
}

static us_t
time_of(const struct pubsub *p, uint32_t tick)
{
	return p->ms->start + ((us_t)(tick - 1) * US_S + PUBSUB_TICKS - 1) / PUBSUB_TICKS;
}

/* --- the rows ----------------------------------------------------------------------------------- */

static uint64_t
hash_what(const struct pubsub *p, enum pub_kind kind, uint32_t owner, const struct eid_key *key)
{
	uint64_t words[4] = {key->w[0], key->w[1],
			     (uint64_t)key->vn << 16 | (uint64_t)key->family << 8 | key->len,
			     (uint64_t)kind << 32 | owner};

	return hash_bytes(&p->key, words, sizeof(words));
}

static uint64_t
hash_nonce(const struct pubsub *p, uint64_t nonce)
{
	return hash_bytes(&p->key, &nonce, sizeof(nonce));
}

static struct pub *
find(const struct pubsub *p, enum pub_kind kind, uint32_t owner, const struct eid_key *key)
{
	uint64_t hash = hash_what(p, kind, owner, key);

	for (struct chain *c = index_at(&p->by_what, hash); c != NULL; c = c->next) {
		struct pub *pub = (struct pub *)(void *)c;

		if (pub->kind == kind && pub->owner == owner && eid_key_equal(&pub->key, key))
			return pub;
	}
	return NULL;
}

/* A subscription knows its Map-Notifies; the row of an ETR must stay while one is under way. */
static void
hold(struct pubsub *p, struct pub *pub)
{
	struct sub *sub;

	if (pub->kind == PUB_ETR) {
		nonces_pin(p->ms->nonces, pub->owner);
		return;
	}
	sub = sub_at(p, pub->owner);
	pub->next = sub->pubs;
	if (pub->next != 0)
		pub_at(p, pub->next)->prev = number_of(p, pub);
	sub->pubs = number_of(p, pub);
	sub->waiting++;
}

static void
let_go(struct pubsub *p, const struct pub *pub)
{
	struct sub *sub;

	if (pub->kind == PUB_ETR) {
		nonces_unpin(p->ms->nonces, pub->owner);
		return;
	}
	sub = sub_at(p, pub->owner);
	if (pub->prev != 0)
		pub_at(p, pub->prev)->next = pub->next;
	else
		sub->pubs = pub->next;
	if (pub->next != 0)
		pub_at(p, pub->next)->prev = pub->prev;
	sub->waiting--;
}

static void
end(struct pubsub *p, struct pub *pub)
{
	let_go(p, pub);
	wheel_remove(&p->dues, number_of(p, pub));
	index_take(&p->by_nonce, hash_nonce(p, pub->nonce), &pub->by_nonce);
	index_take(&p->by_what, hash_what(p, pub->kind, pub->owner, &pub->key), &pub->by_what);
	pool_give(&p->pub_pool, pub);
}

static struct pub *
add(struct pubsub *p, enum pub_kind kind, uint32_t owner, const struct eid_key *key)
{
	struct pub *pub = pool_take(&p->pub_pool);

	if (pub == NULL)
		return NULL;
	pub->kind = (uint8_t)kind;
	pub->owner = owner;
	pub->key = *key;
	index_add(&p->by_what, hash_what(p, kind, owner, key), &pub->by_what);
	hold(p, pub);
	return pub;
}

/* --- sending ------------------------------------------------------------------------------------ */

/* To whom, and with which key. */
struct addressee {
	uint32_t site;
	const struct lisp_key *key; /* NULL: the site has it no longer */
	struct ms_way way;
	bool has_xtr_id;
	struct lisp_xtr_id xtr;
	bool is_last; /* there is no other locator to try */
};

static struct addressee
addressee_of(const struct pubsub *p, const struct pub *pub)
{
	struct addressee a = {.is_last = true};
	uint8_t key_id;

	if (pub->kind == PUB_ETR) {
		const struct nonce_row *row = nonces_at(p->ms->nonces, pub->owner);

		a.site = row->site;
		a.way = (struct ms_way){.to = row->from, .behind = row->behind};
		a.has_xtr_id = row->has_xtr_id;
		a.xtr = row->xtr;
		key_id = row->key_id;
	} else {
		const struct sub *sub = sub_at(p, pub->owner);
		bool unconfirmed = pub->kind == PUB_CONFIRM && sub->has_wanted;
		const struct sub_terms *terms = unconfirmed ? &sub->wanted : &sub->now;

		a.site = sub->who->site;
		a.way.to = terms->rlocs[pub->rloc < terms->rloc_count ? pub->rloc : 0];
		a.has_xtr_id = true;
		a.xtr = sub->who->id;
		a.is_last = unconfirmed || pub->rloc + 1u >= terms->rloc_count;
		key_id = sub->who->key_id;
	}
	a.key = ms_key_of(p->ms, a.site, key_id);
	return a;
}

/* What is registered for the key now.  A first Map-Notify answers for a prefix that may have been
 * made for it (the free part around an EID); later ones are about registrations, and say with a
 * TTL of 0 that one is gone. */
static void
put_content(const struct pubsub *p, const struct pub *pub, struct lisp_builder *b)
{
	struct ms_answer answer = {.key = pub->key};
	bool plain_zero;

	if (pub->kind == PUB_CONFIRM) {
		answer = ms_answer(p->ms, &pub->key);
		answer.key = pub->key;
	} else {
		answer.number = registry_find(p->ms->registry, &pub->key);
	}
	plain_zero = pub->kind == PUB_ETR ? registry_at(p->ms->registry, answer.number)->plain_zero
					  : sub_at(p, pub->owner)->plain_zero;
	ms_put_answer(p->ms, b, &answer, plain_zero);
}

/* 'lost': the last one that a subscriber gets, with no more than an action. */
static void
transmit(struct pubsub *p, const struct pub *pub, bool lost)
{
	struct addressee a = addressee_of(p, pub);
	struct lisp_msg notify = {.type = LISP_MAP_NOTIFY, .nonce = pub->nonce};
	uint8_t data[LISP_SIZE_MAX];
	const struct ms_site *site = p->ms->slots[a.site].conf;
	struct lisp_builder b;

	if (a.key == NULL)
		return;
	notify.auth = lisp_auth_header(a.key);
	notify.has_xtr_id = a.has_xtr_id && site->ids != MS_IDS_LEFT_OUT;
	notify.xtr_id = a.xtr;
	notify.notify.id_bit = notify.has_xtr_id && site->ids == MS_IDS_WITH_BIT;
	if (!site->notify_to_source)
		a.way.to.port = LISP_CONTROL_PORT;
	lisp_begin(&b, data, sizeof(data), &notify);
	if (lost) {
		struct lisp_record record = {
			.eid = eid_key_eid(&pub->key, sub_at(p, pub->owner)->plain_zero),
			.action = LISP_DROP_AUTH,
		};

		lisp_put_record(&b, &record);
	} else {
		put_content(p, pub, &b);
	}
	ms_send_notify(p->ms, &b, a.key, &a.way);
}

static bool
take_allowance(us_t *quiet, uint32_t rate, us_t now)
{
	if (rate == 0)
		return true;
	if (*quiet < now)
		*quiet = now;
	if (*quiet > now + US_S)
		return false;
	*quiet += US_S / rate > 0 ? US_S / rate : 1;
	return true;
}

/* Of all, and of its subscriber. */
static bool
may_send(struct pubsub *p, const struct pub *pub, us_t now)
{
	const struct ms_conf *conf = &p->ms->conf;

	if (pub->kind != PUB_ETR &&
	    !take_allowance(&sub_at(p, pub->owner)->who->quiet, conf->notify_rate, now))
		return false;
	return take_allowance(&p->total_quiet, conf->notify_total, now);
}

static void
wait(struct pubsub *p, struct pub *pub, uint32_t ticks, us_t now)
{
	pub->due = tick_of(p, now) + ticks;
	wheel_add(&p->dues, number_of(p, pub), pub->due);
}

/* Sends it, if it is not too many at once, and sees to the next time. */
static void
attempt(struct pubsub *p, struct pub *pub, us_t now)
{
	if (!may_send(p, pub, now)) {
		wait(p, pub, PUBSUB_TICKS / 4, now);
		return;
	}
	ms_count(p->ms, pub->sent == 0 && pub->rloc == 0 ? MS_PUBLISHED : MS_RETRIES);
	transmit(p, pub, false);
	if (pub->kind != PUB_ETR)
		sub_at(p, pub->owner)->sent++;
	wait(p, pub, (uint32_t)waits_s[pub->sent] * PUBSUB_TICKS, now);
	pub->sent++;
}

void
pub_start(struct pubsub *p, enum pub_kind kind, uint32_t owner, const struct eid_key *key,
	  uint64_t nonce, us_t now)
{
	struct pub *pub = find(p, kind, owner, key);

	if (pub == NULL) {
		pub = add(p, kind, owner, key);
		if (pub == NULL) {
			ms_count(p->ms, MS_PUBLICATIONS_FULL);
			return;
		}
	} else {
		index_take(&p->by_nonce, hash_nonce(p, pub->nonce), &pub->by_nonce);
		wheel_remove(&p->dues, number_of(p, pub));
		pub->sent = pub->rloc = 0;
	}
	pub->nonce = nonce;
	index_add(&p->by_nonce, hash_nonce(p, nonce), &pub->by_nonce);
	attempt(p, pub, now);
}

void
pub_renumber(struct pubsub *p, struct sub *sub)
{
	for (uint32_t n = sub->pubs; n != 0; n = pub_at(p, n)->next) {
		struct pub *pub = pub_at(p, n);

		if (pub->kind != PUB_CHANGE)
			continue;
		index_take(&p->by_nonce, hash_nonce(p, pub->nonce), &pub->by_nonce);
		pub->nonce = ++sub->nonce;
		index_add(&p->by_nonce, hash_nonce(p, pub->nonce), &pub->by_nonce);
	}
}

void
pub_stop(struct pubsub *p, struct sub *sub)
{
	while (sub->pubs != 0)
		end(p, pub_at(p, sub->pubs));
}

/* --- no answer ---------------------------------------------------------------------------------- */

static bool
is_spent(const struct pubsub *p, const struct pub *pub)
{
	bool unconfirmed = pub->kind == PUB_CONFIRM && sub_at(p, pub->owner)->state == SUB_NEW;

	return pub->sent >= (unconfirmed ? UNCONFIRMED_TIMES : ARRAY_COUNT(waits_s));
}

static void
give_up(struct pubsub *p, struct pub *pub)
{
	struct sub *sub = pub->kind == PUB_ETR ? NULL : sub_at(p, pub->owner);

	ms_count(p->ms, MS_UNANSWERED);
	if (sub == NULL || p->ms->slots[sub->who->site].conf == NULL ||
	    p->ms->slots[sub->who->site].conf->trusts_requests) {
		end(p, pub);
	} else if (sub->state == SUB_NEW) {
		sub_remove(p, sub);
	} else if (pub->kind == PUB_CONFIRM) {
		sub->has_wanted = false;
		end(p, pub);
	} else {
		transmit(p, pub, true);
		ms_count(p->ms, MS_SUB_LOST);
		sub_remove(p, sub);
	}
}

us_t
pub_run(struct pubsub *p, us_t now)
{
	uint32_t tick = tick_of(p, now);
	uint32_t n = 0;

	for (unsigned i = 0; i < BATCH && (n = wheel_take(&p->dues, tick)) != 0; i++) {
		struct pub *pub = pub_at(p, n);

		if (!is_spent(p, pub)) {
			attempt(p, pub, now);
		} else if (!addressee_of(p, pub).is_last) {
			pub->rloc++;
			pub->sent = 0;
			attempt(p, pub, now);
		} else {
			give_up(p, pub);
		}
	}
	return wheel_next(&p->dues) == WHEEL_NEVER ? US_NEVER : time_of(p, wheel_next(&p->dues));
}

/* --- acknowledged ------------------------------------------------------------------------------- */

/* Several Map-Notifies have one nonce when one Map-Request subscribed to several EIDs. */
static bool
is_about(const struct pub *pub, const struct lisp_msg *msg)
{
	struct rd records = msg->records;
	struct lisp_record record;
	struct eid_key key;

	return !lisp_record_next(&records, &record) ||
	       (eid_key_from(&record.eid, &key) && eid_key_equal(&key, &pub->key));
}

static bool
is_from(const struct pubsub *p, const struct pub *pub, const struct lisp_msg *msg,
	const uint8_t *data, size_t size)
{
	struct addressee a = addressee_of(p, pub);

	if (a.key == NULL || (msg->has_xtr_id && a.has_xtr_id &&
			      memcmp(a.xtr.xtr, msg->xtr_id.xtr, sizeof(a.xtr.xtr)) != 0))
		return false;
	return lisp_auth_verify(p->ms->io, p->ms->ctx, a.key, msg, data, size) == 0;
}

static void
acked(struct pubsub *p, struct pub *pub, us_t now)
{
	struct sub *sub = pub->kind == PUB_CONFIRM ? sub_at(p, pub->owner) : NULL;

	if (pub->kind != PUB_ETR)
		sub_at(p, pub->owner)->acknowledged++;
	end(p, pub);
	ms_count(p->ms, MS_ACKS);
	if (sub != NULL)
		sub_confirm(p, sub, now);
}

bool
pubsub_acked(struct pubsub *p, const struct lisp_msg *msg, const uint8_t *data, size_t size,
	     us_t now)
{
	unsigned tries = 0;

	for (struct chain *c = index_at(&p->by_nonce, hash_nonce(p, msg->nonce));
	     c != NULL && tries < ACK_TRIES_MAX; c = c->next) {
		struct pub *pub = CONTAINER_OF(c, struct pub, by_nonce);

		if (pub->nonce != msg->nonce || !is_about(pub, msg))
			continue;
		tries++;
		if (is_from(p, pub, msg, data, size)) {
			acked(p, pub, now);
			return true;
		}
	}
	if (tries != 0)
		ms_count(p->ms, MS_ACK_FAILED);
	return tries != 0;
}
