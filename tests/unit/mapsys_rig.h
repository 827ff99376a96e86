/* One router that takes part in the mapping system, everything that it sends, and a fake clock. */
#ifndef TESTS_UNIT_MAPSYS_RIG_H
#define TESTS_UNIT_MAPSYS_RIG_H

#include "tests/unit/lisp_world.h"

#include <stdlib.h>

#include "lisp/mobility.h"
#include "tests/unit/packet.h"
#include "vr/fwd_mapped.h"
#include "vr/mapsys.h"
#include "vr/neigh.h"
#include "vr/pending.h"
#include "vr/vr.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/lisp_ecm.h"

#define BLUE    7 /* takes part */
#define RED     8 /* does not */
#define SENT    1024
#define MTU     1464
#define KEY_B   "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define KEY_C   "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
#define RIG_OWN "192.0.2.1"
#define RIG_B   "192.0.2.2"
#define RIG_C   "192.0.2.3"
#define RIG_MS  "192.0.2.9"
#define RIG_FAR "198.51.100.1" /* a plain LISP site */

/* A: 10.1.0.0/24, B: 10.2.0.0/24, C: 10.3.0.0/24; all machines of 10.1.0.0/24 and 10.2.0.0/24 may move.  With a few
 * places for other texts. */
struct rig_text {
	const char *vn;   /* in the first network */
	const char *lisp; /* in "lisp" */
	const char *locators;
	const char *whole;   /* not NULL: all of the first network but "id" and "device" */
	const char *peer_b;  /* of what is shared with B in the first network */
	const char *red;     /* not NULL: all of the second but "id" and "device" */
	us_t probe_interval; /* 0: no RLOC-probes */
	uint32_t ttl_min;    /* 0: a day */
};

static const struct rig_text usual = {
	.vn = "", .lisp = "\"rlocs\": [{\"address\": \"192.0.2.1\"}]", .locators = ""};

enum rig_way { TO_LAN = 1, TO_PEER, TO_PLAIN };

/* A packet that the router sent, at its IP header. */
struct rig_packet {
	uint8_t *data;
	size_t size;
	enum rig_way way;
	vn_id_t vn;            /* to the LAN: of this network */
	struct mac mac;        /* to the LAN */
	uint32_t slot;         /* to a peer */
	uint8_t flags;         /* to a peer */
	struct plain_to plain; /* to a locator */
};

struct rig_message {
	struct endpoint to;
	size_t size;
	uint8_t data[LISP_SIZE_MAX];
};

struct rig {
	struct conf conf;
	struct xtr_conf xtr;
	struct vr *vr;
	struct log *log;
	us_t now;
	uint32_t slots[2]; /* of B and C */
	struct addr rlocs[2];
	bool is_up[2]; /* keys with it are there */
	struct rig_packet sent[SENT];
	size_t sent_count;
	struct frame queued[64]; /* for the LAN: their bytes are looked at when it is flushed */
	vn_id_t queued_vn[64];
	size_t queued_count;
	struct rig_message messages[SENT];
	size_t message_count;
	struct sync_msg syncs[SENT];
	uint32_t sync_slots[SENT];
	size_t sync_count;
	struct arp arps[256]; /* the last ones, injected into a LAN */
	size_t arp_count;
	int plain_result;
	uint16_t plain_mtu;
	uint64_t random;
};

static inline void
rig_keep(struct rig *r, struct rig_packet p, const struct frame *f)
{
	assert_true(r->sent_count < SENT);
	p.size = f->size;
	p.data = malloc(f->size);
	assert_non_null(p.data);
	memcpy(p.data, f->data, f->size);
	r->sent[r->sent_count++] = p;
}

static inline void
rig_forget(struct rig *r)
{
	while (r->sent_count > 0)
		free(r->sent[--r->sent_count].data);
	r->message_count = r->sync_count = r->arp_count = 0;
}

static inline int
rig_lan_send(void *ctx, vn_id_t vn, struct frame *f)
{
	struct rig *r = ctx;

	assert_true(r->queued_count < ARRAY_COUNT(r->queued));
	r->queued_vn[r->queued_count] = vn;
	r->queued[r->queued_count++] = *f;
	return 0;
}

static inline void
rig_lan_flush(void *ctx, vn_id_t vn)
{
	struct rig *r = ctx;

	(void)vn;
	for (size_t i = 0; i < r->queued_count; i++) {
		struct frame f = r->queued[i];
		struct eth eth;

		assert_int_equal(eth_parse(f.data, f.size, &eth), 0);
		f.data += ETH_SIZE;
		f.size -= ETH_SIZE;
		rig_keep(r,
			 (struct rig_packet){.way = TO_LAN, .vn = r->queued_vn[i], .mac = eth.dst},
			 &f);
	}
	r->queued_count = 0;
}

static inline int
rig_lan_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	struct rig *r = ctx;

	(void)vn;
	/* Claim frames are none. */
	r->arp_count += arp_parse(frame, size, &r->arps[r->arp_count % ARRAY_COUNT(r->arps)]) == 0;
	return 0;
}

static inline int
rig_link_send(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f, us_t now)
{
	(void)now;
	rig_keep(ctx, (struct rig_packet){.way = TO_PEER, .slot = slot, .flags = inner->flags}, f);
	return 0;
}

static inline int
rig_link_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct rig *r = ctx;

	(void)now;
	assert_true(r->sync_count < SENT);
	assert_int_equal(sync_parse(msg, size, &r->syncs[r->sync_count]), 0);
	r->sync_slots[r->sync_count++] = slot;
	return 0;
}

static inline bool
rig_link_rloc(void *ctx, uint32_t slot, struct addr *rloc)
{
	struct rig *r = ctx;

	for (size_t i = 0; i < 2; i++)
		if (r->slots[i] == slot && r->is_up[i]) {
			*rloc = r->rlocs[i];
			return true;
		}
	return false;
}

static inline int
rig_plain_send(void *ctx, const struct plain_to *to, struct frame *f, us_t now)
{
	struct rig *r = ctx;

	(void)now;
	if (r->plain_result != 0)
		return r->plain_result;
	assert_true(f->size <= r->plain_mtu);
	rig_keep(r, (struct rig_packet){.way = TO_PLAIN, .plain = *to}, f);
	return 0;
}

static inline uint16_t
rig_plain_mtu(void *ctx, struct addr rloc, us_t now)
{
	(void)rloc;
	(void)now;
	return ((const struct rig *)ctx)->plain_mtu;
}

static inline us_t
rig_clock(void *ctx)
{
	return ((const struct rig *)ctx)->now;
}

static inline int64_t
rig_wall_ms(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct vr_io rig_io = {.lan_send = rig_lan_send,
				    .lan_inject = rig_lan_inject,
				    .lan_flush = rig_lan_flush,
				    .link_send = rig_link_send,
				    .link_sync = rig_link_sync,
				    .link_rloc = rig_link_rloc,
				    .plain_send = rig_plain_send,
				    .plain_mtu = rig_plain_mtu,
				    .clock = rig_clock,
				    .wall_ms = rig_wall_ms};

static inline int
rig_message(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	struct rig *r = ctx;
	struct rig_message *m = &r->messages[r->message_count++];

	assert_true(r->message_count <= SENT && size <= sizeof(m->data));
	m->to = *to;
	m->size = size;
	memcpy(m->data, msg, size);
	return 0;
}

static inline int
rig_random(void *ctx, void *bytes, size_t size)
{
	struct rig *r = ctx;

	r->random = r->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	assert_true(size <= sizeof(r->random));
	memcpy(bytes, &r->random, size);
	return 0;
}

static inline void
rig_persist(void *ctx)
{
	(void)ctx;
}

static const struct lisp_io rig_lisp_io = {.send = rig_message,
					   .hmac = world_hmac,
					   .equal = world_equal,
					   .random = rig_random,
					   .persist = rig_persist};

static inline void
rig_conf(struct conf *conf, const struct rig_text *text)
{
	struct conf_errors errors;
	char *json, *vn;

	assert_true(
		asprintf(&vn,
			 "\"local\": [\"10.1.0.0/24\"],"
			 "  \"addresses\": [\"10.1.0.1/24\"], %s%s"
			 "  \"mobile\": [{\"prefix\": \"10.1.0.0/24\"}, {\"prefix\": "
			 "\"10.2.0.0/24\"}]",
			 strstr(text->vn, "\"lisp\"") == NULL ? "\"lisp\": {\"use\": true}," : "",
			 text->vn) > 0);
	assert_true(
		asprintf(&json,
			 "{\"name\": \"a\", \"key_file\": \"/k\", \"vns\": ["
			 " {\"id\": 7, \"device\": \"br0\", %s},"
			 " {\"id\": 8, \"device\": \"br1\", %s}],"
			 " \"peers\": [{\"name\": \"b\", \"public_key\": \"" KEY_B "\", \"vns\": ["
			 "   {\"id\": 7, \"prefixes\": [\"10.2.0.0/24\"]%s}, {\"id\": 8}]},"
			 "  {\"name\": \"c\", \"public_key\": \"" KEY_C "\", \"vns\": ["
			 "   {\"id\": 7, \"prefixes\": [\"10.3.0.0/24\"]}]}],"
			 " \"lisp\": {%s, \"locators\": [%s]}}",
			 text->whole != NULL ? text->whole : vn,
			 text->red != NULL ? text->red
					   : "\"local\": [\"10.1.0.0/24\"],"
					     "\"addresses\": [\"10.1.0.1/24\"]",
			 text->peer_b != NULL ? text->peer_b : "", text->lisp, text->locators) > 0);
	if (conf_parse(json, strlen(json), conf, &errors) != 0)
		conf_errors_print(&errors, json, stderr);
	assert_int_equal(errors.count, 0);
	conf_errors_fini(&errors);
	free(json);
	free(vn);
}

static inline void
rig_hear(struct rig *r, size_t peer, const struct sync_msg *msg)
{
	uint8_t data[SYNC_SIZE_MAX];
	int size = sync_build(msg, data, sizeof(data));

	assert_true(size > 0);
	vr_link_sync(r->vr, r->slots[peer], data, (size_t)size, r->now);
}

/* What an event is followed by. */
static inline void
rig_step(struct rig *r)
{
	do
		(void)vr_run(r->vr, r->now);
	while (r->vr->wake);
	(void)mapsys_run(r->vr, r->now);
	for (vn_id_t vn = BLUE; vn <= RED; vn++)
		rig_lan_flush(r, vn);
}

/* Lets the time pass; peers that are up live. */
static inline void
rig_run(struct rig *r, us_t duration)
{
	us_t end = r->now + duration;

	for (;;) {
		us_t next = end, due;

		for (size_t i = 0; i < 2; i++)
			if (r->is_up[i])
				peers_at(r->vr->peers, r->slots[i])->heard = r->now;
		rig_step(r);
		due = mapsys_run(r->vr, r->now);
		next = due < next ? due : next;
		due = vr_run(r->vr, r->now);
		next = due < next ? due : next;
		if (r->now >= end)
			return;
		r->now = next > r->now ? next : r->now + 1;
	}
}

static inline void
rig_session(struct rig *r, size_t peer, bool up)
{
	r->is_up[peer] = up;
	vr_link_session(r->vr, r->slots[peer], up, r->now);
	if (up) {
		rig_hear(r, peer,
			 &(struct sync_msg){.type = SYNC_HELLO, .hello = {.boot = 1, .sent = 1}});
		vr_link_mtu(r->vr, r->slots[peer], 1400);
	}
	rig_step(r);
}

static inline struct rig *
rig_make(const struct rig_text *text)
{
	static const struct mac macs[2] = {{{2, 0x56, 0x52, 0, 0, BLUE}},
					   {{2, 0x56, 0x52, 0, 0, RED}}};
	static const struct vr_id ids[2] = {{2}, {3}};
	struct rig *r = calloc(1, sizeof(*r));
	struct vr_start start = {.self = {1},
				 .io = &rig_io,
				 .ctx = r,
				 .key = {1, 2},
				 .boot = 1,
				 .macs = macs,
				 .mtus = (const uint16_t[]){1500, 1500},
				 .peer_ids = ids};
	struct mapsys_start mapsys = {.io = &rig_lisp_io, .io_ctx = r, .cache_max = 100};

	assert_non_null(r);
	r->now = 1000 * US_S;
	r->plain_mtu = MTU;
	r->rlocs[0] = addr_of(RIG_B);
	r->rlocs[1] = addr_of(RIG_C);
	rig_conf(&r->conf, text);
	start.log = r->log = log_create(LOG_ERROR, "/dev/null");
	assert_non_null(r->log);
	assert_int_equal(vr_create(&r->conf, &start, r->now, r->slots, &r->vr), 0);
	mapsys.xtr = (struct xtr_conf){.rloc_count = r->conf.lisp.rloc_count,
				       .resolvers = {endpoint_of(RIG_MS, LISP_CONTROL_PORT)},
				       .resolver_count = 1,
				       .server_count = 1,
				       .plain_zero = true,
				       .ttl_min = text->ttl_min > 0 ? text->ttl_min : 1440,
				       .register_interval = 60 * US_S,
				       .probe_interval = text->probe_interval,
				       .has_push_key = true};
	for (size_t i = 0; i < r->conf.lisp.rloc_count; i++)
		mapsys.xtr.rlocs[i] = (struct xtr_rloc){r->conf.lisp.rlocs[i].addr, 1, 100};
	mapsys.xtr.servers[0] =
		(struct xtr_server){.to = endpoint_of(RIG_MS, LISP_CONTROL_PORT),
				    .key = key_make(1, LISP_SHA256, false, "secret"),
				    .proxy_reply = true};
	mapsys.xtr.push_key = key_make(2, LISP_SHA256, false, "push");
	mapsys.nonce = 1000000;
	r->xtr = mapsys.xtr;
	assert_int_equal(mapsys_create(r->vr, &mapsys, r->now), 0);
	for (size_t i = 0; i < 2; i++)
		rig_session(r, i, true);
	rig_run(r, US_S);
	return r;
}

static inline void
rig_free(struct rig *r)
{
	rig_forget(r);
	vr_destroy(r->vr);
	log_destroy(r->log);
	conf_fini(&r->conf);
	free(r);
}

static inline uint64_t
rig_drops(const struct rig *r, enum vr_drop reason)
{
	return r->vr->drops[reason];
}

#endif
