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

#include "lisp/mapserver.h"
#include "tests/bench/clock.h"
#include "tests/bench/ms_messages.h"
#include "tests/bench/resident.h"

#define MESSAGES 65536
#define ROUNDS   4

struct rig {
	struct ms *ms;
	struct crypto_hmacs *hmacs;
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
make_hmac(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size, const uint8_t *a,
	  size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out)
{
	struct rig *rig = ctx;

	BUG_IF(hash != LISP_SHA256);
	crypto_hmacs_make(rig->hmacs, key, key_size, a, a_size, b, b_size, out);
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

static const struct lisp_io io = {.send = swallow,
				  .hmac = make_hmac,
				  .equal = message_equal,
				  .random = random_bytes,
				  .persist = persist};

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
		make_register(&rig->key, ++rig->nonce, i, false, &m);
		feed(rig, &m, US_S);
	}
	BUG_IF(registry_count(mapserver_registry(rig->ms)) != eids);
}

static double
requests_per_s(struct rig *rig, uint32_t eids)
{
	const struct endpoint itr = {addr4(0xc6336401), 50000};
	double start;

	for (size_t i = 0; i < MESSAGES; i++)
		make_request(&itr, ++rig->nonce, message_random(&rig->random) % eids,
			     &rig->messages[i]);
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
			make_register(&rig->key, ++rig->nonce, message_random(&rig->random) % eids,
				      true, &rig->messages[i]);
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
	rig.hmacs = crypto_hmacs_create();
	BUG_IF(rig.messages == NULL || rig.hmacs == NULL);
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
	crypto_hmacs_destroy(rig.hmacs);
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
