/* What the data workers share with the tunnel. */
#include "vr/tunnel_priv.h"

bool
tunnel_link(const struct tunnel *t, uint32_t slot, struct session_link *out)
{
	const struct session *s = roster_at(t->roster, slot);

	return s != NULL && session_link(s, out);
}

void
tunnel_sealed(struct tunnel *t, uint32_t slot, uint64_t records, uint64_t bytes, us_t now)
{
	struct session *s = roster_at(t->roster, slot);

	if (s == NULL)
		return;
	session_sealed(s, records, bytes, now);
	roster_touch(t->roster, s);
}

void
tunnel_refused(struct tunnel *t, uint32_t slot, size_t record_size, us_t now)
{
	struct session *s = roster_at(t->roster, slot);

	if (s == NULL)
		return;
	session_refused(s, record_size, now);
	roster_touch(t->roster, s);
}

struct udp *
tunnel_udp(const struct tunnel *t)
{
	return t->udp;
}

uint64_t
tunnel_changes(const struct tunnel *t)
{
	return roster_changes(t->roster);
}
