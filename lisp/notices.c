/* Map-Notifies: acknowledgements of Map-Registers, news of EIDs that others took, publications (RFC 9437). */
#include <errno.h>

#include "lisp/auth.h"
#include "lisp/xtr_priv.h"

/* The map-server that the message is authentic from; the count of servers when it is from none. */
static size_t
server_of(struct xtr *x, const struct endpoint *from, const struct lisp_msg *msg,
	  const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < x->conf.server_count; i++) {
		const struct xtr_server *s = &x->conf.servers[i];

		if (addr_equal(s->to.addr, from->addr) &&
		    lisp_auth_verify(x->io, x->io_ctx, &s->key, msg, data, size) == 0)
			break;
	}
	return i;
}

/* The same message as a Map-Notify-Ack (RFC 9301 section 5.7). */
static void
acknowledge(struct xtr *x, size_t server, const struct endpoint *from, const struct lisp_msg *msg)
{
	const struct xtr_server *s = &x->conf.servers[server];
	struct lisp_msg ack = {.type = LISP_MAP_NOTIFY_ACK,
			       .nonce = msg->nonce,
			       .auth = lisp_auth_header(&s->key),
			       .has_xtr_id = msg->has_xtr_id,
			       .xtr_id = msg->xtr_id};
	struct rd records = msg->records;
	uint8_t data[LISP_SIZE_MAX + 512];
	struct lisp_record record;
	struct lisp_builder b;
	int size;

	lisp_begin(&b, data, sizeof(data), &ack);
	for (;;) {
		const uint8_t *bytes = records.data;

		if (!lisp_record_next(&records, &record))
			break;
		lisp_put_encoded(&b, bytes, (size_t)(records.data - bytes));
	}
	size = lisp_end(&b);
	if (size > 0 && lisp_auth_sign(x->io, x->io_ctx, &s->key, &ack, data, (size_t)size) != 0)
		size = -EINVAL;
	xtr_send(x, from, data, size);
}

/* Locators of a record that are not our own; '*own' says whether one of ours is there too. */
static size_t
foreign_locators(const struct xtr *x, const struct lisp_record *record,
		 struct addr out[XTR_RLOCS_MAX], bool *own)
{
	struct rd locators = record->locators;
	struct lisp_locator l;
	size_t count = 0;

	*own = false;
	while (lisp_locator_next(&locators, &l)) {
		bool ours = false;

		for (size_t i = 0; i < x->conf.rloc_count; i++)
			ours = ours || addr_equal(x->conf.rlocs[i].addr, l.rloc.addr);
		*own = *own || ours;
		if (!ours && !addr_is_none(l.rloc.addr) && l.priority != MAP_PRIORITY_NEVER &&
		    count < XTR_RLOCS_MAX)
			out[count++] = l.rloc.addr;
	}
	return count;
}

/* Our refresh of a mobile EID is answered with another site's locators: it has moved there. */
static void
displaced(struct xtr *x, const struct lisp_record *record, us_t now)
{
	struct addr rlocs[XTR_RLOCS_MAX];
	struct own *own;
	bool ours;
	size_t count;

	if (record->eid.kind != LISP_EID_IP ||
	    record->eid.prefix.len != addr_size(record->eid.prefix.addr.family) * 8)
		return;
	own = lpm_find_exact(&x->own_lpm, record->eid.vn, record->eid.prefix);
	if (own == NULL || own->leaving)
		return;
	count = foreign_locators(x, record, rlocs, &ours);
	if (count == 0 || ours)
		return;
	for (size_t i = 0; i < x->conf.server_count; i++)
		own->servers[i].in_force = false;
	(void)x->ops->departed(x->ctx, record->eid.vn, record->eid.prefix.addr, rlocs, count, now);
}

static void
take_publication(struct xtr *x, const struct lisp_msg *msg, struct ask *ask, us_t now)
{
	struct rd records = msg->records;
	struct lisp_record record;
	bool any = false;

	while (lisp_record_next(&records, &record)) {
		const struct mapping *m;

		if (record.eid.kind != LISP_EID_IP) {
			xtr_counted(x, XTR_EID_KIND);
			continue;
		}
		m = mapcache_find(x->cache, record.eid.vn, record.eid.prefix.addr);
		if (ask == NULL && (m == NULL || m->source != MAP_PUBLISHED)) {
			xtr_counted(x, XTR_NOTIFY_UNKNOWN);
			continue;
		}
		/* What answers a question of now is no repetition. */
		if (ask == NULL && prefix_equal(m->prefix, record.eid.prefix) &&
		    msg->nonce <= m->notice) {
			/* The acknowledgement of this one was lost. */
			xtr_counted(x, XTR_REPLAYED);
			continue;
		}
		asks_take(x, &record, MAP_PUBLISHED, msg->nonce, now);
		any = true;
	}
	if (any)
		xtr_counted(x, XTR_PUBLICATIONS);
	if (any && ask != NULL)
		asks_done(x, ask);
}

void
notices_heard(struct xtr *x, const struct endpoint *from, const struct lisp_msg *msg,
	      const uint8_t *data, size_t size, us_t now)
{
	size_t server = server_of(x, from, msg, data, size);
	struct rd records = msg->records;
	struct lisp_record record;

	if (server == x->conf.server_count) {
		xtr_counted(x, XTR_AUTH_FAILED);
		return;
	}
	if (registrar_notify(x, server, msg->nonce, now)) {
		xtr_counted(x, XTR_REGISTERED);
		while (lisp_record_next(&records, &record))
			displaced(x, &record, now);
	} else {
		take_publication(x, msg, asks_find(x, msg->nonce), now);
	}
	acknowledge(x, server, from, msg);
}
