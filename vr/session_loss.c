/* What is lost of the peer's records, and whether a stream would be better. */
#include "vr/session_priv.h"

/* A tenth of at least so many records is missing in a span: too much is lost for connections inside. */
#define SPAN_TIME  (1 * US_S)
#define SPAN_LONG  (5 * US_S) /* with fewer records it says nothing, and another begins */
#define SPAN_COUNT 100
#define SPAN_BAD   10 /* percent */
/* Within which the peer is told. */
#define TELL_TIME (250 * US_MS)

bool
session_path_is_lossy(const struct path_row *row, us_t now)
{
	return now < row->lossy_until;
}

bool
session_path_is_by_stream(const struct session *s, const struct path_row *row, us_t now)
{
	unsigned rank = session_path_rank(s, row, now);

	return rank != SESSION_RANK_NONE && rank % SESSION_RANK_BAD >= 2;
}

/* Datagrams may be throttled where streams are not. */
static bool
has_stream_instead(const struct session *s, const struct path_row *used, us_t now)
{
	if (session_path_is_by_stream(s, used, now))
		return false;
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++)
		if (s->rows[i].path.kind != PATH_NONE && &s->rows[i] != used &&
		    session_path_rank(s, &s->rows[i], now) < SESSION_RANK_BAD &&
		    session_path_is_by_stream(s, &s->rows[i], now))
			return true;
	return false;
}

bool
session_knows_stream(const struct session *s, const struct path_row *used, us_t now)
{
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++)
		if (s->rows[i].path.kind == PATH_TCP && used->path.kind != PATH_TCP)
			return true;
	return has_stream_instead(s, used, now);
}

bool
session_path_is_throttled(const struct session *s, const struct path_row *row, us_t now)
{
	return session_path_is_lossy(row, now) && has_stream_instead(s, row, now);
}

/* What was found of the peer's records since the span began. */
static void
span_judge(struct session *s, uint64_t sealed, uint64_t opened, us_t now)
{
	uint64_t lost = opened < sealed ? sealed - opened : 0;
	struct path_row *row = session_path_find(s, s->peer_path);

	if (row == NULL)
		return;
	if (100 * lost < SPAN_BAD * sealed) {
		row->lossy = 0;
		return;
	}
	if (row->lossy < UINT8_MAX)
		row->lossy++;
	if (row->lossy >= SESSION_LOSSY_SPANS) {
		row->lossy_until = now + SESSION_LOSSY_TIME;
		/* The peer is told soon. */
		if (!row->waiting && row->due > now + TELL_TIME)
			row->due = now + TELL_TIME;
	}
	s->paths_due = s->due = now;
}

void
session_span_heard(struct session *s, const struct keys *k, us_t now)
{
	struct session_span *span = &s->span;
	uint64_t sealed = k->replay.next - span->next;

	if (k->generation < span->generation)
		return;
	if (k->generation == span->generation) {
		if (now - span->since < SPAN_TIME ||
		    (sealed < SPAN_COUNT && now - span->since < SPAN_LONG))
			return;
		if (sealed >= SPAN_COUNT)
			span_judge(s, sealed, k->opened - span->opened, now);
	}
	*span = (struct session_span){.generation = k->generation,
				      .next = k->replay.next,
				      .opened = k->opened,
				      .since = now};
}
