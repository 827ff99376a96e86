/* A pool of rows in two indexes (by who and Key ID, and by xTR-ID alone), and a ring for each site. */
#include "lisp/nonces.h"

#include <errno.h>

struct site_rows {
	struct link ring;
	uint32_t count;
};

struct nonces {
	struct pool rows;
	struct index by_who;
	struct site_rows *sites;
	uint32_t site_count;
	struct hash_key key;
	const struct lisp_io *io;
	void *ctx;
	/* xTR-ID -> number of the row that spoke last; a hint that is tested when it is used. */
	uint32_t *by_xtr;
	uint32_t xtr_mask;
};

struct nonces *
nonces_create(uint32_t max, uint32_t sites, const struct hash_key *key, const struct lisp_io *io,
	      void *ctx)
{
	struct nonces *n = calloc(1, sizeof(*n));
	uint32_t slots = 1;

	if (n == NULL)
		return NULL;
	while (slots < max)
		slots *= 2;
	n->key = *key;
	n->io = io;
	n->ctx = ctx;
	n->site_count = sites;
	n->xtr_mask = slots - 1;
	n->sites = calloc((size_t)sites + 1, sizeof(*n->sites));
	n->by_xtr = calloc(slots, sizeof(*n->by_xtr));
	if (n->sites == NULL || n->by_xtr == NULL ||
	    pool_init(&n->rows, max, sizeof(struct nonce_row)) != 0 ||
	    index_init(&n->by_who, max) != 0) {
		nonces_destroy(n);
		return NULL;
	}
	return n;
}

void
nonces_destroy(struct nonces *n)
{
	if (n == NULL)
		return;
	pool_fini(&n->rows);
	index_fini(&n->by_who);
	free(n->sites);
	free(n->by_xtr);
	free(n);
}

static uint64_t
hash_xtr(const struct nonces *n, const struct lisp_xtr_id *xtr)
{
	return hash_bytes(&n->key, xtr->xtr, sizeof(xtr->xtr));
}

static uint64_t
hash_row(const struct nonces *n, const struct nonce_row *row)
{
	uint8_t bytes[4 + 1 + 16 + 8 + 1];

	memcpy(bytes, &row->site, 4);
	bytes[4] = row->key_id;
	if (row->has_xtr_id) {
		memcpy(bytes + 5, row->xtr.xtr, 16);
		memcpy(bytes + 21, &row->xtr.site, 8);
	} else {
		memcpy(bytes + 5, row->addr.b, 16);
		memset(bytes + 21, 0, 8);
	}
	bytes[29] = (uint8_t)(row->has_xtr_id ? 255 : row->addr.family);
	return hash_bytes(&n->key, bytes, sizeof(bytes));
}

static bool
same_who(const struct nonce_row *a, const struct nonce_row *b)
{
	if (a->site != b->site || a->has_xtr_id != b->has_xtr_id)
		return false;
	if (a->has_xtr_id)
		return memcmp(a->xtr.xtr, b->xtr.xtr, 16) == 0 && a->xtr.site == b->xtr.site;
	return addr_equal(a->addr, b->addr);
}

static struct nonce_row *
find(const struct nonces *n, const struct nonce_row *who, uint64_t hash)
{
	for (struct chain *c = index_at(&n->by_who, hash); c != NULL; c = c->next) {
		struct nonce_row *row = (struct nonce_row *)(void *)c;

		if (row->key_id == who->key_id && same_who(row, who))
			return row;
	}
	return NULL;
}

static void
forget(struct nonces *n, struct nonce_row *row)
{
	index_take(&n->by_who, hash_row(n, row), &row->chain);
	link_take(&row->heard);
	n->sites[row->site].count--;
	pool_give(&n->rows, row);
}

/* Takes the longest unheard row of a site that nothing names. */
static bool
make_room_at(struct nonces *n, uint32_t site)
{
	struct link *ring = &n->sites[site].ring;

	if (link_is_empty(ring))
		return false;
	forget(n, CONTAINER_OF(ring->next, struct nonce_row, heard));
	return true;
}

static bool
make_room(struct nonces *n, uint32_t site)
{
	uint32_t most = site;

	if (n->rows.count < n->rows.max)
		return true;
	for (uint32_t i = 0; i < n->site_count; i++)
		if (n->sites[i].count > n->sites[most].count)
			most = i;
	return make_room_at(n, most) || make_room_at(n, site);
}

static struct nonce_row *
add(struct nonces *n, const struct nonce_row *who, uint64_t hash)
{
	struct nonce_row *row;

	if (!make_room(n, who->site))
		return NULL;
	row = pool_take(&n->rows);
	row->site = who->site;
	row->key_id = who->key_id;
	row->has_xtr_id = who->has_xtr_id;
	row->xtr = who->xtr;
	row->addr = who->addr;
	row->used = true;
	index_add(&n->by_who, hash, &row->chain);
	link_add(&n->sites[row->site].ring, &row->heard);
	n->sites[row->site].count++;
	return row;
}

static uint32_t
number_of(const struct nonces *n, const struct nonce_row *row)
{
	return (uint32_t)(row - (const struct nonce_row *)(const void *)n->rows.items) + 1;
}

static struct nonce_row *
row_at(const struct nonces *n, uint32_t row)
{
	return pool_at(&n->rows, row - 1);
}

int
nonces_heard(struct nonces *n, uint32_t site, const struct lisp_msg *msg,
	     const struct endpoint *from, bool strict, uint32_t *number)
{
	struct nonce_row who = {
		.site = site, .key_id = msg->auth.key_id, .has_xtr_id = msg->has_xtr_id};
	struct nonce_row *row;
	uint64_t hash;

	/* A source address is not authenticated: it would begin nonces of its own for bytes that were
	 * heard elsewhere. */
	if (msg->has_xtr_id)
		who.xtr = msg->xtr_id;
	else if (!strict)
		who.addr = from->addr;
	hash = hash_row(n, &who);
	row = find(n, &who, hash);
	if (row != NULL && strict && msg->nonce <= row->last)
		return -ESTALE;
	if (row == NULL && (row = add(n, &who, hash)) == NULL)
		return -ENOSPC;
	if (row->fresh == 0)
		row->kept = msg->nonce;
	row->last = msg->nonce;
	row->fresh += row->fresh < UINT32_MAX;
	row->messages++;
	row->from = *from;
	if (row->pins == 0) {
		link_take(&row->heard);
		link_add(&n->sites[site].ring, &row->heard);
	}
	*number = number_of(n, row);
	if (row->has_xtr_id)
		n->by_xtr[hash_xtr(n, &row->xtr) & n->xtr_mask] = *number;
	if (strict && row->last >= row->reserve)
		n->io->persist(n->ctx);
	return 0;
}

void
nonces_way(struct nonces *n, uint32_t row, struct addr behind)
{
	row_at(n, row)->behind = behind;
}

const struct nonce_row *
nonces_at(const struct nonces *n, uint32_t row)
{
	return row_at(n, row);
}

bool
nonces_site_of(const struct nonces *n, const struct lisp_xtr_id *xtr, uint32_t *site,
	       uint8_t *key_id)
{
	uint32_t number = n->by_xtr[hash_xtr(n, xtr) & n->xtr_mask];
	const struct nonce_row *row;

	if (number == 0)
		return false;
	row = row_at(n, number);
	if (!row->used || !row->has_xtr_id || memcmp(row->xtr.xtr, xtr->xtr, 16) != 0)
		return false;
	*site = row->site;
	*key_id = row->key_id;
	return true;
}

void
nonces_pin(struct nonces *n, uint32_t row)
{
	struct nonce_row *r = row_at(n, row);

	if (r->pins++ == 0)
		link_take(&r->heard);
}

void
nonces_unpin(struct nonces *n, uint32_t row)
{
	struct nonce_row *r = row_at(n, row);

	BUG_IF(r->pins == 0);
	if (--r->pins == 0)
		link_add(&n->sites[r->site].ring, &r->heard);
}

bool
nonces_same_etr(const struct nonces *n, uint32_t a, uint32_t b)
{
	return a == b || same_who(row_at(n, a), row_at(n, b));
}

size_t
nonces_count(const struct nonces *n)
{
	return n->rows.count;
}

static uint64_t
reserve_of(const struct nonce_row *row)
{
	uint64_t margin = 1;

	if (row->fresh > 1 && row->last > row->kept)
		margin = row->last - row->kept;
	if (margin > 1 && margin <= UINT64_MAX / 2)
		margin *= 2;
	return margin < UINT64_MAX - row->last ? row->last + margin : UINT64_MAX;
}

void
nonces_keep(struct nonces *n, void (*each)(void *ctx, const struct nonce_row *row), void *ctx)
{
	for (size_t i = 0; i < n->rows.touched; i++) {
		struct nonce_row *row = pool_at(&n->rows, i);

		if (!row->used)
			continue;
		row->reserve = reserve_of(row);
		row->fresh = 0;
		each(ctx, row);
	}
}

void
nonces_recall(struct nonces *n, const struct nonce_row *kept)
{
	uint64_t hash = hash_row(n, kept);
	struct nonce_row *row = find(n, kept, hash);

	if (row == NULL && (row = add(n, kept, hash)) == NULL)
		return;
	if (kept->reserve > row->last)
		row->last = kept->reserve;
	row->reserve = row->last;
}
