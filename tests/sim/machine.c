/* Machines: they answer ARP, keep an ARP cache as Linux does, send packets, and move. */
#include <stdlib.h>

#include "base/fmt.h"
#include "tests/sim/world.h"
#include "wire/be.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define ARP_MAX     32
#define WAITING_MAX 8
#define TALKS_MAX   16
/* An ARP entry is trusted for so long, then used and asked for. */
#define ARP_FRESH (30 * US_S)
#define ARP_TRIES 3
#define UDP_SIZE  8
#define MAGIC     0x53494d31u

struct arp_row {
	struct addr ip;
	struct mac mac;
	us_t at, asked;
	unsigned probes;
	bool is_static;
};

struct waiting {
	struct addr hop; /* family NONE: free */
	uint8_t packet[FRAME_ROOM];
	size_t size;
};

struct talk {
	struct sim_machine *to;
	us_t interval;
};

struct sim_machine {
	struct sim *sim;
	vn_id_t vn;
	uint32_t number, home, site, port;
	struct addr ip;
	struct mac mac;
	bool runs;
	us_t since;
	struct sim_machine *alias; /* stands where this one does */
	bool is_extra;
	struct sim_machine *next; /* on its LAN */
	struct arp_row arp[ARP_MAX];
	size_t arp_count;
	struct waiting waiting[WAITING_MAX];
	struct talk talks[TALKS_MAX];
	size_t talk_count;
	uint32_t talk_life;
	uint16_t segment; /* of the super-frame that is being sent */
	struct sim_machine_stats stats;
};

const struct sim_announce sim_by_rarp = {.rarp = true};
const struct sim_announce sim_by_garp = {.garp = true};
const struct sim_announce sim_silently = {.rarp = false};

static const us_t rarp_times[] = {0, 50 * US_MS, 200 * US_MS, 450 * US_MS, 800 * US_MS};
static const us_t garp_times[] = {17 * US_MS, 70 * US_MS, 220 * US_MS, 470 * US_MS, 820 * US_MS};

/* ---- small questions ---- */

struct addr
sim_machine_ip(const struct sim_machine *m)
{
	return m->ip;
}

struct mac
sim_machine_mac(const struct sim_machine *m)
{
	return m->mac;
}

vn_id_t
sim_machine_vn(const struct sim_machine *m)
{
	return m->vn;
}

size_t
sim_machine_site(const struct sim_machine *m)
{
	return m->site;
}

size_t
sim_machine_home(const struct sim_machine *m)
{
	return m->home;
}

bool
sim_machine_runs(const struct sim_machine *m)
{
	return m->runs;
}

us_t
sim_machine_since(const struct sim_machine *m)
{
	return m->since;
}

struct sim_machine *
sim_machine_at(const struct sim *sim, size_t number)
{
	return sim->machines[number];
}

size_t
sim_machine_count(const struct sim *sim)
{
	return sim->machine_count;
}

const struct sim_machine_stats *
sim_stats(const struct sim_machine *m)
{
	return &m->stats;
}

uint32_t
machine_port(const struct sim_machine *m)
{
	return m->port;
}

struct sim_machine *
machine_next(const struct sim_machine *m)
{
	return m->next;
}

void
machine_free(struct sim_machine *m)
{
	free(m);
}

/* ---- standing on a LAN ---- */

static void
attach(struct sim_machine *m, size_t site)
{
	struct lan *lan = lan_at(m->sim, m->vn, site);

	m->site = (uint32_t)site;
	m->port = ++lan->last_port;
	m->next = lan->machines;
	lan->machines = m;
	m->runs = true;
	m->since = m->sim->now;
	if (m->alias != NULL) {
		attach(m->alias, site);
		m->alias->port = m->port;
	}
}

static void
detach(struct sim_machine *m)
{
	struct sim_machine **link = &lan_at(m->sim, m->vn, m->site)->machines;

	while (*link != NULL && *link != m)
		link = &(*link)->next;
	if (*link == m)
		*link = m->next;
	m->runs = false;
	if (m->alias != NULL)
		detach(m->alias);
}

static void
send_frame(struct sim_machine *m, const uint8_t *frame, size_t size)
{
	struct frame meta = {.gso = m->segment != 0 ? FRAME_GSO_TCP4 : FRAME_GSO_NONE,
			     .gso_size = m->segment,
			     .csum_partial = m->segment != 0};

	if (m->runs)
		lan_frame(m->sim, lan_at(m->sim, m->vn, m->site), m->port, &meta, frame, size);
}

struct sim_machine *
sim_add(struct sim *sim, vn_id_t vn, size_t site, unsigned host)
{
	struct sim_machine *m = calloc(1, sizeof(*m));
	struct lan *home = lan_at(sim, vn, site);

	BUG_IF(m == NULL || host >= ARRAY_COUNT(home->natives));
	if (sim->machine_count == sim->machine_room) {
		sim->machine_room = sim->machine_room == 0 ? 64 : 2 * sim->machine_room;
		sim->machines =
			realloc(sim->machines, sim->machine_room * sizeof(struct sim_machine *));
		BUG_IF(sim->machines == NULL);
	}
	m->sim = sim;
	m->vn = vn;
	m->number = (uint32_t)sim->machine_count;
	m->home = (uint32_t)site;
	m->ip = sim_ip(site, host);
	m->mac = (struct mac){{0x52, 0x54, 0, 0, (uint8_t)site, (uint8_t)host}};
	if (sim->params.vn_in_macs)
		m->mac.b[3] = (uint8_t)vn;
	sim->machines[sim->machine_count++] = m;
	if (home->natives[host] == NULL)
		home->natives[host] = m;
	attach(m, site);
	return m;
}

struct sim_machine *
sim_add_twin(struct sim *sim, const struct sim_machine *m, size_t site)
{
	struct sim_machine *twin = sim_add(sim, m->vn, m->home, m->ip.b[3]);

	detach(twin);
	attach(twin, site);
	twin->is_extra = true;
	return twin;
}

struct sim_machine *
sim_add_alias(struct sim *sim, struct sim_machine *m, unsigned host)
{
	struct sim_machine *alias = sim_add(sim, m->vn, m->home, host);

	detach(alias);
	attach(alias, m->site);
	alias->port = m->port;
	alias->mac = m->mac;
	alias->is_extra = true;
	m->alias = alias;
	return alias;
}

bool
sim_machine_has_alias(const struct sim_machine *m)
{
	return m->alias != NULL;
}

bool
sim_machine_is_extra(const struct sim_machine *m)
{
	return m->is_extra;
}

/* ---- ARP ---- */

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
	send_frame(m, frame, sizeof(frame));
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
	send_frame(m, frame, ETH_SIZE + size);
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

static void
hear_arp(struct sim_machine *m, const uint8_t *frame, size_t size)
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

/* ---- packets ---- */

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

static void
send_to(struct sim_machine *from, struct addr to, const uint8_t *packet, size_t size)
{
	struct addr hop = next_hop(from, to);
	struct mac mac;

	if (arp_resolve(from, hop, &mac))
		send_packet(from, mac, packet, size);
	else
		wait_for(from, hop, packet, size);
}

void
sim_send_raw(struct sim *sim, struct sim_machine *from, const uint8_t *packet, size_t size)
{
	(void)sim;
	send_to(from, addr_make(ADDR_V4, packet + 16), packet, size);
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
	send_to(from, to, packet, size);
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
		hear_arp(m, frame, size);
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

/* ---- moving ---- */

static void
inject_rarp(struct sim *sim, struct lan *lan, uint32_t port, struct mac mac)
{
	struct arp arp = {.eth_dst = MAC_BROADCAST,
			  .eth_src = mac,
			  .op = RARP_REQUEST,
			  .sha = mac,
			  .tha = mac,
			  .spa = {.family = ADDR_V4},
			  .tpa = {.family = ADDR_V4}};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	lan_frame(sim, lan, port, NULL, frame, sizeof(frame));
}

void
sim_rarp(struct sim *sim, vn_id_t vn, size_t site, struct mac mac)
{
	struct lan *lan = lan_at(sim, vn, site);

	inject_rarp(sim, lan, ++lan->last_port, mac);
}

/* 'number': site and port, for the hypervisor goes on when the machine has left again. */
static void
rarp_on(struct sim *sim, void *arg, uint64_t number)
{
	struct sim_machine *m = arg;

	inject_rarp(sim, lan_at(sim, m->vn, number >> 32), (uint32_t)number, m->mac);
}

static void
rarp_from(struct sim *sim, struct sim_machine *m, size_t site, uint32_t port)
{
	for (size_t i = 0; i < ARRAY_COUNT(rarp_times); i++)
		sim_after(sim, rarp_times[i], rarp_on, m, (uint64_t)site << 32 | port);
}

void
sim_rarp_series(struct sim *sim, const struct sim_machine *m, size_t site)
{
	rarp_from(sim, sim->machines[m->number], site, ++lan_at(sim, m->vn, site)->last_port);
}

static void
garp_on(struct sim *sim, void *arg, uint64_t number)
{
	struct sim_machine *m = arg;

	if (m->since == (us_t)number && m->runs)
		sim_speak(sim, m);
}

void
sim_migrate_now(struct sim *sim, struct sim_machine *m, size_t site, bool rarp, bool garp)
{
	detach(m);
	attach(m, site);
	if (rarp)
		rarp_from(sim, m, site, m->port);
	for (size_t i = 0; garp && i < ARRAY_COUNT(garp_times); i++)
		sim_after(sim, garp_times[i], garp_on, m, (uint64_t)m->since);
}

static void
arrive(struct sim *sim, void *arg, uint64_t number)
{
	sim_migrate_now(sim, arg, number >> 2, (number & 1) != 0, (number & 2) != 0);
}

void
sim_machine_stop(struct sim *sim, struct sim_machine *m)
{
	(void)sim;
	detach(m);
}

void
sim_migrate(struct sim *sim, struct sim_machine *m, size_t site, const struct sim_announce *how)
{
	m->runs = false;
	if (m->alias != NULL)
		m->alias->runs = false;
	sim_after(sim, how->pause != 0 ? how->pause : 5 * US_MS, arrive, m,
		  (uint64_t)site << 2 | how->rarp | (uint64_t)how->garp << 1);
}
