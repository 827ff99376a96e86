/* What data workers need of a session, and what it needs to know of them. */
#include "vr/session_priv.h"

bool
session_link(const struct session *s, struct session_link *out)
{
	/* Copies to an address that is being looked at, and a choice of own addresses, are made by one
	 * thread. */
	if (s->current == NULL || s->path.kind != PATH_UDP || session_trial(s) != NULL ||
	    !addr_is_none(s->path.local))
		return false;
	*out = (struct session_link){
		.sealer = s->current->seal, .to = s->path.to, .inner_mtu = s->inner_mtu};
	return true;
}

void
session_sealed(struct session *s, uint64_t records, uint64_t bytes, us_t now)
{
	s->stats.tx_records += records;
	s->stats.tx_bytes += bytes;
	if (s->current == NULL)
		return;
	if (sealer_counter(s->current->seal) >= s->conf->rekey_records)
		s->due = now;
	s->sent_at = now;
	session_traffic(s, now);
	session_answer_expected(s, now);
}
