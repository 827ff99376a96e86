/* A router of the simulation: its io, its life, its clock and what it saves. */
#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "tests/sim/world.h"

/* The state file is written a moment after a change, not with it. */
#define SAVE_DELAY (20 * US_MS)
/* A router that starts ever more work at one time has gone mad. */
#define ROUNDS_MAX 10000

struct node *
node_at(const struct sim *sim, size_t index)
{
	BUG_IF(index >= sim->params.routers);
	return &sim->nodes[index];
}

us_t
node_now(const struct node *node)
{
	return node->sim->now + node->clock;
}

/* ---- struct vr_io ---- */

static int
io_lan_send(void *ctx, vn_id_t vn, struct frame *f)
{
	struct node *node = ctx;

	watch_frame(node->sim, vn, node->index, f->data, f->size);
	lan_frame(node->sim, lan_at(node->sim, vn, node->index), 0, f, f->data, f->size);
	return 0;
}

static int
io_lan_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	struct node *node = ctx;

	watch_control(node->sim, vn, node->index, frame, size);
	lan_frame(node->sim, lan_at(node->sim, vn, node->index), 0, NULL, frame, size);
	return 0;
}

static void
io_lan_flush(void *ctx, vn_id_t vn)
{
	(void)ctx;
	(void)vn;
}

static int
io_link_send(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f, us_t now)
{
	(void)now;
	return net_data(ctx, slot, inner, f);
}

static int
io_link_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct node *node = ctx;

	if (now != node_now(node))
		sim_set_fault(node->sim, "router %u sends at a time that is not now", node->index);
	return net_sync(node, slot, msg, size);
}

static us_t
io_clock(void *ctx)
{
	return node_now(ctx);
}

static int64_t
io_wall_ms(void *ctx)
{
	struct node *node = ctx;

	return node->sim->now / US_MS;
}

static void
save_each(void *ctx, const struct binding *b)
{
	struct saved *s = ctx;

	if (s->count == s->room) {
		s->room = s->room == 0 ? 16 : 2 * s->room;
		s->rows = realloc(s->rows, s->room * sizeof(*s->rows));
		BUG_IF(s->rows == NULL);
	}
	s->rows[s->count++] = *b;
}

static void
run_save(struct sim *sim, struct event *e)
{
	struct node *node = node_at(sim, e->to);
	size_t position = 0;

	if (node->life != e->keys)
		return;
	node->save_due = false;
	node->saved.count = 0;
	BUG_IF(!vr_keep(node->vr, &position, SIZE_MAX, save_each, &node->saved));
}

static void
io_persist(void *ctx)
{
	struct node *node = ctx;
	struct event *e;

	if (node->save_due)
		return;
	node->save_due = true;
	e = event_add(node->sim, SAVE_DELAY, run_save, NULL, 0);
	e->to = node->index;
	e->keys = node->life;
}

static const struct vr_io node_io = {.lan_send = io_lan_send,
				     .lan_inject = io_lan_inject,
				     .lan_flush = io_lan_flush,
				     .link_send = io_link_send,
				     .link_sync = io_link_sync,
				     .clock = io_clock,
				     .wall_ms = io_wall_ms,
				     .persist = io_persist};

/* ---- time ---- */

static void
run_timer(struct sim *sim, struct event *e)
{
	struct node *node = node_at(sim, e->to);

	if (node->life != e->keys || node->timer != sim->now)
		return;
	node->timer = US_NEVER;
	node_settle(node);
}

static void
arm(struct node *node, us_t next)
{
	struct sim *sim = node->sim;
	struct event *e;

	if (next == US_NEVER)
		return;
	next -= node->clock;
	if (next >= node->timer)
		return;
	node->timer = next;
	e = event_add(sim, next - sim->now, run_timer, NULL, 0);
	e->to = node->index;
	e->keys = node->life;
}

/* What the router's tables have done. */
static void
trace_changes(struct node *node)
{
	struct change c;
	uint64_t missed;

	while (change_read(node->vr->feed, &node->changes, &c, &missed))
		printf("%10.6f %u %s %s %zu>%zu %s %s\n", (double)node->sim->now / 1e6, node->index,
		       change_kind_name(c.kind), fmt_addr(c.ip).s, sim_index(node->sim, c.from),
		       sim_index(node->sim, c.to), fmt_mobility(c.mobility).s, c.text);
}

void
node_settle(struct node *node)
{
	us_t next = 0;

	for (int i = 0; i < ROUNDS_MAX; i++) {
		if (node->vr == NULL)
			return;
		next = vr_run(node->vr, node_now(node));
		if (node->sim->trace)
			trace_changes(node);
		if (next > node_now(node)) {
			arm(node, next);
			return;
		}
	}
	fprintf(stderr, "router %u never comes to rest\n", node->index);
	abort();
}

void
sim_poke(struct sim *sim, size_t router)
{
	node_settle(node_at(sim, router));
}

/* ---- life ---- */

void
node_init(struct sim *sim, size_t index)
{
	size_t n = sim->params.routers;
	struct node *node = &sim->nodes[index];

	*node = (struct node){.sim = sim, .index = (uint32_t)index, .timer = US_NEVER};
	node->id.v = (sim_random(sim, UINT64_MAX) & ~UINT64_C(0xff)) | (index + 1);
	node->clock = (us_t)sim_random(sim, 100000 * US_S);
	node->slot_of = calloc(n, sizeof(uint32_t));
	node->router_of = calloc(n, sizeof(uint32_t));
	node->keys = calloc(n, sizeof(uint32_t));
	node->old_keys = calloc(n, sizeof(uint32_t));
	node->last_sent = calloc(n, sizeof(us_t));
	node->data_sent = calloc(n, sizeof(uint64_t));
	node->lans = calloc(sim->params.vns, sizeof(*node->lans));
	BUG_IF(node->slot_of == NULL || node->router_of == NULL || node->keys == NULL ||
	       node->old_keys == NULL || node->last_sent == NULL || node->data_sent == NULL ||
	       node->lans == NULL);
	for (size_t i = 0; i < sim->params.vns; i++)
		node->lans[i] = (struct lan){.vn = SIM_VN + (vn_id_t)i,
					     .site = (uint32_t)index,
					     .exists = sim_in_vn(sim, index, SIM_VN + (vn_id_t)i)};
}

void
node_fini(struct node *node)
{
	free(node->slot_of);
	free(node->router_of);
	free(node->keys);
	free(node->old_keys);
	free(node->last_sent);
	free(node->data_sent);
	free(node->lans);
	free(node->saved.rows);
}

void
sim_crash(struct sim *sim, size_t router)
{
	struct node *node = node_at(sim, router);

	vr_destroy(node->vr);
	node->vr = NULL;
	node->life++;
	node->changes = 0;
	node->timer = US_NEVER;
	node->save_due = false;
	memset(node->keys, 0, sim->params.routers * sizeof(*node->keys));
	memset(node->old_keys, 0, sim->params.routers * sizeof(*node->old_keys));
}

static void
create(struct sim *sim, struct node *node)
{
	struct mac macs[SIM_VNS_MAX];
	uint16_t mtus[SIM_VNS_MAX];
	struct vr_id ids[256];
	uint32_t slots[256];
	uint32_t routers[256];
	size_t count = 0;
	struct vr_start start = {.self = node->id,
				 .io = &node_io,
				 .ctx = node,
				 .boot = sim_random(sim, UINT64_MAX) | 1,
				 .key = {sim_random(sim, UINT64_MAX), 7},
				 .macs = macs,
				 .mtus = mtus,
				 .peer_ids = ids};

	for (size_t i = 0; i < node->conf.vn_count; i++) {
		macs[i] = node->conf.vns[i].mac;
		mtus[i] = 1500;
	}
	for (uint32_t i = 0; i < sim->params.routers; i++)
		if (i != node->index) {
			routers[count] = i;
			ids[count++] = sim->nodes[i].id;
		}
	if (vr_create(&node->conf, &start, node_now(node), slots, &node->vr) != 0) {
		fprintf(stderr, "router %u cannot be made\n", node->index);
		abort();
	}
	for (size_t i = 0; i < count; i++) {
		node->slot_of[routers[i]] = slots[i];
		node->router_of[slots[i]] = routers[i];
	}
}

void
sim_start(struct sim *sim, size_t router, bool keep)
{
	struct node *node = node_at(sim, router);

	BUG_IF(node->vr != NULL);
	create(sim, node);
	for (size_t i = 0; keep && i < node->saved.count; i++)
		vr_recall(node->vr, &node->saved.rows[i], node_now(node));
	for (size_t i = 0; i < node->conf.peer_count; i++)
		vr_link_mtu(node->vr, (uint32_t)i, sim->params.mtu);
	node_settle(node);
	net_greet(sim, node);
}

/* ---- questions ---- */

struct vr *
sim_vr(const struct sim *sim, size_t router)
{
	return node_at(sim, router)->vr;
}

struct vr_id
sim_id(const struct sim *sim, size_t router)
{
	return node_at(sim, router)->id;
}

us_t
sim_clock(const struct sim *sim, size_t router)
{
	return node_now(node_at(sim, router));
}

size_t
sim_index(const struct sim *sim, struct vr_id id)
{
	for (size_t i = 0; i < sim->params.routers; i++)
		if (vr_id_equal(sim->nodes[i].id, id))
			return i;
	return SIZE_MAX;
}
