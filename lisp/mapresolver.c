/* Map-Requests: answered for the ETR, sent on to it, or answered that there is nothing. */
#include "lisp/ms_priv.h"
#include "wire/lisp_copy.h"

/* A mapping with so many more-specific ones inside is answered with all of them (RFC 9301 section
 * 5.5); with more, with the part of it around the EID that has none inside. */
#define MORE_SPECIFICS_MAX 8
/* A Map-Request with several records is sent on to so many ETRs at most. */
#define ETRS_MAX 4

/* TTLs of negative answers (RFC 9301 section 8.3), minutes. */
#define TTL_UNREGISTERED 1
#define TTL_NO_LISP      15

/* Where an answer goes, and what was asked. */
struct asker {
	const struct endpoint *from;
	const struct lisp_ecm *ecm;
	const struct lisp_msg *msg;
	const uint8_t *data;
	size_t size;
	struct endpoint to;
	struct endpoint rlocs[PUBSUB_RLOCS_MAX];
	size_t rloc_count;
	bool leaves;                /* the only ITR-RLOC is AFI 0: ends a subscription (RFC 9437) */
	struct addr etrs[ETRS_MAX]; /* that it was sent on to */
	unsigned etr_count;
};

/* --- what is the answer? ---------------------------------------------------------------------- */

/* The EID at the beginning of the key. */
static struct eid_key
host_of(const struct eid_key *key)
{
	struct eid_key host = *key;

	host.len = eid_key_width(key->family);
	return host;
}

/* The widest prefix around the EID that nothing registered and nothing configured begins inside. */
static struct eid_key
widest(const struct ms *ms, const struct eid_key *key)
{
	struct eid_key host = host_of(key);
	uint8_t a = trie_room(registry_trie(ms->registry), &host);
	uint8_t b = trie_room(&ms->rules.trie, &host);

	/* There is no way to write a prefix of MACs. */
	if (key->family == EID_MAC)
		return host;
	return eid_key_cut(&host, a > b ? a : b);
}

static bool
has_inside(const struct ms *ms, const struct eid_key *key)
{
	const struct trie *t = registry_trie(ms->registry);
	uint32_t node = 0;

	while (trie_inside(t, key, &node))
		if (t->nodes[node].len > key->len)
			return true;
	return ms_owned_inside(ms, key);
}

struct ms_answer
ms_answer(const struct ms *ms, const struct eid_key *key)
{
	struct ms_answer answer = {.number = registry_match(ms->registry, key), .complete = true};
	uint8_t width = eid_key_width(key->family);
	bool configured, by_host;
	int owned;

	if (answer.number != 0) {
		answer.key = registry_key(ms->registry, answer.number);
		if (answer.key.len == width)
			return answer;
	}
	/* An EID whose own site is away is not answered with what stands around that site. */
	owned = ms_owned_len(ms, key, &configured);
	by_host = ms_is_by_host(ms, key);
	if (answer.number == 0 || owned > (int)answer.key.len) {
		answer.number = 0;
		answer.ttl = configured ? TTL_UNREGISTERED : TTL_NO_LISP;
		answer.key = by_host ? *key : widest(ms, key);
		return answer;
	}
	if (by_host) {
		answer.key = *key;
		return answer;
	}
	answer.complete = !has_inside(ms, &answer.key);
	return answer;
}

/* --- Map-Replies ------------------------------------------------------------------------------ */

static void
put_negative(struct lisp_builder *b, const struct ms_answer *answer, bool plain_zero)
{
	struct lisp_record record = {
		.ttl = answer->ttl,
		.eid = eid_key_eid(&answer->key, plain_zero),
		.action = LISP_NATIVE_FORWARD,
	};

	lisp_put_record(b, &record);
}

void
ms_put_answer(const struct ms *ms, struct lisp_builder *b, const struct ms_answer *answer,
	      bool plain_zero)
{
	if (answer->number != 0)
		ms_put_registration(ms, b, answer->number, &answer->key, plain_zero);
	else
		put_negative(b, answer, plain_zero);
}

static size_t
record_room(const struct ms *ms, uint32_t number)
{
	/* A record's head with an EID in an LCAF is not larger. */
	return 48 + (number == 0 ? 0 : registry_at(ms->registry, number)->set->size);
}

static bool
fits(const struct lisp_builder *b, size_t size)
{
	return b->w.used + size <= LISP_SIZE_MAX;
}

/* Everything inside of a mapping, if it is little, ready to be told for the ETRs, and not cut by a
 * site that is away. */
static size_t
list_inside(const struct ms *ms, const struct lisp_builder *b, const struct eid_key *key,
	    uint32_t numbers[MORE_SPECIFICS_MAX])
{
	const struct trie *t = registry_trie(ms->registry);
	size_t count = 0, size = 0;
	uint32_t node = 0;

	if (ms_owned_inside(ms, key))
		return 0;
	while (trie_inside(t, key, &node)) {
		uint32_t number = trie_value(t, node);

		if (t->nodes[node].len == key->len)
			continue;
		size += record_room(ms, number);
		if (count == MORE_SPECIFICS_MAX || !fits(b, size + record_room(ms, number)) ||
		    !registry_at(ms->registry, number)->proxy)
			return 0;
		numbers[count++] = number;
	}
	return count;
}

static void
put_mapping(const struct ms *ms, struct lisp_builder *b, const struct eid_key *asked,
	    struct ms_answer *answer, bool plain_zero)
{
	uint32_t inside[MORE_SPECIFICS_MAX];
	size_t count = 0;

	if (!answer->complete) {
		count = list_inside(ms, b, &answer->key, inside);
		if (count == 0)
			answer->key = widest(ms, asked);
	}
	ms_put_registration(ms, b, answer->number, &answer->key, plain_zero);
	for (size_t i = 0; i < count; i++) {
		struct eid_key key = registry_key(ms->registry, inside[i]);

		ms_put_registration(ms, b, inside[i], &key, plain_zero);
	}
}

/* --- on to an ETR ----------------------------------------------------------------------------- */

static bool
usable(const struct ms *ms, struct addr addr)
{
	return ((addr.family == ADDR_V4 && ms->conf.has_v4) ||
		(addr.family == ADDR_V6 && ms->conf.has_v6)) &&
	       !addr_is_multicast(addr) && !addr_is_unspecified(addr);
}

/* One of the locators of the best priority, by weight; the nonce is as good as chance.  NONE when
 * there is none. */
static struct addr
choose_locator(const struct ms *ms, const struct locator_set *set, uint64_t chance)
{
	struct rd locators = sets_locators(set);
	struct lisp_locator l;
	struct addr chosen = {.family = ADDR_NONE};
	unsigned best = 255;
	uint64_t sum = 0;

	while (lisp_locator_next(&locators, &l)) {
		unsigned weight = l.weight > 0 ? l.weight : 1;

		if (!l.reachable || l.priority >= 255 || l.priority > best ||
		    !usable(ms, l.rloc.addr))
			continue;
		if (l.priority < best)
			sum = 0;
		best = l.priority;
		/* Each one replaces those before with the chance of its share. */
		sum += weight;
		if (chance % sum < weight)
			chosen = l.rloc.addr;
		chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407;
		chance ^= chance >> 33;
	}
	return chosen;
}

/* It has the whole message then, with all its records. */
static bool
is_forwarded(struct asker *asker, struct addr etr)
{
	for (unsigned i = 0; i < asker->etr_count; i++)
		if (addr_equal(asker->etrs[i], etr))
			return true;
	return false;
}

/* The message as it is, in an ECM whose inner headers are those that it came with. */
static void
forward(struct ms *ms, struct asker *asker, uint32_t number, const struct eid_key *key, us_t now)
{
	const struct registration *there = registry_at(ms->registry, number);
	struct endpoint to = {.addr = choose_locator(ms, there->set, asker->msg->nonce),
			      .port = LISP_CONTROL_PORT};
	uint8_t data[MS_SIZE_MAX + LISP_ECM_SIZE_MAX];
	struct lisp_ecm ecm = {.src = *asker->from};
	size_t head;
	int size;

	if (addr_is_none(to.addr))
		to.addr = nonces_at(ms->nonces, there->etr)->from.addr;
	if (is_forwarded(asker, to.addr))
		return;
	if (!usable(ms, to.addr) || asker->etr_count == ETRS_MAX) {
		ms_count(ms, MS_NO_ETR);
		return;
	}
	asker->etrs[asker->etr_count++] = to.addr;
	if (!limiter_take(&ms->replies, to.addr, now)) {
		ms_count(ms, MS_REPLY_LIMITED);
		return;
	}
	if (asker->ecm != NULL) {
		ecm = *asker->ecm;
	} else {
		ecm.dst.addr = eid_key_eid(key, true).prefix.addr;
		ecm.dst.port = LISP_CONTROL_PORT;
		if (ecm.dst.addr.family != ecm.src.addr.family)
			ecm.dst.addr = ecm.src.addr;
	}
	ecm.to_etr = true;
	ecm.to_ms = ecm.ddt = false;
	ecm.size = asker->size;
	head = lisp_ecm_size(ecm.src.addr.family);
	memcpy(data + head, asker->data, asker->size);
	size = lisp_ecm_build(&ecm, data, sizeof(data));
	if (size < 0 || ms->io->send(ms->ctx, &to, data, (size_t)size) != 0)
		ms_count(ms, MS_SEND_FAILED);
	else
		ms_count(ms, MS_FORWARDED);
}

/* --- subscriptions ---------------------------------------------------------------------------- */

/* With whom do we share a key?  By the Site-ID, or because the xTR has registered something. */
static bool
subscriber_site(const struct ms *ms, const struct lisp_xtr_id *xtr, uint32_t *site, uint8_t *key_id)
{
	if (ms_site_ids_find(&ms->site_ids, xtr->site, site)) {
		*key_id = ms->slots[*site].conf->keys[0].key_id;
		return true;
	}
	return nonces_site_of(ms->nonces, xtr, site, key_id) &&
	       ms_key_of(ms, *site, *key_id) != NULL;
}

/* All of a registration can be subscribed to when what is inside can be told: it is little, and not cut by a site that is
 * away. */
static bool
is_whole(const struct ms *ms, const struct ms_answer *answer, const struct eid_key *asked)
{
	return answer->number != 0 && eid_key_equal(&answer->key, asked) &&
	       !ms_owned_inside(ms, asked) && pubsub_can_list(ms->pubsub, asked);
}

/* False: to be answered with a Map-Reply. */
static bool
subscribe(struct ms *ms, const struct asker *asker, const struct eid_key *key, bool plain_zero,
	  us_t now)
{
	struct pubsub_request request = {.xtr = &asker->msg->xtr_id,
					 .nonce = asker->msg->nonce,
					 .rlocs = asker->rlocs,
					 .rloc_count = asker->rloc_count,
					 .plain_zero = plain_zero};
	struct ms_answer answer = ms_answer(ms, key);
	enum pubsub_fate fate;

	if (!asker->msg->has_xtr_id ||
	    !subscriber_site(ms, &asker->msg->xtr_id, &request.site, &request.key_id)) {
		ms_count(ms, MS_SUB_UNKNOWN);
		return asker->leaves;
	}
	if (answer.number != 0 && !registry_at(ms->registry, answer.number)->proxy)
		return asker->leaves;
	if (!answer.complete && !is_whole(ms, &answer, key))
		answer.key = widest(ms, key);
	fate = asker->leaves ? pubsub_unsubscribe(ms->pubsub, &request, key, now)
			     : pubsub_subscribe(ms->pubsub, &request, &answer.key,
						answer.number == 0, now);
	if (fate == PUBSUB_REPLAYED)
		ms_count(ms, MS_SUB_REPLAYED);
	return fate != PUBSUB_REFUSED || asker->leaves;
}

/* --- the message ------------------------------------------------------------------------------ */

/* The locators that an answer may go to; the one that the message came from is the best. */
static void
read_itrs(const struct ms *ms, struct asker *asker)
{
	struct rd itrs = asker->msg->request.itr_rlocs;
	uint16_t port = asker->ecm != NULL ? asker->ecm->src.port : asker->from->port;
	struct lisp_rloc rloc;
	unsigned seen = 0;

	while (lisp_itr_next(&itrs, &rloc)) {
		seen++;
		asker->leaves = rloc.kind == LISP_RLOC_NONE && seen == 1;
		if (!usable(ms, rloc.addr))
			continue;
		if (asker->rloc_count < PUBSUB_RLOCS_MAX)
			asker->rlocs[asker->rloc_count++] =
				(struct endpoint){.addr = rloc.addr, .port = port};
		if (addr_is_none(asker->to.addr) || addr_equal(rloc.addr, asker->from->addr))
			asker->to = (struct endpoint){.addr = rloc.addr, .port = port};
	}
	if (asker->leaves) {
		asker->to = asker->ecm != NULL ? asker->ecm->src : *asker->from;
		asker->leaves = usable(ms, asker->to.addr);
		asker->rlocs[0] = asker->to;
		asker->rloc_count = 1;
	}
}

/* "Nothing is there" would be believed for a minute, and be wrong in a moment. */
static bool
is_unsettled(const struct ms *ms, const struct eid_key *key, us_t now)
{
	struct ms_answer answer;

	if (now >= ms->settled)
		return false;
	answer = ms_answer(ms, key);
	return answer.number == 0 && answer.ttl == TTL_UNREGISTERED;
}

/* By us for the ETR?  Not when the ITR wants its own answer (the A bit, RFC 9301 section 5.2), but for one behind a NAT, whose RTR
 * only takes Map-Notifies to it. */
static bool
is_answered_here(const struct ms *ms, const struct asker *asker, const struct registration *there)
{
	return there->proxy && (!asker->msg->request.authoritative ||
				!addr_is_none(nonces_at(ms->nonces, there->etr)->behind));
}

static void
answer_one(struct ms *ms, struct asker *asker, const struct lisp_asked *asked,
	   struct lisp_builder *b, us_t now)
{
	struct ms_answer answer;
	struct eid_key key;

	if (!eid_key_from(&asked->eid, &key)) {
		ms_count(ms, MS_EID_KIND);
		return;
	}
	if (!asker->leaves && is_unsettled(ms, &key, now)) {
		ms_count(ms, MS_UNSETTLED);
		return;
	}
	if (asked->notify && subscribe(ms, asker, &key, !asked->eid.has_vn, now))
		return;
	if (asker->leaves) {
		ms_count(ms, MS_NO_ITR_RLOC);
		return;
	}
	answer = ms_answer(ms, &key);
	if (!fits(b, record_room(ms, answer.number)))
		return;
	if (answer.number == 0) {
		put_negative(b, &answer, !asked->eid.has_vn);
		ms_count(ms, MS_REPLIES_NEGATIVE);
	} else if (is_answered_here(ms, asker, registry_at(ms->registry, answer.number))) {
		put_mapping(ms, b, &key, &answer, !asked->eid.has_vn);
		ms_count(ms, MS_REPLIES_PROXY);
	} else {
		forward(ms, asker, answer.number, &key, now);
	}
}

void
ms_request(struct ms *ms, const struct endpoint *from, const struct lisp_ecm *ecm,
	   const struct lisp_msg *msg, const uint8_t *data, size_t size, us_t now)
{
	struct asker asker = {.from = from, .ecm = ecm, .msg = msg, .data = data, .size = size};
	struct lisp_msg reply = {.type = LISP_MAP_REPLY, .nonce = msg->nonce};
	struct rd records = msg->records;
	struct lisp_asked asked;
	uint8_t out[LISP_SIZE_MAX];
	struct lisp_builder b;
	int built;

	ms_count(ms, MS_REQUESTS);
	if (msg->request.no_reply) {
		ms_count(ms, MS_NO_REPLY);
		return;
	}
	read_itrs(ms, &asker);
	if (addr_is_none(asker.to.addr)) {
		ms_count(ms, MS_NO_ITR_RLOC);
		return;
	}
	if (!limiter_take(&ms->replies, asker.to.addr, now)) {
		ms_count(ms, MS_REPLY_LIMITED);
		return;
	}
	lisp_begin(&b, out, sizeof(out), &reply);
	while (lisp_asked_next(&records, &asked))
		answer_one(ms, &asker, &asked, &b, now);
	if (b.records == 0)
		return;
	built = lisp_end(&b);
	if (built < 0 || ms->io->send(ms->ctx, &asker.to, out, (size_t)built) != 0)
		ms_count(ms, MS_SEND_FAILED);
}
