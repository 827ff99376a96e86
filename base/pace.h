/* How often something may happen: so many times at once, and then one time per 'cost'. */
#ifndef BASE_PACE_H
#define BASE_PACE_H

#include "base/types.h"

struct pace {
	us_t paid; /* what has happened is paid for until then; 0: nothing yet */
};

/* True, and one time more is paid for, unless 'burst' times are paid for beyond now. */
static inline bool
pace_take(struct pace *p, us_t now, us_t cost, unsigned burst)
{
	if (p->paid < now)
		p->paid = now;
	if (p->paid - now > (us_t)(burst - 1) * cost)
		return false;
	p->paid += cost;
	return true;
}

#endif
