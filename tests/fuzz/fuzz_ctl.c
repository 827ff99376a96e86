/* Control requests to routers with something in each of their tables: whatever the lines are, each gets
 * one line of JSON as its reply, by the commands that the daemon has.
 *
 * Only LAN ports are missing: they take a device and rights.  What a reload reads is the
 * configuration that is in force. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "vr/ctl_request.h"
#include "vr/daemon.h"
#include "wire/arp.h"
#include "wire/eth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VN    7
#define FEW   3
#define MANY  (CTL_ROWS_PER_TURN + 2) /* so that a table takes more than one turn */
#define LINES 2                       /* of one input: no more than two belong together */
#define KEY_B "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI="
#define KEY_C "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M="

static const char text[] =
	"{ \"name\": \"a\", \"key_file\": \"/k\", \"state_dir\": \"/s\", "
	"\"control_socket\": \"/c\","
	"  \"vns\": [ { \"id\": 7, \"device\": \"br0\", \"local\": [\"10.1.0.0/16\"],"
	"    \"addresses\": [\"10.1.0.1/16\"],"
	"    \"mobile\": [ { \"prefix\": \"10.2.0.0/16\", \"hosts\": [\"a\", \"b\"] } ] } "
	"],"
	"  \"peers\": ["
	"    { \"name\": \"b\", \"public_key\": \"" KEY_B "\", \"endpoints\": [\"127.0.0.1:9\"],"
	"      \"vns\": [ { \"id\": 7, \"prefixes\": [\"10.2.0.0/16\"] } ] },"
	"    { \"name\": \"c\", \"public_key\": \"" KEY_C "\","
	"      \"vns\": [ { \"id\": 7, \"prefixes\": [\"10.3.0.0/16\"] } ] } ] }";

/* ---- a router that nobody hears ---- */

static int
lan_send(void *ctx, vn_id_t vn, struct frame *f)
{
	(void)ctx, (void)vn, (void)f;
	return 0;
}

static int
lan_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	(void)ctx, (void)vn, (void)frame, (void)size;
	return 0;
}

static void
lan_flush(void *ctx, vn_id_t vn)
{
	(void)ctx, (void)vn;
}

static int
link_send(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f, us_t now)
{
	(void)ctx, (void)slot, (void)inner, (void)f, (void)now;
	return -ENOTCONN;
}

static int
link_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	(void)ctx, (void)slot, (void)msg, (void)size, (void)now;
	return -ENOTCONN;
}

static us_t
clock_now(void *ctx)
{
	(void)ctx;
	return loop_now();
}

static int64_t
wall_ms(void *ctx)
{
	(void)ctx;
	return 1;
}

static const struct vr_io io = {.lan_send = lan_send,
				.lan_inject = lan_inject,
				.lan_flush = lan_flush,
				.link_send = link_send,
				.link_sync = link_sync,
				.clock = clock_now,
				.wall_ms = wall_ms};

/* ---- the daemon ---- */

static void
make_file(struct daemon *d)
{
	char name[64];
	int fd = memfd_create("conf", 0);

	BUG_IF(fd < 0 || write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	d->file = strdup(name);
}

static void
make_conf(struct daemon *d)
{
	struct conf_errors errors;

	d->conf = calloc(1, sizeof(*d->conf));
	BUG_IF(d->conf == NULL || d->file == NULL);
	if (conf_read(d->file, d->conf, &errors) != 0) {
		conf_errors_print(&errors, "fuzz_ctl", stderr);
		abort();
	}
	conf_errors_fini(&errors);
	d->peer_count = d->conf->peer_count;
	d->peers = calloc(d->peer_count, sizeof(*d->peers));
	BUG_IF(d->peers == NULL || d->peer_count != 2);
	for (size_t i = 0; i < d->peer_count; i++) {
		memcpy(d->peers[i].public_key, d->conf->peers[i].public_key, CONF_KEY_SIZE);
		d->peers[i].id = daemon_id(d->peers[i].public_key);
	}
}

static void
make_router(struct daemon *d)
{
	struct mac mac = {{2, 0x56, 0x52, 0, 0, VN}};
	struct vr_id ids[2] = {d->peers[0].id, d->peers[1].id};
	uint32_t slots[2];
	uint16_t mtu = 1500;
	struct vr_start start = {.self = {1},
				 .io = &io,
				 .log = d->log,
				 .key = {1, 2},
				 .boot = 1,
				 .macs = &mac,
				 .mtus = &mtu,
				 .peer_ids = ids};

	d->self = start.self;
	BUG_IF(vr_create(d->conf, &start, loop_now(), slots, &d->vr) != 0);
	for (size_t i = 0; i < 2; i++)
		d->peers[i].slot = slots[i];
	vr_link_session(d->vr, slots[0], true, loop_now());
}

static void
make_tunnel(struct daemon *d)
{
	struct tunnel_conf conf = {.listen = {.addr = {.family = ADDR_V4, .b = {127, 0, 0, 1}}},
				   .rekey_time = 120 * US_S,
				   .rekey_records = UINT64_C(1) << 40,
				   .silence = 3 * US_S,
				   .mtu_max = 1500};

	memset(conf.private_key, 1, sizeof(conf.private_key));
	BUG_IF(tunnel_create(&conf, &daemon_tunnel_ops, d, d->log, &d->tunnel) != 0);
	for (size_t i = 0; i < d->peer_count; i++)
		BUG_IF(daemon_tunnel_peer(d, &d->conf->peers[i], &d->peers[i], loop_now()) != 0);
}

/* Machines of b, one of which comes here. */
static void
populate(struct daemon *d, unsigned hosts)
{
	struct arp rarp = {.eth_dst = MAC_BROADCAST, .op = RARP_REQUEST};
	uint8_t frame[ETH_FRAME_MIN];
	us_t now = loop_now();

	for (unsigned i = 0; i < hosts; i++) {
		struct binding b = {
			.vn = VN,
			.ip = {.family = ADDR_V4, .b = {10, 2, (uint8_t)(i >> 8), (uint8_t)i}},
			.mac = {{0x52, 0x54, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}},
			.vr = d->peers[0].id,
			.mobility = 1};

		rarp.eth_src = rarp.sha = rarp.tha = b.mac;
		BUG_IF(vr_bind(d->vr, &b, now) != HWDT_ADDED);
	}
	arp_build(&rarp, frame);
	vr_lan_control(d->vr, VN, frame, sizeof(frame), false, now);
	for (unsigned i = 0; i < 100 && vr_run(d->vr, now) <= now; i++)
		;
	BUG_IF(reports_find(d->vr->reports, 1) == NULL || gndt_count(d->vr->gndt) < 3);
}

static struct daemon *
make_daemon(unsigned hosts)
{
	struct daemon *d = calloc(1, sizeof(*d));

	BUG_IF(d == NULL);
	d->started = loop_now();
	/* Which is never run: nothing happens by itself. */
	d->loop = loop_create();
	BUG_IF(d->loop == NULL || daemon_timers(d) != 0);
	d->log = log_create(LOG_INFO, "/dev/null");
	BUG_IF(d->log == NULL);
	make_file(d);
	make_conf(d);
	make_router(d);
	make_tunnel(d);
	populate(d, hosts);
	return d;
}

/* ---- requests ---- */

static void
answer(const struct ctl_table *table, const char *line, size_t size)
{
	struct ctl_pending pending = {.command = NULL};
	struct ctl_out out = {.bytes = NULL};
	char *copy = malloc(size + 1);
	cJSON *reply;
	int rc;

	BUG_IF(copy == NULL);
	memcpy(copy, line, size);
	copy[size] = '\0';
	rc = ctl_answer(table, copy, size, 0, &pending, &out);
	while (rc == CTL_PENDING)
		rc = ctl_continue(table, &pending, &out);
	BUG_IF(rc != CTL_ANSWERED && rc != CTL_MONITOR);
	BUG_IF(ctl_out_size(&out) < 2 || out.bytes[out.end - 1] != '\n');
	BUG_IF(memchr(out.bytes, '\n', ctl_out_size(&out)) != out.bytes + out.end - 1);
	reply = cJSON_ParseWithLength(out.bytes, ctl_out_size(&out));
	BUG_IF(!cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(reply, "ok")));
	cJSON_Delete(reply);
	ctl_pending_fini(&pending);
	ctl_out_fini(&out);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* No command but a reload, which changes nothing, does anything to them. */
	static struct daemon *few, *many;
	struct daemon *d;
	const char *line = (const char *)data;
	struct ctl_table table = {.commands = NULL};

	if (few == NULL)
		few = make_daemon(FEW);
	if (many == NULL)
		many = make_daemon(MANY);
	/* A long table costs a hundred times a short one, and teaches little more. */
	d = size % 16 == 0 ? many : few;
	table.commands = daemon_commands(&table.count);
	table.ctx = d;
	table.log = d->log;
	for (unsigned i = 0; i < LINES && size > 0; i++) {
		const char *end = memchr(line, '\n', size);
		size_t length = end == NULL ? size : (size_t)(end - line);

		answer(&table, line, length);
		length += end != NULL;
		line += length;
		size -= length;
	}
	return 0;
}
