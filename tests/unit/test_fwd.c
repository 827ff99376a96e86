/* What one router does with packets: sizes, errors about them, and the reasons for which they end here. */
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

static void
keep(struct world *w, struct sent sent, const uint8_t *data, size_t size)
{
	assert_true(w->sent_count < SENT_MAX);
	sent.data = malloc(size);
	assert_non_null(sent.data);
	memcpy(sent.data, data, size);
	sent.size = size;
	w->sent[w->sent_count++] = sent;
}

static void
forget(struct world *w)
{
	while (w->sent_count > 0)
		free(w->sent[--w->sent_count].data);
}

static int
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

static int
io_lan_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	(void)ctx;
	(void)vn;
	(void)frame;
	(void)size;
	return 0;
}

static void
io_lan_flush(void *ctx, vn_id_t vn)
{
	(void)ctx;
	(void)vn;
}

static int
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

static int
io_link_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct world *w = ctx;

	(void)slot;
	(void)now;
	assert_int_equal(sync_parse(msg, size, &w->sync), 0);
	return 0;
}

static us_t
io_clock(void *ctx)
{
	return ((const struct world *)ctx)->now;
}

static int64_t
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

static struct addr
ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_from_text(text, &a), 0);
	return a;
}

static void
hear(struct world *w, const struct sync_msg *msg)
{
	uint8_t data[SYNC_SIZE_MAX];
	int size = sync_build(msg, data, sizeof(data));

	assert_true(size > 0);
	vr_link_sync(w->vr, w->slot, data, (size_t)size, w->now);
}

static struct world *
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

static void
world_end(struct world *w)
{
	forget(w);
	vr_destroy(w->vr);
	log_destroy(w->log);
	conf_fini(&w->conf);
	free(w);
}

static uint64_t
drops(const struct world *w, enum vr_drop reason)
{
	return w->vr->drops[reason];
}

/* A machine of this LAN; its MAC is its number's. */
static struct mac
machine(uint8_t number)
{
	return (struct mac){{0x52, 0x54, 0, 0, 0, number}};
}

/* It says that it is here. */
static void
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
static uint8_t *
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
static void
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

static void
peer_sends(struct world *w, struct want want)
{
	struct seal_inner inner = {.vn = want.vn != 0 ? want.vn : BLUE};
	struct frame f;
	uint8_t *bytes = packet_of(&want, &f);

	vr_link_data(w->vr, w->slot, &inner, &f, w->now);
	free(bytes);
}

static void
peer_says(struct world *w, const char *eid, uint8_t number, mobility_t mobility)
{
	struct sync_msg msg = {.type = SYNC_DELTA, .id = 1, .vn = BLUE, .delta = {.count = 1}};

	msg.delta.bindings[0] =
		(struct sync_binding){.ip = ip(eid), .mac = machine(number), .mobility = mobility};
	hear(w, &msg);
}

/* How many ICMP errors of this type and code are among what was sent to 'to'. */
static unsigned
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

static unsigned
too_bigs(const struct world *w, vn_id_t vn, const char *to)
{
	return errors(w, vn, to, 3, 4);
}

static unsigned
ttl_errors(const struct world *w, vn_id_t vn, const char *to)
{
	return errors(w, vn, to, 11, 0);
}

/* ---- ICMP errors ---- */

static void
one_senders_errors_do_not_silence_those_of_another(void **state)
{
	const struct want loop = {.from = "10.1.0.5", .to = "10.2.0.9", .size = 60, .ttl = 1};
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	here(w, BLUE, 6);
	here(w, RED, 5);
	for (unsigned i = 0; i < 1000; i++)
		lan_sends(w, 5, loop);
	assert_int_equal(drops(w, DROP_TTL), 1000);
	assert_in_range(ttl_errors(w, BLUE, "10.1.0.5"), 1, 100);
	assert_int_equal(w->vr->icmp_limited + ttl_errors(w, BLUE, "10.1.0.5"), 1000);
	/* Another machine, the same address in another network, and the sender itself with a packet that has to become
	 * smaller. */
	lan_sends(w, 6, (struct want){.from = "10.1.0.6", .to = "10.2.0.9", .size = 60, .ttl = 1});
	assert_int_equal(ttl_errors(w, BLUE, "10.1.0.6"), 1);
	lan_sends(w, 5,
		  (struct want){
			  .vn = RED, .from = "10.1.0.5", .to = "10.2.0.9", .size = 60, .ttl = 1});
	assert_int_equal(ttl_errors(w, RED, "10.1.0.5"), 1);
	lan_sends(w, 6,
		  (struct want){.from = "10.1.0.6", .to = "10.2.0.9", .size = 1500, .df = true});
	assert_int_equal(too_bigs(w, BLUE, "10.1.0.6"), 1);
	lan_sends(w, 5,
		  (struct want){.from = "10.1.0.5", .to = "10.2.0.9", .size = 1500, .df = true});
	assert_int_equal(too_bigs(w, BLUE, "10.1.0.5"), 1);
	/* Its allowance grows again. */
	forget(w);
	w->now += US_S;
	lan_sends(w, 5, loop);
	assert_int_equal(ttl_errors(w, BLUE, "10.1.0.5"), 1);
	world_end(w);
}

static void
all_senders_together_have_a_ceiling_that_leaves_fragmentation_needed_alone(void **state)
{
	struct world *w = world_make(plain);
	char from[16];

	(void)state;
	for (unsigned i = 2; i < 252; i++)
		here(w, BLUE, (uint8_t)i);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t number = (uint8_t)(2 + i % 250);

		snprintf(from, sizeof(from), "10.1.0.%u", number);
		lan_sends(w, number,
			  (struct want){.from = from, .to = "10.2.0.9", .size = 60, .ttl = 1});
	}
	assert_int_equal(w->sent_count, ICMP_LIMIT_OTHER_BURST);
	/* "Fragmentation needed" is bounded as well, only higher: a peer may speak for many addresses. */
	forget(w);
	w->vr->sites[0].lan_mtu = 1280;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(from, sizeof(from), "10.2.0.%u", 2 + i % 250);
		peer_sends(w,
			   (struct want){.from = from, .to = "10.1.0.5", .size = 1400, .df = true});
		if (i < 250)
			assert_int_equal(too_bigs(w, BLUE, from), 1);
	}
	assert_int_equal(w->sent_count, ICMP_LIMIT_BIG_BURST);
	world_end(w);
}

/* ---- sizes ---- */

/* Puts the fragments among what was sent together: datagrams of the pattern that packet_make() makes, from 'id' on.  Returns
 * how many bytes of UDP payload there were. */
static size_t
reassemble(const struct world *w, size_t mtu, uint16_t id, size_t datagram, size_t payload)
{
	uint8_t *whole = malloc(65536);
	size_t at = 0, done = 0;

	assert_non_null(whole);
	for (size_t i = 0; i < w->sent_count; i++) {
		const uint8_t *p = w->sent[i].data;
		unsigned field = packet_get16(p + 6);

		assert_int_equal(packet_get16(p + 2), w->sent[i].size);
		assert_in_range(w->sent[i].size, 21, mtu);
		assert_int_equal(packet_sum(p, 20, 0), 0xffff);
		assert_int_equal(packet_get16(p + 4), id);
		assert_int_equal((field & 0x1fff) * 8, at);
		assert_int_equal(w->sent[i].gso, FRAME_GSO_NONE);
		assert_int_equal(w->sent[i].flags, 0);
		if (at == 0)
			memcpy(whole, p, 20);
		memcpy(whole + 20 + at, p + 20, w->sent[i].size - 20);
		at += w->sent[i].size - 20;
		if ((field & 0x2000) != 0)
			continue;
		packet_put16(whole + 2, (unsigned)(20 + at));
		assert_int_equal(packet_l4_sum(whole, 20 + at), 0xffff);
		assert_int_equal(packet_get16(whole + 24), at);
		assert_int_equal(at - 8, payload - done < datagram ? payload - done : datagram);
		for (size_t k = 8; k < at; k++)
			assert_int_equal(whole[20 + k], (uint8_t)(8 + done + k - 8));
		done += at - 8;
		at = 0;
		id++;
	}
	assert_int_equal(at, 0);
	free(whole);
	return done;
}

static void
a_udp_super_frame_that_may_be_fragmented_is_cut_and_then_fragmented(void **state)
{
	static const struct {
		uint16_t gso_size;
		size_t payload;
	} rows[] = {
		{1472, 14720}, {1472, 15000}, {1472, 14721},
		{1373, 60000}, {9000, 63000}, {20000, 60001},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(rows); i++) {
		size_t payload = rows[i / 2].payload;
		uint16_t gso_size = rows[i / 2].gso_size;
		struct world *w = world_make(plain);

		here(w, BLUE, 5);
		lan_sends(w, 5,
			  (struct want){.from = "10.1.0.5",
					.to = "10.2.0.9",
					.size = 28 + payload,
					.gso = FRAME_GSO_UDP,
					.gso_size = gso_size,
					.partial = i % 2 == 1});
		assert_int_equal(reassemble(w, 1400, 0x1234, gso_size, payload), payload);
		assert_int_equal(drops(w, DROP_TOO_BIG), 0);
		assert_int_equal(peers_at(w->vr->peers, w->slot)->tx_packets, w->sent_count);
		world_end(w);
	}
}

static void
a_udp_super_frame_that_fits_or_may_not_be_cut_stays_whole(void **state)
{
	struct want want = {.from = "10.1.0.5",
			    .to = "10.2.0.9",
			    .size = 28 + 13720,
			    .gso = FRAME_GSO_UDP,
			    .gso_size = 1372};
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	lan_sends(w, 5, want);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->sent[0].gso_size, 1372);
	want.df = true;
	want.gso_size = 1373;
	lan_sends(w, 5, want);
	assert_int_equal(w->sent_count, 2);
	assert_int_equal(too_bigs(w, BLUE, "10.1.0.5"), 1);
	assert_int_equal(drops(w, DROP_TOO_BIG), 1);
	/* One that is smaller than its segments is a packet. */
	want.size = 28 + 1000;
	lan_sends(w, 5, want);
	assert_int_equal(w->sent_count, 3);
	assert_int_equal(drops(w, DROP_TOO_BIG), 1);
	world_end(w);
}

static void
a_tcp_super_frame_is_cut_anew(void **state)
{
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	lan_sends(w, 5,
		  (struct want){.from = "10.1.0.5",
				.to = "10.2.0.9",
				.size = 40 + 14600,
				.df = true,
				.gso = FRAME_GSO_TCP4,
				.gso_size = 1460,
				.partial = true});
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(w->sent[0].gso_size, 1360);
	world_end(w);
}

/* A path may take more than a fragment made here has room for. */
static void
a_packet_too_large_for_a_wide_path_is_fragmented_too(void **state)
{
	static const uint16_t mtus[] = {9216, 9217, 10000, 15000};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(mtus); i++) {
		struct world *w = world_make(plain);

		vr_link_mtu(w->vr, w->slot, mtus[i / 2]);
		here(w, BLUE, 5);
		lan_sends(w, 5,
			  (struct want){.from = "10.1.0.5",
					.to = "10.2.0.9",
					.size = 16000,
					.partial = i % 2 == 1});
		assert_int_equal(reassemble(w, mtus[i / 2], 0x1234, 65535, 16000 - 28), 16000 - 28);
		assert_int_equal(drops(w, DROP_TOO_BIG), 0);
		world_end(w);
	}
}

static void
what_is_too_large_for_the_lan_is_cut_too(void **state)
{
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	here(w, BLUE, 6);
	w->vr->sites[0].lan_mtu = 1000;
	peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.5", .size = 1400});
	assert_int_equal(reassemble(w, 1000, 0x1234, 65535, 1400 - 28), 1400 - 28);
	assert_true(w->sent[0].to_lan && mac_equal(w->sent[0].mac, machine(5)));
	forget(w);
	lan_sends(w, 6,
		  (struct want){.from = "10.1.0.6",
				.to = "10.1.0.5",
				.size = 28 + 10000,
				.gso = FRAME_GSO_UDP,
				.gso_size = 1472,
				.partial = true});
	assert_int_equal(reassemble(w, 1000, 0x1234, 1472, 10000), 10000);
	assert_int_equal(drops(w, DROP_TOO_BIG), 0);
	assert_int_equal(drops(w, DROP_LAN_SEND), 0);
	world_end(w);
}

/* The way out of the VN is a LAN like any other. */
static void
what_is_too_large_for_the_native_gateways_lan_is_cut_or_answered(void **state)
{
	struct world *w = world_make(behind_native);
	struct want want = {.from = "10.1.0.5", .to = "192.0.2.1", .size = 1400};

	(void)state;
	here(w, BLUE, 254);
	peer_says(w, "10.1.0.5", 5, 1);
	w->vr->sites[0].lan_mtu = 1000;
	peer_sends(w, want);
	assert_int_equal(reassemble(w, 1000, 0x1234, 65535, 1400 - 28), 1400 - 28);
	assert_true(mac_equal(w->sent[0].mac, machine(254)));
	forget(w);
	want.df = true;
	peer_sends(w, want);
	assert_int_equal(w->sent_count, 1);
	assert_int_equal(too_bigs(w, BLUE, "10.1.0.5"), 1);
	assert_int_equal(drops(w, DROP_TOO_BIG), 1);
	world_end(w);
}

/* What the router says itself has to fit as well. */
static void
answers_fit_a_narrow_path(void **state)
{
	struct world *w = world_make(plain);
	struct want big = {.from = "10.2.0.9", .to = "10.1.0.5", .size = 1400, .df = true};
	struct seal_inner inner = {.vn = BLUE};
	struct frame f;
	uint8_t *bytes;
	size_t content = 0;

	(void)state;
	here(w, BLUE, 5);
	vr_link_mtu(w->vr, w->slot, 508);
	w->vr->sites[0].lan_mtu = 1280;
	peer_sends(w, big);
	assert_int_equal(too_bigs(w, BLUE, "10.2.0.9"), 1);
	assert_int_equal(w->sent[0].size, 508);
	forget(w);
	/* An echo request that came in fragments, by a path that is wider in the other direction. */
	big.to = "10.1.0.1";
	big.df = false;
	bytes = packet_of(&big, &f);
	f.data[9] = PACKET_ICMP;
	packet_ip4_sum(f.data);
	packet_put16(f.data + 20, 0x0800);
	packet_put16(f.data + 22, 0);
	packet_put16(f.data + 22, (uint16_t)~packet_sum(f.data + 20, f.size - 20, 0));
	vr_link_data(w->vr, w->slot, &inner, &f, w->now);
	free(bytes);
	assert_int_equal(w->sent_count, 3);
	for (size_t i = 0; i < w->sent_count; i++) {
		assert_in_range(w->sent[i].size, 21, 508);
		content += w->sent[i].size - 20;
	}
	assert_int_equal(content, 1400 - 20);
	assert_int_equal(w->sent[0].data[20], 0);
	assert_int_equal(drops(w, DROP_TOO_BIG), 1);
	world_end(w);
}

/* ---- reasons ---- */

static void
what_a_session_does_not_take_is_counted_for_what_it_is(void **state)
{
	static const struct {
		int error;
		enum vr_drop reason;
	} rows[] = {
		{-ENOTCONN, DROP_NO_SESSION}, {-EMSGSIZE, DROP_TOO_BIG}, {-EINVAL, DROP_MALFORMED}};
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		w->link_result = rows[i].error;
		lan_sends(w, 5, (struct want){.from = "10.1.0.5", .to = "10.2.0.9", .size = 60});
		assert_int_equal(drops(w, rows[i].reason), 1);
	}
	/* An error of our own that does not leave is one, too. */
	w->link_result = -ENOTCONN;
	w->vr->sites[0].lan_mtu = 100;
	peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.5", .size = 200, .df = true});
	assert_int_equal(drops(w, DROP_NO_SESSION), 2);
	assert_int_equal(drops(w, DROP_TOO_BIG), 2);
	assert_int_equal(peers_at(w->vr->peers, w->slot)->tx_packets, 0);
	world_end(w);
}

static void
what_the_lan_does_not_take_is_counted(void **state)
{
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	w->lan_result = -ENOBUFS;
	peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.5", .size = 60});
	assert_int_equal(drops(w, DROP_LAN_SEND), 1);
	assert_int_equal(w->vr->lan_delivered, 0);
	world_end(w);
}

static void
what_is_no_ip_is_counted(void **state)
{
	struct world *w = world_make(plain);
	struct want want = {.from = "10.1.0.5", .to = "10.2.0.9", .size = 60, .type = 0x88cc};

	(void)state;
	here(w, BLUE, 5);
	lan_sends(w, 5, want);
	assert_int_equal(drops(w, DROP_NOT_IP), 1);
	assert_int_equal(w->sent_count, 0);
	world_end(w);
}

static void
packets_that_wait_for_an_arp_answer_are_bounded(void **state)
{
	struct world *w = world_make(plain);
	char to[16];

	(void)state;
	for (unsigned i = 0; i < NEIGH_PACKETS_MAX + 3; i++)
		peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.77", .size = 60});
	assert_int_equal(drops(w, DROP_ARP_PENDING), 3);
	/* And so are the destinations: the oldest gives way, with all that wait for it. */
	for (unsigned i = 100; i < 100 + NEIGH_WAITING_MAX; i++) {
		snprintf(to, sizeof(to), "10.1.0.%u", i);
		peer_sends(w, (struct want){.from = "10.2.0.9", .to = to, .size = 60});
	}
	assert_int_equal(drops(w, DROP_ARP_PENDING), 3 + NEIGH_PACKETS_MAX);
	assert_int_equal(w->sent_count, 0);
	here(w, BLUE, 77);
	assert_int_equal(w->sent_count, 0);
	here(w, BLUE, 100);
	assert_int_equal(w->sent_count, 1);
	world_end(w);
}

static void
packets_that_wait_are_bounded_in_bytes_too(void **state)
{
	/* One network has half. */
	unsigned fit = NEIGH_BYTES_MAX / 2 / (FRAME_HEADROOM + 1400), count = 0;
	struct world *w = world_make(plain);
	char to[16];

	(void)state;
	for (unsigned i = 100; i < 100 + NEIGH_WAITING_MAX; i++)
		for (unsigned j = 0; j < NEIGH_PACKETS_MAX; j++, count++) {
			snprintf(to, sizeof(to), "10.1.0.%u", i);
			peer_sends(w, (struct want){.from = "10.2.0.9", .to = to, .size = 1400});
		}
	assert_true(count > fit);
	assert_in_range(drops(w, DROP_ARP_PENDING), count - fit - 1, count - fit + 1);
	world_end(w);
}

/* What a machine sent before it moved must not come back to it. */
static void
a_machines_own_packet_is_not_sent_back_to_it(void **state)
{
	struct arp second = {.eth_dst = MAC_BROADCAST,
			     .eth_src = machine(5),
			     .op = ARP_REQUEST,
			     .sha = machine(5),
			     .spa = ip("10.1.0.50"),
			     .tpa = ip("10.1.0.50")};
	struct world *w = world_make(plain);
	uint8_t frame[ETH_FRAME_MIN];

	(void)state;
	here(w, BLUE, 5);
	arp_build(&second, frame);
	vr_lan_control(w->vr, BLUE, frame, sizeof(frame), false, w->now);
	/* From one of its addresses to the other: by its own LAN, and by a peer that still has it. */
	lan_sends(w, 5, (struct want){.from = "10.1.0.5", .to = "10.1.0.50", .size = 60});
	assert_int_equal(drops(w, DROP_OWN_SOURCE), 1);
	peer_sends(w, (struct want){.from = "10.1.0.5", .to = "10.1.0.50", .size = 60});
	assert_int_equal(w->sent_count, 0);
	assert_int_equal(drops(w, DROP_OWN_SOURCE), 2);
	world_end(w);
}

static void
messages_that_are_none_are_counted(void **state)
{
	struct sync_msg hello = {.type = SYNC_HELLO, .hello = {.boot = 1, .sent = 1}};
	struct world *w = world_make(plain);
	uint8_t data[SYNC_SIZE_MAX];
	size_t size = (size_t)sync_build(&hello, data, sizeof(data));

	(void)state;
	vr_link_sync(w->vr, w->slot, data, size - 1, w->now);
	assert_int_equal(drops(w, DROP_SYNC_MALFORMED), 1);
	data[0]++;
	vr_link_sync(w->vr, w->slot, data, size, w->now);
	assert_int_equal(drops(w, DROP_SYNC_VERSION), 1);
	data[0]--;
	data[1] = 99;
	vr_link_sync(w->vr, w->slot, data, size, w->now);
	assert_int_equal(drops(w, DROP_SYNC_VERSION), 2);
	assert_int_equal(drops(w, DROP_SYNC_MALFORMED), 1);
	world_end(w);
}

static void
a_claim_older_than_what_is_known_is_counted(void **state)
{
	struct world *w = world_make(plain);

	(void)state;
	peer_says(w, "10.1.0.5", 5, 9);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_ACCEPTED);
	peer_says(w, "10.1.0.5", 6, 8);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_STALE);
	assert_int_equal(drops(w, DROP_CLAIM_STALE), 1);
	assert_true(mac_equal(hwdt_find(w->vr->hwdt, BLUE, ip("10.1.0.5"))->b.mac, machine(5)));
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_senders_errors_do_not_silence_those_of_another),
		cmocka_unit_test(
			all_senders_together_have_a_ceiling_that_leaves_fragmentation_needed_alone),
		cmocka_unit_test(
			a_udp_super_frame_that_may_be_fragmented_is_cut_and_then_fragmented),
		cmocka_unit_test(a_udp_super_frame_that_fits_or_may_not_be_cut_stays_whole),
		cmocka_unit_test(a_tcp_super_frame_is_cut_anew),
		cmocka_unit_test(a_packet_too_large_for_a_wide_path_is_fragmented_too),
		cmocka_unit_test(what_is_too_large_for_the_lan_is_cut_too),
		cmocka_unit_test(what_is_too_large_for_the_native_gateways_lan_is_cut_or_answered),
		cmocka_unit_test(answers_fit_a_narrow_path),
		cmocka_unit_test(what_a_session_does_not_take_is_counted_for_what_it_is),
		cmocka_unit_test(what_the_lan_does_not_take_is_counted),
		cmocka_unit_test(what_is_no_ip_is_counted),
		cmocka_unit_test(packets_that_wait_for_an_arp_answer_are_bounded),
		cmocka_unit_test(packets_that_wait_are_bounded_in_bytes_too),
		cmocka_unit_test(a_machines_own_packet_is_not_sent_back_to_it),
		cmocka_unit_test(messages_that_are_none_are_counted),
		cmocka_unit_test(a_claim_older_than_what_is_known_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
