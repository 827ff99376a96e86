/* Peers: an array of slots, and chains of slots by id.
 *
 * An id is a hash of a key that the configuration names, so it spreads over the chains as it is. */
#include "tables/peer.h"

#include <errno.h>

#define BUCKETS PEER_SLOTS_MAX

struct slot {
	struct peer peer;
	struct slot *next; /* with the same bucket */
};

struct peers {
	struct slot *at[PEER_SLOTS_MAX];
	struct slot *bucket[BUCKETS];
	uint32_t end; /* above the highest used slot */
	size_t count;
};

static struct slot **
bucket_of(struct peers *t, struct vr_id id)
{
	return &t->bucket[id.v % BUCKETS];
}

static void
slot_free(struct slot *slot)
{
	free(slot->peer.vns);
	free(slot);
}

static void
put_name(struct peer *p, const char *name)
{
	memset(p->name, 0, sizeof(p->name));
	strncpy(p->name, name, sizeof(p->name) - 1);
}

/* There is room for them. */
static void
add_vns(struct peer *p, const vn_id_t *vns, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (peer_vn(p, vns[i]) == NULL)
			p->vns[p->vn_count++] = (struct peer_vn){.vn = vns[i]};
}

static struct slot *
slot_make(struct vr_id id, const char *name, const vn_id_t *vns, size_t vn_count)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	if (slot == NULL)
		return NULL;
	slot->peer.vn_room = vn_count + 1;
	slot->peer.vns = calloc(slot->peer.vn_room, sizeof(*slot->peer.vns));
	if (slot->peer.vns == NULL) {
		free(slot);
		return NULL;
	}
	slot->peer.id = id;
	put_name(&slot->peer, name);
	add_vns(&slot->peer, vns, vn_count);
	return slot;
}

struct peers *
peers_create(void)
{
	return calloc(1, sizeof(struct peers));
}

void
peers_destroy(struct peers *t)
{
	uint32_t i;

	if (t == NULL)
		return;
	for (i = 0; i < t->end; i++)
		if (t->at[i] != NULL)
			slot_free(t->at[i]);
	free(t);
}

int
peers_put(struct peers *t, struct vr_id id, const char *name, const vn_id_t *vns, size_t vn_count,
	  uint32_t *slot)
{
	struct slot **bucket = bucket_of(t, id);
	struct slot *made;
	uint32_t number = 0;

	if (peers_find(t, id) != NULL)
		return -EEXIST;
	while (number < t->end && t->at[number] != NULL)
		number++;
	if (number == PEER_SLOTS_MAX || vn_count > PEER_VNS_MAX)
		return -ENOSPC;
	made = slot_make(id, name, vns, vn_count);
	if (made == NULL)
		return -ENOMEM;
	made->peer.slot = number;
	made->next = *bucket;
	*bucket = made;
	t->at[number] = made;
	if (number == t->end)
		t->end++;
	t->count++;
	*slot = number;
	return 0;
}

int
peers_reserve(struct peers *t, uint32_t slot, size_t vn_count)
{
	struct peer *p = peers_at(t, slot);
	struct peer_vn *vns;

	if (p == NULL)
		return -ENOENT;
	if (vn_count > PEER_VNS_MAX)
		return -ENOSPC;
	if (vn_count <= p->vn_room)
		return 0;
	vns = realloc(p->vns, vn_count * sizeof(*vns));
	if (vns == NULL)
		return -ENOMEM;
	p->vns = vns;
	p->vn_room = vn_count;
	return 0;
}

static bool
is_among(const vn_id_t *vns, size_t count, vn_id_t vn)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (vns[i] == vn)
			return true;
	return false;
}

void
peers_update(struct peers *t, uint32_t slot, const char *name, const vn_id_t *vns, size_t vn_count)
{
	struct peer *p = peers_at(t, slot);
	size_t i, kept = 0;

	BUG_IF(p == NULL || vn_count > p->vn_room);
	put_name(p, name);
	for (i = 0; i < p->vn_count; i++)
		if (is_among(vns, vn_count, p->vns[i].vn))
			p->vns[kept++] = p->vns[i];
	p->vn_count = kept;
	add_vns(p, vns, vn_count);
}

void
peers_remove(struct peers *t, uint32_t slot)
{
	struct peer *p = peers_at(t, slot);
	struct slot **link;

	if (p == NULL)
		return;
	link = bucket_of(t, p->id);
	while (*link != t->at[slot])
		link = &(*link)->next;
	*link = t->at[slot]->next;
	slot_free(t->at[slot]);
	t->at[slot] = NULL;
	t->count--;
	while (t->end != 0 && t->at[t->end - 1] == NULL)
		t->end--;
}

struct peer *
peers_at(const struct peers *t, uint32_t slot)
{
	return slot < t->end && t->at[slot] != NULL ? &t->at[slot]->peer : NULL;
}

struct peer *
peers_find(const struct peers *t, struct vr_id id)
{
	struct slot *s;

	for (s = t->bucket[id.v % BUCKETS]; s != NULL; s = s->next)
		if (vr_id_equal(s->peer.id, id))
			return &s->peer;
	return NULL;
}

struct peer *
peers_next(const struct peers *t, uint32_t *position)
{
	while (*position < t->end) {
		struct peer *p = peers_at(t, (*position)++);

		if (p != NULL)
			return p;
	}
	return NULL;
}

size_t
peers_count(const struct peers *t)
{
	return t->count;
}

struct peer_vn *
peer_vn(const struct peer *p, vn_id_t vn)
{
	size_t i;

	for (i = 0; i < p->vn_count; i++)
		if (p->vns[i].vn == vn)
			return &p->vns[i];
	return NULL;
}
