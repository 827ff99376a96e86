/* All sessions of one router. */
#include "vr/roster.h"

#include <errno.h>

#include "vr/door.h"
#include "vr/pmtu.h"

#define SLOTS_MAX   65536
#define INDEX_FIRST 64
#define INDEX_MAX   65536 /* places; the upper half of an index is random */

struct index_row {
	uint32_t index;
	struct session *session; /* NULL: free */
};

struct roster {
	struct session_conf conf;
	const struct roster_ops *ops;
	void *ctx;
	struct session **slots;
	uint32_t slot_count; /* places */
	struct index_row *rows;
	uint32_t row_count; /* a power of two: an index's lower bits are its place */
	uint32_t row_next;  /* where to look for a free one */
	struct door door;
	uint64_t clock;
	us_t due;
	uint64_t drops[ROSTER_DROP_COUNT];
};

static int
rows_grow(struct roster *r)
{
	uint32_t count = r->row_count == 0 ? INDEX_FIRST : r->row_count * 2;
	struct index_row *rows;

	if (count > INDEX_MAX)
		return -ENOMEM;
	rows = realloc(r->rows, count * sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	memset(rows + r->row_count, 0, (count - r->row_count) * sizeof(*rows));
	r->row_next = r->row_count;
	r->rows = rows;
	r->row_count = count;
	return 0;
}

static int
on_index_take(void *ctx, struct session *s, uint32_t *index)
{
	struct roster *r = ctx;
	uint16_t upper;

	if (r->ops->random(r->ctx, &upper, sizeof(upper)) != 0)
		return -EIO;
	for (;;) {
		for (uint32_t i = 0; i < r->row_count; i++) {
			uint32_t place = (r->row_next + i) % r->row_count;
			struct index_row *row = &r->rows[place];

			if (row->session != NULL)
				continue;
			row->session = s;
			row->index = (uint32_t)upper << 16 | place;
			r->row_next = place + 1;
			*index = row->index;
			return 0;
		}
		if (rows_grow(r) != 0)
			return -ENOMEM;
	}
}

static struct index_row *
row_of(const struct roster *r, uint32_t index)
{
	uint32_t place = index & 0xffff;

	if (place >= r->row_count || r->rows[place].session == NULL ||
	    r->rows[place].index != index)
		return NULL;
	return &r->rows[place];
}

static void
on_index_give(void *ctx, uint32_t index)
{
	struct index_row *row = row_of(ctx, index);

	BUG_IF(row == NULL);
	row->session = NULL;
}

static int
on_random(void *ctx, void *bytes, size_t size)
{
	struct roster *r = ctx;

	return r->ops->random(r->ctx, bytes, size);
}

static uint64_t
on_stamp(void *ctx)
{
	struct roster *r = ctx;
	uint64_t wall = r->ops->wall(r->ctx);

	r->clock = wall > r->clock ? wall : r->clock + 1;
	r->ops->persist(r->ctx);
	return r->clock;
}

static int
on_send(void *ctx, const struct endpoint *to, const uint8_t *data, size_t size)
{
	struct roster *r = ctx;
	int rc = r->ops->send(r->ctx, to, data, size);

	/* A probe that the device refuses for its size has done its work. */
	if (rc != 0 && rc != -EMSGSIZE)
		r->drops[ROSTER_DROP_SEND]++;
	return rc;
}

static void
on_up(void *ctx, struct session *s, bool up, us_t now)
{
	struct roster *r = ctx;

	r->ops->session(r->ctx, session_user(s), up, now);
}

static void
on_mtu(void *ctx, struct session *s, us_t now)
{
	struct roster *r = ctx;

	r->ops->mtu(r->ctx, session_user(s), session_inner_mtu(s), now);
}

static void
on_persist(void *ctx)
{
	struct roster *r = ctx;

	r->ops->persist(r->ctx);
}

static const struct session_ops session_ops = {
	.index_take = on_index_take,
	.index_give = on_index_give,
	.random = on_random,
	.stamp = on_stamp,
	.send = on_send,
	.up = on_up,
	.mtu = on_mtu,
	.persist = on_persist,
};

int
roster_create(const struct roster_conf *conf, const struct roster_ops *ops, void *ctx,
	      struct roster **out)
{
	struct roster *r = calloc(1, sizeof(*r));
	uint8_t seed[CRYPTO_KEY_SIZE + 16];
	int rc;

	if (r == NULL)
		return -ENOMEM;
	r->ops = ops;
	r->ctx = ctx;
	r->clock = conf->clock_floor;
	r->due = US_NEVER;
	r->conf.cipher = conf->cipher;
	r->conf.rekey_time = conf->rekey_time;
	r->conf.rekey_records = conf->rekey_records;
	r->conf.silence = conf->silence;
	r->conf.mtu_max = conf->mtu_max < PMTU_MAX ? conf->mtu_max : PMTU_MAX;
	r->conf.scratch = malloc((size_t)r->conf.mtu_max + SEAL_OVERHEAD);
	rc = r->conf.scratch == NULL ? -ENOMEM : ops->random(ctx, seed, sizeof(seed));
	if (rc == 0)
		rc = handshake_self_init(&r->conf.self, conf->private_key);
	if (rc != 0) {
		roster_destroy(r);
		return rc;
	}
	door_init(&r->door, seed);
	crypto_wipe(seed, sizeof(seed));
	*out = r;
	return 0;
}

void
roster_destroy(struct roster *r)
{
	if (r == NULL)
		return;
	for (uint32_t i = 0; i < r->slot_count; i++)
		session_destroy(r->slots[i]);
	free(r->slots);
	free(r->rows);
	free(r->conf.scratch);
	handshake_self_fini(&r->conf.self);
	door_fini(&r->door);
	free(r);
}

void
roster_set_silence(struct roster *r, us_t silence)
{
	if (silence == r->conf.silence)
		return;
	r->conf.silence = silence;
	r->due = 0;
	for (uint32_t i = 0; i < r->slot_count; i++)
		if (r->slots[i] != NULL)
			session_wake(r->slots[i]);
}

void
roster_underlay_changed(struct roster *r, us_t now)
{
	for (uint32_t i = 0; i < r->slot_count; i++) {
		if (r->slots[i] == NULL)
			continue;
		session_underlay_changed(r->slots[i], now);
		roster_touch(r, r->slots[i]);
	}
}

struct session *
roster_at(const struct roster *r, uint32_t slot)
{
	return slot < r->slot_count ? r->slots[slot] : NULL;
}

/* A walk is cheap beside the two Diffie-Hellman operations that come before it. */
static struct session *
session_by_key(const struct roster *r, const uint8_t public_key[CRYPTO_KEY_SIZE])
{
	for (uint32_t i = 0; i < r->slot_count; i++)
		if (r->slots[i] != NULL &&
		    memcmp(session_public_key(r->slots[i]), public_key, CRYPTO_KEY_SIZE) == 0)
			return r->slots[i];
	return NULL;
}

int
roster_put(struct roster *r, uint32_t slot, const uint8_t public_key[CRYPTO_KEY_SIZE],
	   uint64_t heard_floor)
{
	if (slot >= SLOTS_MAX)
		return -EINVAL;
	if (roster_at(r, slot) != NULL || session_by_key(r, public_key) != NULL)
		return -EEXIST;
	if (slot >= r->slot_count) {
		uint32_t count = slot + 16;
		struct session **slots = realloc(r->slots, count * sizeof(struct session *));

		if (slots == NULL)
			return -ENOMEM;
		for (uint32_t i = r->slot_count; i < count; i++)
			slots[i] = NULL;
		r->slots = slots;
		r->slot_count = count;
	}
	r->slots[slot] = session_create(&r->conf, &session_ops, r, slot, public_key, heard_floor);
	return r->slots[slot] != NULL ? 0 : -ENOMEM;
}

void
roster_remove(struct roster *r, uint32_t slot)
{
	if (roster_at(r, slot) == NULL)
		return;
	session_destroy(r->slots[slot]);
	r->slots[slot] = NULL;
}

void
roster_touch(struct roster *r, const struct session *s)
{
	if (session_due(s) < r->due)
		r->due = session_due(s);
}

us_t
roster_due(const struct roster *r)
{
	return r->due;
}

us_t
roster_run(struct roster *r, us_t now)
{
	if (now < r->due)
		return r->due;
	r->due = US_NEVER;
	for (uint32_t i = 0; i < r->slot_count; i++) {
		struct session *s = r->slots[i];

		if (s == NULL)
			continue;
		if (session_due(s) <= now)
			session_run(s, now);
		roster_touch(r, s);
	}
	return r->due;
}

static void
init_heard(struct roster *r, const uint8_t *data, size_t size, const struct endpoint *from,
	   us_t now)
{
	uint8_t cookie[HANDSHAKE_MAC_SIZE], nonce[16], reply[HANDSHAKE_COOKIE_SIZE];
	enum door_verdict verdict;
	struct handshake_init init;
	struct session *s;
	struct noise n;
	int rc;

	if (!handshake_mac1_valid(&r->conf.self, data, size)) {
		r->drops[ROSTER_DROP_MAC1]++;
		return;
	}
	verdict = door_ask(&r->door, data, from, now, cookie);
	if (verdict != DOOR_PASS) {
		r->drops[ROSTER_DROP_LOAD]++;
		if (verdict == DOOR_COOKIE && r->ops->random(r->ctx, nonce, sizeof(nonce)) == 0 &&
		    handshake_cookie_build(&r->conf.self, data, nonce, cookie, reply) == 0)
			(void)on_send(r, from, reply, sizeof(reply));
		return;
	}
	rc = handshake_init_read(&n, &r->conf.self, data, size, &init);
	if (rc != 0) {
		r->drops[rc == -EBADMSG ? ROSTER_DROP_HANDSHAKE : ROSTER_DROP_RESOURCE]++;
		return;
	}
	s = session_by_key(r, n.remote_static);
	if (s == NULL) {
		r->drops[ROSTER_DROP_UNKNOWN_PEER]++;
	} else {
		rc = session_init_heard(s, &n, &init, from, now);
		if (rc != 0)
			r->drops[rc == -ESTALE ? ROSTER_DROP_STALE : ROSTER_DROP_RESOURCE]++;
		roster_touch(r, s);
	}
	noise_fini(&n);
}

static void
answer_heard(struct roster *r, const struct seal_outer *outer, const uint8_t *data, size_t size,
	     const struct endpoint *from, us_t now)
{
	const struct index_row *row;
	int rc;

	if (outer->type == SEAL_RESPONSE && !handshake_mac1_valid(&r->conf.self, data, size)) {
		r->drops[ROSTER_DROP_MAC1]++;
		return;
	}
	row = row_of(r, outer->receiver);
	if (row == NULL)
		rc = -ENOENT;
	else if (outer->type == SEAL_RESPONSE)
		rc = session_response_heard(row->session, outer->receiver, data, size, from, now);
	else
		rc = session_cookie_heard(row->session, outer->receiver, data, size, now);
	if (rc == -ENOENT)
		r->drops[ROSTER_DROP_UNASKED]++;
	else if (rc == -EBADMSG)
		r->drops[ROSTER_DROP_HANDSHAKE]++;
	else if (rc != 0)
		r->drops[ROSTER_DROP_RESOURCE]++;
	/* The row may have moved or gone, the session has not. */
	row = row_of(r, outer->receiver);
	if (row != NULL)
		roster_touch(r, row->session);
}

bool
roster_heard(struct roster *r, uint8_t *data, size_t size, const struct endpoint *from, us_t now,
	     struct session_content *out, uint32_t *slot)
{
	struct seal_outer outer;
	struct index_row *row;
	struct session *s;
	int rc;

	if (seal_outer_parse(data, size, &outer) != 0) {
		r->drops[ROSTER_DROP_MALFORMED]++;
		return false;
	}
	if (outer.type == SEAL_INIT) {
		init_heard(r, data, size, from, now);
		return false;
	}
	if (outer.type != SEAL_RECORD) {
		answer_heard(r, &outer, data, size, from, now);
		return false;
	}
	row = row_of(r, outer.receiver);
	if (row == NULL) {
		r->drops[ROSTER_DROP_NO_INDEX]++;
		return false;
	}
	/* Opening may answer, and that may move the rows: keep the session, not the row. */
	s = row->session;
	*slot = session_user(s);
	rc = session_open(s, &outer, data, size, from, now, out);
	roster_touch(r, s);
	if (rc == 0)
		return out->inner.kind == SEAL_DATA || out->inner.kind == SEAL_SYNC;
	if (rc == -ENOENT)
		r->drops[ROSTER_DROP_NO_INDEX]++;
	else if (rc == -EALREADY)
		r->drops[ROSTER_DROP_REPLAYED]++;
	else if (rc == -EPROTO)
		r->drops[ROSTER_DROP_INNER]++;
	else
		r->drops[ROSTER_DROP_FORGED]++;
	return false;
}

uint64_t
roster_clock(const struct roster *r)
{
	return r->clock;
}

void
roster_count_drop(struct roster *r, enum roster_drop reason, uint64_t count)
{
	r->drops[reason] += count;
}

uint64_t
roster_drop_count(const struct roster *r, enum roster_drop reason)
{
	return r->drops[reason];
}

const char *
roster_drop_name(unsigned reason)
{
	static const char *const names[] = {
#define X(id, name, text) name,
		ROSTER_DROPS(X)
#undef X
	};

	return reason < ROSTER_DROP_COUNT ? names[reason] : NULL;
}

const char *
roster_drop_text(unsigned reason)
{
	static const char *const texts[] = {
#define X(id, name, text) text,
		ROSTER_DROPS(X)
#undef X
	};

	return reason < ROSTER_DROP_COUNT ? texts[reason] : NULL;
}
