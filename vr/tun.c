/* /dev/net/tun: see tun.h. */
#include "vr/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <linux/if_tun.h>

#include "vr/port_tx.h"
#include "vr/port_vnet.h"
#include "wire/eth.h"

/* Since Linux 6.2, which is younger than the headers that we may be built with. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define BATCH 32

/* The packet starts aligned behind the Ethernet header. */
#define FRAME_AT    (FRAME_HEADROOM + 2)
#define BUFFER_SIZE (FRAME_AT + FRAME_SIZE_MAX)

struct tun {
	struct tun_conf conf;
	int fd;
	bool vnet_hdr, udp_super;
	struct port_tx *tx;
	struct tun_stats stats;
	uint8_t buffer[BUFFER_SIZE];
};

/* What the kernel shall leave undone in packets that it hands over: as much as it knows of. */
static void
set_offloads(struct tun *t)
{
	static const unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	const unsigned sets[] = {tcp | TUN_F_USO4 | TUN_F_USO6, tcp, TUN_F_CSUM};
	size_t i = t->conf.udp_super ? 0 : 1;

	for (; t->vnet_hdr && i < ARRAY_COUNT(sets); i++)
		if (ioctl(t->fd, TUNSETOFFLOAD, sets[i]) == 0)
			break;
	t->udp_super = t->vnet_hdr && i == 0;
}

static int
make_device(struct tun *t)
{
	unsigned flags = (t->conf.is_tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI | IFF_TUN_EXCL,
		 features = 0;
	struct ifreq request = {.ifr_flags = 0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", t->conf.name);
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0)
		return -errno;
	t->vnet_hdr = t->conf.vnet_hdr && ioctl(t->fd, TUNGETFEATURES, &features) == 0 &&
		      (features & IFF_VNET_HDR) != 0;
	if (t->vnet_hdr)
		flags |= IFF_VNET_HDR;
	request.ifr_flags = (short)flags;
	if (ioctl(t->fd, TUNSETIFF, &request) < 0)
		return errno == EBUSY ? -EEXIST : -errno;
	set_offloads(t);
	return 0;
}

int
tun_create(const struct tun_conf *conf, struct tun **out)
{
	struct tun *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return -ENOMEM;
	t->conf = *conf;
	rc = make_device(t);
	t->conf.name = NULL;
	if (rc == 0) {
		struct port_tx_conf tx = {.fd = t->fd,
					  .is_tun = true,
					  .bare_ip = !conf->is_tap,
					  .vnet_hdr = t->vnet_hdr,
					  .udp_super = t->udp_super,
					  .mtu = conf->mtu};

		rc = port_tx_create(&tx, &t->tx);
	}
	if (rc < 0) {
		tun_destroy(t);
		return rc;
	}
	*out = t;
	return 0;
}

void
tun_destroy(struct tun *t)
{
	if (t == NULL)
		return;
	port_tx_destroy(t->tx);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

int
tun_fd(const struct tun *t)
{
	return t->fd;
}

bool
tun_has_vnet_hdr(const struct tun *t)
{
	return t->vnet_hdr;
}

bool
tun_has_udp_super(const struct tun *t)
{
	struct port_tx_stats tx;

	port_tx_stats(t->tx, &tx);
	return tx.udp_super;
}

void
tun_set_mtu(struct tun *t, uint16_t mtu)
{
	t->conf.mtu = mtu;
	port_tx_set_mtu(t->tx, mtu);
}

int
tun_frame(const struct tun_conf *conf, struct virtio_net_hdr *h, uint8_t *packet, size_t size,
	  struct frame *out)
{
	struct eth eth = {.dst = conf->router, .src = conf->host, .type = ETH_IP4};

	if (size == 0 || (packet[0] >> 4 != 4 && packet[0] >> 4 != 6))
		return -EBADMSG;
	if (packet[0] >> 4 == 6)
		eth.type = ETH_IP6;
	*out = (struct frame){.data = packet - ETH_SIZE, .size = size + ETH_SIZE};
	eth_build(&eth, out->data);
	/* The kernel counts from its packet, everybody else from the frame. */
	h->csum_start = (uint16_t)(h->csum_start + ETH_SIZE);
	return port_vnet_parse(h, out);
}

/* 1 for a frame that is left alone. */
static int
tap_frame(struct tun *t, const struct virtio_net_hdr *h, size_t size, struct frame *out)
{
	struct eth eth;

	*out = (struct frame){.data = t->buffer + FRAME_AT, .size = size};
	if (eth_parse(out->data, size, &eth) != 0)
		return -EBADMSG;
	if (mac_equal(eth.src, t->conf.router)) {
		t->stats.rx_echoes++;
		return 1;
	}
	switch (eth.type) {
	case ETH_IP4:
	case ETH_IP6:
		return port_vnet_parse(h, out);
	case ETH_ARP:
	case ETH_RARP:
		return 0;
	case ETH_VLAN:
	case ETH_QINQ_OLD:
		t->stats.drop_vlan++;
		return 1;
	default:
		return 1;
	}
}

static void
handle(struct tun *t, struct virtio_net_hdr *h, size_t size, tun_fn *fn, void *ctx)
{
	struct frame f;
	int rc;

	if (t->conf.is_tap)
		rc = tap_frame(t, h, size, &f);
	else
		rc = tun_frame(&t->conf, h, t->buffer + FRAME_AT + ETH_SIZE, size, &f);
	if (rc < 0)
		t->stats.drop_malformed++;
	if (rc != 0)
		return;
	t->stats.rx_frames++;
	t->stats.rx_bytes += f.size;
	fn(ctx, &f);
}

int
tun_read(struct tun *t, tun_fn *fn, void *ctx)
{
	size_t at = FRAME_AT + (t->conf.is_tap ? 0 : ETH_SIZE);
	size_t room = BUFFER_SIZE - at;
	size_t extra = t->vnet_hdr ? sizeof(struct virtio_net_hdr) : 0;

	for (unsigned i = 0; i < BATCH; i++) {
		struct virtio_net_hdr h = {0};
		struct iovec iov[] = {{&h, extra}, {t->buffer + at, room}};
		ssize_t n = readv(t->fd, iov, ARRAY_COUNT(iov));

		if (n < 0 && errno == EINVAL) {
			/* A super-frame that this kernel cannot describe; it is gone. */
			t->stats.drop_kernel++;
			continue;
		}
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0
			       : errno == EBADFD                 ? -ENODEV
								 : -errno;
		if ((size_t)n > extra && (size_t)n - extra <= room)
			handle(t, &h, (size_t)n - extra, fn, ctx);
		else
			t->stats.drop_malformed++;
	}
	return 0;
}

int
tun_send(struct tun *t, struct frame *f)
{
	return port_tx_send(t->tx, f);
}

int
tun_inject(struct tun *t, const uint8_t *frame, size_t size)
{
	struct virtio_net_hdr h = {0};
	uint8_t copy[TUN_INJECT_MAX];
	struct iovec iov[] = {{&h, t->vnet_hdr ? sizeof(h) : 0}, {copy, size}};

	if (size > sizeof(copy))
		return -EMSGSIZE;
	memcpy(copy, frame, size);
	return writev(t->fd, iov, ARRAY_COUNT(iov)) < 0 ? -errno : 0;
}

void
tun_flush(struct tun *t)
{
	port_tx_flush(t->tx);
}

void
tun_stats(const struct tun *t, struct tun_stats *out)
{
	struct port_tx_stats tx;

	port_tx_stats(t->tx, &tx);
	*out = t->stats;
	out->tx_frames = tx.frames;
	out->tx_bytes = tx.bytes;
	out->drop_tx = tx.drop_tx;
	out->drop_too_large = tx.drop_too_large;
	out->drop_malformed += tx.drop_malformed;
}
