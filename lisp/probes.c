/* RLOC-probes: are the locators of mappings in use alive, and how far away (RFC 9301 section 7.1)? */
#include "lisp/xtr_priv.h"

/* A locator that leaves so many probes unanswered is out of use. */
#define MISSED_MAX 3
/* An answer is waited for so long; while some are missing, probes follow each other at this pace. */
#define TIMEOUT US_S

static struct probe *
probe_set(struct xtr *x, const struct addr *rloc)
{
	return &x->probes[hash_bytes(&x->key, rloc, sizeof(*rloc)) % (XTR_PROBES_MAX / PROBE_WAYS) *
			  PROBE_WAYS];
}

static struct probe *
probe_find(struct xtr *x, struct addr rloc)
{
	struct probe *set = probe_set(x, &rloc);

	for (size_t i = 0; i < PROBE_WAYS; i++)
		if (addr_equal(set[i].rloc, rloc) && !addr_is_none(rloc))
			return &set[i];
	return NULL;
}

static struct probe *
probe_room(struct xtr *x, struct addr rloc)
{
	struct probe *set = probe_set(x, &rloc);

	for (size_t i = 0; i < PROBE_WAYS; i++)
		if (addr_is_none(set[i].rloc))
			return &set[i];
	return NULL;
}

static void
probe_due(struct xtr *x, struct probe *p, us_t due)
{
	p->due = due;
	if (due < x->probes_due)
		x->probes_due = due;
}

static void
follow_one(struct xtr *x, const struct mapping *m, struct addr rloc, us_t now)
{
	struct probe *p = probe_find(x, rloc);

	if (p != NULL) {
		/* The new mapping is told, too. */
		if (p->missed >= MISSED_MAX)
			probe_due(x, p, now);
		return;
	}
	p = addr_is_none(xtr_own_rloc(x, rloc.family)) ? NULL : probe_room(x, rloc);
	if (p == NULL)
		return;
	*p = (struct probe){.rloc = rloc, .vn = m->vn, .prefix = m->prefix};
	/* Somewhere in the first interval, so that they do not all come at once. */
	probe_due(x, p, now + (us_t)(xtr_random(x) % (uint64_t)x->conf.probe_interval));
}

void
probes_follow(struct xtr *x, const struct mapping *m, us_t now)
{
	for (unsigned i = 0; x->conf.probe_interval > 0 && i < m->count; i++)
		if (m->locators[i].priority != MAP_PRIORITY_NEVER)
			follow_one(x, m, m->locators[i].rloc, now);
}

void
xtr_petrs(struct xtr *x, struct mapping *petrs, size_t count, us_t now)
{
	x->petrs = petrs;
	x->petr_count = count;
	for (size_t i = 0; i < count; i++) {
		probes_follow(x, &petrs[i], now);
		/* They are few, and the first packet may choose among them. */
		for (unsigned j = 0; j < petrs[i].count; j++)
			probes_hurry(x, petrs[i].locators[j].rloc, now);
	}
}

void
probes_hurry(struct xtr *x, struct addr rloc, us_t now)
{
	struct probe *p = probe_find(x, rloc);

	us_t due = now;

	if (p == NULL || p->sent > 0)
		return;
	/* Data says so, which anybody can send: once per second. */
	if (p->hurried > 0 && due < p->hurried + TIMEOUT)
		due = p->hurried + TIMEOUT;
	if (due >= p->due)
		return;
	p->hurried = due;
	probe_due(x, p, due);
}

/* ---- what comes of it ---- */

/* Says in a mapping how the locator is. */
static void
tell_one(struct probe *p, struct mapping *m, bool silent, us_t rtt, bool *is_named,
	 bool *has_changed)
{
	/* One that was not asked for is known to be up in another way. */
	for (unsigned i = 0; m->source != MAP_FIXED && i < m->count; i++) {
		struct map_locator *l = &m->locators[i];

		if (!addr_equal(l->rloc, p->rloc))
			continue;
		*is_named = true;
		/* The one that was named first may be gone, and its site know nothing of it. */
		p->vn = m->vn;
		p->prefix = m->prefix;
		if (rtt > 0)
			l->rtt = l->rtt == 0 ? rtt : l->rtt + (rtt - l->rtt) / 8;
		*has_changed = *has_changed || l->silent != silent;
		l->silent = silent;
	}
}

/* The same in all that name it; false when there is none.  An EID of its own is what an ETR can be asked for best, so the
 * Proxy-ETRs come first. */
static bool
tell_mappings(struct xtr *x, struct probe *p, bool silent, us_t rtt, us_t now)
{
	bool any = false, has_changed = false;
	size_t position = 0;
	struct mapping *m;

	for (size_t i = 0; i < x->petr_count; i++)
		tell_one(p, &x->petrs[i], silent, rtt, &any, &has_changed);
	while ((m = mapcache_next(x->cache, &position)) != NULL) {
		has_changed = false;
		tell_one(p, m, silent, rtt, &any, &has_changed);
		if (has_changed)
			x->ops->mapped(x->ctx, m->vn, m->prefix, now);
	}
	return any;
}

static void
send_probe(struct xtr *x, struct probe *p, us_t now)
{
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = xtr_random(x)};
	struct lisp_asked asked = {.eid = xtr_eid(x, p->vn, p->prefix)};
	struct endpoint to = {.addr = p->rloc, .port = x->conf.port};
	uint8_t data[LISP_SIZE_MAX];
	struct lisp_builder b;

	p->nonce = msg.nonce;
	p->sent = now;
	msg.request.probe = true;
	msg.request.pitr = x->ops->proxies(x->ctx, p->vn);
	lisp_begin(&b, data, sizeof(data), &msg);
	xtr_put_itrs(x, &b);
	lisp_put_asked(&b, &asked);
	xtr_send(x, &to, data, lisp_end(&b));
	xtr_counted(x, XTR_PROBES);
	probe_due(x, p, now + TIMEOUT);
}

/* Does the reply say that this locator lives and leads to what was asked for?  It is the one that is marked, the first if there are
 * several, wherever the reply came from; where none is marked, it has to come from there: whoever
 * answers for somebody else says
 * nothing of the path to it.  All records are authoritative (RFC 9301 section 5.4). */
static bool
bears_out(const struct probe *p, const struct endpoint *from, const struct lisp_msg *msg)
{
	struct addr probed = {.family = ADDR_NONE};
	struct rd records = msg->records;
	struct lisp_record record;
	struct lisp_locator l;
	bool any = false;

	while (lisp_record_next(&records, &record)) {
		if (!record.authoritative)
			return false;
		while (lisp_locator_next(&record.locators, &l)) {
			any = true;
			if (l.probed && addr_is_none(probed))
				probed = l.rloc.addr;
		}
	}
	return any && addr_equal(addr_is_none(probed) ? from->addr : probed, p->rloc);
}

void
probes_reply(struct xtr *x, const struct endpoint *from, const struct lisp_msg *msg, us_t now)
{
	for (size_t i = 0; i < XTR_PROBES_MAX; i++) {
		struct probe *p = &x->probes[i];

		if (addr_is_none(p->rloc) || p->sent == 0 || p->nonce != msg->nonce)
			continue;
		if (!bears_out(p, from, msg)) {
			xtr_counted(x, XTR_PROBE_REFUSED);
			return;
		}
		/* No time at all would say that it is not known. */
		(void)tell_mappings(x, p, false, now > p->sent ? now - p->sent : 1, now);
		p->sent = 0;
		p->missed = 0;
		p->answered = true;
		probe_due(x, p, now + x->conf.probe_interval);
		return;
	}
	xtr_counted(x, XTR_UNSOLICITED);
}

static void
probe_run(struct xtr *x, struct probe *p, us_t now)
{
	if (p->sent > 0 && ++p->missed == MISSED_MAX && !tell_mappings(x, p, true, 0, now)) {
		*p = (struct probe){0};
		return;
	}
	if (p->sent == 0 && !tell_mappings(x, p, p->missed >= MISSED_MAX, 0, now)) {
		*p = (struct probe){0};
		return;
	}
	if (p->sent > 0 && p->missed >= MISSED_MAX) {
		/* It is out of use: asked again at the usual pace. */
		p->sent = 0;
		probe_due(x, p, now + x->conf.probe_interval);
		return;
	}
	send_probe(x, p, now);
}

us_t
probes_run(struct xtr *x, us_t now)
{
	if (now < x->probes_due)
		return x->probes_due;
	x->probes_due = US_NEVER;
	for (size_t i = 0; i < XTR_PROBES_MAX; i++) {
		struct probe *p = &x->probes[i];

		if (!addr_is_none(p->rloc) && p->due <= now)
			probe_run(x, p, now);
		if (!addr_is_none(p->rloc) && p->due < x->probes_due)
			x->probes_due = p->due;
	}
	return x->probes_due;
}

bool
probes_is_alive(struct xtr *x, struct addr rloc)
{
	const struct probe *p = probe_find(x, rloc);

	return p != NULL && p->answered && p->missed < MISSED_MAX;
}

void
xtr_status_bits(struct xtr *x, vn_id_t vn, struct addr source, struct addr from, uint32_t bits,
		unsigned width, us_t now)
{
	const struct mapping *m = mapcache_find(x->cache, vn, source);
	bool known = false;

	for (unsigned i = 0; m != NULL && i < m->count; i++)
		known = known || addr_equal(m->locators[i].rloc, from);
	for (unsigned i = 0; known && i < m->count && i < width; i++)
		if ((bits >> i & 1) == 0 && map_locator_usable(&m->locators[i]))
			probes_hurry(x, m->locators[i].rloc, now);
}
