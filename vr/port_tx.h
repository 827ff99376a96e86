/* The bulk frames on their way out of a port: joined into super-frames where the kernel takes
 * them, cut into packets where it does not, and written in batches.
 *
 * Frames of one TCP flow leave in the order they came in; frames of different flows may change
 * places within a batch.  Nothing blocks: what the socket does not take is dropped and counted. */
#ifndef VR_PORT_TX_H
#define VR_PORT_TX_H

#include "base/err.h"
#include "base/frame.h"
#include "base/types.h"

struct port_tx;

struct port_tx_conf {
	int fd;         /* borrowed: a datagram-like socket, one message is one frame */
	bool is_tun;    /* it is a TUN or TAP device, which takes one frame with each writev() */
	bool bare_ip;   /* it is a TUN device: packets go out without their Ethernet header */
	bool vnet_hdr;  /* each message begins with a virtio_net_hdr */
	bool udp_super; /* with vnet_hdr: UDP super-frames may go out whole */
	uint16_t mtu;   /* largest IP packet of the device */
};

struct port_tx_stats {
	uint64_t frames; /* as they were given to us */
	uint64_t bytes;
	uint64_t drop_tx;
	uint64_t drop_too_large;
	uint64_t drop_malformed;
	bool udp_super; /* still: the kernel may refuse the first one */
};

MUST_USE int port_tx_create(const struct port_tx_conf *conf, struct port_tx **out);
void port_tx_destroy(struct port_tx *tx);
/* Of frames that are sent from now on. */
void port_tx_set_mtu(struct port_tx *tx, uint16_t mtu);

/* 'f->data' is at the Ethernet header; its bytes must stay valid until the flush, which may happen
 * in here.  0; -EMSGSIZE: larger than the MTU and not to be cut; -EBADMSG: what the frame says
 * of its checksum or segments does not fit its headers; -ENOBUFS: not taken. */
MUST_USE int port_tx_send(struct port_tx *tx, struct frame *f);
void port_tx_flush(struct port_tx *tx);
void port_tx_stats(const struct port_tx *tx, struct port_tx_stats *out);

#endif
