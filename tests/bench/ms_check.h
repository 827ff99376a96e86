/* Are the answers of a map-server, or of an echo, what they have to be?  For tests/bench/ms_messages.h. */
#ifndef BENCH_MS_CHECK_H
#define BENCH_MS_CHECK_H

#include "lisp/eid_key.h"
#include "tests/bench/ms_messages.h"

/* What was sent: message number 'i' has the nonce 'first' + i. */
struct sent {
	const struct lisp_key *key;
	const struct message *messages;
	uint64_t first;
	uint32_t count;
};

/* The message with this nonce, or NULL. */
static inline const struct message *
sent_with(const struct sent *s, uint64_t nonce)
{
	return nonce - s->first < s->count ? &s->messages[nonce - s->first] : NULL;
}

static inline bool
is_eid(const struct lisp_eid *eid, uint32_t number)
{
	struct lisp_eid wanted = eid_of(number);
	struct eid_key a, b;

	return eid_key_from(eid, &a) && eid_key_from(&wanted, &b) && eid_key_equal(&a, &b);
}

/* A Map-Reply with the one record of this EID, and its two locators. */
static inline bool
is_reply(const struct sent *s, const uint8_t *data, size_t size)
{
	static const struct lisp_dialect dialect = {0};
	const struct message *asked;
	struct lisp_record record;
	struct lisp_locator l;
	struct lisp_msg msg;
	uint32_t i = 0;

	if (lisp_parse(data, size, &dialect, &msg) != 0 || msg.type != LISP_MAP_REPLY)
		return false;
	asked = sent_with(s, msg.nonce);
	if (asked == NULL || !lisp_record_next(&msg.records, &record) ||
	    !is_eid(&record.eid, asked->eid) || record.locator_count != 2 || record.ttl != 1440)
		return false;
	while (lisp_locator_next(&record.locators, &l))
		if (!addr_equal(l.rloc.addr, rloc_of(asked->eid, i++)) || !l.reachable)
			return false;
	return !lisp_record_next(&msg.records, &record);
}

/* An authentic Map-Notify with the records of its Map-Register. */
static inline bool
is_notify(const struct sent *s, const uint8_t *data, size_t size)
{
	static const struct lisp_io io = {.hmac = message_hmac, .equal = message_equal};
	static const struct lisp_dialect dialect = {0};
	const struct message *registered;
	struct lisp_msg msg, of;

	if (lisp_parse(data, size, &dialect, &msg) != 0 || msg.type != LISP_MAP_NOTIFY)
		return false;
	registered = sent_with(s, msg.nonce);
	return registered != NULL &&
	       lisp_parse(registered->data, registered->size, &dialect, &of) == 0 &&
	       lisp_auth_verify(&io, NULL, s->key, &msg, data, size) == 0 && msg.has_xtr_id &&
	       memcmp(&msg.xtr_id, &of.xtr_id, sizeof(of.xtr_id)) == 0 &&
	       msg.records.size == of.records.size &&
	       memcmp(msg.records.data, of.records.data, of.records.size) == 0;
}

/* A Map-Request as it was. */
static inline bool
is_echo(const struct sent *s, const uint8_t *data, size_t size)
{
	static const struct lisp_dialect dialect = {0};
	const struct message *asked;
	struct lisp_ecm ecm;
	struct lisp_msg msg;

	if (lisp_ecm_parse(data, size, &ecm) != 0 ||
	    lisp_parse(ecm.message, ecm.size, &dialect, &msg) != 0)
		return false;
	asked = sent_with(s, msg.nonce);
	return asked != NULL && size == asked->size && memcmp(data, asked->data, size) == 0;
}

#endif
