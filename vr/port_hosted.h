/* What ports with one host, the machine that the router runs on, have in common: a TUN or TAP device, and the addresses and
 * routes of that machine on a link.  Their struct begins with a hosted_port.  Included by the
 * port's own files only. */
#ifndef VR_PORT_HOSTED_H
#define VR_PORT_HOSTED_H

#include "vr/netlink.h"
#include "vr/port_host.h"
#include "vr/port_kind.h"
#include "vr/tun.h"

struct hosted_port {
	struct port base;
	const struct hosted_parts *parts;
	struct port_host_copy host;
	struct netlink *nl;
	struct netlink_watch *watch;
	struct tun *tun;          /* NULL while a device is gone */
	const char *name;         /* of the TUN or TAP device; the kind's own */
	struct netlink_link link; /* with the host's addresses, as the kernel said last */
	bool has_news, must_look; /* by what is being read */
	bool is_again;            /* what is wrong has been said */
};

/* What differs. */
struct hosted_parts {
	/* Makes the devices, 'tun' and 'link', or nothing; 0 or -errno. */
	int (*open)(struct hosted_port *p);
	/* Keeps their counters. */
	void (*close)(struct hosted_port *p);
	/* With open devices: are all still there, and together? */
	bool (*is_whole)(const struct hosted_port *p);
	/* Sets has_news, or must_look when the kernel is to be asked; 'ctx' is the port. */
	netlink_watch_fn *heard;
	/* Asks the kernel what has become of the devices. */
	void (*look)(struct hosted_port *p);
	/* A frame of the host's; 'ctx' is the port. */
	tun_fn *frame;
	/* The open device has the host's addresses now, and had those of 'before'; may be NULL. */
	void (*readdressed)(struct hosted_port *p, const struct port_host *before);
};

/* Everything up to open devices.  0 or -errno; hosted_fini() comes next in any case, after the devices are closed. */
MUST_USE int hosted_init(struct hosted_port *p, const struct port_conf *conf);
void hosted_fini(struct hosted_port *p);

/* As the functions of struct port_kind. */
int hosted_bulk_fd(const struct port *base);
int hosted_link_event_fd(const struct port *base);
void hosted_bulk_readable(struct port *base, us_t now);
void hosted_link_event_readable(struct port *base, us_t now);
us_t hosted_run(struct port *base, us_t now);
int hosted_host_set(struct port *base, const struct port_host *host);
int hosted_send(struct port *base, struct frame *f);
void hosted_flush(struct port *base);
/* Of the TUN or TAP device. */
void hosted_stats(struct port *base, struct port_stats *out);

/* Hands up what the host has sent. */
void hosted_frame(struct hosted_port *p, struct frame *f);
/* The link of this name, as it is now; index 0: not there, or another one than 'index'. */
struct netlink_link hosted_look(struct hosted_port *p, const char *name, int index);
/* No IPv6 on the TUN or TAP device: a machine that uses it on all links would speak of itself at once. */
void hosted_silence_ip6(struct hosted_port *p);
/* The device that was opened: what base.vnet_hdr and base.udp_super say, and its MTU. */
void hosted_opened(struct hosted_port *p, uint16_t mtu);

#endif
