/* What the kernel says of a frame, in its words and in ours. */
#include "vr/port_vnet.h"

#include <errno.h>

#include "wire/be.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define IP_PROTO_SCTP    132
#define SCTP_CSUM_OFFSET 8
#define TCP_FLAGS_AT     13
#define TCP_CWR          0x80

/* CRC-32C (RFC 9260 appendix A), bit by bit: rare enough to need no table. */
static uint32_t
crc32c(const uint8_t *data, size_t size)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* Does what the kernel left to the device: a sum from 'start' to the end, stored at 'offset'. */
static int
finish(struct frame *f, const struct ip *ip, size_t start, size_t offset)
{
	size_t end = ETH_SIZE + ip->size;
	uint8_t *field = f->data + start + offset;
	bool is_sctp = ip->proto == IP_PROTO_SCTP && offset == SCTP_CSUM_OFFSET;

	if (start < ETH_SIZE || start + offset + (is_sctp ? 4 : 2) > end)
		return -EBADMSG;
	if (is_sctp) {
		uint32_t crc;

		memset(field, 0, 4);
		crc = crc32c(f->data + start, end - start);
		for (int i = 0; i < 4; i++)
			field[i] = (uint8_t)(crc >> 8 * i);
		return 0;
	}
	be16_put(field, (uint16_t)~ip_sum(f->data + start, end - start, 0));
	if (be16_get(field) == 0)
		be16_put(field, 0xffff);
	return 0;
}

static int
gso_from_type(uint8_t type, uint8_t *gso)
{
	switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		*gso = FRAME_GSO_NONE;
		return 0;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		*gso = FRAME_GSO_TCP4;
		return 0;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		*gso = FRAME_GSO_TCP6;
		return 0;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		*gso = FRAME_GSO_UDP;
		return 0;
	default:
		return -EBADMSG;
	}
}

int
port_vnet_parse(const struct virtio_net_hdr *h, struct frame *f)
{
	struct ip ip;
	size_t l4_at;

	f->csum_partial = false;
	f->csum_verified = (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0;
	f->gso_size = 0;
	if (gso_from_type(h->gso_type, &f->gso) < 0)
		return -EBADMSG;
	if (f->gso == FRAME_GSO_NONE && (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0)
		return 0;
	if (f->size < ETH_SIZE || ip_parse(f->data + ETH_SIZE, f->size - ETH_SIZE, &ip) < 0)
		return -EBADMSG;

	l4_at = ETH_SIZE + ip.header_size;
	if (ip.l4_header_size != 0 && h->csum_start == l4_at &&
	    h->csum_offset == ip_csum_offset(ip.proto))
		f->csum_partial = (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
	else if (f->gso == FRAME_GSO_NONE)
		return finish(f, &ip, h->csum_start, h->csum_offset);
	if (f->gso == FRAME_GSO_NONE)
		return 0;
	if (!f->csum_partial || h->gso_size == 0)
		return -EBADMSG;
	f->gso_size = h->gso_size;
	return 0;
}

static uint8_t
gso_to_type(const struct frame *f, const uint8_t *l4)
{
	uint8_t ecn = (l4[TCP_FLAGS_AT] & TCP_CWR) != 0 ? VIRTIO_NET_HDR_GSO_ECN : 0;

	switch (f->gso) {
	case FRAME_GSO_TCP4:
		return VIRTIO_NET_HDR_GSO_TCPV4 | ecn;
	case FRAME_GSO_TCP6:
		return VIRTIO_NET_HDR_GSO_TCPV6 | ecn;
	default:
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	}
}

int
port_vnet_build(const struct frame *f, struct virtio_net_hdr *h)
{
	struct ip ip;
	int offset;

	*h = (struct virtio_net_hdr){0};
	if (f->gso == FRAME_GSO_NONE && !f->csum_partial)
		return 0;
	if (f->size < ETH_SIZE || ip_parse(f->data + ETH_SIZE, f->size - ETH_SIZE, &ip) < 0)
		return -EBADMSG;
	offset = ip_csum_offset(ip.proto);
	if (ip.l4_header_size == 0 || offset < 0)
		return -EBADMSG;

	h->csum_start = (uint16_t)(ETH_SIZE + ip.header_size);
	h->csum_offset = (uint16_t)offset;
	h->hdr_len = (uint16_t)(h->csum_start + ip.l4_header_size);
	if (f->csum_partial)
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (f->gso != FRAME_GSO_NONE) {
		h->gso_type = gso_to_type(f, f->data + h->csum_start);
		h->gso_size = f->gso_size;
	}
	return 0;
}
