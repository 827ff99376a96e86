/* Who asked for EIDs of ours, as the peers hear it: they may come to have them. */
#include "vr/mapsys_priv.h"

/* Peers are told of so many EIDs and locators in a second, and as many at once: who asks is a stranger. */
#define ASKED_PACE  (US_S / 1000)
#define ASKED_BURST US_S
/* A peer that comes up hears of all so often, one message for each VN at this pace. */
#define RETELL_TIMES 2
#define RETELL_PACE  (10 * US_MS)

/* Nobody acknowledges who asked, and a site asks again only when its entry ends: it is said three times. */
static const us_t again_after[MAPSYS_SAID - 1] = {200 * US_MS, 1 * US_S};

static void
tell_peers(struct mapsys *m, struct sync_msg *msg)
{
	uint32_t position = 0;
	struct peer *p;

	msg->id = ++m->vr->last_id;
	while ((p = peers_next(m->vr->peers, &position)) != NULL)
		if (p->state == PEER_UP && peer_vn(p, msg->vn) != NULL)
			(void)!sync_send(m->vr, p->slot, msg);
}

void
mapsys_tell_asked(struct mapsys *m, us_t now)
{
	struct mapsys_said *said;

	if (m->asked.asked.count == 0)
		return;
	tell_peers(m, &m->asked);
	/* Of very many, the oldest are not said again. */
	said = &m->said[m->said_next++ % MAPSYS_SAID_MAX];
	*said = (struct mapsys_said){
		.msg = m->asked, .first = now, .times = 1, .due = now + again_after[0]};
	if (said->due < m->said_due)
		m->said_due = said->due;
	m->asked.asked.count = 0;
}

us_t
mapsys_say_again(struct mapsys *m, us_t now)
{
	if (now < m->said_due)
		return m->said_due;
	m->said_due = US_NEVER;
	for (size_t i = 0; i < MAPSYS_SAID_MAX; i++) {
		struct mapsys_said *said = &m->said[i];

		if (said->times == 0 || said->times == MAPSYS_SAID)
			continue;
		if (said->due <= now) {
			tell_peers(m, &said->msg);
			if (++said->times == MAPSYS_SAID)
				continue;
			said->due = said->first + again_after[said->times - 1];
		}
		if (said->due < m->said_due)
			m->said_due = said->due;
	}
	return m->said_due;
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
		mapsys_tell_asked(m, now);
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
		peer->vns[i].retelling = mapsys_takes_part(vr, peer->vns[i].vn) ? RETELL_TIMES : 0;
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

	while (msg.asked.count < ARRAY_COUNT(msg.asked.rows)) {
		if (!xtr_asker_next(m->xtr, &pv->retold, &asker)) {
			pv->retelling--;
			pv->retold = 0;
			break;
		}
		if (asker.vn == pv->vn && asker.shared > 0 &&
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
			if (p->vns[i].retelling > 0)
				retell_some(m, p, &p->vns[i], now);
			any = any || p->vns[i].retelling > 0;
		}
	m->retell_due = any ? now + RETELL_PACE : US_NEVER;
	return m->retell_due;
}
