/* Ethernet header. */
#ifndef WIRE_ETH_H
#define WIRE_ETH_H

#include "base/err.h"
#include "base/types.h"

#define ETH_SIZE      14
#define ETH_FRAME_MIN 60

enum eth_type {
	ETH_IP4 = 0x0800,
	ETH_ARP = 0x0806,
	ETH_RARP = 0x8035,
	ETH_VLAN = 0x8100,
	ETH_QINQ = 0x88a8,
	ETH_QINQ_OLD = 0x9100, /* before IEEE 802.1ad */
	ETH_IP6 = 0x86dd,
	/* IEEE 802 local experimental: a frame that only teaches switches where a MAC is. */
	ETH_CLAIM = 0x88b5,
};

struct eth {
	struct mac dst;
	struct mac src;
	uint16_t type;
};

/* 0 or -EBADMSG (short; or an IEEE 802.3 length instead of a type). */
MUST_USE int eth_parse(const uint8_t *data, size_t size, struct eth *out);
/* Writes ETH_SIZE bytes. */
void eth_build(const struct eth *e, uint8_t *data);

#endif
