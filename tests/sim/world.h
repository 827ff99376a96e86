/* The inside of the world, shared by the files of the simulation. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "tests/sim/sim.h"
#include "wire/ip.h"

#define FRAME_ROOM 2048

/* ---- events ---- */

struct event {
	struct event *next_free;
	void (*run)(struct sim *sim, struct event *e);
	uint8_t *bytes; /* freed with the event */
	size_t size;
	void (*call)(struct sim *sim, void *arg, uint64_t number);
	void *arg;
	uint64_t number;
	uint32_t from, to, keys, port;
	vn_id_t vn;
	struct seal_inner inner;
	struct frame frame; /* what came with a data frame, without its bytes */
};

/* A row of the heap: what is compared stands in it, for there are tens of thousands of them. */
struct due {
	us_t at;
	uint64_t order; /* of events at the same time: as they were made */
	struct event *event;
};

/* A fresh event that runs after 'delay'; 'bytes' are copied. */
struct event *event_add(struct sim *sim, us_t delay, void (*run)(struct sim *, struct event *),
			const void *bytes, size_t size);

/* ---- routers ---- */

struct saved {
	struct binding *rows;
	size_t count, room;
};

struct node {
	struct sim *sim;
	uint32_t index;
	struct vr *vr; /* NULL: down */
	struct conf conf;
	struct vr_id id;
	us_t clock; /* its clock is so far ahead of the world's */
	us_t timer; /* when vr_run() is called next; US_NEVER: not at all */
	uint32_t life;
	uint64_t changes;              /* shown so far */
	uint32_t *slot_of, *router_of; /* by router, by slot */
	uint32_t *keys;                /* with each router; 0: none */
	uint32_t *old_keys;
	us_t *last_sent; /* when the last message to each router arrives: the order is kept */
	uint64_t *data_sent;
	struct saved saved;
	bool save_due;
	struct lan *lans; /* of each VN; NULL machines when not in it */
};

void node_init(struct sim *sim, size_t index);
void node_fini(struct node *node);
/* Runs what the last event has started, and arms the timer. */
void node_settle(struct node *node);
us_t node_now(const struct node *node);
struct node *node_at(const struct sim *sim, size_t index);

/* ---- configuration ---- */

void make_conf(struct sim *sim, struct node *node);
void free_conf(struct sim *sim, struct node *node);

/* ---- underlay ---- */

int net_data(struct node *node, uint32_t slot, const struct seal_inner *inner, struct frame *f);
int net_sync(struct node *node, uint32_t slot, const uint8_t *msg, size_t size);
/* The router has started: it wants keys with everybody. */
void net_greet(struct sim *sim, struct node *node);

/* ---- LANs ---- */

#define LAN_FDB_MAX 64

struct fdb_row {
	struct mac mac;
	uint32_t port;
	us_t at;
};

struct lan {
	vn_id_t vn;
	uint32_t site;
	bool exists;
	struct fdb_row fdb[LAN_FDB_MAX];
	size_t fdb_count;
	struct sim_machine *machines; /* that stand here */
	/* That are at home here, by the last byte of their address. */
	const struct sim_machine *natives[256];
	uint32_t last_port;
};

struct lan *lan_at(const struct sim *sim, vn_id_t vn, size_t site);
/* A frame enters the switch; port 0 is the router's. */
void lan_frame(struct sim *sim, struct lan *lan, uint32_t port, const struct frame *meta,
	       const uint8_t *bytes, size_t size);

/* ---- machines ---- */

void machine_frame(struct sim *sim, struct sim_machine *m, const uint8_t *frame, size_t size);
uint32_t machine_port(const struct sim_machine *m);
struct sim_machine *machine_next(const struct sim_machine *m);
void machine_free(struct sim_machine *m);

/* Behind the UDP header of every packet that machines send. */
struct mark {
	uint32_t magic, vn;
	uint64_t packet;
};

/* False when the packet is none of theirs. */
bool mark_read(const uint8_t *packet, size_t size, const struct ip *ip, struct mark *mark);

/* ---- what no router may do (watch.c) ---- */

/* A frame and an ARP or claim frame that the router of 'site' puts on its LAN of this VN, and a
 * packet of this VN that it sends to another router.  A fault is noted. */
void watch_frame(struct sim *sim, vn_id_t vn, size_t site, const uint8_t *frame, size_t size);
void watch_control(struct sim *sim, vn_id_t vn, size_t site, const uint8_t *frame, size_t size);
void watch_link(struct sim *sim, vn_id_t vn, size_t site, const uint8_t *packet, size_t size);

/* ---- the world ---- */

struct packet_row {
	uint32_t received;
	uint32_t lan; /* on which a router put it last: site + 1 */
};

struct sim {
	struct sim_params params;
	us_t now;
	uint64_t random[2];
	uint64_t order;
	struct due *heap;
	size_t heap_count, heap_room;
	struct event *free_events;
	struct node *nodes;
	struct conf_mobile mobile[SIM_VNS_MAX];
	struct prefix subnet; /* of the stretched layout */
	uint32_t last_keys;
	us_t *delays;
	uint8_t *cuts;
	bool trace;
	bool (*pass)(void *arg, size_t from, size_t to, const struct sync_msg *msg);
	void *pass_arg;
	bool (*tap)(void *arg, size_t from, size_t to, const struct seal_inner *inner,
		    const struct frame *f);
	void *tap_arg;
	struct sim_machine **machines;
	size_t machine_count, machine_room;
	struct packet_row *packets;
	size_t packet_count, packet_room;
	char fault[512];
};

#endif
