/* Bulk frames of one device: an AF_PACKET socket that hears IPv4 and IPv6 and sends anything.
 *
 * Heard are frames from others only: what this host sends is left out, what comes back with our own
 * source MAC is counted as an echo, what carries a VLAN tag is counted and left alone (a priority
 * tag of VLAN 0 is no VLAN).  The device is promiscuous for as long as the socket lives. */
#ifndef VR_PORT_PACKET_H
#define VR_PORT_PACKET_H

#include "base/err.h"
#include "base/frame.h"
#include "base/types.h"

struct port_packet;

struct port_packet_conf {
	int index;      /* of the device */
	struct mac mac; /* frames with this source are echoes */
	uint16_t mtu;
	bool vnet_hdr;  /* ask for super-frames whole; see port_packet_has_vnet_hdr() */
	bool udp_super; /* UDP super-frames may be sent whole, where the kernel can */
	/* The kernel leaves out what this host sends, where it can; false: the filter does it. */
	bool ignore_outgoing;
	/* One of several sockets, each of which hears some of the flows (packet_fanout): the first of a new group, or another
	 * one of 'fanout_group' (port_packet_fanout(), which may be 0).  It hears nothing before
	 * port_packet_hear(). */
	enum port_fanout { PORT_FANOUT_NONE = 0, PORT_FANOUT_FIRST, PORT_FANOUT_NEXT } fanout;
	uint16_t fanout_group;
};

struct port_packet_stats {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t rx_echoes, drop_vlan, drop_kernel, drop_tx, drop_malformed, drop_too_large;
};

/* Called for each frame: 'f->data' at its Ethernet header, FRAME_HEADROOM bytes free in front. */
typedef void port_packet_fn(void *ctx, struct frame *f);

MUST_USE int port_packet_create(const struct port_packet_conf *conf, struct port_packet **out);
void port_packet_destroy(struct port_packet *pp);

int port_packet_fd(const struct port_packet *pp);
bool port_packet_has_vnet_hdr(const struct port_packet *pp);
/* Do UDP super-frames go out whole?  The kernel may refuse the first one. */
bool port_packet_has_udp_super(const struct port_packet *pp);
bool port_packet_ignores_outgoing(const struct port_packet *pp);
/* The device has changed.  Not while frames are queued.  The MAC: 0 or -errno with nothing changed. */
void port_packet_set_mtu(struct port_packet *pp, uint16_t mtu);
MUST_USE int port_packet_set_mac(struct port_packet *pp, struct mac mac);
/* Whether it hears anything at all; what it has heard already is still handed up.  0 or -errno. */
MUST_USE int port_packet_hear(struct port_packet *pp, bool hears);
uint16_t port_packet_fanout(const struct port_packet *pp);
/* Hands up at most one batch.  The frames stay valid until the next call.  0, or -errno when the
 * device failed (-ENETDOWN, -ENODEV); frames read before that were handed up. */
MUST_USE int port_packet_read(struct port_packet *pp, port_packet_fn *fn, void *ctx);
/* As port_tx_send() and port_tx_flush(). */
MUST_USE int port_packet_send(struct port_packet *pp, struct frame *f);
void port_packet_flush(struct port_packet *pp);
void port_packet_stats(struct port_packet *pp, struct port_packet_stats *out);

#endif
