/* One LAN: a learning switch, with the router on port 0. */
#include "tests/sim/world.h"
#include "wire/eth.h"

/* Bridges forget a MAC that they have not heard for so long. */
#define FDB_AGE (300 * US_S)

struct lan *
lan_at(const struct sim *sim, vn_id_t vn, size_t site)
{
	struct lan *lan;

	BUG_IF(vn < SIM_VN || vn - SIM_VN >= sim->params.vns);
	lan = &node_at(sim, site)->lans[vn - SIM_VN];
	BUG_IF(!lan->exists);
	return lan;
}

static struct fdb_row *
fdb_find(struct lan *lan, struct mac mac)
{
	for (size_t i = 0; i < lan->fdb_count; i++)
		if (mac_equal(lan->fdb[i].mac, mac))
			return &lan->fdb[i];
	return NULL;
}

static void
fdb_learn(struct lan *lan, struct mac mac, uint32_t port, us_t now)
{
	struct fdb_row *row = fdb_find(lan, mac);

	if (row == NULL && lan->fdb_count < LAN_FDB_MAX)
		row = &lan->fdb[lan->fdb_count++];
	else if (row == NULL)
		row = &lan->fdb[(uint64_t)now % LAN_FDB_MAX];
	*row = (struct fdb_row){.mac = mac, .port = port, .at = now};
}

static void
to_router(struct sim *sim, const struct lan *lan, struct event *e, const struct eth *eth)
{
	struct node *node = node_at(sim, lan->site);
	uint8_t bytes[FRAME_HEADROOM + FRAME_ROOM];
	struct frame f = e->frame;

	/* Claims are for switches: the filter of the router's port leaves them out. */
	if (node->vr == NULL || eth->type == ETH_CLAIM)
		return;
	if (eth->type == ETH_ARP || eth->type == ETH_RARP) {
		vr_lan_control(node->vr, lan->vn, e->bytes, e->size, false, node_now(node));
	} else {
		memcpy(bytes + FRAME_HEADROOM, e->bytes, e->size);
		f.data = bytes + FRAME_HEADROOM;
		f.size = e->size;
		vr_lan_frame(node->vr, lan->vn, &f, node_now(node));
	}
	node_settle(node);
}

/* The frame leaves the switch. */
static void
switched(struct sim *sim, struct event *e)
{
	struct lan *lan = lan_at(sim, e->vn, e->to);
	struct sim_machine *m, *next;
	struct fdb_row *row = NULL;
	struct eth eth;
	bool flood;

	if (eth_parse(e->bytes, e->size, &eth) != 0)
		return;
	if (!mac_is_multicast(eth.src) && !mac_is_zero(eth.src))
		fdb_learn(lan, eth.src, e->port, sim->now);
	if (!mac_is_multicast(eth.dst))
		row = fdb_find(lan, eth.dst);
	flood = row == NULL || sim->now > row->at + FDB_AGE;
	if (e->port != 0 && (flood || row->port == 0))
		to_router(sim, lan, e, &eth);
	for (m = lan->machines; m != NULL; m = next) {
		next = machine_next(m);
		if (machine_port(m) != e->port && (flood || row->port == machine_port(m)))
			machine_frame(sim, m, e->bytes, e->size);
	}
}

void
lan_frame(struct sim *sim, struct lan *lan, uint32_t port, const struct frame *meta,
	  const uint8_t *bytes, size_t size)
{
	struct event *e;

	BUG_IF(size > FRAME_ROOM);
	e = event_add(sim, SIM_LAN_TIME, switched, bytes, size);
	e->vn = lan->vn;
	e->to = lan->site;
	e->port = port;
	if (meta != NULL)
		e->frame = *meta;
}

void
sim_inject(struct sim *sim, vn_id_t vn, size_t site, const uint8_t *frame, size_t size)
{
	struct lan *lan = lan_at(sim, vn, site);

	lan_frame(sim, lan, ++lan->last_port, NULL, frame, size);
}
