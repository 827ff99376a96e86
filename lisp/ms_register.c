/* Map-Registers: authentication, nonce, every prefix; only then anything is changed. */
#include <errno.h>

#include "lisp/auth.h"
#include "lisp/mobility.h"
#include "lisp/ms_priv.h"
#include "wire/lisp_copy.h"

#define RECORDS_MAX 255

/* A Map-Register whose sender is known. */
struct incoming {
	const struct lisp_msg *msg;
	const struct endpoint *from;
	struct addr behind; /* see struct ms_way */
	const struct lisp_key *auth;
	uint32_t site, etr;
	uint8_t displaced[RECORDS_MAX / 8 + 1]; /* a bit for each record that is refused for it */
	bool any_displaced, incomplete;
};

/* --- what it says ----------------------------------------------------------------------------- */

static bool
first_eid(const struct lisp_msg *msg, struct eid_key *key, enum ms_count *refusal)
{
	struct rd records = msg->records;
	struct lisp_record record;

	*refusal = MS_NO_RECORD;
	if (!lisp_record_next(&records, &record))
		return false;
	*refusal = MS_EID_KIND;
	return eid_key_from(&record.eid, key);
}

/* May all of it be taken?  MS_COUNT_END: yes. */
static enum ms_count
check_records(const struct ms *ms, const struct incoming *in)
{
	const struct ms_site *site = ms->slots[in->site].conf;
	struct rd records = in->msg->records;
	struct lisp_record record;
	uint32_t fresh = 0;

	while (lisp_record_next(&records, &record)) {
		struct eid_key key;
		uint32_t there;

		if (!eid_key_from(&record.eid, &key))
			return MS_EID_KIND;
		if (!ms_may_register(ms, in->site, &key))
			return MS_PREFIX_REFUSED;
		if (record.locator_count > SETS_LOCATORS_MAX)
			return MS_LOCATORS;
		if (site->max_eids == 0 || record.ttl == 0)
			continue;
		there = registry_find(ms->registry, &key);
		fresh += there == 0 || registry_at(ms->registry, there)->site != in->site;
	}
	if (site->max_eids != 0 && fresh > 0 &&
	    registry_site_count(ms->registry, in->site) + fresh > site->max_eids)
		return MS_EIDS_FULL;
	return MS_COUNT_END;
}

/* Another site registers a mobile EID.  False: it was displaced, and this is only a refresh. */
static bool
take_over(struct ms *ms, const struct incoming *in, const struct eid_key *key,
	  const struct lisp_record *record, const struct registration *now_there, us_t now)
{
	const struct displaced_row *row = displaced_find(&ms->displaced, key, in->site);
	us_t interval = (us_t)ms->conf.register_interval_s * US_S;

	if (row != NULL && now - row->heard < interval &&
	    !lisp_version_newer(record->map_version, now_there->map_version)) {
		displaced_put(&ms->displaced, key, in->site, now);
		return false;
	}
	displaced_remove(&ms->displaced, key, in->site);
	displaced_put(&ms->displaced, key, now_there->site, now);
	ms_count(ms, MS_MOVES);
	return true;
}

static uint32_t
lifetime_of(const struct ms *ms, const struct lisp_msg *msg, const struct lisp_record *record)
{
	uint64_t wanted = (uint64_t)record->ttl * 60;

	if (!msg->reg.use_ttl)
		return ms->conf.lifetime_s;
	return wanted < ms->conf.lifetime_max_s ? (uint32_t)wanted : ms->conf.lifetime_max_s;
}

static void
withdraw(struct ms *ms, const struct incoming *in, const struct eid_key *key, uint32_t number,
	 us_t now)
{
	if (number == 0 || registry_at(ms->registry, number)->site != in->site)
		return;
	ms_count(ms, MS_WITHDRAWN);
	if (registry_leave(ms->registry, number, in->etr))
		registry_remove(ms->registry, number);
	pubsub_changed(ms->pubsub, key, now);
}

static int
put(struct ms *ms, const struct incoming *in, const struct eid_key *key,
    const struct lisp_record *record, us_t now)
{
	const struct lisp_msg *msg = in->msg;
	struct registry_news news = {
		.etr = in->etr,
		.site = (uint16_t)in->site,
		.ttl = record->ttl,
		.lifetime = lifetime_of(ms, msg, record),
		.map_version = record->map_version,
		.proxy = msg->reg.proxy_reply || ms->slots[in->site].conf->always_proxy,
		.plain_zero = !record->eid.has_vn,
		.merge = msg->reg.merge,
	};
	enum registry_change change;
	uint32_t number;
	/* The own address of who is behind a NAT leads nobody there, even if it names it, as xTRs of
	 * early drafts do. */
	int err = sets_get(registry_sets(ms->registry), record, in->behind, &news.set);

	if (err != 0)
		return err;
	err = registry_put(ms->registry, key, &news, mapserver_seconds(ms, now), &number, &change);
	sets_drop_ref(registry_sets(ms->registry), news.set);
	if (err == 0 && change != REGISTRY_SAME)
		pubsub_changed(ms->pubsub, key, now);
	return err;
}

static void
take_record(struct ms *ms, struct incoming *in, unsigned position, const struct lisp_record *record,
	    us_t now)
{
	struct eid_key key;
	uint32_t number, loser = 0;
	const struct registration *there;

	if (!eid_key_from(&record->eid, &key))
		return;
	number = registry_find(ms->registry, &key);
	there = registry_at(ms->registry, number);
	if (record->ttl == 0) {
		withdraw(ms, in, &key, number, now);
		return;
	}
	if (number != 0 && there->site != in->site && ms_is_mobile(ms, &key)) {
		if (!take_over(ms, in, &key, record, there, now)) {
			in->displaced[position / 8] |= (uint8_t)(1u << position % 8);
			in->any_displaced = true;
			ms_count(ms, MS_DISPLACED);
			return;
		}
		loser = there->etr;
		nonces_pin(ms->nonces, loser);
	}
	if (put(ms, in, &key, record, now) != 0) {
		in->incomplete = true;
		ms_count(ms, MS_EIDS_FULL);
	} else if (loser != 0) {
		pubsub_tell_etr(ms->pubsub, loser, &key, now);
	}
	if (loser != 0)
		nonces_unpin(ms->nonces, loser);
}

/* --- the answer ------------------------------------------------------------------------------- */

void
ms_put_registration(const struct ms *ms, struct lisp_builder *b, uint32_t number,
		    const struct eid_key *as, bool plain_zero)
{
	const struct registration *there = registry_at(ms->registry, number);
	struct lisp_record record = {
		.ttl = there->ttl,
		.eid = eid_key_eid(as, plain_zero),
		.map_version = there->map_version,
	};

	lisp_put_record(b, &record);
	lisp_put_locators(b, there->set->count, there->set->bytes, there->set->size);
}

void
ms_send_notify(struct ms *ms, struct lisp_builder *b, const struct lisp_key *key,
	       const struct ms_way *way)
{
	uint8_t *data = b->w.data;
	int size = lisp_end(b), err = size < 0 ? size : 0;

	if (err == 0)
		err = lisp_auth_sign(ms->io, ms->ctx, key, b->msg, data, (size_t)size);
	if (err == 0 && addr_is_none(way->behind))
		err = ms->io->send(ms->ctx, &way->to, data, (size_t)size);
	else if (err == 0)
		err = ms_send_behind(ms, way, b->msg->nonce, data, (size_t)size);
	if (err != 0)
		ms_count(ms, MS_SEND_FAILED);
}

static bool
is_displaced(const struct incoming *in, unsigned position)
{
	return (in->displaced[position / 8] >> position % 8 & 1) != 0;
}

/* The records as they came; where another site has the EID now, what that one registered.  Who did
 * not ask for a Map-Notify gets only the latter. */
static void
put_records(const struct ms *ms, const struct incoming *in, struct lisp_builder *b)
{
	struct rd records = in->msg->records;
	struct lisp_record record;

	for (unsigned i = 0;; i++) {
		const uint8_t *start = records.data;
		struct eid_key key;
		uint32_t number;

		if (!lisp_record_next(&records, &record))
			break;
		if (!is_displaced(in, i)) {
			if (in->msg->reg.want_notify)
				lisp_put_encoded(b, start, (size_t)(records.data - start));
		} else if (eid_key_from(&record.eid, &key)) {
			number = registry_find(ms->registry, &key);
			if (number != 0)
				ms_put_registration(ms, b, number, &key, !record.eid.has_vn);
		}
	}
}

/* With xTR-ID and I bit exactly when the Map-Register had them. */
static void
acknowledge(struct ms *ms, const struct incoming *in)
{
	uint8_t data[MS_SIZE_MAX + 512];
	struct lisp_msg notify = {.type = LISP_MAP_NOTIFY,
				  .nonce = in->msg->nonce,
				  .auth = lisp_auth_header(in->auth),
				  .has_xtr_id = in->msg->has_xtr_id,
				  .xtr_id = in->msg->xtr_id};
	struct ms_way way = {.to = *in->from, .behind = in->behind};
	struct lisp_builder b;

	notify.notify.id_bit = in->msg->has_xtr_id;
	if (!ms->slots[in->site].conf->notify_to_source)
		way.to.port = LISP_CONTROL_PORT;
	lisp_begin(&b, data, sizeof(data), &notify);
	put_records(ms, in, &b);
	ms_count(ms, MS_NOTIFIES);
	ms_send_notify(ms, &b, in->auth, &way);
}

void
ms_register(struct ms *ms, const struct endpoint *from, struct addr behind,
	    const struct lisp_msg *msg, const uint8_t *data, size_t size, us_t now)
{
	struct incoming in = {.msg = msg, .from = from, .behind = behind};
	struct rd records = msg->records;
	struct lisp_record record;
	struct eid_key first;
	enum ms_count refusal;
	int err;

	if (!first_eid(msg, &first, &refusal)) {
		ms_count(ms, refusal);
		return;
	}
	err = ms_authenticate(ms, msg, data, size, &first, now, &in.site, &in.auth);
	if (err == 0)
		err = nonces_heard(ms->nonces, in.site, msg, from,
				   !ms->slots[in.site].conf->any_nonce, &in.etr);
	refusal = err != 0 ? ms_refusal_of(err) : check_records(ms, &in);
	if (refusal != MS_COUNT_END) {
		ms_count(ms, refusal);
		return;
	}
	nonces_way(ms->nonces, in.etr, behind);
	ms_count(ms, MS_REGISTERS);
	if (!addr_is_none(behind))
		ms_count(ms, MS_RELAYED);
	/* Nothing may take its row away meanwhile. */
	nonces_pin(ms->nonces, in.etr);
	for (unsigned i = 0; lisp_record_next(&records, &record); i++)
		take_record(ms, &in, i, &record, now);
	nonces_unpin(ms->nonces, in.etr);
	if ((msg->reg.want_notify && !in.incomplete) || in.any_displaced)
		acknowledge(ms, &in);
}
