/* Candidates: where else this router may be reached, told to a peer that is not reached directly. */
#include "vr/session_priv.h"

#define TELL_AGAIN (150 * US_MS) /* doubled each time */
#define TELL_TRIES 8
#define TELL_PACE  (250 * US_MS) /* at most so often another list of a peer is taken in */

static bool
is_of_use(const struct session *s)
{
	return s->current != NULL &&
	       (s->path.kind == PATH_RELAY || s->path.kind == PATH_TCP || s->told != 0);
}

void
session_tell_want(struct session *s, us_t now)
{
	if (!is_of_use(s) || s->ops->candidates(s->ctx)->serial == s->acked)
		return;
	s->tell_tries = 0;
	s->tell_at = s->due = now;
}

void
session_candidates_changed(struct session *s, us_t now)
{
	session_tell_want(s, now);
}

static void
tell_send(struct session *s, us_t now)
{
	uint8_t record[SEAL_OVERHEAD + PATHS_TELL_SIZE_MAX];
	struct paths_candidates own = *s->ops->candidates(s->ctx);

	own.heard = s->told;
	own.answer = s->acked != own.serial;
	(void)session_control_send(
		s, &s->path, SEAL_CANDIDATES, record,
		paths_candidates_build(&own, record + SEAL_OUTER_SIZE + SEAL_INNER_SIZE), now);
}

void
session_tell_run(struct session *s, us_t now)
{
	if (now < s->tell_at)
		return;
	if (!is_of_use(s) || s->acked == s->ops->candidates(s->ctx)->serial) {
		s->tell_at = US_NEVER;
		return;
	}
	s->tell_at = now + (TELL_AGAIN << s->tell_tries);
	if (s->tell_tries < TELL_TRIES)
		s->tell_tries++;
	tell_send(s, now);
}

static bool
is_told(const struct paths_candidates *c, const struct path *path)
{
	for (uint8_t i = 0; i < c->count; i++)
		if (path->kind == PATH_UDP && endpoint_equal(c->rows[i].to, path->to))
			return true;
	return false;
}

/* The peer's list replaces what it told before; what is in use stays until it fails. */
static void
take_in(struct session *s, const struct paths_candidates *c, us_t now)
{
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++) {
		struct path_row *row = &s->rows[i];

		if (row->path.kind == PATH_UDP && row->origin == PATH_TOLD &&
		    !is_told(c, &row->path))
			row->origin = PATH_HEARD;
	}
	for (uint8_t i = 0; i < c->count; i++) {
		struct path_row *row;

		if (!s->ops->reaches(s->ctx, &c->rows[i].to))
			continue;
		row = session_path_put(s, path_udp(c->rows[i].to), PATH_TOLD, now);
		if (row->origin == PATH_HEARD)
			row->origin = PATH_TOLD;
		row->hint = c->rows[i].origin;
		/* The peer checks now, too: this is the moment when both NATs are open. */
		if (!row->valid) {
			row->lost = 0;
			row->due = s->paths_due = s->due = now;
		}
	}
}

void
session_candidates_heard(struct session *s, const struct session_content *c, us_t now)
{
	struct paths_candidates told;
	uint32_t serial = s->ops->candidates(s->ctx)->serial;

	if (paths_candidates_parse(c->body, c->size, &told) != 0)
		return;
	if (told.serial != s->told) {
		/* Each list sets off checks: one that comes too soon is told again. */
		if (s->told != 0 && now - s->told_at < TELL_PACE)
			return;
		s->told_at = now;
		s->told = told.serial;
		take_in(s, &told, now);
	}
	s->acked = told.heard;
	if (told.heard == serial)
		s->tell_at = US_NEVER;
	if (told.answer)
		tell_send(s, now);
	else if (told.heard != serial)
		session_tell_want(s, now);
}
