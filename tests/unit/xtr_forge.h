/* Messages that nobody asked an xTR for. */
#ifndef TESTS_UNIT_XTR_FORGE_H
#define TESTS_UNIT_XTR_FORGE_H

#include "tests/unit/lisp_moves.h"

static const struct addr nobody = {.family = ADDR_NONE};

/* A Map-Reply for 'eid' from 'from' to B with this nonce. */
static inline void
forge_reply(struct net *net, uint64_t nonce, const char *eid, const char *rloc)
{
	struct lisp_msg msg = {.type = LISP_MAP_REPLY, .nonce = nonce};
	struct endpoint from = endpoint_of("192.0.2.66", LISP_CONTROL_PORT);
	struct rec rec = {.vn = VN, .eid = eid, .rlocs = {rloc}, .in_lcaf = true};
	struct lisp_builder b;
	uint8_t data[512];
	int size;

	lisp_begin(&b, data, sizeof(data), &msg);
	put_rec(&b, &rec);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_true(xtr_heard(net->nodes[B].x, &from, data, (size_t)size, net->now));
}

/* The message that was sent last, out of its ECM. */
static inline void
last_message(const struct net *net, struct lisp_msg *msg)
{
	const struct packet *p = &net->last[(net->sent - 1) % ARRAY_COUNT(net->last)];
	struct lisp_ecm ecm = {.message = p->data, .size = p->size};
	struct lisp_dialect dialect = {0};

	if (p->data[0] >> 4 == LISP_ECM)
		assert_int_equal(lisp_ecm_parse(p->data, p->size, &ecm), 0);
	assert_int_equal(lisp_parse(ecm.message, ecm.size, &dialect, msg), 0);
}

static inline uint64_t
last_nonce(const struct net *net)
{
	struct lisp_msg msg;

	last_message(net, &msg);
	return msg.nonce;
}

/* A Map-Request without an ECM, for one EID or for none. */
struct bare_request {
	struct addr from;
	struct lisp_eid eid;
	bool probe, smr;
};

static inline size_t
build_bare_request(const struct bare_request *want, uint8_t *data, size_t room)
{
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = 5};
	struct lisp_rloc itr = lisp_rloc_make(want->from);
	struct lisp_asked asked = {.eid = want->eid};
	struct lisp_builder b;
	int size;

	msg.request.probe = want->probe;
	msg.request.smr = want->smr;
	lisp_begin(&b, data, room, &msg);
	lisp_put_itr(&b, &itr);
	lisp_put_asked(&b, &asked);
	size = lisp_end(&b);
	assert_true(size > 0);
	return (size_t)size;
}

#endif
