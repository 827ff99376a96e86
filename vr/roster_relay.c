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
roster_relay_seal(struct roster *r, uint32_t relay, uint32_t slot, uint8_t *out, us_t now)
{
	return session_relay_seal(r->slots[relay].session, SEAL_RELAY, r->slots[slot].id, out, now);
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

enum roster_fate
roster_forward(struct roster *r, const struct seal_outer *outer, struct session *from,
	       uint8_t *data, size_t size, const struct path *path, us_t now, uint32_t *slot)
{
	uint32_t sender = session_user(from);
	const struct path *leg;
	struct vr_id id;
	int rc;

	if (!r->relay || path->kind == PATH_RELAY) {
		r->drops[ROSTER_DROP_RELAY_OFF]++;
		return ROSTER_DONE;
	}
	rc = session_relay_open(from, outer, data, path, now, &id);
	roster_touch(r, from);
	if (rc != 0) {
		roster_count_unopened(r, rc);
		return ROSTER_DONE;
	}
	if (!has_credit(r, &r->slots[sender], size, now)) {
		r->drops[ROSTER_DROP_RELAY_LIMIT]++;
		return ROSTER_DONE;
	}
	if (!roster_slot_of(r, id, slot) || *slot == sender || !r->slots[*slot].up) {
		r->drops[ROSTER_DROP_RELAY_UNKNOWN]++;
		return ROSTER_DONE;
	}
	leg = session_path(r->slots[*slot].session);
	/* A relay that is itself reached by one would make a chain, or a ring. */
	if ((leg->kind != PATH_UDP && leg->kind != PATH_TCP) ||
	    session_relay_seal(r->slots[*slot].session, SEAL_RELAYED, r->slots[sender].id, data,
			       now) != 0) {
		r->drops[ROSTER_DROP_RELAY_UNKNOWN]++;
		return ROSTER_DONE;
	}
	return ROSTER_FORWARD;
}
