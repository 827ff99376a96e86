/* A pool with a hash and a ring in the order of the last sign of life. */
#include "lisp/displaced.h"

int
displaced_init(struct displaced *d, size_t max, const struct hash_key *key)
{
	int err;

	*d = (struct displaced){.key = *key};
	err = pool_init(&d->rows, max, sizeof(struct displaced_row));
	return err != 0 ? err : index_init(&d->index, max);
}

void
displaced_fini(struct displaced *d)
{
	pool_fini(&d->rows);
	index_fini(&d->index);
}

static uint64_t
hash_of(const struct displaced *d, const struct eid_key *key, uint32_t site)
{
	uint64_t words[4] = {key->w[0], key->w[1],
			     (uint64_t)key->vn << 16 | (uint64_t)key->family << 8 | key->len, site};

	return hash_bytes(&d->key, words, sizeof(words));
}

static struct displaced_row *
find(const struct displaced *d, const struct eid_key *key, uint32_t site, uint64_t hash)
{
	for (struct chain *c = index_at(&d->index, hash); c != NULL; c = c->next) {
		struct displaced_row *row = (struct displaced_row *)(void *)c;

		if (row->site == site && eid_key_equal(&row->key, key))
			return row;
	}
	return NULL;
}

static void
forget(struct displaced *d, struct displaced_row *row)
{
	index_take(&d->index, hash_of(d, &row->key, row->site), &row->chain);
	link_take(&row->order);
	pool_give(&d->rows, row);
}

static struct displaced_row *
oldest(struct displaced *d)
{
	return CONTAINER_OF(d->order.next, struct displaced_row, order);
}

void
displaced_put(struct displaced *d, const struct eid_key *key, uint32_t site, us_t now)
{
	uint64_t hash = hash_of(d, key, site);
	struct displaced_row *row = find(d, key, site, hash);

	if (row == NULL) {
		if (d->rows.count == d->rows.max)
			forget(d, oldest(d));
		row = pool_take(&d->rows);
		row->key = *key;
		row->site = site;
		index_add(&d->index, hash, &row->chain);
	}
	row->heard = now;
	link_take(&row->order);
	link_add(&d->order, &row->order);
}

void
displaced_remove(struct displaced *d, const struct eid_key *key, uint32_t site)
{
	struct displaced_row *row = find(d, key, site, hash_of(d, key, site));

	if (row != NULL)
		forget(d, row);
}

const struct displaced_row *
displaced_find(const struct displaced *d, const struct eid_key *key, uint32_t site)
{
	return find(d, key, site, hash_of(d, key, site));
}

void
displaced_expire(struct displaced *d, us_t before)
{
	while (!link_is_empty(&d->order) && oldest(d)->heard < before)
		forget(d, oldest(d));
}
