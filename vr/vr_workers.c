/* What the data workers and the router have to say to each other. */
#include "vr/sight.h"
#include "vr/vr.h"

bool
vr_lan_is_settled(const struct vr *vr, vn_id_t vn, struct mac mac, struct addr ip)
{
	const struct hwdt_entry *e = hwdt_find(vr->hwdt, vn, ip);

	for (size_t i = 0; i < vr->site_count; i++)
		if (vr->sites[i].vn == vn &&
		    (vr->sites[i].outside != NULL || vr->sites[i].beside != NULL))
			return false;
	return e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, vr->self) &&
	       mac_equal(e->b.mac, mac) && !presence_has(vr->presence, PRESENCE_CONFIRM, vn, ip) &&
	       !presence_has(vr->presence, PRESENCE_DOUBT, vn, ip);
}

void
vr_lan_seen(struct vr *vr, vn_id_t vn, struct mac mac, struct addr ip, us_t now)
{
	struct site *site = vr_site(vr, vn);

	if (site == NULL)
		return;
	vr->now = now;
	(void)sight_machine(vr, site, SIGHTING_DATA, mac, ip, now);
}

void
vr_lan_sent(struct vr *vr, uint32_t slot, uint64_t packets, uint64_t bytes)
{
	struct peer *peer = peers_at(vr->peers, slot);

	vr->lan_frames += packets;
	vr->lan_taken += packets;
	if (peer == NULL)
		return;
	peer->tx_packets += packets;
	peer->tx_bytes += bytes;
}
