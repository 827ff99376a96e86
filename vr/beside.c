/* Peers on the LAN of a machine in the hybrid model: see beside.h. */
#include "vr/beside.h"

#include <stdlib.h>

#include "vr/lan.h"
#include "wire/eth.h"

/* The machine has asked for this address. */
struct ask {
	struct addr ip; /* NONE: free */
	struct mac to;
	struct addr to_ip;
	us_t due; /* then we answer */
};

struct beside {
	struct ask asks[BESIDE_ASKS];
	us_t due; /* none is due before */
};

struct beside *
beside_create(void)
{
	struct beside *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->due = US_NEVER;
	for (size_t i = 0; i < BESIDE_ASKS; i++)
		b->asks[i].ip.family = ADDR_NONE;
	return b;
}

void
beside_destroy(struct beside *b)
{
	free(b);
}

static struct ask *
ask_find(struct beside *b, struct addr ip)
{
	for (size_t i = 0; i < BESIDE_ASKS; i++)
		if (addr_equal(b->asks[i].ip, ip))
			return &b->asks[i];
	return NULL;
}

static void
ask_end(struct ask *a)
{
	*a = (struct ask){.ip = {.family = ADDR_NONE}};
}

/* Its record, if another router has it. */
static const struct hwdt_entry *
find_elsewhere(const struct vr *vr, const struct site *site, struct addr ip)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, site->vn, ip);

	return e != NULL && !e->b.withdrawn && !vr_id_equal(e->b.vr, vr->self) ? e : NULL;
}

bool
beside_is_routed(const struct vr *vr, const struct site *site, struct addr ip)
{
	const struct gndt_target *route = gndt_find(vr->gndt, site->vn, ip);

	return route != NULL && route->slot != GNDT_LOCAL;
}

void
beside_asked(struct vr *vr, struct site *site, struct addr ip, struct mac to, struct addr to_ip,
	     us_t now)
{
	struct beside *b = site->beside;
	struct ask *a = ask_find(b, ip);

	/* Whoever asks again has not been answered: the first question goes on. */
	if (a != NULL)
		return;
	a = ask_find(b, (struct addr){.family = ADDR_NONE});
	if (a == NULL) {
		lan_reply(vr, site, ip, to, to_ip);
		return;
	}
	*a = (struct ask){.ip = ip, .to = to, .to_ip = to_ip, .due = now + BESIDE_WAIT};
	if (a->due < b->due)
		b->due = a->due;
	vr->wake = true;
}

/* Each of the machine's addresses that has been heard here. */
static const struct hwdt_entry *
machine_at(const struct vr *vr, const struct site *site, size_t i)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, site->vn, site->conf->own[i].addr);

	return e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, vr->self) ? e : NULL;
}

/* A reply that it has not asked for: it takes that for an entry that it has, of any age. */
static void
tell_behind_us(struct vr *vr, const struct site *site, struct addr ip, struct mac to)
{
	uint8_t frame[ETH_FRAME_MIN];

	arp_is_at_build(to, site->router_mac, ip, site->router_mac, frame);
	(void)vr->io->lan_inject(vr->ctx, site->vn, frame, sizeof(frame));
}

void
beside_heard(struct vr *vr, struct site *site, const uint8_t *frame, size_t size, us_t now)
{
	const struct hwdt_entry *e, *machine;
	struct arp arp;
	struct ask *a;

	if (arp_parse(frame, size, &arp) != 0) {
		vr_drop(vr, DROP_ARP_MALFORMED);
		return;
	}
	if ((arp.op != ARP_REQUEST && arp.op != ARP_REPLY) ||
	    mac_equal(arp.sha, site->router_mac) || addr_is_unspecified(arp.spa))
		return;
	e = find_elsewhere(vr, site, arp.spa);
	if (e == NULL)
		return;
	a = ask_find(site->beside, arp.spa);
	if (!mac_equal(e->b.mac, arp.sha)) {
		/* Somebody there has the same address in another address space, and may have answered first. */
		if (a == NULL)
			return;
		vr_drop(vr, DROP_NAMESAKE);
		tell_behind_us(vr, site, arp.spa, a->to);
		ask_end(a);
		return;
	}
	if (a != NULL)
		ask_end(a);
	/* What the machine has asked for itself it knows. */
	for (size_t i = 0; arp.op == ARP_REQUEST && i < site->conf->own_count; i++) {
		machine = machine_at(vr, site, i);
		if (machine != NULL)
			lan_tell(vr, site, machine->b.mac, machine->b.ip, e, now);
	}
}

void
beside_moved(struct vr *vr, const struct site *site, const struct binding *b)
{
	for (size_t i = 0; i < site->conf->own_count; i++) {
		const struct hwdt_entry *machine = machine_at(vr, site, i);

		if (machine != NULL && vr_same_subnet(vr, site, machine->b.ip, b->ip))
			tell_behind_us(vr, site, b->ip, machine->b.mac);
	}
}

static us_t
run_site(struct vr *vr, struct site *site, us_t now)
{
	struct beside *b = site->beside;

	if (now < b->due)
		return b->due;
	b->due = US_NEVER;
	for (size_t i = 0; i < BESIDE_ASKS; i++) {
		struct ask *a = &b->asks[i];

		if (addr_is_none(a->ip))
			continue;
		if (a->due > now) {
			b->due = a->due < b->due ? a->due : b->due;
			continue;
		}
		/* It may have come to us meanwhile. */
		if (beside_is_routed(vr, site, a->ip))
			lan_reply(vr, site, a->ip, a->to, a->to_ip);
		ask_end(a);
	}
	return b->due;
}

us_t
beside_run(struct vr *vr, us_t now)
{
	us_t next = US_NEVER;

	for (size_t i = 0; i < vr->site_count; i++) {
		us_t due =
			vr->sites[i].beside != NULL ? run_site(vr, &vr->sites[i], now) : US_NEVER;

		next = due < next ? due : next;
	}
	return next;
}
