/* Packets that wait for a mapping: see pending.h. */
#include "vr/pending.h"

#include <stdlib.h>

#include "tables/pool.h"

struct item {
	struct chain chain; /* of the bucket, or of free rows */
	struct link order;  /* the longest waiting first */
	us_t until;
	struct pending_row row;
};

struct pending {
	struct hash_key key;
	struct pool items;
	struct index by_eid;
	struct link order;
	size_t bytes;
};

struct pending *
pending_create(const struct hash_key *key)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->key = *key;
	if (pool_init(&p->items, PENDING_EIDS_MAX, sizeof(struct item)) != 0 ||
	    index_init(&p->by_eid, PENDING_EIDS_MAX) != 0) {
		pending_destroy(p);
		return NULL;
	}
	return p;
}

/* The one that has waited for longest, or NULL. */
static struct item *
first(const struct pending *p)
{
	return link_is_empty(&p->order) ? NULL : CONTAINER_OF(p->order.next, struct item, order);
}

static uint64_t
hash(const struct pending *p, vn_id_t vn, struct addr eid)
{
	uint8_t bytes[sizeof(vn) + sizeof(eid)];

	memcpy(bytes, &vn, sizeof(vn));
	memcpy(bytes + sizeof(vn), &eid, sizeof(eid));
	return hash_bytes(&p->key, bytes, sizeof(bytes));
}

static struct item *
find(const struct pending *p, vn_id_t vn, struct addr eid)
{
	struct chain *c = index_at(&p->by_eid, hash(p, vn, eid));

	for (; c != NULL; c = c->next) {
		struct item *item = CONTAINER_OF(c, struct item, chain);

		if (item->row.vn == vn && addr_equal(item->row.eid, eid))
			return item;
	}
	return NULL;
}

/* The item is free again; its packets are the caller's. */
static struct pending_row
take(struct pending *p, struct item *item)
{
	struct pending_row row = item->row;

	for (size_t i = 0; i < row.count; i++)
		p->bytes -= row.packets[i].f.size;
	index_take(&p->by_eid, hash(p, row.vn, row.eid), &item->chain);
	link_take(&item->order);
	pool_give(&p->items, item);
	return row;
}

/* How many packets that were. */
static size_t
lose(struct pending *p, struct item *item)
{
	struct pending_row row = take(p, item);
	size_t count = row.count;

	pending_free(&row);
	return count;
}

void
pending_destroy(struct pending *p)
{
	struct item *item;

	if (p == NULL)
		return;
	while ((item = first(p)) != NULL)
		(void)lose(p, item);
	index_fini(&p->by_eid);
	pool_fini(&p->items);
	free(p);
}

/* The item of this EID, with room for one more packet; adds to '*lost'. */
static struct item *
get(struct pending *p, vn_id_t vn, struct addr eid, us_t now, size_t *lost)
{
	struct item *item = find(p, vn, eid);
	struct pending_packet *packets;

	if (item == NULL) {
		if (p->items.count == PENDING_EIDS_MAX)
			*lost += lose(p, first(p));
		item = pool_take(&p->items);
		item->until = now + PENDING_TIMEOUT;
		item->row.vn = vn;
		item->row.eid = eid;
		index_add(&p->by_eid, hash(p, vn, eid), &item->chain);
		link_add(&p->order, &item->order);
	}
	packets = item->row.packets;
	if (item->row.count == PENDING_PACKETS_MAX) {
		p->bytes -= packets[0].f.size;
		free(packets[0].bytes);
		memmove(&packets[0], &packets[1], sizeof(packets[0]) * --item->row.count);
		++*lost;
	}
	return item;
}

size_t
pending_add(struct pending *p, vn_id_t vn, struct addr eid, const struct frame *f,
	    const struct pending_from *from, us_t now)
{
	struct pending_packet packet = {.f = *f, .from = *from};
	struct pending_row *row;
	size_t lost = 0;

	if (p->bytes + f->size <= PENDING_BYTES_MAX)
		packet.bytes = malloc(FRAME_HEADROOM + f->size);
	if (packet.bytes == NULL)
		return 1;
	row = &get(p, vn, eid, now, &lost)->row;
	packet.f.data = packet.bytes + FRAME_HEADROOM;
	memcpy(packet.f.data, f->data, f->size);
	p->bytes += f->size;
	row->packets[row->count++] = packet;
	return lost;
}

bool
pending_take(struct pending *p, vn_id_t vn, struct prefix prefix, struct pending_row *out)
{
	size_t left = p->items.count;

	for (struct link *l = p->order.next; left > 0; left--, l = l->next) {
		struct item *item = CONTAINER_OF(l, struct item, order);

		if (item->row.vn != vn || !prefix_contains(prefix, item->row.eid))
			continue;
		*out = take(p, item);
		return true;
	}
	return false;
}

void
pending_free(struct pending_row *row)
{
	for (size_t i = 0; i < row->count; i++)
		free(row->packets[i].bytes);
	row->count = 0;
}

size_t
pending_expire(struct pending *p, us_t now)
{
	struct item *item;
	size_t lost = 0;

	while ((item = first(p)) != NULL && item->until <= now)
		lost += lose(p, item);
	return lost;
}

us_t
pending_due(const struct pending *p)
{
	const struct item *item = first(p);

	return item != NULL ? item->until : US_NEVER;
}

size_t
pending_count(const struct pending *p)
{
	return p->items.count;
}
