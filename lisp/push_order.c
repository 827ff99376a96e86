/* The last CHANGE-PRIORITY of each EID: see push_order.h. */
#include "lisp/push_order.h"

#include <stdlib.h>

#define SETS 512
#define WAYS 8

struct row {
	uint64_t nonce; /* 0: a free row */
	struct addr eid;
	vn_id_t vn;
	bool hypervisor;
};

struct set {
	uint64_t floor; /* nothing up to this nonce is taken */
	struct row rows[WAYS];
};

struct push_order {
	struct hash_key key;
	struct set sets[SETS];
};

struct push_order *
push_order_create(const struct hash_key *key)
{
	struct push_order *o = calloc(1, sizeof(*o));

	if (o != NULL)
		o->key = *key;
	return o;
}

void
push_order_destroy(struct push_order *o)
{
	free(o);
}

static struct set *
set_of(struct push_order *o, vn_id_t vn, struct addr eid)
{
	uint8_t bytes[sizeof(vn) + sizeof(eid.b)];

	memcpy(bytes, &vn, sizeof(vn));
	memcpy(bytes + sizeof(vn), eid.b, sizeof(eid.b));
	return &o->sets[hash_bytes(&o->key, bytes, sizeof(bytes)) % SETS];
}

/* The EID's row, or that of the oldest word. */
static struct row *
row_of(struct set *set, vn_id_t vn, struct addr eid, bool hypervisor)
{
	struct row *oldest = set->rows;

	for (size_t i = 0; i < WAYS; i++) {
		struct row *row = &set->rows[i];

		if (row->nonce > 0 && row->vn == vn && row->hypervisor == hypervisor &&
		    addr_equal(row->eid, eid))
			return row;
		if (row->nonce < oldest->nonce)
			oldest = row;
	}
	if (oldest->nonce > set->floor)
		set->floor = oldest->nonce;
	*oldest = (struct row){.vn = vn, .eid = eid, .hypervisor = hypervisor};
	return oldest;
}

bool
push_order_take(struct push_order *o, vn_id_t vn, struct addr eid, bool hypervisor, uint64_t nonce)
{
	struct set *set = set_of(o, vn, eid);
	struct row *row;

	if (nonce <= set->floor)
		return false;
	row = row_of(set, vn, eid, hypervisor);
	if (nonce <= row->nonce || nonce <= set->floor)
		return false;
	row->nonce = nonce;
	return true;
}
