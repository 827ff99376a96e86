/* Own EIDs at the map-servers: Map-Registers, repeated until acknowledged, then refreshed (RFC 9301 section 8.2). */
#include <errno.h>

#include "lisp/auth.h"
#include "lisp/xtr_priv.h"

/* What is not acknowledged is repeated after a second, two, four ..., at most a refresh's interval (RFC 9301 section 5.7). */
#define REGISTER_RETRY US_S
/* One that was refreshed because somebody else is said to have the EID is not refreshed for that again so soon. */
#define DOUBT_PACE US_S
/* Refreshes that are due so soon go with what is due now. */
#define COMPANY (2 * US_S)
/* A withdrawal that is not acknowledged is given up after so many tries: the registration expires. */
#define LEAVE_TRIES 4
/* A registration that was not acknowledged for so many intervals has expired at the server. */
#define INTERVALS_MAX 3

/* Bytes that a record with an EID in an LCAF, and one of its locators, take at most. */
#define RECORD_ROOM  48
#define LOCATOR_ROOM 32

static void
own_due_by(struct xtr *x, us_t due)
{
	if (due < x->own_due)
		x->own_due = due;
}

int
xtr_own_put(struct xtr *x, vn_id_t vn, struct prefix prefix, uint16_t version, us_t now)
{
	struct own *own = lpm_find_exact(&x->own_lpm, vn, prefix);
	bool is_there = own != NULL;
	int rc;

	if (!is_there) {
		own = pool_take(&x->own);
		if (own == NULL)
			return -ENOSPC;
		rc = lpm_add(&x->own_lpm, vn, prefix, own);
		if (rc != 0) {
			pool_give(&x->own, own);
			return rc;
		}
		own->used = true;
		own->vn = vn;
		own->prefix = prefix;
	}
	own->round = x->own_round;
	if (is_there && !own->leaving && own->version == version)
		return 0;
	own->leaving = own->announced = false;
	own->version = version;
	for (size_t i = 0; i < x->conf.server_count; i++) {
		own->servers[i].nonce = own->servers[i].before = 0;
		own->servers[i].tries = 0;
		own->servers[i].due = now;
	}
	own_due_by(x, now);
	return 0;
}

static void
own_free(struct xtr *x, struct own *own)
{
	(void)lpm_remove(&x->own_lpm, own->vn, own->prefix);
	pool_give(&x->own, own);
}

/* Walks all: start with '*position' 0; NULL at the end.  Survives own_free() of the row just returned. */
static struct own *
own_next(const struct xtr *x, size_t *position)
{
	while (*position < x->own.touched) {
		struct own *own = pool_at(&x->own, (*position)++);

		if (own->used)
			return own;
	}
	return NULL;
}

void
xtr_own_remove(struct xtr *x, vn_id_t vn, struct prefix prefix, bool withdraw, us_t now)
{
	struct own *own = lpm_find_exact(&x->own_lpm, vn, prefix);

	if (own == NULL || own->leaving)
		return;
	if (!withdraw || x->conf.server_count == 0) {
		own_free(x, own);
		return;
	}
	own->leaving = true;
	for (size_t i = 0; i < x->conf.server_count; i++) {
		own->servers[i].nonce = own->servers[i].before = 0;
		own->servers[i].tries = 0;
		own->servers[i].due = now;
	}
	own_due_by(x, now);
}

void
xtr_own_begin(struct xtr *x)
{
	x->own_round++;
}

void
xtr_own_end(struct xtr *x, us_t now)
{
	size_t position = 0;
	struct own *own;

	while ((own = own_next(x, &position)) != NULL)
		if (own->round != x->own_round)
			xtr_own_remove(x, own->vn, own->prefix, true, now);
}

void
registrar_anew(struct xtr *x, size_t server, us_t now)
{
	size_t position = 0;
	struct own *own;

	while ((own = own_next(x, &position)) != NULL) {
		struct own_at *at = &own->servers[server];

		*at = (struct own_at){.due = now,
				      .in_force = at->in_force,
				      .since = at->since,
				      .renewed = at->renewed,
				      .sent = at->sent,
				      .acknowledged = at->acknowledged};
	}
	own_due_by(x, now);
}

bool
registrar_any(const struct xtr *x, vn_id_t *vn, struct prefix *prefix)
{
	size_t position = 0;
	const struct own *own = own_next(x, &position);

	if (own == NULL)
		return false;
	*vn = own->vn;
	*prefix = own->prefix;
	return true;
}

int
registrar_create(struct xtr *x)
{
	return pool_init(&x->own, XTR_OWN_MAX, sizeof(struct own));
}

void
registrar_destroy(struct xtr *x)
{
	lpm_fini(&x->own_lpm);
	pool_fini(&x->own);
}

/* ---- sending ---- */

/* Between refreshes: through an RTR they also keep the NAT's state. */
static us_t
interval_of(const struct xtr *x, size_t server)
{
	us_t interval = x->conf.register_interval;

	return !addr_is_none(traverse_rtr(x, server)) && x->conf.nat_keepalive < interval
		       ? x->conf.nat_keepalive
		       : interval;
}

static us_t
retry_after(const struct xtr *x, size_t server, unsigned tries)
{
	us_t after = REGISTER_RETRY << (tries < 16 ? tries : 16), most = interval_of(x, server);

	return after < most ? after : most;
}

/* Who wants to us sends to the RTR (draft-ermagan-lisp-nat-traversal, section 5.1.1). */
static void
put_rtr(struct lisp_builder *b, struct addr rtr)
{
	struct lisp_locator l = {.priority = REGISTER_RTR_PRIORITY,
				 .weight = REGISTER_RTR_WEIGHT,
				 .m_priority = MAP_PRIORITY_NEVER,
				 .reachable = true,
				 .rloc = lisp_rloc_make(rtr)};

	lisp_put_locator(b, &l);
}

static void
put_own(const struct xtr *x, struct lisp_builder *b, const struct own *own, struct addr rtr)
{
	struct lisp_record record = {.ttl = own->leaving ? 0 : x->conf.ttl_min,
				     .eid = xtr_eid(x, own->vn, own->prefix),
				     .authoritative = true,
				     .map_version = own->version};

	lisp_put_record(b, &record);
	if (!own->leaving && !addr_is_none(rtr))
		put_rtr(b, rtr);
	else if (!own->leaving)
		xtr_put_own_rlocs(x, b, (struct addr){.family = ADDR_NONE});
}

/* Of a registration at a server, since its last acknowledgement. */
static us_t
lifetime(const struct xtr *x)
{
	return INTERVALS_MAX * x->conf.register_interval;
}

static bool
is_due(const struct own *own, size_t server, us_t now)
{
	const struct own_at *at = &own->servers[server];

	return at->due <= (at->in_force && at->tries == 0 ? now + COMPANY : now);
}

/* One Map-Register with as many rows as fit, from '*position' on, which moves on; false when no row was due any more. */
static bool
register_some(struct xtr *x, size_t server, size_t *position, us_t now)
{
	const struct xtr_server *s = &x->conf.servers[server];
	size_t room = RECORD_ROOM + LOCATOR_ROOM * x->conf.rloc_count;
	struct addr rtr = traverse_rtr(x, server);
	bool relayed = !addr_is_none(rtr);
	struct lisp_msg msg = {.type = LISP_MAP_REGISTER,
			       .nonce = x->nonce + 1,
			       .auth = lisp_auth_header(&s->key),
			       .has_xtr_id = s->with_ids || relayed,
			       .xtr_id = x->conf.ids,
			       .reg = {.proxy_reply = s->proxy_reply || relayed,
				       .want_notify = true,
				       .merge = s->merge}};
	uint8_t buffer[LISP_ECM_SIZE_MAX + LISP_SIZE_MAX], *data = buffer + LISP_ECM_SIZE_MAX;
	struct lisp_builder b;
	struct own *own;
	int size;

	lisp_begin(&b, data, LISP_SIZE_MAX, &msg);
	while (b.records < 255 && b.w.used + room < LISP_SIZE_MAX - sizeof(x->conf.ids) &&
	       (own = own_next(x, position)) != NULL) {
		struct own_at *at = &own->servers[server];

		if (!is_due(own, server, now))
			continue;
		put_own(x, &b, own, rtr);
		at->before = at->nonce;
		at->nonce = msg.nonce;
		at->sent++;
		at->due = now + retry_after(x, server, at->tries++);
	}
	if (b.records == 0)
		return false;
	x->nonce++;
	size = lisp_end(&b);
	if (size > 0 && lisp_auth_sign(x->io, x->io_ctx, &s->key, &msg, data, (size_t)size) != 0)
		size = -EINVAL;
	if (relayed && size > 0)
		traverse_send(x, server, buffer, (size_t)size, now);
	else
		xtr_send(x, &s->to, data, size);
	xtr_counted(x, XTR_REGISTERS);
	x->io->persist(x->io_ctx);
	return true;
}

/* ---- answers ---- */

static bool
in_force_everywhere(const struct xtr *x, const struct own *own)
{
	for (size_t i = 0; i < x->conf.server_count; i++)
		if (!own->servers[i].in_force || own->servers[i].tries > 0)
			return false;
	return true;
}

static void
acknowledged(struct xtr *x, struct own *own, size_t server, us_t now)
{
	struct own_at *at = &own->servers[server];
	/* Spread over the last tenth, so that not all come at once for ever. */
	us_t interval = interval_of(x, server), spread = interval / 10;
	us_t early = spread > 0 ? (us_t)(xtr_random(x) % (uint64_t)spread) : 0;

	at->nonce = at->before = 0;
	at->tries = 0;
	at->due = now + interval - early;
	at->renewed = now;
	at->acknowledged++;
	if (!at->in_force)
		at->since = now;
	at->in_force = true;
	own_due_by(x, at->due);
	if (own->leaving || own->announced || !in_force_everywhere(x, own))
		return;
	own->announced = true;
	x->ops->in_force(x->ctx, own->vn, own->prefix, now);
}

bool
registrar_notify(struct xtr *x, size_t server, uint64_t nonce, us_t now)
{
	size_t position = 0;
	struct own *own;
	bool any = false;

	while ((own = own_next(x, &position)) != NULL) {
		struct own_at *at = &own->servers[server];
		bool gone = own->leaving;

		if (nonce == 0 || (at->nonce != nonce && at->before != nonce))
			continue;
		any = true;
		acknowledged(x, own, server, now);
		for (size_t i = 0; gone && i < x->conf.server_count; i++)
			gone = own->servers[i].nonce == 0;
		if (gone)
			own_free(x, own);
	}
	return any;
}

void
registrar_doubt(struct xtr *x, size_t server, struct own *own, us_t now)
{
	struct own_at *at = &own->servers[server];

	if (at->tries > 0 || (at->doubted > 0 && now < at->doubted + DOUBT_PACE))
		return;
	at->doubted = now;
	at->due = now;
	own_due_by(x, now);
}

/* ---- time ---- */

/* What is past its time at a server, and what is given up. */
static void
own_aged(struct xtr *x, struct own *own, us_t now)
{
	bool gone = own->leaving;

	for (size_t i = 0; i < x->conf.server_count; i++) {
		struct own_at *at = &own->servers[i];

		if (at->in_force && now - at->renewed > lifetime(x)) {
			at->in_force = false;
			at->since = 0;
		}
		gone = gone && (at->nonce == 0 ? at->tries == 0 && at->due > now
					       : at->tries >= LEAVE_TRIES && at->due <= now);
	}
	if (gone)
		own_free(x, own);
}

us_t
registrar_run(struct xtr *x, us_t now)
{
	size_t position = 0;
	struct own *own;

	if (now < x->own_due)
		return x->own_due;
	x->own_due = US_NEVER;
	while ((own = own_next(x, &position)) != NULL)
		own_aged(x, own, now);
	for (size_t i = 0; i < x->conf.server_count; i++) {
		position = 0;
		while (traverse_is_settled(x, i) && register_some(x, i, &position, now))
			;
	}
	position = 0;
	while ((own = own_next(x, &position)) != NULL)
		for (size_t i = 0; i < x->conf.server_count; i++)
			if (traverse_is_settled(x, i))
				own_due_by(x, own->servers[i].due);
	return x->own_due;
}

bool
xtr_registration_next(const struct xtr *x, size_t *position, struct xtr_registration *out)
{
	size_t servers = x->conf.server_count, row;
	const struct own_at *at;
	const struct own *own;

	if (servers == 0)
		return false;
	row = *position / servers;
	own = own_next(x, &row);
	if (own == NULL)
		return false;
	/* A row that was skipped is left behind whole. */
	if (row - 1 > *position / servers)
		*position = (row - 1) * servers;
	at = &own->servers[*position % servers];
	*out = (struct xtr_registration){.vn = own->vn,
					 .prefix = own->prefix,
					 .server = x->conf.servers[*position % servers].to.addr,
					 .rtr = traverse_rtr(x, *position % servers),
					 .in_force = at->in_force,
					 .since = at->since,
					 .renewed = at->renewed,
					 .due = at->due,
					 .expires = at->in_force ? at->renewed + lifetime(x) : 0,
					 .sent = at->sent,
					 .acknowledged = at->acknowledged,
					 .tries = at->tries};
	++*position;
	return true;
}
