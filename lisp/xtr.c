/* An xTR: its life, and which part a message is for. */
#include "lisp/xtr.h"

#include <errno.h>

#include "lisp/xtr_priv.h"

/* SMRs to one locator, per second and at once (RFC 9301 section 6.1 wants a limit): a hypervisor that is emptied moves many
 * machines at a time.  Who missed one is told again when it goes on sending to the old site. */
#define SMR_RATE    500
#define SMR_BURST   1000
#define REPLY_BURST 100

int
xtr_create(const struct xtr_conf *conf, const struct lisp_io *io, void *io_ctx,
	   const struct xtr_ops *ops, void *ctx, struct mapcache *cache, const struct hash_key *key,
	   uint64_t nonce, struct xtr **out)
{
	struct xtr *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return -ENOMEM;
	x->conf = *conf;
	if (conf->port == 0)
		x->conf.port = LISP_CONTROL_PORT;
	x->io = io;
	x->io_ctx = io_ctx;
	x->ops = ops;
	x->ctx = ctx;
	x->cache = cache;
	x->key = *key;
	x->nonce = x->ask_clock = nonce;
	x->asks_due = x->own_due = x->probes_due = x->nat_due = US_NEVER;
	traverse_start(x);
	x->askers = askers_create(key);
	x->push_order = push_order_create(key);
	if (x->askers == NULL || x->push_order == NULL || registrar_create(x) != 0 ||
	    gone_init(&x->gone, GONE_MAX, key) != 0 ||
	    limiter_init(&x->replies, conf->reply_rate, REPLY_BURST, key) != 0 ||
	    limiter_init(&x->smrs, SMR_RATE, SMR_BURST, key) != 0) {
		xtr_destroy(x);
		return -ENOMEM;
	}
	*out = x;
	return 0;
}

void
xtr_destroy(struct xtr *x)
{
	if (x == NULL)
		return;
	registrar_destroy(x);
	askers_destroy(x->askers);
	gone_fini(&x->gone);
	limiter_fini(&x->replies);
	limiter_fini(&x->smrs);
	push_order_destroy(x->push_order);
	free(x);
}

void
xtr_server_key(struct xtr *x, size_t server, const struct lisp_key *key)
{
	x->conf.servers[server].key = *key;
}

void
xtr_push_key(struct xtr *x, const struct lisp_key *key)
{
	x->conf.push_key = *key;
}

/* ---- shared by the parts ---- */

void
xtr_counted(struct xtr *x, enum xtr_count count)
{
	x->counts[count]++;
}

uint64_t
xtr_count_of(const struct xtr *x, enum xtr_count count)
{
	return x->counts[count];
}

uint64_t
xtr_nonce(const struct xtr *x)
{
	return x->nonce;
}

void
xtr_send(struct xtr *x, const struct endpoint *to, const uint8_t *data, int size)
{
	if (size < 0 || x->io->send(x->io_ctx, to, data, (size_t)size) != 0)
		xtr_counted(x, XTR_SEND_FAILED);
}

uint64_t
xtr_random(struct xtr *x)
{
	uint64_t value = 0;

	/* Without chance a nonce would be as good as told: 0 is never used. */
	if (x->io->random(x->io_ctx, &value, sizeof(value)) != 0)
		return 0;
	return value | 1;
}

struct lisp_eid
xtr_eid(const struct xtr *x, vn_id_t vn, struct prefix prefix)
{
	return lisp_eid_make(vn, prefix, x->conf.plain_zero);
}

struct addr
xtr_own_rloc(const struct xtr *x, uint8_t family)
{
	for (size_t i = 0; i < x->conf.rloc_count; i++)
		if (x->conf.rlocs[i].addr.family == family)
			return x->conf.rlocs[i].addr;
	return (struct addr){.family = ADDR_NONE};
}

void
xtr_put_own_rlocs(const struct xtr *x, struct lisp_builder *b, struct addr probed)
{
	for (size_t i = 0; i < x->conf.rloc_count; i++) {
		const struct xtr_rloc *own = &x->conf.rlocs[i];
		struct lisp_locator l = {.priority = own->priority,
					 .weight = own->weight,
					 .m_priority = MAP_PRIORITY_NEVER,
					 .local = true,
					 .reachable = true,
					 .probed = addr_equal(own->addr, probed),
					 .rloc = lisp_rloc_make(own->addr)};

		lisp_put_locator(b, &l);
	}
}

void
xtr_put_place(const struct xtr *x, struct lisp_builder *b, const struct xtr_place *place,
	      struct addr probed)
{
	if (place->is_here)
		xtr_put_own_rlocs(x, b, probed);
	for (size_t i = 0; !place->is_here && i < place->rloc_count; i++) {
		struct lisp_locator l = {.priority = 1,
					 .weight = 100,
					 .m_priority = MAP_PRIORITY_NEVER,
					 .reachable = true,
					 .rloc = lisp_rloc_make(place->rlocs[i])};

		lisp_put_locator(b, &l);
	}
}

void
xtr_put_itrs(const struct xtr *x, struct lisp_builder *b)
{
	for (size_t i = 0; i < x->conf.rloc_count; i++) {
		struct lisp_rloc rloc = lisp_rloc_make(x->conf.rlocs[i].addr);

		lisp_put_itr(b, &rloc);
	}
}

/* ---- messages ---- */

static bool
message_heard(struct xtr *x, const struct endpoint *from, const struct lisp_ecm *ecm,
	      const uint8_t *data, size_t size, us_t now)
{
	struct lisp_msg msg;
	int rc = lisp_parse(data, size, &x->conf.dialect, &msg);

	if (rc != 0) {
		xtr_counted(x, rc == -EPROTONOSUPPORT ? XTR_UNSUPPORTED : XTR_MALFORMED);
		return true;
	}
	switch (msg.type) {
	case LISP_MAP_REQUEST:
		answers_request(x, from, ecm, &msg, now);
		return true;
	case LISP_MAP_REPLY:
		if (msg.reply.probe)
			probes_reply(x, from, &msg, now);
		else
			asks_reply(x, &msg, now);
		return true;
	case LISP_MAP_NOTIFY:
		notices_heard(x, from, &msg, data, size, now);
		return true;
	case LISP_INFO:
		if (!x->conf.nat || !msg.info.is_reply)
			return false;
		traverse_info(x, from, &msg, data, size, now);
		return true;
	case LISP_SHARED:
		push_heard(x, &msg, data, size, now);
		return true;
	default:
		return false;
	}
}

bool
xtr_heard(struct xtr *x, const struct endpoint *from, const uint8_t *data, size_t size, us_t now)
{
	struct lisp_ecm ecm;
	int rc;

	if (size == 0 || data[0] >> 4 != LISP_ECM)
		return message_heard(x, from, NULL, data, size, now);
	rc = lisp_ecm_parse(data, size, &ecm);
	/* With authentication data one is for an RTR. */
	if (rc == 0 && ecm.security)
		rc = -EPROTONOSUPPORT;
	if (rc != 0) {
		xtr_counted(x, rc == -EPROTONOSUPPORT ? XTR_UNSUPPORTED : XTR_MALFORMED);
		return true;
	}
	return message_heard(x, from, &ecm, ecm.message, ecm.size, now);
}

void
xtr_heard_inside(struct xtr *x, const uint8_t *packet, size_t size, us_t now)
{
	struct lisp_ecm inside;
	struct lisp_msg msg;

	if (!x->conf.nat || lisp_inside_parse(packet, size, &inside) != 0 ||
	    lisp_parse(inside.message, inside.size, &x->conf.dialect, &msg) != 0 ||
	    msg.type != LISP_MAP_NOTIFY || !msg.has_xtr_id ||
	    memcmp(msg.xtr_id.xtr, x->conf.ids.xtr, sizeof(msg.xtr_id.xtr)) != 0)
		xtr_counted(x, XTR_NOTIFY_INSIDE);
	else
		notices_heard(x, &inside.src, &msg, inside.message, inside.size, now);
}

/* Probes and SMRs are always an xTR's; of other questions those about what is behind it. */
static bool
wants_request(const struct xtr *x, const struct lisp_msg *msg)
{
	struct rd records = msg->records;
	struct lisp_asked asked;
	struct xtr_place place;

	if (msg->request.probe || msg->request.smr)
		return true;
	return lisp_asked_next(&records, &asked) && asked.eid.kind == LISP_EID_IP &&
	       x->ops->place(x->ctx, asked.eid.vn, asked.eid.prefix.addr, &place);
}

bool
xtr_wants(const struct xtr *x, const uint8_t *data, size_t size)
{
	struct lisp_ecm ecm;
	struct lisp_msg msg;

	if (size == 0)
		return false;
	/* A map-server that took what it sent to an ETR would send it again. */
	if (data[0] >> 4 == LISP_ECM)
		return lisp_ecm_parse(data, size, &ecm) == 0 && ecm.to_etr;
	return data[0] >> 4 == LISP_MAP_REQUEST &&
	       lisp_parse(data, size, &x->conf.dialect, &msg) == 0 && wants_request(x, &msg);
}

us_t
xtr_run(struct xtr *x, us_t now)
{
	us_t due = asks_run(x, now), other = traverse_run(x, now);

	if (other < due)
		due = other;
	other = registrar_run(x, now);
	if (other < due)
		due = other;
	other = notices_run(x, now);
	if (other < due)
		due = other;
	other = probes_run(x, now);
	return other < due ? other : due;
}
