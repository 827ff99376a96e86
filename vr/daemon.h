/* The daemon around one router: real ports, the tunnel, the control socket, the state file, the clock.
 *
 * Everything is created in daemon_create() and taken down in order in daemon_destroy(), which
 * leaves the LAN
 * and the kernel as they were found. */
#ifndef VR_DAEMON_H
#define VR_DAEMON_H

#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "vr/loop.h"
#include "vr/port.h"
#include "vr/state.h"
#include "vr/tunnel.h"
#include "vr/vr.h"

struct ctl;
struct ctl_command;
struct daemon;

struct daemon_port {
	struct daemon *daemon;
	struct port *port;
	vn_id_t vn;
};

struct daemon_peer {
	uint32_t slot;
	uint8_t public_key[CONF_KEY_SIZE];
	struct vr_id id;
	uint64_t heard_floor; /* from the state file */
};

struct daemon {
	char *file;        /* of the configuration */
	struct conf *conf; /* in force */
	struct log *log;
	struct loop *loop;
	struct loop_timer *vr_timer, *tunnel_timer, *ctl_timer, *state_timer;
	struct vr *vr;
	struct tunnel *tunnel;
	struct ctl *ctl;
	struct state *state;
	struct daemon_port *ports; /* one per VN */
	size_t port_count;
	struct daemon_peer *peers; /* in the order of conf.peers */
	size_t peer_count;
	uint8_t public_key[CONF_KEY_SIZE];
	struct vr_id self;
	us_t started;
	us_t vr_due;
	uint64_t event_move;   /* last move record that monitors got */
	uint64_t event_cursor; /* of the change feed, for monitors */
	bool state_waits;
	us_t state_written;   /* when the last text was handed to the thread */
	uint64_t clock_floor; /* from the state file */
};

/* Consumes 'conf' (from malloc), also on failure.  0 and '*out', or -errno with the cause logged. */
MUST_USE int daemon_create(const char *file, struct conf *conf, struct log *log,
			   struct daemon **out);
void daemon_destroy(struct daemon *d);
/* Runs until SIGTERM or SIGINT. */
void daemon_run(struct daemon *d);

/* What a reload did, line by line: what changed, and what cannot be changed without a restart. */
struct daemon_reload {
	char text[4096];
	size_t used;
	bool refused; /* nothing was changed */
};
/* Reads the file again (reload.c). */
void daemon_reload(struct daemon *d, struct daemon_reload *result, us_t now);
/* Logs all counters, for SIGUSR1. */
void daemon_dump(const struct daemon *d);
/* The id that a public key stands for. */
struct vr_id daemon_id(const uint8_t public_key[CONF_KEY_SIZE]);

/* Adds a peer that the router has a slot for to the tunnel.  0 or -errno. */
MUST_USE int daemon_tunnel_peer(struct daemon *d, const struct conf_peer *conf,
				const struct daemon_peer *peer, us_t now);

/* Events (daemon_events.c): what stands between the router and its devices, and the loop's callbacks. */
extern const struct vr_io daemon_vr_io;
extern const struct tunnel_ops daemon_tunnel_ops;
extern const struct port_ops daemon_port_ops;
/* Timers first: what is created later may set them.  0 or -ENOMEM. */
MUST_USE int daemon_timers(struct daemon *d);
MUST_USE int daemon_watch(struct daemon *d);
/* Runs what an event started and sets the timers. */
void daemon_step(struct daemon *d, us_t now);
/* Everything queued for the LANs and the underlay leaves. */
void daemon_flush(struct daemon *d);

/* The state file (daemon_state.c).  0 or -errno. */
MUST_USE int daemon_state_open(struct daemon *d);
MUST_USE int daemon_state_recall(struct daemon *d);
void daemon_state_write(struct daemon *d);

/* The control commands (ctl_cmds.c): their context is the daemon. */
const struct ctl_command *daemon_commands(size_t *count);
MUST_USE int daemon_ctl_create(struct daemon *d);
/* Hands new changes to monitors. */
void daemon_ctl_events(struct daemon *d);

#endif
