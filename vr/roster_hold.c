/* Calls that a relay keeps for a peer that is not there yet: two routers that start at the same moment call each other
 * before the relay has heard both.  Handed on when the peer comes, or given up. */
#include "vr/roster_priv.h"

/* For all senders, and for one. */
#define HELD_MAX    256
#define HELD_OF_ONE 8
/* Longer than anybody waits before calling again. */
#define HELD_TIME (6 * US_S)

struct roster_held {
	us_t until; /* 0: a free row */
	uint32_t from, to;
	uint8_t call[HANDSHAKE_INIT_SIZE];
};

static void
give_up(struct roster *r, struct roster_held *row)
{
	row->until = 0;
	r->drops[ROSTER_DROP_RELAY_UNKNOWN]++;
}

/* A newer call takes the place of an older one between the same two, and, of one sender, of its oldest. */
static struct roster_held *
room_for(struct roster *r, uint32_t from, uint32_t to)
{
	struct roster_held *unused = NULL, *oldest = NULL;
	size_t own = 0;

	for (size_t i = 0; i < HELD_MAX; i++) {
		struct roster_held *row = &r->held[i];

		if (row->until == 0) {
			unused = row;
			continue;
		}
		if (row->from != from)
			continue;
		if (row->to == to)
			return row;
		own++;
		if (oldest == NULL || row->until < oldest->until)
			oldest = row;
	}
	return own < HELD_OF_ONE ? unused : oldest;
}

bool
roster_hold(struct roster *r, uint32_t from, uint32_t to, const uint8_t *data, size_t size,
	    us_t now)
{
	struct roster_held *row;
	struct seal_outer outer;

	if (size != HANDSHAKE_INIT_SIZE || seal_outer_parse(data, size, &outer) != 0 ||
	    outer.type != SEAL_INIT)
		return false;
	if (r->held == NULL)
		r->held = calloc(HELD_MAX, sizeof(*r->held));
	row = r->held == NULL ? NULL : room_for(r, from, to);
	if (row == NULL)
		return false;
	if (row->until != 0)
		give_up(r, row);
	row->from = from;
	row->to = to;
	row->until = now + HELD_TIME;
	memcpy(row->call, data, size);
	if (row->until < r->due)
		r->due = row->until;
	return true;
}

static void
hand_on(struct roster *r, struct roster_held *row, us_t now)
{
	uint8_t datagram[SEAL_RELAY_SIZE + HANDSHAKE_INIT_SIZE];
	struct session *to = r->slots[row->to].session;
	const struct path *path = session_path(to);

	memcpy(datagram + SEAL_RELAY_SIZE, row->call, sizeof(row->call));
	if (!r->relay || !roster_may_relay(r, row->from, row->to, now) ||
	    session_relay_seal(to, SEAL_RELAYED, r->slots[row->from].id, datagram, sizeof(datagram),
			       1, now) != 0 ||
	    r->ops->send(r->ctx, path, datagram, sizeof(datagram), now) != 0) {
		give_up(r, row);
		return;
	}
	row->until = 0;
}

void
roster_hold_end(struct roster *r, uint32_t to, us_t now)
{
	for (size_t i = 0; r->held != NULL && i < HELD_MAX; i++)
		if (r->held[i].until != 0 && r->held[i].to == to)
			hand_on(r, &r->held[i], now);
}

void
roster_hold_forget(struct roster *r, uint32_t slot)
{
	for (size_t i = 0; r->held != NULL && i < HELD_MAX; i++)
		if (r->held[i].until != 0 && (r->held[i].to == slot || r->held[i].from == slot))
			give_up(r, &r->held[i]);
}

us_t
roster_hold_run(struct roster *r, us_t now)
{
	us_t due = US_NEVER;

	for (size_t i = 0; r->held != NULL && i < HELD_MAX; i++) {
		struct roster_held *row = &r->held[i];

		if (row->until != 0 && row->until <= now)
			give_up(r, row);
		if (row->until != 0 && row->until < due)
			due = row->until;
	}
	return due;
}
