/* ARP and RARP on the LAN: what they tell us, and what is answered with the router's MAC.
 *
 * Never answered: a request whose sender IP equals its target IP; one for an address whose HWDT MAC
 * is the
 * requester's; one for a machine present on this LAN; one for an address without an owner; an RFC
 * 5227 probe, unless another owner is known to
 * be alive and the address may live here (elsewhere its owner is not to be asked). */
#ifndef VR_LAN_H
#define VR_LAN_H

#include "vr/vr.h"

void lan_control(struct vr *vr, struct site *site, const uint8_t *frame, size_t size, bool outgoing,
		 us_t now);
/* Tells 'to', which has the address 'to_ip', that 'ip' has the router's MAC. */
void lan_reply(struct vr *vr, const struct site *site, struct addr ip, struct mac to,
	       struct addr to_ip);
/* Answers an RFC 5227 probe of 'requester' for 'ip' (its owner's machine is alive). */
void lan_defend(struct vr *vr, struct site *site, struct addr ip, struct mac requester);
/* Tells the LAN the router's own addresses, by gratuitous ARP. */
void lan_announce(struct vr *vr, const struct site *site);
/* A host here ('to', with the address 'to_ip') reaches through the router a machine of its own subnet that is here
 * too ('e'): it is told by lan_tell_run() where that is, seldom enough for one that does not
 * listen. */
void lan_tell(struct vr *vr, struct site *site, struct mac to, struct addr to_ip,
	      const struct hwdt_entry *e, us_t now);
/* Those are told now.  What they have sent before is to have left. */
void lan_tell_run(struct vr *vr, struct site *site);

/* Another router has told what it owns: a machine here that asked for it is answered. */
void lan_owner_known(struct vr *vr, struct site *site, const struct binding *b, us_t now);

#endif
