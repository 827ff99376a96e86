/* Packets of the machines: those that they send, one or a flow of them, and what they hear. */
#include <stdlib.h>

#include "base/fmt.h"
#include "tests/sim/machine.h"
#include "wire/be.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define UDP_SIZE 8
#define MAGIC    0x53494d31u

bool
mark_read(const uint8_t *packet, size_t size, const struct ip *ip, struct mark *mark)
{
	if (ip->proto != IP_PROTO_UDP || size < ip->header_size + UDP_SIZE + sizeof(*mark))
		return false;
	memcpy(mark, packet + ip->header_size + UDP_SIZE, sizeof(*mark));
	return mark->magic == MAGIC;
}

static struct addr
next_hop(const struct sim_machine *m, struct addr to)
{
	if (m->sim->params.layout == SIM_STRETCHED || prefix_contains(prefix_make(m->ip, 24), to))
		return to;
	return sim_ip(m->home, SIM_GATEWAY);
}

static size_t
build_packet(struct sim_machine *m, struct addr to, uint8_t ttl, size_t size, bool dont_fragment,
	     uint8_t *packet)
{
	struct sim *sim = m->sim;
	struct mark mark = {.magic = MAGIC, .vn = m->vn, .packet = sim->packet_count};

	if (sim->packet_count == sim->packet_room) {
		sim->packet_room = sim->packet_room == 0 ? 1024 : 2 * sim->packet_room;
		sim->packets = realloc(sim->packets, sim->packet_room * sizeof(*sim->packets));
		BUG_IF(sim->packets == NULL);
	}
	sim->packets[sim->packet_count++] = (struct packet_row){0};
	memset(packet, 0, size);
	packet[0] = 0x45;
	be16_put(packet + 2, (uint16_t)size);
	be16_put(packet + 4, (uint16_t)mark.packet);
	packet[6] = dont_fragment ? 0x40 : 0;
	packet[8] = ttl;
	packet[9] = IP_PROTO_UDP;
	memcpy(packet + 12, m->ip.b, 4);
	memcpy(packet + 16, to.b, 4);
	be16_put(packet + 10, (uint16_t)~ip_sum(packet, IP4_SIZE_MIN, 0));
	be16_put(packet + 20, 4000);
	be16_put(packet + 22, 4000);
	be16_put(packet + 24, (uint16_t)(size - IP4_SIZE_MIN));
	memcpy(packet + IP4_SIZE_MIN + UDP_SIZE, &mark, sizeof(mark));
	return size;
}

void
sim_send_raw(struct sim *sim, struct sim_machine *from, const uint8_t *packet, size_t size)
{
	struct addr to = addr_make(ADDR_V4, packet + 16);

	(void)sim;
	machine_send_via(from, next_hop(from, to), packet, size);
}

void
sim_send_super(struct sim *sim, struct sim_machine *from, const uint8_t *packet, size_t size,
	       uint16_t gso_size)
{
	from->segment = gso_size;
	sim_send_raw(sim, from, packet, size);
	from->segment = 0;
}

uint64_t
sim_send_as(struct sim *sim, struct sim_machine *from, struct addr to, uint8_t ttl, size_t size,
	    bool dont_fragment)
{
	uint8_t packet[FRAME_ROOM];
	uint64_t number = sim->packet_count;

	build_packet(from, to, ttl, size, dont_fragment, packet);
	from->stats.sent++;
	machine_send_via(from, next_hop(from, to), packet, size);
	return number;
}

uint64_t
sim_send(struct sim *sim, struct sim_machine *from, struct addr to)
{
	return sim_send_as(sim, from, to, 64, IP4_SIZE_MIN + UDP_SIZE + sizeof(struct mark), true);
}

void
sim_late_frame(struct sim *sim, struct sim_machine *m, size_t site, struct addr to)
{
	uint8_t frame[ETH_SIZE + FRAME_ROOM];
	struct mac mac = sim_arp_entry(m, next_hop(m, to));
	struct eth eth = {
		.dst = mac_is_zero(mac) ? MAC_BROADCAST : mac, .src = m->mac, .type = ETH_IP4};
	size_t size;

	eth_build(&eth, frame);
	size = build_packet(m, to, 64, IP4_SIZE_MIN + UDP_SIZE + sizeof(struct mark), true,
			    frame + ETH_SIZE);
	sim_inject(sim, m->vn, site, frame, ETH_SIZE + size);
}

unsigned
sim_received(const struct sim *sim, uint64_t packet)
{
	return sim->packets[packet].received;
}

static void
hear_icmp(struct sim_machine *m, const uint8_t *packet, size_t size, const struct ip *ip)
{
	if (size < (size_t)ip->header_size + 8)
		return;
	m->stats.icmp_errors += packet[ip->header_size] == 3 || packet[ip->header_size] == 11;
	m->stats.last_icmp_type = packet[ip->header_size];
	m->stats.last_icmp_code = packet[ip->header_size + 1];
	m->stats.last_icmp_mtu = be16_get(packet + ip->header_size + 6);
	m->stats.last_icmp_from = ip->src;
}

static void
hear_packet(struct sim_machine *m, const uint8_t *packet, size_t size)
{
	struct sim *sim = m->sim;
	struct mark mark;
	struct ip ip;

	if (ip_parse(packet, size, &ip) != 0 || !addr_equal(ip.dst, m->ip))
		return;
	m->stats.last_ttl = ip.ttl;
	if (!mark_read(packet, size, &ip, &mark)) {
		if (ip.proto == IP_PROTO_ICMP)
			hear_icmp(m, packet, size, &ip);
		m->stats.packet_size = size < sizeof(m->stats.packet) ? size : 0;
		memcpy(m->stats.packet, packet, m->stats.packet_size);
		return;
	}
	m->stats.received++;
	m->stats.last_received = sim->now;
	if (mark.vn != m->vn)
		sim_set_fault(sim, "packet of VN %u for a machine of VN %u", mark.vn, m->vn);
	if (ip.fragment_offset == 0 && ++sim->packets[mark.packet].received > 1)
		sim_set_fault(sim, "packet %llu twice to %s at site %u, at %lld us",
			      (unsigned long long)mark.packet, fmt_addr(m->ip).s, m->site,
			      (long long)sim->now);
}

void
machine_frame(struct sim *sim, struct sim_machine *m, const uint8_t *frame, size_t size)
{
	struct eth eth;

	(void)sim;
	if (!m->runs || eth_parse(frame, size, &eth) != 0)
		return;
	if (!mac_equal(eth.dst, m->mac) && !mac_is_multicast(eth.dst))
		return;
	if (eth.type == ETH_ARP)
		machine_hear_arp(m, frame, size);
	else if (eth.type == ETH_IP4)
		hear_packet(m, frame + ETH_SIZE, size - ETH_SIZE);
}

/* ---- talking ---- */

static void
talk_on(struct sim *sim, void *arg, uint64_t number)
{
	struct sim_machine *m = arg;
	const struct talk *t = &m->talks[number & 0xff];

	if (m->talk_life != number >> 8)
		return;
	if (m->runs)
		(void)sim_send(sim, m, t->to->ip);
	sim_after(sim, t->interval, talk_on, m, number);
}

void
sim_talk(struct sim *sim, struct sim_machine *from, struct sim_machine *to, us_t interval)
{
	BUG_IF(from->talk_count == TALKS_MAX);
	from->talks[from->talk_count] = (struct talk){.to = to, .interval = interval};
	sim_after(sim, (us_t)sim_random(sim, (uint64_t)interval), talk_on, from,
		  (uint64_t)from->talk_life << 8 | from->talk_count);
	from->talk_count++;
}

void
sim_hush(struct sim_machine *from)
{
	from->talk_count = 0;
	from->talk_life++;
}
