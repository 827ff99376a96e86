/* What stands beside the router in the hybrid model: peers on the LAN behind the machine's NIC, which it reaches without us.
 *
 * The router's port hears the machine and nothing of that LAN.  Who is on it shows from the ARP
 * that
 * the machine itself gets, which is handed up here as well: an address of another router's that
 * answers there for itself, with the MAC that HWDT has for it, is left to the machine.  Of all
 * others the machine is told that they have the router's MAC. */
#ifndef VR_BESIDE_H
#define VR_BESIDE_H

#include "vr/vr.h"
#include "wire/arp.h"

/* The LAN has so long to answer before we do. */
#define BESIDE_WAIT (20 * US_MS)
/* Addresses waited for at once; further ones are answered without waiting. */
#define BESIDE_ASKS 32

/* NULL when memory is short. */
struct beside *beside_create(void);
void beside_destroy(struct beside *b);

/* The machine 'to' with the address 'to_ip' asks for 'ip', which another router has, or is at home there. */
void beside_asked(struct vr *vr, struct site *site, struct addr ip, struct mac to,
		  struct addr to_ip, us_t now);
/* Is an address that nobody is known to have at home at another router? */
bool beside_is_routed(const struct vr *vr, const struct site *site, struct addr ip);
/* An ARP frame that the machine got from its LAN. */
void beside_heard(struct vr *vr, struct site *site, const uint8_t *frame, size_t size, us_t now);
/* An EID has come to another router: the machine's next packets for it are for us, until it is heard on the LAN. */
void beside_moved(struct vr *vr, const struct site *site, const struct binding *b);
/* Answers what the LAN has not; when to be called next. */
us_t beside_run(struct vr *vr, us_t now);

#endif
