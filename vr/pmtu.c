/* Packetization layer path MTU discovery for one path. */
#include "vr/pmtu.h"

#define TRIES          3
#define PROBE_TIMER    (500 * US_MS)
#define CONFIRM_PERIOD (5 * US_S)
#define RAISE_PERIOD   (600 * US_S)
/* A size below the base is rare, and more often the trace of a bad moment: the path is tried again sooner. */
#define RAISE_LOW_PERIOD (60 * US_S)

void
pmtu_init(struct pmtu *p, uint16_t max)
{
	memset(p, 0, sizeof(*p));
	/* One more must still be a number, and 64 kB with all headers a datagram. */
	if (max > PMTU_MAX)
		max = PMTU_MAX;
	p->base = max < PMTU_BASE ? max : PMTU_BASE;
	p->low = p->base;
	p->max = max;
	pmtu_stop(p);
}

void
pmtu_stop(struct pmtu *p)
{
	p->state = PMTU_STOPPED;
	p->size = p->base;
	p->due = US_NEVER;
}

static void
hold(struct pmtu *p, us_t now)
{
	p->state = PMTU_HOLD;
	p->due = p->size > p->low ? now + CONFIRM_PERIOD : p->raise_at;
}

static void
try_size(struct pmtu *p, enum pmtu_state state, uint16_t size, us_t now)
{
	p->state = (uint8_t)state;
	p->probe = size;
	p->tries = 0;
	p->beside = false;
	p->probe_since = now;
	p->due = now;
}

/* The next size worth trying, or the end of the search. */
static void
search_on(struct pmtu *p, us_t now)
{
	bool is_open = p->size < p->max && p->ceiling - p->size > 1;

	if (p->proven && !is_open) {
		p->raise_at = p->size == p->max   ? US_NEVER
			      : p->size < p->base ? now + RAISE_LOW_PERIOD
						  : now + RAISE_PERIOD;
		hold(p, now);
	} else if (!is_open) {
		try_size(p, PMTU_SEARCH, p->size, now);
	} else if (p->ceiling > p->max) {
		try_size(p, PMTU_SEARCH, p->max, now);
	} else {
		try_size(p, PMTU_SEARCH, (uint16_t)((p->size + p->ceiling) / 2), now);
	}
}

/* Falls back to a size that is not known to fail. */
static void
fall_to(struct pmtu *p, uint16_t size)
{
	p->size = size;
	p->proven = size == p->low;
}

void
pmtu_start(struct pmtu *p, uint16_t low, us_t now)
{
	p->low = low < p->base ? low : p->base;
	p->ceiling = (uint16_t)(p->max + 1);
	fall_to(p, p->base);
	search_on(p, now);
}

void
pmtu_resume(struct pmtu *p, uint16_t low, uint16_t size, us_t now)
{
	pmtu_start(p, low, now);
	if (size < p->size)
		return;
	p->size = size < p->max ? size : p->max;
	p->proven = true;
	search_on(p, now);
}

static void
fails(struct pmtu *p, uint16_t size, us_t now)
{
	if (size < p->ceiling)
		p->ceiling = size;
	/* Even what was confirmed does not pass any more: from the start, below the failed size. */
	if (size <= p->size)
		fall_to(p, size > p->base ? p->base : p->low);
	if (p->ceiling <= p->size)
		p->ceiling = (uint16_t)(p->size + 1);
	search_on(p, now);
}

uint16_t
pmtu_run(struct pmtu *p, us_t now, us_t heard)
{
	if (p->beside) {
		p->beside = false;
		if (!p->proven)
			return p->size;
	}
	/* Some sizes are decided without a probe, so go on until one is sent or it is time to
	 * wait. */
	while (now >= p->due) {
		if (p->state == PMTU_HOLD) {
			if (now >= p->raise_at) {
				p->ceiling = (uint16_t)(p->max + 1);
				search_on(p, now);
			} else {
				try_size(p, PMTU_CONFIRM, p->size, now);
			}
		} else if (p->tries < TRIES) {
			p->tries++;
			p->due = now + PROBE_TIMER;
			p->beside = !p->proven && p->probe > p->size;
			return p->probe;
		} else if (heard > p->probe_since + PROBE_TIMER) {
			fails(p, p->proven ? p->probe : p->size, now);
		} else {
			/* The peer is silent altogether: that says nothing about sizes. */
			try_size(p, p->state, p->probe, now);
		}
	}
	return 0;
}

void
pmtu_acked(struct pmtu *p, uint16_t size, us_t now)
{
	if (p->state == PMTU_STOPPED || size < p->size || size > p->max)
		return;
	p->size = size;
	p->proven = true;
	if (p->ceiling <= size)
		p->ceiling = (uint16_t)(p->max + 1);
	if (p->state == PMTU_CONFIRM)
		hold(p, now);
	else if (p->state == PMTU_SEARCH && size >= p->probe)
		search_on(p, now);
}

void
pmtu_refused(struct pmtu *p, uint16_t size, us_t now)
{
	if (p->state == PMTU_STOPPED || size <= p->low)
		return;
	if (size <= p->size || (p->state == PMTU_SEARCH && size == p->probe))
		fails(p, size, now);
}
