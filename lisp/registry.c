/* Rows in one array; found by an open-addressing hash, or through the trie. */
#include "lisp/registry.h"

#include <errno.h>

#include "lisp/pages.h"

/* The part of one ETR in a merged registration. */
struct part {
	struct locator_set *set;
	uint32_t next; /* also of a free one */
	uint32_t etr;
	uint32_t expires;
	bool proxy;
};

/* A merged registration has so many ETRs at most. */
#define PARTS_MAX 16

_Static_assert(sizeof(struct registration) == 64, "a registration is one line of the cache");

struct registry {
	struct registration *rows;
	uint32_t max, touched, free;
	size_t count;
	/* Number of a row in the lower 24 bits, bits of its hash in the upper 8; 0: free. */
	uint32_t *slots;
	uint32_t mask;
	struct part *parts;
	uint32_t parts_max, parts_touched, parts_free;
	uint32_t *site_counts;
	struct trie trie;
	struct wheel wheel;
	struct sets sets;
	struct nonces *nonces;
	struct hash_key key;
};

struct registry *
registry_create(uint32_t max, uint32_t sites, const struct hash_key *key, struct nonces *nonces)
{
	struct registry *r;

	if (max == 0 || max > REGISTRY_MAX)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->max = max;
	r->touched = r->parts_touched = 1;
	r->parts_max = max < 65536 ? max : 65536 + max / 16;
	r->nonces = nonces;
	r->key = *key;
	for (r->mask = 1; r->mask < max + max / 2; r->mask *= 2)
		continue;
	r->rows = pages_create((size_t)max + 1, sizeof(*r->rows));
	r->slots = pages_create(r->mask, sizeof(*r->slots));
	r->mask--;
	r->parts = calloc((size_t)r->parts_max + 1, sizeof(*r->parts));
	r->site_counts = calloc((size_t)sites + 1, sizeof(*r->site_counts));
	if (r->rows == NULL || r->slots == NULL || r->parts == NULL || r->site_counts == NULL ||
	    trie_init(&r->trie, max) != 0 || wheel_init(&r->wheel, max) != 0 ||
	    sets_init(&r->sets, max / 4 + 16, key) != 0) {
		registry_destroy(r);
		return NULL;
	}
	return r;
}

void
registry_destroy(struct registry *r)
{
	if (r == NULL)
		return;
	for (uint32_t i = 1; r->rows != NULL && i < r->touched; i++)
		if (r->rows[i].used)
			registry_remove(r, i);
	sets_fini(&r->sets);
	wheel_fini(&r->wheel);
	trie_fini(&r->trie);
	pages_destroy(r->rows, (size_t)r->max + 1, sizeof(*r->rows));
	pages_destroy(r->slots, (size_t)r->mask + 1, sizeof(*r->slots));
	free(r->parts);
	free(r->site_counts);
	free(r);
}

struct sets *
registry_sets(struct registry *r)
{
	return &r->sets;
}

/* --- the hash --------------------------------------------------------------------------------- */

static uint64_t
hash_key(const struct registry *r, const struct eid_key *key)
{
	uint64_t words[3] = {key->w[0], key->w[1],
			     (uint64_t)key->vn << 16 | (uint64_t)key->family << 8 | key->len};

	return hash_bytes(&r->key, words, sizeof(words));
}

static uint32_t
slot_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 56) << 24;
}

static bool
row_is(const struct registry *r, uint32_t number, const struct eid_key *key)
{
	const struct registration *row = &r->rows[number];

	return row->w[0] == key->w[0] && row->w[1] == key->w[1] && row->len == key->len &&
	       row->vn == key->vn && row->family == key->family;
}

uint32_t
registry_find(const struct registry *r, const struct eid_key *key)
{
	uint64_t hash = hash_key(r, key);
	uint32_t tag = slot_tag(hash);

	for (uint32_t i = (uint32_t)hash & r->mask; r->slots[i] != 0; i = (i + 1) & r->mask) {
		uint32_t slot = r->slots[i];

		if ((slot & ~TRIE_VALUE_MAX) == tag && row_is(r, slot & TRIE_VALUE_MAX, key))
			return slot & TRIE_VALUE_MAX;
	}
	return 0;
}

static void
slot_add(struct registry *r, const struct eid_key *key, uint32_t number)
{
	uint64_t hash = hash_key(r, key);
	uint32_t i = (uint32_t)hash & r->mask;

	while (r->slots[i] != 0)
		i = (i + 1) & r->mask;
	r->slots[i] = slot_tag(hash) | number;
}

/* Takes one out and closes the gap, so that no search ends before its goal. */
static void
slot_take(struct registry *r, const struct eid_key *key, uint32_t number)
{
	uint32_t i = (uint32_t)hash_key(r, key) & r->mask;
	uint32_t gap;

	while ((r->slots[i] & TRIE_VALUE_MAX) != number)
		i = (i + 1) & r->mask;
	gap = i;
	for (i = (i + 1) & r->mask; r->slots[i] != 0; i = (i + 1) & r->mask) {
		struct eid_key other = registry_key(r, r->slots[i] & TRIE_VALUE_MAX);
		uint32_t home = (uint32_t)hash_key(r, &other) & r->mask;

		if (((i - home) & r->mask) < ((i - gap) & r->mask))
			continue;
		r->slots[gap] = r->slots[i];
		gap = i;
	}
	r->slots[gap] = 0;
}

/* --- parts ------------------------------------------------------------------------------------ */

static uint32_t
part_take(struct registry *r)
{
	uint32_t p = r->parts_free;

	if (p != 0)
		r->parts_free = r->parts[p].next;
	else if (r->parts_touched <= r->parts_max)
		p = r->parts_touched++;
	return p;
}

static void
part_free(struct registry *r, uint32_t p)
{
	sets_drop_ref(&r->sets, r->parts[p].set);
	nonces_unpin(r->nonces, r->parts[p].etr);
	r->parts[p] = (struct part){.next = r->parts_free};
	r->parts_free = p;
}

static void
drop_parts(struct registry *r, struct registration *row)
{
	while (row->parts != 0) {
		uint32_t p = row->parts;

		row->parts = r->parts[p].next;
		part_free(r, p);
	}
}

static size_t
count_parts(const struct registry *r, const struct registration *row)
{
	size_t count = 0;

	for (uint32_t p = row->parts; p != 0; p = r->parts[p].next)
		count++;
	return count;
}

static uint32_t
part_of(const struct registry *r, const struct registration *row, uint32_t etr)
{
	uint32_t p = row->parts;

	while (p != 0 && !nonces_same_etr(r->nonces, r->parts[p].etr, etr))
		p = r->parts[p].next;
	return p;
}

static void
set_etr(struct registry *r, uint32_t *field, uint32_t etr)
{
	if (*field == etr)
		return;
	nonces_pin(r->nonces, etr);
	if (*field != 0)
		nonces_unpin(r->nonces, *field);
	*field = etr;
}

/* What all parts say together: locators, proxy, the latest end. */
static int
sum_parts(struct registry *r, struct registration *row)
{
	struct locator_set *all[PARTS_MAX], *set;
	size_t count = 0;
	int err;

	for (uint32_t p = row->parts; p != 0; p = r->parts[p].next)
		all[count++] = r->parts[p].set;
	err = sets_union(&r->sets, all, count, &set);
	if (err != 0)
		return err;
	sets_drop_ref(&r->sets, row->set);
	row->set = set;
	row->proxy = false;
	row->expires = 0;
	for (uint32_t p = row->parts; p != 0; p = r->parts[p].next) {
		row->proxy |= r->parts[p].proxy;
		if (r->parts[p].expires > row->expires)
			row->expires = r->parts[p].expires;
	}
	return 0;
}

static int
put_part(struct registry *r, struct registration *row, const struct registry_news *news,
	 uint32_t expires)
{
	uint32_t p = part_of(r, row, news->etr);

	if (p == 0) {
		if (count_parts(r, row) == PARTS_MAX || (p = part_take(r)) == 0)
			return -ENOSPC;
		r->parts[p] = (struct part){.next = row->parts};
		row->parts = p;
	}
	set_etr(r, &r->parts[p].etr, news->etr);
	sets_ref(news->set);
	sets_drop_ref(&r->sets, r->parts[p].set);
	r->parts[p].set = news->set;
	r->parts[p].expires = expires;
	r->parts[p].proxy = news->proxy;
	return 0;
}

static uint32_t
earliest(const struct registry *r, const struct registration *row)
{
	uint32_t due = row->expires;

	for (uint32_t p = row->parts; p != 0; p = r->parts[p].next)
		if (r->parts[p].expires < due)
			due = r->parts[p].expires;
	return due;
}

/* --- registrations ---------------------------------------------------------------------------- */

static int
add_row(struct registry *r, const struct eid_key *key, uint32_t *number)
{
	uint32_t n = r->free != 0 ? r->free : r->touched;
	uint32_t node;
	int err;

	if (n > r->max)
		return -ENOSPC;
	err = trie_add(&r->trie, key, n, &node);
	if (err != 0)
		return err;
	if (n == r->free)
		r->free = r->rows[n].node;
	else
		r->touched++;
	r->rows[n] = (struct registration){.w = {key->w[0], key->w[1]},
					   .len = key->len,
					   .node = node,
					   .vn = key->vn & VN_ID_MAX,
					   .family = key->family,
					   .used = true};
	slot_add(r, key, n);
	r->count++;
	*number = n;
	return 0;
}

void
registry_remove(struct registry *r, uint32_t number)
{
	struct registration *row = &r->rows[number];
	struct eid_key key = registry_key(r, number);

	wheel_remove(&r->wheel, number);
	drop_parts(r, row);
	sets_drop_ref(&r->sets, row->set);
	if (row->etr != 0) {
		nonces_unpin(r->nonces, row->etr);
		r->site_counts[row->site]--;
	}
	slot_take(r, &key, number);
	trie_remove(&r->trie, key.vn, key.family, row->node);
	*row = (struct registration){.node = r->free};
	r->free = number;
	r->count--;
}

/* A deadline that moved away is noticed when its old second comes: a refresh touches no list. */
static void
schedule(struct registry *r, uint32_t number, uint32_t due, uint32_t before)
{
	if (before != 0 && due >= before)
		return;
	wheel_remove(&r->wheel, number);
	wheel_add(&r->wheel, number, due);
}

/* The whole of it, by one ETR. */
static void
put_whole(struct registry *r, struct registration *row, const struct registry_news *news,
	  uint32_t expires)
{
	drop_parts(r, row);
	sets_ref(news->set);
	sets_drop_ref(&r->sets, row->set);
	row->set = news->set;
	row->proxy = news->proxy;
	row->expires = expires;
}

static void
change_site(struct registry *r, struct registration *row, uint16_t site, uint32_t now)
{
	if (row->etr != 0 && row->site == site)
		return;
	if (row->etr != 0)
		r->site_counts[row->site]--;
	r->site_counts[site]++;
	row->site = site;
	row->since = now;
}

static enum registry_change
compare(const struct registration *row, const struct registration *before)
{
	if (before->etr == 0)
		return REGISTRY_NEW;
	return row->set == before->set && row->ttl == before->ttl && row->site == before->site &&
			       row->map_version == before->map_version &&
			       row->proxy == before->proxy
		       ? REGISTRY_SAME
		       : REGISTRY_CHANGED;
}

int
registry_put(struct registry *r, const struct eid_key *key, const struct registry_news *news,
	     uint32_t now, uint32_t *number, enum registry_change *change)
{
	uint32_t n = registry_find(r, key);
	uint32_t expires = news->lifetime < UINT32_MAX / 2 ? now + news->lifetime : UINT32_MAX / 2;
	struct registration *row, before;
	struct locator_set *held;
	int err = 0;

	if (n == 0 && (err = add_row(r, key, &n)) != 0)
		return err;
	row = &r->rows[n];
	before = *row;
	/* Its address must not be given to another set before the comparison. */
	held = before.set != NULL ? sets_ref(before.set) : NULL;
	if (news->merge) {
		if (before.etr != 0 && before.site != news->site)
			drop_parts(r, row);
		err = put_part(r, row, news, expires);
		if (err == 0)
			err = sum_parts(r, row);
	} else {
		put_whole(r, row, news, expires);
	}
	if (err == 0) {
		change_site(r, row, news->site, now);
		set_etr(r, &row->etr, news->etr);
		row->ttl = news->ttl;
		row->map_version = news->map_version;
		row->plain_zero = news->plain_zero;
		*change = compare(row, &before);
		*number = n;
		schedule(r, n, earliest(r, row), before.etr == 0 ? 0 : before.expires);
	} else if (before.etr == 0) {
		registry_remove(r, n);
	}
	sets_drop_ref(&r->sets, held);
	return err;
}

static void
drop_part(struct registry *r, struct registration *row, uint32_t part)
{
	uint32_t *at = &row->parts;

	while (*at != part)
		at = &r->parts[*at].next;
	*at = r->parts[part].next;
	part_free(r, part);
}

bool
registry_leave(struct registry *r, uint32_t number, uint32_t etr)
{
	struct registration *row = &r->rows[number];
	uint32_t p = part_of(r, row, etr);

	if (row->parts == 0)
		return true;
	if (p == 0)
		return false;
	drop_part(r, row, p);
	return row->parts == 0 || sum_parts(r, row) != 0;
}

/* Parts whose time is over go; false when none was. */
static bool
expire_parts(struct registry *r, struct registration *row, uint32_t now)
{
	uint32_t next;
	bool any = false;

	for (uint32_t p = row->parts; p != 0; p = next) {
		next = r->parts[p].next;
		if (r->parts[p].expires > now)
			continue;
		drop_part(r, row, p);
		any = true;
	}
	return any;
}

uint32_t
registry_expire(struct registry *r, uint32_t now, bool *gone)
{
	uint32_t n;

	while ((n = wheel_take(&r->wheel, now)) != 0) {
		struct registration *row = &r->rows[n];
		struct locator_set *before = row->set;
		bool fewer = expire_parts(r, row, now);

		*gone = row->expires <= now;
		if (*gone)
			return n;
		if (fewer && sum_parts(r, row) != 0)
			fewer = false;
		wheel_add(&r->wheel, n, earliest(r, row));
		if (fewer && row->set != before)
			return n;
	}
	return 0;
}

uint32_t
registry_due(const struct registry *r)
{
	return wheel_next(&r->wheel);
}

uint32_t
registry_match(const struct registry *r, const struct eid_key *key)
{
	uint32_t n = registry_find(r, key);

	return n != 0 ? n : trie_value(&r->trie, trie_covering(&r->trie, key));
}

const struct registration *
registry_at(const struct registry *r, uint32_t number)
{
	return &r->rows[number];
}

struct eid_key
registry_key(const struct registry *r, uint32_t number)
{
	const struct registration *row = &r->rows[number];

	return (struct eid_key){.w = {row->w[0], row->w[1]},
				.vn = row->vn,
				.family = (uint8_t)row->family,
				.len = row->len};
}

uint32_t
registry_next(const struct registry *r, uint32_t number)
{
	for (number++; number < r->touched; number++)
		if (r->rows[number].used)
			return number;
	return 0;
}

const struct trie *
registry_trie(const struct registry *r)
{
	return &r->trie;
}

size_t
registry_count(const struct registry *r)
{
	return r->count;
}

uint32_t
registry_site_count(const struct registry *r, uint32_t site)
{
	return r->site_counts[site];
}

size_t
registry_memory(const struct registry *r)
{
	size_t row = sizeof(struct registration) + sizeof(struct wheel_link);

	return r->touched * row + ((size_t)r->mask + 1) * sizeof(*r->slots) +
	       (size_t)r->trie.touched * sizeof(struct trie_node) +
	       r->parts_touched * sizeof(struct part) + r->sets.bytes +
	       (r->sets.index.mask + 1) * sizeof(struct chain *);
}
