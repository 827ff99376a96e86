/* What the map-server's state machine costs by itself, without sockets.
 *
 *     mapserver [EIDS...]        1000 and 1000000 when none are named
 *
 * For each number of registered EIDs one JSON line: Map-Requests answered by proxy per second,
 * authenticated Map-Registers that want a Map-Notify per second (two HMACs each), and memory per
 * EID as the registry counts it and as the process grew.  Messages are made before the clock runs;
 * EIDs are asked for in random order. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lisp/auth.h"
#include "lisp/mapserver.h"
#include "vr/crypto.h"
#include "wire/lisp_ecm.h"

#define ETRS     1000
#define MESSAGES 65536
#define ROUNDS   4
#define SLOT     192

struct message {
	uint32_t size;
	uint8_t data[SLOT];
};

struct rig {
	struct ms *ms;
	struct lisp_key key;
	struct ms_prefix prefix;
	struct ms_site site;
	struct message *messages;
	uint64_t random, sent, sent_bytes, nonce;
	uint8_t out[MS_SIZE_MAX];
};

static int
swallow(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	struct rig *rig = ctx;

	(void)to;
	memcpy(rig->out, msg, size);
	rig->sent++;
	rig->sent_bytes += size;
	return 0;
}

static void
hmac(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size, const uint8_t *a,
     size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out)
{
	(void)ctx;
	BUG_IF(hash != LISP_SHA256);
	crypto_hmac(key, key_size, a, a_size, b, b_size, out);
}

static bool
equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t size)
{
	(void)ctx;
	return crypto_equal(a, b, size);
}

static int
random_bytes(void *ctx, void *bytes, size_t size)
{
	(void)ctx;
	return crypto_random(bytes, size);
}

static void
persist(void *ctx)
{
	(void)ctx;
}

static const struct lisp_io io = {swallow, hmac, equal, random_bytes, persist};

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static size_t
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size = 0, pages = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static uint32_t
next_random(struct rig *rig)
{
	rig->random = rig->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(rig->random >> 33);
}

static struct addr
addr4(uint32_t a)
{
	uint8_t bytes[4] = {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a};

	return addr_make(ADDR_V4, bytes);
}

/* EIDs lie scattered in 10.0.0.0/8. */
static struct lisp_eid
eid_of(uint32_t number)
{
	uint32_t host = (number * 2654435761u) & 0xffffff;

	return lisp_eid_make(1, prefix_host(addr4(0x0a000000 | host)), true);
}

static void
make_register(struct rig *rig, uint32_t eid, bool notify, struct message *m)
{
	uint32_t etr = eid % ETRS;
	struct lisp_msg msg = {.type = LISP_MAP_REGISTER,
			       .nonce = ++rig->nonce,
			       .auth = lisp_auth_header(&rig->key),
			       .has_xtr_id = true};
	struct lisp_record record = {.ttl = 1440, .eid = eid_of(eid)};
	struct lisp_locator l = {.priority = 1, .weight = 50, .reachable = true};
	struct lisp_builder b;
	int size;

	memcpy(msg.xtr_id.xtr, &etr, sizeof(etr));
	msg.reg.proxy_reply = true;
	msg.reg.want_notify = notify;
	lisp_begin(&b, m->data, sizeof(m->data), &msg);
	lisp_put_record(&b, &record);
	for (uint32_t i = 0; i < 2; i++) {
		l.rloc = lisp_rloc_make(addr4(0xc0000000 | etr << 1 | i));
		lisp_put_locator(&b, &l);
	}
	size = lisp_end(&b);
	BUG_IF(size < 0 || lisp_auth_sign(&io, rig, &rig->key, &msg, m->data, (size_t)size) != 0);
	m->size = (uint32_t)size;
}

static void
make_request(struct rig *rig, uint32_t eid, struct message *m)
{
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = ++rig->nonce};
	struct lisp_rloc itr = lisp_rloc_make(addr4(0xc6336401));
	struct lisp_asked asked = {.eid = eid_of(eid)};
	struct lisp_ecm ecm = {.src = {addr4(0xc6336401), 50000}};
	size_t head = lisp_ecm_size(ADDR_V4);
	struct lisp_builder b;
	int size;

	lisp_begin(&b, m->data + head, sizeof(m->data) - head, &msg);
	lisp_put_itr(&b, &itr);
	lisp_put_asked(&b, &asked);
	size = lisp_end(&b);
	BUG_IF(size < 0);
	ecm.dst = (struct endpoint){asked.eid.prefix.addr, LISP_CONTROL_PORT};
	ecm.size = (size_t)size;
	size = lisp_ecm_build(&ecm, m->data, sizeof(m->data));
	BUG_IF(size < 0);
	m->size = (uint32_t)size;
}

static void
feed(struct rig *rig, const struct message *m, us_t now)
{
	struct endpoint from = {addr4(0xc6336401), 50001};

	mapserver_heard(rig->ms, &from, m->data, m->size, now);
}

static void
fill(struct rig *rig, uint32_t eids)
{
	struct message m;

	for (uint32_t i = 0; i < eids; i++) {
		make_register(rig, i, false, &m);
		feed(rig, &m, US_S);
	}
	BUG_IF(registry_count(mapserver_registry(rig->ms)) != eids);
}

static double
requests_per_s(struct rig *rig, uint32_t eids)
{
	double start;

	for (size_t i = 0; i < MESSAGES; i++)
		make_request(rig, next_random(rig) % eids, &rig->messages[i]);
	rig->sent = 0;
	start = seconds();
	for (unsigned round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < MESSAGES; i++)
			feed(rig, &rig->messages[i], 2 * US_S);
	start = seconds() - start;
	BUG_IF(rig->sent != (uint64_t)ROUNDS * MESSAGES);
	BUG_IF(mapserver_count(rig->ms, MS_REPLIES_PROXY) != rig->sent);
	return (double)rig->sent / start;
}

static double
registers_per_s(struct rig *rig, uint32_t eids)
{
	double spent = 0;

	rig->sent = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		double start;

		for (size_t i = 0; i < MESSAGES; i++)
			make_register(rig, next_random(rig) % eids, true, &rig->messages[i]);
		start = seconds();
		for (size_t i = 0; i < MESSAGES; i++)
			feed(rig, &rig->messages[i], 3 * US_S);
		spent += seconds() - start;
	}
	BUG_IF(rig->sent != (uint64_t)ROUNDS * MESSAGES);
	return (double)rig->sent / spent;
}

static void
measure(uint32_t eids)
{
	static const struct hash_key hash = {7, 8};
	struct rig rig = {.random = 1};
	struct ms_conf conf;
	size_t before, grown;
	double requests, registers;

	rig.key = (struct lisp_key){
		.key_id = 1, .algorithm = LISP_AUTH_SHA256_128, .secret_size = 16};
	rig.prefix = (struct ms_prefix){1, prefix_make(addr4(0x0a000000), 8), false, true};
	rig.site = (struct ms_site){.name = "s",
				    .keys = &rig.key,
				    .key_count = 1,
				    .prefixes = &rig.prefix,
				    .prefix_count = 1};
	rig.messages = calloc(MESSAGES, sizeof(*rig.messages));
	BUG_IF(rig.messages == NULL);
	memset(rig.messages, 1, MESSAGES * sizeof(*rig.messages));
	ms_conf_defaults(&conf);
	conf.sites = &rig.site;
	conf.site_count = 1;
	conf.max_eids = eids > 1u << 20 ? eids : 1u << 20;
	conf.reply_rate = 0;
	BUG_IF(mapserver_create(&conf, &io, &rig, &hash, 0, &rig.ms) != 0);
	before = resident();
	fill(&rig, eids);
	grown = resident() - before;
	requests = requests_per_s(&rig, eids);
	registers = registers_per_s(&rig, eids);
	printf("{\"eids\": %" PRIu32 ", \"requests_per_s\": %.0f, \"registers_per_s\": %.0f, "
	       "\"bytes_per_eid\": %zu, \"resident_per_eid\": %zu}\n",
	       eids, requests, registers, registry_memory(mapserver_registry(rig.ms)) / eids,
	       grown / eids);
	mapserver_destroy(rig.ms);
	free(rig.messages);
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		measure(1000);
		measure(1000000);
	}
	for (int i = 1; i < argc; i++)
		measure((uint32_t)strtoul(argv[i], NULL, 10));
	return 0;
}
