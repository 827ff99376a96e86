/* The generic cell rate algorithm: one point in time per address. */
#include "lisp/limiter.h"

#include <errno.h>

int
limiter_init(struct limiter *l, uint32_t rate, uint32_t burst, const struct hash_key *key)
{
	*l = (struct limiter){.key = *key};
	if (rate == 0)
		return 0;
	l->interval = US_S / rate > 0 ? US_S / rate : 1;
	l->burst = l->interval * (burst > 0 ? burst : 1);
	l->rows = calloc((size_t)LIMITER_SETS * LIMITER_WAYS, sizeof(*l->rows));
	return l->rows == NULL ? -ENOMEM : 0;
}

void
limiter_fini(struct limiter *l)
{
	free(l->rows);
	*l = (struct limiter){0};
}

static struct limiter_row *
row_of(struct limiter *l, struct addr addr)
{
	uint64_t hash = hash_bytes(&l->key, &addr, sizeof(addr));
	struct limiter_row *set = &l->rows[hash % LIMITER_SETS * LIMITER_WAYS];
	struct limiter_row *quiet = set;

	for (size_t i = 0; i < LIMITER_WAYS; i++) {
		if (addr_equal(set[i].addr, addr))
			return &set[i];
		if (set[i].empty < quiet->empty)
			quiet = &set[i];
	}
	*quiet = (struct limiter_row){.addr = addr};
	return quiet;
}

bool
limiter_take(struct limiter *l, struct addr addr, us_t now)
{
	struct limiter_row *row;

	if (l->rows == NULL)
		return true;
	row = row_of(l, addr);
	if (row->empty < now)
		row->empty = now;
	if (row->empty + l->interval > now + l->burst)
		return false;
	row->empty += l->interval;
	return true;
}
