/* One router with two networks, a peer and what it sends: no mapping system, and a fake clock. */
#ifndef TESTS_UNIT_FWD_RIG_H
#define TESTS_UNIT_FWD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/fmt.h"
#include "tests/unit/packet.h"
#include "vr/neigh.h"
#include "vr/vr.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define BLUE     7
#define RED      8
#define SENT_MAX 2048
#define ANY_KEY  "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

/* Two networks with the same addresses: 10.1.0.0/24 is here, 10.2.0.0/24 at the peer "b". */
static const char plain[] =
	"{ \"name\": \"a\", \"key_file\": \"/k\","
	"  \"vns\": [ { \"id\": 7, \"device\": \"br0\", \"local\": [\"10.1.0.0/24\"],"
	"    \"addresses\": [\"10.1.0.1/24\"], \"mobile\": [ { \"prefix\": \"10.1.0.0/24\" } ] },"
	"  { \"id\": 8, \"device\": \"br1\", \"local\": [\"10.1.0.0/24\"],"
	"    \"addresses\": [\"10.1.0.1/24\"] } ],"
	"  \"peers\": [ { \"name\": \"b\", \"public_key\": \"" ANY_KEY "\","
	"    \"vns\": [ { \"id\": 7, \"prefixes\": [\"10.2.0.0/24\"] },"
	"      { \"id\": 8, \"prefixes\": [\"10.2.0.0/24\"] } ] } ] }";
/* The gateway is somebody else. */
static const char behind_native[] =
	"{ \"name\": \"a\", \"key_file\": \"/k\","
	"  \"vns\": [ { \"id\": 7, \"device\": \"br0\", \"local\": [\"10.1.0.0/24\"],"
	"    \"addresses\": [\"10.1.0.2/24\"], \"native_gateway\": \"10.1.0.254\","
	"    \"mobile\": [ { \"prefix\": \"10.1.0.0/24\" } ] },"
	"  { \"id\": 8, \"device\": \"br1\" } ],"
	"  \"peers\": [ { \"name\": \"b\", \"public_key\": \"" ANY_KEY "\","
	"    \"vns\": [ { \"id\": 7, \"prefixes\": [\"10.2.0.0/24\"] } ] } ] }";

static const struct mac router_macs[2] = {{{2, 0x56, 0x52, 0, 0, BLUE}},
					  {{2, 0x56, 0x52, 0, 0, RED}}};
static const struct vr_id peer_id = {2};

/* A packet that the router sent, at its IP header. */
struct sent {
	uint8_t *data;
	size_t size;
	bool to_lan;
	vn_id_t vn;
	struct mac mac;
	uint8_t flags; /* to a peer */
	uint8_t gso;
	uint16_t gso_size;
};

struct world {
	struct conf conf;
	struct vr *vr;
	struct log *log;
	uint32_t slot;
	us_t now;
	struct sent sent[SENT_MAX];
	size_t sent_count;
	int lan_result, link_result;
	struct sync_msg sync; /* the last */
};

static inline void
keep(struct world *w, struct sent sent, const uint8_t *data, size_t size)
{
	assert_true(w->sent_count < SENT_MAX);
	sent.data = malloc(size);
	assert_non_null(sent.data);
	memcpy(sent.data, data, size);
	sent.size = size;
	w->sent[w->sent_count++] = sent;
}

static inline void
forget(struct world *w)
{
	while (w->sent_count > 0)
		free(w->sent[--w->sent_count].data);
}

static inline int
io_lan_send(void *ctx, vn_id_t vn, struct frame *f)
{
	struct world *w = ctx;
	struct sent sent = {.to_lan = true, .vn = vn, .gso = f->gso, .gso_size = f->gso_size};
	struct eth eth;

	if (w->lan_result != 0)
		return w->lan_result;
	assert_int_equal(eth_parse(f->data, f->size, &eth), 0);
	sent.mac = eth.dst;
	keep(w, sent, f->data + ETH_SIZE, f->size - ETH_SIZE);
	return 0;
}

static inline int
io_lan_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	(void)ctx;
	(void)vn;
	(void)frame;
	(void)size;
	return 0;
}

static inline void
io_lan_flush(void *ctx, vn_id_t vn)
{
	(void)ctx;
	(void)vn;
}

static inline int
io_link_send(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f, us_t now)
{
	struct world *w = ctx;
	struct sent sent = {
		.vn = inner->vn, .flags = inner->flags, .gso = f->gso, .gso_size = f->gso_size};

	(void)now;
	assert_int_equal(slot, w->slot);
	if (w->link_result != 0)
		return w->link_result;
	keep(w, sent, f->data, f->size);
	return 0;
}

static inline int
io_link_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct world *w = ctx;

	(void)slot;
	(void)now;
	assert_int_equal(sync_parse(msg, size, &w->sync), 0);
	return 0;
}

static inline us_t
io_clock(void *ctx)
{
	return ((const struct world *)ctx)->now;
}

static inline int64_t
io_wall_ms(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct vr_io io = {.lan_send = io_lan_send,
				.lan_inject = io_lan_inject,
				.lan_flush = io_lan_flush,
				.link_send = io_link_send,
				.link_sync = io_link_sync,
				.clock = io_clock,
				.wall_ms = io_wall_ms};

static inline struct addr
ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_from_text(text, &a), 0);
	return a;
}

static inline void
hear(struct world *w, const struct sync_msg *msg)
{
	uint8_t data[SYNC_SIZE_MAX];
	int size = sync_build(msg, data, sizeof(data));

	assert_true(size > 0);
	vr_link_sync(w->vr, w->slot, data, (size_t)size, w->now);
}

static inline struct world *
world_make(const char *text)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vr_start start = {.self = {1},
				 .io = &io,
				 .ctx = w,
				 .key = {1, 2},
				 .boot = 1,
				 .macs = router_macs,
				 .mtus = (const uint16_t[]){1500, 1500},
				 .peer_ids = &peer_id};
	struct conf_errors errors;

	assert_non_null(w);
	w->now = 1000 * US_S;
	assert_int_equal(conf_parse(text, strlen(text), &w->conf, &errors), 0);
	conf_errors_fini(&errors);
	start.log = w->log = log_create(LOG_ERROR, NULL);
	assert_non_null(w->log);
	assert_int_equal(vr_create(&w->conf, &start, w->now, &w->slot, &w->vr), 0);
	hear(w, &(struct sync_msg){.type = SYNC_HELLO, .hello = {.boot = 1, .sent = 1}});
	vr_link_mtu(w->vr, w->slot, 1400);
	return w;
}

static inline void
world_end(struct world *w)
{
	forget(w);
	vr_destroy(w->vr);
	log_destroy(w->log);
	conf_fini(&w->conf);
	free(w);
}

static inline uint64_t
drops(const struct world *w, enum vr_drop reason)
{
	return w->vr->drops[reason];
}

/* A machine of this LAN; its MAC is its number's. */
static inline struct mac
machine(uint8_t number)
{
	return (struct mac){{0x52, 0x54, 0, 0, 0, number}};
}

/* It says that it is here. */
static inline void
here(struct world *w, vn_id_t vn, uint8_t number)
{
	struct addr own = addr_make(ADDR_V4, (const uint8_t[]){10, 1, 0, number});
	struct arp arp = {.eth_dst = MAC_BROADCAST,
			  .eth_src = machine(number),
			  .op = ARP_REQUEST,
			  .sha = machine(number),
			  .spa = own,
			  .tpa = own};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	vr_lan_control(w->vr, vn, frame, sizeof(frame), false, w->now);
}

/* What to send; what is left zero gets a usual value. */
struct want {
	vn_id_t vn;
	const char *from, *to;
	size_t size; /* of the IP packet */
	uint8_t ttl; /* 0: 64 */
	bool df;     /* may not be fragmented */
	uint8_t gso; /* enum frame_gso */
	uint16_t gso_size;
	bool partial;  /* checksum not finished */
	uint16_t type; /* Ethernet's, 0: IPv4 */
};

/* The packet with FRAME_HEADROOM and an Ethernet header in front. */
static inline uint8_t *
packet_of(const struct want *want, struct frame *f)
{
	const struct packet_want shape = {.proto = want->gso == FRAME_GSO_TCP4 ? PACKET_TCP
									       : PACKET_UDP,
					  .ttl = want->ttl,
					  .payload = want->size - 20,
					  .fragment = want->df ? 0x4000 : 0};
	uint8_t *made = packet_make(&shape);
	uint8_t *bytes = malloc(FRAME_HEADROOM + ETH_SIZE + want->size);
	uint8_t *packet = bytes + FRAME_HEADROOM + ETH_SIZE;
	size_t sum_at = shape.proto == PACKET_TCP ? 36 : 26;

	assert_non_null(bytes);
	memcpy(packet, made, want->size);
	free(made);
	memcpy(packet + 12, ip(want->from).b, 4);
	memcpy(packet + 16, ip(want->to).b, 4);
	packet_ip4_sum(packet);
	if (want->size >= 40 && want->partial) {
		/* Of the pseudo-header only. */
		packet_put16(packet + sum_at,
			     packet_sum(packet + 12, 8, (uint32_t)(shape.proto + want->size - 20)));
	} else if (want->size >= 40) {
		packet_put16(packet + sum_at, (uint16_t)~packet_l4_sum(packet, want->size));
	}
	*f = (struct frame){.data = packet,
			    .size = want->size,
			    .gso = want->gso,
			    .gso_size = want->gso_size,
			    .csum_partial = want->partial};
	return bytes;
}

/* A machine of this LAN sends to the router's MAC. */
static inline void
lan_sends(struct world *w, uint8_t number, struct want want)
{
	vn_id_t vn = want.vn != 0 ? want.vn : BLUE;
	struct eth eth = {.dst = router_macs[vn - BLUE],
			  .src = machine(number),
			  .type = want.type != 0 ? want.type : ETH_IP4};
	struct frame f;
	uint8_t *bytes = packet_of(&want, &f);

	f.data -= ETH_SIZE;
	f.size += ETH_SIZE;
	eth_build(&eth, f.data);
	vr_lan_frame(w->vr, vn, &f, w->now);
	free(bytes);
}

static inline void
peer_sends(struct world *w, struct want want)
{
	struct seal_inner inner = {.vn = want.vn != 0 ? want.vn : BLUE};
	struct frame f;
	uint8_t *bytes = packet_of(&want, &f);

	vr_link_data(w->vr, w->slot, &inner, &f, w->now);
	free(bytes);
}

static inline void
peer_says(struct world *w, const char *eid, uint8_t number, mobility_t mobility)
{
	struct sync_msg msg = {.type = SYNC_DELTA, .id = 1, .vn = BLUE, .delta = {.count = 1}};

	msg.delta.bindings[0] =
		(struct sync_binding){.ip = ip(eid), .mac = machine(number), .mobility = mobility};
	hear(w, &msg);
}

/* How many ICMP errors of this type and code are among what was sent to 'to'. */
static inline unsigned
errors(const struct world *w, vn_id_t vn, const char *to, uint8_t type, uint8_t code)
{
	unsigned count = 0;

	for (size_t i = 0; i < w->sent_count; i++) {
		const uint8_t *p = w->sent[i].data;

		count += w->sent[i].vn == vn && p[9] == PACKET_ICMP && p[20] == type &&
			 p[21] == code && memcmp(p + 16, ip(to).b, 4) == 0;
	}
	return count;
}

static inline unsigned
too_bigs(const struct world *w, vn_id_t vn, const char *to)
{
	return errors(w, vn, to, 3, 4);
}

static inline unsigned
ttl_errors(const struct world *w, vn_id_t vn, const char *to)
{
	return errors(w, vn, to, 11, 0);
}

#endif
