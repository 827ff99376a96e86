/* A map-server with a fake clock, real HMACs, and a list of what it sent. */
#ifndef TESTS_UNIT_LISP_WORLD_H
#define TESTS_UNIT_LISP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <stdio.h>

#include "base/fmt.h"
#include "lisp/auth.h"
#include "lisp/mapserver.h"
#include "wire/lisp_ecm.h"

#define SENT_MAX 512

struct sent {
	struct endpoint to;
	size_t size;
	uint8_t data[MS_SIZE_MAX];
};

struct world {
	struct ms *ms;
	struct ms_conf conf;
	us_t now;
	struct sent sent[SENT_MAX];
	size_t sent_count;
	unsigned persists;
	uint64_t random;
	bool send_fails;
};

static inline int
world_send(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	struct world *w = ctx;
	struct sent *s;

	if (w->send_fails)
		return -5;
	assert_true(w->sent_count < SENT_MAX);
	assert_true(size <= MS_SIZE_MAX);
	s = &w->sent[w->sent_count++];
	s->to = *to;
	s->size = size;
	memcpy(s->data, msg, size);
	return 0;
}

static inline void
world_hmac(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size, const uint8_t *a,
	   size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out)
{
	uint8_t both[70000];
	unsigned size;

	(void)ctx;
	assert_true(a_size + b_size <= sizeof(both));
	if (a_size > 0)
		memcpy(both, a, a_size);
	if (b_size > 0)
		memcpy(both + a_size, b, b_size);
	assert_non_null(HMAC(hash == LISP_SHA1 ? EVP_sha1() : EVP_sha256(), key, (int)key_size,
			     both, a_size + b_size, out, &size));
}

static inline bool
world_equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t size)
{
	(void)ctx;
	return CRYPTO_memcmp(a, b, size) == 0;
}

static inline int
world_random(void *ctx, void *bytes, size_t size)
{
	struct world *w = ctx;

	w->random += UINT64_C(0x9e3779b97f4a7c15);
	assert_true(size <= sizeof(w->random));
	memcpy(bytes, &w->random, size);
	return 0;
}

static inline void
world_persist(void *ctx)
{
	((struct world *)ctx)->persists++;
}

static const struct lisp_io world_io = {.send = world_send,
					.hmac = world_hmac,
					.equal = world_equal,
					.random = world_random,
					.persist = world_persist};

static inline struct lisp_key
key_make(uint8_t key_id, uint8_t algorithm, bool is_full, const char *secret)
{
	struct lisp_key key = {.key_id = key_id, .algorithm = algorithm, .is_full = is_full};

	key.secret_size = strlen(secret);
	memcpy(key.secret, secret, key.secret_size);
	return key;
}

static inline struct prefix
prefix_of(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_from_text(text, &p), 0);
	return p;
}

static inline struct addr
addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_from_text(text, &a), 0);
	return a;
}

static inline struct endpoint
endpoint_of(const char *address, uint16_t port)
{
	return (struct endpoint){addr_of(address), port};
}

static inline struct lisp_xtr_id
xtr_of(uint8_t fill, uint64_t site)
{
	struct lisp_xtr_id id = {.site = site};

	memset(id.xtr, fill, sizeof(id.xtr));
	return id;
}

static inline void
world_start(struct world *w)
{
	struct hash_key key = {1, 2};

	assert_int_equal(mapserver_create(&w->conf, &world_io, w, &key, w->now, &w->ms), 0);
}

/* One record of a message to be built. */
struct rec {
	vn_id_t vn;
	const char *eid;
	const char *rlocs[3];
	bool last_unreachable; /* the last of them has no R bit */
	uint32_t ttl;          /* 0: 10 minutes; UINT32_MAX: really 0 */
	uint16_t version;
	uint8_t priority;
	bool in_lcaf; /* also VN 0 */
	struct mac mac;
};

static inline void
put_rec(struct lisp_builder *b, const struct rec *rec)
{
	struct lisp_record record = {
		.ttl = rec->ttl == 0            ? 10
		       : rec->ttl == UINT32_MAX ? 0
						: rec->ttl,
		.map_version = rec->version,
	};

	if (rec->eid != NULL)
		record.eid = lisp_eid_make(rec->vn, prefix_of(rec->eid), !rec->in_lcaf);
	else
		record.eid = (struct lisp_eid){
			.kind = LISP_EID_MAC, .vn = rec->vn, .has_vn = true, .mac = rec->mac};
	lisp_put_record(b, &record);
	for (size_t i = 0; i < ARRAY_COUNT(rec->rlocs) && rec->rlocs[i] != NULL; i++) {
		bool last = i + 1 == ARRAY_COUNT(rec->rlocs) || rec->rlocs[i + 1] == NULL;
		struct lisp_locator l = {.priority = rec->priority,
					 .weight = 100,
					 .local = true,
					 .reachable = !last || !rec->last_unreachable,
					 .rloc = lisp_rloc_make(addr_of(rec->rlocs[i]))};

		lisp_put_locator(b, &l);
	}
}

struct reg {
	const struct lisp_key *key;
	uint64_t nonce;
	const struct lisp_xtr_id *xtr;
	bool notify, merge, use_ttl, no_proxy;
	const struct rec *recs;
	size_t count;
	const char *from; /* NULL: 192.0.2.1 */
};

static inline size_t
build_register(const struct reg *reg, uint8_t *data, size_t room)
{
	struct lisp_msg msg = {.type = LISP_MAP_REGISTER, .nonce = reg->nonce};
	struct lisp_builder b;
	int size;

	msg.auth = lisp_auth_header(reg->key);
	msg.reg.proxy_reply = !reg->no_proxy;
	msg.reg.want_notify = reg->notify;
	msg.reg.merge = reg->merge;
	msg.reg.use_ttl = reg->use_ttl;
	if (reg->xtr != NULL) {
		msg.has_xtr_id = true;
		msg.xtr_id = *reg->xtr;
	}
	lisp_begin(&b, data, room, &msg);
	for (size_t i = 0; i < reg->count; i++)
		put_rec(&b, &reg->recs[i]);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_int_equal(lisp_auth_sign(&world_io, NULL, reg->key, &msg, data, (size_t)size), 0);
	return (size_t)size;
}

static inline void
world_heard(struct world *w, const char *from, uint16_t port, const uint8_t *data, size_t size)
{
	struct endpoint ep = endpoint_of(from, port);
	uint8_t *copy = malloc(size > 0 ? size : 1);

	assert_non_null(copy);
	memcpy(copy, data, size);
	mapserver_heard(w->ms, &ep, copy, size, w->now);
	free(copy);
}

static inline void
world_register(struct world *w, const struct reg *reg)
{
	uint8_t data[MS_SIZE_MAX];
	size_t size = build_register(reg, data, sizeof(data));

	world_heard(w, reg->from != NULL ? reg->from : "192.0.2.1", 40000, data, size);
}

struct req {
	vn_id_t vn;
	const char *eid;
	uint64_t nonce;
	const char *itrs[3]; /* none: 198.51.100.1; "none": AFI 0 */
	const struct lisp_xtr_id *xtr;
	bool notify, bare, probe, in_lcaf, authoritative;
	const char *second; /* another EID beside the first */
	struct mac mac;
};

static inline size_t
build_request(const struct req *req, uint8_t *data, size_t room)
{
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = req->nonce};
	struct lisp_asked asked = {.notify = req->notify};
	struct lisp_ecm ecm = {.src = endpoint_of("198.51.100.1", 50000),
			       .dst = endpoint_of("203.0.113.1", 4342)};
	size_t head = req->bare ? 0 : lisp_ecm_size(ADDR_V4);
	struct lisp_builder b;
	int size;

	msg.request.probe = req->probe;
	msg.request.authoritative = req->authoritative;
	if (req->xtr != NULL) {
		msg.has_xtr_id = msg.request.id_bit = true;
		msg.xtr_id = *req->xtr;
	}
	lisp_begin(&b, data + head, room - head, &msg);
	for (size_t i = 0; i < ARRAY_COUNT(req->itrs) && (i == 0 || req->itrs[i] != NULL); i++) {
		const char *text = req->itrs[i] != NULL ? req->itrs[i] : "198.51.100.1";
		struct lisp_rloc none = {.kind = LISP_RLOC_NONE};
		struct lisp_rloc rloc =
			strcmp(text, "none") == 0 ? none : lisp_rloc_make(addr_of(text));

		lisp_put_itr(&b, &rloc);
	}
	if (req->eid != NULL)
		asked.eid = lisp_eid_make(req->vn, prefix_of(req->eid), !req->in_lcaf);
	else
		asked.eid = (struct lisp_eid){
			.kind = LISP_EID_MAC, .vn = req->vn, .has_vn = true, .mac = req->mac};
	lisp_put_asked(&b, &asked);
	if (req->second != NULL) {
		asked.eid = lisp_eid_make(req->vn, prefix_of(req->second), !req->in_lcaf);
		lisp_put_asked(&b, &asked);
	}
	size = lisp_end(&b);
	assert_true(size > 0);
	if (req->bare)
		return (size_t)size;
	ecm.size = (size_t)size;
	size = lisp_ecm_build(&ecm, data, room);
	assert_true(size > 0);
	return (size_t)size;
}

static inline void
world_request(struct world *w, const struct req *req)
{
	uint8_t data[1500];
	size_t size = build_request(req, data, sizeof(data));

	world_heard(w, "198.51.100.1", 50001, data, size);
}

/* What was sent, taken apart. */
struct got {
	struct endpoint to;
	struct lisp_msg msg;
	struct lisp_record record; /* the first one */
	struct addr rloc;          /* its first locator's; NONE when there is none */
	const uint8_t *data;
	size_t size;
};

static inline struct got
world_got(const struct world *w, size_t index)
{
	static const struct lisp_dialect dialect = {0};
	struct got got = {0};
	struct rd records, locators;
	struct lisp_locator l;

	assert_true(index < w->sent_count);
	got.to = w->sent[index].to;
	got.data = w->sent[index].data;
	got.size = w->sent[index].size;
	assert_int_equal(lisp_parse(got.data, got.size, &dialect, &got.msg), 0);
	records = got.msg.records;
	if (lisp_record_next(&records, &got.record)) {
		locators = got.record.locators;
		if (lisp_locator_next(&locators, &l))
			got.rloc = l.rloc.addr;
	}
	return got;
}

static inline void
assert_prefix(const struct lisp_eid *eid, const char *text)
{
	assert_int_equal(eid->kind, LISP_EID_IP);
	assert_string_equal(fmt_prefix(eid->prefix).s, text);
}

static inline void
assert_addr(struct addr addr, const char *text)
{
	assert_string_equal(fmt_addr(addr).s, text);
}

#define assert_count(w, what, value) assert_int_equal(mapserver_count((w)->ms, what), value)

/* A Map-Notify-Ack for what was sent; 'key' NULL: with wrong authentication data. */
static inline void
world_ack(struct world *w, size_t index, const struct lisp_key *key)
{
	struct lisp_key wrong = key_make(0, LISP_AUTH_SHA256_128, false, "wrong");
	struct got got = world_got(w, index);
	struct lisp_msg ack = got.msg;
	struct rd records = got.msg.records;
	uint8_t data[LISP_SIZE_MAX];
	struct lisp_record record;
	struct lisp_builder b;
	int size;

	if (key == NULL) {
		wrong.key_id = got.msg.auth.key_id;
		key = &wrong;
	}
	ack.type = LISP_MAP_NOTIFY_ACK;
	ack.auth = lisp_auth_header(key);
	lisp_begin(&b, data, sizeof(data), &ack);
	while (true) {
		const uint8_t *start = records.data;

		if (!lisp_record_next(&records, &record))
			break;
		lisp_put_encoded(&b, start, (size_t)(records.data - start));
	}
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_int_equal(lisp_auth_sign(&world_io, NULL, key, &ack, data, (size_t)size), 0);
	world_heard(w, "198.51.100.1", 4342, data, (size_t)size);
}

/* Lets time pass as an event loop would. */
static inline void
world_pass(struct world *w, us_t duration)
{
	us_t end = w->now + duration;

	for (unsigned i = 0; i < 100000; i++) {
		us_t due = mapserver_run(w->ms, w->now);

		if (due > end)
			break;
		if (due > w->now)
			w->now = due;
	}
	w->now = end;
}

#endif
