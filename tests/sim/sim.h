/* Many routers in one process, under a fake clock and over a bad network.
 *
 * The world has sites 0 .. routers-1, one router ('struct vr') at each, and at each site one LAN
 * per
 * VN: a learning switch with the router on port 0 and machines on the others.  Machines are small:
 * they answer ARP, keep an ARP cache, send packets at intervals and move.  The underlay joins the
 * routers by links with delay, loss, repetition, reordering and cuts; what it carries is not
 * sealed,
 * but a router has to have keys with a peer before anything passes.
 *
 * Addresses: host h of site s is 10.1.s.h in every VN, so that VNs overlap; host 1 is the gateway.
 * VN numbers are SIM_VN, SIM_VN + 1 ...  Everything happens in sim_run(); the same seed gives the
 * same world. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "base/types.h"
#include "conf/conf.h"
#include "vr/vr.h"
#include "wire/arp.h"

#define SIM_VN       7u
#define SIM_VNS_MAX  4
#define SIM_GATEWAY  1  /* host number of the router in its site's subnet */
#define SIM_LAN_TIME 20 /* microseconds that a LAN needs for a frame */

enum sim_layout {
	SIM_SUBNETS,   /* a subnet per site, whose gateway is the router */
	SIM_STRETCHED, /* one subnet over all sites, no gateway */
};

struct sim_params {
	uint64_t seed;
	size_t routers;
	size_t vns; /* 0: one */
	enum sim_layout layout;
	us_t delay_min, delay_max;      /* one way, chosen for each pair; 0: 1 ms */
	unsigned loss, repeat, reorder; /* of 1000 messages */
	us_t hello;                     /* 0: 1 s */
	uint16_t mtu;                   /* inner MTU of the links; 0: 1400 */
	bool sparse;                    /* each router is in some of the VNs only */
	/* Machines' MACs name their VN, so that one that gets into another is told.  Otherwise they
	 * are the same in all, which must not disturb anybody. */
	bool vn_in_macs;
	/* Changes a router's configuration before it starts.  What it puts in is freed with it. */
	void (*tune)(struct conf *conf, size_t router);
};

/* For 'tune': only these routers may host machines that are at home in the first site. */
void sim_set_hosts(struct conf *conf, const char *const *names, size_t count);

/* ---- the world (sim.c) ---- */

struct sim;
struct sim_machine;

struct sim *sim_create(const struct sim_params *params);
void sim_destroy(struct sim *sim);
us_t sim_now(const struct sim *sim);
/* Lets the time pass. */
void sim_run(struct sim *sim, us_t duration);
/* Calls 'fn' after 'delay'. */
void sim_after(struct sim *sim, us_t delay, void (*fn)(struct sim *sim, void *arg, uint64_t number),
	       void *arg, uint64_t number);
/* A number below 'limit'. */
uint64_t sim_random(struct sim *sim, uint64_t limit);
bool sim_chance(struct sim *sim, unsigned of_1000);
size_t sim_routers(const struct sim *sim);
size_t sim_vns(const struct sim *sim);
struct addr sim_ip(size_t site, unsigned host);
/* What must never happen is noted here: a frame from VN to VN, a packet twice on one LAN; and what
 * sim_all_agree() has found. "" while all is well. */
const char *sim_fault(const struct sim *sim);
__attribute__((format(printf, 2, 3))) void sim_set_fault(struct sim *sim, const char *format, ...);

/* ---- routers (node.c) ---- */

/* NULL while it is down. */
struct vr *sim_vr(const struct sim *sim, size_t router);
struct vr_id sim_id(const struct sim *sim, size_t router);
/* The routers' MAC on the LANs of a VN. */
struct mac sim_router_mac(vn_id_t vn);
/* Is the router's site in this VN? */
bool sim_in_vn(const struct sim *sim, size_t router, vn_id_t vn);
/* The router's own clock, which started at another time than the others'. */
us_t sim_clock(const struct sim *sim, size_t router);
void sim_crash(struct sim *sim, size_t router);
/* 'keep': with what it had saved. */
void sim_start(struct sim *sim, size_t router, bool keep);
/* Index of the router with this id; SIZE_MAX when there is none. */
size_t sim_index(const struct sim *sim, struct vr_id id);
/* Calls vr_run() for what was started from outside. */
void sim_poke(struct sim *sim, size_t router);
/* The keys of two routers are gone and made anew: records under way are lost. */
void sim_new_keys(struct sim *sim, size_t a, size_t b);
/* A message to a router as if a peer had sent it. */
void sim_forge_sync(struct sim *sim, size_t from, size_t to, const struct sync_msg *msg);
void sim_forge_data(struct sim *sim, size_t from, size_t to, const struct seal_inner *inner,
		    const uint8_t *packet, size_t size);

/* ---- the underlay (net.c) ---- */

void sim_cut(struct sim *sim, size_t a, size_t b, bool cut);
/* What 'from' sends does not arrive; what it gets does. */
void sim_cut_one_way(struct sim *sim, size_t from, size_t to, bool cut);
/* Routers of different groups do not hear each other. */
void sim_partition(struct sim *sim, const uint8_t *group);
void sim_heal(struct sim *sim);
void sim_set_badness(struct sim *sim, unsigned loss, unsigned repeat, unsigned reorder);
us_t sim_delay(const struct sim *sim, size_t from, size_t to);
/* Data packets that 'from' has sent to 'to' so far. */
uint64_t sim_link_data(const struct sim *sim, size_t from, size_t to);
/* Everything that routers say, in words, to standard output. */
void sim_trace(struct sim *sim, bool on);
/* Sees every data packet that leaves; false loses it. */
void sim_tap(struct sim *sim,
	     bool (*pass)(void *arg, size_t from, size_t to, const struct seal_inner *inner,
			  const struct frame *f),
	     void *arg);
/* Called before a sync message leaves; false loses it. */
void sim_filter(struct sim *sim,
		bool (*pass)(void *arg, size_t from, size_t to, const struct sync_msg *msg),
		void *arg);

/* ---- LANs and machines (lan.c, machine*.c) ---- */

struct sim_announce {
	bool rarp; /* the hypervisor speaks: 0, 50, 200, 450 and 800 ms after the machine goes on */
	bool garp; /* the machine speaks: 17, 70, 220, 470 and 820 ms */
	us_t pause; /* the machine stands still so long; 0: 5 ms */
};

extern const struct sim_announce sim_by_rarp, sim_by_garp, sim_silently;

/* A running machine with the address sim_ip(site, host); 'away' of its home from the start is no
 * move. */
struct sim_machine *sim_add(struct sim *sim, vn_id_t vn, size_t site, unsigned host);
/* Another machine with the address and MAC of 'm': somebody's mistake. */
struct sim_machine *sim_add_twin(struct sim *sim, const struct sim_machine *m, size_t site);
/* A second address of the machine: it moves with it, and the hypervisor does not know of it. */
struct sim_machine *sim_add_alias(struct sim *sim, struct sim_machine *m, unsigned host);
/* Its first words: gratuitous ARP, as at boot. */
void sim_speak(struct sim *sim, struct sim_machine *m);
void sim_migrate(struct sim *sim, struct sim_machine *m, size_t site,
		 const struct sim_announce *how);
void sim_migrate_now(struct sim *sim, struct sim_machine *m, size_t site, bool rarp, bool garp);
/* The hypervisor of 'site' announces the machine, wherever it is: five times, or once. */
void sim_rarp_series(struct sim *sim, const struct sim_machine *m, size_t site);
void sim_rarp(struct sim *sim, vn_id_t vn, size_t site, struct mac mac);
/* Any frame, from a port of its own. */
void sim_inject(struct sim *sim, vn_id_t vn, size_t site, const uint8_t *frame, size_t size);
/* A data frame of the machine that was still on its way at a site that it has left. */
void sim_late_frame(struct sim *sim, struct sim_machine *m, size_t site, struct addr to);

struct addr sim_machine_ip(const struct sim_machine *m);
struct mac sim_machine_mac(const struct sim_machine *m);
vn_id_t sim_machine_vn(const struct sim_machine *m);
/* Where it stands (or stood before its pause). */
size_t sim_machine_site(const struct sim_machine *m);
bool sim_machine_runs(const struct sim_machine *m);
/* A second address, or a copy: it does not move by itself. */
bool sim_machine_is_extra(const struct sim_machine *m);
bool sim_machine_has_alias(const struct sim_machine *m);
size_t sim_machine_home(const struct sim_machine *m);
void sim_machine_stop(struct sim *sim, struct sim_machine *m);
/* When it last came to its site. */
us_t sim_machine_since(const struct sim_machine *m);
struct sim_machine *sim_machine_at(const struct sim *sim, size_t number);
size_t sim_machine_count(const struct sim *sim);
/* MAC in its ARP cache; zero when there is none. */
struct mac sim_arp_entry(const struct sim_machine *m, struct addr ip);
void sim_arp_set(struct sim_machine *m, struct addr ip, struct mac mac, bool is_static);
void sim_arp_flush(struct sim_machine *m);
/* No-op when there is no entry. */
void sim_arp_forget(struct sim_machine *m, struct addr ip);

/* One packet; its number.  Goes as soon as ARP allows. */
uint64_t sim_send(struct sim *sim, struct sim_machine *from, struct addr to);
/* The same with this TTL and this many bytes in all, DF set or not. */
uint64_t sim_send_as(struct sim *sim, struct sim_machine *from, struct addr to, uint8_t ttl,
		     size_t size, bool dont_fragment);
/* Any IP packet, to the next hop that its destination has. */
void sim_send_raw(struct sim *sim, struct sim_machine *from, const uint8_t *packet, size_t size);
/* The same for a TCP super-frame of segments of 'gso_size'. */
void sim_send_super(struct sim *sim, struct sim_machine *from, const uint8_t *packet, size_t size,
		    uint16_t gso_size);
/* An ARP message of the machine; 'spa' may be unspecified, for a probe. */
void sim_send_arp(struct sim_machine *m, uint16_t op, struct mac to, struct addr spa,
		  struct addr tpa);
/* How often the packet has reached the machine that it was for. */
unsigned sim_received(const struct sim *sim, uint64_t packet);
/* A packet every 'interval' until 'sim_hush()'. */
void sim_talk(struct sim *sim, struct sim_machine *from, struct sim_machine *to, us_t interval);
void sim_hush(struct sim_machine *from);

struct sim_machine_stats {
	uint64_t sent, received;
	us_t last_received;
	uint8_t last_ttl;
	uint64_t arp_replies, icmp_errors;
	uint64_t conflicts; /* ARP of another MAC with its own address */
	uint8_t last_icmp_type, last_icmp_code;
	uint16_t last_icmp_mtu;
	struct addr last_icmp_from;
	uint8_t packet[1600]; /* the last IP packet that was not one of sim_send()'s */
	size_t packet_size;
	struct arp arp; /* the last ARP message */
};
const struct sim_machine_stats *sim_stats(const struct sim_machine *m);

/* ---- what must hold (check.c) ---- */

/* Who owns the EID in this router's eyes; SIZE_MAX for nobody. */
size_t sim_owner(const struct sim *sim, size_t router, vn_id_t vn, struct addr ip);
/* Does every running router of the VN say that the machine is where it stands, in HWDT and GNDT? */
bool sim_all_know(struct sim *sim, const struct sim_machine *m);
/* The same for every machine, and nothing else is in any table; notes a fault otherwise. */
bool sim_all_agree(struct sim *sim);
/* A number that changes when any binding in any router's HWDT does. */
uint64_t sim_tables(const struct sim *sim);
/* Alarms of this router that begin with 'text'. */
size_t sim_alarms(const struct sim *sim, size_t router, const char *text);
/* How many moves of this EID the router has recorded. */
size_t sim_moves(const struct sim *sim, size_t router, struct addr ip);
uint64_t sim_drops(const struct sim *sim, size_t router, enum vr_drop reason);

#endif
