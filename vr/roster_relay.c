/* Relaying: by others for this router, and by this router for others.
 *
 * A relay looks at the header that stands in front of each datagram and is sealed for it, and at
 * nothing else: what is behind is sealed between the ends.  There is no state for each pair: the
 * header names the other end, the session's counter keeps replays out. */
#include "vr/roster_priv.h"

#include <errno.h>

/* A sender may have so much relayed at once, beyond its rate. */
#define BURST_TIME (100 * US_MS)
#define BURST_MIN  65536
/* In which a sender's receivers are counted. */
#define PAIRS_TIME (60 * US_S)

/* ---- ids ---- */

int
roster_ids_make(struct roster *r)
{
	uint32_t count = 16, peers = 0;
	uint32_t *ids;

	for (uint32_t i = 0; i < r->slot_count; i++)
		peers += r->slots[i].session != NULL;
	while (count < 2 * peers)
		count *= 2;
	if (count > r->id_count) {
		ids = realloc(r->ids, count * sizeof(*ids));
		if (ids == NULL)
			return -ENOMEM;
		r->ids = ids;
		r->id_count = count;
	}
	memset(r->ids, 0, r->id_count * sizeof(*r->ids));
	for (uint32_t i = 0; i < r->slot_count; i++) {
		uint64_t at = r->slots[i].id.v;

		if (r->slots[i].session == NULL)
			continue;
		while (r->ids[at % r->id_count] != 0)
			at++;
		r->ids[at % r->id_count] = i + 1;
	}
	return 0;
}

bool
roster_slot_of(const struct roster *r, struct vr_id id, uint32_t *slot)
{
	uint32_t row;

	if (r->id_count == 0)
		return false;
	/* Ids are hashes: they spread by themselves. */
	for (uint64_t at = id.v; (row = r->ids[at % r->id_count]) != 0; at++) {
		if (vr_id_equal(r->slots[row - 1].id, id)) {
			*slot = row - 1;
			return true;
		}
	}
	return false;
}

/* ---- by others for us ---- */

bool
roster_way(const struct roster *r, const struct session *s, struct roster_way *way)
{
	const struct path *path = session_path(s);
	const struct path *leg = path;

	if (path->kind == PATH_RELAY)
		leg = roster_leg(r, path->via);
	if (leg == NULL || leg->kind == PATH_NONE)
		return false;
	*way = (struct roster_way){
		.leg = *leg, .relayed = path->kind == PATH_RELAY, .relay = path->via};
	return true;
}

int
roster_relay_seal(struct roster *r, uint32_t relay, uint32_t slot, uint8_t *out, size_t stride,
		  size_t count, us_t now)
{
	struct session *s = roster_at(r, relay);

	return s == NULL ? -ENOTCONN
			 : session_relay_seal(s, SEAL_RELAY, r->slots[slot].id, out, stride, count,
					      now);
}

void
roster_relay_changed(struct roster *r, uint32_t slot, us_t now)
{
	const struct roster_slot *relay = &r->slots[slot];
	bool is_up = relay->relays && relay->up;

	if (!is_up)
		r->slots[slot].seen = (struct endpoint){.port = 0};
	roster_own_make(r, now);
	for (uint32_t i = 0; i < r->slot_count; i++) {
		if (r->slots[i].session == NULL || i == slot)
			continue;
		session_relay(r->slots[i].session, slot, is_up, now);
		roster_touch(r, r->slots[i].session);
	}
}

void
roster_set_relay(struct roster *r, uint32_t slot, bool relays, us_t now)
{
	struct roster_slot *row = &r->slots[slot];

	if (row->relays == relays)
		return;
	row->relays = relays;
	if (row->up)
		roster_relay_changed(r, slot, now);
}

/* ---- by us for others ---- */

void
roster_set_relaying(struct roster *r, bool relay, uint64_t rate)
{
	r->relay = relay;
	r->relay_rate = rate;
}

void
roster_set_relay_pairs(struct roster *r, uint32_t pairs)
{
	r->relay_pairs = pairs;
}

/* Is that one of the sender's receivers, or may it become one? */
static bool
is_receiver(struct roster *r, struct roster_slot *from, uint32_t to, us_t now)
{
	uint8_t bit = (uint8_t)(1U << to % 8);

	if (r->relay_pairs == 0)
		return true;
	if (to / 8 >= from->receivers_size) {
		size_t size = r->slot_count / 8 + 1;
		uint8_t *grown = realloc(from->receivers, size);

		if (grown == NULL)
			return false;
		memset(grown + from->receivers_size, 0, size - from->receivers_size);
		from->receivers = grown;
		from->receivers_size = size;
	}
	if (now - from->receivers_since >= PAIRS_TIME) {
		memset(from->receivers, 0, from->receivers_size);
		from->receiver_count = 0;
		from->receivers_since = now;
	}
	if ((from->receivers[to / 8] & bit) != 0)
		return true;
	if (from->receiver_count >= r->relay_pairs)
		return false;
	from->receivers[to / 8] |= bit;
	from->receiver_count++;
	return true;
}

/* May the sender have so many bytes relayed now? */
static bool
has_credit(struct roster *r, struct roster_slot *from, size_t size, us_t now)
{
	uint64_t rate = r->relay_rate, cost = size * (uint64_t)US_S;
	uint64_t burst = rate * (uint64_t)BURST_TIME;
	us_t passed = now - from->credited;

	if (rate == 0)
		return true;
	if (burst < BURST_MIN * (uint64_t)US_S)
		burst = BURST_MIN * (uint64_t)US_S;
	if (from->credited == 0)
		from->credit = burst;
	else
		from->credit += rate * (uint64_t)(passed < US_S ? passed : US_S);
	if (from->credit > burst)
		from->credit = burst;
	from->credited = now;
	if (from->credit < cost)
		return false;
	from->credit -= cost;
	return true;
}

bool
roster_relay_run(uint8_t *data, size_t whole, size_t segment, struct relay_run *out)
{
	size_t size;

	out->data = data;
	out->segment = segment;
	out->count = 0;
	for (out->whole = 0; out->whole < whole && out->count < RELAY_RUN_MAX; out->whole += size) {
		struct seal_outer outer;

		size = whole - out->whole < segment ? whole - out->whole : segment;
		if (size < SEAL_RELAY_SIZE + SEAL_OUTER_SIZE ||
		    seal_outer_parse(data + out->whole, size, &outer) != 0 ||
		    (outer.type != SEAL_RELAY && outer.type != SEAL_RELAYED))
			break;
		if (out->count == 0) {
			out->type = outer.type;
			out->index = outer.receiver;
		} else if (outer.type != out->type || outer.receiver != out->index) {
			break;
		}
		out->rows[out->count++].counter = outer.counter;
	}
	return out->count > 0;
}

static size_t
run_size(const struct relay_run *run, size_t at)
{
	return at + 1 < run->count ? run->segment : run->whole - at * run->segment;
}

/* Datagrams that follow each other, of one sender, for one receiver. */
struct relay_part {
	uint32_t slot;
	size_t at, count; /* in the run; 0: none */
};

/* A relay that is itself reached by one would make a chain, or a ring. */
static bool
is_reached(const struct session *s)
{
	const struct path *leg = session_path(s);

	return leg->kind == PATH_UDP || leg->kind == PATH_TCP;
}

bool
roster_may_relay(struct roster *r, uint32_t from, uint32_t to, us_t now)
{
	return is_reached(r->slots[to].session) && is_receiver(r, &r->slots[from], to, now);
}

static void
part_send(struct roster *r, uint32_t sender, struct relay_run *run, struct relay_part *part,
	  us_t now, roster_heard_fn *heard, void *ctx)
{
	uint8_t *data = run->data + part->at * run->segment;
	struct session *to;

	if (part->count == 0)
		return;
	to = r->slots[part->slot].session;
	if (!is_reached(to) || session_relay_seal(to, SEAL_RELAYED, r->slots[sender].id, data,
						  run->segment, part->count, now) != 0) {
		r->drops[ROSTER_DROP_RELAY_UNKNOWN] += part->count;
		part->count = 0;
		return;
	}
	roster_touch(r, to);
	for (size_t i = 0; i < part->count; i++)
		heard(ctx, ROSTER_FORWARD, part->slot, data + i * run->segment,
		      run_size(run, part->at + i), NULL, now);
	part->count = 0;
}

/* May this datagram of the run go on, and to whom?  Otherwise it is counted. */
static bool
forward_to(struct roster *r, uint32_t sender, const struct relay_run *run, size_t at, us_t now,
	   uint32_t *slot)
{
	const struct keys_relayed *row = &run->rows[at];

	if (row->rc != 0) {
		roster_count_unopened(r, row->rc);
		return false;
	}
	if (!has_credit(r, &r->slots[sender], run_size(run, at), now)) {
		r->drops[ROSTER_DROP_RELAY_LIMIT]++;
		return false;
	}
	if (!roster_slot_of(r, row->id, slot) || *slot == sender) {
		r->drops[ROSTER_DROP_RELAY_UNKNOWN]++;
		return false;
	}
	if (!r->slots[*slot].up) {
		if (!roster_hold(r, sender, *slot, run->data + at * run->segment + SEAL_RELAY_SIZE,
				 run_size(run, at) - SEAL_RELAY_SIZE, now))
			r->drops[ROSTER_DROP_RELAY_UNKNOWN]++;
		return false;
	}
	if (!is_receiver(r, &r->slots[sender], *slot, now)) {
		r->drops[ROSTER_DROP_RELAY_LIMIT]++;
		return false;
	}
	return true;
}

void
roster_forward(struct roster *r, struct session *from, struct relay_run *run,
	       const struct path *path, us_t now, roster_heard_fn *heard, void *ctx)
{
	uint32_t sender = session_user(from);
	struct relay_part part = {.count = 0};

	if (!r->relay || path->kind == PATH_RELAY) {
		r->drops[ROSTER_DROP_RELAY_OFF] += run->count;
		return;
	}
	session_relay_open(from, run->index, run->data, run->whole, run->segment, run->rows,
			   run->count, path, now);
	roster_touch(r, from);
	for (size_t i = 0; i < run->count; i++) {
		uint32_t slot = 0;
		bool passes = forward_to(r, sender, run, i, now, &slot);

		if (part.count > 0 && (!passes || slot != part.slot))
			part_send(r, sender, run, &part, now, heard, ctx);
		if (!passes)
			continue;
		if (part.count == 0)
			part = (struct relay_part){.slot = slot, .at = i};
		part.count++;
	}
	part_send(r, sender, run, &part, now, heard, ctx);
}
