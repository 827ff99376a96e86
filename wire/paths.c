/* Bodies of the records about paths: see paths.h. */
#include "wire/paths.h"

#include <errno.h>

#include "wire/rd.h"
#include "wire/wr.h"

#define FLAG_IN_USE 0x01 /* of a CHECK */
#define FLAG_LOSSY  0x02 /* of a CHECK */
#define FLAG_ANSWER 0x01 /* of CANDIDATES */

static struct endpoint
rd_endpoint(struct rd *r)
{
	struct endpoint e = {.addr.family = ADDR_NONE};
	uint8_t family = rd_u8(r);

	if (family != ADDR_NONE && addr_size(family) == 0)
		r->failed = true;
	else if (family != ADDR_NONE)
		e.addr = rd_addr(r, family);
	e.port = rd_u16(r);
	if (r->failed)
		return (struct endpoint){.port = 0};
	return e;
}

static void
wr_endpoint(struct wr *w, struct endpoint e)
{
	wr_u8(w, e.addr.family);
	wr_addr(w, e.addr);
	wr_u16(w, e.port);
}

int
paths_check_parse(const uint8_t *body, size_t size, struct paths_check *out)
{
	struct rd r = rd_make(body, size);
	struct paths_check c = {.token = rd_u64(&r)};
	uint8_t flags = rd_u8(&r);

	if (r.failed || (flags & ~(FLAG_IN_USE | FLAG_LOSSY)) != 0)
		return -EBADMSG;
	c.in_use = (flags & FLAG_IN_USE) != 0;
	c.lossy = (flags & FLAG_LOSSY) != 0;
	*out = c;
	return 0;
}

void
paths_check_build(const struct paths_check *c, uint8_t body[PATHS_CHECK_SIZE])
{
	struct wr w = wr_make(body, PATHS_CHECK_SIZE);

	wr_u64(&w, c->token);
	wr_u8(&w, (uint8_t)((c->in_use ? FLAG_IN_USE : 0) | (c->lossy ? FLAG_LOSSY : 0)));
}

int
paths_ack_parse(const uint8_t *body, size_t size, struct paths_ack *out)
{
	struct rd r = rd_make(body, size);
	struct paths_ack a = {.token = rd_u64(&r)};

	a.size = rd_u16(&r);
	a.seen = rd_endpoint(&r);
	if (!rd_done(&r))
		return -EBADMSG;
	*out = a;
	return 0;
}

size_t
paths_ack_build(const struct paths_ack *a, uint8_t body[PATHS_ACK_SIZE_MAX])
{
	struct wr w = wr_make(body, PATHS_ACK_SIZE_MAX);

	wr_u64(&w, a->token);
	wr_u16(&w, a->size);
	wr_endpoint(&w, a->seen);
	return w.used;
}

bool
paths_is_reachable(struct endpoint to)
{
	static const uint8_t loopback[16] = {[15] = 1}, mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (addr_is_none(to.addr) || to.port == 0 || addr_is_unspecified(to.addr) ||
	    addr_is_multicast(to.addr))
		return false;
	if (to.addr.family == ADDR_V4)
		return to.addr.b[0] != 127 && to.addr.b[0] != 0;
	return memcmp(to.addr.b, loopback, sizeof(loopback)) != 0 &&
	       memcmp(to.addr.b, mapped, sizeof(mapped)) != 0;
}

int
paths_candidates_parse(const uint8_t *body, size_t size, struct paths_candidates *out)
{
	struct rd r = rd_make(body, size);
	struct paths_candidates c = {.serial = rd_u32(&r)};
	uint8_t flags;

	c.heard = rd_u32(&r);
	flags = rd_u8(&r);
	c.answer = (flags & FLAG_ANSWER) != 0;
	c.count = rd_u8(&r);
	if (r.failed || c.serial == 0 || (flags & ~FLAG_ANSWER) != 0 ||
	    c.count > PATHS_CANDIDATES_MAX)
		return -EBADMSG;
	for (uint8_t i = 0; i < c.count; i++) {
		struct paths_candidate *row = &c.rows[i];

		row->origin = rd_u8(&r);
		row->to = rd_endpoint(&r);
		if (row->origin < CANDIDATE_HOST || row->origin > CANDIDATE_CONFIGURED ||
		    !paths_is_reachable(row->to))
			return -EBADMSG;
	}
	if (!rd_done(&r))
		return -EBADMSG;
	*out = c;
	return 0;
}

size_t
paths_candidates_build(const struct paths_candidates *c, uint8_t body[PATHS_TELL_SIZE_MAX])
{
	struct wr w = wr_make(body, PATHS_TELL_SIZE_MAX);

	wr_u32(&w, c->serial);
	wr_u32(&w, c->heard);
	wr_u8(&w, c->answer ? FLAG_ANSWER : 0);
	wr_u8(&w, c->count);
	for (uint8_t i = 0; i < c->count; i++) {
		wr_u8(&w, c->rows[i].origin);
		wr_endpoint(&w, c->rows[i].to);
	}
	return w.used;
}
