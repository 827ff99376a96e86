/* Where this router may be reached: what it knows itself, and where its relays see it. */
#include "vr/roster_priv.h"

static bool
has_candidate(const struct paths_candidates *c, struct endpoint to)
{
	for (uint8_t i = 0; i < c->count; i++)
		if (endpoint_equal(c->rows[i].to, to))
			return true;
	return false;
}

static void
add(struct paths_candidates *c, uint8_t origin, struct endpoint to)
{
	if (c->count < PATHS_CANDIDATES_MAX && paths_is_reachable(to) && !has_candidate(c, to))
		c->rows[c->count++] = (struct paths_candidate){.origin = origin, .to = to};
}

static bool
is_same(const struct paths_candidates *a, const struct paths_candidates *b)
{
	if (a->count != b->count)
		return false;
	for (uint8_t i = 0; i < a->count; i++)
		if (a->rows[i].origin != b->rows[i].origin ||
		    !endpoint_equal(a->rows[i].to, b->rows[i].to))
			return false;
	return true;
}

void
roster_own_make(struct roster *r, us_t now)
{
	struct paths_candidates own = {.serial = r->own.serial};

	for (size_t i = 0; i < r->known_count; i++)
		add(&own, r->known[i].origin, r->known[i].to);
	for (uint32_t i = 0; i < r->slot_count; i++) {
		struct roster_slot *row = &r->slots[i];

		if (!row->relays || !row->up)
			row->seen = row->seen6 = (struct endpoint){.port = 0};
		if (row->session == NULL)
			continue;
		add(&own, CANDIDATE_REFLEXIVE, row->seen);
		add(&own, CANDIDATE_REFLEXIVE, row->seen6);
	}
	if (is_same(&own, &r->own))
		return;
	/* Odd as it began: never 0. */
	own.serial += 2;
	r->own = own;
	for (uint32_t i = 0; i < r->slot_count; i++) {
		if (r->slots[i].session == NULL)
			continue;
		session_candidates_changed(r->slots[i].session, now);
		roster_touch(r, r->slots[i].session);
	}
}

void
roster_own(struct roster *r, const struct paths_candidate *rows, size_t count, us_t now)
{
	/* Two places are left for where a relay sees us, by IPv4 and IPv6. */
	r->known_count = count < PATHS_CANDIDATES_MAX - 2 ? count : PATHS_CANDIDATES_MAX - 2;
	memcpy(r->known, rows, r->known_count * sizeof(*rows));
	roster_own_make(r, now);
}

void
roster_seen(struct roster *r, uint32_t slot, struct endpoint at, us_t now)
{
	struct roster_slot *row = &r->slots[slot];
	struct endpoint *seen = at.addr.family == ADDR_V6 ? &row->seen6 : &row->seen;

	if (endpoint_equal(*seen, at))
		return;
	*seen = at;
	if (r->slots[slot].relays)
		roster_own_make(r, now);
}

void
roster_path_closed(struct roster *r, const struct path *path, us_t now)
{
	for (uint32_t i = 0; i < r->slot_count; i++) {
		if (r->slots[i].session == NULL)
			continue;
		session_path_closed(r->slots[i].session, path, now);
		roster_touch(r, r->slots[i].session);
	}
}

void
roster_underlay_changed(struct roster *r, us_t now)
{
	for (uint32_t i = 0; i < r->slot_count; i++) {
		if (r->slots[i].session == NULL)
			continue;
		session_underlay_changed(r->slots[i].session, now);
		roster_touch(r, r->slots[i].session);
	}
}
