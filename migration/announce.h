/* What a LAN is told after a move, and when: gratuitous ARP, the claim of a MAC from the switches,
 * and the visitor's own neighbours.  A schedule per EID; a newer move of it cancels the older one.
 *
 * At the old site, in this order: a claim frame, so that the switches move the machine's MAC to the
 * router's port; gratuitous ARP giving the router's MAC.  The claim is refreshed for as long as the
 * machine is away.
 *
 * At the new site: the machine is told by unicast which neighbours are local and which are behind
 * the router; 20 ms later, when it may have said its first words, gratuitous ARP tells its
 * neighbours its real MAC.  Until then their frames for it come to the router.
 *
 * Every frame but the claim has the router's MAC as Ethernet source. */
#ifndef MIGRATION_ANNOUNCE_H
#define MIGRATION_ANNOUNCE_H

#include "base/err.h"
#include "base/types.h"
#include "tables/hwdt.h"

/* Switches forget a silent MAC after 300 s; some are set to less. */
#define ANNOUNCE_CLAIM_REFRESH (60 * US_S)
/* Neighbours told to a visitor at once, of those here and of those elsewhere; the next ones follow so much later. */
#define ANNOUNCE_NEIGHBOURS_MAX 64
#define ANNOUNCE_NEIGHBOURS_GAP (4 * US_MS)

struct announce_ops {
	/* Injects a frame of ETH_FRAME_MIN bytes on the VN's LAN. */
	void (*inject)(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size);
	/* The router's MAC on the VN's LAN. */
	struct mac (*router_mac)(void *ctx, vn_id_t vn);
	/* Who hears of the machine sends to it directly from then on, and what has come from the LAN for it has to go on before. */
	void (*brings_near)(void *ctx, vn_id_t vn);
	/* Do these two stand in one subnet, so that they ask for each other by ARP? */
	bool (*same_subnet)(void *ctx, vn_id_t vn, struct addr a, struct addr b);
};

struct announce;

struct announce *announce_create(struct vr_id self, const struct hwdt *hwdt,
				 const struct announce_ops *ops, void *ctx);
void announce_destroy(struct announce *a);

/* The EID has come to this LAN, or has left it for another router.  The first round is sent by the next
 * announce_run().  Replaces the EID's schedule. */
void announce_arrived(struct announce *a, vn_id_t vn, struct addr ip, struct mac mac, us_t now);
void announce_departed(struct announce *a, vn_id_t vn, struct addr ip, struct mac mac, us_t now);
/* A late frame of the machine has passed the switches: claim its MAC again, at once and after 'guard'. */
void announce_claim_again(struct announce *a, vn_id_t vn, struct addr ip, us_t guard, us_t now);
void announce_cancel(struct announce *a, vn_id_t vn, struct addr ip);
/* Calls brings_near() for each VN whose LAN announce_run() will tell of a machine that is here. */
void announce_look(const struct announce *a, us_t now);
/* When to be called next. */
us_t announce_run(struct announce *a, us_t now);
/* Only what is to be said of machines that have left: it is not to wait for anything. */
void announce_run_departed(struct announce *a, us_t now);

#endif
