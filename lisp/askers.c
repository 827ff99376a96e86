/* Who asked for which EID: a fixed table, the longest unheard of a set goes first. */
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
askers_put(struct askers *a, const struct xtr_asker *asker)
{
	struct xtr_asker *set = &a->rows[set_of(a, asker->vn, asker->eid)], *oldest = set;
	bool pushes = asker->pushes, is_new = true;
	struct addr source;
	us_t told, shared;

	for (size_t i = 0; i < WAYS; i++) {
		if (is_of(&set[i], asker->vn, asker->eid) && addr_equal(set[i].rloc, asker->rloc)) {
			/* One that took a push once takes them. */
			pushes = pushes || set[i].pushes;
			oldest = &set[i];
			is_new = false;
			break;
		}
		if (set[i].last < oldest->last)
			oldest = &set[i];
	}
	told = is_new ? 0 : oldest->told;
	shared = is_new ? 0 : oldest->shared;
	if (is_new || !addr_is_none(asker->source))
		source = asker->source;
	else
		source = oldest->source;
	*oldest = *asker;
	oldest->source = source;
	oldest->pushes = pushes;
	oldest->told = told;
	oldest->shared = shared;
	return oldest;
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
