/* A pool with a hash and a ring in the order of time. */
#include "lisp/gone.h"

int
gone_init(struct gone *g, size_t max, const struct hash_key *key)
{
	int err;

	*g = (struct gone){.key = *key};
	err = pool_init(&g->rows, max, sizeof(struct gone_row));
	return err != 0 ? err : index_init(&g->index, max);
}

void
gone_fini(struct gone *g)
{
	pool_fini(&g->rows);
	index_fini(&g->index);
}

static uint64_t
hash_of(const struct gone *g, vn_id_t vn, const struct prefix *prefix)
{
	uint8_t bytes[sizeof(vn) + 2 + sizeof(prefix->addr.b)];

	memcpy(bytes, &vn, sizeof(vn));
	bytes[sizeof(vn)] = prefix->addr.family;
	bytes[sizeof(vn) + 1] = prefix->len;
	memcpy(bytes + sizeof(vn) + 2, prefix->addr.b, sizeof(prefix->addr.b));
	return hash_bytes(&g->key, bytes, sizeof(bytes));
}

static struct gone_row *
find(const struct gone *g, vn_id_t vn, struct prefix prefix, uint64_t hash)
{
	for (struct chain *c = index_at(&g->index, hash); c != NULL; c = c->next) {
		struct gone_row *row = (struct gone_row *)(void *)c;

		if (row->vn == vn && prefix_equal(row->prefix, prefix))
			return row;
	}
	return NULL;
}

void
gone_put(struct gone *g, vn_id_t vn, struct prefix prefix, uint64_t nonce, us_t now)
{
	uint64_t hash = hash_of(g, vn, &prefix);
	struct gone_row *row = find(g, vn, prefix, hash);

	if (row == NULL) {
		row = pool_take(&g->rows);
		BUG_IF(row == NULL);
		row->vn = vn;
		row->prefix = prefix;
		index_add(&g->index, hash, &row->chain);
	}
	if (nonce > row->nonce)
		row->nonce = nonce;
	row->since = now;
	link_take(&row->order);
	link_add(&g->order, &row->order);
}

uint64_t
gone_nonce(const struct gone *g, vn_id_t vn, struct prefix prefix)
{
	const struct gone_row *row = find(g, vn, prefix, hash_of(g, vn, &prefix));

	return row != NULL ? row->nonce : 0;
}

bool
gone_is_full(const struct gone *g)
{
	return g->rows.count == g->rows.max;
}

static struct gone_row *
oldest(const struct gone *g)
{
	return CONTAINER_OF(g->order.next, struct gone_row, order);
}

bool
gone_take(struct gone *g, struct gone_row *out)
{
	struct gone_row *row;

	if (link_is_empty(&g->order))
		return false;
	row = oldest(g);
	*out = *row;
	index_take(&g->index, hash_of(g, row->vn, &row->prefix), &row->chain);
	link_take(&row->order);
	pool_give(&g->rows, row);
	return true;
}

us_t
gone_since(const struct gone *g)
{
	return link_is_empty(&g->order) ? US_NEVER : oldest(g)->since;
}
