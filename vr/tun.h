/* A TUN or TAP device: made, read and written.  With TUN:  The kernel's packets come up as Ethernet frames from one MAC, the
 * host's, to another, the router's; frames go down without their Ethernet header.
 *
 * Super-frames and unfinished checksums pass whole in both directions where the kernel can describe
 * them.
 * The device is gone when it is closed, also by a kill. */
#ifndef VR_TUN_H
#define VR_TUN_H

#include <linux/virtio_net.h>

#include "base/err.h"
#include "base/frame.h"
#include "base/types.h"

struct tun;

struct tun_conf {
	const char *name; /* borrowed for the call */
	/* TAP: Ethernet frames as they are, ARP too.  Those from the router's MAC are echoes, those with a VLAN tag are
	 * left alone; both are counted. */
	bool is_tap;
	struct mac host, router; /* 'host': TUN only */
	uint16_t mtu;   /* largest packet that is sent; the device's own is set elsewhere */
	bool vnet_hdr;  /* false: the kernel shall hand over finished packets */
	bool udp_super; /* false: UDP never as super-frames */
};

struct tun_stats {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t drop_kernel; /* what the kernel could not describe */
	uint64_t drop_tx, drop_malformed, drop_too_large;
	uint64_t rx_echoes, drop_vlan;
};

typedef void tun_fn(void *ctx, struct frame *f);

/* The device is down and has no addresses.  0; -EEXIST: there is a device of this name; -EPERM: no
 * CAP_NET_ADMIN; -ENOENT, -ENODEV: no /dev/net/tun; another -errno. */
MUST_USE int tun_create(const struct tun_conf *conf, struct tun **out);
void tun_destroy(struct tun *t);

int tun_fd(const struct tun *t);
bool tun_has_vnet_hdr(const struct tun *t);
/* Do UDP super-frames go to the kernel whole?  It may refuse the first one. */
bool tun_has_udp_super(const struct tun *t);
/* Of frames that are sent from now on.  Not while some are queued. */
void tun_set_mtu(struct tun *t, uint16_t mtu);
/* Hands up at most one batch; a frame, FRAME_HEADROOM bytes free in front, is valid to the end of 'fn'.  0;
 * -ENODEV: somebody has removed the device; another -errno. */
MUST_USE int tun_read(struct tun *t, tun_fn *fn, void *ctx);
/* As port_tx_send() and port_tx_flush(); with TUN the frame's MACs do not matter. */
MUST_USE int tun_send(struct tun *t, struct frame *f);
void tun_flush(struct tun *t);
#define TUN_INJECT_MAX 128
/* TAP: a small frame of any kind, at once.  0; -EMSGSIZE; another -errno. */
MUST_USE int tun_inject(struct tun *t, const uint8_t *frame, size_t size);
void tun_stats(const struct tun *t, struct tun_stats *out);

/* One packet of 'size' bytes as it was read, 'h' describing it, becomes a frame: the Ethernet header is
 * written in front of it.  'h' is changed.  0 or -EBADMSG: no IP packet, or not what 'h' says.  For
 * tun_read() and tests. */
MUST_USE int tun_frame(const struct tun_conf *conf, struct virtio_net_hdr *h, uint8_t *packet,
		       size_t size, struct frame *out);

#endif
