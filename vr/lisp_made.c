/* The configuration made into what the LISP state machines take: see lisp_made.h. */
#include "vr/lisp_made.h"

#include <errno.h>
#include <stdlib.h>

#include "vr/crypto.h"

/* Memory that goes with the rest; wiped, because copies of keys are among it. */
struct piece {
	struct piece *next;
	size_t size;
	max_align_t bytes[];
};

struct named_key {
	const char *name;
	struct lisp_key key;
};

struct lisp_made {
	struct piece *pieces;
	struct named_key *keys; /* by name */
	size_t key_count;
	struct ms_conf server;
};

/* Zeroed.  NULL when memory is short. */
static void *
take(struct lisp_made *made, size_t size)
{
	struct piece *piece = calloc(1, sizeof(*piece) + size);

	if (piece == NULL)
		return NULL;
	piece->size = size;
	piece->next = made->pieces;
	made->pieces = piece;
	return piece->bytes;
}

static const char *
take_text(struct lisp_made *made, const char *text)
{
	char *copy = take(made, strlen(text) + 1);

	return copy != NULL ? memcpy(copy, text, strlen(text) + 1) : NULL;
}

/* ---- keys ---- */

static int
read_key(struct lisp_made *made, const struct conf_lisp_key *conf, struct log *log,
	 struct named_key *out)
{
	ssize_t size =
		conf_secret_read(conf->secret_file, out->key.secret, sizeof(out->key.secret));

	if (size < 0) {
		log_line(log, LOG_ERROR, "lisp", "%s: %s", conf->secret_file, strerror((int)-size));
		return (int)size;
	}
	out->key.secret_size = (size_t)size;
	out->key.key_id = conf->id;
	out->key.algorithm = (uint8_t)conf->algorithm;
	out->key.is_full = conf->full_length;
	out->name = take_text(made, conf->name);
	return out->name != NULL ? 0 : -ENOMEM;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct named_key *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
read_keys(struct lisp_made *made, const struct conf_lisp *conf, struct log *log)
{
	int err = 0;

	made->keys = take(made, conf->key_count * sizeof(*made->keys));
	if (made->keys == NULL)
		return -ENOMEM;
	made->key_count = conf->key_count;
	for (size_t i = 0; err == 0 && i < conf->key_count; i++)
		err = read_key(made, &conf->keys[i], log, &made->keys[i]);
	if (err == 0)
		qsort(made->keys, made->key_count, sizeof(*made->keys), compare_keys);
	return err;
}

const struct lisp_key *
lisp_made_key(const struct lisp_made *made, const char *name)
{
	const struct named_key wanted = {.name = name};
	const struct named_key *found =
		bsearch(&wanted, made->keys, made->key_count, sizeof(*made->keys), compare_keys);

	return found != NULL ? &found->key : NULL;
}

/* The same where the configuration was checked: it is there. */
static const struct lisp_key *
key_of(const struct lisp_made *made, const char *name)
{
	const struct lisp_key *key = lisp_made_key(made, name);

	BUG_IF(key == NULL);
	return key;
}

/* ---- the map-server ---- */

static int
make_site(struct lisp_made *made, const struct conf_ms_site *conf, struct ms_site *site)
{
	static const uint8_t ids[] = {[CONF_IDS_WITH_BIT] = MS_IDS_WITH_BIT,
				      [CONF_IDS_WITHOUT_BIT] = MS_IDS_WITHOUT_BIT,
				      [CONF_IDS_LEFT_OUT] = MS_IDS_LEFT_OUT};
	const char *name = take_text(made, conf->name);
	struct lisp_key *keys = take(made, conf->key_count * sizeof(*keys));
	struct ms_prefix *prefixes = take(made, conf->prefix_count * sizeof(*prefixes));

	if (name == NULL || keys == NULL || prefixes == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < conf->key_count; i++)
		keys[i] = *key_of(made, conf->keys[i]);
	for (size_t i = 0; i < conf->prefix_count; i++)
		prefixes[i] =
			(struct ms_prefix){.vn = conf->prefixes[i].vn,
					   .prefix = conf->prefixes[i].prefix,
					   .more_specifics = conf->prefixes[i].more_specifics};
	*site = (struct ms_site){.name = name,
				 .keys = keys,
				 .key_count = conf->key_count,
				 .prefixes = prefixes,
				 .prefix_count = conf->prefix_count,
				 .has_site_id = conf->has_site_id,
				 .site_id = conf->site_id,
				 .any_nonce = !conf->strict_nonces,
				 .always_proxy = conf->always_proxy,
				 .trusts_requests = conf->trusts_requests,
				 .notify_to_source = conf->notify_port == CONF_NOTIFY_SOURCE,
				 .ids = ids[conf->notify_ids],
				 .max_eids = conf->max_eids};
	return 0;
}

/* The sites by name, and where they stand in the configuration. */
struct named_site {
	const char *name;
	uint16_t number;
};

static int
compare_sites(const void *a, const void *b)
{
	const struct named_site *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
make_mobile(struct lisp_made *made, const struct named_site *by_name, size_t count,
	    const struct conf_ms_mobile *from, struct ms_mobile *mobile)
{
	uint16_t *sites = take(made, from->site_count * sizeof(*sites));

	if (sites == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < from->site_count; i++) {
		const struct named_site wanted = {.name = from->sites[i]};
		const struct named_site *found =
			bsearch(&wanted, by_name, count, sizeof(*by_name), compare_sites);

		/* The configuration was checked. */
		BUG_IF(found == NULL);
		sites[i] = found->number;
	}
	*mobile = (struct ms_mobile){.vn = from->vn,
				     .prefix = from->prefix,
				     .sites = sites,
				     .site_count = from->site_count,
				     .by_host = from->by_host};
	return 0;
}

static int
make_mobiles(struct lisp_made *made, const struct conf_lisp *conf, struct ms_mobile *mobiles)
{
	struct named_site *by_name = calloc(conf->site_count + 1, sizeof(*by_name));
	int err = by_name == NULL ? -ENOMEM : 0;

	for (size_t i = 0; err == 0 && i < conf->site_count; i++)
		by_name[i] = (struct named_site){conf->sites[i].name, (uint16_t)i};
	if (err == 0)
		qsort(by_name, conf->site_count, sizeof(*by_name), compare_sites);
	for (size_t i = 0; err == 0 && i < conf->mobile_count; i++)
		err = make_mobile(made, by_name, conf->site_count, &conf->mobiles[i], &mobiles[i]);
	free(by_name);
	return err;
}

static bool
has_family(const struct conf_lisp *conf, uint8_t family)
{
	for (size_t i = 0; i < conf->rloc_count; i++)
		if (conf->rlocs[i].addr.family == family)
			return true;
	return false;
}

/* Own locators, one of each family at most. */
static void
copy_rlocs(const struct conf_lisp *conf, struct addr rlocs[2])
{
	for (size_t i = 0; i < conf->rloc_count && i < 2; i++)
		rlocs[i] = conf->rlocs[i].addr;
}

static int
make_rtrs(struct lisp_made *made, const struct conf_lisp *conf)
{
	struct ms_rtr *rtrs = take(made, conf->rtr_count * sizeof(*rtrs));

	if (rtrs == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < conf->rtr_count; i++)
		rtrs[i] = (struct ms_rtr){.addr = conf->rtrs[i].addr,
					  .key = *key_of(made, conf->rtrs[i].key)};
	made->server.rtrs = rtrs;
	made->server.rtr_count = conf->rtr_count;
	copy_rlocs(conf, made->server.rlocs);
	made->server.port = conf->control_port;
	return 0;
}

static int
make_server(struct lisp_made *made, const struct conf_lisp *conf)
{
	struct ms_site *sites = take(made, conf->site_count * sizeof(*sites));
	struct ms_mobile *mobiles = take(made, conf->mobile_count * sizeof(*mobiles));
	int err = sites == NULL || mobiles == NULL ? -ENOMEM : 0;

	for (size_t i = 0; err == 0 && i < conf->site_count; i++)
		err = make_site(made, &conf->sites[i], &sites[i]);
	if (err == 0)
		err = make_mobiles(made, conf, mobiles);
	if (err != 0)
		return err;
	ms_conf_defaults(&made->server);
	/* Beside those that a reload may add. */
	made->server.max_sites += (uint32_t)conf->site_count;
	if (made->server.max_sites > MS_SITES_MAX)
		made->server.max_sites = MS_SITES_MAX;
	made->server.sites = sites;
	made->server.site_count = conf->site_count;
	made->server.mobiles = mobiles;
	made->server.mobile_count = conf->mobile_count;
	made->server.max_eids = conf->max_eids;
	made->server.reply_rate = conf->reply_rate;
	made->server.bare_requests = conf->bare_requests;
	made->server.has_v4 = has_family(conf, ADDR_V4);
	made->server.has_v6 = has_family(conf, ADDR_V6);
	made->server.register_interval_s = (uint32_t)(conf->register_interval / US_S);
	made->server.dialect = (struct lisp_dialect){.cp_sub_type = conf->push_sub_type,
						     .cp_type5 = conf->push_type5};
	return make_rtrs(made, conf);
}

const struct ms_conf *
lisp_made_server(const struct lisp_made *made)
{
	return &made->server;
}

/* ---- the xTR ---- */

void
lisp_made_xtr(const struct lisp_made *made, const struct conf_lisp *conf, struct xtr_conf *x)
{
	*x = (struct xtr_conf){
		.port = conf->control_port,
		.rloc_count = conf->rloc_count,
		.resolver_count = conf->map_resolver_count,
		.server_count = conf->map_server_count,
		.ids = {.site = conf->site_id},
		.subscribe = conf->subscribe,
		.plain_zero = true,
		.ttl_min = conf->ttl_min,
		.register_interval = conf->register_interval,
		.probe_interval = conf->probe_interval,
		.reply_rate = conf->reply_rate,
		.has_push_key = conf->push_key != NULL,
		.dialect = {.cp_sub_type = conf->push_sub_type, .cp_type5 = conf->push_type5},
		.push_type5 = conf->push_type5,
		.nat = conf->nat,
		.nat_keepalive = conf->nat_keepalive};
	for (size_t i = 0; i < conf->rloc_count; i++)
		x->rlocs[i] = (struct xtr_rloc){.addr = conf->rlocs[i].addr,
						.priority = conf->rlocs[i].priority,
						.weight = conf->rlocs[i].weight};
	for (size_t i = 0; i < conf->map_resolver_count; i++)
		x->resolvers[i] = (struct endpoint){conf->map_resolvers[i], conf->control_port};
	for (size_t i = 0; i < conf->map_server_count; i++)
		x->servers[i] = (struct xtr_server){
			.to = {conf->map_servers[i].addr, conf->control_port},
			.key = *key_of(made, conf->map_servers[i].key),
			.proxy_reply = conf->map_servers[i].proxy_reply,
			.with_ids = conf->map_servers[i].ids,
			.merge = conf->map_servers[i].merge,
			.acknowledge_all = conf->map_servers[i].acknowledge == CONF_ACK_ALL};
	if (conf->push_key != NULL)
		x->push_key = *key_of(made, conf->push_key);
}

/* ---- the RTR ---- */

void
lisp_made_rtr(const struct lisp_made *made, const struct conf_lisp *conf, struct rtr_conf *r)
{
	*r = (struct rtr_conf){
		.port = conf->control_port,
		.server_count = conf->rtr_server_count,
		.eids_max = conf->rtr_eids_max,
		.old_drafts = conf->rtr_old_drafts,
		.dialect = {.cp_sub_type = conf->push_sub_type, .cp_type5 = conf->push_type5}};
	copy_rlocs(conf, r->rlocs);
	for (size_t i = 0; i < conf->rtr_server_count && i < RTR_SERVERS_MAX; i++)
		r->servers[i] = (struct rtr_server){.addr = conf->rtr_servers[i].addr,
						    .key = *key_of(made, conf->rtr_servers[i].key)};
}

/* ---- life ---- */

int
lisp_made_create(const struct conf_lisp *conf, struct log *log, struct lisp_made **out)
{
	struct lisp_made *made = calloc(1, sizeof(*made));
	int err = made != NULL ? read_keys(made, conf, log) : -ENOMEM;

	if (err == 0 && conf->map_server)
		err = make_server(made, conf);
	if (err != 0)
		lisp_made_destroy(made);
	else
		*out = made;
	return err;
}

void
lisp_made_destroy(struct lisp_made *made)
{
	struct piece *piece;

	if (made == NULL)
		return;
	while ((piece = made->pieces) != NULL) {
		made->pieces = piece->next;
		crypto_wipe(piece->bytes, piece->size);
		free(piece);
	}
	free(made);
}
