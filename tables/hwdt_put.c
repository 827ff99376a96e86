/* HWDT: the update rule, and what it enters and takes out. */
#include "tables/hwdt_priv.h"

static struct owner *
owner_find(const struct hwdt *t, struct vr_id vr)
{
	struct chain *c;

	for (c = index_at(&t->by_owner, hwdt_hash_number(t, 0, vr.v)); c != NULL; c = c->next) {
		struct owner *o = CONTAINER_OF(c, struct owner, chain);

		if (vr_id_equal(o->vr, vr))
			return o;
	}
	return NULL;
}

/* Takes an item that must be free: there are as many owners, groups and machines as records. */
static void *
take(struct pool *pool)
{
	void *item = pool_take(pool);

	BUG_IF(item == NULL);
	return item;
}

static struct owner *
owner_of(struct hwdt *t, struct vr_id vr)
{
	struct owner *o = owner_find(t, vr);

	if (o == NULL) {
		o = take(&t->owners);
		o->vr = vr;
		index_add(&t->by_owner, hwdt_hash_number(t, 0, vr.v), &o->chain);
	}
	return o;
}

static struct group *
group_of(struct hwdt *t, vn_id_t vn, struct vr_id vr)
{
	struct group *g = hwdt_group_find(t, vn, vr);

	if (g == NULL) {
		g = take(&t->groups);
		g->vn = vn;
		g->vr = vr;
		g->owner = owner_of(t, vr);
		index_add(&t->by_group, hwdt_hash_number(t, vn, vr.v), &g->chain);
	}
	return g;
}

static struct machine *
machine_of(struct hwdt *t, vn_id_t vn, struct mac mac, struct vr_id vr)
{
	struct machine *m = hwdt_machine_find(t, vn, mac, vr);

	if (m == NULL) {
		m = take(&t->machines);
		m->vn = vn;
		m->mac = mac;
		m->vr = vr;
		index_add(&t->by_machine, hwdt_hash_mac(t, vn, mac), &m->chain);
	}
	return m;
}

/* Changes are by one, so the largest number is known without a search. */
static void
owner_hold(struct hwdt *t, struct owner *o, size_t held)
{
	link_take(&o->same_held);
	o->held = held;
	if (held != 0)
		link_add(&t->by_held[held], &o->same_held);
	if (held > t->most)
		t->most = held;
	while (t->most != 0 && link_is_empty(&t->by_held[t->most]))
		t->most--;
	if (held == 0) {
		index_take(&t->by_owner, hwdt_hash_number(t, 0, o->vr.v), &o->chain);
		pool_give(&t->owners, o);
	}
}

/* The same on every router, whatever its own key and byte order: see hwdt_digest(). */
static uint64_t
digest_part(const struct binding *b)
{
	static const struct hash_key key = {HWDT_DIGEST_K0, HWDT_DIGEST_K1};
	uint8_t bytes[1 + 16 + 6 + 1 + 8];
	size_t i;

	bytes[0] = b->ip.family;
	memcpy(bytes + 1, b->ip.b, 16);
	memcpy(bytes + 17, b->mac.b, 6);
	bytes[23] = b->kind;
	for (i = 0; i < 8; i++)
		bytes[24 + i] = (uint8_t)(b->mobility >> (56 - 8 * i));
	return hash_bytes(&key, bytes, sizeof(bytes));
}

/* Enters the record where its binding says that it belongs. */
static void
attach(struct hwdt *t, struct record *r)
{
	const struct binding *b = &r->e.b;
	struct group *g = group_of(t, b->vn, b->vr);
	struct machine *m = machine_of(t, b->vn, b->mac, b->vr);

	r->group = g;
	g->held++;
	if (!b->withdrawn) {
		g->digest.count++;
		g->digest.sum += digest_part(b);
		m->present++;
		tree_add(&g->order, &r->of_group, &b->ip, hwdt_hash_eid(t, b->vn, &b->ip),
			 hwdt_compare_eid);
	}
	link_add(&g->owner->records, &r->of_owner);
	owner_hold(t, g->owner, g->owner->held + 1);
	r->machine = m;
	m->count++;
	link_add(&m->records, &r->of_machine);
}

/* The inverse; must see the binding as it was attached. */
static void
detach(struct hwdt *t, struct record *r)
{
	const struct binding *b = &r->e.b;
	struct group *g = r->group;
	struct machine *m = r->machine;
	struct owner *o = g->owner;

	if (!b->withdrawn) {
		g->digest.count--;
		g->digest.sum -= digest_part(b);
		m->present--;
		tree_take(&g->order, &r->of_group, &b->ip, hwdt_compare_eid);
	}
	link_take(&r->of_owner);
	link_take(&r->of_machine);
	r->group = NULL;
	r->machine = NULL;
	if (--g->held == 0) {
		index_take(&t->by_group, hwdt_hash_number(t, g->vn, o->vr.v), &g->chain);
		pool_give(&t->groups, g);
	}
	owner_hold(t, o, o->held - 1);
	if (--m->count == 0) {
		index_take(&t->by_machine, hwdt_hash_mac(t, m->vn, m->mac), &m->chain);
		pool_give(&t->machines, m);
	}
}

static void
record_remove(struct hwdt *t, struct record *r)
{
	detach(t, r);
	index_take(&t->by_eid, hwdt_hash_eid(t, r->e.b.vn, &r->e.b.ip), &r->chain);
	pool_give(&t->records, r);
}

static void
record_heard(struct record *r, us_t now)
{
	if (now > r->e.heard)
		r->e.heard = now;
	link_take(&r->of_owner);
	link_add(&r->group->owner->records, &r->of_owner);
}

/* Makes room for one record of this owner; false when it has its fair share already. */
static bool
evict_for(struct hwdt *t, struct vr_id vr)
{
	const struct owner *newcomer = owner_find(t, vr);
	size_t would_hold = (newcomer == NULL ? 0 : newcomer->held) + 1;
	struct owner *largest;
	struct record *victim;

	if (t->most <= would_hold)
		return false;
	largest = CONTAINER_OF(t->by_held[t->most].next, struct owner, same_held);
	victim = CONTAINER_OF(largest->records.next, struct record, of_owner);
	t->evicted = victim->e;
	t->has_evicted = true;
	t->stats.evicted++;
	record_remove(t, victim);
	return true;
}

static enum hwdt_fate
put_new(struct hwdt *t, const struct binding *b, us_t now)
{
	struct record *r = pool_take(&t->records);

	if (r == NULL && evict_for(t, b->vr))
		r = pool_take(&t->records);
	if (r == NULL) {
		t->stats.refused_full++;
		return HWDT_FULL;
	}
	r->e = (struct hwdt_entry){.b = *b, .heard = now};
	index_add(&t->by_eid, hwdt_hash_eid(t, b->vn, &b->ip), &r->chain);
	attach(t, r);
	return HWDT_ADDED;
}

/* The update rule: it looks at nothing but the two bindings, so that order does not matter. */
static enum hwdt_fate
judge(const struct binding *old, const struct binding *b)
{
	bool same_owner = vr_id_equal(old->vr, b->vr);

	if (b->mobility == old->mobility && same_owner) {
		bool same = mac_equal(old->mac, b->mac) && old->kind == b->kind &&
			    old->withdrawn == b->withdrawn;

		return same ? HWDT_SAME : HWDT_STALE;
	}
	if (b->mobility < old->mobility || (b->mobility == old->mobility && b->vr.v < old->vr.v))
		return HWDT_STALE;
	if (old->withdrawn)
		return HWDT_ADDED;
	return same_owner ? HWDT_UPDATED : HWDT_MOVED;
}

/* Puts 'old' in front of the earlier owners and takes the new owner out of them. */
static void
remember_owner(struct hwdt_entry *e, struct vr_id old, struct vr_id owner)
{
	struct vr_id kept[HWDT_PREVIOUS] = {old};
	size_t count = 1;
	size_t i;

	for (i = 0; i < HWDT_PREVIOUS && count < HWDT_PREVIOUS; i++) {
		struct vr_id vr = e->previous[i];

		if (!vr_id_is_none(vr) && !vr_id_equal(vr, old) && !vr_id_equal(vr, owner))
			kept[count++] = vr;
	}
	memcpy(e->previous, kept, sizeof(kept));
}

static void
record_replace(struct hwdt *t, struct record *r, const struct binding *b, us_t now)
{
	struct vr_id old = r->e.b.vr;

	detach(t, r);
	r->e.b = *b;
	if (now > r->e.heard)
		r->e.heard = now;
	if (!vr_id_equal(old, b->vr)) {
		remember_owner(&r->e, old, b->vr);
		r->e.moved = now;
	}
	attach(t, r);
}

enum hwdt_fate
hwdt_put(struct hwdt *t, const struct binding *b, us_t now, struct hwdt_entry *before)
{
	struct record *r = hwdt_record_find(t, b->vn, &b->ip);
	struct binding copy = *b; /* the caller's may lie in the record that is evicted */
	enum hwdt_fate fate;

	if (before != NULL)
		*before = r == NULL ? (struct hwdt_entry){0} : r->e;
	t->has_evicted = false;
	if (r == NULL)
		return put_new(t, &copy, now);
	fate = judge(&r->e.b, &copy);
	if (fate == HWDT_STALE)
		t->stats.stale++;
	else if (fate == HWDT_SAME)
		record_heard(r, now);
	else
		record_replace(t, r, &copy, now);
	return fate;
}

void
hwdt_remove(struct hwdt *t, vn_id_t vn, struct addr ip)
{
	struct record *r = hwdt_record_find(t, vn, &ip);

	if (r != NULL)
		record_remove(t, r);
}

void
hwdt_heard(struct hwdt *t, vn_id_t vn, struct addr ip, us_t now)
{
	struct record *r = hwdt_record_find(t, vn, &ip);

	if (r != NULL)
		record_heard(r, now);
}
