/* A host without a LAN: see port_host.h. */
#include "vr/port_host.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/arp.h"
#include "wire/eth.h"

_Static_assert(PORT_HOST_FRAME == ETH_FRAME_MIN, "the host speaks ARP");

bool
port_host_has(const struct port_host *host, struct addr addr)
{
	for (size_t i = 0; i < host->address_count; i++)
		if (addr_equal(host->addresses[i].addr, addr))
			return true;
	return false;
}

bool
port_host_answer(const struct port_host *host, const uint8_t *frame, size_t size, uint8_t *answer)
{
	struct arp arp, said;

	if (arp_parse(frame, size, &arp) != 0 || arp.op != ARP_REQUEST)
		return false;
	if (!mac_is_multicast(arp.eth_dst) && !mac_equal(arp.eth_dst, host->mac))
		return false;
	if (addr_equal(arp.spa, arp.tpa) || !port_host_has(host, arp.tpa))
		return false;
	said = (struct arp){.eth_dst = arp.sha,
			    .eth_src = host->mac,
			    .op = ARP_REPLY,
			    .sha = host->mac,
			    .tha = arp.sha,
			    .spa = arp.tpa,
			    .tpa = arp.spa};
	arp_build(&said, answer);
	return true;
}

void
port_host_announce(const struct port_host *host, struct addr addr, uint8_t *frame)
{
	struct arp said = {.eth_dst = MAC_BROADCAST,
			   .eth_src = host->mac,
			   .op = ARP_REQUEST,
			   .sha = host->mac,
			   .spa = addr,
			   .tpa = addr};

	arp_build(&said, frame);
}

int
port_host_copy(const struct port_host *from, struct port_host_copy *to)
{
	*to = (struct port_host_copy){.host = *from};
	to->addresses = calloc(from->address_count + 1, sizeof(*to->addresses));
	to->routes = calloc(from->route_count + 1, sizeof(*to->routes));
	if (to->addresses == NULL || to->routes == NULL) {
		port_host_fini(to);
		return -ENOMEM;
	}
	if (from->address_count > 0)
		memcpy(to->addresses, from->addresses,
		       from->address_count * sizeof(*to->addresses));
	if (from->route_count > 0)
		memcpy(to->routes, from->routes, from->route_count * sizeof(*to->routes));
	to->host.addresses = to->addresses;
	to->host.routes = to->routes;
	return 0;
}

void
port_host_fini(struct port_host_copy *copy)
{
	free(copy->addresses);
	free(copy->routes);
	*copy = (struct port_host_copy){.addresses = NULL};
}
