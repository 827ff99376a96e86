/* A reload of a whole router without devices: what changes, what stays, and that it is all or nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fmt.h"
#include "conf/keys.h"
#include "tests/unit/table_memory.h"
#include "vr/tunnel.h"

/* What a reload allocates comes from here. */
#include "tables/gndt.c"
#include "tables/lndt.c"
#include "tables/lpm.c"
#include "tables/retire.c"
#include "tables/tb.c"
#include "tables/tb_find.c"
#include "tables/tb_top.c"
#include "tables/tb_walk.c"
#include "tables/peer.c"
#include "vr/roster.c"
#include "vr/session.c"
#include "vr/setup.c"

static us_t last_silence;

static void
note_silence(struct tunnel *t, us_t silence)
{
	last_silence = silence;
	tunnel_set_silence(t, silence);
}

#define tunnel_set_silence note_silence
#include "vr/reload.c"

#define START (1000 * US_S)

struct fixture {
	struct daemon d;
	char file[64];
	char keys[5][48]; /* public keys of b to f */
	struct vr_id ids[5];
};

static const struct mac vm = {{0x52, 0x54, 0, 0, 0, 5}};

/* Everything that a reload could change, as text; free it. */
static char *
picture(struct fixture *f)
{
	const struct prefix *after = NULL;
	struct gndt_route route;
	const struct hwdt_entry *e;
	struct tunnel_peer_stats stats;
	struct vr *vr = f->d.vr;
	uint32_t position = 0;
	size_t row_position = 0, size;
	const struct peer *p;
	struct lndt_row row;
	vn_id_t vn = 0;
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	while ((p = peers_next(vr->peers, &position)) != NULL) {
		fprintf(out, "peer %u %s %s %u:", p->slot, p->name, fmt_vr_id(p->id).s, p->state);
		for (size_t i = 0; i < p->vn_count; i++)
			fprintf(out, " %u", p->vns[i].vn);
		fprintf(out, "\n");
	}
	for (uint32_t slot = 0; slot < 16; slot++)
		if (tunnel_peer_stats(f->d.tunnel, slot, START, &stats))
			fprintf(out, "tunnel %u %s\n", slot, fmt_endpoint(stats.endpoint).s);
	for (size_t i = 0; i < f->d.peer_count; i++)
		fprintf(out, "daemon %u %s\n", f->d.peers[i].slot, fmt_vr_id(f->d.peers[i].id).s);
	for (size_t i = 0; lndt_row(vr->lndt, i, &row); i++)
		fprintf(out, "lndt %u %s %s\n", row.vn, fmt_prefix(row.prefix).s,
			fmt_vr_id(row.vr).s);
	for (; gndt_next(vr->gndt, &vn, after, &route); after = &route.prefix)
		fprintf(out, "gndt %u %s %s %u %u\n", vn, fmt_prefix(route.prefix).s,
			fmt_vr_id(route.vr).s, route.slot, route.origin);
	while ((e = hwdt_next(vr->hwdt, &row_position)) != NULL)
		fprintf(out, "hwdt %u %s %s\n", e->b.vn, fmt_addr(e->b.ip).s, fmt_vr_id(e->b.vr).s);
	fprintf(out, "conf %p silence %lld\n", (const void *)f->d.conf, (long long)last_silence);
	fclose(out);
	return text;
}

#define MAP_SERVER                                                                                 \
	", \"map_server\": {\"sites\": [{\"name\": \"s\", \"keys\": [\"k1\"],"                     \
	"  \"prefixes\": [{\"vn\": 7, \"prefix\": \"10.1.0.0/24\"}]}]}}"
#define LISP                                                                                       \
	"\"lisp\": {\"keys\": [{\"name\": \"k1\", \"secret_file\": \"/k1\"}, "                     \
	"  {\"name\": \"k2\", \"secret_file\": \"/k2\"}],"                                         \
	" \"rlocs\": [{\"address\": \"192.0.2.1\"}],"                                              \
	" \"map_servers\": [{\"address\": \"192.0.2.9\", \"key\": \"k1\"}],"                       \
	" \"map_resolvers\": [\"192.0.2.9\"], \"push\": {\"key\": \"k1\"},"                        \
	" \"rtr\": {\"map_servers\": [{\"address\": \"192.0.2.7\","                                \
	"  \"key\": \"k2\"}]}" MAP_SERVER

/* Letters b to f stand for the keys. */
static void
write_conf(const struct fixture *f, const char *sync, const char *peers)
{
	FILE *out = fopen(f->file, "w");

	assert_non_null(out);
	fprintf(out,
		"{\"name\": \"a\", \"key_file\": \"/nowhere/a.key\","
		" \"http_proxy\": \"192.0.2.1:2\", %s \"vns\": [",
		sync);
	for (unsigned vn = 7; vn < 11; vn++)
		fprintf(out,
			"{\"id\": %u, \"device\": \"br%u\", \"local\": [\"10.1.0.0/24\"],"
			" \"addresses\": [\"10.1.0.1/24\"],"
			" \"mobile\": [{\"prefix\": \"10.0.0.0/8\"}]}%s",
			vn, vn, vn < 10 ? ", " : "");
	fprintf(out, "], \"peers\": [");
	for (const char *c = peers; *c != '\0'; c++)
		if (*c == '@')
			fprintf(out, "\"public_key\": \"%s\"", f->keys[*++c - 'b']);
		else
			fputc(*c, out);
	fprintf(out, "], %s}\n", LISP);
	fclose(out);
}

static const char before[] =
	"{\"name\": \"b\", @b, \"endpoints\": [\"192.0.2.2:1\"], \"vns\": ["
	"  {\"id\": 7, \"prefixes\": [\"10.2.0.0/24\"]}, {\"id\": 8}]},"
	"{\"name\": \"c\", @c, \"vns\": [{\"id\": 7, \"prefixes\": [\"10.3.0.0/24\"]}]}";

/* b has another name and other networks, c is gone, d and e are new; one prefix is as long as a machine's route. */
static const char after[] =
	"{\"name\": \"d\", @d, \"endpoints\": [\"192.0.2.4:1\"], \"vns\": ["
	"  {\"id\": 7, \"prefixes\": [\"10.3.0.0/24\", \"10.1.0.5/32\", \"10.4.0.0/24\"]}]},"
	"{\"name\": \"bb\", @b, \"endpoints\": [\"192.0.2.22:1\"], \"vns\": ["
	"  {\"id\": 10}, {\"id\": 9}, {\"id\": 7, \"prefixes\": [\"10.2.0.0/25\"]}]},"
	"{\"name\": \"e\", @e, \"vns\": [{\"id\": 8, \"prefixes\": [\"10.5.0.0/24\"]}]}";

static void
hear(struct fixture *f, size_t peer, const struct sync_msg *msg)
{
	uint8_t data[SYNC_SIZE_MAX];
	int size = sync_build(msg, data, sizeof(data));

	assert_true(size > 0);
	vr_link_sync(f->d.vr, f->d.peers[peer].slot, data, (size_t)size, START);
}

static void
peer_has(struct fixture *f, size_t peer, vn_id_t vn, const char *eid)
{
	struct sync_msg msg = {.type = SYNC_DELTA, .id = 1, .vn = vn};

	msg.delta.count = 1;
	msg.delta.bindings[0] = (struct sync_binding){.mac = vm, .mobility = 1};
	assert_int_equal(addr_from_text(eid, &msg.delta.bindings[0].ip), 0);
	hear(f, peer, &msg);
}

static bool
is_known(const struct fixture *f, vn_id_t vn, const char *eid)
{
	struct addr ip;

	assert_int_equal(addr_from_text(eid, &ip), 0);
	return hwdt_find(f->d.vr->hwdt, vn, ip) != NULL;
}

static void
start_router(struct fixture *f, size_t peers)
{
	static const struct mac macs[4] = {{{2, 7}}, {{2, 8}}, {{2, 9}}, {{2, 10}}};
	static const uint16_t mtus[4] = {1500, 1500, 1500, 1500};
	struct tunnel_conf tunnel = {
		.rekey_time = 120 * US_S, .rekey_records = 1 << 20, .mtu_max = 1500};
	struct daemon *d = &f->d;
	struct conf_errors errors;
	uint32_t slots[2];
	struct vr_start s = {.self = {1},
			     .io = &daemon_vr_io,
			     .ctx = d,
			     .key = {1, 2},
			     .boot = 1,
			     .macs = macs,
			     .mtus = mtus,
			     .peer_ids = f->ids};

	d->conf = calloc(1, sizeof(*d->conf));
	assert_int_equal(conf_read(f->file, d->conf, &errors), 0);
	d->log = s.log = log_create(LOG_ERROR, "/dev/null");
	d->loop = loop_create();
	assert_int_equal(daemon_timers(d), 0);
	assert_int_equal(vr_create(d->conf, &s, START, slots, &d->vr), 0);
	memset(tunnel.private_key, 9, sizeof(tunnel.private_key));
	tunnel.silence = last_silence = daemon_silence(d->conf);
	assert_int_equal(addr_from_text("127.0.0.1", &tunnel.listen.addr), 0);
	assert_int_equal(tunnel_create(&tunnel, &daemon_tunnel_ops, d, d->log, &d->tunnel), 0);
	d->peers = calloc(peers + 1, sizeof(*d->peers));
	d->peer_count = peers;
	for (size_t i = 0; i < peers; i++) {
		struct daemon_peer *p = &d->peers[i];

		*p = (struct daemon_peer){.slot = slots[i], .id = f->ids[i]};
		memcpy(p->public_key, d->conf->peers[i].public_key, CONF_KEY_SIZE);
		assert_int_equal(daemon_tunnel_peer(d, &d->conf->peers[i], p, START), 0);
		hear(f, i, &(struct sync_msg){.type = SYNC_HELLO, .hello = {.boot = 1, .sent = 1}});
	}
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	assert_non_null(f);
	snprintf(f->file, sizeof(f->file), "/tmp/test_reload.XXXXXX");
	fd = mkstemp(f->file);
	assert_true(fd >= 0);
	close(fd);
	f->d.file = f->file;
	for (size_t i = 0; i < ARRAY_COUNT(f->keys); i++) {
		uint8_t private_key[CRYPTO_KEY_SIZE], key[CRYPTO_KEY_SIZE];

		memset(private_key, (int)i + 20, sizeof(private_key));
		assert_int_equal(crypto_public_key(private_key, key), 0);
		base64_from_bytes(key, sizeof(key), f->keys[i]);
		f->ids[i] = daemon_id(key);
	}
	write_conf(f, "", before);
	start_router(f, 2);
	peer_has(f, 0, 7, "10.1.0.5");
	peer_has(f, 0, 7, "10.2.0.9");
	peer_has(f, 0, 8, "10.2.0.8");
	peer_has(f, 1, 7, "10.3.0.9");
	*state = f;
	return 0;
}

static void
teardown_router(struct fixture *f)
{
	loop_destroy(f->d.loop);
	tunnel_destroy(f->d.tunnel);
	vr_destroy(f->d.vr);
	daemon_lisp_destroy(&f->d);
	conf_fini(f->d.conf);
	free(f->d.conf);
	free(f->d.peers);
	log_destroy(f->d.log);
	f->d = (struct daemon){.file = f->file};
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	memory_allow(MEMORY_ALL);
	teardown_router(f);
	unlink(f->file);
	free(f);
	return 0;
}

/* True when it was done; the text of a refusal says that nothing was changed. */
static bool
reload_ends_well(struct fixture *f, size_t memory)
{
	struct daemon_reload r;
	bool done;

	memory_allow(memory);
	daemon_reload(&f->d, &r, START);
	memory_allow(MEMORY_ALL);
	done = !r.refused;
	assert_non_null(strstr(r.text, done ? "reloaded\n" : "nothing was changed\n"));
	assert_null(strstr(r.text, done ? "nothing was changed\n" : "reloaded\n"));
	daemon_reload_fini(&r);
	return done;
}

static void
a_peer_keeps_its_place_under_another_name_and_in_other_networks(void **state)
{
	struct fixture *f = *state;
	uint32_t slot = f->d.peers[0].slot;
	const struct peer *b = peers_at(f->d.vr->peers, slot);

	assert_true(is_known(f, 7, "10.2.0.9") && is_known(f, 8, "10.2.0.8"));
	write_conf(f, "\"sync\": {\"hello_ms\": 200},", after);
	assert_true(reload_ends_well(f, MEMORY_ALL));
	assert_ptr_equal(peers_at(f->d.vr->peers, slot), b);
	assert_int_equal(f->d.peers[1].slot, slot);
	assert_string_equal(b->name, "bb");
	assert_int_equal(b->state, PEER_UP);
	assert_non_null(peer_vn(b, 7));
	assert_null(peer_vn(b, 8));
	assert_non_null(peer_vn(b, 9));
	assert_non_null(peer_vn(b, 10));
	/* Its machines are known on, but for those of a network that it is not in any more. */
	assert_true(is_known(f, 7, "10.2.0.9"));
	assert_true(is_known(f, 7, "10.1.0.5"));
	assert_false(is_known(f, 8, "10.2.0.8"));
	/* The one that is gone is so with all that it had. */
	assert_null(peers_find(f->d.vr->peers, f->ids[1]));
	assert_false(is_known(f, 7, "10.3.0.9"));
	assert_int_equal(last_silence, 600 * US_MS);
	assert_true(f->d.vr->hello_due <= START && f->d.vr->wake);
}

static void
what_became_of_peers_is_said(void **state)
{
	static const char *const lines[] = {"peer d: added\n", "peer e: added\n",
					    "peer b: now called bb\n", "peer bb: other networks\n",
					    "peer c: removed\n"};
	struct fixture *f = *state;
	struct daemon_reload r;

	write_conf(f, "", after);
	daemon_reload(&f->d, &r, START);
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		assert_non_null(strstr(r.text, lines[i]));
	daemon_reload_fini(&r);
}

/* As --check says it. */
static void
a_file_that_is_gone_has_no_line(void **state)
{
	struct fixture *f = *state;
	struct daemon_reload r;
	char text[256];

	unlink(f->file);
	daemon_reload(&f->d, &r, START);
	snprintf(text, sizeof(text),
		 "%s: expected a file that can be read, found No such file or directory\n"
		 "nothing was changed\n",
		 f->file);
	assert_true(r.refused);
	assert_string_equal(r.text, text);
	daemon_reload_fini(&r);
}

/* With ever more allocations allowed, each failure must leave everything as it was. */
static void
short_memory_changes_nothing(void **state)
{
	struct fixture *f = *state;
	char *was = picture(f);
	size_t allowed = 0;

	write_conf(f, "\"sync\": {\"hello_ms\": 200},", after);
	for (; !reload_ends_well(f, allowed); allowed++) {
		char *is = picture(f);

		assert_string_equal(is, was);
		free(is);
	}
	/* Four routes, two peers, their sessions, the LNDT ... */
	assert_true(allowed > 30);
	free(was);
}

static void
change_conf(const struct fixture *f, const char *from, const char *to)
{
	char text[8192] = "";
	FILE *file = fopen(f->file, "r");
	char *at;

	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	at = strstr(text, from);
	assert_non_null(at);
	file = fopen(f->file, "w");
	assert_non_null(file);
	fprintf(file, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	fclose(file);
}

/* What is not reloaded, and a change of it.  The manual says so of these keys and of no others. */
static const struct {
	const char *key, *from, *to;
} fixed_keys[] = {
	{"name", "\"name\": \"a\"", "\"name\": \"z\""},
	{"key_file", "a.key", "b.key"},
	{"state_dir", "{", "{\"state_dir\": \"/nowhere\", "},
	{"control_socket", "{", "{\"control_socket\": \"/nowhere\", "},
	{"listen", "{", "{\"listen\": \"192.0.2.1:1\", "},
	{"tcp_listen", "{", "{\"tcp_listen\": \"192.0.2.1:1\", "},
	{"http_proxy", "\"192.0.2.1:2\"", "\"192.0.2.1:3\""},
	{"http_proxy_secret_file", "{", "{\"http_proxy_secret_file\": \"/nowhere\", "},
	{"log.file", "{", "{\"log\": {\"file\": \"/nowhere\"}, "},
	{"session.cipher", "{", "{\"session\": {\"cipher\": \"ChaChaPoly\"}, "},
	{"session.rekey_s", "{", "{\"session\": {\"rekey_s\": 9}, "},
	{"session.rekey_records", "{", "{\"session\": {\"rekey_records\": 99}, "},
	{"session.keepalive_s", "{", "{\"session\": {\"keepalive_s\": 9}, "},
	{"session.mtu_max", "{", "{\"session\": {\"mtu_max\": 999}, "},
	{"underlay.device", "{", "{\"underlay\": {\"device\": \"eth9\"}, "},
	{"underlay.renew", "{", "{\"underlay\": {\"renew\": [\"x\", \"y\"]}, "},
	{"management_port", "{", "{\"management_port\": \"/nowhere\", "},
	{"workers", "{", "{\"workers\": \"2\", "},
	{"busy_poll_us", "{", "{\"busy_poll_us\": 50, "},
	{"hwdt.max", "{", "{\"hwdt\": {\"max\": 99}, "},
	{"features.udp_segment", "{", "{\"features\": {\"udp_segment\": false}, "},
	{"features.udp_gro", "{", "{\"features\": {\"udp_gro\": false}, "},
	{"features.ipsec_mb", "{", "{\"features\": {\"ipsec_mb\": false}, "},
	{"features.vnet_hdr", "{", "{\"features\": {\"vnet_hdr\": false}, "},
	{"features.udp_super_frames", "{", "{\"features\": {\"udp_super_frames\": false}, "},
	{"vns[].id", "{\"id\": 10,", "{\"id\": 11,"},
	{"vns[].model", "\"br8\"", "\"br8\", \"model\": \"interface\""},
	{"vns[].device", "\"br8\"", "\"br88\""},
	{"vns[].mac", "\"br8\"", "\"br8\", \"mac\": \"nic\""},
	{"vns[].super_frames", "\"br8\"", "\"br8\", \"super_frames\": false"},
	{"vns[].lisp.use", "\"br8\"", "\"br8\", \"lisp\": {\"use\": true}"},
	{"vns[].proxy", "\"br8\", \"local\": [\"10.1.0.0/24\"]",
	 "\"br8\", \"proxy\": {\"prefixes\": [\"10.9.0.0/16\"]}"},
	{"lisp", LISP, "\"sync\": {}"},
	{"lisp.rlocs", "[{\"address\": \"192.0.2.1\"}",
	 "[{\"address\": \"192.0.2.1\"}, {\"address\": \"2001:db8::1\"}"},
	{"lisp.rlocs[].address", "\"192.0.2.1\"", "\"192.0.2.2\""},
	{"lisp.rlocs[].priority", "\"192.0.2.1\"", "\"192.0.2.1\", \"priority\": 2"},
	{"lisp.rlocs[].weight", "\"192.0.2.1\"", "\"192.0.2.1\", \"weight\": 2"},
	{"lisp.xtr_id", "{\"keys\": [{\"name\"",
	 "{\"xtr_id\": \"0123456789abcdef0123456789abcdef\", \"keys\": [{\"name\""},
	{"lisp.site_id", "\"rlocs\"", "\"site_id\": 5, \"rlocs\""},
	{"lisp.map_servers", "\"map_servers\": [",
	 "\"map_servers\": [{\"address\": \"192.0.2.8\", \"key\": \"k1\"}, "},
	{"lisp.map_servers[].address", "{\"address\": \"192.0.2.9\"",
	 "{\"address\": \"192.0.2.8\""},
	{"lisp.map_servers[].key", "\"192.0.2.9\", \"key\": \"k1\"",
	 "\"192.0.2.9\", \"key\": \"k2\""},
	{"lisp.map_servers[].proxy_reply", "\"192.0.2.9\", ",
	 "\"192.0.2.9\", \"proxy_reply\": false, "},
	{"lisp.map_servers[].ids", "\"192.0.2.9\", ", "\"192.0.2.9\", \"ids\": false, "},
	{"lisp.map_servers[].merge", "\"192.0.2.9\", ", "\"192.0.2.9\", \"merge\": true, "},
	{"lisp.map_servers[].acknowledge", "\"192.0.2.9\", ",
	 "\"192.0.2.9\", \"acknowledge\": \"all\", "},
	{"lisp.status_bits", "\"rlocs\"", "\"status_bits\": true, \"rlocs\""},
	{"lisp.map_resolvers", "[\"192.0.2.9\"]", "[\"192.0.2.8\"]"},
	{"lisp.subscribe", "\"rlocs\"", "\"subscribe\": true, \"rlocs\""},
	{"lisp.ttl_min", "\"rlocs\"", "\"ttl_min\": 5, \"rlocs\""},
	{"lisp.register_s", "\"rlocs\"", "\"register_s\": 5, \"rlocs\""},
	{"lisp.probe_s", "\"rlocs\"", "\"probe_s\": 5, \"rlocs\""},
	{"lisp.cache_max", "\"rlocs\"", "\"cache_max\": 55, \"rlocs\""},
	{"lisp.reply_rate", "\"rlocs\"", "\"reply_rate\": 5, \"rlocs\""},
	{"lisp.push.key", "\"push\": {\"key\": \"k1\"", "\"push\": {\"key\": \"k2\""},
	{"lisp.push.sub_type", "\"push\": {", "\"push\": {\"sub_type\": 5, "},
	{"lisp.push.type5", "\"push\": {", "\"push\": {\"type5\": true, "},
	{"lisp.data_port", "\"rlocs\"", "\"data_port\": 5, \"rlocs\""},
	{"lisp.control_port", "\"rlocs\"", "\"control_port\": 5, \"rlocs\""},
	{"lisp.nat", "\"rlocs\"", "\"nat\": true, \"rlocs\""},
	{"lisp.nat_keepalive_s", "\"rlocs\"", "\"nat_keepalive_s\": 5, \"rlocs\""},
	{"lisp.rtr",
	 "\"rtr\": {\"map_servers\": [{\"address\": \"192.0.2.7\",  \"key\": \"k2\"}]}, ", ""},
	{"lisp.rtr.map_servers", "\"rtr\": {\"map_servers\": [",
	 "\"rtr\": {\"map_servers\": [{\"address\": \"192.0.2.6\", \"key\": \"k1\"}, "},
	{"lisp.rtr.map_servers[].address", "192.0.2.7", "192.0.2.6"},
	{"lisp.rtr.map_servers[].key", "\"192.0.2.7\",  \"key\": \"k2\"",
	 "\"192.0.2.7\",  \"key\": \"k1\""},
	{"lisp.rtr.max_eids", "\"rtr\": {", "\"rtr\": {\"max_eids\": 5, "},
	{"lisp.rtr.old_drafts", "\"rtr\": {", "\"rtr\": {\"old_drafts\": true, "},
	{"lisp.map_server", MAP_SERVER, "}"},
	{"lisp.map_server.max_eids", "{\"sites\"", "{\"max_eids\": 5, \"sites\""},
	{"lisp.map_server.bare_requests", "{\"sites\"", "{\"bare_requests\": false, \"sites\""},
};

static void
what_is_not_reloaded_is_said(void **state)
{
	struct fixture *f = *state;
	size_t fixed = 0, size;

	for (size_t i = 0; key_at(i) != NULL; i++)
		fixed += key_at(i)->fixed;
	assert_int_equal(fixed, ARRAY_COUNT(fixed_keys));
	for (size_t i = 0; i < ARRAY_COUNT(fixed_keys); i++) {
		struct daemon_reload r;

		assert_true(key_find(fixed_keys[i].key)->fixed);
		write_conf(f, "", before);
		assert_true(reload_ends_well(f, MEMORY_ALL));
		change_conf(f, fixed_keys[i].from, fixed_keys[i].to);
		daemon_reload(&f->d, &r, START);
		/* Of an array it is said as a whole. */
		size = strcspn(fixed_keys[i].key, "[");
		if (strncmp(r.text, fixed_keys[i].key, size) != 0 ||
		    strchr("[:", r.text[size]) == NULL || strstr(r.text, "a restart\n") == NULL)
			fail_msg("%s: %s", fixed_keys[i].key, r.text);
		/* Nothing else is said. */
		assert_ptr_equal(strstr(r.text, "a restart\n"), strchr(r.text, '\n') - 9);
		daemon_reload_fini(&r);
	}
}

static void
every_error_is_said_however_many(void **state)
{
	struct fixture *f = *state;
	struct daemon_reload r;
	FILE *out = fopen(f->file, "w");

	assert_non_null(out);
	fprintf(out, "{\n");
	for (unsigned i = 0; i < 500; i++)
		fprintf(out, "\"no_such_key_%u\": 1,\n", i);
	fprintf(out, "\"name\": \"a\"}\n");
	fclose(out);
	daemon_reload(&f->d, &r, START);
	assert_true(r.refused);
	assert_non_null(strstr(r.text, "no_such_key_0:"));
	assert_non_null(strstr(r.text, "no_such_key_499:"));
	assert_non_null(strstr(r.text, "\nnothing was changed\n"));
	daemon_reload_fini(&r);
}

static void
write_secret(const char *file, const char *secret)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	fprintf(out, "%s", secret);
	fclose(out);
	assert_int_equal(chmod(file, 0600), 0);
}

/* A configuration with a map-server and an xTR, and two more texts in it. */
static void
write_roles(const struct fixture *f, const char *local, const char *site)
{
	FILE *out = fopen(f->file, "w");

	assert_non_null(out);
	fprintf(out,
		"{\"name\": \"a\", \"key_file\": \"/nowhere/a.key\","
		" \"vns\": [{\"id\": 7, \"device\": \"br7\", \"lisp\": {\"use\": true},"
		"  \"local\": [%s]}], \"lisp\": {"
		" \"keys\": [{\"name\": \"k\", \"secret_file\": \"%s.k\"},"
		"  {\"name\": \"l\", \"secret_file\": \"%s.l\"}],"
		" \"rlocs\": [{\"address\": \"192.0.2.1\"}], \"data_port\": 14341,"
		" \"control_port\": 14342,"
		" \"map_servers\": [{\"address\": \"192.0.2.9\", \"key\": \"k\"}],"
		" \"map_server\": {\"sites\": [{\"name\": \"s\", \"keys\": [\"k\"],"
		"  \"prefixes\": [{\"vn\": 7, \"prefix\": \"10.1.0.0/24\"}]}%s]}}}\n",
		local, f->file, f->file, site);
	fclose(out);
}

static size_t
registrations(const struct fixture *f, const char *prefix)
{
	struct xtr_registration r;
	size_t position = 0, count = 0;

	while (xtr_registration_next(mapsys_xtr(f->d.vr->mapsys), &position, &r))
		count += strcmp(fmt_prefix(r.prefix).s, prefix) == 0 && r.tries == 0;
	return count;
}

static void
the_lisp_roles_follow(void **state)
{
	static const char other[] = ", {\"name\": \"t\", \"keys\": [\"l\"], \"prefixes\": []}";
	struct fixture *f = *state;
	unsigned pid = (unsigned)getpid();
	const struct ms *ms;
	struct daemon_reload r;
	char secret[80], more[80];

	snprintf(secret, sizeof(secret), "%s.k", f->file);
	snprintf(more, sizeof(more), "%s.l", f->file);
	write_secret(secret, "one");
	write_secret(more, "one");
	/* Roles do not come by a reload: a router that has them. */
	teardown_router(f);
	write_roles(f, "\"10.1.0.0/24\"", "");
	start_router(f, 0);
	/* One that can be bound to, and by this test alone. */
	f->d.conf->lisp.rlocs[0].addr =
		(struct addr){ADDR_V4, {127, 9, pid >> 8 & 0xff, pid & 0xff}};
	assert_int_equal(daemon_lisp_open(&f->d), 0);
	assert_int_equal(daemon_lisp_start(&f->d), 0);
	ms = daemon_map_server(&f->d);
	assert_non_null(ms);
	assert_int_equal(registrations(f, "10.1.0.0/24"), 1);
	assert_null(mapserver_site_name(ms, 1));

	/* A map-server that does not take its sites goes on with those of before: no two may have one secret. */
	write_roles(f, "\"10.1.0.0/24\", \"10.9.0.0/24\"", other);
	daemon_reload(&f->d, &r, START);
	assert_non_null(strstr(r.text, "lisp: stays as it was: "));
	daemon_reload_fini(&r);
	assert_null(mapserver_site_name(ms, 1));
	write_secret(more, "another");
	assert_true(reload_ends_well(f, MEMORY_ALL));
	assert_int_equal(registrations(f, "10.1.0.0/24"), 1);
	assert_int_equal(registrations(f, "10.9.0.0/24"), 1);
	assert_string_equal(mapserver_site_name(ms, 1), "t");

	/* What is missing is found before anything is changed. */
	assert_int_equal(unlink(secret), 0);
	write_roles(f, "\"10.1.0.0/24\"", "");
	assert_false(reload_ends_well(f, MEMORY_ALL));
	assert_int_equal(registrations(f, "10.9.0.0/24"), 1);
	write_secret(secret, "two");
	assert_true(reload_ends_well(f, MEMORY_ALL));
	daemon_lisp_step(&f->d, START);
	assert_int_equal(registrations(f, "10.9.0.0/24"), 0);
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(unlink(more), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_peer_keeps_its_place_under_another_name_and_in_other_networks, setup,
			teardown),
		cmocka_unit_test_setup_teardown(what_became_of_peers_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_gone_has_no_line, setup, teardown),
		cmocka_unit_test_setup_teardown(short_memory_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_reloaded_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(the_lisp_roles_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(every_error_is_said_however_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
