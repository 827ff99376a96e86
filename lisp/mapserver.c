/* Making, feeding and asking a map-server. */
#include "lisp/mapserver.h"

#include <errno.h>

#include "lisp/ms_priv.h"
#include "wire/lisp_ecm.h"

/* So many registrations end in one call of mapserver_run(); the rest in the next, at once. */
#define BATCH 1024

/* Info-Replies to one address, per second and at once. */
#define INFO_RATE  10
#define INFO_BURST 20

void
ms_conf_defaults(struct ms_conf *conf)
{
	*conf = (struct ms_conf){
		.max_eids = 1u << 20,
		.max_etrs = 1u << 16,
		.max_subscriptions = 1u << 16,
		.max_displaced = 1u << 14,
		.max_sites = 1024,
		.subscriptions_per_xtr = 1024,
		.lifetime_s = 180,
		.lifetime_max_s = 24 * 3600,
		.register_interval_s = 60,
		.port = LISP_CONTROL_PORT,
		.reply_rate = 1000,
		.notify_rate = 1000,
		.notify_total = 10000,
		.bare_requests = true,
		.has_v4 = true,
		.has_v6 = true,
	};
}

/* --- sites -------------------------------------------------------------------------------------- */

static void
set_sites(struct ms *ms, const struct ms_conf *conf, const uint32_t *numbers, uint32_t count)
{
	for (uint32_t i = 0; i < ms->slot_count; i++)
		ms->slots[i].conf = NULL;
	for (size_t i = 0; i < conf->site_count; i++) {
		struct ms_slot *slot = &ms->slots[numbers[i]];

		slot->conf = &conf->sites[i];
		memcpy(slot->name, conf->sites[i].name, strlen(conf->sites[i].name) + 1);
	}
	ms->slot_count = count;
	ms->conf.sites = conf->sites;
	ms->conf.site_count = conf->site_count;
	ms->conf.mobiles = conf->mobiles;
	ms->conf.mobile_count = conf->mobile_count;
	ms->conf.rtrs = conf->rtrs;
	ms->conf.rtr_count = conf->rtr_count;
}

/* Sites and rules of a configuration, or nothing changed. */
static int
take_conf(struct ms *ms, const struct ms_conf *conf)
{
	uint32_t *numbers = calloc(conf->site_count + 1, sizeof(*numbers));
	struct ms_site_ids ids = {.rows = NULL};
	struct ms_rules rules;
	uint32_t count;
	int err = numbers == NULL ? -ENOMEM : ms_number_sites(ms, conf, numbers, &count);

	if (err == 0)
		err = ms_check_keys(conf);
	if (err == 0)
		err = ms_site_ids_init(&ids, conf, numbers);
	if (err == 0)
		err = ms_rules_init(&rules, conf, numbers);
	if (err == 0) {
		ms_rules_fini(&ms->rules);
		ms->rules = rules;
		ms_site_ids_fini(&ms->site_ids);
		ms->site_ids = ids;
		set_sites(ms, conf, numbers, count);
	} else {
		ms_site_ids_fini(&ids);
	}
	free(numbers);
	return err;
}

/* --- life --------------------------------------------------------------------------------------- */

static int
make_tables(struct ms *ms)
{
	const struct ms_conf *c = &ms->conf;
	int err;

	ms->slots = calloc(c->max_sites, sizeof(*ms->slots));
	ms->nonces = nonces_create(c->max_etrs, c->max_sites, &ms->key, ms->io, ms->ctx);
	if (ms->slots == NULL || ms->nonces == NULL)
		return -ENOMEM;
	ms->registry = registry_create(c->max_eids, c->max_sites, &ms->key, ms->nonces);
	ms->pubsub = pubsub_create(ms);
	if (ms->registry == NULL || ms->pubsub == NULL)
		return -ENOMEM;
	err = displaced_init(&ms->displaced, c->max_displaced, &ms->key);
	if (err == 0)
		err = limiter_init(&ms->infos, INFO_RATE, INFO_BURST, &ms->key);
	return err != 0 ? err : limiter_init(&ms->replies, c->reply_rate, c->reply_rate, &ms->key);
}

int
mapserver_create(const struct ms_conf *conf, const struct lisp_io *io, void *ctx,
		 const struct hash_key *key, us_t now, struct ms **out)
{
	struct ms *ms;
	int err;

	if (conf->max_eids == 0 || conf->max_eids > REGISTRY_MAX || conf->max_etrs == 0 ||
	    conf->max_subscriptions == 0 || conf->max_subscriptions > TRIE_VALUE_MAX ||
	    conf->max_displaced == 0 || conf->max_sites > MS_SITES_MAX ||
	    conf->max_sites < conf->site_count || conf->lifetime_s == 0 ||
	    conf->lifetime_max_s == 0)
		return -EINVAL;
	ms = calloc(1, sizeof(*ms));
	if (ms == NULL)
		return -ENOMEM;
	ms->io = io;
	ms->ctx = ctx;
	ms->conf = *conf;
	ms->key = *key;
	ms->start = now;
	err = make_tables(ms);
	if (err == 0)
		err = take_conf(ms, conf);
	if (err != 0) {
		mapserver_destroy(ms);
		return err;
	}
	*out = ms;
	return 0;
}

void
mapserver_destroy(struct ms *ms)
{
	if (ms == NULL)
		return;
	pubsub_destroy(ms->pubsub);
	registry_destroy(ms->registry);
	nonces_destroy(ms->nonces);
	displaced_fini(&ms->displaced);
	limiter_fini(&ms->replies);
	limiter_fini(&ms->infos);
	ms_rules_fini(&ms->rules);
	ms_site_ids_fini(&ms->site_ids);
	free(ms->slots);
	free(ms);
}

int
mapserver_reload(struct ms *ms, const struct ms_conf *conf, us_t now)
{
	int err = take_conf(ms, conf);

	if (err != 0)
		return err;
	for (uint32_t i = 0; i < ms->slot_count; i++)
		if (ms->slots[i].conf == NULL)
			pubsub_forget_site(ms->pubsub, i);
	for (uint32_t n = 0; (n = registry_next(ms->registry, n)) != 0;) {
		uint32_t site = registry_at(ms->registry, n)->site;
		struct eid_key key = registry_key(ms->registry, n);

		if (ms->slots[site].conf != NULL && ms_may_register(ms, site, &key))
			continue;
		registry_remove(ms->registry, n);
		pubsub_changed(ms->pubsub, &key, now);
	}
	return 0;
}

/* --- messages ----------------------------------------------------------------------------------- */

static void
heard_ecm(struct ms *ms, const struct endpoint *from, const uint8_t *data, size_t size, us_t now)
{
	struct lisp_ecm ecm;
	struct lisp_msg msg;
	int err = lisp_ecm_parse(data, size, &ecm);

	/* With authentication data one is for an RTR. */
	if (err == 0 && ecm.security)
		err = -EPROTONOSUPPORT;
	if (err != 0) {
		ms_count(ms, err == -EPROTONOSUPPORT ? MS_UNSUPPORTED : MS_MALFORMED);
		return;
	}
	if (ecm.size > 0 && ecm.message[0] >> 4 == LISP_MAP_REGISTER)
		ms_relayed(ms, from, &ecm, now);
	else if (ecm.size == 0 || ecm.message[0] >> 4 != LISP_MAP_REQUEST)
		ms_count(ms, MS_ECM_CONTENT);
	else if (lisp_parse(ecm.message, ecm.size, &ms->conf.dialect, &msg) != 0)
		ms_count(ms, MS_MALFORMED);
	else if (msg.request.probe)
		ms_count(ms, MS_PROBE);
	else
		ms_request(ms, from, &ecm, &msg, ecm.message, ecm.size, now);
}

/* Parses one of the messages that stand on their own. */
static bool
parse(struct ms *ms, const uint8_t *data, size_t size, const struct lisp_dialect *dialect,
      struct lisp_msg *msg)
{
	int err = lisp_parse(data, size, dialect, msg);

	if (err != 0)
		ms_count(ms, err == -EPROTONOSUPPORT ? MS_UNSUPPORTED : MS_MALFORMED);
	return err == 0;
}

static bool
heard_ack(struct ms *ms, const uint8_t *data, size_t size, us_t now)
{
	/* Whatever else type 5 may mean here: one that is waited for is an acknowledgement. */
	static const struct lisp_dialect plain = {0};
	struct lisp_msg msg;

	return lisp_parse(data, size, &plain, &msg) == 0 &&
	       pubsub_acked(ms->pubsub, &msg, data, size, now);
}

/* Of an Info message: the R bit. */
#define INFO_REPLY_BIT 0x08

static bool
is_mine(const struct ms *ms, const uint8_t *data, size_t size)
{
	uint8_t type = size > 0 ? data[0] >> 4 : 0;

	if (type == LISP_INFO)
		return (data[0] & INFO_REPLY_BIT) == 0;
	return type == LISP_ECM || type == LISP_MAP_REGISTER || type == LISP_MAP_NOTIFY_ACK ||
	       (type == LISP_MAP_REQUEST && ms->conf.bare_requests);
}

bool
mapserver_heard(struct ms *ms, const struct endpoint *from, const uint8_t *data, size_t size,
		us_t now)
{
	uint8_t type = size > 0 ? data[0] >> 4 : 0;
	struct lisp_msg msg;

	if (!is_mine(ms, data, size))
		return false;
	if (size > MS_SIZE_MAX) {
		ms_count(ms, MS_OVERSIZED);
		return true;
	}
	if (type == LISP_MAP_NOTIFY_ACK)
		return heard_ack(ms, data, size, now);
	if (type == LISP_ECM)
		heard_ecm(ms, from, data, size, now);
	else if (!parse(ms, data, size, &ms->conf.dialect, &msg))
		return true;
	else if (type == LISP_MAP_REGISTER)
		ms_register(ms, from, (struct addr){.family = ADDR_NONE}, &msg, data, size, now);
	else if (type == LISP_INFO)
		ms_info(ms, from, &msg, data, size, now);
	else if (msg.request.probe)
		ms_count(ms, MS_PROBE);
	else
		ms_request(ms, from, NULL, &msg, data, size, now);
	return true;
}

/* --- time --------------------------------------------------------------------------------------- */

uint32_t
mapserver_seconds(const struct ms *ms, us_t now)
{
	return (uint32_t)((now - ms->start) / US_S) + 1;
}

us_t
mapserver_run(struct ms *ms, us_t now)
{
	us_t interval = (us_t)ms->conf.register_interval_s * US_S;
	uint32_t second = mapserver_seconds(ms, now);
	us_t due, expiry = US_NEVER;
	uint32_t n = 0;
	bool gone;

	for (unsigned i = 0; i < BATCH && (n = registry_expire(ms->registry, second, &gone)) != 0;
	     i++) {
		struct eid_key key = registry_key(ms->registry, n);

		if (gone) {
			registry_remove(ms->registry, n);
			ms_count(ms, MS_EXPIRED);
		}
		pubsub_changed(ms->pubsub, &key, now);
	}
	displaced_expire(&ms->displaced, now - interval);
	due = pubsub_run(ms->pubsub, now);
	if (registry_due(ms->registry) != WHEEL_NEVER)
		expiry = ms->start + (us_t)(registry_due(ms->registry) - 1) * US_S;
	return expiry < due ? expiry : due;
}

/* --- what survives ------------------------------------------------------------------------------ */

struct keeper {
	const struct ms *ms;
	void (*each)(void *ctx, const struct ms_kept *kept);
	void *ctx;
};

static void
keep_row(void *ctx, const struct nonce_row *row)
{
	const struct keeper *k = ctx;
	struct ms_kept kept = {.site = k->ms->slots[row->site].name,
			       .key_id = row->key_id,
			       .has_xtr_id = row->has_xtr_id,
			       .xtr = row->xtr,
			       .addr = row->addr,
			       .reserve = row->reserve};

	k->each(k->ctx, &kept);
}

void
mapserver_keep(struct ms *ms, void (*each)(void *ctx, const struct ms_kept *kept), void *ctx)
{
	struct keeper k = {ms, each, ctx};

	nonces_keep(ms->nonces, keep_row, &k);
}

void
mapserver_recall(struct ms *ms, const struct ms_kept *kept)
{
	struct nonce_row row = {.key_id = kept->key_id,
				.has_xtr_id = kept->has_xtr_id,
				.xtr = kept->xtr,
				.addr = kept->addr,
				.reserve = kept->reserve};

	for (; row.site < ms->slot_count; row.site++) {
		if (strcmp(ms->slots[row.site].name, kept->site) == 0) {
			nonces_recall(ms->nonces, &row);
			ms->settled = ms->start + (us_t)ms->conf.register_interval_s * US_S;
			return;
		}
	}
}

/* --- to be shown -------------------------------------------------------------------------------- */

uint64_t
mapserver_count(const struct ms *ms, enum ms_count count)
{
	return ms->counts[count];
}

const struct registry *
mapserver_registry(const struct ms *ms)
{
	return ms->registry;
}

const struct nonces *
mapserver_nonces(const struct ms *ms)
{
	return ms->nonces;
}

const char *
mapserver_site_name(const struct ms *ms, uint32_t site)
{
	return site < ms->slot_count ? ms->slots[site].name : NULL;
}

bool
mapserver_subscription(const struct ms *ms, uint32_t *position, struct ms_subscription *out)
{
	return pubsub_next(ms->pubsub, position, out);
}
