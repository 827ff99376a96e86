/* The daemon's part in the mapping system: the sockets for LISP data and control messages, the map-server and the xTR behind
 * them, and what a reload changes of these. */
#include <errno.h>
#include <stdlib.h>

#include "conf/fixed.h"
#include "lisp/mapserver.h"
#include "vr/crypto.h"
#include "vr/daemon.h"
#include "vr/fwd_mapped.h"
#include "vr/fwd_rtr.h"
#include "vr/lisp_crypto.h"
#include "vr/lisp_made.h"
#include "vr/mail.h"
#include "vr/mapsys.h"
#include "vr/plain.h"
#include "vr/udp.h"
#include "wire/lisp_ecm.h"

#define FAMILIES 2
/* A message that is larger is no LISP control message of ours or of a peer's. */
#define CONTROL_SIZE 9000
/* So many batches are taken per event: what an event costs anyway is then small beside them. */
#define CONTROL_ROUNDS 4

struct control {
	struct daemon *daemon;
	struct udp *udp;
	struct mail *mail;  /* what waits to be sent */
	uint64_t truncated; /* larger than CONTROL_SIZE */
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
	uint64_t registered; /* the last nonce of a Map-Register, from the state file */
	struct lisp_made *made;
	struct ms *ms; /* NULL: no map-server */
	struct crypto_hmacs *hmacs;
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
	const struct daemon *d = ctx;

	if (hash == LISP_SHA1)
		crypto_hmacs_make_sha1(d->lisp->hmacs, key, key_size, a, a_size, b, b_size, out);
	else
		crypto_hmacs_make(d->lisp->hmacs, key, key_size, a, a_size, b, b_size, out);
}

static void
io_persist(void *ctx)
{
	struct daemon *d = ctx;

	daemon_vr_io.persist(d);
}

static int
io_send_data(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	const struct daemon *d = ctx;

	return d->lisp->plain != NULL ? plain_send_control(d->lisp->plain, to, msg, size)
				      : -ENOTCONN;
}

static const struct lisp_io io = {.send = io_send,
				  .send_data = io_send_data,
				  .hmac = io_hmac,
				  .equal = lisp_crypto_equal,
				  .random = lisp_crypto_random,
				  .persist = io_persist};

/* ---- the map-server ---- */

static int
open_map_server(struct daemon *d)
{
	struct hash_key key;
	int err = crypto_random(&key, sizeof(key));

	if (err == 0)
		err = mapserver_create(lisp_made_server(d->lisp->made), &io, d, &key, loop_now(),
				       &d->lisp->ms);
	/* All else was found when the configuration was read. */
	if (err == -EINVAL)
		log_line(d->log, LOG_ERROR, "lisp", "two sites of the map-server have one secret");
	return err;
}

const struct ms *
daemon_map_server(const struct daemon *d)
{
	return d->lisp != NULL ? d->lisp->ms : NULL;
}

/* ---- the RTR and the xTR ---- */

static int
start_rtr(struct daemon *d)
{
	struct rtr_conf conf;
	int err;

	lisp_made_rtr(d->lisp->made, &d->conf->lisp, &conf);
	err = fwd_rtr_create(d->vr, &conf, &io, d);
	crypto_wipe(&conf, sizeof(conf));
	return err;
}

int
daemon_lisp_start(struct daemon *d)
{
	const struct conf_lisp *conf = &d->conf->lisp;
	struct mapsys_start start = {.io = &io, .io_ctx = d};
	/* No clock has gone back so far that a nonce of before would be larger: but the state file says. */
	uint64_t clock = loop_wall_ns() / 1000;
	int err;

	if (d->lisp == NULL)
		return 0;
	lisp_made_xtr(d->lisp->made, conf, &start.xtr);
	/* One of its own, if none was given: the hash of the public key is. */
	memcpy(start.xtr.ids.xtr, conf->has_xtr_id ? conf->xtr_id : d->public_key,
	       sizeof(start.xtr.ids.xtr));
	start.cache_max = conf->cache_max;
	start.nonce = clock > d->lisp->registered ? clock : d->lisp->registered + 1;
	err = mapsys_create(d->vr, &start, loop_now());
	crypto_wipe(&start.xtr, sizeof(start.xtr));
	return err != 0 || !conf->rtr ? err : start_rtr(d);
}

/* ---- reload ---- */

int
daemon_lisp_prepare(const struct daemon *d, const struct conf *new, struct lisp_made **out)
{
	*out = NULL;
	if (d->lisp == NULL || conf_lisp_roles_differ(d->conf, new))
		return 0;
	return lisp_made_create(&new->lisp, d->log, out);
}

/* The servers are those of before; one whose key is called otherwise now keeps the one it has. */
static void
renew_keys(const struct daemon *d)
{
	const struct conf_lisp *conf = &d->conf->lisp;
	struct xtr *x = mapsys_xtr(d->vr->mapsys);
	const struct lisp_key *key;

	for (size_t i = 0; i < conf->map_server_count; i++) {
		key = lisp_made_key(d->lisp->made, conf->map_servers[i].key);
		if (key != NULL)
			xtr_server_key(x, i, key);
	}
	for (size_t i = 0; d->vr->rtr != NULL && i < conf->rtr_server_count; i++) {
		key = lisp_made_key(d->lisp->made, conf->rtr_servers[i].key);
		if (key != NULL)
			rtr_server_key(d->vr->rtr, i, key);
	}
	key = conf->push_key != NULL ? lisp_made_key(d->lisp->made, conf->push_key) : NULL;
	if (key != NULL)
		xtr_push_key(x, key);
}

int
daemon_lisp_reload(struct daemon *d, struct lisp_made *made, us_t now)
{
	int err = 0;

	if (made == NULL)
		return 0;
	if (d->lisp->ms != NULL)
		err = mapserver_reload(d->lisp->ms, lisp_made_server(made), now);
	if (err != 0) {
		lisp_made_destroy(made);
		return err;
	}
	lisp_made_destroy(d->lisp->made);
	d->lisp->made = made;
	renew_keys(d);
	return 0;
}

/* ---- sockets ---- */

static void
on_plain_data(void *ctx, const struct endpoint *from, const struct lispdata *header,
	      struct frame *f, us_t now)
{
	struct daemon *d = ctx;

	if (d->conf->lisp.nat && header->has_vn && header->vn == LISP_CONTROL_VN)
		mapsys_heard_inside(d->vr, f->data, f->size, now);
	else
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
				       .segment = conf->rtr && d->conf->features.udp_segment,
				       .mtu = UDP_MTU_KERNEL};

		plain.rlocs[i] = conf->rlocs[i].addr;
		*c = (struct control){.daemon = d, .family = conf->rlocs[i].addr.family};
		err = udp_create(&udp, d->log, &c->udp);
		d->lisp->control_count += err == 0;
		if (err == 0 && (c->mail = mail_create(c->udp)) == NULL)
			err = -ENOMEM;
		plain.control[i] = c->udp;
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
	d->lisp->hmacs = crypto_hmacs_create();
	if (d->lisp->timer == NULL || d->lisp->hmacs == NULL)
		return -ENOMEM;
	err = lisp_made_create(&d->conf->lisp, d->log, &d->lisp->made);
	if (err == 0 && d->conf->lisp.map_server)
		err = open_map_server(d);
	return err;
}

int
daemon_lisp_listen(struct daemon *d)
{
	return d->lisp != NULL ? open_sockets(d) : 0;
}

void
daemon_lisp_destroy(struct daemon *d)
{
	struct daemon_lisp *l = d->lisp;

	if (l == NULL)
		return;
	mapserver_destroy(l->ms);
	plain_destroy(l->plain);
	for (size_t i = 0; i < l->control_count; i++) {
		mail_destroy(l->control[i].mail);
		udp_destroy(l->control[i].udp);
	}
	lisp_made_destroy(l->made);
	crypto_hmacs_destroy(l->hmacs);
	free(l);
	d->lisp = NULL;
}

struct plain *
daemon_plain(const struct daemon *d)
{
	return d->lisp->plain;
}

/* ---- events ---- */

/* A message is for the RTR, for the map-server, for the xTR, or for nobody here. */
static void
control_heard(struct daemon *d, const struct endpoint *from, const uint8_t *data, size_t size,
	      us_t now)
{
	struct daemon_lisp *l = d->lisp;

	if (d->vr->rtr != NULL && rtr_heard(d->vr->rtr, from, data, size, now))
		return;
	if (l->ms != NULL && !xtr_wants(mapsys_xtr(d->vr->mapsys), data, size) &&
	    mapserver_heard(l->ms, from, data, size, now))
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

	for (size_t i = 0; i < count; i++) {
		if (trains[i].truncated)
			c->truncated++;
		else
			control_heard(c->daemon, &trains[i].from, trains[i].data, trains[i].size,
				      now);
	}
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

	fwd_memo_open(data->daemon->vr);
	plain_readable(data->daemon->lisp->plain, data->index, now);
	fwd_memo_close(data->daemon->vr);
	daemon_step(data->daemon, now);
}

int
daemon_lisp_watch(struct daemon *d)
{
	struct daemon_lisp *l = d->lisp;
	int err = 0;

	for (unsigned i = 0; l != NULL && err == 0 && plain_fd(l->plain, i) >= 0; i++) {
		l->data[i] = (struct data){.daemon = d, .index = i};
		err = loop_watch_packets(d->loop, plain_fd(l->plain, i), on_data_readable,
					 &l->data[i]);
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
	if (d->vr->rtr != NULL) {
		other = rtr_run(d->vr->rtr, now);
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

/* ---- what is lost ---- */

void
daemon_lisp_drops(const struct daemon *d, daemon_drop_fn *each, void *ctx)
{
	uint64_t kernel = 0, truncated = 0, send = 0;
	struct udp_stats stats;

	for (size_t i = 0; i < d->lisp->control_count; i++) {
		udp_stats(d->lisp->control[i].udp, &stats);
		kernel += stats.drop_kernel;
		truncated += d->lisp->control[i].truncated;
		send += stats.drop_letters;
	}
	each(ctx, "control", "kernel", kernel, "the kernel dropped it before it was read");
	each(ctx, "control", "truncated", truncated, "larger than a control message is");
	each(ctx, "control", "send", send, "the kernel did not take a control message");
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
