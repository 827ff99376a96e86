/* Who asked for which EID: a fixed table, of a set those whose locator nobody has seen to answer go first. */
#include "lisp/xtr_priv.h"

#define WAYS 32 /* locators that are remembered of one EID, and of those that share its set */
#define SETS (XTR_ASKERS_MAX / WAYS)

struct askers {
	struct hash_key key;
	struct xtr_asker rows[XTR_ASKERS_MAX]; /* free: 'last' is 0 */
};

struct askers *
askers_create(const struct hash_key *key)
{
	struct askers *a = calloc(1, sizeof(*a));

	if (a != NULL)
		a->key = *key;
	return a;
}

void
askers_destroy(struct askers *a)
{
	free(a);
}

static size_t
set_of(const struct askers *a, vn_id_t vn, struct addr eid)
{
	uint8_t bytes[sizeof(vn) + sizeof(eid)];

	memcpy(bytes, &vn, sizeof(vn));
	memcpy(bytes + sizeof(vn), &eid, sizeof(eid));
	return hash_bytes(&a->key, bytes, sizeof(bytes)) % SETS * WAYS;
}

static bool
is_of(const struct xtr_asker *row, vn_id_t vn, struct addr eid)
{
	return row->last > 0 && row->vn == vn && addr_equal(row->eid, eid);
}

struct xtr_asker *
askers_find(struct askers *a, vn_id_t vn, struct addr eid, struct addr rloc)
{
	struct xtr_asker *set = &a->rows[set_of(a, vn, eid)];

	for (size_t i = 0; i < WAYS; i++)
		if (is_of(&set[i], vn, eid) && addr_equal(set[i].rloc, rloc))
			return &set[i];
	return NULL;
}

/* The row that goes first: a free one, then one that is not proven, then the longest unheard. */
static struct xtr_asker *
least_of(struct xtr_asker *set, us_t oldest)
{
	struct xtr_asker *least = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].last < oldest)
			return &set[i];
		if (least == NULL || set[i].proven < least->proven ||
		    (set[i].proven == least->proven && set[i].last < least->last))
			least = &set[i];
	}
	return least;
}

struct xtr_asker *
askers_put(struct askers *a, const struct xtr_asker *asker, us_t oldest, bool *lost)
{
	struct xtr_asker *row = askers_find(a, asker->vn, asker->eid, asker->rloc);
	struct xtr_asker before = {.source = {.family = ADDR_NONE}};

	*lost = false;
	if (row != NULL) {
		before = *row;
	} else {
		row = least_of(&a->rows[set_of(a, asker->vn, asker->eid)], oldest);
		*lost = row->last >= oldest;
		if (*lost && row->proven && !asker->proven)
			return NULL;
	}
	*row = *asker;
	if (addr_is_none(row->source))
		row->source = before.source;
	row->told = before.told;
	row->shared = before.shared;
	return row;
}

void
askers_of(struct askers *a, vn_id_t vn, struct addr eid, us_t oldest,
	  void (*each)(void *ctx, struct xtr_asker *asker), void *ctx)
{
	struct xtr_asker *set = &a->rows[set_of(a, vn, eid)];

	for (size_t i = 0; i < WAYS; i++)
		if (is_of(&set[i], vn, eid) && set[i].last >= oldest)
			each(ctx, &set[i]);
}

bool
askers_next(const struct askers *a, size_t *position, struct xtr_asker *out)
{
	while (*position < XTR_ASKERS_MAX) {
		const struct xtr_asker *row = &a->rows[(*position)++];

		if (row->last > 0) {
			*out = *row;
			return true;
		}
	}
	return false;
}
