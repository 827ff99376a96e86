/* HWDT: records in a pool, found by EID and by MAC, listed by owner for the fair share.
 *
 * Every record belongs to a group (its VN and owner, which has the digest and the order by EID) and
 * to a
 * machine (its VN, MAC and owner).  An owner keeps its records in the order in which they were last
 * heard,
 * and owners are listed by the number of records that they hold: so the record to evict is found at
 * once. */
#include "tables/hwdt.h"

#include "tables/pool.h"
#include "tables/tree.h"

struct owner {
	struct chain chain;
	struct vr_id vr;
	size_t held;           /* records, withdrawn ones included */
	struct link records;   /* longest unheard first */
	struct link same_held; /* among the owners that hold as many */
};

/* Every HELLO looks for one: its names are in it, not behind a pointer. */
struct group {
	struct chain chain;
	vn_id_t vn;
	struct vr_id vr; /* the owner's */
	struct owner *owner;
	size_t held;
	struct hwdt_digest digest;
	struct tree *order; /* what the digest summarises, by EID */
};

/* Whoever says that it has a MAC has a row of its own: nobody can hide the others' behind many records. */
struct machine {
	struct chain chain;
	vn_id_t vn;
	struct mac mac;
	struct vr_id vr;
	size_t count;
	size_t present; /* not withdrawn */
	struct link records;
};

/* What a look-up by EID reads is in front, in one cache line. */
struct record {
	struct chain chain;
	struct group *group; /* NULL: not in use */
	struct hwdt_entry e;
	struct machine *machine;
	struct link of_machine;
	struct link of_owner;
	struct tree of_group;
};

struct hwdt {
	struct hash_key key;
	struct pool records, groups, owners, machines;
	struct index by_eid, by_group, by_owner, by_machine;
	struct link *by_held; /* owners by the number of records they hold, 0 to 'max' */
	size_t most;          /* largest number that an owner holds */
	struct hwdt_entry evicted;
	bool has_evicted;
	struct hwdt_stats stats;
};

static uint64_t
hash_eid(const struct hwdt *t, vn_id_t vn, const struct addr *ip)
{
	uint32_t head = vn << 8 | ip->family;
	uint8_t bytes[sizeof(head) + sizeof(ip->b)];

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), ip->b, sizeof(ip->b));
	return hash_bytes(&t->key, bytes, sizeof(head) + addr_size(ip->family));
}

static uint64_t
hash_number(const struct hwdt *t, vn_id_t vn, uint64_t number)
{
	uint64_t words[2] = {vn, number};

	return hash_bytes(&t->key, words, sizeof(words));
}

static uint64_t
hash_mac(const struct hwdt *t, vn_id_t vn, struct mac mac)
{
	uint64_t number = 0;

	memcpy(&number, mac.b, sizeof(mac.b));
	return hash_number(t, vn, number);
}

static struct record *
record_find(const struct hwdt *t, vn_id_t vn, const struct addr *ip)
{
	struct chain *c;

	for (c = index_at(&t->by_eid, hash_eid(t, vn, ip)); c != NULL; c = c->next) {
		struct record *r = CONTAINER_OF(c, struct record, chain);

		if (r->e.b.vn == vn && addr_equal(r->e.b.ip, *ip))
			return r;
	}
	return NULL;
}

static struct owner *
owner_find(const struct hwdt *t, struct vr_id vr)
{
	struct chain *c;

	for (c = index_at(&t->by_owner, hash_number(t, 0, vr.v)); c != NULL; c = c->next) {
		struct owner *o = CONTAINER_OF(c, struct owner, chain);

		if (vr_id_equal(o->vr, vr))
			return o;
	}
	return NULL;
}

static struct group *
group_find(const struct hwdt *t, vn_id_t vn, struct vr_id vr)
{
	struct chain *c;

	for (c = index_at(&t->by_group, hash_number(t, vn, vr.v)); c != NULL; c = c->next) {
		struct group *g = CONTAINER_OF(c, struct group, chain);

		if (g->vn == vn && vr_id_equal(g->vr, vr))
			return g;
	}
	return NULL;
}

/* The next machine of this MAC, whoever has it; 'c' is where the search goes on. */
static struct machine *
machine_next(struct chain **c, vn_id_t vn, struct mac mac)
{
	while (*c != NULL) {
		struct machine *m = CONTAINER_OF(*c, struct machine, chain);

		*c = (*c)->next;
		if (m->vn == vn && mac_equal(m->mac, mac))
			return m;
	}
	return NULL;
}

static struct machine *
machine_find(const struct hwdt *t, vn_id_t vn, struct mac mac, struct vr_id vr)
{
	struct chain *c = index_at(&t->by_machine, hash_mac(t, vn, mac));
	struct machine *m;

	while ((m = machine_next(&c, vn, mac)) != NULL)
		if (vr_id_equal(m->vr, vr))
			return m;
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
		index_add(&t->by_owner, hash_number(t, 0, vr.v), &o->chain);
	}
	return o;
}

static struct group *
group_of(struct hwdt *t, vn_id_t vn, struct vr_id vr)
{
	struct group *g = group_find(t, vn, vr);

	if (g == NULL) {
		g = take(&t->groups);
		g->vn = vn;
		g->vr = vr;
		g->owner = owner_of(t, vr);
		index_add(&t->by_group, hash_number(t, vn, vr.v), &g->chain);
	}
	return g;
}

static struct machine *
machine_of(struct hwdt *t, vn_id_t vn, struct mac mac, struct vr_id vr)
{
	struct machine *m = machine_find(t, vn, mac, vr);

	if (m == NULL) {
		m = take(&t->machines);
		m->vn = vn;
		m->mac = mac;
		m->vr = vr;
		index_add(&t->by_machine, hash_mac(t, vn, mac), &m->chain);
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
		index_take(&t->by_owner, hash_number(t, 0, o->vr.v), &o->chain);
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

/* The order of a VN's EIDs: bytewise, family first. */
static int
compare_eid(const struct tree *member, const void *key)
{
	/* Read only: the cast takes no constness away from what is written. */
	const struct record *r =
		(const void *)((const unsigned char *)member - offsetof(struct record, of_group));

	return memcmp(&r->e.b.ip, key, sizeof(r->e.b.ip));
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
		tree_add(&g->order, &r->of_group, &b->ip, hash_eid(t, b->vn, &b->ip), compare_eid);
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
		tree_take(&g->order, &r->of_group, &b->ip, compare_eid);
	}
	link_take(&r->of_owner);
	link_take(&r->of_machine);
	r->group = NULL;
	r->machine = NULL;
	if (--g->held == 0) {
		index_take(&t->by_group, hash_number(t, g->vn, o->vr.v), &g->chain);
		pool_give(&t->groups, g);
	}
	owner_hold(t, o, o->held - 1);
	if (--m->count == 0) {
		index_take(&t->by_machine, hash_mac(t, m->vn, m->mac), &m->chain);
		pool_give(&t->machines, m);
	}
}

static void
record_remove(struct hwdt *t, struct record *r)
{
	detach(t, r);
	index_take(&t->by_eid, hash_eid(t, r->e.b.vn, &r->e.b.ip), &r->chain);
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
	index_add(&t->by_eid, hash_eid(t, b->vn, &b->ip), &r->chain);
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

struct hwdt *
hwdt_create(size_t max, const struct hash_key *key)
{
	struct hwdt *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->key = *key;
	t->stats.max = max;
	if (max < SIZE_MAX)
		t->by_held = calloc(max + 1, sizeof(*t->by_held));
	if (t->by_held == NULL || pool_init(&t->records, max, sizeof(struct record)) != 0 ||
	    pool_init(&t->groups, max, sizeof(struct group)) != 0 ||
	    pool_init(&t->owners, max, sizeof(struct owner)) != 0 ||
	    pool_init(&t->machines, max, sizeof(struct machine)) != 0 ||
	    index_init(&t->by_eid, max) != 0 || index_init(&t->by_group, max) != 0 ||
	    index_init(&t->by_owner, max) != 0 || index_init(&t->by_machine, max) != 0) {
		hwdt_destroy(t);
		return NULL;
	}
	return t;
}

void
hwdt_destroy(struct hwdt *t)
{
	if (t == NULL)
		return;
	free(t->by_held);
	pool_fini(&t->records);
	pool_fini(&t->groups);
	pool_fini(&t->owners);
	pool_fini(&t->machines);
	index_fini(&t->by_eid);
	index_fini(&t->by_group);
	index_fini(&t->by_owner);
	index_fini(&t->by_machine);
	free(t);
}

enum hwdt_fate
hwdt_put(struct hwdt *t, const struct binding *b, us_t now, struct hwdt_entry *before)
{
	struct record *r = record_find(t, b->vn, &b->ip);
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
	struct record *r = record_find(t, vn, &ip);

	if (r != NULL)
		record_remove(t, r);
}

void
hwdt_heard(struct hwdt *t, vn_id_t vn, struct addr ip, us_t now)
{
	struct record *r = record_find(t, vn, &ip);

	if (r != NULL)
		record_heard(r, now);
}

const struct hwdt_entry *
hwdt_evicted(const struct hwdt *t)
{
	return t->has_evicted ? &t->evicted : NULL;
}

const struct hwdt_entry *
hwdt_find(const struct hwdt *t, vn_id_t vn, struct addr ip)
{
	const struct record *r = record_find(t, vn, &ip);

	return r == NULL ? NULL : &r->e;
}

/* Writes up to 'max' pointers to the machine's records behind the first 'skip'. */
static size_t
machine_list(const struct machine *m, size_t skip, const struct hwdt_entry **out, size_t max)
{
	struct link *at;
	size_t count = 0;

	for (at = m->records.next; at != &m->records && count < max; at = at->next)
		if (skip > 0)
			skip--;
		else
			out[count++] = &CONTAINER_OF(at, struct record, of_machine)->e;
	return count;
}

size_t
hwdt_find_mac(const struct hwdt *t, vn_id_t vn, struct mac mac, const struct hwdt_entry **out,
	      size_t max)
{
	struct chain *first = index_at(&t->by_machine, hash_mac(t, vn, mac));
	struct chain *c = first;
	size_t total = 0, owners = 0, written = 0, share;
	const struct machine *m;

	while ((m = machine_next(&c, vn, mac)) != NULL) {
		total += m->count;
		owners++;
	}
	if (owners == 0 || max == 0)
		return total;
	share = max / owners;
	for (c = first; (m = machine_next(&c, vn, mac)) != NULL;)
		written += machine_list(m, 0, out + written, share);
	for (c = first; written < max && (m = machine_next(&c, vn, mac)) != NULL;)
		written += machine_list(m, share, out + written, max - written);
	return total;
}

size_t
hwdt_find_mac_of(const struct hwdt *t, vn_id_t vn, struct mac mac, struct vr_id vr,
		 const struct hwdt_entry **out, size_t max)
{
	const struct machine *m = machine_find(t, vn, mac, vr);

	if (m == NULL)
		return 0;
	(void)machine_list(m, 0, out, max);
	return m->count;
}

enum hwdt_place
hwdt_place_of_mac(const struct hwdt *t, vn_id_t vn, struct mac mac, struct vr_id vr)
{
	struct chain *c = index_at(&t->by_machine, hash_mac(t, vn, mac));
	enum hwdt_place place = HWDT_NOWHERE;
	const struct machine *m;

	while ((m = machine_next(&c, vn, mac)) != NULL) {
		if (m->present == 0)
			continue;
		if (vr_id_equal(m->vr, vr))
			return HWDT_HERE;
		place = HWDT_ELSEWHERE;
	}
	return place;
}

const struct hwdt_entry *
hwdt_next_of(const struct hwdt *t, vn_id_t vn, struct vr_id vr, struct addr after)
{
	const struct group *g = group_find(t, vn, vr);
	const struct tree *found = g == NULL ? NULL : tree_above(g->order, &after, compare_eid);
	const struct record *r;

	if (found == NULL)
		return NULL;
	r = (const void *)((const unsigned char *)found - offsetof(struct record, of_group));
	return &r->e;
}

struct hwdt_notes *
hwdt_notes(struct hwdt *t, vn_id_t vn, struct addr ip)
{
	struct record *r = record_find(t, vn, &ip);

	return r == NULL ? NULL : &r->e.notes;
}

const struct hwdt_entry *
hwdt_next(const struct hwdt *t, size_t *position)
{
	while (*position < t->records.touched) {
		const struct record *r = pool_at(&t->records, (*position)++);

		if (r->group != NULL)
			return &r->e;
	}
	return NULL;
}

struct hwdt_digest
hwdt_digest(const struct hwdt *t, vn_id_t vn, struct vr_id vr)
{
	const struct group *g = group_find(t, vn, vr);

	return g == NULL ? (struct hwdt_digest){0} : g->digest;
}

struct hwdt_stats
hwdt_stats(const struct hwdt *t)
{
	struct hwdt_stats stats = t->stats;

	stats.count = t->records.count;
	return stats;
}
