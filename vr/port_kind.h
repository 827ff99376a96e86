/* What the kinds of ports have in common: the struct that each begins with, the table of functions behind vr/port.h, and
 * what follows when a device comes, goes or changes.  Included by the port's own files only. */
#ifndef VR_PORT_KIND_H
#define VR_PORT_KIND_H

#include "vr/port.h"
#include "vr/port_link.h"

/* What could not be opened is tried again so often. */
#define PORT_RETRY_PACE (1 * US_S)

/* Every kind's struct begins with this. */
struct port {
	const struct port_kind *kind;
	struct port_conf conf; /* without 'device', 'guard' and 'host' */
	char *device;
	const struct port_ops *ops;
	void *ctx;
	struct log *log;
	struct mac mac; /* the router's */
	uint16_t mtu;
	bool vnet_hdr, udp_super;   /* as of the open device, or of the last one */
	enum port_link_state state; /* as it was said last */
	us_t retry;                 /* US_NEVER: nothing to try */
	struct port_stats counted;  /* by the port itself, and by devices that were closed */
	struct log_gate gate;       /* for a device that fails */
	us_t now;                   /* of the call in progress */
};

/* Each does what the function of its name in port.h promises, except where it says otherwise; a NULL one is not for this
 * kind. */
struct port_kind {
	size_t size; /* of the kind's struct */
	/* The first part of the struct is filled, the rest is zero.  0 or -errno: then, too, close() comes next. */
	int (*open)(struct port *p, const struct port_conf *conf);
	/* Gives back everything but the memory of the struct and of its first part. */
	void (*close)(struct port *p);
	int (*bulk_fd)(const struct port *p);
	int (*control_fd)(const struct port *p);
	int (*link_event_fd)(const struct port *p);
	void (*bulk_readable)(struct port *p, us_t now);
	void (*control_readable)(struct port *p, us_t now);
	bool (*bulk_conf)(const struct port *p, struct port_packet_conf *out);
	int (*bulk_hear)(struct port *p, bool hears);
	void (*link_event_readable)(struct port *p, us_t now);
	us_t (*run)(struct port *p, us_t now);
	int (*guard_set)(struct port *p, const struct prefix *prefixes, size_t count);
	int (*host_set)(struct port *p, const struct port_host *host);
	int (*send)(struct port *p, struct frame *f);
	void (*flush)(struct port *p);
	int (*inject)(struct port *p, const uint8_t *frame, size_t size);
	enum port_link_state (*state)(const struct port *p);
	/* Adds what the open devices have counted. */
	void (*stats)(struct port *p, struct port_stats *out);
};

extern const struct port_kind port_lan_kind, port_tun_kind, port_tap_kind;

/* "up", "down" or "gone". */
const char *port_state_name(enum port_link_state state);

/* Before the descriptors are closed. */
void port_closing(struct port *p);
/* After anything that the owner is told of: says the state where it is another one, and hands it up. */
void port_changed(struct port *p);
/* The device's MTU, and whether it still takes UDP super-frames; another one is logged, the latter under the name of the
 * device that sends.  port_follow_mtu() returns true when there is another one. */
bool port_follow_mtu(struct port *p, uint16_t mtu);
void port_follow_udp_super(struct port *p, const char *device, bool has);
/* The device that is about to be closed takes no count with it. */
void port_keep_stats(struct port *p);
/* The device's error -errno, logged now and then. */
void port_failed(struct port *p, const char *device, int err);
/* Counts what cannot be sent without a device: -ENETDOWN. */
int port_refuse(struct port *p);
/* Counts what was injected with this result, which is returned. */
int port_injected(struct port *p, int rc);

#endif
