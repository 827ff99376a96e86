/* A whole router: frames and ARP from its LAN, packets and messages from a peer that holds the right keys but sends what it
 * likes, and time going on between them.
 *
 * An input is a list of events: what it is, how much time passes before it, how many bytes, the
 * bytes. */
#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "vr/vr.h"
#include "wire/ip.h"
#include "wire/rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VN      7
#define ANY_KEY "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

static const char text[] =
	"{ \"name\": \"a\", \"key_file\": \"/k\", \"state_dir\": \"/s\", \"control_socket\": "
	"\"/c\","
	"  \"hwdt\": { \"max\": 64 },"
	"  \"vns\": [ { \"id\": 7, \"device\": \"br0\", \"local\": [\"10.1.0.0/24\"],"
	"    \"addresses\": [\"10.1.0.1/24\"],"
	"    \"mobile\": [ { \"prefix\": \"10.1.0.0/24\", \"hosts\": [\"a\", \"b\"] } ] } ],"
	"  \"peers\": [ { \"name\": \"b\", \"public_key\": \"" ANY_KEY "\","
	"    \"vns\": [ { \"id\": 7, \"prefixes\": [\"10.2.0.0/24\"] } ] } ] }";

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
	(void)ctx;
	(void)vn;
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
	(void)ctx;
	(void)slot;
	(void)inner;
	(void)now;
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
	return *(const us_t *)ctx;
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

enum event { EVENT_LAN, EVENT_CONTROL, EVENT_LINK, EVENT_SYNC, EVENT_UP, EVENT_DOWN, EVENT_COUNT };

/* A frame of exactly these bytes, with room in front and nothing behind. */
static void
hand_frame(struct vr *vr, uint32_t slot, enum event event, uint8_t options, const uint8_t *bytes,
	   size_t size, us_t now)
{
	uint8_t *copy = malloc(FRAME_HEADROOM + size);
	struct seal_inner inner = {.kind = SEAL_DATA,
				   .flags = options &
					    (SEAL_FLAG_CSUM_PARTIAL | SEAL_FLAG_REDIRECTED),
				   .hops = options >> 4,
				   .vn = VN};
	struct frame f = {.data = copy + FRAME_HEADROOM, .size = size};

	if (copy == NULL)
		return;
	memcpy(f.data, bytes, size);
	f.csum_partial = (options & SEAL_FLAG_CSUM_PARTIAL) != 0;
	if (event == EVENT_LAN && (options & 4) != 0) {
		f.gso = options >> 5 & 3;
		f.gso_size = f.gso != FRAME_GSO_NONE ? (uint16_t)(1 + options * 8) : 0;
	}
	if (event == EVENT_LAN)
		vr_lan_frame(vr, VN, &f, now);
	else
		vr_link_data(vr, slot, &inner, &f, now);
	free(copy);
}

static void
play(struct vr *vr, uint32_t slot, const uint8_t *data, size_t size, us_t *now)
{
	struct rd r = rd_make(data, size);

	while (r.size >= 6) {
		enum event event = rd_u8(&r) % EVENT_COUNT;
		uint8_t options = rd_u8(&r);
		us_t passed = (us_t)rd_u16(&r) * 100;
		size_t count = rd_u16(&r);
		uint8_t *copy;

		if (count > r.size)
			count = r.size;
		*now += passed;
		for (unsigned rounds = 0; vr_run(vr, *now) <= *now && rounds < 100; rounds++)
			;
		copy = malloc(count + 1);
		if (copy == NULL)
			return;
		memcpy(copy, rd_bytes(&r, count), count);
		if (event == EVENT_LAN || event == EVENT_LINK)
			hand_frame(vr, slot, event, options, copy, count, *now);
		else if (event == EVENT_CONTROL)
			vr_lan_control(vr, VN, copy, count, false, *now);
		else if (event == EVENT_SYNC)
			vr_link_sync(vr, slot, copy, count, *now);
		else
			vr_link_session(vr, slot, event == EVENT_UP, *now);
		free(copy);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mac mac = {{2, 0x56, 0x52, 0, 0, VN}};
	struct vr_id peer = {2};
	struct conf_errors errors;
	us_t now = 1000 * US_S;
	uint16_t mtu = 1500;
	struct conf conf;
	struct vr *vr;
	uint32_t slot;
	struct vr_start start = {.self = {1},
				 .io = &io,
				 .ctx = &now,
				 .key = {1, 2},
				 .boot = 1,
				 .macs = &mac,
				 .mtus = &mtu,
				 .peer_ids = &peer};

	if (conf_parse(text, sizeof(text) - 1, &conf, &errors) != 0) {
		conf_errors_print(&errors, "fuzz_router", stderr);
		abort();
	}
	conf_errors_fini(&errors);
	if (vr_create(&conf, &start, now, &slot, &vr) == 0) {
		play(vr, slot, data, size, &now);
		vr_destroy(vr);
	}
	conf_fini(&conf);
	return 0;
}
