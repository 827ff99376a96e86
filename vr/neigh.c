/* Packets that wait for an ARP answer: see neigh.h. */
#include "vr/neigh.h"

#include <stdlib.h>

#include "vr/fwd.h"
#include "wire/arp.h"
#include "wire/eth.h"

#define RETRY (250 * US_MS)
/* Once all rows are taken, one network takes so many from others at once and one more per millisecond: each is a
 * broadcast. */
#define CROWD_BURST 256
#define CROWD_PACE  (1 * US_MS)

struct packet {
	struct frame f; /* 'data' in 'bytes' */
	uint8_t *bytes;
	size_t size; /* of 'bytes' */
};

struct waiting {
	struct share share;
	struct addr ip;
	us_t started, due;
	struct packet packets[NEIGH_PACKETS_MAX];
	size_t count;
	size_t bytes; /* of these */
};

struct neigh {
	struct waiting rows[NEIGH_WAITING_MAX];
	size_t used;
	size_t bytes; /* that wait */
};

struct neigh *
neigh_create(void)
{
	return calloc(1, sizeof(struct neigh));
}

static void
packet_free(struct neigh *n, struct waiting *w, struct packet *p)
{
	n->bytes -= p->size;
	w->bytes -= p->size;
	free(p->bytes);
}

static void
row_clear(struct neigh *n, struct waiting *w)
{
	for (size_t i = 0; i < w->count; i++)
		packet_free(n, w, &w->packets[i]);
	*w = (struct waiting){0};
	n->used--;
}

void
neigh_destroy(struct neigh *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < NEIGH_WAITING_MAX; i++)
		if (n->rows[i].share.is_used)
			row_clear(n, &n->rows[i]);
	free(n);
}

static struct waiting *
row_find(struct neigh *n, vn_id_t vn, struct addr ip)
{
	for (size_t i = 0; n->used > 0 && i < NEIGH_WAITING_MAX; i++)
		if (n->rows[i].share.is_used && n->rows[i].share.vn == vn &&
		    addr_equal(n->rows[i].ip, ip))
			return &n->rows[i];
	return NULL;
}

/* A row for this destination; who waited longest in the network with most gives up.  NULL when that is too often. */
static struct waiting *
row_add(struct vr *vr, struct site *site, struct addr ip, us_t now)
{
	struct neigh *n = vr->neigh;
	struct share share;
	struct waiting *w =
		&n->rows[share_pick(n->rows, NEIGH_WAITING_MAX, sizeof(*w), site->vn, &share)];

	if (w->share.is_used) {
		if (!pace_take(&site->wait_pace, now, CROWD_PACE, CROWD_BURST))
			return NULL;
		vr->drops[DROP_ARP_PENDING] += w->count;
		row_clear(n, w);
	}
	*w = (struct waiting){.share = share, .ip = ip, .started = now, .due = now};
	n->used++;
	return w;
}

void
neigh_ask(struct vr *vr, struct site *site, struct addr ip, struct mac mac)
{
	struct addr from = vr_address_for(site, ip);
	uint8_t frame[ETH_FRAME_MIN];
	struct arp arp = {.eth_dst = mac_is_zero(mac) ? MAC_BROADCAST : mac,
			  .eth_src = site->router_mac,
			  .op = ARP_REQUEST,
			  .sha = site->router_mac,
			  .spa = {.family = ADDR_V4},
			  .tpa = ip};

	/* ARP is IPv4's; an IPv6 machine will be asked by neighbour solicitation. */
	if (ip.family != ADDR_V4)
		return;
	if (!addr_is_none(from))
		arp.spa = from;
	arp_build(&arp, frame);
	(void)vr->io->lan_inject(vr->ctx, site->vn, frame, sizeof(frame));
}

/* A network takes no more than it leaves free: alone half of all, and whoever comes later finds as much as each of those
 * that were there. */
static bool
has_room(const struct neigh *n, vn_id_t vn, size_t size)
{
	size_t own = size;

	for (size_t i = 0; i < NEIGH_WAITING_MAX; i++)
		if (n->rows[i].share.is_used && n->rows[i].share.vn == vn)
			own += n->rows[i].bytes;
	return n->bytes + size + own <= NEIGH_BYTES_MAX;
}

void
neigh_wait(struct vr *vr, struct site *site, struct addr ip, const struct frame *f, us_t now)
{
	struct waiting *w = row_find(vr->neigh, site->vn, ip);
	size_t size = FRAME_HEADROOM + f->size;
	uint8_t *bytes = NULL;
	struct packet *p;

	if (w == NULL) {
		w = row_add(vr, site, ip, now);
		if (w != NULL) {
			neigh_ask(vr, site, ip, (struct mac){{0}});
			w->due = now + RETRY;
		}
	}
	if (w != NULL && has_room(vr->neigh, site->vn, size))
		bytes = malloc(size);
	if (bytes == NULL) {
		vr_drop(vr, DROP_ARP_PENDING);
		return;
	}
	if (w->count == NEIGH_PACKETS_MAX) {
		vr_drop(vr, DROP_ARP_PENDING);
		packet_free(vr->neigh, w, &w->packets[0]);
		memmove(&w->packets[0], &w->packets[1], sizeof(w->packets[0]) * --w->count);
	}
	memcpy(bytes + FRAME_HEADROOM, f->data, f->size);
	p = &w->packets[w->count++];
	*p = (struct packet){.f = *f, .bytes = bytes, .size = size};
	vr->neigh->bytes += size;
	w->bytes += size;
	p->f.data = bytes + FRAME_HEADROOM;
	vr->wake = true;
}

void
neigh_resolved(struct vr *vr, struct site *site, struct addr ip, struct mac mac, us_t now)
{
	struct waiting *w = row_find(vr->neigh, site->vn, ip);
	struct waiting row;

	if (w == NULL)
		return;
	row = *w;
	for (size_t i = 0; i < row.count; i++) {
		fwd_deliver(vr, site, mac, &row.packets[i].f, now);
		/* The bytes are ours: the LAN must have taken them before they go. */
		vr->io->lan_flush(vr->ctx, site->vn);
	}
	row_clear(vr->neigh, w);
}

us_t
neigh_run(struct vr *vr, us_t now)
{
	struct neigh *n = vr->neigh;
	us_t next = US_NEVER;

	for (size_t i = 0; n->used > 0 && i < NEIGH_WAITING_MAX; i++) {
		struct waiting *w = &n->rows[i];

		if (!w->share.is_used)
			continue;
		if (now >= w->started + NEIGH_TIMEOUT) {
			vr->drops[DROP_ARP_TIMEOUT] += w->count;
			row_clear(n, w);
			continue;
		}
		if (now >= w->due) {
			neigh_ask(vr, vr_site(vr, w->share.vn), w->ip, (struct mac){{0}});
			w->due = now + RETRY;
		}
		if (w->due < next)
			next = w->due;
	}
	return next;
}
