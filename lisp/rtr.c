/* What an RTR relays, and what it knows of who is behind a NAT: see rtr.h. */
#include "lisp/rtr.h"

#include <errno.h>
#include <stdlib.h>

#include "lisp/auth.h"
#include "lisp/limiter.h"
#include "tables/lpm.h"
#include "tables/pool.h"
#include "wire/lisp_ecm.h"

/* An answer of the map-server is waited for so long. */
#define WAITING_TIME (5 * US_S)
/* Rows that one Map-Register may stand in. */
#define WAYS 8
/* Map-Registers per second from one address, and as many at once; and from all strangers together, so that no
 * map-server drowns in what is forged. */
#define ADDRESS_RATE   20
#define ADDRESS_BURST  40
#define STRANGER_PACE  (US_S / 2000)
#define STRANGER_BURST (US_S / 4)
/* State that is not refreshed lives so long, as a registration does: NATs forget earlier. */
#define LIFETIME (180 * US_S)

#define MESSAGE_MAX 4096

/* A Map-Register that was relayed. */
struct waiting {
	uint64_t nonce;
	struct lisp_xtr_id xtr;
	struct endpoint from; /* address NONE: a free row */
	struct addr local;
	unsigned server;
	bool is_known;     /* came from where its EID is reached already */
	bool is_ambiguous; /* and from another place, too */
	us_t until;
};

struct row {
	struct chain chain; /* of free rows */
	bool used;
	struct rtr_eid eid;
};

struct rtr {
	struct rtr_conf conf;
	const struct lisp_io *io;
	void *io_ctx;
	const struct rtr_ops *ops;
	void *ctx;
	struct hash_key key;
	struct limiter limiter;
	us_t strangers; /* until then what was used of their allowance has not come back */
	struct waiting waiting[RTR_WAITING_MAX];
	struct pool rows;
	struct lpm lpm;
	us_t due; /* nothing expires before */
	uint64_t counts[RTR_COUNT_END];
};

/* ---- life ---- */

int
rtr_create(const struct rtr_conf *conf, const struct lisp_io *io, void *io_ctx,
	   const struct rtr_ops *ops, void *ctx, const struct hash_key *key, struct rtr **out)
{
	struct rtr *r;
	int err;

	if (conf->eids_max == 0 || conf->server_count == 0 || conf->server_count > RTR_SERVERS_MAX)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->conf = *conf;
	r->io = io;
	r->io_ctx = io_ctx;
	r->ops = ops;
	r->ctx = ctx;
	r->key = *key;
	r->due = US_NEVER;
	err = pool_init(&r->rows, conf->eids_max, sizeof(struct row));
	if (err == 0)
		err = limiter_init(&r->limiter, ADDRESS_RATE, ADDRESS_BURST, key);
	if (err != 0) {
		rtr_destroy(r);
		return err;
	}
	*out = r;
	return 0;
}

void
rtr_destroy(struct rtr *r)
{
	if (r == NULL)
		return;
	lpm_fini(&r->lpm);
	pool_fini(&r->rows);
	limiter_fini(&r->limiter);
	explicit_bzero(&r->conf, sizeof(r->conf));
	free(r);
}

void
rtr_server_key(struct rtr *r, size_t server, const struct lisp_key *key)
{
	r->conf.servers[server].key = *key;
}

static void
count(struct rtr *r, enum rtr_count what)
{
	r->counts[what]++;
}

uint64_t
rtr_count_of(const struct rtr *r, enum rtr_count what)
{
	return r->counts[what];
}

/* ---- EID-prefixes ---- */

struct rtr_eid *
rtr_find(const struct rtr *r, vn_id_t vn, struct addr eid)
{
	struct row *row = lpm_find(&r->lpm, vn, eid);

	return row != NULL ? &row->eid : NULL;
}

static struct row *
row_next(const struct rtr *r, size_t *position)
{
	while (*position < r->rows.touched) {
		struct row *row = pool_at(&r->rows, (*position)++);

		if (row->used)
			return row;
	}
	return NULL;
}

const struct rtr_eid *
rtr_next(const struct rtr *r, size_t *position)
{
	const struct row *row = row_next(r, position);

	return row != NULL ? &row->eid : NULL;
}

static void
remove_row(struct rtr *r, struct row *row)
{
	(void)lpm_remove(&r->lpm, row->eid.vn, row->eid.prefix);
	pool_give(&r->rows, row);
}

static bool
is_same_xtr(const struct lisp_xtr_id *a, const struct lisp_xtr_id *b)
{
	return memcmp(a->xtr, b->xtr, sizeof(a->xtr)) == 0 && a->site == b->site;
}

/* Only authentic messages come so far, and only new EIDs. */
static bool
has_room(const struct rtr *r, const struct lisp_xtr_id *xtr)
{
	size_t position = 0, found = 0;
	const struct row *row;

	while ((row = row_next(r, &position)) != NULL)
		found += is_same_xtr(&row->eid.xtr, xtr);
	return found < RTR_EIDS_PER_XTR;
}

static struct row *
add_row(struct rtr *r, const struct waiting *w, vn_id_t vn, struct prefix prefix, us_t now)
{
	struct row *row = has_room(r, &w->xtr) ? pool_take(&r->rows) : NULL;

	if (row == NULL)
		return NULL;
	if (lpm_add(&r->lpm, vn, prefix, row) != 0) {
		pool_give(&r->rows, row);
		return NULL;
	}
	row->used = true;
	row->eid = (struct rtr_eid){.vn = vn, .prefix = prefix, .to = w->from, .since = now};
	return row;
}

static us_t
lifetime_of(const struct lisp_record *record)
{
	us_t wanted = (us_t)record->ttl * 60 * US_S;

	return wanted < LIFETIME ? wanted : LIFETIME;
}

static bool
is_own(const struct rtr *r, struct addr addr)
{
	for (size_t i = 0; i < ARRAY_COUNT(r->conf.rlocs); i++)
		if (!addr_is_none(addr) && addr_equal(r->conf.rlocs[i], addr))
			return true;
	return false;
}

static bool
names_us(const struct rtr *r, const struct lisp_record *record)
{
	struct rd locators = record->locators;
	struct lisp_locator l;

	while (lisp_locator_next(&locators, &l))
		if (is_own(r, l.rloc.addr))
			return true;
	return false;
}

/* The map-server has accepted this record of a Map-Register. */
static void
take_record(struct rtr *r, const struct waiting *w, const struct lisp_record *record, us_t now)
{
	vn_id_t vn = record->eid.vn;
	struct prefix prefix = record->eid.prefix;
	struct row *row;

	if (record->eid.kind != LISP_EID_IP) {
		count(r, RTR_EID_KIND);
		return;
	}
	row = lpm_find_exact(&r->lpm, vn, prefix);
	if (record->ttl == 0 || !names_us(r, record)) {
		/* Withdrawn, or it has moved to another site or RTR. */
		if (row != NULL && is_same_xtr(&row->eid.xtr, &w->xtr))
			remove_row(r, row);
		return;
	}
	if (!r->ops->may_serve(r->ctx, vn, prefix)) {
		count(r, RTR_NOT_SERVED);
		return;
	}
	if (row == NULL && (row = add_row(r, w, vn, prefix, now)) == NULL) {
		count(r, RTR_EIDS_FULL);
		return;
	}
	if (!endpoint_equal(row->eid.to, w->from))
		count(r, RTR_REBOUND);
	row->eid.to = w->from;
	row->eid.xtr = w->xtr;
	row->eid.local = w->local;
	row->eid.server = w->server;
	row->eid.renewed = now;
	row->eid.expires = now + lifetime_of(record);
	if (row->eid.expires < r->due)
		r->due = row->eid.expires;
}

/* ---- Map-Registers ---- */

/* The server's position, or -1. */
static int
server_at(const struct rtr *r, struct addr addr)
{
	for (size_t i = 0; i < r->conf.server_count; i++)
		if (addr_equal(r->conf.servers[i].addr, addr))
			return (int)i;
	return -1;
}

static bool
has_xtr_id(const struct lisp_msg *msg)
{
	static const struct lisp_xtr_id none;

	return msg->has_xtr_id && memcmp(msg->xtr_id.xtr, none.xtr, sizeof(msg->xtr_id.xtr)) != 0;
}

static struct waiting *
waiting_set(struct rtr *r, const struct lisp_msg *msg)
{
	uint64_t words[4];

	memcpy(words, msg->xtr_id.xtr, sizeof(msg->xtr_id.xtr));
	words[2] = msg->xtr_id.site;
	words[3] = msg->nonce;
	return &r->waiting[hash_bytes(&r->key, words, sizeof(words)) % (RTR_WAITING_MAX / WAYS) *
			   WAYS];
}

static struct waiting *
waiting_find(struct rtr *r, const struct lisp_msg *msg, us_t now)
{
	struct waiting *set = waiting_set(r, msg);

	for (size_t i = 0; i < WAYS; i++)
		if (!addr_is_none(set[i].from.addr) && now < set[i].until &&
		    set[i].nonce == msg->nonce && is_same_xtr(&set[i].xtr, &msg->xtr_id))
			return &set[i];
	return NULL;
}

/* A free row, or that of the stranger that has waited longest; otherwise NULL. */
static struct waiting *
waiting_room(struct rtr *r, const struct lisp_msg *msg, us_t now)
{
	struct waiting *set = waiting_set(r, msg), *oldest = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		if (addr_is_none(set[i].from.addr) || now >= set[i].until)
			return &set[i];
		if (!set[i].is_known && (oldest == NULL || set[i].until < oldest->until))
			oldest = &set[i];
	}
	return oldest;
}

/* Is the first EID reached there already? */
static bool
is_known(const struct rtr *r, const struct endpoint *from, const struct lisp_msg *msg)
{
	struct rd records = msg->records;
	struct lisp_record record;
	const struct row *row;

	if (!lisp_record_next(&records, &record) || record.eid.kind != LISP_EID_IP)
		return false;
	row = lpm_find_exact(&r->lpm, record.eid.vn, record.eid.prefix);
	return row != NULL && endpoint_equal(row->eid.to, *from);
}

static bool
strangers_may(struct rtr *r, us_t now)
{
	if (r->strangers < now)
		r->strangers = now;
	if (r->strangers + STRANGER_PACE > now + STRANGER_BURST)
		return false;
	r->strangers += STRANGER_PACE;
	return true;
}

/* Is there room for it to wait for its answer?  Counts when not. */
static bool
wait_for(struct rtr *r, const struct endpoint *from, const struct lisp_ecm *ecm,
	 const struct lisp_msg *msg, int server, us_t now)
{
	bool known = is_known(r, from, msg);
	struct waiting *w = waiting_find(r, msg, now);

	if (!limiter_take(&r->limiter, from->addr, now) || (!known && !strangers_may(r, now))) {
		count(r, RTR_LIMITED);
		return false;
	}
	if (w != NULL && !endpoint_equal(w->from, *from)) {
		w->is_ambiguous = true;
		count(r, RTR_AMBIGUOUS);
		return false;
	}
	if (w == NULL && (w = waiting_room(r, msg, now)) == NULL) {
		count(r, RTR_LIMITED);
		return false;
	}
	*w = (struct waiting){.nonce = msg->nonce,
			      .xtr = msg->xtr_id,
			      .from = *from,
			      .local = ecm->src.addr,
			      .server = (unsigned)server,
			      .is_known = known,
			      .is_ambiguous = w->nonce == msg->nonce && w->is_ambiguous,
			      .until = now + WAITING_TIME};
	return true;
}

static void
relay(struct rtr *r, const struct lisp_ecm *in, int server)
{
	struct endpoint to = {r->conf.servers[server].addr, r->conf.port};
	struct lisp_ecm ecm = {
		.to_ms = true, /* N */ .src = in->src, .dst = in->dst, .size = in->size};
	uint8_t data[LISP_ECM_SIZE_MAX + MESSAGE_MAX];
	size_t head = lisp_ecm_size(in->src.addr.family);
	int size = -EMSGSIZE;

	if (in->size <= MESSAGE_MAX) {
		memcpy(data + head, in->message, in->size);
		size = lisp_ecm_build(&ecm, data, sizeof(data));
	}
	if (size < 0 || r->io->send(r->io_ctx, &to, data, (size_t)size) != 0)
		count(r, RTR_SEND_FAILED);
	else
		count(r, RTR_RELAYED);
}

static void
register_heard(struct rtr *r, const struct endpoint *from, const struct lisp_ecm *ecm, us_t now)
{
	int server = server_at(r, ecm->dst.addr);
	struct lisp_msg msg;

	if (server < 0 || ecm->dst.port != r->conf.port)
		count(r, RTR_SERVER_UNKNOWN);
	else if (lisp_parse(ecm->message, ecm->size, &r->conf.dialect, &msg) != 0 ||
		 msg.record_count == 0)
		count(r, RTR_MALFORMED);
	else if (!has_xtr_id(&msg))
		count(r, RTR_NO_XTR_ID);
	else if (!msg.reg.want_notify)
		count(r, RTR_NO_NOTIFY);
	else if (wait_for(r, from, ecm, &msg, server, now))
		relay(r, ecm, server);
}

/* ---- Map-Notifies ---- */

/* On to the xTR, in a data packet from our control port (draft, section 4.5). */
static void
send_on(struct rtr *r, const struct lisp_ecm *in, struct endpoint to, struct addr local)
{
	struct lisp_ecm inside = {.src = in->src, .dst = {local, r->conf.port}, .size = in->size};
	uint8_t data[LISP_ECM_SIZE_MAX + LISP_ECM_AUTH_SIZE_MAX + MESSAGE_MAX];
	size_t head = lisp_inside_size(in->src.addr.family);
	int size = -EMSGSIZE;

	if (in->size <= MESSAGE_MAX) {
		memcpy(data + head, in->message, in->size);
		size = lisp_inside_build(&inside, data, sizeof(data));
	}
	if (size < 0 || r->io->send(r->io_ctx, &to, data, (size_t)size) != 0)
		count(r, RTR_SEND_FAILED);
	else
		count(r, RTR_NOTIFIED);
}

/* Nobody waits for it: news for an xTR that is known here, by one of the EIDs.  They change nothing here: the answer to its
 * next Map-Register, which is not far, cannot be a replay. */
static void
news_heard(struct rtr *r, const struct lisp_ecm *ecm, const struct lisp_msg *msg, unsigned server)
{
	struct rd records = msg->records;
	struct lisp_record record;

	while (lisp_record_next(&records, &record)) {
		const struct row *row = NULL;

		if (record.eid.kind == LISP_EID_IP)
			row = lpm_find_exact(&r->lpm, record.eid.vn, record.eid.prefix);
		if (row != NULL && row->eid.server == server &&
		    is_same_xtr(&row->eid.xtr, &msg->xtr_id)) {
			send_on(r, ecm, row->eid.to, row->eid.local);
			return;
		}
	}
	count(r, RTR_UNASKED);
}

static void
notify_heard(struct rtr *r, const struct endpoint *from, const struct lisp_ecm *ecm,
	     const uint8_t *data, us_t now)
{
	int server = server_at(r, from->addr);
	struct lisp_record record;
	struct lisp_msg msg;
	struct waiting *w, found;

	if (server < 0) {
		count(r, RTR_SERVER_UNKNOWN);
		return;
	}
	if (lisp_parse(ecm->message, ecm->size, &r->conf.dialect, &msg) != 0) {
		count(r, RTR_MALFORMED);
		return;
	}
	if (!ecm->security || lisp_auth_relay_verify(r->io, r->io_ctx, &r->conf.servers[server].key,
						     &ecm->rtr_auth, data + ecm->rtr_auth.offset,
						     msg.nonce, ecm->message, ecm->size) != 0) {
		count(r, RTR_AUTH_FAILED);
		return;
	}
	if (!has_xtr_id(&msg)) {
		count(r, RTR_NO_XTR_ID);
		return;
	}
	w = waiting_find(r, &msg, now);
	if (w == NULL || w->server != (unsigned)server) {
		news_heard(r, ecm, &msg, (unsigned)server);
		return;
	}
	found = *w;
	*w = (struct waiting){.nonce = 0};
	if (found.is_ambiguous)
		return;
	count(r, RTR_ACCEPTED);
	while (lisp_record_next(&msg.records, &record))
		take_record(r, &found, &record, now);
	send_on(r, ecm, found.from, found.local);
}

/* 'to_etr' is R where it is about registrations, and 'to_ms' N. */
static bool
is_for_rtr(const struct rtr *r, const struct lisp_ecm *ecm, uint8_t type)
{
	return ecm->to_etr || (r->conf.old_drafts && type == LISP_MAP_REGISTER && !ecm->to_ms);
}

bool
rtr_heard(struct rtr *r, const struct endpoint *from, const uint8_t *data, size_t size, us_t now)
{
	struct lisp_ecm ecm;
	uint8_t type;

	if (size == 0 || data[0] >> 4 != LISP_ECM || lisp_ecm_parse(data, size, &ecm) != 0 ||
	    ecm.size == 0)
		return false;
	type = ecm.message[0] >> 4;
	if (!is_for_rtr(r, &ecm, type))
		return false;
	if (type == LISP_MAP_REGISTER)
		register_heard(r, from, &ecm, now);
	else if (type == LISP_MAP_NOTIFY)
		notify_heard(r, from, &ecm, data, now);
	else
		return false;
	return true;
}

/* ---- time ---- */

us_t
rtr_run(struct rtr *r, us_t now)
{
	size_t position = 0;
	struct row *row;

	if (now < r->due)
		return r->due;
	r->due = US_NEVER;
	while ((row = row_next(r, &position)) != NULL) {
		if (row->eid.expires <= now) {
			count(r, RTR_EXPIRED);
			remove_row(r, row);
		} else if (row->eid.expires < r->due) {
			r->due = row->eid.expires;
		}
	}
	/* Many end one after the other: once a second is enough. */
	if (r->due < now + US_S)
		r->due = now + US_S;
	return r->due;
}

size_t
rtr_waiting(const struct rtr *r, us_t now)
{
	size_t found = 0;

	for (size_t i = 0; i < RTR_WAITING_MAX; i++)
		found += !addr_is_none(r->waiting[i].from.addr) && now < r->waiting[i].until;
	return found;
}
