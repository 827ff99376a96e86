/* A NAT of the simulated network: what it maps, how long, and whom it lets in. */
#ifndef TESTS_UNIT_SESSION_NAT_H
#define TESTS_UNIT_SESSION_NAT_H

#include <string.h>

#include "base/err.h"
#include "base/types.h"

/* NATs as RFC 4787 names them: what a mapping depends on, and who may answer to it. */
enum sim_mapping { SIM_PUBLIC = 0, SIM_EIM, SIM_APDM };
enum sim_filtering { SIM_EIF = 0, SIM_ADF, SIM_APDF };

struct sim_nat_row {
	uint16_t port; /* outside; 0: the row is free */
	struct endpoint to;
	us_t used;
	struct endpoint heard[32]; /* that were sent to */
	unsigned count;
};

struct sim_nat {
	enum sim_mapping mapping;
	enum sim_filtering filtering;
	struct addr outside;
	us_t timeout; /* 0: never */
	bool blocks_udp, blocks_tcp;
	struct sim_nat_row rows[64];
	uint16_t port_next;
};

/* The row for what is sent there: one that stands already, or a new one instead of the oldest. */
static inline struct sim_nat_row *
sim_nat_row(struct sim_nat *nat, const struct endpoint *to, us_t now)
{
	struct sim_nat_row *oldest = &nat->rows[0];

	for (size_t i = 0; i < 64; i++) {
		struct sim_nat_row *r = &nat->rows[i];

		if (r->port != 0 && nat->timeout != 0 && now - r->used > nat->timeout)
			r->port = 0;
		if (r->port != 0 && (nat->mapping == SIM_EIM || endpoint_equal(r->to, *to)))
			return r;
		if (r->port == 0 || r->used < oldest->used)
			oldest = r;
	}
	*oldest = (struct sim_nat_row){.port = ++nat->port_next, .to = *to};
	return oldest;
}

/* What a datagram from 'inside' to there has as its source behind the NAT. */
static inline struct endpoint
sim_nat_out(struct sim_nat *nat, struct endpoint inside, const struct endpoint *to, us_t now)
{
	struct sim_nat_row *r;

	if (nat->mapping == SIM_PUBLIC)
		return inside;
	r = sim_nat_row(nat, to, now);
	r->used = now;
	for (unsigned i = 0; i < r->count; i++)
		if (endpoint_equal(r->heard[i], *to))
			return (struct endpoint){.addr = nat->outside, .port = r->port};
	/* The oldest of them is forgotten. */
	if (r->count == ARRAY_COUNT(r->heard))
		memmove(r->heard, r->heard + 1, --r->count * sizeof(r->heard[0]));
	r->heard[r->count++] = *to;
	return (struct endpoint){.addr = nat->outside, .port = r->port};
}

/* Does the NAT let in what comes from there to this port of its outside? */
static inline bool
sim_nat_in(const struct sim_nat *nat, const struct endpoint *from, uint16_t port, us_t now)
{
	for (size_t i = 0; i < 64; i++) {
		const struct sim_nat_row *r = &nat->rows[i];

		if (r->port == 0 || r->port != port ||
		    (nat->timeout != 0 && now - r->used > nat->timeout))
			continue;
		if (nat->filtering == SIM_EIF)
			return true;
		for (unsigned j = 0; j < r->count; j++)
			if (addr_equal(r->heard[j].addr, from->addr) &&
			    (nat->filtering == SIM_ADF || r->heard[j].port == from->port))
				return true;
	}
	return false;
}

#endif
