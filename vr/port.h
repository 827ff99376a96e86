/* A LAN port: what the router hears and says on one LAN segment.  There are three kinds: the LAN that is there
 * (port_lan.c), one that is made up, whose only host is the machine that the router runs on
 * (port_tun.c), and one between the router and that machine's bridge (port_tap.c).
 *
 * On a LAN:
 *
 * Control frames (ARP, RARP) come through libpcap, both directions, and are injected with libnet;
 * bulk
 * frames (IPv4, IPv6) come and go through AF_PACKET, whole super-frames where the kernel gives them
 * (PACKET_VNET_HDR).  On a Linux bridge the port adds a veth pair of its own to it and takes it
 * away
 * at the end; on a NIC or veth it opens the device.  With the NIC's own MAC it keeps the host's
 * kernel
 * from handling the VN's frames (a rule of its own, removed at the end).
 *
 * A port outlives its device: while that is gone what is sent is dropped and counted, and the port
 * opens again when a device of the name is back and up.
 *
 * With one host: the port makes a TUN device and gives the kernel addresses and routes on it.  What
 * the
 * kernel sends there comes up as frames from the host's MAC to the router's, and frames to the
 * host's MAC are
 * given to the kernel without their Ethernet header.  ARP requests for the host's addresses are
 * answered by
 * the port; each address is announced by gratuitous ARP when it is there.  A device that somebody
 * removes
 * is made anew.
 *
 * With one host that has a NIC: the port makes a TAP device and a bridge of it and the NIC
 * (vr/nic_bridge.h), and gives the kernel
 * addresses and routes on the bridge.  Frames pass between router and host, and between host and
 * LAN,
 * never between router and LAN.  Of what the host gets from the LAN the port hears ARP, and no
 * more. */
#ifndef VR_PORT_H
#define VR_PORT_H

#include "base/err.h"
#include "base/frame.h"
#include "base/log.h"
#include "base/types.h"
#include "conf/conf.h"

struct port;

/* The machine that the router runs on, as the only host of a LAN. */
struct port_host {
	struct mac mac;                       /* that it seems to have */
	uint16_t mtu;                         /* of the device */
	const struct conf_address *addresses; /* of IPv4, with the lengths of their subnets */
	size_t address_count;
	/* Of IPv4, through the device, ascending byte by byte; none stands twice or is a subnet of 'addresses'. */
	const struct prefix *routes;
	size_t route_count;
	/* Of packets by these routes: one of 'addresses'.  Family NONE: the kernel's choice, where the link has no other
	 * addresses. */
	struct addr source;
};

struct port_conf {
	unsigned number;    /* handed to the callbacks */
	const char *device; /* NIC, veth or bridge; copied */
	bool use_nic_mac;
	struct mac router_mac; /* without use_nic_mac */
	/* Kernel features; false: forced off, as where the kernel has none. */
	bool vnet_hdr;
	bool udp_super_frames;
	bool ignore_outgoing;
	bool nftables;
	bool nft_owner;
	/* With use_nic_mac: the VN's prefixes, which the kernel must leave alone (own addresses of the host
	 * excepted).  Copied. */
	const struct prefix *guard;
	size_t guard_count;
	/* NULL: the device is a LAN.  Otherwise a TUN device of this name is made: it must not be there.
	 * Copied.  Of the above, 'device', 'router_mac', 'vnet_hdr' and 'udp_super_frames' count.
	 */
	const struct port_host *host;
	/* With 'host': it is on a LAN, too, with this NIC ('device', which is there), and has its addresses on the NIC's
	 * bridge.  Its MAC and MTU are the bridge's. */
	bool nic;
};

struct port_ops {
	/* A bulk frame that came in: 'f->data' at the Ethernet header, at least FRAME_HEADROOM bytes free
	 * in front.  Never an own injection.  Valid to the end of the call. */
	void (*frame)(void *ctx, unsigned port, struct frame *f, us_t now);
	/* An ARP or RARP frame.  'outgoing': sent by this host (its kernel), not by us: own injections are recognised and
	 * left out. */
	void (*control)(void *ctx, unsigned port, const uint8_t *frame, size_t size, bool outgoing,
			us_t now);
	/* An ARP frame that the host got from its LAN, which the router is not on; with 'nic'. */
	void (*beside)(void *ctx, unsigned port, const uint8_t *frame, size_t size, us_t now);
	void (*batch_end)(void *ctx, us_t now);
	/* Both may be NULL.  'closing': the descriptors below are about to be closed.  'changed': the link, the MTU, the
	 * router's MAC or the descriptors may be others than before. */
	void (*closing)(void *ctx, unsigned port);
	void (*changed)(void *ctx, unsigned port, us_t now);
};

/* 0 and '*out', or -errno with the cause logged and everything undone. */
MUST_USE int port_create(const struct port_conf *conf, const struct port_ops *ops, void *ctx,
			 struct log *log, struct port **out);
/* Leaves the LAN and the kernel as they were found. */
void port_destroy(struct port *p);

/* -1 while the device is gone. */
int port_bulk_fd(const struct port *p);
int port_control_fd(const struct port *p);
/* Always there. */
int port_link_event_fd(const struct port *p);
/* Read and hand up a bounded batch. */
void port_bulk_readable(struct port *p, us_t now);
void port_control_readable(struct port *p, us_t now);
/* Reads what the kernel says of the device, and follows it. */
void port_link_event_readable(struct port *p, us_t now);
/* Tries again what failed when the device came back; when to be called next. */
us_t port_run(struct port *p, us_t now);

/* How data workers (vr/workers.h) open sockets of their own beside the port's; false: this port has no such sockets, or
 * its device is gone.  They hear in the port's place as soon as it is told to be deaf: 0 or -errno.
 */
struct port_packet_conf;
bool port_bulk_conf(const struct port *p, struct port_packet_conf *out);
MUST_USE int port_bulk_hear(struct port *p, bool hears);

/* With use_nic_mac: other prefixes that the kernel must leave alone from now on.  0, or -errno with the cause logged and
 * those before still in force. */
MUST_USE int port_guard_set(struct port *p, const struct prefix *prefixes, size_t count);

/* Other addresses and routes of a port with one host from now on; its MAC and MTU stay.  0, or -errno with the
 * cause logged: then what could be done is done. */
MUST_USE int port_host_set(struct port *p, const struct port_host *host);

/* Sends an Ethernet frame or super-frame.  TCP packets of one flow that follow each other are coalesced until
 * port_flush(): the frame's bytes must stay valid and unchanged until then.  A frame with a partial
 * checksum is
 * finished here when the port cannot finish it. 0; -ENOBUFS (counted), -EMSGSIZE (larger than the
 * LAN's MTU and no super-frame), -ENETDOWN (the device is gone; counted). */
MUST_USE int port_send(struct port *p, struct frame *f);
void port_flush(struct port *p);
/* Injects an ARP, RARP or claim frame at once.  0 or -errno. */
MUST_USE int port_inject(struct port *p, const uint8_t *frame, size_t size);

/* The MAC that the router uses here. */
struct mac port_mac(const struct port *p);
/* Largest IP packet on this LAN. */
uint16_t port_mtu(const struct port *p);
bool port_has_vnet_hdr(const struct port *p);
/* Do UDP super-frames go out whole? */
bool port_has_udp_super(const struct port *p);
bool port_is_up(const struct port *p);
/* "up", "down" (set down, or without carrier) or "gone" (no device of that name). */
const char *port_link_name(const struct port *p);

struct port_stats {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t rx_control, tx_control, rx_echoes;
	uint64_t drop_vlan;   /* tagged frames: counted, not handled */
	uint64_t drop_kernel; /* the kernel dropped before we read */
	uint64_t drop_tx;     /* the device did not take it */
	uint64_t drop_malformed;
	uint64_t drop_too_large;
};
void port_stats(struct port *p, struct port_stats *out);

#endif
