/* ARP, RARP and claim frames: what is accepted is built and read back the same. */
#include "base/err.h"
#include "wire/arp.h"
#include "wire/eth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_arp(const struct arp *a)
{
	uint8_t frame[ETH_FRAME_MIN];
	struct arp back = {.op = 0};

	arp_build(a, frame);
	BUG_IF(arp_parse(frame, sizeof(frame), &back) != 0);
	BUG_IF(back.op != a->op || !mac_equal(back.eth_dst, a->eth_dst));
	BUG_IF(!mac_equal(back.eth_src, a->eth_src) || !mac_equal(back.sha, a->sha));
	BUG_IF(!mac_equal(back.tha, a->tha) || !addr_equal(back.spa, a->spa));
	BUG_IF(!addr_equal(back.tpa, a->tpa));
	BUG_IF(mac_is_multicast(a->sha) || mac_is_zero(a->sha));
}

static void
check_claim(struct mac mac, struct vr_id vr)
{
	uint8_t frame[ETH_FRAME_MIN];
	struct mac mac_back;
	struct vr_id vr_back;

	claim_build(mac, vr, frame);
	BUG_IF(claim_parse(frame, sizeof(frame), &mac_back, &vr_back) != 0);
	BUG_IF(!mac_equal(mac, mac_back) || !vr_id_equal(vr, vr_back));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eth e;
	struct arp a;
	struct mac mac;
	struct vr_id vr;
	bool is_eth = eth_parse(data, size, &e) == 0;

	if (arp_parse(data, size, &a) == 0) {
		BUG_IF(!is_eth || (e.type != ETH_ARP && e.type != ETH_RARP));
		check_arp(&a);
	}
	if (claim_parse(data, size, &mac, &vr) == 0) {
		BUG_IF(!is_eth || e.type != ETH_CLAIM);
		check_claim(mac, vr);
	}
	return 0;
}
