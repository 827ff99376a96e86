/* What a check tells beside that its way works: its receiver of the way that it came by, its sender of where it is seen. */
#include "vr/session_priv.h"

/* So many are answered at once, and then one in such a time: who sends checks for nothing gets no more. */
#define ANSWER_BURST    256
#define ANSWER_INTERVAL (20 * US_MS)

void
session_check_heard(struct session *s, const struct session_content *c, size_t record_size,
		    const struct path *from, us_t now)
{
	uint8_t record[SEAL_OVERHEAD + PATHS_ACK_SIZE_MAX];
	struct paths_ack ack = {.size = (uint16_t)record_size};
	struct paths_check check;
	struct path_row *row;
	size_t size;

	if (paths_check_parse(c->body, c->size, &check) != 0)
		return;
	if (!bucket_take(&s->answers, ANSWER_INTERVAL, ANSWER_BURST, now)) {
		s->ops->limited(s->ctx);
		return;
	}
	ack.token = check.token;
	if (from->kind == PATH_UDP)
		ack.seen = from->to;
	size = paths_ack_build(&ack, record + SEAL_OUTER_SIZE + SEAL_INNER_SIZE);
	row = session_path_find(s, *from);
	/* What comes in by this way may also go out by it, now that both ends know of it. */
	if (row == NULL && from->kind == PATH_UDP) {
		row = session_path_put(s, *from, PATH_HEARD, now);
		session_credit_give(row, record_size);
	} else if (row != NULL && !row->valid && row->lost > 1) {
		row->lost = 1;
		row->due = s->paths_due = s->due = now;
	}
	/* An answer is not much larger than the question: there is always credit for it. */
	if (row == NULL || session_credit_take(row, SEAL_OVERHEAD + size))
		(void)session_control_send(s, from, SEAL_CHECK_ACK, record, size, now);
	if (row != NULL && check.lossy) {
		row->lossy_until = now + SESSION_LOSSY_TIME;
		s->paths_due = s->due = now;
	}
}

/* Of the ways by IPv4, and of those by IPv6, one is asked where the peer sees us: the one in use, or the first that answers. */
static bool
speaks_for_family(const struct session *s, const struct path_row *row)
{
	uint8_t family = row->path.to.addr.family;

	if (session_path_is_used(s, row))
		return true;
	if (s->path.kind == PATH_UDP && s->path.to.addr.family == family)
		return false;
	for (const struct path_row *one = s->rows; one < row; one++)
		if (one->path.kind == PATH_UDP && one->valid && one->path.to.addr.family == family)
			return false;
	return true;
}

/* The NATs on the way have given us another address after a pause: it was too long. */
void
session_seen_at(struct session *s, const struct path_row *row, struct endpoint at, us_t now)
{
	if (addr_is_none(at.addr) || !paths_is_reachable(at) || !speaks_for_family(s, row))
		return;
	/* By the other family the same peer sees another address. */
	if (!session_path_is_used(s, row)) {
		s->ops->seen(s->ctx, s, at, now);
		return;
	}
	session_keepalive_seen(s, row->idle,
			       addr_is_none(s->seen.addr) || endpoint_equal(s->seen, at), now);
	s->seen = at;
	s->ops->seen(s->ctx, s, at, now);
}
