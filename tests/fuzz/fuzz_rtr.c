/* Messages into an RTR.
 *
 * The first byte says whether authentication data is believed, and how many EIDs there is room for,
 * and whether it serves early drafts.
 * When it is not believed, nothing becomes known, whatever comes.  When it is, everything that is
 * known
 * can be found, is served, and ends.  Every message that leaves must be one that can be read, and
 * goes
 * to a map-server or to where a message came from.
 *
 * Input: that byte, then messages: their size in two bytes, the seconds before them in one, of
 * which the
 * lowest three bits also say who sends. */
#include <stdlib.h>

#include "base/err.h"
#include "lisp/rtr.h"
#include "tests/fuzz/lisp_trust.h"
#include "wire/lisp_ecm.h"
#include "wire/lispdata.h"
#include "wire/rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VN      7
#define SENDERS 8 /* the first two are map-servers */

struct room {
	struct trust trust;
	struct rtr *rtr;
};

static struct endpoint
sender(unsigned number)
{
	uint8_t bytes[4] = {192, 0, 2, (uint8_t)number};

	return (struct endpoint){addr_make(ADDR_V4, bytes), 4342};
}

static int
check_sent(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	static const struct lisp_dialect dialect = {0};
	struct lispdata header;
	struct lisp_msg parsed;
	struct lisp_ecm ecm;
	unsigned number = to->addr.b[3];

	(void)ctx;
	BUG_IF(number >= SENDERS || !endpoint_equal(*to, sender(number)));
	if (msg[0] >> 4 == LISP_ECM) {
		BUG_IF(number > 1 || lisp_ecm_parse(msg, size, &ecm) != 0 || !ecm.to_ms);
		BUG_IF(lisp_parse(ecm.message, ecm.size, &dialect, &parsed) != 0);
		BUG_IF(parsed.type != LISP_MAP_REGISTER);
		return 0;
	}
	BUG_IF(lispdata_parse(msg, size, &header) != 0 || header.vn != LISP_CONTROL_VN);
	BUG_IF(lisp_inside_parse(msg + LISPDATA_SIZE, size - LISPDATA_SIZE, &ecm) != 0);
	BUG_IF(lisp_parse(ecm.message, ecm.size, &dialect, &parsed) != 0);
	BUG_IF(parsed.type != LISP_MAP_NOTIFY);
	return 0;
}

static const struct lisp_io io = {.send = check_sent,
				  .hmac = trust_hmac,
				  .equal = trust_equal,
				  .random = trust_random,
				  .persist = trust_persist};

static bool
may_serve(void *ctx, vn_id_t vn, struct prefix prefix)
{
	(void)ctx;
	return vn == VN && prefix.addr.family == ADDR_V4;
}

static const struct rtr_ops ops = {.may_serve = may_serve};

static void
check_room(const struct room *room, us_t now, size_t most)
{
	const struct rtr_eid *e;
	size_t position = 0, count = 0;

	for (; (e = rtr_next(room->rtr, &position)) != NULL; count++) {
		const struct rtr_eid *found = rtr_find(room->rtr, e->vn, e->prefix.addr);

		BUG_IF(e->vn != VN || e->prefix.addr.family != ADDR_V4);
		BUG_IF(found == NULL || found->prefix.len < e->prefix.len);
		BUG_IF(e->expires <= e->renewed || e->expires > now + 180 * US_S);
		BUG_IF(e->server > 1 || e->to.addr.b[3] >= SENDERS);
	}
	BUG_IF(count > most || (!room->trust.believes && count > 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_key key = {5, 6};
	struct rd r = rd_make(data, size);
	uint8_t mode = rd_u8(&r);
	struct room room = {.trust.believes = (mode & 1) != 0};
	struct rtr_conf conf = {
		.port = 4342,
		.rlocs = {{.family = ADDR_V4, .b = {192, 0, 9, 1}}},
		.servers = {{sender(0).addr, {.key_id = 1, .algorithm = 2, .secret_size = 4}},
			    {sender(1).addr, {.key_id = 2, .algorithm = 3, .secret_size = 4}}},
		.server_count = 2,
		.eids_max = 1 + (mode >> 1) % 16,
		.old_drafts = (mode & 0x20) != 0};
	us_t now = 0;

	BUG_IF(rtr_create(&conf, &io, &room, &ops, &room, &key, &room.rtr) != 0);
	while (r.size > 3) {
		size_t length = rd_u16(&r);
		uint8_t seconds = rd_u8(&r);
		const uint8_t *bytes = rd_bytes(&r, length < r.size ? length : r.size);
		struct endpoint from = sender(seconds % SENDERS);

		now += (us_t)(seconds / SENDERS) * US_S;
		(void)rtr_run(room.rtr, now);
		(void)rtr_heard(room.rtr, &from, bytes, (size_t)(r.data - bytes), now);
		check_room(&room, now, conf.eids_max);
	}
	(void)rtr_run(room.rtr, now + 200 * US_S);
	check_room(&room, now + 200 * US_S, 0);
	rtr_destroy(room.rtr);
	return 0;
}
