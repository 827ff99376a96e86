/* The packet socket: filter, batches of recvmmsg(), what the kernel says beside each frame. */
#include "vr/port_packet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "vr/port_tx.h"
#include "vr/port_vnet.h"
#include "wire/eth.h"
#include "wire/ip.h"

/* Frames of one call: many small ones, so that the call costs little; of large ones so few that they are
 * still in the processor's cache when they leave. */
#define BATCH       32
#define BATCH_LARGE 4
#define LARGE       8192

/* Behind the headroom the Ethernet header starts so that the IP header is aligned. */
#define DATA_AT     (FRAME_HEADROOM + 2)
#define BUFFER_SIZE 65664 /* DATA_AT and the largest frame, in whole cache lines */

/* Bursts of super-frames while the router is busy elsewhere. */
#define RX_BUFFER (16 << 20)
#define TX_BUFFER (8 << 20)

#define VLAN_ID_MASK 0xfff

_Static_assert(DATA_AT + FRAME_SIZE_MAX <= BUFFER_SIZE, "a frame of the largest size must fit");

struct port_packet {
	int fd;
	bool vnet_hdr;
	bool ignores_outgoing;
	bool is_deaf;
	struct port_packet_conf conf;
	struct port_packet_stats stats;
	struct port_tx *tx;
	uint8_t *buffers; /* BATCH times BUFFER_SIZE */
	unsigned batch;   /* how many are asked for next */
	struct virtio_net_hdr vnet[BATCH];
	struct iovec iov[BATCH][2];
	struct mmsghdr msg[BATCH];
	union {
		struct cmsghdr align;
		uint8_t room[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control[BATCH];
};

static int
set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* The kernel's part of the choice.  Echoes and tagged frames come up as well, for the counters, but
 * short: enough of them to be told apart. */
static int
attach_filter(int fd, struct mac mac)
{
	const uint8_t *m = mac.b;
	uint32_t mac_high =
		(uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 | (uint32_t)m[2] << 8 | m[3];
	uint32_t mac_low = (uint32_t)m[4] << 8 | m[5];
	enum { DROP = 18, SHORT = 19, WHOLE = 20 };
#define LOAD(width, at)     BPF_STMT(BPF_LD | BPF_ABS | (width), (uint32_t)(at))
#define IF(at, value, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, (t) - (at)-1, (f) - (at)-1)
#define RETURN(size)        BPF_STMT(BPF_RET | BPF_K, size)
	struct sock_filter code[] = {
		LOAD(BPF_W, SKF_AD_OFF + SKF_AD_PKTTYPE),
		IF(1, PACKET_OUTGOING, DROP, 2),
		LOAD(BPF_H, 12),
		IF(3, ETH_ARP, DROP, 4), /* tagged or not: libpcap hears those */
		IF(4, ETH_RARP, DROP, 5),
		LOAD(BPF_W, 6),
		IF(6, mac_high, 7, 9),
		LOAD(BPF_H, 10),
		IF(8, mac_low, SHORT, 9),
		LOAD(BPF_B, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
		IF(10, 0, 13, 11),
		LOAD(BPF_H, SKF_AD_OFF + SKF_AD_VLAN_TAG),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, VLAN_ID_MASK, SHORT - 12 - 1, 13 - 12 - 1),
		LOAD(BPF_H, 12),
		IF(14, ETH_IP4, WHOLE, 15),
		IF(15, ETH_IP6, WHOLE, 16),
		IF(16, ETH_VLAN, SHORT, 17),
		IF(17, ETH_QINQ_OLD, SHORT, DROP),
		RETURN(0),
		RETURN(ETH_SIZE + 4),
		RETURN(0x40000),
	};
	struct sock_fprog program = {.len = ARRAY_COUNT(code), .filter = code};
#undef LOAD
#undef IF
#undef RETURN

	_Static_assert(ARRAY_COUNT(code) == WHOLE + 1, "the jumps are counted by hand");
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

static int
attach_deaf_filter(int fd)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_fprog program = {.len = ARRAY_COUNT(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

static int
choose_filter(const struct port_packet *pp, struct mac mac)
{
	return pp->is_deaf ? attach_deaf_filter(pp->fd) : attach_filter(pp->fd, mac);
}

/* Both directions of a flow, and all its packets but fragments, come to the same socket of the group. */
static int
join_fanout(struct port_packet *pp)
{
	int type = PACKET_FANOUT_HASH, value;
	socklen_t size = sizeof(value);

	if (pp->conf.fanout == PORT_FANOUT_FIRST)
		type |= PACKET_FANOUT_FLAG_UNIQUEID;
	value = (pp->conf.fanout == PORT_FANOUT_FIRST ? 0 : pp->conf.fanout_group) | type << 16;
	if (setsockopt(pp->fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof(value)) < 0 ||
	    getsockopt(pp->fd, SOL_PACKET, PACKET_FANOUT, &value, &size) < 0)
		return -errno;
	pp->conf.fanout_group = (uint16_t)value;
	return 0;
}

static int
bind_device(int fd, int index)
{
	struct packet_mreq promiscuous = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) <
	    0)
		return -errno;
	return 0;
}

/* The socket is made deaf (protocol 0) so that nothing comes in before the filter stands. */
static int
open_socket(struct port_packet *pp)
{
	int rc;

	pp->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (pp->fd < 0)
		return -errno;
	pp->vnet_hdr = pp->conf.vnet_hdr && set_int(pp->fd, SOL_PACKET, PACKET_VNET_HDR, 1) == 0;
	rc = set_int(pp->fd, SOL_PACKET, PACKET_AUXDATA, 1);
	if (rc == 0)
		rc = choose_filter(pp, pp->conf.mac);
	if (rc < 0)
		return rc;
	/* Since Linux 4.20; before that the filter does it, at a higher price. */
	pp->ignores_outgoing = pp->conf.ignore_outgoing &&
			       set_int(pp->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1) == 0;
	if (set_int(pp->fd, SOL_SOCKET, SO_RCVBUFFORCE, RX_BUFFER) < 0 &&
	    set_int(pp->fd, SOL_SOCKET, SO_RCVBUF, RX_BUFFER) < 0)
		return -errno;
	if (set_int(pp->fd, SOL_SOCKET, SO_SNDBUFFORCE, TX_BUFFER) < 0 &&
	    set_int(pp->fd, SOL_SOCKET, SO_SNDBUF, TX_BUFFER) < 0)
		return -errno;
	rc = bind_device(pp->fd, pp->conf.index);
	/* Before that it would be in no group, and hear everything. */
	return rc == 0 && pp->conf.fanout != PORT_FANOUT_NONE ? join_fanout(pp) : rc;
}

/* Packet sockets carry UDP super-frames since Linux 6.2, in both directions. */
static bool
kernel_has_udp_super(void)
{
	unsigned major = 0, minor = 0;
	struct utsname name;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 2));
}

static void
prepare_messages(struct port_packet *pp)
{
	for (size_t i = 0; i < BATCH; i++) {
		struct msghdr *msg = &pp->msg[i].msg_hdr;
		struct iovec *iov = pp->iov[i];

		iov[0] = (struct iovec){&pp->vnet[i], sizeof(pp->vnet[i])};
		iov[1] = (struct iovec){pp->buffers + i * BUFFER_SIZE + DATA_AT,
					BUFFER_SIZE - DATA_AT};
		msg->msg_iov = pp->vnet_hdr ? iov : iov + 1;
		msg->msg_iovlen = pp->vnet_hdr ? 2 : 1;
		msg->msg_control = &pp->control[i];
		msg->msg_controllen = sizeof(pp->control[i]);
	}
}

int
port_packet_create(const struct port_packet_conf *conf, struct port_packet **out)
{
	struct port_packet *pp = calloc(1, sizeof(*pp));
	struct port_tx_conf tx;
	int rc;

	if (pp == NULL)
		return -ENOMEM;
	pp->conf = *conf;
	pp->fd = -1;
	pp->batch = BATCH;
	pp->is_deaf = conf->fanout != PORT_FANOUT_NONE;
	/* Pages that never hold a large frame are never touched. */
	pp->buffers = mmap(NULL, (size_t)BATCH * BUFFER_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pp->buffers == MAP_FAILED) {
		pp->buffers = NULL;
		rc = -ENOMEM;
		goto fail;
	}
	rc = open_socket(pp);
	if (rc < 0)
		goto fail;
	tx = (struct port_tx_conf){
		.fd = pp->fd,
		.vnet_hdr = pp->vnet_hdr,
		.udp_super = conf->udp_super && kernel_has_udp_super(),
		.mtu = conf->mtu,
	};
	rc = port_tx_create(&tx, &pp->tx);
	if (rc < 0)
		goto fail;
	prepare_messages(pp);
	*out = pp;
	return 0;
fail:
	port_packet_destroy(pp);
	return rc;
}

void
port_packet_destroy(struct port_packet *pp)
{
	if (pp == NULL)
		return;
	port_tx_destroy(pp->tx);
	if (pp->fd >= 0)
		close(pp->fd);
	if (pp->buffers != NULL)
		munmap(pp->buffers, (size_t)BATCH * BUFFER_SIZE);
	free(pp);
}

int
port_packet_fd(const struct port_packet *pp)
{
	return pp->fd;
}

bool
port_packet_has_vnet_hdr(const struct port_packet *pp)
{
	return pp->vnet_hdr;
}

bool
port_packet_has_udp_super(const struct port_packet *pp)
{
	struct port_tx_stats tx;

	port_tx_stats(pp->tx, &tx);
	return tx.udp_super;
}

bool
port_packet_ignores_outgoing(const struct port_packet *pp)
{
	return pp->ignores_outgoing;
}

void
port_packet_set_mtu(struct port_packet *pp, uint16_t mtu)
{
	pp->conf.mtu = mtu;
	port_tx_set_mtu(pp->tx, mtu);
}

int
port_packet_set_mac(struct port_packet *pp, struct mac mac)
{
	int rc = choose_filter(pp, mac);

	if (rc == 0)
		pp->conf.mac = mac;
	return rc;
}

int
port_packet_hear(struct port_packet *pp, bool hears)
{
	bool was_deaf = pp->is_deaf;
	int rc;

	pp->is_deaf = !hears;
	rc = choose_filter(pp, pp->conf.mac);
	if (rc < 0)
		pp->is_deaf = was_deaf;
	return rc;
}

uint16_t
port_packet_fanout(const struct port_packet *pp)
{
	return pp->conf.fanout_group;
}

static struct tpacket_auxdata
auxdata(struct msghdr *msg)
{
	struct tpacket_auxdata aux = {0};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
	return aux;
}

/* Without PACKET_VNET_HDR the kernel does not say into what a super-frame has to be cut.  For TCP the
 * device's MTU is the sender's own rule; where datagrams end cannot be known. */
static int
guess_super(const struct port_packet *pp, struct frame *f)
{
	uint32_t header;
	struct ip ip;

	if (f->size <= (size_t)ETH_SIZE + pp->conf.mtu)
		return 0;
	if (ip_parse(f->data + ETH_SIZE, f->size - ETH_SIZE, &ip) < 0)
		return -EBADMSG;
	header = (uint32_t)ip.header_size + ip.l4_header_size;
	if (ip.size <= pp->conf.mtu)
		return 0; /* padding */
	if (ip.proto != IP_PROTO_TCP || ip.l4_header_size == 0 || header >= pp->conf.mtu)
		return -EMSGSIZE;
	f->gso = ip.family == ADDR_V4 ? FRAME_GSO_TCP4 : FRAME_GSO_TCP6;
	f->gso_size = (uint16_t)(pp->conf.mtu - header);
	return 0;
}

/* The rest of the frame's description, from the header or else from the message's status. */
static int
describe(const struct port_packet *pp, size_t index, const struct tpacket_auxdata *aux,
	 struct frame *f)
{
	struct virtio_net_hdr h = {0};
	struct ip ip;
	int rc;

	if (pp->vnet_hdr)
		return port_vnet_parse(&pp->vnet[index], f);
	if ((aux->tp_status & TP_STATUS_CSUM_VALID) != 0)
		h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	if ((aux->tp_status & TP_STATUS_CSUMNOTREADY) != 0) {
		/* Where the checksum goes the kernel does not say either; these are the places. */
		if (ip_parse(f->data + ETH_SIZE, f->size - ETH_SIZE, &ip) < 0 ||
		    (ip.l4_header_size == 0 && ip.proto != 132))
			return -EBADMSG;
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = (uint16_t)(ETH_SIZE + ip.header_size);
		h.csum_offset = (uint16_t)(ip.proto == 132 ? 8 : ip_csum_offset(ip.proto));
	}
	rc = port_vnet_parse(&h, f);
	return rc < 0 ? rc : guess_super(pp, f);
}

static bool
is_tagged(const struct tpacket_auxdata *aux, uint16_t type)
{
	return type == ETH_VLAN || type == ETH_QINQ_OLD ||
	       ((aux->tp_status & TP_STATUS_VLAN_VALID) != 0 &&
		(aux->tp_vlan_tci & VLAN_ID_MASK) != 0);
}

static void
handle(struct port_packet *pp, size_t index, port_packet_fn *fn, void *ctx)
{
	struct msghdr *msg = &pp->msg[index].msg_hdr;
	struct tpacket_auxdata aux = auxdata(msg);
	size_t extra = pp->vnet_hdr ? sizeof(struct virtio_net_hdr) : 0;
	struct frame f = {.data = pp->buffers + index * BUFFER_SIZE + DATA_AT};
	struct eth eth;

	if (pp->msg[index].msg_len < extra)
		return;
	f.size = pp->msg[index].msg_len - extra;
	if (eth_parse(f.data, f.size, &eth) < 0) {
		pp->stats.drop_malformed++;
		return;
	}
	if (mac_equal(eth.src, pp->conf.mac)) {
		pp->stats.rx_echoes++;
		return;
	}
	if (is_tagged(&aux, eth.type)) {
		pp->stats.drop_vlan++;
		return;
	}
	if ((msg->msg_flags & MSG_TRUNC) != 0) {
		pp->stats.drop_too_large++;
		return;
	}
	switch (describe(pp, index, &aux, &f)) {
	case 0:
		break;
	case -EMSGSIZE:
		pp->stats.drop_too_large++;
		return;
	default:
		pp->stats.drop_malformed++;
		return;
	}
	pp->stats.rx_frames++;
	pp->stats.rx_bytes += f.size;
	fn(ctx, &f);
}

/* After a batch of 'count' frames. */
static void
choose_batch(struct port_packet *pp, unsigned count)
{
	size_t size = 0;

	for (unsigned i = 0; i < count; i++)
		size += pp->msg[i].msg_len;
	if (size > (size_t)count * LARGE)
		pp->batch = BATCH_LARGE;
	else if (pp->batch < BATCH)
		pp->batch *= 2;
}

int
port_packet_read(struct port_packet *pp, port_packet_fn *fn, void *ctx)
{
	int n;

	for (unsigned i = 0; i < pp->batch; i++)
		pp->msg[i].msg_hdr.msg_controllen = sizeof(pp->control[i]);
	n = recvmmsg(pp->fd, pp->msg, pp->batch, MSG_DONTWAIT, NULL);
	if (n < 0) {
		if (errno == EINVAL) {
			/* A super-frame that this kernel cannot describe; it is gone. */
			pp->stats.drop_kernel++;
			return 0;
		}
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	}
	for (int i = 0; i < n; i++)
		handle(pp, (size_t)i, fn, ctx);
	choose_batch(pp, (unsigned)n);
	return 0;
}

int
port_packet_send(struct port_packet *pp, struct frame *f)
{
	return port_tx_send(pp->tx, f);
}

void
port_packet_flush(struct port_packet *pp)
{
	port_tx_flush(pp->tx);
}

void
port_packet_stats(struct port_packet *pp, struct port_packet_stats *out)
{
	struct tpacket_stats kernel;
	socklen_t size = sizeof(kernel);
	struct port_tx_stats tx;

	/* Reading these sets them to zero. */
	if (getsockopt(pp->fd, SOL_PACKET, PACKET_STATISTICS, &kernel, &size) == 0)
		pp->stats.drop_kernel += kernel.tp_drops;
	port_tx_stats(pp->tx, &tx);
	*out = pp->stats;
	out->tx_frames = tx.frames;
	out->tx_bytes = tx.bytes;
	out->drop_tx = tx.drop_tx;
	out->drop_too_large += tx.drop_too_large;
	out->drop_malformed += tx.drop_malformed;
}
