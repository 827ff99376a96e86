/* What a LAN is told after a move: see announce.h. */
#include "migration/announce.h"

#include <stdlib.h>

#include "wire/arp.h"
#include "wire/eth.h"

struct job {
	struct job *next;
	vn_id_t vn;
	struct addr ip;
	struct mac mac;
	bool departed;
	unsigned step;
	us_t started;
	us_t claim_due; /* one claim frame out of turn; US_NEVER: none */
	/* How far the visitor has been told about its neighbours; true while there are more. */
	struct addr local_at;
	size_t remote_at;
	bool local_more, remote_more;
	us_t more_due; /* US_NEVER: with the next round */
};

struct announce {
	struct vr_id self;
	const struct hwdt *hwdt;
	const struct announce_ops *ops;
	void *ctx;
	struct job *jobs;
};

/* Rounds after the start: the first is for the wire, the others for frames that got lost and for machines that were
 * still waking up. */
static const us_t rounds[] = {0,           20 * US_MS,  60 * US_MS,   150 * US_MS,
			      300 * US_MS, 600 * US_MS, 1200 * US_MS, 2500 * US_MS};

struct announce *
announce_create(struct vr_id self, const struct hwdt *hwdt, const struct announce_ops *ops,
		void *ctx)
{
	struct announce *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	*a = (struct announce){.self = self, .hwdt = hwdt, .ops = ops, .ctx = ctx};
	return a;
}

void
announce_destroy(struct announce *a)
{
	if (a == NULL)
		return;
	while (a->jobs != NULL) {
		struct job *j = a->jobs;

		a->jobs = j->next;
		free(j);
	}
	free(a);
}

static struct job *
job_find(const struct announce *a, vn_id_t vn, struct addr ip)
{
	for (struct job *j = a->jobs; j != NULL; j = j->next)
		if (j->vn == vn && addr_equal(j->ip, ip))
			return j;
	return NULL;
}

static void
job_start(struct announce *a, vn_id_t vn, struct addr ip, struct mac mac, bool departed, us_t now)
{
	struct job *j = job_find(a, vn, ip);
	struct job *next = j != NULL ? j->next : a->jobs;

	if (j == NULL) {
		j = malloc(sizeof(*j));
		/* Without memory the LAN learns it by its own ARP. */
		if (j == NULL)
			return;
		a->jobs = j;
	}
	*j = (struct job){.next = next,
			  .vn = vn,
			  .ip = ip,
			  .mac = mac,
			  .departed = departed,
			  .started = now,
			  .claim_due = US_NEVER,
			  .more_due = US_NEVER};
}

void
announce_arrived(struct announce *a, vn_id_t vn, struct addr ip, struct mac mac, us_t now)
{
	job_start(a, vn, ip, mac, false, now);
}

void
announce_departed(struct announce *a, vn_id_t vn, struct addr ip, struct mac mac, us_t now)
{
	job_start(a, vn, ip, mac, true, now);
}

void
announce_claim_again(struct announce *a, vn_id_t vn, struct addr ip, us_t guard, us_t now)
{
	struct job *j = job_find(a, vn, ip);

	if (j != NULL && j->departed && j->claim_due == US_NEVER)
		j->claim_due = now + guard / 4;
}

void
announce_cancel(struct announce *a, vn_id_t vn, struct addr ip)
{
	for (struct job **link = &a->jobs; *link != NULL; link = &(*link)->next) {
		struct job *j = *link;

		if (j->vn != vn || !addr_equal(j->ip, ip))
			continue;
		*link = j->next;
		free(j);
		return;
	}
}

static void
send_claim(struct announce *a, const struct job *j)
{
	uint8_t frame[ETH_FRAME_MIN];

	claim_build(j->mac, a->self, frame);
	a->ops->inject(a->ctx, j->vn, frame, sizeof(frame));
}

static void
send_is_at(struct announce *a, vn_id_t vn, struct addr ip, struct mac mac, struct mac to)
{
	uint8_t frame[ETH_FRAME_MIN];

	arp_is_at_build(to, a->ops->router_mac(a->ctx, vn), ip, mac, frame);
	a->ops->inject(a->ctx, vn, frame, sizeof(frame));
}

/* Records looked at in one go, whether they are the visitor's neighbours or not. */
#define LOOK_MAX 8192

static bool
is_neighbour(const struct announce *a, const struct job *j, const struct binding *b)
{
	return !b->withdrawn && !addr_equal(b->ip, j->ip) &&
	       a->ops->same_subnet(a->ctx, j->vn, j->ip, b->ip);
}

/* Tells the visitor the MACs of the next machines here of its own subnet. */
static void
tell_local(struct announce *a, struct job *j)
{
	const struct hwdt_entry *e = NULL;
	size_t looked = 0, told = 0;

	while (told < ANNOUNCE_NEIGHBOURS_MAX && looked++ < LOOK_MAX &&
	       (e = hwdt_next_of(a->hwdt, j->vn, a->self, j->local_at)) != NULL) {
		j->local_at = e->b.ip;
		if (e->b.kind != BINDING_HOST || !is_neighbour(a, j, &e->b))
			continue;
		send_is_at(a, j->vn, e->b.ip, e->b.mac, j->mac);
		told++;
	}
	j->local_more = e != NULL;
}

/* Tells the visitor that the next machines of its own subnet that are elsewhere, and gateways, are behind the router. */
static void
tell_remote(struct announce *a, struct job *j)
{
	struct mac router = a->ops->router_mac(a->ctx, j->vn);
	const struct hwdt_entry *e = NULL;
	size_t looked = 0, told = 0;

	while (told < ANNOUNCE_NEIGHBOURS_MAX && looked++ < LOOK_MAX &&
	       (e = hwdt_next(a->hwdt, &j->remote_at)) != NULL) {
		bool is_local = vr_id_equal(e->b.vr, a->self) && e->b.kind == BINDING_HOST;

		if (e->b.vn != j->vn || is_local || !is_neighbour(a, j, &e->b))
			continue;
		send_is_at(a, j->vn, e->b.ip, router, j->mac);
		told++;
	}
	j->remote_more = e != NULL;
}

/* From the first on, or where the round before is not through, from there.  Not at once: the router first looks at what the
 * LAN sends. */
static void
start_telling(struct job *j, us_t now)
{
	if (!j->local_more)
		j->local_at = (struct addr){.family = ADDR_NONE};
	if (!j->remote_more)
		j->remote_at = 0;
	j->local_more = j->remote_more = true;
	j->more_due = now;
}

static void
tell_neighbours(struct announce *a, struct job *j, us_t now)
{
	if (j->local_more)
		tell_local(a, j);
	if (j->remote_more)
		tell_remote(a, j);
	j->more_due = j->local_more || j->remote_more ? now + ANNOUNCE_NEIGHBOURS_GAP : US_NEVER;
}

static us_t
job_due(const struct job *j)
{
	us_t due = US_NEVER;

	if (j->step < ARRAY_COUNT(rounds))
		due = j->started + rounds[j->step];
	else if (j->departed)
		due = j->started + rounds[ARRAY_COUNT(rounds) - 1] +
		      (us_t)(j->step - ARRAY_COUNT(rounds) + 1) * ANNOUNCE_CLAIM_REFRESH;
	if (j->more_due < due)
		due = j->more_due;
	return due < j->claim_due ? due : j->claim_due;
}

static void
job_step(struct announce *a, struct job *j, us_t now)
{
	if (j->claim_due <= now) {
		j->claim_due = US_NEVER;
		send_claim(a, j);
		return;
	}
	if (j->more_due <= now) {
		tell_neighbours(a, j, now);
		return;
	}
	if (j->departed) {
		send_claim(a, j);
		if (j->step < ARRAY_COUNT(rounds))
			send_is_at(a, j->vn, j->ip, a->ops->router_mac(a->ctx, j->vn),
				   MAC_BROADCAST);
	} else {
		/* The machine hears it too, and an emulated one is silent the longer for it. */
		if (j->step > 0)
			send_is_at(a, j->vn, j->ip, j->mac, MAC_BROADCAST);
		start_telling(j, now);
	}
	j->step++;
}

void
announce_look(const struct announce *a, us_t now)
{
	for (const struct job *j = a->jobs; j != NULL; j = j->next)
		if (!j->departed && job_due(j) <= now)
			a->ops->brings_near(a->ctx, j->vn);
}

us_t
announce_run(struct announce *a, us_t now)
{
	struct job **link = &a->jobs;
	us_t next = US_NEVER;

	while (*link != NULL) {
		struct job *j = *link;

		if (job_due(j) <= now)
			job_step(a, j, now);
		if (job_due(j) == US_NEVER) {
			*link = j->next;
			free(j);
			continue;
		}
		if (job_due(j) < next)
			next = job_due(j);
		link = &j->next;
	}
	return next;
}

void
announce_run_departed(struct announce *a, us_t now)
{
	/* Their claims are refreshed without end: none of these jobs is over. */
	for (struct job *j = a->jobs; j != NULL; j = j->next)
		if (j->departed && job_due(j) <= now)
			job_step(a, j, now);
}
