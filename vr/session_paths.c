/* The ways to a peer: which there are, which of them work, which one is used. */
#include "vr/session_priv.h"

/* So long a way that the peer has left, or that was dead, is only watched. */
#define WATCH_TIME (3 * US_S)
/* Who has left a way for a better one does not go after a peer that still comes by it for two round trips, and this. */
#define LEFT_TIME (20 * US_MS)
/* So long one that is bad is left, doubled each time. */
#define BAD_TIME (30 * US_S)
/* A way that was good for so long since is bad for BAD_TIME only. */
#define BAD_FORGOTTEN (600 * US_S)

/* ---- the table ---- */

struct path_row *
session_path_find(struct session *s, struct path path)
{
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++)
		if (s->rows[i].path.kind != PATH_NONE && path_equal(s->rows[i].path, path))
			return &s->rows[i];
	return NULL;
}

bool
session_path_is_used(const struct session *s, const struct path_row *row)
{
	return path_equal(row->path, s->path);
}

/* What anybody can make up goes first, and what works last. */
static bool
is_missed_less(const struct path_row *row, const struct path_row *than)
{
	bool strange = session_path_is_strange(row);

	if (strange != session_path_is_strange(than))
		return strange;
	return row->valid != than->valid ? than->valid : row->lost > than->lost;
}

/* Free, or the one that is missed least. */
static struct path_row *
row_room(struct session *s)
{
	struct path_row *victim = NULL;

	for (size_t i = 0; i < SESSION_PATHS_MAX; i++) {
		struct path_row *row = &s->rows[i];

		if (row->path.kind == PATH_NONE)
			return row;
		if (session_path_is_used(s, row) || row->origin == PATH_CONFIGURED)
			continue;
		if (victim == NULL || is_missed_less(row, victim))
			victim = row;
	}
	/* What is configured is less than the table holds. */
	return victim != NULL ? victim : &s->rows[SESSION_PATHS_MAX - 1];
}

/* One that no row has: answers that come late must not count for another way. */
static uint8_t
number_next(struct session *s)
{
	bool taken = true;

	while (taken) {
		s->row_number++;
		taken = false;
		for (size_t i = 0; i < SESSION_PATHS_MAX; i++)
			taken |= s->rows[i].path.kind != PATH_NONE &&
				 s->rows[i].number == s->row_number;
	}
	return s->row_number;
}

struct path_row *
session_path_put(struct session *s, struct path path, enum path_origin origin, us_t now)
{
	struct path_row *row = session_path_find(s, path);

	if (row == NULL) {
		row = row_room(s);
		*row = (struct path_row){.path = path,
					 .origin = (uint8_t)origin,
					 .number = number_next(s),
					 .due = now};
		s->paths_due = s->due = now;
	} else if (origin == PATH_CONFIGURED) {
		row->origin = (uint8_t)origin;
	}
	return row;
}

void
session_path_remove(struct path_row *row)
{
	row->path.kind = PATH_NONE;
}

/* Rows of this kind that are configured are those of the list, and no others. */
static void
configure(struct session *s, enum path_kind kind, const struct endpoint *endpoints, size_t count,
	  us_t now)
{
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++) {
		struct path_row *row = &s->rows[i];
		bool listed = false;

		if (row->path.kind != kind || row->origin != PATH_CONFIGURED)
			continue;
		for (size_t j = 0; j < count && !listed; j++)
			listed = endpoint_equal(row->path.to, endpoints[j]);
		if (listed)
			continue;
		if (session_path_is_used(s, row))
			row->origin = PATH_HEARD;
		else
			session_path_remove(row);
	}
	for (size_t i = 0; i < count; i++)
		(void)session_path_put(s, (struct path){.kind = (uint8_t)kind, .to = endpoints[i]},
				       PATH_CONFIGURED, now);
}

void
session_endpoints(struct session *s, const struct endpoint *endpoints, size_t count, us_t now)
{
	if (count > SESSION_ENDPOINTS_MAX)
		count = SESSION_ENDPOINTS_MAX;
	configure(s, PATH_UDP, endpoints, count, now);
	if (s->current == NULL && count > 0) {
		session_handshake_want(s, now);
		s->next_attempt = s->due = now;
	}
}

void
session_streams(struct session *s, const struct endpoint *endpoints, size_t count, us_t now)
{
	if (count > SESSION_STREAMS_MAX)
		count = SESSION_STREAMS_MAX;
	configure(s, PATH_TCP, endpoints, count, now);
	if (s->current == NULL && count > 0)
		session_handshake_want(s, now);
}

size_t
session_streams_get(const struct session *s, struct endpoint out[SESSION_STREAMS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < SESSION_PATHS_MAX && count < SESSION_STREAMS_MAX; i++)
		if (s->rows[i].path.kind == PATH_TCP && s->rows[i].origin == PATH_CONFIGURED)
			out[count++] = s->rows[i].path.to;
	return count;
}

void
session_paths_forget(struct session *s)
{
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++) {
		struct path_row *row = &s->rows[i];

		if (row->path.kind == PATH_NONE)
			continue;
		if (row->origin != PATH_CONFIGURED && !session_path_is_used(s, row)) {
			session_path_remove(row);
			continue;
		}
		*row = (struct path_row){
			.path = row->path, .origin = row->origin, .number = number_next(s)};
	}
	s->told = s->acked = 0;
	s->tell_at = US_NEVER;
	s->paths_due = US_NEVER;
}

/* ---- what is used ---- */

bool
session_path_is_usable(const struct session *s, const struct path *path)
{
	if (path->kind == PATH_UDP)
		return s->ops->reaches(s->ctx, &path->to);
	return path->kind != PATH_NONE &&
	       (path->kind != PATH_RELAY || s->ops->leg(s->ctx, path->via) != NULL);
}

unsigned
session_path_rank(const struct session *s, const struct path_row *row, us_t now)
{
	const struct path *leg;
	unsigned r = 0;

	if (!row->valid || !session_path_is_usable(s, &row->path))
		return SESSION_RANK_NONE;
	if (row->path.kind == PATH_TCP) {
		r = 2;
	} else if (row->path.kind == PATH_RELAY) {
		leg = s->ops->leg(s->ctx, row->path.via);
		r = leg->kind == PATH_TCP ? 3 : 1;
	}
	/* What one end has left the other does not go back to. */
	if (now < row->bad_until || (now < row->lossy_until && !session_path_is_used(s, row)))
		r += SESSION_RANK_BAD;
	return r;
}

void
session_path_start(struct session *s, us_t now)
{
	const struct path_row *row = session_path_find(s, s->path);
	bool is_v6 = s->path.to.addr.family == ADDR_V6;

	pmtu_resume(&s->pmtu, is_v6 ? PMTU_LOW_V6 : PMTU_LOW_V4, row != NULL ? row->proven : 0,
		    now);
}

void
session_path_take(struct session *s, struct path path, enum path_reason reason, us_t now)
{
	struct path_row *row;

	if (path_equal(path, s->path))
		return;
	s->stats.roams += s->path.kind != PATH_NONE;
	s->path_left = s->path;
	s->path = path;
	s->called.family = ADDR_NONE;
	s->path_reason = (uint8_t)reason;
	s->follows = reason == PATH_PEER;
	s->path_since = now;
	s->doubt_since = 0;
	s->seen.addr.family = ADDR_NONE;
	row = session_path_put(s, path, PATH_HEARD, now);
	row->due = s->paths_due = s->due = now;
	row->lossy = 0;
	row->lossy_until = 0;
	/* Another path: what was found out about the old one may not hold. */
	if (s->current != NULL)
		session_path_start(s, now);
	session_mtu_report(s, now);
	session_tell_want(s, now);
	s->ops->moved(s->ctx, s, now);
}

void
session_path_bad(struct path_row *row, enum path_reason reason, us_t now)
{
	if (row->good_since != 0 && now - row->good_since >= BAD_FORGOTTEN)
		row->bad_times = 0;
	row->good_since = 0;
	row->lossy = 0;
	row->lossy_until = 0;
	row->bad_until = now + (BAD_TIME << (row->bad_times < 4 ? row->bad_times : 4));
	if (row->bad_times < 4)
		row->bad_times++;
	row->bad_reason = (uint8_t)reason;
	row->history = row->count = 0;
}

void
session_path_watch(struct path_row *row, enum path_reason reason, us_t now)
{
	if (now < row->bad_until)
		return;
	row->bad_until = now + WATCH_TIME;
	row->bad_reason = (uint8_t)reason;
	row->history = row->count = 0;
}

/* The way in use is left because the peer has left it: it may know why. */
static void
put_in_doubt(const struct session *s, struct path_row *row, us_t now)
{
	row->lost = SESSION_LOST_COUNT - 1;
	row->due = now;
	if (row->valid && session_path_is_throttled(s, row, now))
		session_path_bad(row, PATH_LOSS, now);
	else if (row->valid)
		session_path_watch(row, PATH_PEER, now);
}

/* This way was left for a better one, and the peer may not have heard of that, or still looks at that one and sends by both. */
static bool
is_just_left(struct session *s, const struct path *from, us_t now)
{
	const struct path_row *row = session_path_find(s, *from);

	return row != NULL && s->path_reason == PATH_BETTER && path_equal(*from, s->path_left) &&
	       now - s->path_since < 2 * row->rtt + LEFT_TIME;
}

void
session_path_follow(struct session *s, const struct path *from, us_t now)
{
	struct path_row *row;

	if (path_equal(s->peer_path, *from)) {
		if (s->trial.state == TRIAL_RUNS)
			session_trial_end(s);
		return;
	}
	/* Whoever likes it better goes on coming by it. */
	if (is_just_left(s, from, now))
		return;
	row = session_path_put(s, *from, PATH_HEARD, now);
	if (!session_path_is_used(s, row) && session_trial_wants(s, row, now))
		session_trial_start(s, row, now);
	else
		session_path_go_after(s, row, now);
}

void
session_path_confirm(struct session *s, const struct path *path, us_t now)
{
	struct path_row *row;

	/* A relay and a stream prove themselves. */
	if (path->kind != PATH_UDP)
		return;
	row = session_path_put(s, *path, PATH_HEARD, now);
	row->valid = row->answered = true;
}

void
session_path_go_after(struct session *s, struct path_row *row, us_t now)
{
	struct path_row *used;

	/* The peer goes another way than before. */
	s->peer_path = row->path;
	s->span.generation = 0;
	if (session_path_is_used(s, row))
		return;
	used = session_path_find(s, s->path);
	/* Where we have found for ourselves that it is bad, the peer's choice does not bind us. */
	if (used != NULL && used->valid && now < row->bad_until)
		return;
	row->valid = true;
	if (used != NULL && session_path_rank(s, used, now) < session_path_rank(s, row, now))
		put_in_doubt(s, used, now);
	else if (used != NULL)
		used->due = now;
	session_path_take(s, row->path, s->path.kind == PATH_NONE ? PATH_FIRST : PATH_PEER, now);
}

void
session_path_called(struct session *s, const struct path *from)
{
	struct path_row *row = session_path_find(s, *from);
	bool is_own_choice;

	if (row == NULL || addr_is_none(from->local))
		return;
	if (!addr_equal(row->called, from->local)) {
		/* A host whose routes change sends from another address, and the peer follows: only what is not the system's
		 * own choice is held to. */
		is_own_choice = addr_equal(from->local, s->ops->source(s->ctx, &from->to));
		row->path.local = is_own_choice ? (struct addr){.family = ADDR_NONE} : from->local;
		row->called = from->local;
	}
	if (session_path_is_used(s, row)) {
		s->path.local = row->path.local;
		s->called = row->called;
	}
}

void
session_path_uncalled(struct session *s, struct path_row *row)
{
	row->path.local = row->called = (struct addr){.family = ADDR_NONE};
	if (session_path_is_used(s, row))
		s->path.local = s->called = row->path.local;
}

bool
session_path_is_proven(const struct session *s, const struct path_row *row)
{
	return row->proven >= s->pmtu.size || row->pads >= SESSION_PAD_TRIES;
}

static bool
is_much_faster(const struct path_row *row, const struct path_row *used)
{
	return row->rtt != 0 && used->rtt > 2 * row->rtt + US_MS;
}

/* 'rank': of the way in use. */
static enum path_reason
reason_to_leave(const struct path_row *used, unsigned rank, us_t now)
{
	if (rank < SESSION_RANK_BAD)
		return PATH_BETTER;
	if (used == NULL || now >= used->bad_until ||
	    (rank == SESSION_RANK_NONE && used->bad_reason != PATH_LOSS))
		return PATH_SILENT;
	return (enum path_reason)used->bad_reason;
}

void
session_path_choose(struct session *s, us_t now)
{
	struct path_row *used = session_path_find(s, s->path), *best = NULL;
	unsigned used_rank = used != NULL ? session_path_rank(s, used, now) : SESSION_RANK_NONE,
		 best_rank = SESSION_RANK_NONE;

	for (size_t i = 0; i < SESSION_PATHS_MAX; i++) {
		struct path_row *row = &s->rows[i];
		unsigned r = row->path.kind == PATH_NONE || row == used
				     ? SESSION_RANK_NONE
				     : session_path_rank(s, row, now);

		if (r == SESSION_RANK_NONE ||
		    (used_rank < SESSION_RANK_BAD && !session_path_is_proven(s, row)))
			continue;
		if (r < best_rank || (best != NULL && r == best_rank && row->rtt < best->rtt)) {
			best = row;
			best_rank = r;
		}
	}
	/* Of two ends that like different ways one decides, as in ICE (RFC 8445, section 2.6): otherwise they would go
	 * after each other for ever. */
	if (used_rank < SESSION_RANK_BAD && s->follows && path_equal(s->path, s->peer_path) &&
	    session_gives_way(s))
		return;
	if (best == NULL || best_rank > used_rank ||
	    (best_rank == used_rank && !is_much_faster(best, used)))
		return;
	session_path_take(s, best->path, reason_to_leave(used, used_rank, now), now);
}

/* ---- what is told from outside ---- */

void
session_relay(struct session *s, uint32_t slot, bool is_up, us_t now)
{
	struct path_row *row = session_path_find(s, path_relay(slot));

	if (is_up) {
		row = session_path_put(s, path_relay(slot), PATH_CONFIGURED, now);
		row->lost = 0;
		row->due = s->paths_due = s->due = now;
		if (s->current == NULL)
			session_handshake_want(s, now);
	} else if (row != NULL) {
		row->valid = false;
		if (!session_path_is_used(s, row))
			session_path_remove(row);
		s->paths_due = s->due = now;
	}
}

void
session_leg_changed(struct session *s, us_t now)
{
	struct path_row *row = session_path_find(s, s->path);

	if (row != NULL) {
		row->proven = 0;
		row->due = now;
	}
	if (s->current != NULL)
		session_path_start(s, now);
	s->paths_due = s->due = now;
}

void
session_path_closed(struct session *s, const struct path *path, us_t now)
{
	struct path_row *row = session_path_find(s, *path);

	if (row == NULL)
		return;
	row->valid = false;
	row->waiting = false;
	row->due = now + SESSION_STREAM_LOOK;
	/* A stream that the peer has opened does not come back under its number. */
	if (path->via != 0 && !session_path_is_used(s, row))
		session_path_remove(row);
	s->paths_due = s->due = now;
}

/* All ways are looked at again. */
void
session_paths_doubt(struct session *s, us_t now)
{
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++) {
		struct path_row *row = &s->rows[i];

		if (row->path.kind == PATH_NONE)
			continue;
		row->waiting = false;
		row->lost = row->valid ? SESSION_LOST_COUNT - 1 : 0;
		row->due = now;
	}
	s->paths_due = s->due = now;
}
