/* LISP messages of the rig's router, and those that it hears. */
#ifndef TESTS_UNIT_MAPSYS_MESSAGES_H
#define TESTS_UNIT_MAPSYS_MESSAGES_H

#include "tests/unit/mapsys_packets.h"

/* The message at this position, without its ECM. */
static inline void
rig_parse(const struct rig *r, size_t position, struct lisp_msg *msg)
{
	const struct rig_message *m = &r->messages[position];
	struct lisp_dialect dialect = {0};
	struct lisp_ecm ecm = {.message = m->data, .size = m->size};

	if (m->data[0] >> 4 == LISP_ECM)
		assert_int_equal(lisp_ecm_parse(m->data, m->size, &ecm), 0);
	assert_int_equal(lisp_parse(ecm.message, ecm.size, &dialect, msg), 0);
}

/* How many of this type were sent; '*last' is the last. */
static inline size_t
rig_count(const struct rig *r, uint8_t type, struct lisp_msg *last)
{
	struct lisp_msg msg;
	size_t count = 0;

	for (size_t i = 0; i < r->message_count; i++) {
		rig_parse(r, i, &msg);
		if (msg.type != type)
			continue;
		count++;
		if (last != NULL)
			*last = msg;
	}
	return count;
}

/* SMRs to this locator for this EID. */
static inline size_t
rig_smrs(const struct rig *r, const char *rloc, const char *eid)
{
	struct lisp_asked asked;
	struct lisp_msg msg;
	size_t count = 0;

	for (size_t i = 0; i < r->message_count; i++) {
		rig_parse(r, i, &msg);
		if (msg.type == LISP_MAP_REQUEST && msg.request.smr &&
		    addr_equal(r->messages[i].to.addr, addr_of(rloc)) &&
		    lisp_asked_next(&msg.records, &asked) &&
		    prefix_equal(asked.eid.prefix, prefix_host(addr_of(eid))))
			count++;
	}
	return count;
}

/* Records of this prefix in the Map-Registers sent: all, or with TTL 0. */
static inline size_t
rig_registers(const struct rig *r, const char *prefix, bool gone)
{
	struct lisp_record record;
	struct lisp_msg msg;
	size_t count = 0;

	for (size_t i = 0; i < r->message_count; i++) {
		rig_parse(r, i, &msg);
		while (msg.type == LISP_MAP_REGISTER && lisp_record_next(&msg.records, &record))
			count += prefix_equal(record.eid.prefix, prefix_of(prefix)) &&
				 (record.ttl == 0) == gone;
	}
	return count;
}

/* A locator that an answer names. */
struct rig_rloc {
	const char *rloc;
	uint8_t priority, weight;
};

struct rig_answer {
	const char *prefix;
	struct rig_rloc rlocs[4];
	uint8_t action;
};

/* The map-resolver answers the last Map-Request. */
static inline void
rig_answer(struct rig *r, struct rig_answer a)
{
	struct endpoint from = endpoint_of(RIG_MS, LISP_CONTROL_PORT);
	struct lisp_msg asked, msg = {.type = LISP_MAP_REPLY};
	struct lisp_record record = {.ttl = 10,
				     .eid = lisp_eid_make(BLUE, prefix_of(a.prefix), false),
				     .action = a.action};
	struct lisp_builder b;
	uint8_t data[512];
	int size;

	assert_true(rig_count(r, LISP_MAP_REQUEST, &asked) > 0);
	msg.nonce = asked.nonce;
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_record(&b, &record);
	for (size_t i = 0; i < ARRAY_COUNT(a.rlocs) && a.rlocs[i].rloc != NULL; i++) {
		struct lisp_locator l = {.priority = a.rlocs[i].priority,
					 .weight = a.rlocs[i].weight,
					 .reachable = true,
					 .rloc = lisp_rloc_make(addr_of(a.rlocs[i].rloc))};

		lisp_put_locator(&b, &l);
	}
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_true(mapsys_heard(r->vr, &from, data, (size_t)size, r->now));
	rig_step(r);
}

/* 172.16.0.0/16 is at these locators. */
static inline void
rig_learn(struct rig *r, const struct rig_rloc *rlocs, size_t count)
{
	struct rig_answer a = {.prefix = "172.16.0.0/16"};

	memcpy(a.rlocs, rlocs, count * sizeof(*rlocs));
	rig_sends(r, (struct rig_want){.mark = 0});
	rig_answer(r, a);
	rig_forget(r);
}

static inline void
rig_learn_one(struct rig *r, const char *rloc)
{
	rig_learn(r, &(struct rig_rloc){rloc, 1, 100}, 1);
}

/* The map-server acknowledges every Map-Register so far. */
static inline void
rig_acknowledge(struct rig *r)
{
	struct endpoint from = endpoint_of(RIG_MS, LISP_CONTROL_PORT);
	size_t count = r->message_count;

	for (size_t i = 0; i < count; i++) {
		struct lisp_msg msg, notify = {.type = LISP_MAP_NOTIFY};
		struct lisp_builder b;
		uint8_t data[512];
		int size;

		rig_parse(r, i, &msg);
		if (msg.type != LISP_MAP_REGISTER)
			continue;
		notify.nonce = msg.nonce;
		notify.auth = lisp_auth_header(&r->xtr.servers[0].key);
		lisp_begin(&b, data, sizeof(data), &notify);
		size = lisp_end(&b);
		assert_true(size > 0);
		assert_int_equal(lisp_auth_sign(&rig_lisp_io, r, &r->xtr.servers[0].key, &notify,
						data, (size_t)size),
				 0);
		assert_true(mapsys_heard(r->vr, &from, data, (size_t)size, r->now));
	}
	rig_step(r);
}

/* A plain LISP site asks for an EID. */
static inline void
rig_asks(struct rig *r, const char *rloc, const char *eid)
{
	struct endpoint from = endpoint_of(rloc, LISP_CONTROL_PORT);
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = 77};
	struct lisp_asked asked = {.eid = lisp_eid_make(BLUE, prefix_host(addr_of(eid)), false)};
	struct lisp_rloc itr = lisp_rloc_make(from.addr);
	struct lisp_builder b;
	uint8_t data[256];
	int size;

	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_itr(&b, &itr);
	lisp_put_asked(&b, &asked);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_true(mapsys_heard(r->vr, &from, data, (size_t)size, r->now));
	rig_step(r);
}

static inline size_t
rig_askers(const struct rig *r)
{
	struct xtr_asker asker;
	size_t position = 0, count = 0;

	while (xtr_asker_next(mapsys_xtr(r->vr->mapsys), &position, &asker))
		count++;
	return count;
}

/* Rows that ASKED messages told this peer. */
static inline size_t
rig_told(const struct rig *r, size_t peer, size_t *messages)
{
	size_t count = 0;

	*messages = 0;
	for (size_t i = 0; i < r->sync_count; i++)
		if (r->syncs[i].type == SYNC_ASKED && r->sync_slots[i] == r->slots[peer]) {
			count += r->syncs[i].asked.count;
			++*messages;
		}
	return count;
}

#endif
