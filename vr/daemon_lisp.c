/* The daemon's part in the mapping system: the sockets for LISP data and control messages, the keys, the map-server, and the
 * configuration made into what the state machines take. */
#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "lisp/mapserver.h"
#include "vr/crypto.h"
#include "vr/daemon.h"
#include "vr/fwd_mapped.h"
#include "vr/mail.h"
#include "vr/mapsys.h"
#include "vr/plain.h"
#include "vr/udp.h"

#define FAMILIES 2
/* A message that is larger is no LISP control message of ours or of a peer's. */
#define CONTROL_SIZE 9000
/* So many batches are taken per event: what an event costs anyway is then small beside them. */
#define CONTROL_ROUNDS 4

struct control {
	struct daemon *daemon;
	struct udp *udp;
	struct mail *mail; /* what waits to be sent */
	uint8_t family;
};

struct data {
	struct daemon *daemon;
	unsigned index;
};

struct daemon_lisp {
	struct plain *plain;
	struct control control[FAMILIES];
	size_t control_count;
	struct data data[FAMILIES];
	struct loop_timer *timer;
	uint64_t registered;   /* the last nonce of a Map-Register, from the state file */
	struct lisp_key *keys; /* in the order of the configuration */
	/* The map-server, and what its configuration points to. */
	struct ms *ms;
	struct ms_conf ms_conf;
	struct ms_site *sites;
	struct ms_mobile *mobiles;
	void **pieces;
	size_t piece_count;
};

/* ---- what the state machines want done ---- */

bool
daemon_lisp_send(struct daemon *d, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	for (size_t i = 0; i < d->lisp->control_count; i++)
		if (d->lisp->control[i].family == to->addr.family)
			return mail_put(d->lisp->control[i].mail, to, msg, size) == 0;
	return false;
}

static int
io_send(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	return daemon_lisp_send(ctx, to, msg, size) ? 0 : -EIO;
}

static void
io_hmac(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size, const uint8_t *a,
	size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out)
{
	(void)ctx;
	if (hash == LISP_SHA1)
		crypto_hmac_sha1(key, key_size, a, a_size, b, b_size, out);
	else
		crypto_hmac(key, key_size, a, a_size, b, b_size, out);
}

static bool
io_equal(void *ctx, const uint8_t *a, const uint8_t *b, size_t size)
{
	(void)ctx;
	return crypto_equal(a, b, size);
}

static int
io_random(void *ctx, void *bytes, size_t size)
{
	(void)ctx;
	return crypto_random(bytes, size);
}

static void
io_persist(void *ctx)
{
	struct daemon *d = ctx;

	daemon_vr_io.persist(d);
}

static const struct lisp_io io = {.send = io_send,
				  .hmac = io_hmac,
				  .equal = io_equal,
				  .random = io_random,
				  .persist = io_persist};

/* ---- keys ---- */

static int
read_key(struct daemon *d, const struct conf_lisp_key *conf, struct lisp_key *key)
{
	ssize_t size = conf_secret_read(conf->secret_file, key->secret, sizeof(key->secret));

	if (size < 0) {
		log_line(d->log, LOG_ERROR, "lisp", "%s: %s", conf->secret_file,
			 strerror((int)-size));
		return (int)size;
	}
	key->secret_size = (size_t)size;
	key->key_id = conf->id;
	key->algorithm = (uint8_t)conf->algorithm;
	key->is_full = conf->full_length;
	return 0;
}

static int
read_keys(struct daemon *d)
{
	const struct conf_lisp *conf = &d->conf->lisp;
	int err = 0;

	d->lisp->keys = calloc(conf->key_count + 1, sizeof(*d->lisp->keys));
	if (d->lisp->keys == NULL)
		return -ENOMEM;
	for (size_t i = 0; err == 0 && i < conf->key_count; i++)
		err = read_key(d, &conf->keys[i], &d->lisp->keys[i]);
	return err;
}

/* Key of this name; the configuration was checked: it is there. */
static const struct lisp_key *
key_of(const struct daemon *d, const char *name)
{
	size_t i = 0;

	while (i < d->conf->lisp.key_count && strcmp(d->conf->lisp.keys[i].name, name) != 0)
		i++;
	BUG_IF(i == d->conf->lisp.key_count);
	return &d->lisp->keys[i];
}

/* ---- the map-server ---- */

/* Memory that lasts as long as the map-server.  NULL when there is none. */
static void *
piece(struct daemon_lisp *l, size_t size)
{
	void **more = realloc(l->pieces, (l->piece_count + 1) * sizeof(*more));
	void *p = calloc(1, size > 0 ? size : 1);

	if (more != NULL)
		l->pieces = more;
	if (more == NULL || p == NULL) {
		free(p);
		return NULL;
	}
	l->pieces[l->piece_count++] = p;
	return p;
}

static int
make_site(struct daemon *d, const struct conf_ms_site *conf, struct ms_site *site)
{
	char *name = piece(d->lisp, strlen(conf->name) + 1);
	struct lisp_key *keys = piece(d->lisp, conf->key_count * sizeof(*keys));
	struct ms_prefix *prefixes = piece(d->lisp, conf->prefix_count * sizeof(*prefixes));

	if (name == NULL || keys == NULL || prefixes == NULL)
		return -ENOMEM;
	memcpy(name, conf->name, strlen(conf->name) + 1);
	for (size_t i = 0; i < conf->key_count; i++)
		keys[i] = *key_of(d, conf->keys[i]);
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
				 .max_eids = conf->max_eids};
	return 0;
}

static int
make_mobile(struct daemon *d, const struct conf_ms_mobile *conf, struct ms_mobile *mobile)
{
	uint16_t *sites = piece(d->lisp, conf->site_count * sizeof(*sites));

	if (sites == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < conf->site_count; i++)
		for (size_t j = 0; j < d->conf->lisp.site_count; j++)
			if (strcmp(conf->sites[i], d->conf->lisp.sites[j].name) == 0)
				sites[i] = (uint16_t)j;
	*mobile = (struct ms_mobile){.vn = conf->vn,
				     .prefix = conf->prefix,
				     .sites = sites,
				     .site_count = conf->site_count};
	return 0;
}

static bool
has_family(const struct conf_lisp *conf, uint8_t family)
{
	for (size_t i = 0; i < conf->rloc_count; i++)
		if (conf->rlocs[i].addr.family == family)
			return true;
	return false;
}

static int
open_map_server(struct daemon *d)
{
	const struct conf_lisp *conf = &d->conf->lisp;
	struct daemon_lisp *l = d->lisp;
	struct hash_key key;
	int err;

	l->sites = piece(l, conf->site_count * sizeof(*l->sites));
	l->mobiles = piece(l, conf->mobile_count * sizeof(*l->mobiles));
	err = l->sites == NULL || l->mobiles == NULL ? -ENOMEM : 0;
	for (size_t i = 0; err == 0 && i < conf->site_count; i++)
		err = make_site(d, &conf->sites[i], &l->sites[i]);
	for (size_t i = 0; err == 0 && i < conf->mobile_count; i++)
		err = make_mobile(d, &conf->mobiles[i], &l->mobiles[i]);
	if (err == 0)
		err = crypto_random(&key, sizeof(key));
	if (err != 0)
		return err;
	ms_conf_defaults(&l->ms_conf);
	l->ms_conf.sites = l->sites;
	l->ms_conf.site_count = conf->site_count;
	l->ms_conf.mobiles = l->mobiles;
	l->ms_conf.mobile_count = conf->mobile_count;
	l->ms_conf.max_eids = conf->max_eids;
	l->ms_conf.reply_rate = conf->reply_rate;
	l->ms_conf.bare_requests = conf->bare_requests;
	l->ms_conf.has_v4 = has_family(conf, ADDR_V4);
	l->ms_conf.has_v6 = has_family(conf, ADDR_V6);
	l->ms_conf.register_interval_s = (uint32_t)(conf->register_interval / US_S);
	l->ms_conf.dialect = (struct lisp_dialect){.cp_sub_type = conf->push_sub_type,
						   .cp_type5 = conf->push_type5};
	return mapserver_create(&l->ms_conf, &io, d, &key, loop_now(), &l->ms);
}

const struct ms *
daemon_map_server(const struct daemon *d)
{
	return d->lisp != NULL ? d->lisp->ms : NULL;
}

/* ---- the xTR ---- */

static void
make_xtr(const struct daemon *d, struct xtr_conf *x)
{
	const struct conf_lisp *conf = &d->conf->lisp;

	*x = (struct xtr_conf){
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
		.push_type5 = conf->push_type5};
	/* One of its own, if none was given: the hash of the public key is. */
	if (conf->has_xtr_id)
		memcpy(x->ids.xtr, conf->xtr_id, sizeof(x->ids.xtr));
	else
		memcpy(x->ids.xtr, d->public_key, sizeof(x->ids.xtr));
	for (size_t i = 0; i < conf->rloc_count; i++)
		x->rlocs[i] = (struct xtr_rloc){.addr = conf->rlocs[i].addr,
						.priority = conf->rlocs[i].priority,
						.weight = conf->rlocs[i].weight};
	for (size_t i = 0; i < conf->map_resolver_count; i++)
		x->resolvers[i] = (struct endpoint){conf->map_resolvers[i], conf->control_port};
	for (size_t i = 0; i < conf->map_server_count; i++)
		x->servers[i] =
			(struct xtr_server){.to = {conf->map_servers[i].addr, conf->control_port},
					    .key = *key_of(d, conf->map_servers[i].key),
					    .proxy_reply = conf->map_servers[i].proxy_reply,
					    .with_ids = conf->map_servers[i].ids};
	if (conf->push_key != NULL)
		x->push_key = *key_of(d, conf->push_key);
}

int
daemon_lisp_start(struct daemon *d)
{
	struct mapsys_start start = {.io = &io, .io_ctx = d};
	/* No clock has gone back so far that a nonce of before would be larger: but the state file says. */
	uint64_t clock = loop_wall_ns() / 1000;
	int err;

	if (d->lisp == NULL)
		return 0;
	make_xtr(d, &start.xtr);
	start.cache_max = d->conf->lisp.cache_max;
	start.nonce = clock > d->lisp->registered ? clock : d->lisp->registered + 1;
	err = mapsys_create(d->vr, &start, loop_now());
	crypto_wipe(&start.xtr, sizeof(start.xtr));
	return err;
}

/* ---- sockets ---- */

static void
on_plain_data(void *ctx, const struct endpoint *from, const struct lispdata *header,
	      struct frame *f, us_t now)
{
	struct daemon *d = ctx;

	fwd_from_plain(d->vr, from, header, f, now);
}

static void
on_plain_batch_end(void *ctx, us_t now)
{
	(void)now;
	daemon_flush(ctx);
}

static const struct plain_ops plain_ops = {.data = on_plain_data, .batch_end = on_plain_batch_end};

static int
open_sockets(struct daemon *d)
{
	const struct conf_lisp *conf = &d->conf->lisp;
	struct plain_conf plain = {.port = conf->data_port,
				   .udp_segment = d->conf->features.udp_segment,
				   .udp_gro = d->conf->features.udp_gro,
				   .mtu_max = d->conf->mtu_max};
	int err = 0;

	for (size_t i = 0; err == 0 && i < conf->rloc_count && i < FAMILIES; i++) {
		struct control *c = &d->lisp->control[i];
		struct udp_conf udp = {.listen = {conf->rlocs[i].addr, conf->control_port},
				       .datagram_max = CONTROL_SIZE,
				       .mtu = UDP_MTU_KERNEL};

		plain.rlocs[i] = conf->rlocs[i].addr;
		*c = (struct control){.daemon = d, .family = conf->rlocs[i].addr.family};
		err = udp_create(&udp, d->log, &c->udp);
		d->lisp->control_count += err == 0;
		if (err == 0 && (c->mail = mail_create(c->udp)) == NULL)
			err = -ENOMEM;
	}
	return err == 0 ? plain_create(&plain, &plain_ops, d, d->log, &d->lisp->plain) : err;
}

static void
on_lisp_timer(void *ctx, us_t now)
{
	daemon_step(ctx, now);
	daemon_flush(ctx);
}

int
daemon_lisp_open(struct daemon *d)
{
	int err;

	if (!d->conf->lisp.enabled)
		return 0;
	d->lisp = calloc(1, sizeof(*d->lisp));
	if (d->lisp == NULL)
		return -ENOMEM;
	d->lisp->timer = loop_timer(d->loop, on_lisp_timer, d);
	if (d->lisp->timer == NULL)
		return -ENOMEM;
	err = read_keys(d);
	if (err == 0)
		err = open_sockets(d);
	if (err == 0 && d->conf->lisp.map_server)
		err = open_map_server(d);
	return err;
}

void
daemon_lisp_destroy(struct daemon *d)
{
	struct daemon_lisp *l = d->lisp;

	if (l == NULL)
		return;
	mapserver_destroy(l->ms);
	for (size_t i = 0; i < l->control_count; i++) {
		mail_destroy(l->control[i].mail);
		udp_destroy(l->control[i].udp);
	}
	plain_destroy(l->plain);
	if (l->keys != NULL)
		crypto_wipe(l->keys, d->conf->lisp.key_count * sizeof(*l->keys));
	free(l->keys);
	for (size_t i = 0; i < l->piece_count; i++)
		free(l->pieces[i]);
	free(l->pieces);
	free(l);
	d->lisp = NULL;
}

struct plain *
daemon_plain(const struct daemon *d)
{
	return d->lisp->plain;
}

/* ---- events ---- */

/* A message is for the map-server, for the xTR, or for nobody here. */
static void
control_heard(struct daemon *d, const struct endpoint *from, const uint8_t *data, size_t size,
	      us_t now)
{
	struct daemon_lisp *l = d->lisp;

	if (l->ms != NULL && mapserver_heard(l->ms, from, data, size, now))
		return;
	(void)mapsys_heard(d->vr, from, data, size, now);
}

/* Answers leave with their batch.  True: more may have arrived. */
static bool
control_batch(struct control *c, us_t now)
{
	struct udp_train trains[UDP_TRAINS];
	bool more;
	size_t count = udp_receive(c->udp, trains, &more);

	for (size_t i = 0; i < count; i++)
		if (!trains[i].truncated)
			control_heard(c->daemon, &trains[i].from, trains[i].data, trains[i].size,
				      now);
	mail_flush(c->mail);
	return more;
}

static void
on_control_readable(void *ctx, us_t now)
{
	struct control *c = ctx;
	struct daemon *d = c->daemon;
	unsigned rounds = 1;

	while (control_batch(c, now) && rounds < CONTROL_ROUNDS)
		rounds++;
	daemon_step(d, now);
	daemon_flush(d);
}

static void
on_data_readable(void *ctx, us_t now)
{
	struct data *data = ctx;

	plain_readable(data->daemon->lisp->plain, data->index, now);
	daemon_step(data->daemon, now);
}

int
daemon_lisp_watch(struct daemon *d)
{
	struct daemon_lisp *l = d->lisp;
	int err = 0;

	for (unsigned i = 0; l != NULL && err == 0 && plain_fd(l->plain, i) >= 0; i++) {
		l->data[i] = (struct data){.daemon = d, .index = i};
		err = loop_watch(d->loop, plain_fd(l->plain, i), on_data_readable, &l->data[i]);
	}
	for (size_t i = 0; l != NULL && err == 0 && i < l->control_count; i++)
		err = loop_watch(d->loop, udp_fd(l->control[i].udp), on_control_readable,
				 &l->control[i]);
	return err;
}

void
daemon_lisp_step(struct daemon *d, us_t now)
{
	us_t due, other;

	if (d->lisp == NULL)
		return;
	due = mapsys_run(d->vr, now);
	if (d->lisp->ms != NULL) {
		other = mapserver_run(d->lisp->ms, now);
		due = other < due ? other : due;
	}
	loop_timer_set(d->lisp->timer, due);
}

void
daemon_lisp_mail(struct daemon *d)
{
	for (size_t i = 0; d->lisp != NULL && i < d->lisp->control_count; i++)
		mail_flush(d->lisp->control[i].mail);
}

void
daemon_lisp_flush(struct daemon *d)
{
	daemon_lisp_mail(d);
	if (d->lisp != NULL)
		plain_flush(d->lisp->plain);
}

/* ---- the state file ---- */

static void
keep_etr(void *ctx, const struct ms_kept *kept)
{
	struct daemon *d = ctx;
	struct state_row row = {.kind = STATE_ETR,
				.etr = {.key_id = kept->key_id,
					.has_xtr_id = kept->has_xtr_id,
					.site_id = kept->xtr.site,
					.addr = kept->addr},
				.value = kept->reserve};

	snprintf(row.etr.site, sizeof(row.etr.site), "%s", kept->site);
	memcpy(row.etr.xtr, kept->xtr.xtr, sizeof(row.etr.xtr));
	state_add(d->state, &row);
}

void
daemon_lisp_keep(struct daemon *d)
{
	if (d->lisp == NULL)
		return;
	state_add(d->state, &(struct state_row){.kind = STATE_REGISTERED,
						.value = xtr_nonce(mapsys_xtr(d->vr->mapsys))});
	if (d->lisp->ms != NULL)
		mapserver_keep(d->lisp->ms, keep_etr, d);
}

void
daemon_lisp_recall(struct daemon *d, const struct state_row *row)
{
	struct ms_kept kept = {.site = row->etr.site,
			       .key_id = row->etr.key_id,
			       .has_xtr_id = row->etr.has_xtr_id,
			       .xtr = {.site = row->etr.site_id},
			       .addr = row->etr.addr,
			       .reserve = row->value};

	if (d->lisp == NULL)
		return;
	if (row->kind == STATE_REGISTERED) {
		d->lisp->registered = row->value;
	} else if (d->lisp->ms != NULL) {
		memcpy(kept.xtr.xtr, row->etr.xtr, sizeof(kept.xtr.xtr));
		mapserver_recall(d->lisp->ms, &kept);
	}
}
