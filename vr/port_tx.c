/* A queue of joins, written with one system call. */
#include "vr/port_tx.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "vr/offload.h"
#include "vr/port_vnet.h"
#include "wire/eth.h"

#define QUEUE_SIZE 32

/* Key of frames that belong to no TCP flow: they are never joined, so their place is their own. */
#define KEY_NONE 0

struct slot {
	uint64_t key; /* of the flow, hashed; a collision only costs a join */
	bool is_open;
	struct offload_join join;
};

struct port_tx {
	struct port_tx_conf conf;
	struct port_tx_stats stats;
	size_t count;
	size_t last; /* the slot that took the last frame, if there is one */
	struct slot queue[QUEUE_SIZE];
	/* Of one batch. */
	struct virtio_net_hdr vnet[QUEUE_SIZE];
	struct mmsghdr msg[QUEUE_SIZE];
	struct iovec iov[QUEUE_SIZE][OFFLOAD_JOIN_MAX + 1];
	uint32_t frames[QUEUE_SIZE]; /* how many of the caller's each message stands for */
	uint8_t header[QUEUE_SIZE][ETH_SIZE + OFFLOAD_HEADER_MAX];
};

int
port_tx_create(const struct port_tx_conf *conf, struct port_tx **out)
{
	struct port_tx *tx = calloc(1, sizeof(*tx));

	if (tx == NULL)
		return -ENOMEM;
	tx->conf = *conf;
	tx->stats.udp_super = conf->vnet_hdr && conf->udp_super;
	*out = tx;
	return 0;
}

void
port_tx_destroy(struct port_tx *tx)
{
	free(tx);
}

void
port_tx_set_mtu(struct port_tx *tx, uint16_t mtu)
{
	tx->conf.mtu = mtu;
}

/* Starts message 'index' of the batch; the caller adds its parts behind. */
static struct msghdr *
message_start(struct port_tx *tx, size_t index)
{
	struct msghdr *msg = &tx->msg[index].msg_hdr;

	*msg = (struct msghdr){.msg_iov = tx->iov[index]};
	if (tx->conf.vnet_hdr) {
		tx->iov[index][0] = (struct iovec){.iov_base = &tx->vnet[index],
						   .iov_len = sizeof(tx->vnet[index])};
		msg->msg_iovlen = 1;
	}
	return msg;
}

/* Bytes in front of a frame that do not go out. */
static size_t
front_size(const struct port_tx *tx)
{
	return tx->conf.bare_ip ? ETH_SIZE : 0;
}

/* What a header says of places in the frame counts from where the message begins. */
static void
vnet_shift(const struct port_tx *tx, struct virtio_net_hdr *h)
{
	if (h->flags == 0 && h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return;
	h->csum_start = (uint16_t)(h->csum_start - front_size(tx));
	if (h->hdr_len != 0)
		h->hdr_len = (uint16_t)(h->hdr_len - front_size(tx));
}

static void
message_add(struct msghdr *msg, void *data, size_t size)
{
	msg->msg_iov[msg->msg_iovlen++] = (struct iovec){.iov_base = data, .iov_len = size};
}

static uint64_t
message_size(const struct port_tx *tx, size_t index)
{
	const struct msghdr *msg = &tx->msg[index].msg_hdr;
	uint64_t size = 0;

	for (size_t i = tx->conf.vnet_hdr ? 1 : 0; i < msg->msg_iovlen; i++)
		size += msg->msg_iov[i].iov_len;
	return size;
}

/* As sendmmsg(), which a TUN device does not know. */
static int
write_messages(struct port_tx *tx, size_t at, size_t count)
{
	size_t done;

	if (!tx->conf.is_tun)
		return sendmmsg(tx->conf.fd, tx->msg + at, (unsigned)count, MSG_DONTWAIT);
	for (done = 0; done < count; done++) {
		const struct msghdr *msg = &tx->msg[at + done].msg_hdr;

		if (writev(tx->conf.fd, msg->msg_iov, (int)msg->msg_iovlen) < 0)
			break;
	}
	return done > 0 ? (int)done : -1;
}

/* Writes messages 0..count of the batch.  Returns how many were taken; a frame that the socket
 * refuses for itself does not hold up those behind it, a full socket drops the rest. */
static size_t
batch_write(struct port_tx *tx, size_t count)
{
	size_t done = 0, taken = 0;

	while (done < count) {
		int n = write_messages(tx, done, count - done);

		for (int i = 0; i < n; i++, done++, taken++) {
			tx->stats.frames += tx->frames[done];
			tx->stats.bytes += message_size(tx, done);
		}
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		if (errno == EAGAIN) {
			for (; done < count; done++)
				tx->stats.drop_tx += tx->frames[done];
			break;
		}
		if (errno == EINVAL && tx->vnet[done].gso_type == VIRTIO_NET_HDR_GSO_UDP_L4)
			tx->stats.udp_super = false;
		tx->stats.drop_tx += tx->frames[done];
		done++;
	}
	return taken;
}

/* Cuts a super-frame and writes its packets at once, behind what is queued. */
static int
send_cut(struct port_tx *tx, struct frame *f)
{
	struct frame packet = *f;
	struct offload_cut cut;
	size_t used = 0, taken = 0;
	uint32_t i;

	packet.data += ETH_SIZE;
	packet.size -= ETH_SIZE;
	packet.csum_partial = f->csum_partial && tx->conf.vnet_hdr;
	if (offload_cut_init(&cut, &packet, f->gso_size) < 0) {
		tx->stats.drop_malformed++;
		return -EBADMSG;
	}
	port_tx_flush(tx);
	for (i = 0; i < cut.count; i++) {
		struct msghdr *msg = message_start(tx, used);
		uint8_t *header = tx->header[used];
		const uint8_t *payload;
		uint32_t size;

		memcpy(header, f->data, ETH_SIZE);
		offload_cut_get(&cut, i, header + ETH_SIZE, &payload, &size);
		message_add(msg, header + front_size(tx),
			    ETH_SIZE + cut.header_size - front_size(tx));
		message_add(msg, packet.data + (payload - cut.packet), size);
		tx->vnet[used] = (struct virtio_net_hdr){0};
		if (packet.csum_partial) {
			tx->vnet[used].flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
			tx->vnet[used].csum_start = (uint16_t)(ETH_SIZE + cut.ip.header_size);
			tx->vnet[used].csum_offset = (uint16_t)ip_csum_offset(cut.ip.proto);
			vnet_shift(tx, &tx->vnet[used]);
		}
		tx->frames[used++] = 1;
		if (used == QUEUE_SIZE || i + 1 == cut.count) {
			taken += batch_write(tx, used);
			used = 0;
		}
	}
	return taken > 0 ? 0 : -ENOBUFS;
}

/* Key of the TCP flow that a frame belongs to, as far as it can be joined at all. */
static uint64_t
flow_key(const struct ip *ip)
{
	uint64_t key = 0xcbf29ce484222325u ^ ((uint64_t)ip->sport << 16 | ip->dport);

	if (ip->proto != IP_PROTO_TCP || ip->l4_header_size == 0)
		return KEY_NONE;
	for (size_t i = 0; i < addr_size(ip->family); i += 4) {
		uint32_t src, dst;

		memcpy(&src, ip->src.b + i, sizeof(src));
		memcpy(&dst, ip->dst.b + i, sizeof(dst));
		key = (key ^ src) * 0x9e3779b97f4a7c15u;
		key = (key ^ key >> 32 ^ dst) * 0x9e3779b97f4a7c15u;
	}
	return key | 1;
}

/* A packet of TCP that belongs to no known flow (a fragment) may belong to any. */
static void
close_flow(struct port_tx *tx, uint64_t key, bool is_any)
{
	for (size_t i = 0; i < tx->count; i++)
		if (is_any || tx->queue[i].key == key)
			tx->queue[i].is_open = false;
}

static void
enqueue(struct port_tx *tx, const struct frame *f, const struct ip *ip)
{
	uint64_t key = tx->conf.vnet_hdr && ip != NULL ? flow_key(ip) : KEY_NONE;
	struct slot *slot;

	for (size_t i = tx->count; key != KEY_NONE && i-- > 0;) {
		slot = &tx->queue[i];
		if (slot->key != key || !slot->is_open)
			continue;
		if (offload_join_add(&slot->join, f)) {
			tx->last = i;
			return;
		}
		break;
	}
	if (key != KEY_NONE)
		close_flow(tx, key, false);
	else if (ip != NULL && ip->proto == IP_PROTO_TCP)
		close_flow(tx, key, true);
	if (tx->count == QUEUE_SIZE)
		port_tx_flush(tx);
	tx->last = tx->count;
	slot = &tx->queue[tx->count++];
	slot->key = key;
	slot->join.count = 0;
	offload_join_add(&slot->join, f);
	slot->is_open = key != KEY_NONE && !slot->join.closed;
}

/* Most frames are the next of a flow whose last one has just gone by. */
static bool
is_next(struct port_tx *tx, const struct frame *f)
{
	struct slot *slot = &tx->queue[tx->last];

	return tx->last < tx->count && slot->is_open && offload_join_next(&slot->join, f);
}

/* Brings the frame within the device's MTU.  'ip' NULL: not an IP packet. */
static int
fit(struct port_tx *tx, struct frame *f, const struct ip *ip)
{
	uint32_t header;

	if (f->gso == FRAME_GSO_NONE) {
		uint64_t size = ip != NULL ? ip->size : f->size - ETH_SIZE;

		if (size <= tx->conf.mtu)
			return 0;
		tx->stats.drop_too_large++;
		return -EMSGSIZE;
	}
	if (ip == NULL || ip->l4_header_size == 0 || f->gso_size == 0) {
		tx->stats.drop_malformed++;
		return -EBADMSG;
	}
	header = (uint32_t)ip->header_size + ip->l4_header_size;
	if (header + f->gso_size <= tx->conf.mtu || ip->size <= tx->conf.mtu)
		return 0;
	if (f->gso == FRAME_GSO_UDP || header >= tx->conf.mtu) {
		tx->stats.drop_too_large++;
		return -EMSGSIZE;
	}
	f->gso_size = (uint16_t)(tx->conf.mtu - header);
	return 0;
}

int
port_tx_send(struct port_tx *tx, struct frame *f)
{
	struct ip ip, *parsed = NULL;
	struct eth eth;
	int rc;

	if (is_next(tx, f))
		return 0;
	if (eth_parse(f->data, f->size, &eth) < 0) {
		tx->stats.drop_malformed++;
		return -EBADMSG;
	}
	if ((eth.type == ETH_IP4 || eth.type == ETH_IP6) &&
	    ip_parse(f->data + ETH_SIZE, f->size - ETH_SIZE, &ip) == 0)
		parsed = &ip;
	if (f->csum_partial && (parsed == NULL || ip.l4_header_size == 0 || ip.more_fragments)) {
		tx->stats.drop_malformed++;
		return -EBADMSG;
	}
	rc = fit(tx, f, parsed);
	if (rc < 0)
		return rc;
	if (f->gso != FRAME_GSO_NONE &&
	    (!tx->conf.vnet_hdr || (f->gso == FRAME_GSO_UDP && !tx->stats.udp_super)))
		return send_cut(tx, f);
	if (f->csum_partial && !tx->conf.vnet_hdr) {
		struct frame packet = *f;

		packet.data += ETH_SIZE;
		packet.size -= ETH_SIZE;
		offload_finish_checksum(&packet);
		f->csum_partial = packet.csum_partial;
	}
	enqueue(tx, f, parsed);
	return 0;
}

void
port_tx_flush(struct port_tx *tx)
{
	size_t used = 0;

	for (size_t i = 0; i < tx->count; i++) {
		struct offload_join *join = &tx->queue[i].join;
		struct msghdr *msg = message_start(tx, used);
		struct frame f;

		offload_join_end(join, &f);
		/* Only the first part is together in memory; the headers are all in there. */
		if (tx->conf.vnet_hdr && port_vnet_build(&f, &tx->vnet[used]) < 0) {
			tx->stats.drop_malformed++;
			continue;
		}
		vnet_shift(tx, &tx->vnet[used]);
		/* The headers stand in the first part. */
		for (size_t k = 0; k < join->count; k++) {
			size_t front = k == 0 ? front_size(tx) : 0;

			message_add(msg, (uint8_t *)join->part[k].iov_base + front,
				    join->part[k].iov_len - front);
		}
		tx->frames[used++] = (uint32_t)join->count;
	}
	tx->count = 0;
	if (used > 0)
		batch_write(tx, used);
}

void
port_tx_stats(const struct port_tx *tx, struct port_tx_stats *out)
{
	*out = tx->stats;
}
