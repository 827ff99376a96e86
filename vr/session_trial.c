/* The peer is heard from an address that it has not answered at: it may have moved, or its NAT has given it another
 * port, or somebody else sends its records on, to turn what is for the peer against a third party.
 *
 * As in RFC 9000, sections 8.2 and 9.3, and RFC 9146, section 6, such an address is not believed
 * before it has answered
 * a check.  Until then the way in use stays, and copies of what goes there go to the new address as
 * well, so that a
 * peer that is really there misses nothing for longer than a round trip; but never more than three
 * times what came
 * from there.  The replay window of a peer that gets both takes one of them. */
#include "vr/session_priv.h"

/* Bytes that may be sent to where nothing was ever answered, for each one that came from there (RFC 9000, section 8.1). */
#define CREDIT_FACTOR 3
#define CREDIT_MAX    (1U << 24)
/* Of these, so many are kept for a check. */
#define CREDIT_CHECK (SEAL_OVERHEAD + PATHS_CHECK_SIZE)

bool
session_path_is_strange(const struct path_row *row)
{
	return row->path.kind == PATH_UDP && row->origin == PATH_HEARD && !row->answered;
}

void
session_credit_give(struct path_row *row, size_t size)
{
	size_t credit = row->credit + CREDIT_FACTOR * size;

	row->credit = (uint32_t)(credit < CREDIT_MAX ? credit : CREDIT_MAX);
}

bool
session_credit_take(struct path_row *row, size_t size)
{
	if (!session_path_is_strange(row))
		return true;
	if (row->credit < size)
		return false;
	row->credit -= (uint32_t)size;
	return true;
}

bool
session_trial_wants(struct session *s, const struct path_row *row, us_t now)
{
	const struct path_row *used;

	if (row->path.kind != PATH_UDP || s->path.kind == PATH_NONE)
		return false;
	if (!row->valid)
		return true;
	/* It has answered before; what nobody has named is doubted as long as the old address is there. */
	used = session_path_find(s, s->path);
	return row->origin == PATH_HEARD && used != NULL && used->valid &&
	       used->path.kind == PATH_UDP && now >= used->bad_until;
}

/* A check of its own for the question at hand, whatever is under way. */
static void
ask(struct session *s, struct path_row *row, us_t now)
{
	row->waiting = false;
	row->due = s->paths_due = s->due = now;
}

void
session_trial_start(struct session *s, struct path_row *row, us_t now)
{
	struct session_trial *t = &s->trial;
	struct path_row *used = session_path_find(s, s->path);

	if (t->state == TRIAL_RUNS && path_equal(t->path, row->path))
		return;
	*t = (struct session_trial){
		.state = TRIAL_RUNS, .path = row->path, .old = s->path, .since = now};
	s->ops->keys(s->ctx);
	ask(s, row, now);
	if (used != NULL && used->valid)
		ask(s, used, now);
}

void
session_trial_end(struct session *s)
{
	if (s->trial.state == TRIAL_RUNS)
		s->ops->keys(s->ctx);
	s->trial.state = TRIAL_NONE;
}

/* The peer is where it was, too.  It is left there: it loses nothing by that, and somebody who sends its records and our
 * checks on from elsewhere gains nothing. */
static void
stay(struct session *s, us_t now)
{
	struct path_row *row = session_path_find(s, s->trial.path);
	bool was_left = s->trial.state == TRIAL_TAKEN && path_equal(s->path, s->trial.path);

	session_trial_end(s);
	s->peer_path = row != NULL ? row->path : s->path;
	s->span.generation = 0;
	if (row != NULL)
		session_path_watch(row, PATH_PEER, now);
	if (was_left)
		session_path_take(s, s->trial.old, PATH_STILL, now);
}

void
session_trial_answered(struct session *s, struct path_row *row, us_t age, us_t now)
{
	struct session_trial *t = &s->trial;

	if (t->state == TRIAL_NONE || now - age < t->since)
		return;
	if (t->old.kind == PATH_UDP && path_equal(row->path, t->old)) {
		stay(s, now);
	} else if (t->state == TRIAL_RUNS && path_equal(row->path, t->path)) {
		t->state = TRIAL_TAKEN;
		s->ops->keys(s->ctx);
		session_path_go_after(s, row, now);
	}
}

void
session_trial_lost(struct session *s, const struct path_row *row)
{
	/* The old address is silent: that was it. */
	if (s->trial.state == TRIAL_TAKEN && path_equal(row->path, s->trial.old))
		session_trial_end(s);
}

const struct path *
session_trial(const struct session *s)
{
	return s->trial.state == TRIAL_RUNS ? &s->trial.path : NULL;
}

bool
session_trial_take(struct session *s, size_t size)
{
	struct path_row *row = session_path_find(s, s->trial.path);

	if (s->trial.state != TRIAL_RUNS || row == NULL || row->credit < CREDIT_CHECK + size)
		return false;
	row->credit -= (uint32_t)size;
	return true;
}
