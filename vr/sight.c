/* What a sighting sets off: see sight.h. */
#include "vr/sight.h"

#include <stdlib.h>

#include "base/fmt.h"
#include "vr/lan.h"
#include "vr/limits.h"
#include "vr/neigh.h"
#include "vr/query.h"
#include "vr/sync.h"

/* 'heard' of a present machine is renewed at most so often: it is heard with every packet. */
#define HEARD_STEP (1 * US_S)

static us_t
guard_time(const struct vr *vr, struct vr_id owner)
{
	const struct peer *p = peers_find(vr->peers, owner);
	us_t guard = p != NULL ? 2 * p->rtt : 0;

	return guard > DETECTOR_GUARD_MIN ? guard : DETECTOR_GUARD_MIN;
}

/* When the EID last came here by a move; 0: never (that is remembered). */
static us_t
arrived(const struct vr *vr, vn_id_t vn, struct addr ip)
{
	const struct report *r = reports_last(vr->reports, vn, ip);

	return r != NULL && vr_id_equal(r->to, vr->self) ? r->heard : 0;
}

/* An EID that answered at two sites is asked about every so often, for so long after the last time. */
#define DOUBLE_AGAIN (5 * US_S)
#define DOUBLE_TIME  (60 * US_S)

static struct vr_double *
double_find(struct vr *vr, vn_id_t vn, struct addr ip)
{
	for (size_t i = 0; i < VR_DOUBLES; i++)
		if (vr->doubles[i].share.is_used && vr->doubles[i].share.vn == vn &&
		    addr_equal(vr->doubles[i].ip, ip))
			return &vr->doubles[i];
	return NULL;
}

static void
double_put(struct vr *vr, vn_id_t vn, struct addr ip, struct mac mac, us_t now)
{
	struct vr_double *d = double_find(vr, vn, ip);
	struct share share;

	if (d == NULL) {
		d = &vr->doubles[share_pick(vr->doubles, VR_DOUBLES, sizeof(*d), vn, &share)];
		vr->crowded_out += d->share.is_used;
	} else {
		share = d->share;
	}
	*d = (struct vr_double){.share = share,
				.ip = ip,
				.mac = mac,
				.due = now + DOUBLE_AGAIN,
				.until = now + DOUBLE_TIME};
	if (d->due < vr->double_due)
		vr->double_due = d->due;
}

static void
double_end(struct vr *vr, vn_id_t vn, struct addr ip)
{
	struct vr_double *d = double_find(vr, vn, ip);

	if (d != NULL)
		d->share.is_used = false;
}

/* Is it here now, and no longer where it is said to be? */
static void
double_ask(struct vr *vr, struct vr_double *d, us_t now)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, d->share.vn, d->ip);

	d->due = now + DOUBLE_AGAIN;
	if (e == NULL || e->b.withdrawn || vr_id_equal(e->b.vr, vr->self))
		d->share.is_used = false;
	else
		presence_start(vr->presence, PRESENCE_DOUBT, d->share.vn, d->ip, d->mac, e->b.vr,
			       now);
}

us_t
sight_run(struct vr *vr, us_t now)
{
	if (now < vr->double_due)
		return vr->double_due;
	vr->double_due = US_NEVER;
	for (size_t i = 0; i < VR_DOUBLES; i++) {
		struct vr_double *d = &vr->doubles[i];

		if (d->until <= now)
			d->share.is_used = false;
		if (d->share.is_used && d->due <= now)
			double_ask(vr, d, now);
		if (d->share.is_used && d->due < vr->double_due)
			vr->double_due = d->due;
	}
	return vr->double_due;
}

/* Of two machines that both go on talking, each packet would be a move. */
static enum detector_verdict
judge_double(struct vr *vr, enum detector_verdict verdict, enum sighting_kind kind, vn_id_t vn,
	     struct addr ip, us_t now)
{
	const struct vr_double *d;

	if ((verdict != VERDICT_MOVE && verdict != VERDICT_SUSPECT) ||
	    (kind != SIGHTING_ARP && kind != SIGHTING_DATA))
		return verdict;
	d = double_find(vr, vn, ip);
	return d != NULL && d->until > now ? VERDICT_CONFLICT : verdict;
}

static enum detector_verdict
judge(struct vr *vr, enum sighting_kind kind, const struct site *site, struct mac mac,
      struct addr ip, const struct hwdt_entry *e, us_t now)
{
	struct detector d = {.hwdt = vr->hwdt, .lndt = vr->lndt, .self = vr->self};
	struct sighting s = {.kind = kind, .vn = site->vn, .mac = mac, .ip = ip, .now = now};

	/* The rest matters only for a machine that HWDT places elsewhere. */
	if (e != NULL && !vr_id_equal(e->b.vr, vr->self)) {
		s.guard = guard_time(vr, e->b.vr);
		if (kind == SIGHTING_RARP)
			s.arrived = arrived(vr, site->vn, ip);
	}
	return judge_double(vr, detector_judge(&d, &s), kind, site->vn, ip, now);
}

void
sight_alarm(struct vr *vr, const struct binding *b, struct vr_id other, const char *text, us_t now)
{
	struct change c = {.at = now,
			   .kind = CHANGE_ALARM,
			   .vn = b->vn,
			   .ip = b->ip,
			   .mac = b->mac,
			   .from = other,
			   .to = vr->self,
			   .mobility = b->mobility};

	snprintf(c.text, sizeof(c.text), "%s", text);
	change_publish(vr->feed, &c);
	if (log_gate_open(&vr->alarm_gate, now))
		log_line(vr->log, LOG_WARNING, "move", "%s (%s, VN %u): %s", fmt_addr(b->ip).s,
			 fmt_mac(b->mac).s, b->vn, text);
}

/* ---- claims ---- */

static struct report *
start_report(struct vr *vr, const struct binding *bindings, size_t count, struct vr_id previous,
	     enum report_trigger trigger, us_t heard, us_t resolved, us_t now)
{
	struct report *r = reports_add(vr->reports, peers_count(vr->peers));

	if (r == NULL)
		return NULL;
	r->vn = bindings[0].vn;
	r->mac = bindings[0].mac;
	r->from = previous;
	r->to = vr->self;
	r->trigger = trigger;
	r->mobility = bindings[0].mobility;
	r->wall_ms = vr->io->wall_ms(vr->ctx) - (now - heard) / US_MS;
	r->heard = heard;
	r->resolved = resolved;
	for (size_t i = 0; i < count; i++)
		r->eids[r->eid_count++] = bindings[i].ip;
	/* A RARP is the hypervisor's word; anything else the machine said itself. */
	if (trigger != TRIGGER_RARP)
		r->confirmed = heard;
	return r;
}

static void
announce_claim(struct vr *vr, const struct binding *bindings, size_t count, struct vr_id previous,
	       enum report_trigger trigger, us_t now)
{
	for (size_t i = 0; i < count; i++) {
		const struct binding *b = &bindings[i];

		announce_arrived(vr->announce, b->vn, b->ip, b->mac, now);
		double_end(vr, b->vn, b->ip);
		presence_stop(vr->presence, PRESENCE_DOUBT, b->vn, b->ip);
		if (trigger == TRIGGER_RARP)
			presence_start(vr->presence, PRESENCE_CONFIRM, b->vn, b->ip, b->mac,
				       previous, now);
	}
}

void
sight_claim(struct vr *vr, struct site *site, struct binding *bindings, size_t count,
	    struct vr_id previous, enum report_trigger trigger, us_t heard, us_t now)
{
	struct report *r;
	us_t resolved = vr->io->clock(vr->ctx);
	uint64_t number;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct binding b = bindings[i];
		enum hwdt_fate fate;

		if (limits_is_frozen(vr, b.vn, b.ip, now)) {
			vr_drop(vr, DROP_CLAIM_FROZEN);
			limits_look_later(vr, b.vn, b.ip);
			continue;
		}
		b.vr = vr->self;
		b.mobility = limits_next(vr, b.vn, b.ip);
		b.withdrawn = false;
		fate = vr_bind(vr, &b, now);
		if (fate != HWDT_FULL && fate != HWDT_STALE)
			bindings[kept++] = b;
	}
	if (kept == 0)
		return;
	r = start_report(vr, bindings, kept, previous, trigger, heard, resolved, now);
	number = r != NULL ? r->number : 0;
	/* What cannot be sent is found by the digests. */
	(void)!moves_tell(vr->moves, site->vn, bindings, kept, previous, number, now);
	r = reports_find(vr->reports, number);
	if (r != NULL)
		r->claimed = vr->io->clock(vr->ctx);
	announce_claim(vr, bindings, kept, previous, trigger, now);
	vr->first_frames = now + SIGHT_FIRST_FRAME;
	vr->wake = true;
}

/* A machine that nobody owned, or one of ours with another MAC: no move, but news. */
static void
learn(struct vr *vr, struct site *site, struct mac mac, struct addr ip, us_t now)
{
	struct binding b = {.vn = site->vn,
			    .ip = ip,
			    .mac = mac,
			    .vr = vr->self,
			    .mobility = limits_next(vr, site->vn, ip),
			    .kind = addr_equal(ip, site->conf->native_gateway) ? BINDING_GATEWAY
									       : BINDING_HOST};
	enum hwdt_fate fate = vr_bind(vr, &b, now);

	if (fate != HWDT_FULL && fate != HWDT_STALE)
		vr_tell_later(vr, site, &b, now);
}

/* ---- sightings ---- */

/* Other routers may say that the MAC is that of machines of theirs: looked at are so many addresses, and of each
 * router's its share. */
#define JUDGED_MAX (4 * REPORT_EIDS_MAX)

/* Everything that HWDT knows of the MAC and that has come here. */
struct arrivals {
	struct binding bindings[REPORT_EIDS_MAX];
	size_t count;
	struct vr_id previous;
	size_t known, allowed; /* addresses that HWDT has for the MAC; of these, that may be here */
};

static void
arrivals_add(struct arrivals *a, const struct binding *b)
{
	if (a->count == ARRAY_COUNT(a->bindings))
		return;
	if (a->count == 0)
		a->previous = b->withdrawn ? (struct vr_id){0} : b->vr;
	a->bindings[a->count++] = *b;
}

/* Judges all EIDs of the MAC; doubts are started at once, the rest is returned. */
static void
judge_mac(struct vr *vr, struct site *site, enum sighting_kind kind, struct mac mac,
	  struct arrivals *out, us_t now)
{
	const struct hwdt_entry *entries[JUDGED_MAX];
	size_t count = hwdt_find_mac(vr->hwdt, site->vn, mac, entries, JUDGED_MAX);

	*out = (struct arrivals){.count = 0};
	for (size_t i = 0; i < count && i < JUDGED_MAX; i++) {
		const struct binding *b = &entries[i]->b;

		if (b->kind != BINDING_HOST)
			continue;
		out->known++;
		out->allowed += lndt_may_host(vr->lndt, b->vn, b->ip, vr->self);
		switch (judge(vr, kind, site, mac, b->ip, entries[i], now)) {
		case VERDICT_MOVE:
		case VERDICT_NEW:
			arrivals_add(out, b);
			break;
		case VERDICT_SUSPECT:
			vr->suspects++;
			presence_start(vr->presence, PRESENCE_DOUBT, b->vn, b->ip, mac, b->vr, now);
			vr->wake = true;
			break;
		case VERDICT_FOREIGN:
			vr_drop(vr, DROP_SIGHTING_REFUSED);
			break;
		case VERDICT_KNOWN:
		case VERDICT_CHANGED:
		case VERDICT_GUARDED:
		case VERDICT_CONFLICT:
			break;
		}
	}
}

bool
sight_rarp(struct vr *vr, struct site *site, struct mac mac, us_t heard, us_t now)
{
	struct arrivals a;

	judge_mac(vr, site, SIGHTING_RARP, mac, &a, now);
	if (a.known == 0)
		(void)query_start(vr, site, mac, (struct addr){.family = ADDR_NONE}, now);
	else if (a.count > 0)
		sight_claim(vr, site, a.bindings, a.count, a.previous, TRIGGER_RARP, heard, now);
	return a.allowed > 0;
}

/* It was heard where we say it is. */
static void
sight_known(struct vr *vr, struct site *site, enum sighting_kind kind, const struct hwdt_entry *e,
	    us_t now)
{
	struct addr ip = e->b.ip;
	struct report *r;

	if (now - e->heard >= HEARD_STEP)
		hwdt_heard(vr->hwdt, site->vn, ip, now);
	if (kind == SIGHTING_RARP || !presence_has(vr->presence, PRESENCE_CONFIRM, site->vn, ip))
		return;
	presence_stop(vr->presence, PRESENCE_CONFIRM, site->vn, ip);
	r = reports_last(vr->reports, site->vn, ip);
	if (r != NULL && vr_id_equal(r->to, vr->self) && r->confirmed == 0)
		r->confirmed = now;
}

/* The machine itself says that it is here now: all that HWDT knows of its MAC comes with it. */
static void
sight_moved(struct vr *vr, struct site *site, enum sighting_kind kind, struct mac mac,
	    const struct binding *b, us_t now)
{
	static const enum report_trigger triggers[] = {TRIGGER_RARP, TRIGGER_GARP, TRIGGER_ARP,
						       TRIGGER_DATA};
	struct arrivals a;

	judge_mac(vr, site, kind, mac, &a, now);
	if (a.count == 0)
		arrivals_add(&a, b);
	sight_claim(vr, site, a.bindings, a.count, a.previous, triggers[kind], now, now);
}

/* A machine nobody owned.  False when a packet is no reason to believe in it. */
static bool
sight_new(struct vr *vr, struct site *site, enum sighting_kind kind, struct mac mac, struct addr ip,
	  us_t now)
{
	if (kind == SIGHTING_DATA && !vr_is_on_link(vr, site, ip))
		return true;
	learn(vr, site, mac, ip, now);
	return true;
}

bool
sight_machine(struct vr *vr, struct site *site, enum sighting_kind kind, struct mac mac,
	      struct addr ip, us_t now)
{
	const struct hwdt_entry *e;
	struct binding b;

	if (addr_is_unspecified(ip) || addr_is_multicast(ip) || mac_is_multicast(mac) ||
	    mac_is_zero(mac) || vr_owns_address(site, ip))
		return false;
	e = hwdt_find(vr->hwdt, site->vn, ip);
	switch (judge(vr, kind, site, mac, ip, e, now)) {
	case VERDICT_KNOWN:
		sight_known(vr, site, kind, e, now);
		return true;
	case VERDICT_NEW:
		return sight_new(vr, site, kind, mac, ip, now);
	case VERDICT_CHANGED:
		learn(vr, site, mac, ip, now);
		return true;
	case VERDICT_MOVE:
		b = e->b;
		sight_moved(vr, site, kind, mac, &b, now);
		return true;
	case VERDICT_GUARDED:
		vr->guarded++;
		announce_claim_again(vr->announce, site->vn, ip, guard_time(vr, e->b.vr), now);
		vr->wake = true;
		return true;
	case VERDICT_SUSPECT:
		vr->suspects++;
		presence_start(vr->presence, PRESENCE_DOUBT, site->vn, ip, mac, e->b.vr, now);
		vr->wake = true;
		return false;
	case VERDICT_CONFLICT:
		return false;
	case VERDICT_FOREIGN:
		/* Other machines of the LAN, outside the VN, are none of our business. */
		if (e != NULL || lndt_is_mobile(vr->lndt, site->vn, ip))
			vr_drop(vr, DROP_SIGHTING_REFUSED);
		return false;
	}
	return false;
}

/* ---- news about EIDs ---- */

void
sight_lost(struct vr *vr, struct site *site, const struct hwdt_entry *was, const struct binding *b,
	   us_t now)
{
	struct report *r = reports_last(vr->reports, b->vn, b->ip);

	presence_stop(vr->presence, PRESENCE_CONFIRM, b->vn, b->ip);
	if (r != NULL && vr_id_equal(r->to, vr->self))
		r->superseded = now;
	if (was->b.kind != BINDING_HOST || site == NULL)
		return;
	announce_departed(vr->announce, b->vn, b->ip, was->b.mac, now);
	announce_run_departed(vr->announce, now);
	/* It may be back already, or may never have gone: news take their time, and no router knows
	 * which of two is older.  Only the machine can tell, and what it said before is old. */
	presence_stop(vr->presence, PRESENCE_DOUBT, b->vn, b->ip);
	presence_start(vr->presence, PRESENCE_DOUBT, b->vn, b->ip, was->b.mac, b->vr, now);
	vr->wake = true;
}

void
sight_stale(void *ctx, struct vr_id from, vn_id_t vn, struct addr ip, mobility_t newest,
	    struct vr_id owner, us_t now)
{
	struct vr *vr = ctx;
	const struct hwdt_entry *e;

	if (!limits_told(vr, from, vn, ip, newest, owner))
		return;
	if (vr_id_equal(owner, vr->self)) {
		/* From before we lost our memory: say it again, newer. */
		limits_raise(vr, vn, ip, now);
		return;
	}
	e = hwdt_find(vr->hwdt, vn, ip);
	if (e->b.kind != BINDING_HOST)
		return;
	(void)query_start(vr, vr_site(vr, vn), (struct mac){{0}}, ip, now);
	presence_start(vr->presence, PRESENCE_DOUBT, vn, ip, e->b.mac, owner, now);
	vr->wake = true;
}

const struct move_ops sight_move_ops = {.send = sync_send, .stale = sight_stale};

/* ---- presence ---- */

static void
presence_probe(void *ctx, vn_id_t vn, struct addr ip)
{
	struct vr *vr = ctx;

	neigh_ask(vr, vr_site(vr, vn), ip, (struct mac){{0}});
}

static bool
presence_ask(void *ctx, struct vr_id whom, uint32_t question, vn_id_t vn, struct addr ip)
{
	struct vr *vr = ctx;
	const struct peer *p = peers_find(vr->peers, whom);
	struct sync_msg msg = {
		.type = SYNC_PRESENCE, .id = question, .vn = vn, .presence = {.ip = ip}};

	if (p == NULL || p->state != PEER_UP || peer_vn(p, vn) == NULL)
		return false;
	(void)!sync_send(vr, p->slot, &msg);
	return true;
}

static void
presence_tell(void *ctx, struct vr_id whom, uint32_t question, vn_id_t vn, struct addr ip,
	      struct mac mac, bool present, us_t now)
{
	struct vr *vr = ctx;
	const struct peer *p = peers_find(vr->peers, whom);
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, ip);
	struct sync_msg msg = {.type = SYNC_PRESENT,
			       .id = question,
			       .vn = vn,
			       .presence = {.ip = ip, .mac = mac, .present = present}};

	if (p != NULL)
		(void)!sync_send(vr, p->slot, &msg);
	/* Somebody else owns it, yet it answers here. */
	if (present && e != NULL && !e->b.withdrawn && !vr_id_equal(e->b.vr, vr->self) &&
	    lndt_may_host(vr->lndt, vn, ip, vr->self))
		presence_start(vr->presence, PRESENCE_DOUBT, vn, ip, mac, e->b.vr, now);
	vr->wake = true;
}

static void
presence_take(void *ctx, vn_id_t vn, struct addr ip, struct mac mac, us_t now)
{
	struct vr *vr = ctx;
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, ip);
	struct binding b = {.vn = vn, .ip = ip, .mac = mac, .kind = BINDING_HOST};
	struct vr_id previous = {0};

	if (e != NULL && !e->b.withdrawn && !vr_id_equal(e->b.vr, vr->self))
		previous = e->b.vr;
	if (lndt_may_host(vr->lndt, vn, ip, vr->self))
		sight_claim(vr, vr_site(vr, vn), &b, 1, previous, TRIGGER_RECHECK, now, now);
}

static void
presence_duplicate(void *ctx, vn_id_t vn, struct addr ip, struct mac mac, struct vr_id other,
		   bool is_told, us_t now)
{
	struct vr *vr = ctx;
	struct binding b = {.vn = vn, .ip = ip, .mac = mac};

	vr->duplicates++;
	double_put(vr, vn, ip, mac, now);
	sight_alarm(vr, &b, other,
		    is_told ? "duplicate: it answers at two sites"
			    : "duplicate? its owner does not answer",
		    now);
}

static void
presence_defend(void *ctx, vn_id_t vn, struct addr ip, struct mac requester, us_t now)
{
	struct vr *vr = ctx;

	(void)now;
	lan_defend(vr, vr_site(vr, vn), ip, requester);
}

const struct presence_ops sight_presence_ops = {.probe = presence_probe,
						.ask = presence_ask,
						.tell = presence_tell,
						.take = presence_take,
						.duplicate = presence_duplicate,
						.defend = presence_defend};
