/* A whole router: frames and ARP from its LANs, packets and messages from peers that hold the right keys but send what they
 * like, paths that become wider and narrower, new configurations, and time going on between them.
 *
 * An input is a list of events: what it is and of which network and peer, options, how much time
 * passes before it, how many
 * bytes, the bytes. */
#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "vr/vr.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VNS   4
#define LANS  3 /* the last network's device is on the outside of a proxy */
#define PEERS 2
/* A packet to a peer whose path is not known yet. */
#define MTU_UNKNOWN (1280 - 48 - SEAL_OVERHEAD)
#define MTU_LEAST   68

/* The first network has a gateway address of the router's own, the second a native gateway, another subnet and a machine of
 * the peer's on it, the third is one subnet stretched over all sites, which C is a proxy of.  Of
 * the fourth this router is the
 * proxy. */
#define TEXT(gateway, more, gateway_out)                                                           \
	"{ \"name\": \"a\", \"key_file\": \"/k\", \"state_dir\": \"/s\", \"control_socket\": "     \
	"\"/c\","                                                                                  \
	"  \"hwdt\": { \"max\": 64 },"                                                             \
	"  \"vns\": [ { \"id\": 7, \"device\": \"br0\", \"local\": [\"10.1.0.0/24\"],"             \
	"    \"addresses\": [\"10.1.0.1/24\"],"                                                    \
	"    \"mobile\": [ { \"prefix\": \"10.1.0.0/24\", \"hosts\": [\"a\", \"b\"] } ] },"        \
	"  { \"id\": 8, \"device\": \"br1\", \"local\": [\"10.1.0.0/24\", \"10.1.1.0/24\"],"       \
	"    \"addresses\": [\"10.1.0.2/24\"], \"subnets\": [\"10.1.1.0/25\"]," gateway            \
	"    \"mobile\": [ { \"prefix\": \"10.0.0.0/8\" } ] },"                                    \
	"  { \"id\": 9, \"device\": \"br2\", \"subnets\": [\"10.0.0.0/24\"],"                      \
	"    \"mobile\": [ { \"prefix\": \"10.0.0.0/24\" }" more " ] },"                           \
	"  { \"id\": 10, \"device\": \"br3\", \"addresses\": [\"10.4.0.1/24\"]," gateway_out       \
	"    \"proxy\": { \"prefixes\": [\"10.2.0.0/24\", \"10.1.0.0/24\"] } } ],"                 \
	"  \"peers\": [ { \"name\": \"b\", \"public_key\": "                                       \
	"\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\","                                        \
	"    \"vns\": [ { \"id\": 7, \"prefixes\": [\"10.2.0.0/24\"] },"                           \
	"      { \"id\": 8, \"prefixes\": [\"10.2.0.0/24\"] }, { \"id\": 9 },"                     \
	"      { \"id\": 10, \"prefixes\": [\"10.2.0.0/24\"] } ] },"                               \
	"  { \"name\": \"c\", \"public_key\": \"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\","   \
	"    \"vns\": [ { \"id\": 8, \"prefixes\": [\"10.3.0.0/24\", \"10.1.1.9/32\"] },"          \
	"      { \"id\": 9, \"proxy\": true } ] } ] }"

static const char text[] =
	TEXT(" \"native_gateway\": \"10.1.0.254\",", "", " \"native_gateway\": \"10.4.0.254\",");
/* What a reload changes. */
static const char other_text[] =
	TEXT("", ", { \"prefix\": \"10.0.0.64/26\", \"hosts\": [\"b\"] }", "");

static const vn_id_t vns[VNS] = {7, 8, 9, 10};
static const uint16_t lan_mtus[VNS] = {1500, 1280, 9000, 1500};

struct world {
	us_t now;
	struct vr *vr;
	const struct conf *conf; /* two: the first, and what a reload changes */
	unsigned used;           /* which one is in force */
	struct vr_id ids[PEERS];
	uint32_t slots[PEERS];
	uint16_t mtus[PEERS]; /* of the paths */
};

/* Nothing is handed out that does not fit, but what the router says itself. */
static void
check_fits(const struct frame *f, size_t mtu)
{
	size_t headers;
	struct ip ip;

	if (ip_parse(f->data, f->size, &ip) != 0)
		abort();
	headers = (size_t)ip.header_size + ip.l4_header_size;
	if (ip.proto != IP_PROTO_ICMP && ip.size > mtu &&
	    (f->gso == FRAME_GSO_NONE || headers + f->gso_size > mtu))
		abort();
}

/* What the router says is read to the last byte, so that a size that is wrong is found. */
static int
take(const uint8_t *bytes, size_t size)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return 0;
}

static int
io_lan_send(void *ctx, vn_id_t vn, struct frame *f)
{
	struct frame packet = *f;

	(void)ctx;
	for (size_t i = 0; i < VNS; i++)
		if (vns[i] == vn) {
			packet.data += ETH_SIZE;
			packet.size -= ETH_SIZE;
			check_fits(&packet, lan_mtus[i]);
		}
	return take(f->data, f->size);
}

static int
io_lan_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	(void)ctx;
	(void)vn;
	return take(frame, size);
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
	const struct world *w = ctx;

	(void)inner;
	(void)now;
	for (size_t i = 0; i < PEERS; i++)
		if (w->slots[i] == slot)
			check_fits(f, w->mtus[i] == 0          ? MTU_UNKNOWN
				      : w->mtus[i] > MTU_LEAST ? w->mtus[i]
							       : MTU_LEAST);
	return take(f->data, f->size);
}

static int
io_link_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	(void)ctx;
	(void)slot;
	(void)now;
	return take(msg, size);
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

enum event {
	EVENT_LAN,
	EVENT_CONTROL,
	EVENT_LINK,
	EVENT_SYNC,
	EVENT_UP,
	EVENT_DOWN,
	EVENT_MTU,
	EVENT_RELOAD,
	EVENT_COUNT
};

/* What an event's first byte says. */
struct where {
	enum event event;
	vn_id_t vn;
	size_t peer;
};

static struct where
where_of(uint8_t what)
{
	unsigned lan = what / EVENT_COUNT % LANS;

	/* Inputs of before keep their meaning. */
	if (what / EVENT_COUNT / LANS / PEERS >= 4)
		lan = VNS - 1;
	return (struct where){.event = what % EVENT_COUNT,
			      .vn = vns[lan],
			      .peer = what / EVENT_COUNT / LANS % PEERS};
}

/* A frame of exactly these bytes, with room in front and nothing behind. */
static void
hand_frame(struct world *w, const struct where *at, uint8_t options, const uint8_t *bytes,
	   size_t size)
{
	uint8_t *copy = malloc(FRAME_HEADROOM + size);
	struct seal_inner inner = {.kind = SEAL_DATA,
				   .flags = options &
					    (SEAL_FLAG_CSUM_PARTIAL | SEAL_FLAG_REDIRECTED),
				   .hops = options >> 4,
				   .vn = at->vn};
	struct frame f = {.data = copy + FRAME_HEADROOM, .size = size};

	if (copy == NULL)
		return;
	memcpy(f.data, bytes, size);
	f.csum_partial = (options & SEAL_FLAG_CSUM_PARTIAL) != 0;
	if (at->event == EVENT_LAN && (options & 4) != 0) {
		f.gso = options >> 5 & 3;
		f.gso_size = f.gso != FRAME_GSO_NONE ? (uint16_t)(1 + options * 8) : 0;
	}
	if (at->event == EVENT_LAN)
		vr_lan_frame(w->vr, at->vn, &f, w->now);
	else
		vr_link_data(w->vr, w->slots[at->peer], &inner, &f, w->now);
	free(copy);
}

static void
happen(struct world *w, const struct where *at, uint8_t options, const uint8_t *bytes, size_t size)
{
	struct rd r = rd_make(bytes, size);
	uint32_t slot = w->slots[at->peer];

	switch (at->event) {
	case EVENT_LAN:
	case EVENT_LINK:
		hand_frame(w, at, options, bytes, size);
		break;
	case EVENT_CONTROL:
		vr_lan_control(w->vr, at->vn, bytes, size, false, w->now);
		break;
	case EVENT_SYNC:
		vr_link_sync(w->vr, slot, bytes, size, w->now);
		break;
	case EVENT_UP:
	case EVENT_DOWN:
		vr_link_session(w->vr, slot, at->event == EVENT_UP, w->now);
		break;
	case EVENT_MTU:
		w->mtus[at->peer] = rd_u16(&r);
		vr_link_mtu(w->vr, slot, w->mtus[at->peer]);
		break;
	case EVENT_RELOAD:
		if (vr_reload(w->vr, &w->conf[1 - w->used], w->ids, w->now) == 0)
			w->used = 1 - w->used;
		break;
	case EVENT_COUNT:
		break;
	}
}

static void
play(struct world *w, const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);

	while (r.size >= 6) {
		struct where at = where_of(rd_u8(&r));
		uint8_t options = rd_u8(&r);
		us_t passed = (us_t)rd_u16(&r) * 100;
		size_t count = rd_u16(&r);
		uint8_t *copy;

		if (count > r.size)
			count = r.size;
		w->now += passed;
		for (unsigned rounds = 0; vr_run(w->vr, w->now) <= w->now && rounds < 100; rounds++)
			;
		copy = malloc(count + 1);
		if (copy == NULL)
			return;
		memcpy(copy, rd_bytes(&r, count), count);
		happen(w, &at, options, copy, count);
		free(copy);
	}
}

static void
read_conf(const char *from, size_t size, struct conf *conf)
{
	struct conf_errors errors;

	if (conf_parse(from, size, conf, &errors) != 0) {
		conf_errors_print(&errors, "fuzz_router", stderr);
		abort();
	}
	conf_errors_fini(&errors);
}

/* Read once: the router only borrows them. */
static const struct conf *
configurations(void)
{
	static struct conf conf[2];

	if (conf[0].name == NULL) {
		read_conf(text, sizeof(text) - 1, &conf[0]);
		read_conf(other_text, sizeof(other_text) - 1, &conf[1]);
	}
	return conf;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mac macs[VNS] = {{{2, 0x56, 0x52, 0, 0, 7}},
				      {{2, 0x56, 0x52, 0, 0, 8}},
				      {{2, 0x56, 0x52, 0, 0, 9}},
				      {{2, 0x56, 0x52, 0, 0, 10}}};
	struct world w = {.now = 1000 * US_S, .conf = configurations(), .ids = {{2}, {3}}};
	struct vr_start start = {.self = {1},
				 .io = &io,
				 .ctx = &w,
				 .key = {1, 2},
				 .boot = 1,
				 .macs = macs,
				 .mtus = lan_mtus,
				 .peer_ids = w.ids};

	if (vr_create(&w.conf[0], &start, w.now, w.slots, &w.vr) == 0) {
		play(&w, data, size);
		vr_destroy(w.vr);
	}
	return 0;
}
