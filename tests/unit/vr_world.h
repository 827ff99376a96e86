/* One router on its own, for the tests of vr/: its tables, what it says on its LAN and what it tells its peers. */
#ifndef TESTS_UNIT_VR_WORLD_H
#define TESTS_UNIT_VR_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/fmt.h"
#include "vr/vr.h"
#include "wire/arp.h"
#include "wire/be.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define VN    7
#define START (1000 * US_S)

static const struct vr_id self = {0xa}, peer_b = {0xb}, peer_c = {0xc};
static const struct mac router_mac = {{2, 0x56, 0x52, 0, 0, VN}};
static const struct mac vm = {{0x52, 0x54, 0, 0, 0, 5}}, native = {{0x52, 0x54, 0, 0, 0, 6}};

/* A router "a" with the peers "b" and "c", and everything that it has said. */
struct world {
	struct conf conf;
	char names[3][2];
	struct conf_vn vn;
	struct conf_vn *vns; /* of world_start_vns(): copies of 'vn' with numbers of their own */
	struct conf_peer_vn *peer_vn_rows;
	size_t vn_count;
	struct conf_peer peers[2];
	struct conf_peer_vn peer_vns[2];
	struct conf_address address;
	struct conf_mobile mobile;
	struct prefix local, remote[2], subnet;
	uint32_t slots[2];
	struct vr_id ids[2];
	struct vr *vr;
	us_t now;
	/* Counted, and the last of each kind. */
	unsigned claims, lan_sent, link_sent, sync_sent[16];
	struct arp arp;
	unsigned arps;
	struct sync_msg sync;
	uint32_t question; /* of the last PRESENCE */
	uint32_t link_slot;
	struct seal_inner link_inner;
	size_t lan_sizes[16];
	struct mac lan_to;
	/* What was injected, in order: C a claim, G a broadcast that the router's MAC has it, P a reply of that kind, T one host
	 * told where another one is, A anything else; and F for a frame that 'waits' has handed up.
	 */
	char said[64];
	size_t said_count;
	struct mac told[256]; /* by T: MAC of 10.1.0.x */
	/* Has come from the LAN, and was not read yet: handed up by lan_drain(), once. */
	void (*waits)(struct world *w);
};

static inline char
arp_letter(const struct arp *arp)
{
	bool is_router = mac_equal(arp->sha, router_mac);

	if (addr_equal(arp->spa, arp->tpa) && arp->op == ARP_REQUEST && is_router)
		return 'G';
	if (arp->op != ARP_REPLY)
		return 'A';
	return is_router && !addr_equal(arp->spa, arp->tpa) ? 'P' : 'T';
}

static inline void
note_said(struct world *w, char letter)
{
	if (w->said_count + 1 < sizeof(w->said))
		w->said[w->said_count++] = letter;
	if (letter == 'T' && w->arp.spa.b[2] == 0)
		w->told[w->arp.spa.b[3]] = w->arp.sha;
}

static inline int
lan_send(void *ctx, vn_id_t vn, struct frame *f)
{
	struct world *w = ctx;
	struct eth eth;

	assert_in_range(vn, VN, VN + w->vn_count - 1);
	assert_int_equal(eth_parse(f->data, f->size, &eth), 0);
	w->lan_to = eth.dst;
	if (w->lan_sent < ARRAY_COUNT(w->lan_sizes))
		w->lan_sizes[w->lan_sent] = f->size - ETH_SIZE;
	w->lan_sent++;
	return 0;
}

static inline int
lan_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	struct world *w = ctx;
	struct vr_id id;
	struct mac mac;

	assert_in_range(vn, VN, VN + w->vn_count - 1);
	if (claim_parse(frame, size, &mac, &id) == 0) {
		w->claims++;
		note_said(w, 'C');
	} else {
		assert_int_equal(arp_parse(frame, size, &w->arp), 0);
		w->arps++;
		note_said(w, arp_letter(&w->arp));
	}
	return 0;
}

static inline void
lan_flush(void *ctx, vn_id_t vn)
{
	(void)ctx;
	(void)vn;
}

static inline void
lan_drain(void *ctx, vn_id_t vn, us_t now)
{
	struct world *w = ctx;
	void (*waits)(struct world *) = w->waits;
	unsigned sent = w->lan_sent;

	(void)vn;
	(void)now;
	w->waits = NULL;
	if (waits == NULL)
		return;
	waits(w);
	for (; sent < w->lan_sent; sent++)
		note_said(w, 'F');
}

static inline int
link_send(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f, us_t now)
{
	struct world *w = ctx;

	(void)f;
	(void)now;
	w->link_sent++;
	w->link_slot = slot;
	w->link_inner = *inner;
	return 0;
}

static inline int
link_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct world *w = ctx;

	(void)slot;
	(void)now;
	assert_int_equal(sync_parse(msg, size, &w->sync), 0);
	w->sync_sent[w->sync.type]++;
	if (w->sync.type == SYNC_PRESENCE)
		w->question = w->sync.id;
	return 0;
}

static inline us_t
io_clock(void *ctx)
{
	const struct world *w = ctx;

	return w->now;
}

static inline int64_t
wall_ms(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct vr_io io = {.lan_send = lan_send,
				.lan_inject = lan_inject,
				.lan_flush = lan_flush,
				.lan_drain = lan_drain,
				.link_send = link_send,
				.link_sync = link_sync,
				.clock = io_clock,
				.wall_ms = wall_ms};

static inline struct addr
ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_from_text(text, &a), 0);
	return a;
}

static inline struct prefix
prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_from_text(text, &p), 0);
	return p;
}

/* A: 10.1.0.0/24 with the gateway 10.1.0.1; B: 10.2.0.0/24; C: 10.3.0.0/24; all of 10.1.0.0/24 is mobile. */
static inline struct world *
world_make(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->now = START;
	memcpy(w->names, "a\0b\0c", sizeof(w->names));
	w->ids[0] = peer_b;
	w->ids[1] = peer_c;
	w->local = prefix("10.1.0.0/24");
	w->remote[0] = prefix("10.2.0.0/24");
	w->remote[1] = prefix("10.3.0.0/24");
	w->address = (struct conf_address){.addr = ip("10.1.0.1"), .len = 24};
	w->mobile = (struct conf_mobile){.prefix = prefix("10.1.0.0/24")};
	w->vn = (struct conf_vn){.id = VN,
				 .local = &w->local,
				 .local_count = 1,
				 .addresses = &w->address,
				 .address_count = 1,
				 .mobile = &w->mobile,
				 .mobile_count = 1,
				 .freeze_moves = 10,
				 .freeze_window = 10 * US_S,
				 .freeze_time = 30 * US_S};
	for (size_t i = 0; i < 2; i++) {
		w->peer_vns[i] = (struct conf_peer_vn){
			.id = VN, .prefixes = &w->remote[i], .prefix_count = 1};
		w->peers[i] = (struct conf_peer){
			.name = w->names[i + 1], .vns = &w->peer_vns[i], .vn_count = 1};
	}
	w->conf = (struct conf){.name = w->names[0],
				.listen = {.port = 51341},
				.hello_interval = US_S,
				.dead_time = 4 * US_S,
				.hwdt_max = 256,
				.hwdt_expiry = 1200 * US_S,
				.vns = &w->vn,
				.vn_count = 1,
				.peers = w->peers,
				.peer_count = 2};
	return w;
}

static inline void
hear(struct world *w, size_t from, const struct sync_msg *msg)
{
	uint8_t data[SYNC_SIZE_MAX];
	int size = sync_build(msg, data, sizeof(data));

	assert_true(size > 0);
	vr_link_sync(w->vr, w->slots[from], data, (size_t)size, w->now);
}

/* Lets the time pass; the peers live. */
static inline void
run(struct world *w, us_t duration)
{
	us_t end = w->now + duration, next;

	do {
		for (size_t i = 0; i < 2; i++)
			if (peers_at(w->vr->peers, w->slots[i]) != NULL)
				peers_at(w->vr->peers, w->slots[i])->heard = w->now;
		next = vr_run(w->vr, w->now);
		if (next > w->now)
			w->now = next < end ? next : end;
	} while (w->now < end);
	(void)vr_run(w->vr, w->now);
}

/* The same in so many VNs, from VN on. */
static inline void
world_start_vns(struct world *w, size_t count)
{
	struct mac macs[8];
	uint16_t mtus[8];
	struct vr_start start = {.self = self,
				 .io = &io,
				 .ctx = w,
				 .key = {1, 2},
				 .boot = 1,
				 .macs = macs,
				 .mtus = mtus,
				 .peer_ids = w->ids};
	struct sync_msg hello = {.type = SYNC_HELLO, .hello = {.boot = 1, .sent = 1}};

	assert_in_range(count, 1, ARRAY_COUNT(macs));
	w->vns = calloc(count, sizeof(*w->vns));
	w->peer_vn_rows = calloc(2 * count, sizeof(*w->peer_vn_rows));
	assert_true(w->vns != NULL && w->peer_vn_rows != NULL);
	for (size_t i = 0; i < count; i++) {
		w->vns[i] = w->vn;
		w->vns[i].id = VN + (vn_id_t)i;
		macs[i] = router_mac;
		mtus[i] = 1500;
		for (size_t k = 0; k < 2; k++) {
			w->peer_vn_rows[k * count + i] = w->peer_vns[k];
			w->peer_vn_rows[k * count + i].id = VN + (vn_id_t)i;
		}
	}
	if (count > 1) {
		w->conf.vns = w->vns;
		for (size_t k = 0; k < 2; k++) {
			w->peers[k].vns = &w->peer_vn_rows[k * count];
			w->peers[k].vn_count = count;
		}
	}
	w->conf.vn_count = w->vn_count = count;
	start.log = log_create(LOG_ERROR, NULL);
	assert_non_null(start.log);
	assert_int_equal(vr_create(&w->conf, &start, w->now, w->slots, &w->vr), 0);
	for (size_t i = 0; i < 2; i++) {
		hear(w, i, &hello);
		vr_link_mtu(w->vr, w->slots[i], 1400);
	}
	run(w, US_S);
}

static inline void
world_start(struct world *w)
{
	world_start_vns(w, 1);
}

static inline struct world *
world_standard(void)
{
	struct world *w = world_make();

	world_start(w);
	return w;
}

static inline void
world_end(struct world *w)
{
	struct log *log = w->vr->log;

	vr_destroy(w->vr);
	log_destroy(log);
	free(w->vns);
	free(w->peer_vn_rows);
	free(w);
}

/* A gratuitous ARP or, with another target, a request. */
static inline void
say_arp_in(struct world *w, vn_id_t vn, struct mac from, const char *spa, const char *tpa)
{
	struct arp arp = {.eth_dst = MAC_BROADCAST,
			  .eth_src = from,
			  .op = ARP_REQUEST,
			  .sha = from,
			  .spa = ip(spa),
			  .tpa = ip(tpa)};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	vr_lan_control(w->vr, vn, frame, sizeof(frame), false, w->now);
}

static inline void
say_arp(struct world *w, struct mac from, const char *spa, const char *tpa)
{
	say_arp_in(w, VN, from, spa, tpa);
}

static inline void
say_rarp(struct world *w, vn_id_t vn, struct mac mac)
{
	struct arp rarp = {.eth_dst = MAC_BROADCAST,
			   .eth_src = mac,
			   .op = RARP_REQUEST,
			   .sha = mac,
			   .tha = mac};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&rarp, frame);
	vr_lan_control(w->vr, vn, frame, sizeof(frame), false, w->now);
}

static inline void
peer_says_in(struct world *w, vn_id_t vn, size_t from, const char *eid, struct mac mac,
	     mobility_t mobility, bool withdrawn)
{
	struct sync_msg msg = {.type = SYNC_DELTA, .id = 1, .vn = vn};

	msg.delta.count = 1;
	msg.delta.bindings[0] = (struct sync_binding){
		.ip = ip(eid), .mac = mac, .mobility = mobility, .withdrawn = withdrawn};
	hear(w, from, &msg);
}

static inline void
peer_says(struct world *w, size_t from, const char *eid, struct mac mac, mobility_t mobility,
	  bool withdrawn)
{
	peer_says_in(w, VN, from, eid, mac, mobility, withdrawn);
}

static inline struct vr_id
routed_to(const struct world *w, const char *eid)
{
	const struct gndt_target *r = gndt_find(w->vr->gndt, VN, ip(eid));

	return r != NULL ? r->vr : (struct vr_id){0};
}

static inline const struct hwdt_entry *
entry(const struct world *w, const char *eid)
{
	return hwdt_find(w->vr->hwdt, VN, ip(eid));
}

/* A packet of 'size' bytes at 'data'. */
static inline void
make_packet(uint8_t *data, const char *src, const char *dst, size_t size, bool df)
{
	struct addr a = ip(src), b = ip(dst);

	memset(data, 0, size);
	data[0] = 0x45;
	data[2] = (uint8_t)(size >> 8);
	data[3] = (uint8_t)size;
	data[6] = df ? 0x40 : 0;
	data[8] = 64;
	data[9] = IP_PROTO_UDP;
	memcpy(data + 12, a.b, 4);
	memcpy(data + 16, b.b, 4);
	ip_header_checksum(data);
}

static inline void
peer_sends(struct world *w, size_t from, const char *src, const char *dst, size_t size, bool df,
	   uint8_t flags)
{
	uint8_t *bytes = malloc(FRAME_HEADROOM + size);
	struct frame f = {.data = bytes + FRAME_HEADROOM, .size = size};
	struct seal_inner inner = {.vn = VN, .flags = flags, .hops = 3};

	assert_non_null(bytes);
	make_packet(f.data, src, dst, size, df);
	vr_link_data(w->vr, w->slots[from], &inner, &f, w->now);
	free(bytes);
}

static inline void
lan_sends_to_port(struct world *w, struct mac from, struct mac to, const char *src, const char *dst,
		  size_t size, uint16_t port)
{
	uint8_t *bytes = malloc(FRAME_HEADROOM + ETH_SIZE + size);
	struct frame f = {.data = bytes + FRAME_HEADROOM, .size = ETH_SIZE + size};
	struct eth eth = {.dst = to, .src = from, .type = ETH_IP4};

	assert_non_null(bytes);
	eth_build(&eth, f.data);
	make_packet(f.data + ETH_SIZE, src, dst, size, false);
	be16_put(f.data + ETH_SIZE + IP4_SIZE_MIN + 2, port);
	vr_lan_frame(w->vr, VN, &f, w->now);
	free(bytes);
}

static inline void
lan_sends(struct world *w, struct mac from, struct mac to, const char *src, const char *dst,
	  size_t size)
{
	lan_sends_to_port(w, from, to, src, dst, size, 0);
}

static inline void
answer_probe(struct world *w, struct mac from, const char *spa)
{
	struct arp arp = {.eth_dst = router_mac,
			  .eth_src = from,
			  .op = ARP_REPLY,
			  .sha = from,
			  .tha = router_mac,
			  .spa = ip(spa),
			  .tpa = ip("10.1.0.1")};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	vr_lan_control(w->vr, VN, frame, sizeof(frame), false, w->now);
}

static inline void
peer_sees(struct world *w, size_t from, const char *eid, bool present)
{
	struct sync_msg msg = {.type = SYNC_PRESENT,
			       .id = w->question,
			       .vn = VN,
			       .presence = {.ip = ip(eid), .present = present}};

	hear(w, from, &msg);
}

#endif
