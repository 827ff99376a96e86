/* One decision, for the next packet of its flow: see fwd_memo.h. */
#include "vr/fwd_memo.h"

#include "vr/vr.h"
#include "wire/be.h"
#include "wire/ip.h"

enum {
	SIZE_AT = 2,
	FRAGMENT_AT = 6, /* then TTL and protocol */
	CSUM_AT = 10,
	ADDRS_AT = 12, /* then ports */
	PROTO_AT = 9,
	TCP_OFFSET_AT = 12,
	TCP_FLAGS_AT = 13,
	TCP_SIZE_MIN = 20,
	TCP_SYN = 0x02,
	UDP_SIZE = 8,
	ANY_FRAGMENT = 0x3fff, /* more fragments, offset */
};

void
fwd_memo_open(struct vr *vr)
{
	vr->memo.is_open = true;
}

void
fwd_memo_close(struct vr *vr)
{
	vr->memo.is_open = false;
	fwd_memo_forget(vr);
}

void
fwd_memo_forget(struct vr *vr)
{
	vr->memo.is_set = false;
	vr->memo.pending = NULL;
}

/* A packet of which nothing decides but its head: IPv4 without options, no fragment, TCP or UDP with its whole header, not the
 * SYN whose MSS may be lowered. */
static bool
is_usual(const struct frame *f)
{
	const uint8_t *l4 = f->data + IP4_SIZE_MIN;
	size_t size = f->size - IP4_SIZE_MIN;

	if (f->size < IP4_SIZE_MIN + UDP_SIZE || f->gso != FRAME_GSO_NONE || f->data[0] != 0x45 ||
	    be16_get(f->data + SIZE_AT) != f->size ||
	    (be16_get(f->data + FRAGMENT_AT) & ANY_FRAGMENT) != 0 || !ip4_header_is_right(f->data))
		return false;
	if (f->data[PROTO_AT] == IP_PROTO_UDP)
		return true;
	return f->data[PROTO_AT] == IP_PROTO_TCP && size >= TCP_SIZE_MIN &&
	       l4[TCP_OFFSET_AT] >> 4 << 2 >= TCP_SIZE_MIN &&
	       (size_t)(l4[TCP_OFFSET_AT] >> 4 << 2) <= size && (l4[TCP_FLAGS_AT] & TCP_SYN) == 0;
}

static bool
is_same_head(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, SIZE_AT) == 0 &&
	       memcmp(a + FRAGMENT_AT, b + FRAGMENT_AT, CSUM_AT - FRAGMENT_AT) == 0 &&
	       memcmp(a + ADDRS_AT, b + ADDRS_AT, FWD_MEMO_HEAD - ADDRS_AT) == 0;
}

static bool
is_same_origin(const struct fwd_memo_from *a, const struct fwd_memo_from *b)
{
	return a->site == b->site && a->peer == b->peer && a->header == b->header &&
	       addr_equal(a->rloc, b->rloc);
}

bool
fwd_memo_find(const struct vr *vr, const struct fwd_memo_from *from, const struct frame *f,
	      struct mac *to)
{
	const struct fwd_memo *m = &vr->memo;

	if (!m->is_set || !is_same_origin(&m->from, from) || !is_usual(f) ||
	    !is_same_head(m->head, f->data) || f->size > from->site->lan_mtu)
		return false;
	*to = m->to;
	return true;
}

void
fwd_memo_begin(struct vr *vr, const struct fwd_memo_from *from, const struct frame *f)
{
	struct fwd_memo *m = &vr->memo;

	fwd_memo_forget(vr);
	if (!m->is_open || !is_usual(f))
		return;
	m->from = *from;
	m->pending = f->data;
	/* As it came: what is done to it on its way is decided anew, or not at all. */
	memcpy(m->head, f->data, sizeof(m->head));
}

void
fwd_memo_decided(struct vr *vr, const struct frame *f, struct mac to)
{
	struct fwd_memo *m = &vr->memo;

	if (m->pending != f->data || !is_same_head(m->head, f->data) || !is_usual(f))
		return;
	m->to = to;
	m->is_set = true;
}

void
fwd_memo_end(struct vr *vr)
{
	vr->memo.pending = NULL;
}
