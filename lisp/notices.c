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

/* The own mobile EID that the record gives to another site, whose locators are put into 'rlocs'; NULL: it does not. */
static struct own *
displaced_own(const struct xtr *x, const struct lisp_record *record, struct addr *rlocs,
	      size_t *count)
{
	struct own *own;
	bool ours;

	if (record->eid.kind != LISP_EID_IP ||
	    record->eid.prefix.len != addr_size(record->eid.prefix.addr.family) * 8)
		return NULL;
	own = lpm_find_exact(&x->own_lpm, record->eid.vn, record->eid.prefix);
	if (own == NULL || own->leaving)
		return NULL;
	*count = push_foreign(x, record, rlocs, &ours);
	return *count == 0 || ours ? NULL : own;
}

/* Our refresh of a mobile EID is answered with another site's locators: it has moved there. */
static void
displaced(struct xtr *x, const struct lisp_record *record, us_t now)
{
	struct addr rlocs[XTR_RLOCS_MAX];
	size_t count;
	struct own *own = displaced_own(x, record, rlocs, &count);

	if (own == NULL)
		return;
	for (size_t i = 0; i < x->conf.server_count; i++)
		own->servers[i].in_force = false;
	(void)push_departed(x, record, rlocs, count, now);
}

/* The same is said unasked, as a map-server does at once.  Its nonce is of its own choice, so that it may be an old one, said again
 * by somebody else: a refresh finds out.  False: it is about something else. */
static bool
is_doubted(struct xtr *x, size_t server, const struct lisp_record *record, us_t now)
{
	struct addr rlocs[XTR_RLOCS_MAX];
	size_t count;
	struct own *own = displaced_own(x, record, rlocs, &count);

	if (own != NULL)
		registrar_doubt(x, server, own, now);
	return own != NULL;
}

/* ---- publications ---- */

uint64_t
notices_last(const struct xtr *x, vn_id_t vn, struct prefix prefix)
{
	const struct mapping *m = mapcache_find_exact(x->cache, vn, prefix);
	uint64_t nonce = gone_nonce(&x->gone, vn, prefix);

	return m != NULL && m->notice > nonce ? m->notice : nonce;
}

/* Forgets the longest known.  What was published before stays old: of the prefix and all inside, as it cannot be told
 * apart any more. */
static void
forget_gone(struct xtr *x)
{
	struct mapping *m;
	struct gone_row row;

	if (!gone_take(&x->gone, &row))
		return;
	for (;;) {
		m = mapcache_find_around(x->cache, row.vn, row.prefix);
		if (m == NULL)
			return;
		if (m->floor > 0 && m->floor < row.nonce)
			m->floor = row.nonce;
		if (m->prefix.len == 0)
			return;
		row.prefix = prefix_make(m->prefix.addr, (uint8_t)(m->prefix.len - 1));
	}
}

void
notices_gone(struct xtr *x, vn_id_t vn, struct prefix prefix, uint64_t nonce, us_t now)
{
	if (nonce == 0)
		return;
	if (gone_is_full(&x->gone) && gone_nonce(&x->gone, vn, prefix) == 0)
		forget_gone(x);
	gone_put(&x->gone, vn, prefix, nonce, now);
}

us_t
notices_run(struct xtr *x, us_t now)
{
	while (gone_since(&x->gone) <= now - GONE_TIME)
		forget_gone(x);
	return gone_since(&x->gone) == US_NEVER ? US_NEVER : gone_since(&x->gone) + GONE_TIME;
}

/* What a Map-Notify that answers no question says of one EID: its nonce must be greater than the last about it, or, when
 * none is known, than what the subscription around it began with.  True when it was taken;
 * '*unheard' is set when it must
 * not be acknowledged. */
static bool
take_news(struct xtr *x, const struct lisp_record *record, uint64_t nonce, bool *unheard, us_t now)
{
	vn_id_t vn = record->eid.vn;
	struct prefix prefix = record->eid.prefix;
	const struct mapping *around = mapcache_find_around(x->cache, vn, prefix);
	uint64_t last;

	if (around == NULL || around->floor == 0) {
		xtr_counted(x, XTR_NOTIFY_UNKNOWN);
		return false;
	}
	last = notices_last(x, vn, prefix);
	/* The map-server heard no acknowledgement, and says so with the nonce of what it told last. */
	if (record->action == LISP_DROP_AUTH && record->locator_count == 0 && nonce >= last) {
		xtr_counted(x, XTR_SUBSCRIPTIONS_LOST);
		asks_renew(x, vn, around->prefix, now);
		return false;
	}
	if (nonce <= (last > 0 ? last : around->floor)) {
		/* Of one that is known the acknowledgement was lost; of another one nothing is known. */
		*unheard = *unheard || last == 0;
		xtr_counted(x, XTR_REPLAYED);
		return false;
	}
	asks_take(x, record, MAP_PUBLISHED, nonce, NULL, now);
	return true;
}

/* The answer to a question, or news; false when it must not be acknowledged. */
static bool
take_publication(struct xtr *x, size_t server, const struct lisp_msg *msg, struct ask *ask,
		 us_t now)
{
	bool any = false, unheard = false, stays = false;
	struct rd records = msg->records;
	struct lisp_record record;

	if (ask != NULL)
		stays = asks_doubt(x, ask, records, msg->nonce, now);
	while (lisp_record_next(&records, &record)) {
		if (record.eid.kind != LISP_EID_IP) {
			xtr_counted(x, XTR_EID_KIND);
			continue;
		}
		if (ask == NULL) {
			if (is_doubted(x, server, &record, now))
				continue;
			any |= take_news(x, &record, msg->nonce, &unheard, now);
			continue;
		}
		any = true;
		if (!stays || !prefix_equal(record.eid.prefix, ask->prefix))
			asks_take(x, &record, MAP_PUBLISHED, msg->nonce, ask, now);
	}
	if (any)
		xtr_counted(x, XTR_PUBLICATIONS);
	if (any && ask != NULL)
		asks_done(x, ask);
	return any || !unheard;
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
		traverse_answered(x, server, now);
		while (lisp_record_next(&records, &record))
			displaced(x, &record, now);
		/* RFC 9301 section 5.7: an acknowledgement is for what nobody asked for. */
		if (!x->conf.servers[server].acknowledge_all)
			return;
	} else if (!take_publication(x, server, msg, asks_find(x, msg->nonce), now)) {
		return;
	}
	acknowledge(x, server, from, msg);
}
