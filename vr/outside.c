/* Neighbours on the outside of a proxy: see outside.h. */
#include "vr/outside.h"

#include <stdlib.h>

#include "vr/lan.h"
#include "vr/neigh.h"

/* A neighbour stands in one of so many rows. */
#define WAYS 8

struct row {
	struct addr ip; /* NONE: free */
	struct mac mac;
	us_t heard, asked;
	unsigned tries; /* asked since it was heard */
};

struct outside {
	struct row rows[OUTSIDE_MAX];
	size_t count;
};

struct outside *
outside_create(void)
{
	return calloc(1, sizeof(struct outside));
}

void
outside_destroy(struct outside *o)
{
	free(o);
}

bool
outside_is_on_link(const struct site *site, struct addr ip)
{
	if (!addr_is_none(vr_address_for(site, ip)))
		return true;
	for (size_t i = 0; i < site->conf->subnet_count; i++)
		if (prefix_contains(site->conf->subnets[i], ip))
			return true;
	return false;
}

/* Neighbours differ in the last bytes of their addresses: these rows are as good as a hash. */
static struct row *
rows_of(struct outside *o, struct addr ip)
{
	size_t n = ip.family == ADDR_V4 ? (size_t)ip.b[2] << 8 | ip.b[3]
					: (size_t)ip.b[14] << 8 | ip.b[15];

	return &o->rows[n % (OUTSIDE_MAX / WAYS) * WAYS];
}

static struct row *
row_find(struct outside *o, struct addr ip)
{
	struct row *rows = rows_of(o, ip);

	for (size_t i = 0; i < WAYS; i++)
		if (addr_equal(rows[i].ip, ip))
			return &rows[i];
	return NULL;
}

static void
put(struct outside *o, struct addr ip, struct mac mac, us_t now)
{
	struct row *row = row_find(o, ip), *rows = rows_of(o, ip);

	for (size_t i = 0; row == NULL && i < WAYS; i++)
		if (addr_is_none(rows[i].ip))
			row = &rows[i];
	if (row == NULL) {
		row = rows;
		for (size_t i = 1; i < WAYS; i++)
			if (rows[i].heard < row->heard)
				row = &rows[i];
	}
	o->count += addr_is_none(row->ip);
	*row = (struct row){.ip = ip, .mac = mac, .heard = now};
}

/* May a neighbour have this address? */
static bool
is_neighbour(const struct site *site, struct addr ip)
{
	return !addr_is_unspecified(ip) && !addr_is_multicast(ip) && !vr_owns_address(site, ip) &&
	       outside_is_on_link(site, ip);
}

void
outside_arp(struct vr *vr, struct site *site, const struct arp *arp, us_t now)
{
	bool to_us = mac_equal(arp->eth_dst, site->router_mac);
	bool asks_us = arp->op == ARP_REQUEST && vr_owns_address(site, arp->tpa);

	/* Who answers us or asks for us will be spoken with; of others only what is known is renewed. */
	if (is_neighbour(site, arp->spa) && mac_equal(arp->eth_src, arp->sha) &&
	    !mac_is_multicast(arp->sha) &&
	    (asks_us || (arp->op == ARP_REPLY && to_us) ||
	     row_find(site->outside, arp->spa) != NULL)) {
		put(site->outside, arp->spa, arp->sha, now);
		neigh_resolved(vr, site, arp->spa, arp->sha, now);
	}
	if (asks_us && !addr_equal(arp->spa, arp->tpa))
		lan_reply(vr, site, arp->tpa, arp->sha, arp->spa);
}

void
outside_heard(struct site *site, struct addr ip, struct mac mac, us_t now)
{
	struct row *row = row_find(site->outside, ip);

	if (row == NULL || !mac_equal(row->mac, mac))
		return;
	row->heard = now;
	row->tries = 0;
}

bool
outside_find(struct vr *vr, struct site *site, struct addr ip, struct mac *mac, us_t now)
{
	struct row *row = row_find(site->outside, ip);

	if (row == NULL)
		return false;
	*mac = row->mac;
	if (now - row->heard < OUTSIDE_STALE || now - row->asked < OUTSIDE_PACE)
		return true;
	if (row->tries == OUTSIDE_TRIES) {
		*row = (struct row){.heard = 0};
		site->outside->count--;
		return false;
	}
	row->tries++;
	row->asked = now;
	neigh_ask(vr, site, ip, row->mac);
	return true;
}

void
outside_forget(struct site *site)
{
	*site->outside = (struct outside){.count = 0};
}

size_t
outside_count(const struct outside *o)
{
	return o->count;
}
