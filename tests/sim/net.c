/* The underlay: links with delay, loss, repetition, reordering and cuts, and who has keys with whom. */
#include <errno.h>
#include <stdio.h>

#include "base/fmt.h"
#include "tests/sim/world.h"

/* A lost handshake is tried again after this. */
#define GREET_AGAIN (1 * US_S)

static bool
is_cut(const struct sim *sim, size_t a, size_t b)
{
	return sim->cuts[a * sim->params.routers + b] != 0;
}

us_t
sim_delay(const struct sim *sim, size_t from, size_t to)
{
	return sim->delays[from * sim->params.routers + to];
}

void
sim_cut(struct sim *sim, size_t a, size_t b, bool cut)
{
	sim->cuts[a * sim->params.routers + b] = cut;
	sim->cuts[b * sim->params.routers + a] = cut;
}

void
sim_cut_one_way(struct sim *sim, size_t from, size_t to, bool cut)
{
	sim->cuts[from * sim->params.routers + to] = cut;
}

void
sim_partition(struct sim *sim, const uint8_t *group)
{
	for (size_t i = 0; i < sim->params.routers; i++)
		for (size_t j = 0; j < i; j++)
			sim_cut(sim, i, j, group[i] != group[j]);
}

void
sim_heal(struct sim *sim)
{
	memset(sim->cuts, 0, sim->params.routers * sim->params.routers);
}

void
sim_set_badness(struct sim *sim, unsigned loss, unsigned repeat, unsigned reorder)
{
	sim->params.loss = loss;
	sim->params.repeat = repeat;
	sim->params.reorder = reorder;
}

void
sim_trace(struct sim *sim, bool on)
{
	sim->trace = on;
}

void
sim_filter(struct sim *sim,
	   bool (*pass)(void *arg, size_t from, size_t to, const struct sync_msg *msg), void *arg)
{
	sim->pass = pass;
	sim->pass_arg = arg;
}

void
sim_tap(struct sim *sim,
	bool (*pass)(void *arg, size_t from, size_t to, const struct seal_inner *inner,
		     const struct frame *f),
	void *arg)
{
	sim->tap = pass;
	sim->tap_arg = arg;
}

uint64_t
sim_link_data(const struct sim *sim, size_t from, size_t to)
{
	return node_at(sim, from)->data_sent[to];
}

/* ---- keys ---- */

static void
greet(struct sim *sim, struct event *e)
{
	struct node *a = node_at(sim, e->from);
	struct node *b = node_at(sim, e->to);
	bool lost = sim_chance(sim, sim->params.loss) || sim_chance(sim, sim->params.loss);

	/* A peer that is down greets when it starts. */
	if (a->life != e->keys || b->vr == NULL ||
	    (a->keys[e->to] != 0 && a->keys[e->to] == b->keys[e->from]))
		return;
	if (lost || is_cut(sim, e->from, e->to) || is_cut(sim, e->to, e->from)) {
		struct event *again = event_add(sim, GREET_AGAIN, greet, NULL, 0);

		again->from = e->from;
		again->to = e->to;
		again->keys = e->keys;
		return;
	}
	a->old_keys[e->to] = a->keys[e->to];
	b->old_keys[e->from] = b->keys[e->from];
	a->keys[e->to] = b->keys[e->from] = ++sim->last_keys;
	vr_link_session(a->vr, a->slot_of[e->to], true, node_now(a));
	node_settle(a);
	vr_link_session(b->vr, b->slot_of[e->from], true, node_now(b));
	node_settle(b);
}

static void
greet_one(struct sim *sim, struct node *node, uint32_t to)
{
	struct event *e = event_add(sim, 2 * sim_delay(sim, node->index, to) + 1, greet, NULL, 0);

	e->from = node->index;
	e->to = to;
	e->keys = node->life;
}

void
net_greet(struct sim *sim, struct node *node)
{
	for (uint32_t i = 0; i < sim->params.routers; i++)
		if (i != node->index)
			greet_one(sim, node, i);
}

void
sim_new_keys(struct sim *sim, size_t a, size_t b)
{
	for (int i = 0; i < 2; i++) {
		struct node *from = node_at(sim, i == 0 ? a : b);
		size_t to = i == 0 ? b : a;

		from->keys[to] = from->old_keys[to] = 0;
		if (from->vr == NULL)
			continue;
		vr_link_session(from->vr, from->slot_of[to], false, node_now(from));
		node_settle(from);
	}
	if (node_at(sim, a)->vr != NULL)
		greet_one(sim, node_at(sim, a), (uint32_t)b);
}

/* ---- records ---- */

static void
deliver(struct sim *sim, struct event *e)
{
	struct node *node = node_at(sim, e->to);
	uint32_t slot;

	if (node->vr == NULL ||
	    (e->keys != node->keys[e->from] && e->keys != node->old_keys[e->from]))
		return;
	slot = node->slot_of[e->from];
	if (e->inner.kind == SEAL_DATA) {
		uint8_t bytes[FRAME_HEADROOM + FRAME_ROOM];
		struct frame f = e->frame;

		memcpy(bytes + FRAME_HEADROOM, e->bytes, e->size);
		f.data = bytes + FRAME_HEADROOM;
		f.size = e->size;
		vr_link_data(node->vr, slot, &e->inner, &f, node_now(node));
	} else {
		vr_link_sync(node->vr, slot, e->bytes, e->size, node_now(node));
	}
	node_settle(node);
}

/* When a record that is sent now arrives.  Records keep their order but for those that are reordered. */
static us_t
flight_time(struct sim *sim, struct node *node, uint32_t to)
{
	us_t delay = sim_delay(sim, node->index, to);
	us_t at = sim->now + delay + (us_t)sim_random(sim, (uint64_t)(delay / 20 + 1));

	if (sim_chance(sim, sim->params.reorder))
		return at - sim->now + (us_t)sim_random(sim, 30 * US_MS);
	if (at < node->last_sent[to])
		at = node->last_sent[to];
	node->last_sent[to] = at;
	return at - sim->now;
}

static struct event *
launch(struct sim *sim, struct node *node, uint32_t to, const void *bytes, size_t size)
{
	struct event *e = event_add(sim, flight_time(sim, node, to), deliver, bytes, size);

	e->from = node->index;
	e->to = to;
	e->keys = node->keys[to];
	return e;
}

int
net_data(struct node *node, uint32_t slot, const struct seal_inner *inner, struct frame *f)
{
	struct sim *sim = node->sim;
	uint32_t to = node->router_of[slot];
	struct event *e;

	if (node->keys[to] == 0)
		return -ENOTCONN;
	BUG_IF(f->size > FRAME_ROOM);
	node->data_sent[to]++;
	watch_link(sim, inner->vn, node->index, f->data, f->size);
	if (sim->tap != NULL && !sim->tap(sim->tap_arg, node->index, to, inner, f))
		return 0;
	if (is_cut(sim, node->index, to) || sim_chance(sim, sim->params.loss))
		return 0;
	/* The replay window takes only one of two copies. */
	e = launch(sim, node, to, f->data, f->size);
	e->inner = *inner;
	e->frame = *f;
	return 0;
}

static void
trace_rows(const struct sync_binding *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf(" %s=%s@%s%s", fmt_addr(rows[i].ip).s, fmt_mac(rows[i].mac).s,
		       fmt_mobility(rows[i].mobility).s, rows[i].withdrawn ? "(gone)" : "");
}

static void
trace(const struct sim *sim, uint32_t from, uint32_t to, const struct sync_msg *m)
{
	if (m->type == SYNC_HELLO)
		return;
	printf("%10.6f %u>%u %s VN %u #%u", (double)sim->now / 1e6, from, to,
	       sync_type_name(m->type), m->vn, m->id);
	switch ((enum sync_type)m->type) {
	case SYNC_TABLE:
		trace_rows(m->table.bindings, m->table.count);
		break;
	case SYNC_DELTA:
		printf("%s", m->delta.is_move ? " move" : "");
		trace_rows(m->delta.bindings, m->delta.count);
		break;
	case SYNC_ANSWER:
		trace_rows(m->answer.bindings, m->answer.count);
		break;
	case SYNC_ACK:
		for (size_t i = 0; i < m->ack.count; i++)
			printf(" %u:%s@%zu", m->ack.rows[i].verdict,
			       fmt_mobility(m->ack.rows[i].newest).s,
			       sim_index(sim, (struct vr_id){m->ack.rows[i].owner}));
		break;
	case SYNC_QUERY:
		printf(" %s", m->query.by_mac ? fmt_mac(m->query.mac).s : fmt_addr(m->query.ip).s);
		break;
	case SYNC_PRESENCE:
	case SYNC_PRESENT:
		printf(" %s %s", fmt_addr(m->presence.ip).s,
		       m->type == SYNC_PRESENCE ? "?"
		       : m->presence.present    ? "yes"
						: "no");
		break;
	case SYNC_ASKED:
		for (size_t i = 0; i < m->asked.count; i++)
			printf(" %s<%s", fmt_addr(m->asked.rows[i].ip).s,
			       fmt_addr(m->asked.rows[i].rloc).s);
		break;
	case SYNC_ACTION:
		printf(" %s %u", fmt_addr(m->action.eid).s, m->action.act);
		break;
	case SYNC_OUTCOME:
		printf(" %u", m->outcome.outcome);
		break;
	case SYNC_NEWER:
		for (size_t i = 0; i < m->newer.count; i++)
			printf(" %s=%s@%zu", fmt_addr(m->newer.rows[i].ip).s,
			       fmt_mobility(m->newer.rows[i].newest).s,
			       sim_index(sim, (struct vr_id){m->newer.rows[i].owner}));
		break;
	case SYNC_HELLO:
	case SYNC_PULL:
		break;
	}
	printf("\n");
}

int
net_sync(struct node *node, uint32_t slot, const uint8_t *msg, size_t size)
{
	struct sim *sim = node->sim;
	uint32_t to = node->router_of[slot];

	if (node->keys[to] == 0)
		return -ENOTCONN;
	if (sim->trace || sim->pass != NULL) {
		struct sync_msg m;

		if (sync_parse(msg, size, &m) != 0)
			sim_set_fault(sim, "router %u builds a bad message", node->index);
		else if (sim->trace)
			trace(sim, node->index, to, &m);
		if (sim->pass != NULL && !sim->pass(sim->pass_arg, node->index, to, &m))
			return 0;
	}
	if (is_cut(sim, node->index, to))
		return 0;
	if (!sim_chance(sim, sim->params.loss))
		launch(sim, node, to, msg, size)->inner.kind = SEAL_SYNC;
	if (sim_chance(sim, sim->params.repeat))
		launch(sim, node, to, msg, size)->inner.kind = SEAL_SYNC;
	return 0;
}

void
sim_forge_sync(struct sim *sim, size_t from, size_t to, const struct sync_msg *msg)
{
	struct node *node = node_at(sim, to);
	uint8_t bytes[SYNC_SIZE_MAX];
	int size = sync_build(msg, bytes, sizeof(bytes));

	BUG_IF(size < 0 || node->vr == NULL);
	vr_link_sync(node->vr, node->slot_of[from], bytes, (size_t)size, node_now(node));
	node_settle(node);
}

void
sim_forge_data(struct sim *sim, size_t from, size_t to, const struct seal_inner *inner,
	       const uint8_t *packet, size_t size)
{
	struct node *node = node_at(sim, to);
	uint8_t bytes[FRAME_HEADROOM + FRAME_ROOM];
	struct frame f = {.data = bytes + FRAME_HEADROOM, .size = size};

	BUG_IF(size > FRAME_ROOM || node->vr == NULL);
	memcpy(f.data, packet, size);
	vr_link_data(node->vr, node->slot_of[from], inner, &f, node_now(node));
	node_settle(node);
}
