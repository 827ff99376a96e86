/* ICMP errors: see fwd_icmp.h. */
#include "vr/fwd_icmp.h"

#include "vr/fwd.h"
#include "vr/fwd_out.h"

/* The VN's gateway address stands behind the errors; without one, the address the sender wanted. */
static struct addr
error_source(const struct site *site, const struct ip *ip)
{
	struct addr from = vr_address_for(site, ip->src);

	for (size_t i = 0; addr_is_none(from) && i < site->conf->address_count; i++)
		if (site->conf->addresses[i].addr.family == ip->family)
			from = site->conf->addresses[i].addr;
	return addr_is_none(from) ? ip->dst : from;
}

void
fwd_answer(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	   us_t now)
{
	struct seal_inner inner = {.kind = SEAL_DATA, .vn = site->vn};
	int rc;

	if (origin->peer == NULL) {
		fwd_deliver(vr, site, origin->mac, f, now);
		return;
	}
	rc = vr->io->link_send(vr->ctx, origin->peer->slot, &inner, f, now);
	if (rc != 0)
		vr_drop(vr, fwd_link_reason(rc));
}

void
fwd_error(struct vr *vr, struct site *site, const struct fwd_origin *origin, const struct frame *f,
	  const struct ip *ip, enum icmp_error error, uint32_t mtu, us_t now)
{
	uint8_t bytes[FRAME_HEADROOM + ICMP_ERROR_SIZE_MAX];
	struct frame out = {.data = bytes + FRAME_HEADROOM};
	uint16_t told = (uint16_t)(mtu < UINT16_MAX ? mtu : UINT16_MAX);

	if (!icmp_limit_take(&vr->icmp, &vr->key, site->vn, ip->src, error, now)) {
		vr->icmp_limited++;
		return;
	}
	out.size = icmp_error_build(f->data, ip, error, told, error_source(site, ip), out.data);
	if (out.size == 0)
		return;
	fwd_answer(vr, site, origin, &out, now);
	/* The bytes are ours. */
	if (origin->peer == NULL)
		vr->io->lan_flush(vr->ctx, site->vn);
}
