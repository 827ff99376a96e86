/* ICMP errors: see fwd_icmp.h. */
#include "vr/fwd_icmp.h"

#include "vr/fwd.h"
#include "vr/fwd_out.h"

/* IPv4 and ICMP in front of what an error quotes. */
#define ERROR_HEADERS 28

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
fwd_error(struct vr *vr, struct site *site, const struct fwd_origin *origin, const struct frame *f,
	  const struct ip *ip, enum icmp_error error, uint32_t mtu, us_t now)
{
	uint8_t bytes[FRAME_HEADROOM + ICMP_ERROR_SIZE_MAX];
	struct frame out = {.data = bytes + FRAME_HEADROOM};
	struct ip quoted = *ip;
	uint32_t room = UINT32_MAX;
	uint16_t told = (uint16_t)(mtu < UINT16_MAX ? mtu : UINT16_MAX);

	if (!icmp_limit_take(&vr->icmp, &vr->key, site->vn, ip->src, error, now)) {
		vr->icmp_limited++;
		return;
	}
	/* It must pass the path itself. */
	if (origin->peer != NULL)
		room = fwd_peer_mtu(origin->peer) - ERROR_HEADERS;
	else if (!addr_is_none(origin->rloc))
		room = vr->io->plain_mtu(vr->ctx, origin->rloc, now) - ERROR_HEADERS;
	quoted.size = quoted.size < room ? quoted.size : room;
	out.size =
		icmp_error_build(f->data, &quoted, error, told, error_source(site, ip), out.data);
	if (out.size == 0)
		return;
	fwd_answer(vr, site, origin, &out, now);
	/* The bytes are ours. */
	if (origin->peer == NULL)
		vr->io->lan_flush(vr->ctx, site->vn);
}
