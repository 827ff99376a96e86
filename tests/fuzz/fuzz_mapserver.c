/* Messages into a map-server with a few sites.
 *
 * The first byte says whether authentication data is believed.  When it is not, nothing that is
 * registered or subscribed may change, whatever comes.  When it is, everything must stay within
 * what the configuration allows.  Every message that leaves must be one that can be read.
 *
 * Input: a byte of mode, then messages: their size in two bytes, the seconds before them in one. */
#include "base/err.h"
#include "lisp/mapserver.h"
#include "tests/fuzz/lisp_trust.h"
#include "wire/lisp_ecm.h"
#include "wire/rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct room {
	struct trust trust;
	struct ms *ms;
	struct ms_prefix a[2], b[2];
	struct ms_site sites[2];
	struct ms_mobile mobile;
	struct ms_rtr rtrs[2];
};

static int
check_sent(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	static const struct lisp_dialect dialect = {0};
	struct lisp_msg parsed;
	struct lisp_ecm ecm;

	(void)ctx;
	BUG_IF(addr_is_none(to->addr));
	if (msg[0] >> 4 == LISP_ECM) {
		BUG_IF(lisp_ecm_parse(msg, size, &ecm) != 0);
		BUG_IF(lisp_parse(ecm.message, ecm.size, &dialect, &parsed) != 0);
	} else {
		BUG_IF(lisp_parse(msg, size, &dialect, &parsed) != 0);
	}
	return 0;
}

static const struct lisp_io io = {.send = check_sent,
				  .hmac = trust_hmac,
				  .equal = trust_equal,
				  .random = trust_random,
				  .persist = trust_persist};

static struct prefix
net4(uint8_t a, uint8_t b, uint8_t c, uint8_t len)
{
	const uint8_t bytes[4] = {a, b, c, 0};

	return prefix_make(addr_make(ADDR_V4, bytes), len);
}

/* Site "a" has 10.1.0.0/16 and the MACs of VN 7, "b" a part of that prefix and 10.2.0.0/16 of VN 7;
 * 10.1.5.0/24 is mobile between them. */
static void
furnish(struct room *room)
{
	static const struct lisp_key keys[] = {
		{.key_id = 0, .algorithm = LISP_AUTH_SHA1_96, .is_full = true, .secret_size = 4},
		{.key_id = 1, .algorithm = LISP_AUTH_SHA256_128, .secret_size = 4},
		{.key_id = 2, .algorithm = LISP_AUTH_SHA256_128_HKDF, .secret_size = 4},
		{.key_id = 1, .algorithm = LISP_AUTH_SHA256_128, .secret_size = 5},
	};
	static const uint16_t both[] = {0, 1};

	room->a[0] = (struct ms_prefix){0, net4(10, 1, 0, 16), false, true};
	room->a[1] = (struct ms_prefix){.vn = 7, .macs = true};
	room->b[0] = (struct ms_prefix){0, net4(10, 1, 9, 24), false, false};
	room->b[1] = (struct ms_prefix){7, net4(10, 2, 0, 16), false, true};
	room->sites[0] = (struct ms_site){.name = "a",
					  .keys = keys,
					  .key_count = 3,
					  .prefixes = room->a,
					  .prefix_count = 2,
					  .has_site_id = true,
					  .site_id = 1,
					  .max_eids = 20};
	room->sites[1] = (struct ms_site){.name = "b",
					  .keys = &keys[3],
					  .key_count = 1,
					  .prefixes = room->b,
					  .prefix_count = 2};
	room->mobile = (struct ms_mobile){0, net4(10, 1, 5, 24), both, 2};
}

static void
open_room(struct room *room)
{
	static const struct hash_key key = {5, 6};
	struct ms_conf conf;

	furnish(room);
	ms_conf_defaults(&conf);
	conf.sites = room->sites;
	conf.site_count = 2;
	conf.mobiles = &room->mobile;
	conf.mobile_count = 1;
	for (uint8_t i = 0; i < 2; i++)
		room->rtrs[i] = (struct ms_rtr){
			.addr = net4(192, 0, 2, 32).addr,
			.key = {.key_id = 9, .algorithm = LISP_AUTH_SHA256_128, .secret_size = 4}};
	/* Half of the senders are. */
	room->rtrs[0].addr.b[3] = 1;
	room->rtrs[1].addr.b[3] = 2;
	conf.rtrs = room->rtrs;
	conf.rtr_count = 2;
	conf.rlocs[0] = net4(192, 0, 9, 32).addr;
	conf.max_eids = 32;
	conf.max_etrs = 4;
	conf.max_subscriptions = 6;
	conf.subscriptions_per_xtr = 4;
	conf.max_displaced = 2;
	conf.max_sites = 4;
	conf.reply_rate = 0;
	BUG_IF(mapserver_create(&conf, &io, room, &key, 0, &room->ms) != 0);
}

static size_t
in_force(const struct ms *ms)
{
	struct ms_subscription sub;
	uint32_t position = 0;
	size_t count = 0;

	while (mapserver_subscription(ms, &position, &sub))
		count += sub.in_force;
	return count;
}

/* Nothing outside of what is configured, and nothing that cannot be found again. */
static void
check_room(const struct room *room)
{
	const struct registry *r = mapserver_registry(room->ms);
	size_t count = 0;

	for (uint32_t n = 0; (n = registry_next(r, n)) != 0; count++) {
		struct eid_key key = registry_key(r, n);
		const struct registration *row = registry_at(r, n);

		BUG_IF(registry_find(r, &key) != n || registry_match(r, &key) != n);
		BUG_IF(key.family == EID_V6 || key.len < 16);
		BUG_IF(row->set == NULL || row->etr == 0);
		BUG_IF(nonces_at(mapserver_nonces(room->ms), row->etr)->site != row->site);
	}
	BUG_IF(count != registry_count(r));
	BUG_IF(count != registry_site_count(r, 0) + registry_site_count(r, 1));
	BUG_IF(registry_site_count(r, 0) > 20);
	if (room->trust.believes)
		return;
	BUG_IF(count != 0 || in_force(room->ms) != 0);
	BUG_IF(nonces_count(mapserver_nonces(room->ms)) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);
	struct room room = {.trust.believes = (rd_u8(&r) & 1) != 0};
	struct endpoint from = {net4(192, 0, 2, 32).addr, 4342};
	us_t now = 0;

	open_room(&room);
	while (r.size > 3) {
		size_t length = rd_u16(&r);
		uint8_t seconds = rd_u8(&r);
		const uint8_t *bytes = rd_bytes(&r, length < r.size ? length : r.size);

		now += (us_t)seconds * US_S;
		for (unsigned i = 0; i < 100 && mapserver_run(room.ms, now) <= now; i++)
			continue;
		from.addr.b[3] = seconds & 3;
		length = (size_t)(r.data - bytes);
		mapserver_heard(room.ms, &from, bytes, length, now);
		check_room(&room);
	}
	mapserver_destroy(room.ms);
	return 0;
}
