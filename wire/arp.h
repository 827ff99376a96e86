/* ARP (RFC 826), RARP (RFC 903), address conflict detection's forms (RFC 5227), and the frame that
 * claims a MAC from switches.  Ethernet and IPv4 only: other hardware or protocol types are
 * refused. */
#ifndef WIRE_ARP_H
#define WIRE_ARP_H

#include "base/err.h"
#include "base/types.h"

enum arp_op { ARP_REQUEST = 1, ARP_REPLY = 2, RARP_REQUEST = 3, RARP_REPLY = 4 };

struct arp {
	struct mac eth_dst, eth_src; /* of the frame */
	uint16_t op;                 /* enum arp_op */
	struct mac sha, tha;         /* sender's and target's hardware address */
	struct addr spa, tpa;        /* sender's and target's protocol address, family V4 */
};

/* Whole Ethernet frame with type ARP or RARP; padding behind the message is ignored.  0 or -EBADMSG
 * (short, other hardware or protocol, an operation that does not belong to the Ethernet type,
 * multicast or zero sender MAC), which leaves 'out' as it was.  That Ethernet source and sender
 * differ is no error: compare yourself. */
MUST_USE int arp_parse(const uint8_t *frame, size_t size, struct arp *out);
/* Writes a whole frame of ETH_FRAME_MIN bytes, padded with zeros; the Ethernet type follows 'op'.
 * An address of family NONE is written as 0.0.0.0. */
void arp_build(const struct arp *a, uint8_t *frame);

/* Frame of ETH_FRAME_MIN bytes that says "'ip' is at 'mac'" to one host, or to all by broadcast.  It always names 'ip' as sender
 * and target: Linux takes an ordinary reply only when its entry is a second old (its 'locktime'),
 * and a
 * gratuitous message at once.  To one host it is a reply, whose target MAC is the sender's (else it
 * is not
 * gratuitous): the entry is then good as it is.  A request makes the host ask again, at the next
 * packet, before it trusts the entry; a broadcast reply does no more.  None of them makes a host
 * take up
 * an address that it has no entry for. */
void arp_is_at_build(struct mac to, struct mac from, struct addr ip, struct mac mac,
		     uint8_t *frame);

/* Frame of ETH_FRAME_MIN bytes, broadcast, source 'mac', type ETH_CLAIM, naming the router that
 * sent it. */
void claim_build(struct mac mac, struct vr_id vr, uint8_t *frame);
/* 0 or -EBADMSG (short, other type, magic or version, not broadcast, no host's MAC, no router),
 * which leaves the outputs as they were. */
MUST_USE int claim_parse(const uint8_t *frame, size_t size, struct mac *mac, struct vr_id *vr);

#endif
