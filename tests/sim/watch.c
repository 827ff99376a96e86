/* What no router may do whatever happens: let anything pass from VN to VN.
 *
 * Every frame that a router puts on a LAN, and every packet that it sends to another, is looked at.
 * Which VN a packet is of stands in the packet; of ARP and claims the addresses tell it: a MAC is a
 * router's own of that VN, or of a machine of that VN, and an address belongs with its MAC. */
#include "base/fmt.h"
#include "tests/sim/world.h"
#include "wire/eth.h"
#include "wire/ip.h"

/* ---- whose is it? ---- */

/* The machine of this VN that has the address, whether it runs or not. */
static const struct sim_machine *
with_ip(const struct sim *sim, vn_id_t vn, struct addr ip)
{
	if (ip.family != ADDR_V4 || !prefix_contains(sim->subnet, ip) ||
	    ip.b[2] >= sim->params.routers || !sim_in_vn(sim, ip.b[2], vn))
		return NULL;
	return lan_at(sim, vn, ip.b[2])->natives[ip.b[3]];
}

static bool
is_machine(const struct sim *sim, vn_id_t vn, struct mac mac)
{
	/* Its home and its number stand in the MAC. */
	const struct sim_machine *m = with_ip(sim, vn, sim_ip(mac.b[4], mac.b[5]));

	return m != NULL && mac_equal(sim_machine_mac(m), mac);
}

static bool
is_router(vn_id_t vn, struct mac mac)
{
	return mac_equal(sim_router_mac(vn), mac);
}

/* Addresses that somebody may have: machines', and those of routers. */
static bool
is_address(const struct sim *sim, vn_id_t vn, struct addr ip)
{
	return with_ip(sim, vn, ip) != NULL ||
	       (sim->params.layout == SIM_SUBNETS && prefix_contains(sim->subnet, ip) &&
		ip.b[2] < sim->params.routers && ip.b[3] == SIM_GATEWAY &&
		sim_in_vn(sim, ip.b[2], vn));
}

/* ---- ARP and claims ---- */

static void
expect_mac(struct sim *sim, vn_id_t vn, size_t site, const char *field, struct mac mac, bool good)
{
	if (!good)
		sim_set_fault(sim, "router %zu: %s %s on a LAN of VN %u is of another VN", site,
			      field, fmt_mac(mac).s, vn);
}

static void
watch_arp(struct sim *sim, vn_id_t vn, size_t site, const struct arp *arp)
{
	const struct sim_machine *sender = with_ip(sim, vn, arp->spa);

	expect_mac(sim, vn, site, "Ethernet source", arp->eth_src, is_router(vn, arp->eth_src));
	expect_mac(sim, vn, site, "Ethernet destination", arp->eth_dst,
		   mac_equal(arp->eth_dst, MAC_BROADCAST) || is_machine(sim, vn, arp->eth_dst));
	/* A gratuitous reply names its sender twice. */
	expect_mac(sim, vn, site, "ARP target", arp->tha,
		   mac_is_zero(arp->tha) || mac_equal(arp->tha, arp->sha) ||
			   is_machine(sim, vn, arp->tha));
	expect_mac(sim, vn, site, "ARP sender", arp->sha,
		   is_router(vn, arp->sha) ||
			   (sender != NULL && mac_equal(sim_machine_mac(sender), arp->sha)));
	if (!addr_is_unspecified(arp->spa) && !is_address(sim, vn, arp->spa))
		sim_set_fault(sim, "router %zu speaks for %s, which nobody has in VN %u", site,
			      fmt_addr(arp->spa).s, vn);
}

void
watch_control(struct sim *sim, vn_id_t vn, size_t site, const uint8_t *frame, size_t size)
{
	struct vr_id router;
	struct arp arp;
	struct mac mac;

	if (arp_parse(frame, size, &arp) == 0) {
		watch_arp(sim, vn, site, &arp);
	} else if (claim_parse(frame, size, &mac, &router) == 0) {
		expect_mac(sim, vn, site, "claimed MAC", mac, is_machine(sim, vn, mac));
		if (!vr_id_equal(router, sim_id(sim, site)))
			sim_set_fault(sim, "router %zu claims for another", site);
	} else {
		sim_set_fault(sim, "router %zu says what is neither ARP nor a claim", site);
	}
}

/* ---- packets ---- */

static bool
of_packet(struct sim *sim, size_t site, const uint8_t *packet, size_t size, struct mark *mark)
{
	struct ip ip;

	if (ip_parse(packet, size, &ip) != 0) {
		sim_set_fault(sim, "router %zu sends a bad packet", site);
		return false;
	}
	return ip.fragment_offset == 0 && mark_read(packet, size, &ip, mark);
}

void
watch_frame(struct sim *sim, vn_id_t vn, size_t site, const uint8_t *frame, size_t size)
{
	struct packet_row *row;
	struct mark mark;
	struct eth eth;

	if (eth_parse(frame, size, &eth) != 0) {
		sim_set_fault(sim, "router %zu sends a bad frame", site);
		return;
	}
	expect_mac(sim, vn, site, "source", eth.src, is_router(vn, eth.src));
	expect_mac(sim, vn, site, "destination", eth.dst, is_machine(sim, vn, eth.dst));
	if (!of_packet(sim, site, frame + ETH_SIZE, size - ETH_SIZE, &mark))
		return;
	row = &sim->packets[mark.packet];
	if (mark.vn != vn)
		sim_set_fault(sim, "packet of VN %u on a LAN of VN %u", mark.vn, vn);
	else if (row->lan == site + 1)
		sim_set_fault(sim, "packet %llu twice onto the LAN of %zu, at %lld us",
			      (unsigned long long)mark.packet, site, (long long)sim->now);
	row->lan = (uint32_t)site + 1;
}

void
watch_link(struct sim *sim, vn_id_t vn, size_t site, const uint8_t *packet, size_t size)
{
	struct mark mark;

	if (of_packet(sim, site, packet, size, &mark) && mark.vn != vn)
		sim_set_fault(sim, "router %zu sends a packet of VN %u as one of VN %u", site,
			      mark.vn, vn);
}
