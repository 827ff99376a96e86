/* An xTR with a few mappings, questions and registrations, and messages of whoever likes.
 *
 * What is neither authentic nor the answer to a question changes nothing but counters, questions
 * and
 * who is remembered to have asked; what the xTR says can be read by others.
 *
 * An input of odd size is of an xTR that asks whether it is behind a NAT.  It is a list of events:
 * what it is, an option, how many bytes, the bytes.  A message can be
 * given the nonce of something that waits, and be signed: no fuzzer finds either by itself. */
#include <stdlib.h>

#include "base/fmt.h"
#include "lisp/auth.h"
#include "lisp/limiter.h"
#include "lisp/xtr.h"
#include "vr/crypto.h"
#include "wire/be.h"

/* An xTR with small tables: it is made anew for each input, and its tables are looked through for each message. */
#undef XTR_ASKS_MAX
#define XTR_ASKS_MAX 64
#undef XTR_OWN_MAX
#define XTR_OWN_MAX 16
#undef XTR_ASKERS_MAX
#define XTR_ASKERS_MAX 64
#undef XTR_PROBES_MAX
#define XTR_PROBES_MAX 32
#undef XTR_PUSHERS_MAX
#define XTR_PUSHERS_MAX 8
#undef LIMITER_SETS
#define LIMITER_SETS 4
#include "lisp/answers.c"
#include "lisp/askers.c"
#undef WAYS
#undef SETS
#include "lisp/asks.c"
#include "lisp/limiter.c"
#include "lisp/notices.c"
#include "lisp/probes.c"
#include "lisp/push.c"
#include "lisp/registrar.c"
#include "lisp/traverse.c"
#include "lisp/xtr.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VN       7
#define MAPPINGS 8
/* More would be slow, and tell no more. */
#define EVENTS_MAX 40

/* Bits of a message's option: who sends it, and what is done to it first. */
enum option {
	FROM = 7,
	OF_QUESTION = 8, /* nonce */
	OF_PROBE = 16,
	OF_REGISTER = 32,
	BY_SERVER = 64, /* signed */
	BY_SITE = 128,
};

enum event { MESSAGE, TIME, RESOLVE, STATUS, MOVE, OWN, EVENTS };

struct world {
	us_t now;
	struct xtr *x;
	struct mapcache *cache;
	uint64_t random;
	bool is_here; /* 10.1.0.0/24 */
	struct mapping petrs;
	struct addr way_out;
};

static const struct lisp_dialect dialect = {.cp_sub_type = 0x7d5, .cp_type5 = true};
static const struct lisp_key server_key = {
	.key_id = 1, .algorithm = LISP_AUTH_SHA256_128, .secret = "server", .secret_size = 6};
static const struct lisp_key push_key = {
	.key_id = 2, .algorithm = LISP_AUTH_SHA256_128_HKDF, .secret = "push", .secret_size = 4};
static const char *const senders[FROM + 1] = {"192.0.2.9",    "192.0.2.8",   "198.51.100.1",
					      "198.51.100.2", "2001:db8::9", "203.0.113.1",
					      "192.0.2.1",    "2001:db8::66"};

static struct addr
ip(const char *text)
{
	struct addr a;

	BUG_IF(addr_from_text(text, &a) != 0);
	return a;
}

/* ---- what the xTR wants done ---- */

static int
io_send(void *ctx, const struct endpoint *to, const uint8_t *data, size_t size)
{
	/* An acknowledgement is read by who waits for it, as what it is: nothing else is sent with type 5 here. */
	static const struct lisp_dialect plain = {0};
	struct lisp_ecm ecm = {.message = data, .size = size};
	struct lisp_msg msg;

	(void)ctx;
	BUG_IF(addr_is_none(to->addr) || size > LISP_ECM_SIZE_MAX + LISP_SIZE_MAX);
	if (data[0] >> 4 == LISP_ECM)
		BUG_IF(lisp_ecm_parse(data, size, &ecm) != 0);
	BUG_IF(lisp_parse(ecm.message, ecm.size,
			  ecm.message[0] >> 4 == LISP_MAP_NOTIFY_ACK ? &plain : &dialect,
			  &msg) != 0);
	return 0;
}

static void
io_hmac(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size, const uint8_t *a,
	size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out)
{
	(void)ctx;
	if (hash == LISP_SHA1)
		crypto_hmac_sha1(key, key_size, a, a_size, b, b_size, out);
	else
		crypto_hmac(key, key_size, a, a_size, b, b_size, out);
}

static bool
io_equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t size)
{
	(void)ctx;
	return memcmp(a, b, size) == 0;
}

static int
io_random(void *ctx, void *bytes, size_t size)
{
	struct world *w = ctx;

	BUG_IF(size > sizeof(w->random));
	w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	memcpy(bytes, &w->random, size);
	return 0;
}

static void
io_persist(void *ctx)
{
	(void)ctx;
}

static const struct lisp_io io = {.send = io_send,
				  .hmac = io_hmac,
				  .equal = io_equal,
				  .random = io_random,
				  .persist = io_persist,
				  .send_data = io_send};

static void
on_mapped(void *ctx, vn_id_t vn, struct prefix prefix, us_t now)
{
	struct world *w = ctx;
	const struct mapping *m = mapcache_find_exact(w->cache, vn, prefix);

	(void)now;
	if (m != NULL && m->count > 0)
		BUG_IF(mapping_choose(m, (uint32_t)w->random) >= m->count);
}

static void
on_eid(void *ctx, vn_id_t vn, struct addr eid, us_t now)
{
	(void)ctx;
	(void)vn;
	(void)eid;
	(void)now;
}

static bool
on_may_map(void *ctx, vn_id_t vn, struct prefix prefix)
{
	(void)ctx;
	return vn == VN && !prefix_contains(prefix_make(ip("10.0.0.0"), 8), prefix.addr);
}

static bool
on_asked(void *ctx, vn_id_t vn, struct addr eid, struct addr rloc, us_t now)
{
	(void)rloc;
	on_eid(ctx, vn, eid, now);
	return now % 2 == 0;
}

static bool
on_place(void *ctx, vn_id_t vn, struct addr eid, struct xtr_place *out)
{
	const struct world *w = ctx;

	if (vn != VN || !prefix_contains(prefix_make(ip("10.1.0.0"), 24), eid))
		return false;
	*out = (struct xtr_place){.prefix = prefix_host(eid), .version = 5, .is_here = w->is_here};
	if (!w->is_here)
		out->rlocs[out->rloc_count++] = ip("198.51.100.1");
	return true;
}

static bool
on_arrived(void *ctx, vn_id_t vn, struct addr eid, us_t now)
{
	on_eid(ctx, vn, eid, now);
	return eid.b[3] % 2 == 0;
}

static bool
on_departed(void *ctx, vn_id_t vn, struct addr eid, uint16_t version, const struct addr *rlocs,
	    size_t count, us_t now)
{
	struct world *w = ctx;

	(void)version;
	BUG_IF(count == 0 || count > XTR_RLOCS_MAX || addr_is_none(rlocs[count - 1]));
	xtr_tell_askers(w->x, vn, eid, now);
	return true;
}

static us_t
on_wall(void *ctx)
{
	return ((const struct world *)ctx)->now;
}

static bool
on_proxies(void *ctx, vn_id_t vn)
{
	(void)ctx;
	return vn == VN;
}

static bool
on_lets_out(void *ctx, const struct lisp_eid *eid)
{
	(void)ctx;
	return eid->kind == LISP_EID_NONE || eid->vn == VN;
}

static bool
on_pushes(void *ctx, struct addr rloc)
{
	(void)ctx;
	return rloc.b[3] % 2 == 0;
}

static bool
on_is_peer(void *ctx, struct addr rloc)
{
	(void)ctx;
	return rloc.b[3] % 4 == 1;
}

static void
on_in_force(void *ctx, vn_id_t vn, struct prefix prefix, us_t now)
{
	struct world *w = ctx;

	xtr_tell_askers(w->x, vn, prefix.addr, now);
}

static void
on_way_out(void *ctx, struct addr rtr, us_t now)
{
	(void)now;
	((struct world *)ctx)->way_out = rtr;
}

static const struct xtr_ops ops = {.mapped = on_mapped,
				   .unanswered = on_eid,
				   .may_map = on_may_map,
				   .proxies = on_proxies,
				   .lets_out = on_lets_out,
				   .asked = on_asked,
				   .place = on_place,
				   .arrived = on_arrived,
				   .departed = on_departed,
				   .wall = on_wall,
				   .is_peer = on_is_peer,
				   .pushes = on_pushes,
				   .in_force = on_in_force,
				   .way_out = on_way_out};

/* ---- what must not change ---- */

/* Looking is not what is tested: without coverage it costs little, and its comparisons lead nobody astray. */
#define UNSEEN __attribute__((no_sanitize("coverage")))

UNSEEN static uint64_t
mix(uint64_t sum, const void *bytes, size_t size)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ b[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* Mappings but for what is counted, registrations. */
UNSEEN static uint64_t
picture(const struct world *w)
{
	uint64_t sum = w->x->nonce;
	struct xtr_registration r;
	const struct mapping *m;
	size_t position = 0;

	while ((m = mapcache_next(w->cache, &position)) != NULL) {
		sum = mix(sum, &m->prefix, sizeof(m->prefix));
		sum = mix(sum, &m->expires, sizeof(m->expires));
		sum = mix(sum, &m->changed, sizeof(m->changed));
		sum += m->source + m->action + m->count;
		for (unsigned i = 0; i < m->count; i++)
			sum = mix(sum, &m->locators[i].rloc, sizeof(m->locators[i].rloc)) +
			      m->locators[i].silent;
	}
	for (position = 0; xtr_registration_next(w->x, &position, &r);) {
		sum = mix(sum, &r.prefix, sizeof(r.prefix));
		sum = mix(sum, &r.due, sizeof(r.due)) + r.in_force + r.tries;
	}
	sum = mix(sum, &w->x->nat[0], sizeof(w->x->nat[0]));
	sum = mix(sum, &w->way_out, sizeof(w->way_out));
	for (size_t i = 0; i < XTR_PROBES_MAX; i++)
		if (!addr_is_none(w->x->probes[i].rloc))
			sum = mix(sum, &w->x->probes[i], sizeof(w->x->probes[i]));
	return sum;
}

/* The question or probe that waits first; 0: none. */
UNSEEN static uint64_t
waiting_nonce(const struct xtr *x, bool probe)
{
	for (size_t i = 0; probe && i < XTR_PROBES_MAX; i++)
		if (x->probes[i].sent > 0)
			return x->probes[i].nonce;
	for (size_t i = 0; !probe && i < XTR_ASKS_MAX; i++)
		if (x->asks[i].nonce != 0 && !x->asks[i].answered)
			return x->asks[i].nonce;
	return 0;
}

/* The last Info-Request that waits; 0: none. */
UNSEEN static uint64_t
info_nonce(const struct xtr *x)
{
	for (size_t i = NAT_NONCES; i > 0; i--)
		if (x->nat[0].nonces[i - 1] != 0)
			return x->nat[0].nonces[i - 1];
	return 0;
}

UNSEEN static bool
is_waited_for(const struct xtr *x, uint64_t nonce)
{
	for (size_t i = 0; i < XTR_PROBES_MAX; i++)
		if (x->probes[i].sent > 0 && x->probes[i].nonce == nonce)
			return true;
	for (size_t i = 0; i < XTR_ASKS_MAX; i++)
		if (x->asks[i].nonce == nonce && !x->asks[i].answered)
			return true;
	return false;
}

/* What begins as an IP packet comes in a data packet. */
static bool
is_inside(const uint8_t *data, size_t size)
{
	return size > 0 && data[0] == 0x45;
}

/* May this message change something? */
static bool
is_trusted(const struct world *w, const uint8_t *data, size_t size)
{
	struct lisp_ecm ecm = {.message = data, .size = size};
	struct lisp_msg msg;

	if (is_inside(data, size) && lisp_inside_parse(data, size, &ecm) != 0)
		return false;
	if (size > 0 && data[0] >> 4 == LISP_ECM && lisp_ecm_parse(data, size, &ecm) != 0)
		return false;
	if (lisp_parse(ecm.message, ecm.size, &dialect, &msg) != 0)
		return false;
	if (msg.type == LISP_MAP_REPLY)
		return is_waited_for(w->x, msg.nonce);
	return lisp_auth_verify(&io, NULL, &server_key, &msg, ecm.message, ecm.size) == 0 ||
	       is_authentic(w->x, &msg, ecm.message, ecm.size);
}

/* ---- events ---- */

static void
put_nonce(uint8_t *data, size_t size, uint64_t nonce)
{
	for (size_t i = 0; size >= 12 && i < 8; i++)
		data[4 + i] = (uint8_t)(nonce >> (56 - 8 * i));
}

static void
sign(struct world *w, const struct lisp_key *key, uint8_t *data, size_t size)
{
	struct lisp_msg msg;

	if (lisp_parse(data, size, &dialect, &msg) == 0)
		(void)!lisp_auth_sign(&io, w, key, &msg, data, size);
}

/* What has the right type is for us, and of now. */
static void
sign_push(struct world *w, uint8_t *data, size_t size)
{
	struct lisp_key key = push_key;

	if (size > 0 && data[0] >> 4 == LISP_SHARED)
		key = lisp_auth_key_for(&io, w, &push_key, w->x->conf.rlocs[0].addr);
	put_nonce(data, size, (uint64_t)w->now);
	sign(w, &key, data, size);
}

static void
message(struct world *w, uint8_t option, const uint8_t *bytes, size_t size)
{
	struct endpoint from = {ip(senders[option & FROM]), 40000};
	uint8_t *data = malloc(size + 1);
	uint64_t before;
	bool trusted;

	BUG_IF(data == NULL);
	if (size > 0)
		memcpy(data, bytes, size);
	if ((option & OF_QUESTION) != 0)
		put_nonce(data, size, waiting_nonce(w->x, false));
	if ((option & OF_PROBE) != 0)
		put_nonce(data, size, waiting_nonce(w->x, true));
	if ((option & OF_REGISTER) != 0)
		put_nonce(data, size,
			  size > 0 && data[0] >> 4 == LISP_INFO ? info_nonce(w->x) : w->x->nonce);
	if ((option & BY_SERVER) != 0)
		sign(w, &server_key, data, size);
	if ((option & BY_SITE) != 0)
		sign_push(w, data, size);
	trusted = is_trusted(w, data, size);
	before = trusted ? 0 : picture(w);
	if (is_inside(data, size))
		xtr_heard_inside(w->x, data, size, w->now);
	else
		(void)xtr_heard(w->x, &from, data, size, w->now);
	BUG_IF(!trusted && picture(w) != before);
	free(data);
}

static void
event(struct world *w, enum event kind, uint8_t option, const uint8_t *bytes, size_t size)
{
	struct addr near = ip("10.1.0.0"), far = ip("172.16.0.0");

	near.b[3] = option % 8;
	far.b[3] = option;
	switch (kind) {
	case MESSAGE:
		message(w, option, bytes, size);
		break;
	case TIME:
		w->now += (us_t)option * option * 10 * US_MS;
		(void)xtr_run(w->x, w->now);
		break;
	case RESOLVE:
		(void)xtr_resolve(w->x, VN, far, (struct addr){.family = ADDR_NONE}, w->now);
		break;
	case STATUS:
		xtr_status_bits(w->x, VN, far, ip(senders[2 + option % 2]), (uint32_t)size, 8,
				w->now);
		break;
	case MOVE:
		w->is_here = !w->is_here;
		xtr_tell_askers(w->x, VN, near, w->now);
		break;
	case OWN:
		if (option % 2 == 0)
			(void)!xtr_own_put(w->x, VN, prefix_host(near), option, w->now);
		else
			xtr_own_remove(w->x, VN, prefix_host(near), option % 4 == 1, w->now);
		break;
	case EVENTS:
		break;
	}
}

static void
start(struct world *w, bool nat)
{
	static const struct hash_key key = {1, 2};
	struct xtr_conf conf = {.rlocs = {{ip("192.0.2.1"), 1, 100}, {ip("2001:db8::1"), 2, 100}},
				.rloc_count = 2,
				.resolvers = {{ip("192.0.2.9"), 4342}, {ip("2001:db8::9"), 4342}},
				.resolver_count = 2,
				.server_count = 2,
				.ids = {.xtr = {1}, .site = 1},
				.subscribe = true,
				.plain_zero = true,
				.ttl_min = 60,
				.register_interval = 60 * US_S,
				.probe_interval = 10 * US_S,
				.reply_rate = 100,
				.has_push_key = true,
				.push_key = push_key,
				.dialect = dialect,
				.nat = nat,
				.nat_keepalive = 20 * US_S};
	struct mapping m = {
		.vn = VN,
		.count = 2,
		.ttl = 600 * US_S,
		.locators = {{.rloc = ip("198.51.100.1"), .priority = 1, .weight = 50},
			     {.rloc = ip("198.51.100.2"), .priority = 1, .weight = 50}}};

	conf.servers[0] =
		(struct xtr_server){{ip("192.0.2.9"), 4342}, server_key, true, true, false, false};
	conf.servers[1] = (struct xtr_server){
		{ip("192.0.2.8"), 4342}, server_key, false, false, false, false};
	*w = (struct world){.now = 1000 * US_S, .random = 1, .is_here = true};
	w->cache = mapcache_create(MAPPINGS, &key);
	BUG_IF(w->cache == NULL);
	BUG_IF(xtr_create(&conf, &io, w, &ops, w, w->cache, &key, 1000000, &w->x) != 0);
	for (unsigned i = 0; i < 3; i++) {
		m.prefix = prefix_make(ip("172.16.0.0"), (uint8_t)(16 + 6 * i));
		m.source = i == 2 ? MAP_PUBLISHED : MAP_ASKED;
		m.floor = i == 2 ? 1 : 0;
		BUG_IF(mapcache_put(w->cache, &m, w->now) != MAP_NEW);
		probes_follow(w->x, &m, w->now);
	}
	/* One is also the locator of a mapping. */
	w->petrs = (struct mapping){
		.vn = VN,
		.prefix = prefix_make(ip("0.0.0.0"), 0),
		.count = 2,
		.locators = {{.rloc = ip("203.0.113.1")}, {.rloc = ip("198.51.100.2")}}};
	xtr_petrs(w->x, &w->petrs, 1, w->now);
	BUG_IF(xtr_own_put(w->x, VN, prefix_make(ip("10.1.0.0"), 24), 0, w->now) != 0);
	(void)xtr_run(w->x, w->now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);
	struct world w;

	/* An odd byte left over: one that asks whether it is behind a NAT. */
	start(&w, size % 2 != 0);
	for (unsigned i = 0; i < EVENTS_MAX && r.size >= 4; i++) {
		uint8_t kind = rd_u8(&r), option = rd_u8(&r);
		size_t count = rd_u16(&r);
		const uint8_t *bytes;

		count = count < r.size ? count : r.size;
		bytes = rd_bytes(&r, count);
		event(&w, kind % EVENTS, option, bytes, count);
	}
	(void)xtr_run(w.x, w.now);
	xtr_destroy(w.x);
	mapcache_destroy(w.cache);
	return 0;
}
