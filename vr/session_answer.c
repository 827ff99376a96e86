/* A peer's checks: answered, and what they say of the way that they came by. */
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
