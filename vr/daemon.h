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

struct action_order;
struct ctl;
struct ctl_command;
struct ctl_port;
struct daemon;
struct daemon_lisp;
struct daemon_underlay;
struct lisp_made;
struct ms;
struct workers;

struct daemon_port {
	struct daemon *daemon;
	struct port *port;
	vn_id_t vn;
	bool is_watched; /* its descriptors are in the loop */
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
	struct loop_timer *vr_timer, *tunnel_timer, *ctl_timer, *state_timer, *port_timer,
		*workers_timer;
	struct vr *vr;
	struct tunnel *tunnel;
	struct workers *workers; /* NULL: none */
	struct ctl *ctl;
	struct ctl_port *ctl_port; /* NULL: none */
	struct state *state;
	struct daemon_lisp *lisp; /* NULL: no part in the mapping system */
	struct daemon_underlay *underlay;
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
	bool state_waits;      /* something has changed since the last writing began */
	bool state_walks;      /* one is under way, and has come so far through the HWDT: */
	size_t state_position;
	us_t state_written;    /* when the last one began */
	uint64_t clock_floor;  /* from the state file */
	uint64_t actions_seen; /* settled, and looked at by who waits for them */
};

/* Consumes 'conf' (from malloc), also on failure.  0 and '*out', or -errno with the cause logged. */
MUST_USE int daemon_create(const char *file, struct conf *conf, struct log *log,
			   struct daemon **out);
void daemon_destroy(struct daemon *d);
/* Runs until SIGTERM or SIGINT. */
void daemon_run(struct daemon *d);

/* What a reload did, line by line: what changed, and what cannot be changed without a restart. */
struct daemon_reload {
	const char *text; /* the last line is the verdict, and there even when memory is short */
	char *buffer;     /* what 'text' stands in, unless memory was short */
	size_t used, room;
	bool refused; /* nothing was changed */
};
/* Reads the file again (reload.c).  Give the result to daemon_reload_fini(). */
void daemon_reload(struct daemon *d, struct daemon_reload *result, us_t now);
void daemon_reload_fini(struct daemon_reload *result);
/* A peer that has answered nothing for so long may have lost its keys. */
static inline us_t
daemon_silence(const struct conf *conf)
{
	return 3 * conf->hello_interval;
}

/* Bytes a second that are relayed for each peer; 0: no limit. */
static inline uint64_t
daemon_relay_rate(const struct conf *conf)
{
	return (uint64_t)conf->relay.peer_mbps * (1000000 / 8);
}

/* Every reason for a drop, with its count and meaning (daemon_drops.c).  'where' and the texts are borrowed for the call. */
typedef void daemon_drop_fn(void *ctx, const char *where, const char *reason, uint64_t count,
			    const char *text);
void daemon_drops(const struct daemon *d, daemon_drop_fn *each, void *ctx);
/* Logs all counters, for SIGUSR1. */
void daemon_dump(const struct daemon *d);
/* What the configuration's checks need: see conf_read_with_key(). */
int daemon_public_key(const char *key_file, uint8_t public_key[CONF_KEY_SIZE]);
/* The port's kernel leaves alone what is the VN's by this configuration, or sends it there: with the "model"
 * "interface" it gets its addresses and routes.  0, or -errno with the cause logged; rules stay as
 * they were. */
MUST_USE int daemon_guard(struct daemon_port *p, const struct conf *conf, const struct conf_vn *vn);
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

/* Data workers (daemon_workers.c).  0 or -errno with the cause logged. */
unsigned daemon_workers_count(const struct conf *conf);
MUST_USE int daemon_workers_open(struct daemon *d);
MUST_USE int daemon_workers_watch(struct daemon *d);
/* Handles what they have handed over, and lets it leave. */
void daemon_workers_take(struct daemon *d, us_t now);

/* The state file (daemon_state.c).  0 or -errno. */
MUST_USE int daemon_state_open(struct daemon *d);
MUST_USE int daemon_state_recall(struct daemon *d);
/* Writes all at once. */
void daemon_state_write(struct daemon *d);
/* The same in small steps, one per turn of the loop; the first begins.  True when that was the last. */
bool daemon_state_step(struct daemon *d);

/* The mapping system (daemon_lisp.c).  Without "lisp" in the configuration all of these do nothing.
 * First keys and the map-server; when the state file was read, the xTR; last the sockets.  0 or
 * -errno with
 * the cause logged. */
MUST_USE int daemon_lisp_open(struct daemon *d);
MUST_USE int daemon_lisp_listen(struct daemon *d);
MUST_USE int daemon_lisp_start(struct daemon *d);
MUST_USE int daemon_lisp_watch(struct daemon *d);
void daemon_lisp_destroy(struct daemon *d);
/* A reload's first half reads what can be missing, with nothing changed: 0 and '*out' (NULL where there is nothing to
 * change), or -errno.  The second gives it to the map-server and the xTR, or frees it and leaves
 * them
 * as they were. */
MUST_USE int daemon_lisp_prepare(const struct daemon *d, const struct conf *new,
				 struct lisp_made **out);
MUST_USE int daemon_lisp_reload(struct daemon *d, struct lisp_made *made, us_t now);
void daemon_lisp_keep(struct daemon *d);
void daemon_lisp_recall(struct daemon *d, const struct state_row *row);
/* Does what is due and sets the timer. */
void daemon_lisp_step(struct daemon *d, us_t now);
void daemon_lisp_flush(struct daemon *d);
/* What was lost at the sockets for control messages. */
void daemon_lisp_drops(const struct daemon *d, daemon_drop_fn *each, void *ctx);
/* Control messages that wait leave. */
void daemon_lisp_mail(struct daemon *d);
struct plain *daemon_plain(const struct daemon *d);
/* NULL: not in this role. */
const struct ms *daemon_map_server(const struct daemon *d);
/* From the control socket of the receiver's family, with the next daemon_step() or daemon_flush().
 * False: there is none, or it cannot be sent. */
bool daemon_lisp_send(struct daemon *d, const struct endpoint *to, const uint8_t *msg, size_t size);

/* The host's addresses and routes (daemon_underlay.c), as soon as there is a tunnel.  0 or -errno with the cause logged. */
MUST_USE int daemon_underlay_open(struct daemon *d);
MUST_USE int daemon_underlay_watch(struct daemon *d);
void daemon_underlay_destroy(struct daemon *d);
/* For struct vr_io. */
MUST_USE int daemon_underlay_act(void *daemon, const struct action_order *order, uint32_t token,
				 us_t now);

/* The control commands (ctl_cmds.c): their context is the daemon. */
const struct ctl_command *daemon_commands(size_t *count);
MUST_USE int daemon_ctl_create(struct daemon *d);
/* The counters of "show stats" as one line of JSON; free it.  NULL when memory is short. */
char *daemon_ctl_stats(const struct daemon *d);
/* Hands new changes to monitors. */
void daemon_ctl_events(struct daemon *d);

#endif
