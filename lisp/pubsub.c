/* Subscriptions: found by xTR and prefix, and by what lies around or inside a prefix. */
#include "lisp/pubsub_priv.h"

#include <errno.h>

#define TEMPORARY_S  (15 * 60)
#define REMEMBERED_S (60 * 60)
#define BATCH        1024
/* So many at once are told that another site has their EID, beside all subscribers. */
#define ETRS_TOLD 1024
/* So much inside of what is subscribed to is told at the beginning. */
#define LISTED_MAX 64

struct pubsub *
pubsub_create(struct ms *ms)
{
	struct pubsub *p = calloc(1, sizeof(*p));
	uint32_t max = ms->conf.max_subscriptions, eids = ms->conf.max_eids;
	/* For each its own and one more; and for ETRs that have lost an EID. */
	uint32_t pubs = 2 * max + (eids < ETRS_TOLD ? eids : ETRS_TOLD);

	if (p == NULL)
		return NULL;
	p->ms = ms;
	p->key = ms->key;
	if (pool_init(&p->who_pool, max, sizeof(struct subscriber)) != 0 ||
	    pool_init(&p->sub_pool, max, sizeof(struct sub)) != 0 ||
	    pool_init(&p->pub_pool, pubs, sizeof(struct pub)) != 0 ||
	    index_init(&p->whos, max) != 0 || index_init(&p->subs, max) != 0 ||
	    index_init(&p->by_what, pubs) != 0 || index_init(&p->by_nonce, pubs) != 0 ||
	    trie_init(&p->trie, max) != 0 || wheel_init(&p->ends, max) != 0 ||
	    wheel_init(&p->dues, pubs) != 0) {
		pubsub_destroy(p);
		return NULL;
	}
	return p;
}

void
pubsub_destroy(struct pubsub *p)
{
	if (p == NULL)
		return;
	pool_fini(&p->who_pool);
	pool_fini(&p->sub_pool);
	pool_fini(&p->pub_pool);
	index_fini(&p->whos);
	index_fini(&p->subs);
	index_fini(&p->by_what);
	index_fini(&p->by_nonce);
	trie_fini(&p->trie);
	wheel_fini(&p->ends);
	wheel_fini(&p->dues);
	free(p);
}

/* --- who ---------------------------------------------------------------------------------------- */

static uint64_t
hash_who(const struct pubsub *p, const struct lisp_xtr_id *id)
{
	return hash_bytes(&p->key, id->xtr, sizeof(id->xtr));
}

static struct subscriber *
find_who(const struct pubsub *p, const struct pubsub_request *request)
{
	uint64_t hash = hash_who(p, request->xtr);

	for (struct chain *c = index_at(&p->whos, hash); c != NULL; c = c->next) {
		struct subscriber *who = (struct subscriber *)(void *)c;

		if (who->site == request->site && who->id.site == request->xtr->site &&
		    memcmp(who->id.xtr, request->xtr->xtr, sizeof(who->id.xtr)) == 0)
			return who;
	}
	return NULL;
}

static struct subscriber *
add_who(struct pubsub *p, const struct pubsub_request *request)
{
	struct subscriber *who = pool_take(&p->who_pool);

	if (who == NULL)
		return NULL;
	who->id = *request->xtr;
	who->site = request->site;
	who->key_id = request->key_id;
	index_add(&p->whos, hash_who(p, &who->id), &who->chain);
	return who;
}

static void
let_go(struct pubsub *p, struct subscriber *who)
{
	if (who->subs != 0)
		return;
	index_take(&p->whos, hash_who(p, &who->id), &who->chain);
	pool_give(&p->who_pool, who);
}

/* --- subscriptions ------------------------------------------------------------------------------ */

static uint64_t
hash_sub(const struct pubsub *p, const struct subscriber *who, const struct eid_key *key)
{
	uint64_t words[4] = {key->w[0], key->w[1],
			     (uint64_t)key->vn << 16 | (uint64_t)key->family << 8 | key->len,
			     hash_who(p, &who->id)};

	return hash_bytes(&p->key, words, sizeof(words));
}

static struct sub *
find_sub(const struct pubsub *p, const struct subscriber *who, const struct eid_key *key)
{
	uint64_t hash = hash_sub(p, who, key);

	for (struct chain *c = index_at(&p->subs, hash); c != NULL; c = c->next) {
		struct sub *sub = (struct sub *)(void *)c;

		if (sub->who == who && eid_key_equal(&sub->key, key))
			return sub;
	}
	return NULL;
}

static struct sub *
add_sub(struct pubsub *p, struct subscriber *who, const struct eid_key *key, us_t now)
{
	struct sub *sub = pool_take(&p->sub_pool);
	uint32_t number, first = 0;
	int err;

	if (sub == NULL)
		return NULL;
	number = sub_number(p, sub);
	err = trie_add(&p->trie, key, number, &sub->node);
	if (err == -EEXIST) {
		first = trie_value(&p->trie, sub->node);
		trie_set_value(&p->trie, sub->node, number);
		sub_at(p, first)->prev = number;
	} else if (err != 0) {
		pool_give(&p->sub_pool, sub);
		return NULL;
	}
	sub->next = first;
	sub->who = who;
	sub->key = *key;
	sub->state = SUB_NEW;
	sub->since = mapserver_seconds(p->ms, now);
	who->subs++;
	index_add(&p->subs, hash_sub(p, who, key), &sub->chain);
	return sub;
}

void
sub_remove(struct pubsub *p, struct sub *sub)
{
	struct subscriber *who = sub->who;

	pub_stop(p, sub);
	wheel_remove(&p->ends, sub_number(p, sub));
	if (sub->prev != 0)
		sub_at(p, sub->prev)->next = sub->next;
	else if (sub->next != 0)
		trie_set_value(&p->trie, sub->node, sub->next);
	else
		trie_remove(&p->trie, sub->key.vn, sub->key.family, sub->node);
	if (sub->next != 0)
		sub_at(p, sub->next)->prev = sub->prev;
	index_take(&p->subs, hash_sub(p, who, &sub->key), &sub->chain);
	pool_give(&p->sub_pool, sub);
	who->subs--;
	let_go(p, who);
}

static void
ends_at(struct pubsub *p, struct sub *sub, uint32_t second)
{
	wheel_remove(&p->ends, sub_number(p, sub));
	sub->expires = second;
	if (second != 0)
		wheel_add(&p->ends, sub_number(p, sub), second);
}

bool
pubsub_can_list(const struct pubsub *p, const struct eid_key *key)
{
	const struct trie *t = registry_trie(p->ms->registry);
	unsigned count = 0;
	uint32_t node = 0;

	while (count <= LISTED_MAX && trie_inside(t, key, &node))
		count += t->nodes[node].len > key->len;
	return count <= LISTED_MAX;
}

/* What is registered inside, as news. */
static void
list(struct pubsub *p, struct sub *sub, us_t now)
{
	const struct trie *t = registry_trie(p->ms->registry);
	unsigned count = 0;
	uint32_t node = 0;

	while (count < LISTED_MAX && trie_inside(t, &sub->key, &node)) {
		struct eid_key inner = trie_key(t, sub->key.vn, sub->key.family, node);

		if (inner.len == sub->key.len)
			continue;
		pub_start(p, PUB_CHANGE, sub_number(p, sub), &inner, ++sub->nonce, now);
		count++;
	}
}

void
sub_confirm(struct pubsub *p, struct sub *sub, us_t now)
{
	uint32_t second = mapserver_seconds(p->ms, now);
	bool was_stale = sub->is_stale, was_active = sub->state == SUB_ACTIVE;

	if (!sub->has_wanted)
		return;
	sub->has_wanted = sub->is_stale = false;
	sub->now = sub->wanted;
	sub->state = sub->wanted.state;
	if (sub->wanted.nonce > sub->nonce) {
		sub->nonce = sub->wanted.nonce;
		pub_renumber(p, sub);
	}
	if (sub->state == SUB_GONE) {
		/* What was still to be told to it is not any more. */
		pub_stop(p, sub);
		ends_at(p, sub, second + REMEMBERED_S);
		ms_count(p->ms, MS_UNSUBSCRIBED);
	} else {
		ends_at(p, sub, sub->now.temporary ? second + TEMPORARY_S : 0);
		ms_count(p->ms, MS_SUBSCRIBED);
	}
	if (sub->state == SUB_ACTIVE && was_stale)
		pub_start(p, PUB_CHANGE, sub_number(p, sub), &sub->key, ++sub->nonce, now);
	if (sub->state == SUB_ACTIVE && !was_active)
		list(p, sub, now);
}

/* One Map-Notify more for this xTR? */
static bool
has_allowance(const struct pubsub *p, const struct subscriber *who, us_t now)
{
	us_t rate = p->ms->conf.notify_rate;

	return rate == 0 || who->quiet <= now + US_S;
}

/* The row of a request, made if need be; NULL when there is no room (counted). */
static struct sub *
sub_for(struct pubsub *p, const struct pubsub_request *request, const struct eid_key *key, us_t now)
{
	struct subscriber *who = find_who(p, request);
	struct sub *sub = who == NULL ? NULL : find_sub(p, who, key);

	if (sub != NULL)
		return sub;
	if (who == NULL)
		who = add_who(p, request);
	if (who != NULL && who->subs < p->ms->conf.subscriptions_per_xtr)
		sub = add_sub(p, who, key, now);
	if (sub == NULL) {
		ms_count(p->ms, MS_SUBS_FULL);
		if (who != NULL)
			let_go(p, who);
	}
	return sub;
}

static void
want(struct pubsub *p, struct sub *sub, const struct pubsub_request *request, enum sub_state state,
     bool temporary, us_t now)
{
	sub->wanted = (struct sub_terms){.nonce = request->nonce,
					 .rloc_count = request->rloc_count,
					 .state = (uint8_t)state,
					 .temporary = temporary};
	memcpy(sub->wanted.rlocs, request->rlocs, request->rloc_count * sizeof(*request->rlocs));
	sub->has_wanted = true;
	sub->plain_zero = request->plain_zero;
	sub->who->key_id = request->key_id;
	if (p->ms->slots[request->site].conf->trusts_requests)
		sub_confirm(p, sub, now);
	pub_start(p, PUB_CONFIRM, sub_number(p, sub), &sub->key, request->nonce, now);
}

static bool
is_replay(const struct sub *sub, uint64_t nonce)
{
	return sub->state != SUB_NEW && nonce <= sub->nonce;
}

enum pubsub_fate
pubsub_subscribe(struct pubsub *p, const struct pubsub_request *request, const struct eid_key *key,
		 bool temporary, us_t now)
{
	struct subscriber *who = find_who(p, request);
	struct sub *sub = who == NULL ? NULL : find_sub(p, who, key);

	if (sub != NULL && is_replay(sub, request->nonce))
		return PUBSUB_REPLAYED;
	/* The same again, while its Map-Notify is under way. */
	if (sub != NULL && sub->has_wanted && sub->wanted.nonce == request->nonce)
		return PUBSUB_TAKEN;
	if (who != NULL && !has_allowance(p, who, now)) {
		ms_count(p->ms, MS_SUB_LIMITED);
		return PUBSUB_REFUSED;
	}
	sub = sub_for(p, request, key, now);
	if (sub == NULL)
		return PUBSUB_REFUSED;
	want(p, sub, request, SUB_ACTIVE, temporary, now);
	return PUBSUB_TAKEN;
}

/* Is the xTR subscribed to something around this prefix? */
static bool
is_inside_one(const struct pubsub *p, const struct subscriber *who, const struct eid_key *key)
{
	for (uint32_t node = trie_covering(&p->trie, key); node != 0;
	     node = trie_outer(&p->trie, node)) {
		struct eid_key around = trie_key(&p->trie, key->vn, key->family, node);
		const struct sub *sub = find_sub(p, who, &around);

		if (sub != NULL && sub->state == SUB_ACTIVE)
			return true;
	}
	return false;
}

enum pubsub_fate
pubsub_unsubscribe(struct pubsub *p, const struct pubsub_request *request,
		   const struct eid_key *key, us_t now)
{
	struct subscriber *who = find_who(p, request);
	struct sub *sub = who == NULL ? NULL : find_sub(p, who, key);
	bool inside = who != NULL && sub == NULL && is_inside_one(p, who, key);

	if (who == NULL || (sub == NULL && !inside))
		return PUBSUB_TAKEN;
	if (sub != NULL && is_replay(sub, request->nonce))
		return PUBSUB_REPLAYED;
	if (sub != NULL && sub->has_wanted && sub->wanted.nonce == request->nonce)
		return PUBSUB_TAKEN;
	if (!has_allowance(p, who, now)) {
		ms_count(p->ms, MS_SUB_LIMITED);
		return PUBSUB_REFUSED;
	}
	sub = sub_for(p, request, key, now);
	if (sub == NULL)
		return PUBSUB_REFUSED;
	want(p, sub, request, inside ? SUB_MUTED : SUB_GONE, false, now);
	return PUBSUB_TAKEN;
}

/* --- changes ------------------------------------------------------------------------------------ */

/* The longest subscription of an xTR decides, and it is told once. */
static void
tell(struct pubsub *p, struct sub *sub, const struct eid_key *key, us_t now)
{
	if (sub->state == SUB_NEW)
		sub->is_stale = true;
	if (sub->state != SUB_ACTIVE && sub->state != SUB_MUTED)
		return;
	if (sub->who->event == p->event)
		return;
	sub->who->event = p->event;
	if (sub->state == SUB_ACTIVE)
		pub_start(p, PUB_CHANGE, sub_number(p, sub), key, ++sub->nonce, now);
}

static void
tell_all(struct pubsub *p, uint32_t node, const struct eid_key *key, us_t now)
{
	for (uint32_t n = trie_value(&p->trie, node); n != 0; n = sub_at(p, n)->next)
		tell(p, sub_at(p, n), key, now);
}

void
pubsub_changed(struct pubsub *p, const struct eid_key *key, us_t now)
{
	uint32_t node;

	if (p->trie.count == 0)
		return;
	p->event++;
	for (node = trie_covering(&p->trie, key); node != 0; node = trie_outer(&p->trie, node))
		tell_all(p, node, key, now);
	for (node = 0; trie_inside(&p->trie, key, &node);) {
		struct eid_key inner = trie_key(&p->trie, key->vn, key->family, node);
		uint32_t serves = registry_match(p->ms->registry, &inner);

		/* What a longer registration serves has not changed. */
		if (inner.len == key->len ||
		    (serves != 0 && registry_key(p->ms->registry, serves).len > key->len))
			continue;
		tell_all(p, node, key, now);
	}
}

void
pubsub_tell_etr(struct pubsub *p, uint32_t etr, const struct eid_key *key, us_t now)
{
	uint64_t nonce;

	if (p->ms->io->random(p->ms->ctx, &nonce, sizeof(nonce)) == 0)
		pub_start(p, PUB_ETR, etr, key, nonce, now);
}

/* --- time --------------------------------------------------------------------------------------- */

static us_t
time_of(const struct pubsub *p, uint32_t second)
{
	return p->ms->start + (us_t)(second - 1) * US_S;
}

us_t
pubsub_run(struct pubsub *p, us_t now)
{
	uint32_t second = mapserver_seconds(p->ms, now);
	us_t due = pub_run(p, now);
	us_t end = US_NEVER;
	uint32_t n = 0;

	for (unsigned i = 0; i < BATCH && (n = wheel_take(&p->ends, second)) != 0; i++) {
		if (sub_at(p, n)->expires > second)
			wheel_add(&p->ends, n, sub_at(p, n)->expires);
		else
			sub_remove(p, sub_at(p, n));
	}
	if (wheel_next(&p->ends) != WHEEL_NEVER)
		end = time_of(p, wheel_next(&p->ends));
	return end < due ? end : due;
}

void
pubsub_forget_site(struct pubsub *p, uint32_t site)
{
	for (size_t i = 0; i < p->sub_pool.touched; i++) {
		struct sub *sub = pool_at(&p->sub_pool, i);

		if (sub->state != SUB_FREE && sub->who->site == site)
			sub_remove(p, sub);
	}
}

bool
pubsub_next(const struct pubsub *p, uint32_t *position, struct ms_subscription *out)
{
	while (*position < p->sub_pool.touched) {
		const struct sub *sub = pool_at(&p->sub_pool, (*position)++);
		const struct sub_terms *terms;

		if (sub->state == SUB_FREE || sub->state == SUB_GONE)
			continue;
		terms = sub->state == SUB_NEW ? &sub->wanted : &sub->now;
		*out = (struct ms_subscription){.key = sub->key,
						.xtr = sub->who->id,
						.site = p->ms->slots[sub->who->site].name,
						.nonce = sub->nonce,
						.in_force = sub->state != SUB_NEW,
						.muted = sub->state == SUB_MUTED,
						.waiting = sub->waiting,
						.since = sub->since,
						.expires = sub->expires,
						.sent = sub->sent,
						.acknowledged = sub->acknowledged,
						.to_count = terms->rloc_count};
		for (size_t i = 0; i < terms->rloc_count; i++)
			out->to[i] = terms->rlocs[i].addr;
		return true;
	}
	return false;
}
