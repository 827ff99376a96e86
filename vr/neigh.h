/* Packets that wait for an ARP answer: a few per destination, a bounded number in all that networks share, one second at
 * most. */
#ifndef VR_NEIGH_H
#define VR_NEIGH_H

#include "vr/vr.h"

#define NEIGH_WAITING_MAX 64 /* destinations */
/* Per destination, and bytes of all: what has waited for a mapping comes all at once.  One network has at most half of the
 * bytes, N that want more an (N + 1)th each. */
#define NEIGH_PACKETS_MAX 64
#define NEIGH_BYTES_MAX   (8 * 1024 * 1024)
#define NEIGH_TIMEOUT     (1 * US_S)

/* A machine unheard for so long is asked again when a packet goes to it, at most one machine per pace and LAN. */
#define NEIGH_STALE    (30 * US_S)
#define NEIGH_ASK_PACE (100 * US_MS)

struct neigh *neigh_create(void);
void neigh_destroy(struct neigh *n);
/* Keeps a copy of the IP packet and asks for the destination.  A full queue drops the oldest, counted. */
void neigh_wait(struct vr *vr, struct site *site, struct addr ip, const struct frame *f, us_t now);
/* The destination is known now: its packets go. */
void neigh_resolved(struct vr *vr, struct site *site, struct addr ip, struct mac mac, us_t now);
us_t neigh_run(struct vr *vr, us_t now);
/* Sends an ARP request for 'ip': to 'mac', or broadcast when it is zero. */
void neigh_ask(struct vr *vr, struct site *site, struct addr ip, struct mac mac);

#endif
