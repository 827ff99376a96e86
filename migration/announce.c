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
			  .claim_due = US_NEVER};
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

/* "ip is at mac" as a gratuitous request (Linux takes it over a younger entry) to 'to'. */
static void
send_is_at(struct announce *a, vn_id_t vn, struct addr ip, struct mac mac, struct mac to)
{
	struct arp arp = {.eth_dst = to,
			  .eth_src = a->ops->router_mac(a->ctx, vn),
			  .op = ARP_REQUEST,
			  .sha = mac,
			  .spa = ip,
			  .tpa = ip};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	a->ops->inject(a->ctx, vn, frame, sizeof(frame));
}

/* Tells the visitor about the machines of its own subnet: those here by their MAC, the others by the
 * router's. */
static void
tell_neighbours(struct announce *a, const struct job *j, bool local)
{
	const struct hwdt_entry *e;
	size_t position = 0, count = 0;

	while (count < ANNOUNCE_NEIGHBOURS_MAX && (e = hwdt_next(a->hwdt, &position)) != NULL) {
		bool is_local = vr_id_equal(e->b.vr, a->self) && e->b.kind == BINDING_HOST;

		if (e->b.vn != j->vn || e->b.withdrawn || is_local != local ||
		    addr_equal(e->b.ip, j->ip) ||
		    !a->ops->same_subnet(a->ctx, j->vn, j->ip, e->b.ip))
			continue;
		send_is_at(a, j->vn, e->b.ip, local ? e->b.mac : a->ops->router_mac(a->ctx, j->vn),
			   j->mac);
		count++;
	}
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
	if (j->departed) {
		send_claim(a, j);
		if (j->step < ARRAY_COUNT(rounds))
			send_is_at(a, j->vn, j->ip, a->ops->router_mac(a->ctx, j->vn),
				   MAC_BROADCAST);
	} else {
		send_is_at(a, j->vn, j->ip, j->mac, MAC_BROADCAST);
		tell_neighbours(a, j, true);
		tell_neighbours(a, j, false);
	}
	j->step++;
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
