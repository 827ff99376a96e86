/* What is shown of a session. */
#include "vr/session_priv.h"

/* Does the way in use lead from behind a NAT to behind another? */
static bool
is_punched(struct session *s, const struct path_row *row)
{
	const struct paths_candidates *own = s->ops->candidates(s->ctx);
	bool is_host = false;

	if (row->path.kind != PATH_UDP || s->told == 0 || row->origin == PATH_CONFIGURED ||
	    (row->origin == PATH_TOLD && row->hint != CANDIDATE_REFLEXIVE))
		return false;
	for (uint8_t i = 0; i < own->count && !is_host; i++)
		is_host = own->rows[i].origin != CANDIDATE_REFLEXIVE &&
			  endpoint_equal(own->rows[i].to, s->seen);
	return !is_host;
}

void
session_stats(struct session *s, us_t now, struct session_stats *out)
{
	static const char *const reasons[] = {
#define X(id, text) text,
		PATH_REASONS(X)
#undef X
	};
	const struct path_row *row = session_path_find(s, s->path);

	*out = s->stats;
	out->cipher = "";
	out->reason = "";
	if (s->current == NULL)
		return;
	out->cipher = s->current->cipher == CRYPTO_AESGCM ? "AESGCM" : "ChaChaPoly";
	out->age = now - s->current->created;
	out->path_age = now - s->path_since;
	out->reason = reasons[s->path_reason];
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++)
		out->path_count += s->rows[i].path.kind != PATH_NONE && s->rows[i].valid;
	if (row == NULL)
		return;
	out->punched = is_punched(s, row);
	out->rtt = row->rtt;
	if (row->count > 0)
		out->loss_pct = 100 * (unsigned)__builtin_popcount(row->history) / row->count;
}
