/* A whole router without devices, its configuration file, and two peers that have told of machines. */
#ifndef TESTS_UNIT_RELOAD_RIG_H
#define TESTS_UNIT_RELOAD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fmt.h"
#include "vr/daemon.h"
#include "vr/tunnel.h"

#define START (1000 * US_S)

struct fixture {
	struct daemon d;
	char file[64];
	char keys[5][48]; /* public keys of b to f */
	struct vr_id ids[5];
};

static const struct mac vm = {{0x52, 0x54, 0, 0, 0, 5}};

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
static inline void
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

static inline void
hear(struct fixture *f, size_t peer, const struct sync_msg *msg)
{
	uint8_t data[SYNC_SIZE_MAX];
	int size = sync_build(msg, data, sizeof(data));

	assert_true(size > 0);
	vr_link_sync(f->d.vr, f->d.peers[peer].slot, data, (size_t)size, START);
}

static inline void
peer_has(struct fixture *f, size_t peer, vn_id_t vn, const char *eid)
{
	struct sync_msg msg = {.type = SYNC_DELTA, .id = 1, .vn = vn};

	msg.delta.count = 1;
	msg.delta.bindings[0] = (struct sync_binding){.mac = vm, .mobility = 1};
	assert_int_equal(addr_from_text(eid, &msg.delta.bindings[0].ip), 0);
	hear(f, peer, &msg);
}

static inline void
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
	tunnel.silence = daemon_silence(d->conf);
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

static inline int
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

static inline void
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

static inline int
teardown(void **state)
{
	struct fixture *f = *state;

	teardown_router(f);
	unlink(f->file);
	free(f);
	return 0;
}

/* True when it was done; the text of a refusal says that nothing was changed. */
static inline bool
reload_ends_well(struct fixture *f)
{
	struct daemon_reload r;
	bool done;

	daemon_reload(&f->d, &r, START);
	done = !r.refused;
	assert_non_null(strstr(r.text, done ? "reloaded\n" : "nothing was changed\n"));
	assert_null(strstr(r.text, done ? "nothing was changed\n" : "reloaded\n"));
	daemon_reload_fini(&r);
	return done;
}

#endif
