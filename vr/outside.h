/* The outside of a proxy: the network without LISP that its device stands in, and the neighbours there.
 *
 * They are no machines of the VN: HWDT knows nothing of them, they are never told to a peer or
 * registered, and what they say is no sighting. */
#ifndef VR_OUTSIDE_H
#define VR_OUTSIDE_H

#include "vr/fwd_icmp.h"
#include "vr/vr.h"
#include "wire/arp.h"

/* Neighbours that are remembered; the longest unheard of a few is forgotten for another. */
#define OUTSIDE_MAX 1024
/* One that is sent to but unheard for so long is asked, at this pace, and forgotten when it stays silent. */
#define OUTSIDE_STALE (30 * US_S)
#define OUTSIDE_PACE  (1 * US_S)
#define OUTSIDE_TRIES 3

/* NULL when memory is short. */
struct outside *outside_create(void);
void outside_destroy(struct outside *o);

/* Does the address stand in a subnet that the device is in? */
bool outside_is_on_link(const struct site *site, struct addr ip);
/* An ARP frame that is not the router's own. */
void outside_arp(struct vr *vr, struct site *site, const struct arp *arp, us_t now);
/* A packet came from this address and MAC: a neighbour that is known lives. */
void outside_heard(struct site *site, struct addr ip, struct mac mac, us_t now);
/* Its MAC, or false.  One that has been silent is asked. */
MUST_USE bool outside_find(struct vr *vr, struct site *site, struct addr ip, struct mac *mac,
			   us_t now);
/* The device was away: nobody is known any more. */
void outside_forget(struct site *site);
size_t outside_count(const struct outside *o);

#endif
