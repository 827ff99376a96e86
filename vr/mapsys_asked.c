/* Who asked for EIDs of ours, as the peers hear it: they may come to have them. */
#include "vr/mapsys_priv.h"

/* Peers are told of so many EIDs and locators in a second, and as many at once: who asks is a stranger. */
#define ASKED_PACE  (US_S / 1000)
#define ASKED_BURST US_S
/* A peer that comes up hears of all, one message for each VN at this pace. */
#define RETELL_PACE (10 * US_MS)

/* The peers of the VN hear who asked.  A message that is lost is made up for when the same site asks again later. */
void
mapsys_tell_asked(struct mapsys *m)
{
	uint32_t position = 0;
	struct peer *p;

	if (m->asked.asked.count == 0)
		return;
	m->asked.id = ++m->vr->last_id;
	while ((p = peers_next(m->vr->peers, &position)) != NULL)
		if (p->state == PEER_UP && peer_vn(p, m->asked.vn) != NULL)
			(void)!sync_send(m->vr, p->slot, &m->asked);
	m->asked.asked.count = 0;
}

/* The other routers of the VN may come to have the EID: they hear who wants to know, several at once. */
bool
mapsys_asked(void *ctx, vn_id_t vn, struct addr eid, struct addr rloc, us_t now)
{
	struct mapsys *m = ctx;
	struct sync_msg *msg = &m->asked;

	/* Nobody else ever has it. */
	if (!lndt_is_mobile(m->vr->lndt, vn, eid))
		return true;
	if (m->asked_spent < now)
		m->asked_spent = now;
	if (m->asked_spent + ASKED_PACE > now + ASKED_BURST)
		return false;
	m->asked_spent += ASKED_PACE;
	if (msg->asked.count == ARRAY_COUNT(msg->asked.rows) || msg->vn != vn)
		mapsys_tell_asked(m);
	msg->type = SYNC_ASKED;
	msg->vn = vn;
	msg->asked.rows[msg->asked.count++] = (struct sync_asked_row){.ip = eid, .rloc = rloc};
	return true;
}

/* ---- peers that come up ---- */

void
mapsys_retell(struct vr *vr, struct peer *peer, us_t now)
{
	if (vr->mapsys == NULL)
		return;
	for (size_t i = 0; i < peer->vn_count; i++) {
		peer->vns[i].retelling = mapsys_takes_part(vr, peer->vns[i].vn);
		peer->vns[i].retold = 0;
	}
	vr->mapsys->retell_due = now;
	vr->wake = true;
}

/* Those that asked this router, from where it has come to: what others were asked they say themselves. */
static void
retell_some(struct mapsys *m, struct peer *p, struct peer_vn *pv, us_t now)
{
	struct sync_msg msg = {.type = SYNC_ASKED, .vn = pv->vn};
	struct xtr_asker asker;

	while (msg.asked.count < ARRAY_COUNT(msg.asked.rows) && pv->retelling) {
		pv->retelling = xtr_asker_next(m->xtr, &pv->retold, &asker);
		if (pv->retelling && asker.vn == pv->vn && asker.shared > 0 &&
		    xtr_asker_counts(m->xtr, &asker, now) &&
		    lndt_is_mobile(m->vr->lndt, asker.vn, asker.eid))
			msg.asked.rows[msg.asked.count++] =
				(struct sync_asked_row){.ip = asker.eid, .rloc = asker.rloc};
	}
	if (msg.asked.count == 0)
		return;
	msg.id = ++m->vr->last_id;
	(void)!sync_send(m->vr, p->slot, &msg);
}

us_t
mapsys_retell_run(struct mapsys *m, us_t now)
{
	uint32_t position = 0;
	bool any = false;
	struct peer *p;

	if (now < m->retell_due)
		return m->retell_due;
	while ((p = peers_next(m->vr->peers, &position)) != NULL)
		for (size_t i = 0; p->state == PEER_UP && i < p->vn_count; i++) {
			if (p->vns[i].retelling)
				retell_some(m, p, &p->vns[i], now);
			any = any || p->vns[i].retelling;
		}
	m->retell_due = any ? now + RETELL_PACE : US_NEVER;
	return m->retell_due;
}
