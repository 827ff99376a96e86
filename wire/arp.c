/* ARP and RARP frames, and the claim frame that teaches switches where a MAC is. */
#include "wire/arp.h"

#include <errno.h>

#include "wire/eth.h"
#include "wire/rd.h"
#include "wire/wr.h"

#define ARP_HARDWARE_ETHERNET 1

/* The Ethernet type of claims is anybody's; this number ("VRDC") says that it is one of ours. */
#define CLAIM_MAGIC   0x56524443u
#define CLAIM_VERSION 1

static uint16_t
type_of_op(uint16_t op)
{
	switch (op) {
	case ARP_REQUEST:
	case ARP_REPLY:
		return ETH_ARP;
	case RARP_REQUEST:
	case RARP_REPLY:
		return ETH_RARP;
	default:
		return 0;
	}
}

static bool
mac_is_host(struct mac mac)
{
	return !mac_is_multicast(mac) && !mac_is_zero(mac);
}

int
arp_parse(const uint8_t *frame, size_t size, struct arp *out)
{
	struct rd r = rd_make(frame, size);
	struct arp a = {.eth_dst = rd_mac(&r)};
	uint16_t type, hardware, protocol;
	uint8_t hardware_size, protocol_size;

	a.eth_src = rd_mac(&r);
	type = rd_u16(&r);
	hardware = rd_u16(&r);
	protocol = rd_u16(&r);
	hardware_size = rd_u8(&r);
	protocol_size = rd_u8(&r);
	a.op = rd_u16(&r);
	a.sha = rd_mac(&r);
	a.spa = rd_addr(&r, ADDR_V4);
	a.tha = rd_mac(&r);
	a.tpa = rd_addr(&r, ADDR_V4);
	if (r.failed)
		return -EBADMSG;
	if (hardware != ARP_HARDWARE_ETHERNET || protocol != ETH_IP4)
		return -EBADMSG;
	if (hardware_size != sizeof(a.sha.b) || protocol_size != addr_size(ADDR_V4))
		return -EBADMSG;
	if ((type != ETH_ARP && type != ETH_RARP) || type != type_of_op(a.op))
		return -EBADMSG;
	if (!mac_is_host(a.sha))
		return -EBADMSG;
	*out = a;
	return 0;
}

void
arp_build(const struct arp *a, uint8_t *frame)
{
	struct wr w = wr_make(frame, ETH_FRAME_MIN);

	BUG_IF(type_of_op(a->op) == 0);
	memset(frame, 0, ETH_FRAME_MIN);
	wr_mac(&w, a->eth_dst);
	wr_mac(&w, a->eth_src);
	wr_u16(&w, type_of_op(a->op));
	wr_u16(&w, ARP_HARDWARE_ETHERNET);
	wr_u16(&w, ETH_IP4);
	wr_u8(&w, sizeof(a->sha.b));
	wr_u8(&w, (uint8_t)addr_size(ADDR_V4));
	wr_u16(&w, a->op);
	/* The bytes are taken whatever the family says: an unknown address goes out as 0.0.0.0. */
	wr_mac(&w, a->sha);
	wr_bytes(&w, a->spa.b, addr_size(ADDR_V4));
	wr_mac(&w, a->tha);
	wr_bytes(&w, a->tpa.b, addr_size(ADDR_V4));
	BUG_IF(w.failed);
}

void
arp_is_at_build(struct mac to, struct mac from, struct addr ip, struct mac mac, uint8_t *frame)
{
	struct arp arp = {.eth_dst = to,
			  .eth_src = from,
			  .op = ARP_REQUEST,
			  .sha = mac,
			  .spa = ip,
			  .tpa = ip};

	if (!mac_is_multicast(to)) {
		arp.op = ARP_REPLY;
		arp.tha = mac;
	}
	arp_build(&arp, frame);
}

void
claim_build(struct mac mac, struct vr_id vr, uint8_t *frame)
{
	struct wr w = wr_make(frame, ETH_FRAME_MIN);

	memset(frame, 0, ETH_FRAME_MIN);
	wr_mac(&w, MAC_BROADCAST);
	wr_mac(&w, mac);
	wr_u16(&w, ETH_CLAIM);
	wr_u32(&w, CLAIM_MAGIC);
	wr_u8(&w, CLAIM_VERSION);
	wr_u24(&w, 0);
	wr_u64(&w, vr.v);
	BUG_IF(w.failed);
}

int
claim_parse(const uint8_t *frame, size_t size, struct mac *mac, struct vr_id *vr)
{
	struct rd r = rd_make(frame, size);
	struct mac dst = rd_mac(&r);
	struct mac src = rd_mac(&r);
	uint16_t type = rd_u16(&r);
	uint32_t magic = rd_u32(&r);
	uint8_t version = rd_u8(&r);
	uint32_t reserved = rd_u24(&r);
	uint64_t id = rd_u64(&r);

	if (r.failed || type != ETH_CLAIM || magic != CLAIM_MAGIC || version != CLAIM_VERSION)
		return -EBADMSG;
	if (reserved != 0 || id == 0 || !mac_equal(dst, MAC_BROADCAST) || !mac_is_host(src))
		return -EBADMSG;
	*mac = src;
	vr->v = id;
	return 0;
}
