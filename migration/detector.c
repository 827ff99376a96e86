/* What a sighting means: see detector.h. */
#include "migration/detector.h"

/* It may have moved on since: hypervisors of all sites that it has passed repeat themselves. */
static bool
was_here(const struct hwdt_entry *e, struct vr_id self)
{
	for (size_t i = 0; i < HWDT_PREVIOUS; i++)
		if (vr_id_equal(e->previous[i], self))
			return true;
	return false;
}

/* The machine itself, heard here while HWDT places it elsewhere. */
static enum detector_verdict
judge_elsewhere(const struct detector *d, const struct sighting *s, const struct hwdt_entry *e)
{
	bool just_left = was_here(e, d->self) && s->now < e->moved + DETECTOR_DOUBT;

	switch (s->kind) {
	case SIGHTING_RARP:
		/* The hypervisor that the machine has just left goes on repeating its RARP. */
		if (just_left && s->arrived != 0 && s->now < s->arrived + DETECTOR_SERIES)
			return VERDICT_SUSPECT;
		return VERDICT_MOVE;
	case SIGHTING_GARP:
		return VERDICT_MOVE;
	case SIGHTING_ARP:
	case SIGHTING_DATA:
		if (just_left && s->now < e->moved + s->guard)
			return VERDICT_GUARDED;
		return just_left ? VERDICT_SUSPECT : VERDICT_MOVE;
	}
	return VERDICT_FOREIGN;
}

enum detector_verdict
detector_judge(const struct detector *d, const struct sighting *s)
{
	const struct hwdt_entry *e = hwdt_find(d->hwdt, s->vn, s->ip);
	bool is_arp = s->kind == SIGHTING_GARP || s->kind == SIGHTING_ARP;

	if (e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, d->self)) {
		if (mac_equal(e->b.mac, s->mac))
			return VERDICT_KNOWN;
		return is_arp ? VERDICT_CHANGED : VERDICT_CONFLICT;
	}
	if (!lndt_may_host(d->lndt, s->vn, s->ip, d->self))
		return VERDICT_FOREIGN;
	if (e == NULL || e->b.withdrawn)
		return VERDICT_NEW;
	if (mac_equal(e->b.mac, s->mac))
		return judge_elsewhere(d, s, e);
	/* An address that fails over to another machine, or a duplicate: the owner is asked. */
	return is_arp ? VERDICT_SUSPECT : VERDICT_CONFLICT;
}
