/* ARP of the machines: the answers, a cache as Linux keeps it, and packets that wait for the next hop. */
#include "tests/sim/machine.h"
#include "wire/eth.h"

/* An ARP entry is trusted for so long, then used and asked for. */
#define ARP_FRESH (30 * US_S)
#define ARP_TRIES 3

static struct arp_row *
arp_find(struct sim_machine *m, struct addr ip)
{
	for (size_t i = 0; i < m->arp_count; i++)
		if (addr_equal(m->arp[i].ip, ip))
			return &m->arp[i];
	return NULL;
}

struct mac
sim_arp_entry(const struct sim_machine *m, struct addr ip)
{
	for (size_t i = 0; i < m->arp_count; i++)
		if (addr_equal(m->arp[i].ip, ip))
			return m->arp[i].mac;
	return (struct mac){{0}};
}

static void
arp_put(struct sim_machine *m, struct addr ip, struct mac mac)
{
	struct arp_row *row = arp_find(m, ip);

	if (row == NULL && m->arp_count < ARP_MAX)
		row = &m->arp[m->arp_count++];
	else if (row == NULL)
		row = &m->arp[(uint64_t)m->sim->now % ARP_MAX];
	if (row->is_static && addr_equal(row->ip, ip))
		return;
	*row = (struct arp_row){.ip = ip, .mac = mac, .at = m->sim->now};
}

void
sim_arp_set(struct sim_machine *m, struct addr ip, struct mac mac, bool is_static)
{
	arp_put(m, ip, mac);
	arp_find(m, ip)->is_static = is_static;
}

void
sim_arp_flush(struct sim_machine *m)
{
	m->arp_count = 0;
}

void
sim_arp_forget(struct sim_machine *m, struct addr ip)
{
	struct arp_row *row = arp_find(m, ip);

	if (row != NULL)
		*row = m->arp[--m->arp_count];
}

static void
send_arp_as(struct sim_machine *m, uint16_t op, struct mac to, struct mac tha, struct addr spa,
	    struct addr tpa)
{
	struct arp arp = {.eth_dst = to,
			  .eth_src = m->mac,
			  .op = op,
			  .sha = m->mac,
			  .tha = tha,
			  .spa = spa,
			  .tpa = tpa};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	machine_send_frame(m, frame, sizeof(frame));
}

static void
send_arp(struct sim_machine *m, uint16_t op, struct mac to, struct mac tha, struct addr tpa)
{
	send_arp_as(m, op, to, tha, m->ip, tpa);
}

void
sim_send_arp(struct sim_machine *m, uint16_t op, struct mac to, struct addr spa, struct addr tpa)
{
	send_arp_as(m, op, to, (struct mac){{0}}, spa, tpa);
}

void
sim_speak(struct sim *sim, struct sim_machine *m)
{
	(void)sim;
	send_arp(m, ARP_REQUEST, MAC_BROADCAST, (struct mac){{0}}, m->ip);
}

static void
send_packet(struct sim_machine *m, struct mac to, const uint8_t *packet, size_t size)
{
	uint8_t frame[ETH_SIZE + FRAME_ROOM];
	struct eth eth = {.dst = to, .src = m->mac, .type = ETH_IP4};

	BUG_IF(size > FRAME_ROOM - ETH_SIZE);
	eth_build(&eth, frame);
	memcpy(frame + ETH_SIZE, packet, size);
	machine_send_frame(m, frame, ETH_SIZE + size);
}

static void
flush_waiting(struct sim_machine *m, struct addr hop, struct mac mac)
{
	for (size_t i = 0; i < WAITING_MAX; i++) {
		struct waiting *w = &m->waiting[i];

		if (!addr_equal(w->hop, hop))
			continue;
		w->hop = (struct addr){.family = ADDR_NONE};
		send_packet(m, mac, w->packet, w->size);
	}
}

static bool
is_waiting(const struct sim_machine *m, struct addr hop)
{
	for (size_t i = 0; i < WAITING_MAX; i++)
		if (addr_equal(m->waiting[i].hop, hop))
			return true;
	return false;
}

/* 'number': the last byte of the next hop's site and host, and the tries before. */
static void
ask_again(struct sim *sim, void *arg, uint64_t number)
{
	struct sim_machine *m = arg;
	struct addr hop = sim_ip((number >> 16) & 0xff, (number >> 8) & 0xff);
	unsigned tries = number & 0xff;

	if (!is_waiting(m, hop))
		return;
	if (tries >= ARP_TRIES) {
		for (size_t i = 0; i < WAITING_MAX; i++)
			if (addr_equal(m->waiting[i].hop, hop))
				m->waiting[i].hop = (struct addr){.family = ADDR_NONE};
		return;
	}
	send_arp(m, ARP_REQUEST, MAC_BROADCAST, (struct mac){{0}}, hop);
	sim_after(sim, US_S, ask_again, m, (number & ~UINT64_C(0xff)) | (tries + 1));
}

static void
wait_for(struct sim_machine *m, struct addr hop, const uint8_t *packet, size_t size)
{
	bool asked = is_waiting(m, hop);

	for (size_t i = 0; i < WAITING_MAX; i++) {
		struct waiting *w = &m->waiting[i];

		if (!addr_is_none(w->hop))
			continue;
		w->hop = hop;
		w->size = size;
		memcpy(w->packet, packet, size);
		if (!asked)
			ask_again(m->sim, m, (uint64_t)hop.b[2] << 16 | (uint64_t)hop.b[3] << 8);
		return;
	}
}

/* The MAC for the next hop; false when it must be asked for first. */
static bool
arp_resolve(struct sim_machine *m, struct addr hop, struct mac *mac)
{
	struct arp_row *row = arp_find(m, hop);
	us_t now = m->sim->now;

	if (row == NULL)
		return false;
	*mac = row->mac;
	if (row->is_static || now < row->at + ARP_FRESH || now < row->asked + US_S)
		return true;
	if (row->probes >= ARP_TRIES) {
		*row = m->arp[--m->arp_count];
		return false;
	}
	row->probes++;
	row->asked = now;
	send_arp(m, ARP_REQUEST, row->mac, (struct mac){{0}}, hop);
	return true;
}

void
machine_send_via(struct sim_machine *m, struct addr hop, const uint8_t *packet, size_t size)
{
	struct mac mac;

	if (arp_resolve(m, hop, &mac))
		send_packet(m, mac, packet, size);
	else
		wait_for(m, hop, packet, size);
}

void
machine_hear_arp(struct sim_machine *m, const uint8_t *frame, size_t size)
{
	struct arp arp;

	if (arp_parse(frame, size, &arp) != 0 || arp.op == RARP_REQUEST || arp.op == RARP_REPLY)
		return;
	m->stats.arp = arp;
	if (addr_equal(arp.spa, m->ip)) {
		m->stats.conflicts += !mac_equal(arp.sha, m->mac);
		return;
	}
	if (arp.op == ARP_REQUEST && addr_equal(arp.tpa, m->ip)) {
		if (!addr_is_unspecified(arp.spa))
			arp_put(m, arp.spa, arp.sha);
		send_arp(m, ARP_REPLY, arp.sha, arp.sha, arp.spa);
	} else if (arp.op == ARP_REPLY && mac_equal(arp.eth_dst, m->mac) &&
		   !addr_equal(arp.spa, arp.tpa)) {
		m->stats.arp_replies++;
		arp_put(m, arp.spa, arp.sha);
	} else if (arp_find(m, arp.spa) != NULL) {
		arp_put(m, arp.spa, arp.sha);
	}
	if (arp_find(m, arp.spa) != NULL)
		flush_waiting(m, arp.spa, arp_find(m, arp.spa)->mac);
}
