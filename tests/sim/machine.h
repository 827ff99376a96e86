/* What the files of the machines share: a machine, and the way from one part of it to another. */
#ifndef TESTS_SIM_MACHINE_H
#define TESTS_SIM_MACHINE_H

#include "tests/sim/world.h"

#define ARP_MAX     32
#define WAITING_MAX 8
#define TALKS_MAX   16

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

/* The machine runs at this site from now on; or it is on no LAN. */
void machine_attach(struct sim_machine *m, size_t site);
void machine_detach(struct sim_machine *m);
/* Puts the frame on the machine's LAN, unless it does not run. */
void machine_send_frame(struct sim_machine *m, const uint8_t *frame, size_t size);
/* An ARP message, or something else that looks like one, has come. */
void machine_hear_arp(struct sim_machine *m, const uint8_t *frame, size_t size);
/* Sends the packet to the next hop, at once or when that has said what its MAC is. */
void machine_send_via(struct sim_machine *m, struct addr hop, const uint8_t *packet, size_t size);

#endif
