/* All sessions of one router. */
#include "vr/roster_priv.h"

#include <errno.h>

#include "base/counter.h"
#include "vr/pmtu.h"
#include "wire/rd.h"
#include "wire/wr.h"

#define SLOTS_MAX   65536
#define INDEX_FIRST 64
#define INDEX_MAX   65536 /* places; the upper half of an index is random */

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

struct index_row *
roster_row_of(const struct roster *r, uint32_t index)
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
	struct index_row *row = roster_row_of(ctx, index);

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

/* Datagrams larger than that are never made here: records of data have their own way. */
#define ENVELOPE_MAX UINT16_MAX

const struct path *
roster_leg(const struct roster *r, uint32_t relay)
{
	const struct roster_slot *row = relay < r->slot_count ? &r->slots[relay] : NULL;
	const struct path *path;

	if (row == NULL || row->session == NULL || !row->relays || !row->up)
		return NULL;
	path = session_path(row->session);
	return path->kind == PATH_UDP || path->kind == PATH_TCP ? path : NULL;
}

/* By a relay to whom has this id, with what the relay needs in front. */
static int
relay_send(struct roster *r, uint32_t relay, struct vr_id id, const uint8_t *data, size_t size,
	   us_t now)
{
	const struct path *leg = roster_leg(r, relay);

	if (leg == NULL || size > ENVELOPE_MAX ||
	    session_relay_seal(r->slots[relay].session, SEAL_RELAY, id, r->envelope, 0, 1, now) !=
		    0)
		return -ENOTCONN;
	memcpy(r->envelope + SEAL_RELAY_SIZE, data, size);
	return r->ops->send(r->ctx, leg, r->envelope, SEAL_RELAY_SIZE + size, now);
}

int
roster_datagram_send(struct roster *r, const struct path *to, struct vr_id id, const uint8_t *data,
		     size_t size, us_t now)
{
	int rc = to->kind == PATH_RELAY ? relay_send(r, to->via, id, data, size, now)
					: r->ops->send(r->ctx, to, data, size, now);

	/* A probe that the device refuses for its size has done its work. */
	if (rc != 0 && rc != -EMSGSIZE)
		r->drops[ROSTER_DROP_SEND]++;
	return rc;
}

static int
on_send(void *ctx, struct session *s, const struct path *to, const uint8_t *data, size_t size,
	us_t now)
{
	struct roster *r = ctx;

	return roster_datagram_send(r, to, r->slots[session_user(s)].id, data, size, now);
}

static void
on_leg_traffic(void *ctx, uint32_t slot, us_t now)
{
	struct roster *r = ctx;
	struct session *relay = roster_at(r, slot);

	if (relay == NULL)
		return;
	session_traffic(relay, now);
	roster_touch(r, relay);
}

static void
on_limited(void *ctx)
{
	struct roster *r = ctx;

	r->drops[ROSTER_DROP_CHECK_LIMIT]++;
}

static const struct path *
on_leg(void *ctx, uint32_t slot)
{
	return roster_leg(ctx, slot);
}

static const struct paths_candidates *
on_candidates(void *ctx)
{
	const struct roster *r = ctx;

	return &r->own;
}

static void
on_seen(void *ctx, struct session *s, struct endpoint at, us_t now)
{
	roster_seen(ctx, session_user(s), at, now);
}

static void
on_authentic(void *ctx, struct session *s, const struct path *from)
{
	struct roster *r = ctx;

	r->ops->authentic(r->ctx, session_user(s), from);
}

static bool
on_reaches(void *ctx, const struct endpoint *to)
{
	struct roster *r = ctx;

	return r->ops->reaches(r->ctx, to);
}

static struct addr
on_source(void *ctx, const struct endpoint *to)
{
	struct roster *r = ctx;

	return r->ops->source(r->ctx, to);
}

static void
on_stuck(void *ctx, const struct path *stream)
{
	struct roster *r = ctx;

	r->ops->stuck(r->ctx, stream);
}

static void
on_moved(void *ctx, struct session *s, us_t now)
{
	struct roster *r = ctx;
	uint32_t slot = session_user(s);
	const struct path by = path_relay(slot);

	r->changes++;
	r->ops->moved(r->ctx, slot, now);
	/* Who is reached by this relay has another way, too, as far as the relay. */
	for (uint32_t i = 0; r->slots[slot].relays && i < r->slot_count; i++) {
		struct session *other = r->slots[i].session;

		if (i == slot || other == NULL || !path_equal(*session_path(other), by))
			continue;
		session_leg_changed(other, now);
		roster_touch(r, other);
	}
}

static void
on_up(void *ctx, struct session *s, bool up, us_t now)
{
	struct roster *r = ctx;
	uint32_t slot = session_user(s);

	r->slots[slot].up = up;
	r->ops->session(r->ctx, slot, up, now);
	if (up)
		roster_hold_end(r, slot, now);
	if (r->slots[slot].relays)
		roster_relay_changed(r, slot, now);
}

static void
on_mtu(void *ctx, struct session *s, us_t now)
{
	struct roster *r = ctx;

	r->changes++;
	r->ops->mtu(r->ctx, session_user(s), session_inner_mtu(s), now);
}

static void
on_keys(void *ctx)
{
	struct roster *r = ctx;

	r->changes++;
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
	.leg_traffic = on_leg_traffic,
	.limited = on_limited,
	.leg = on_leg,
	.candidates = on_candidates,
	.seen = on_seen,
	.authentic = on_authentic,
	.stuck = on_stuck,
	.reaches = on_reaches,
	.source = on_source,
	.moved = on_moved,
	.up = on_up,
	.keys = on_keys,
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
	r->conf.engine = conf->engine;
	r->conf.hands = 1 + conf->workers;
	r->conf.rekey_time = conf->rekey_time;
	r->conf.rekey_records = conf->rekey_records;
	r->conf.silence = conf->silence;
	r->conf.keepalive = conf->keepalive;
	r->relay = conf->relay;
	r->relay_rate = conf->relay_rate;
	r->relay_pairs = conf->relay_pairs;
	r->conf.mtu_max = conf->mtu_max < PMTU_MAX ? conf->mtu_max : PMTU_MAX;
	r->conf.scratch = malloc((size_t)r->conf.mtu_max + SEAL_OVERHEAD);
	r->envelope = malloc(SEAL_RELAY_SIZE + ENVELOPE_MAX);
	rc = r->conf.scratch == NULL || r->envelope == NULL ? -ENOMEM
							    : ops->random(ctx, seed, sizeof(seed));
	if (rc == 0)
		rc = ops->random(ctx, &r->own.serial, sizeof(r->own.serial));
	if (rc == 0)
		rc = handshake_self_init(&r->conf.self, conf->private_key);
	if (rc != 0) {
		roster_destroy(r);
		return rc;
	}
	door_init(&r->door, seed);
	/* Another one after each start; 0 is nobody's. */
	r->own.serial |= 1;
	crypto_wipe(seed, sizeof(seed));
	*out = r;
	return 0;
}

void
roster_destroy(struct roster *r)
{
	if (r == NULL)
		return;
	for (uint32_t i = 0; i < r->slot_count; i++) {
		session_destroy(r->slots[i].session);
		free(r->slots[i].receivers);
	}
	free(r->slots);
	free(r->ids);
	free(r->held);
	free(r->envelope);
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
		if (r->slots[i].session != NULL)
			session_wake(r->slots[i].session);
}

struct session *
roster_at(const struct roster *r, uint32_t slot)
{
	return slot < r->slot_count ? r->slots[slot].session : NULL;
}

/* A walk is cheap beside the two Diffie-Hellman operations that come before it. */
struct session *
roster_by_key(const struct roster *r, const uint8_t public_key[CRYPTO_KEY_SIZE])
{
	for (uint32_t i = 0; i < r->slot_count; i++)
		if (r->slots[i].session != NULL && memcmp(session_public_key(r->slots[i].session),
							  public_key, CRYPTO_KEY_SIZE) == 0)
			return r->slots[i].session;
	return NULL;
}

/* The first eight bytes of the key's hash (base/types.h). */
static struct vr_id
id_of_key(const uint8_t public_key[CRYPTO_KEY_SIZE])
{
	uint8_t hash[CRYPTO_HASH_SIZE];
	struct rd r = rd_make(hash, 8);

	crypto_hash(public_key, CRYPTO_KEY_SIZE, NULL, 0, hash);
	return (struct vr_id){rd_u64(&r)};
}

int
roster_put(struct roster *r, uint32_t slot, const uint8_t public_key[CRYPTO_KEY_SIZE],
	   uint64_t heard_floor)
{
	struct session *s;

	if (slot >= SLOTS_MAX)
		return -EINVAL;
	if (roster_at(r, slot) != NULL || roster_by_key(r, public_key) != NULL)
		return -EEXIST;
	if (slot >= r->slot_count) {
		uint32_t count = slot + 16;
		struct roster_slot *slots = realloc(r->slots, count * sizeof(*slots));

		if (slots == NULL)
			return -ENOMEM;
		memset(slots + r->slot_count, 0, (count - r->slot_count) * sizeof(*slots));
		r->slots = slots;
		r->slot_count = count;
	}
	s = session_create(&r->conf, &session_ops, r, slot, public_key, heard_floor);
	if (s == NULL)
		return -ENOMEM;
	r->slots[slot] = (struct roster_slot){.session = s, .id = id_of_key(public_key)};
	if (roster_ids_make(r) != 0) {
		session_destroy(s);
		r->slots[slot].session = NULL;
		return -ENOMEM;
	}
	/* Relays that are there already; the others tell when they come. */
	for (uint32_t i = 0; i < r->slot_count; i++)
		if (i != slot && r->slots[i].session != NULL && r->slots[i].relays &&
		    r->slots[i].up)
			session_relay(s, i, true, 0);
	return 0;
}

void
roster_remove(struct roster *r, uint32_t slot, us_t now)
{
	if (roster_at(r, slot) == NULL)
		return;
	roster_set_relay(r, slot, false, now);
	session_destroy(r->slots[slot].session);
	roster_hold_forget(r, slot);
	free(r->slots[slot].receivers);
	r->slots[slot] = (struct roster_slot){.session = NULL};
	/* It only becomes smaller: there is room. */
	(void)!roster_ids_make(r);
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
	r->due = roster_hold_run(r, now);
	for (uint32_t i = 0; i < r->slot_count; i++) {
		struct session *s = r->slots[i].session;

		if (s == NULL)
			continue;
		if (session_due(s) <= now)
			session_run(s, now);
		roster_touch(r, s);
	}
	return r->due;
}

uint64_t
roster_clock(const struct roster *r)
{
	return r->clock;
}

uint64_t
roster_changes(const struct roster *r)
{
	return r->changes;
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

static const struct counter drop_reasons[] = {ROSTER_DROPS(COUNTER_ROW)};

const char *
roster_drop_name(unsigned reason)
{
	return reason < ROSTER_DROP_COUNT ? drop_reasons[reason].name : NULL;
}

const char *
roster_drop_text(unsigned reason)
{
	return reason < ROSTER_DROP_COUNT ? drop_reasons[reason].text : NULL;
}
