/* Cutting what may be cut: see fit.h. */
#include "vr/fit.h"

#include "vr/offload.h"

/* An MTU that every fragment fits, options and eight bytes of content (RFC 791). */
#define MTU_LEAST 68

enum fit
fit_judge(struct frame *f, const struct ip *ip, uint32_t mtu)
{
	uint32_t headers = (uint32_t)ip->header_size + ip->l4_header_size;

	if (ip->size <= mtu || (f->gso != FRAME_GSO_NONE && headers + f->gso_size <= mtu))
		return FIT_WHOLE;
	if (f->gso == FRAME_GSO_TCP4 || f->gso == FRAME_GSO_TCP6) {
		if (mtu <= headers)
			return FIT_NEVER;
		f->gso_size = (uint16_t)(mtu - headers);
		return FIT_WHOLE;
	}
	return ip->dont_fragment || mtu < MTU_LEAST ? FIT_NEVER : FIT_PIECES;
}

/* Fragments of one packet without gso. */
static unsigned
cut_packet(const struct frame *f, const struct ip *ip, uint16_t mtu, fit_fn *each, void *ctx)
{
	uint8_t bytes[FRAME_HEADROOM + FIT_PIECE_MAX];
	unsigned count = 0;

	for (;; count++) {
		struct frame piece = {.data = bytes + FRAME_HEADROOM};
		struct ip piece_ip;

		piece.size = ip4_fragment(f->data, ip, mtu, count, piece.data);
		if (piece.size == 0 || ip_parse(piece.data, piece.size, &piece_ip) != 0)
			return count;
		each(ctx, &piece, &piece_ip);
	}
}

/* The datagrams of a super-frame are completed where they stand: each one's header takes the place of bytes that have
 * left already. */
static unsigned
cut_super(struct frame *f, uint16_t mtu, fit_fn *each, void *ctx)
{
	uint8_t header[OFFLOAD_HEADER_MAX];
	struct offload_cut cut;
	unsigned count = 0;

	if (offload_cut_init(&cut, f, f->gso_size) != 0 || cut.segment < cut.header_size)
		return 0;
	for (uint32_t i = 0; i < cut.count; i++) {
		struct frame datagram = {.csum_partial = f->csum_partial};
		const uint8_t *payload;
		uint32_t size;
		struct ip ip;

		offload_cut_get(&cut, i, header, &payload, &size);
		datagram.data = f->data + (payload - cut.packet) - cut.header_size;
		datagram.size = cut.header_size + size;
		memcpy(datagram.data, header, cut.header_size);
		if (ip_parse(datagram.data, datagram.size, &ip) != 0)
			break;
		offload_finish_checksum(&datagram);
		count += cut_packet(&datagram, &ip, mtu, each, ctx);
	}
	return count;
}

unsigned
fit_cut(struct frame *f, const struct ip *ip, uint32_t mtu, fit_fn *each, void *ctx)
{
	uint16_t size = (uint16_t)(mtu < FIT_PIECE_MAX ? mtu : FIT_PIECE_MAX);

	if (f->gso != FRAME_GSO_NONE)
		return cut_super(f, size, each, ctx);
	offload_finish_checksum(f);
	return cut_packet(f, ip, size, each, ctx);
}
