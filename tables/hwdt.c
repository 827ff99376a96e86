/* HWDT: life, look-ups and walks. */
#include "tables/hwdt_priv.h"

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

/* ---- what stands where ---- */

struct record *
hwdt_record_find(const struct hwdt *t, vn_id_t vn, const struct addr *ip)
{
	struct chain *c;

	for (c = index_at(&t->by_eid, hwdt_hash_eid(t, vn, ip)); c != NULL; c = c->next) {
		struct record *r = CONTAINER_OF(c, struct record, chain);

		if (r->e.b.vn == vn && addr_equal(r->e.b.ip, *ip))
			return r;
	}
	return NULL;
}

struct group *
hwdt_group_find(const struct hwdt *t, vn_id_t vn, struct vr_id vr)
{
	struct chain *c;

	for (c = index_at(&t->by_group, hwdt_hash_number(t, vn, vr.v)); c != NULL; c = c->next) {
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

struct machine *
hwdt_machine_find(const struct hwdt *t, vn_id_t vn, struct mac mac, struct vr_id vr)
{
	struct chain *c = index_at(&t->by_machine, hwdt_hash_mac(t, vn, mac));
	struct machine *m;

	while ((m = machine_next(&c, vn, mac)) != NULL)
		if (vr_id_equal(m->vr, vr))
			return m;
	return NULL;
}

int
hwdt_compare_eid(const struct tree *member, const void *key)
{
	/* Read only: the cast takes no constness away from what is written. */
	const struct record *r =
		(const void *)((const unsigned char *)member - offsetof(struct record, of_group));

	return memcmp(&r->e.b.ip, key, sizeof(r->e.b.ip));
}

/* ---- look-ups ---- */

const struct hwdt_entry *
hwdt_evicted(const struct hwdt *t)
{
	return t->has_evicted ? &t->evicted : NULL;
}

const struct hwdt_entry *
hwdt_find(const struct hwdt *t, vn_id_t vn, struct addr ip)
{
	const struct record *r = hwdt_record_find(t, vn, &ip);

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
	struct chain *first = index_at(&t->by_machine, hwdt_hash_mac(t, vn, mac));
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
	const struct machine *m = hwdt_machine_find(t, vn, mac, vr);

	if (m == NULL)
		return 0;
	(void)machine_list(m, 0, out, max);
	return m->count;
}

enum hwdt_place
hwdt_place_of_mac(const struct hwdt *t, vn_id_t vn, struct mac mac, struct vr_id vr)
{
	struct chain *c = index_at(&t->by_machine, hwdt_hash_mac(t, vn, mac));
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
	const struct group *g = hwdt_group_find(t, vn, vr);
	const struct tree *found =
		g == NULL ? NULL : tree_above(g->order, &after, hwdt_compare_eid);
	const struct record *r;

	if (found == NULL)
		return NULL;
	r = (const void *)((const unsigned char *)found - offsetof(struct record, of_group));
	return &r->e;
}

struct hwdt_notes *
hwdt_notes(struct hwdt *t, vn_id_t vn, struct addr ip)
{
	struct record *r = hwdt_record_find(t, vn, &ip);

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
	const struct group *g = hwdt_group_find(t, vn, vr);

	return g == NULL ? (struct hwdt_digest){0} : g->digest;
}

struct hwdt_stats
hwdt_stats(const struct hwdt *t)
{
	struct hwdt_stats stats = t->stats;

	stats.count = t->records.count;
	return stats;
}
