/* Messages for measuring a map-server: a thousand ETRs, EIDs scattered in 10.0.0.0/8 of VN 1. */
#ifndef BENCH_MS_MESSAGES_H
#define BENCH_MS_MESSAGES_H

#include "lisp/auth.h"
#include "vr/crypto.h"
#include "wire/lisp_ecm.h"

#define ETRS 1000
#define SLOT 192

struct message {
	uint32_t size;
	uint32_t eid; /* number */
	uint8_t data[SLOT];
};

static inline void
message_hmac(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size, const uint8_t *a,
	     size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out)
{
	(void)ctx;
	BUG_IF(hash != LISP_SHA256);
	crypto_hmac(key, key_size, a, a_size, b, b_size, out);
}

static inline bool
message_equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t size)
{
	(void)ctx;
	return crypto_equal(a, b, size);
}

static inline uint32_t
message_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(*state >> 33);
}

static inline struct addr
addr4(uint32_t a)
{
	uint8_t bytes[4] = {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a};

	return addr_make(ADDR_V4, bytes);
}

static inline struct lisp_eid
eid_of(uint32_t number)
{
	uint32_t host = (number * 2654435761u) & 0xffffff;

	return lisp_eid_make(1, prefix_host(addr4(0x0a000000 | host)), true);
}

/* One of the two locators of an EID's ETR. */
static inline struct addr
rloc_of(uint32_t eid, uint32_t index)
{
	return addr4(0xc0000000 | eid % ETRS << 1 | index);
}

/* An EID's registration by its ETR with two locators, for a day, signed. */
static inline void
make_register(const struct lisp_key *key, uint64_t nonce, uint32_t eid, bool notify,
	      struct message *m)
{
	static const struct lisp_io io = {.hmac = message_hmac};
	uint32_t etr = eid % ETRS;
	struct lisp_msg msg = {.type = LISP_MAP_REGISTER,
			       .nonce = nonce,
			       .auth = lisp_auth_header(key),
			       .has_xtr_id = true};
	struct lisp_record record = {.ttl = 1440, .eid = eid_of(eid)};
	struct lisp_locator l = {.priority = 1, .weight = 50, .reachable = true};
	struct lisp_builder b;
	int size;

	memcpy(msg.xtr_id.xtr, &etr, sizeof(etr));
	msg.reg.proxy_reply = msg.reg.use_ttl = true;
	msg.reg.want_notify = notify;
	lisp_begin(&b, m->data, sizeof(m->data), &msg);
	lisp_put_record(&b, &record);
	for (uint32_t i = 0; i < 2; i++) {
		l.rloc = lisp_rloc_make(rloc_of(eid, i));
		lisp_put_locator(&b, &l);
	}
	size = lisp_end(&b);
	BUG_IF(size < 0 || lisp_auth_sign(&io, NULL, key, &msg, m->data, (size_t)size) != 0);
	m->size = (uint32_t)size;
	m->eid = eid;
}

/* In an Encapsulated Control Message; the answer goes to 'itr'. */
static inline void
make_request(const struct endpoint *itr, uint64_t nonce, uint32_t eid, struct message *m)
{
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = nonce};
	struct lisp_rloc rloc = lisp_rloc_make(itr->addr);
	struct lisp_asked asked = {.eid = eid_of(eid)};
	struct lisp_ecm ecm = {.src = *itr};
	size_t head = lisp_ecm_size(ADDR_V4);
	struct lisp_builder b;
	int size;

	lisp_begin(&b, m->data + head, sizeof(m->data) - head, &msg);
	lisp_put_itr(&b, &rloc);
	lisp_put_asked(&b, &asked);
	size = lisp_end(&b);
	BUG_IF(size < 0);
	ecm.dst = (struct endpoint){asked.eid.prefix.addr, LISP_CONTROL_PORT};
	ecm.size = (size_t)size;
	size = lisp_ecm_build(&ecm, m->data, sizeof(m->data));
	BUG_IF(size < 0);
	m->size = (uint32_t)size;
	m->eid = eid;
}

#endif
