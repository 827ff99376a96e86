/* The kernel's virtio_net_hdr, which goes in front of every frame of a packet socket with
 * PACKET_VNET_HDR, to and from struct frame.  Pure functions. */
#ifndef VR_PORT_VNET_H
#define VR_PORT_VNET_H

#include <linux/virtio_net.h>

#include "base/err.h"
#include "base/frame.h"

/* Since Linux 6.2, which is younger than the headers that we may be built with. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* 'f->data' and 'f->size' are the Ethernet frame that came with the header; the rest is filled in.
 * A checksum that is unfinished but is no plain TCP or UDP one (SCTP, a tunnel's inner packet) is
 * finished here, in place, so that a partial checksum means the same thing everywhere.
 *
 * 0; -EBADMSG: the header does not fit the frame, or a kind of super-frame that nothing behind can
 * handle. */
MUST_USE int port_vnet_parse(const struct virtio_net_hdr *h, struct frame *f);
/* 'f->data' need only hold the headers: the payload may lie elsewhere, though 'f->size' counts it.
 * 0; -EBADMSG: gso or a partial checksum on something that is not TCP or UDP. */
MUST_USE int port_vnet_build(const struct frame *f, struct virtio_net_hdr *h);

#endif
