/* A site behind a NAT (draft-ermagan-lisp-nat-traversal, section 5.1).
 *
 * Each map-server is asked by an Info-Request how it sees us.  Where it sees another address or
 * port
 * than ours there is a NAT: own EIDs are registered through an RTR of its list, from the data port,
 * so that the NAT lets in what the RTR sends there, and often enough that it goes on doing so. When
 * an RTR brings no answer the next one is tried.  Questions are repeated: the site may have moved.
 */
#include <errno.h>

#include "lisp/auth.h"
#include "lisp/xtr_priv.h"

/* A question that is not answered is repeated after half a second, one, two ..., at most this. */
#define RETRY_FIRST (US_S / 2)
#define RETRY_MOST  (30 * US_S)
/* After so many a map-server is taken for one that does not answer them. */
#define TRIES_SILENT 3
/* An answer is asked for anew before its time is over, and at most so much later. */
#define AGAIN_MOST  (300 * US_S)
#define AGAIN_LEAST (10 * US_S)
/* Without an own EID there is nothing to ask for, and nothing to register. */
#define IDLE US_S
/* So many Map-Registers in a row without an answer, and another RTR is tried. */
#define MISSED_MAX 3
/* The inner source port of Map-Registers: picked at random above this, says the draft. */
#define PORT_LEAST 49152

void
traverse_start(struct xtr *x)
{
	for (size_t i = 0; x->conf.nat && i < x->conf.server_count; i++)
		x->nat[i].state = XTR_NAT_ASKING;
	if (x->conf.nat && x->conf.server_count > 0)
		x->nat_due = 0;
}

bool
traverse_is_settled(const struct xtr *x, size_t server)
{
	const struct nat_at *at = &x->nat[server];

	return at->state != XTR_NAT_ASKING && (at->state != XTR_NAT_BEHIND || at->rtr_count > 0);
}

struct addr
traverse_rtr(const struct xtr *x, size_t server)
{
	const struct nat_at *at = &x->nat[server];

	return at->state == XTR_NAT_BEHIND && at->rtr_count > 0
		       ? at->rtrs[at->rtr]
		       : (struct addr){.family = ADDR_NONE};
}

struct xtr_nat
xtr_nat_at(const struct xtr *x, size_t server)
{
	return (struct xtr_nat){.state = x->nat[server].state,
				.seen = x->nat[server].seen,
				.rtr = traverse_rtr(x, server)};
}

/* The RTR of the first map-server that has been reached through one.  Where none is at the moment, the one before is better
 * than what mappings say: these cannot be asked for. */
static void
choose_way_out(struct xtr *x, us_t now)
{
	struct addr rtr = {.family = ADDR_NONE};
	bool is_behind = false;

	for (size_t i = 0; addr_is_none(rtr) && i < x->conf.server_count; i++) {
		is_behind = is_behind || x->nat[i].state == XTR_NAT_BEHIND;
		if (x->nat[i].in_use)
			rtr = traverse_rtr(x, i);
	}
	if (addr_equal(rtr, x->way_out) || (addr_is_none(rtr) && is_behind))
		return;
	x->way_out = rtr;
	x->ops->way_out(x->ctx, rtr, now);
}

static void
info_by(struct xtr *x, struct nat_at *at, us_t due)
{
	at->due = due;
	if (due < x->nat_due)
		x->nat_due = due;
}

/* ---- questions ---- */

static void
info_ask(struct xtr *x, size_t server, const struct lisp_eid *eid)
{
	const struct xtr_server *s = &x->conf.servers[server];
	struct nat_at *at = &x->nat[server];
	struct lisp_msg msg = {.type = LISP_INFO,
			       .nonce = xtr_random(x),
			       .auth = lisp_auth_header(&s->key),
			       .info = {.ttl = 0, .eid = *eid}};
	uint8_t data[256];
	struct lisp_builder b;
	int size;

	at->nonces[at->tries % NAT_NONCES] = msg.nonce;
	lisp_begin(&b, data, sizeof(data), &msg);
	size = lisp_end(&b);
	if (size > 0 && lisp_auth_sign(x->io, x->io_ctx, &s->key, &msg, data, (size_t)size) != 0)
		size = -EINVAL;
	xtr_send(x, &s->to, data, size);
	xtr_counted(x, XTR_INFOS);
}

static void
info_again(struct xtr *x, size_t server, us_t now)
{
	struct nat_at *at = &x->nat[server];
	us_t after = RETRY_FIRST << (at->tries < 16 ? at->tries : 16);
	struct prefix prefix;
	vn_id_t vn;
	struct lisp_eid eid;

	if (!registrar_any(x, &vn, &prefix)) {
		info_by(x, at, now + IDLE);
		return;
	}
	eid = xtr_eid(x, vn, prefix);
	info_ask(x, server, &eid);
	info_by(x, at, now + (after < RETRY_MOST ? after : RETRY_MOST));
	if (++at->tries <= TRIES_SILENT || at->state != XTR_NAT_ASKING)
		return;
	at->state = XTR_NAT_NONE;
	registrar_anew(x, server, now);
}

us_t
traverse_run(struct xtr *x, us_t now)
{
	if (now < x->nat_due)
		return x->nat_due;
	x->nat_due = US_NEVER;
	for (size_t i = 0; i < x->conf.server_count; i++) {
		if (x->nat[i].due <= now)
			info_again(x, i, now);
		else if (x->nat[i].due < x->nat_due)
			x->nat_due = x->nat[i].due;
	}
	return x->nat_due;
}

/* ---- answers ---- */

/* The RTRs that we have a locator for; the one in use stays, if it is among them. */
static void
take_rtrs(const struct xtr *x, struct nat_at *at, const struct lisp_nat *nat)
{
	struct addr used =
		at->rtr_count > 0 ? at->rtrs[at->rtr] : (struct addr){.family = ADDR_NONE};

	at->rtr_count = at->rtr = 0;
	for (unsigned i = 0; i < nat->rtr_count; i++) {
		if (addr_is_none(nat->rtrs[i]) || addr_is_multicast(nat->rtrs[i]) ||
		    addr_is_none(xtr_own_rloc(x, nat->rtrs[i].family)))
			continue;
		if (addr_equal(nat->rtrs[i], used))
			at->rtr = at->rtr_count;
		at->rtrs[at->rtr_count++] = nat->rtrs[i];
	}
}

static void
info_take(struct xtr *x, size_t server, const struct lisp_nat *nat, us_t now)
{
	struct nat_at *at = &x->nat[server];
	uint8_t family = x->conf.servers[server].to.addr.family;
	struct endpoint own = {xtr_own_rloc(x, family), x->conf.port};
	struct addr before = traverse_rtr(x, server);
	uint8_t state = at->state;

	at->seen = (struct endpoint){nat->global, nat->etr_port};
	at->state = endpoint_equal(at->seen, own) ? XTR_NAT_NONE : XTR_NAT_BEHIND;
	take_rtrs(x, at, nat);
	if (at->state == XTR_NAT_BEHIND && at->rtr_count == 0)
		xtr_counted(x, XTR_NO_RTR);
	if (at->state == state && addr_equal(traverse_rtr(x, server), before))
		return;
	at->in_use = false;
	at->missed = 0;
	registrar_anew(x, server, now);
	choose_way_out(x, now);
}

static bool
info_is_awaited(const struct nat_at *at, uint64_t nonce)
{
	bool found = false;

	for (size_t i = 0; i < NAT_NONCES; i++)
		found = found || (nonce != 0 && at->nonces[i] == nonce);
	return found;
}

void
traverse_info(struct xtr *x, const struct endpoint *from, const struct lisp_msg *msg,
	      const uint8_t *data, size_t size, us_t now)
{
	us_t again = (us_t)msg->info.ttl * 30 * US_S;
	struct nat_at *at;
	size_t i = 0;

	while (i < x->conf.server_count && !(addr_equal(x->conf.servers[i].to.addr, from->addr) &&
					     info_is_awaited(&x->nat[i], msg->nonce)))
		i++;
	if (i == x->conf.server_count) {
		xtr_counted(x, XTR_INFO_UNKNOWN);
		return;
	}
	if (lisp_auth_verify(x->io, x->io_ctx, &x->conf.servers[i].key, msg, data, size) != 0) {
		xtr_counted(x, XTR_AUTH_FAILED);
		return;
	}
	at = &x->nat[i];
	memset(at->nonces, 0, sizeof(at->nonces));
	at->tries = 0;
	xtr_counted(x, XTR_INFOS_ANSWERED);
	info_take(x, i, &msg->info.nat.nat, now);
	again = again < AGAIN_LEAST ? AGAIN_LEAST : again;
	info_by(x, at, now + (again < AGAIN_MOST ? again : AGAIN_MOST));
}

/* ---- through the RTR ---- */

/* The next one, if there is one; whether we are still behind the NAT is asked in any case. */
static void
give_up_rtr(struct xtr *x, size_t server, us_t now)
{
	struct nat_at *at = &x->nat[server];

	at->missed = 0;
	if (at->rtr_count > 1) {
		xtr_counted(x, XTR_RTR_CHANGES);
		at->in_use = false;
		at->rtr = (uint8_t)((at->rtr + 1) % at->rtr_count);
		registrar_anew(x, server, now);
	}
	choose_way_out(x, now);
	at->tries = 0;
	info_by(x, at, now);
}

void
traverse_send(struct xtr *x, size_t server, uint8_t *buffer, size_t size, us_t now)
{
	const struct xtr_server *s = &x->conf.servers[server];
	struct nat_at *at = &x->nat[server];
	struct endpoint rtr = {traverse_rtr(x, server), x->conf.port};
	uint16_t port = (uint16_t)(PORT_LEAST + xtr_random(x) % (UINT16_MAX + 1u - PORT_LEAST));
	struct lisp_ecm ecm = {.to_etr = true, /* R */
			       .src = {xtr_own_rloc(x, s->to.addr.family), port},
			       .dst = s->to,
			       .size = size};
	size_t head = lisp_ecm_size(s->to.addr.family);
	uint8_t *data = buffer + LISP_ECM_SIZE_MAX - head;
	int whole = lisp_ecm_build(&ecm, data, head + size);

	if (whole < 0 || x->io->send_data(x->io_ctx, &rtr, data, (size_t)whole) != 0)
		xtr_counted(x, XTR_SEND_FAILED);
	/* Several that leave together count as one. */
	if (at->sent != now && ++at->missed > MISSED_MAX)
		give_up_rtr(x, server, now);
	at->sent = now;
}

void
traverse_answered(struct xtr *x, size_t server, us_t now)
{
	struct nat_at *at = &x->nat[server];

	at->missed = 0;
	if (at->state != XTR_NAT_BEHIND || at->rtr_count == 0 || at->in_use)
		return;
	at->in_use = true;
	choose_way_out(x, now);
}
