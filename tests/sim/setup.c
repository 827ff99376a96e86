/* The routers' configurations, built in memory. */
#include <stdlib.h>

#include "tests/sim/world.h"

static char *
text(const char *word, size_t number)
{
	char s[32];
	char *copy;

	snprintf(s, sizeof(s), "%s%zu", word, number);
	copy = strdup(s);
	BUG_IF(copy == NULL);
	return copy;
}

static void *
rows(size_t count, size_t size)
{
	void *p = calloc(count + 1, size);

	BUG_IF(p == NULL);
	return p;
}

/* a, b, c ... and r26, r27 ... */
static char *
router_name(size_t index)
{
	char *name = text("r", index);

	if (index < 26)
		snprintf(name, 2, "%c", (char)('a' + index));
	return name;
}

struct mac
sim_router_mac(vn_id_t vn)
{
	return (struct mac){{2, 0x56, 0x52, 0, 0, (uint8_t)vn}};
}

static struct conf_vn
make_vn(struct sim *sim, size_t router, size_t number)
{
	struct conf_vn vn = {.id = SIM_VN + (vn_id_t)number,
			     .name = text("vn", number),
			     .device = text("lan", number),
			     .mac = sim_router_mac(SIM_VN + (vn_id_t)number),
			     .super_frames = true,
			     .freeze_moves = 10,
			     .freeze_window = 10 * US_S,
			     .freeze_time = 30 * US_S};

	vn.mobile = rows(1, sizeof(*vn.mobile));
	vn.mobile[0].prefix = sim->subnet;
	vn.mobile_count = 1;
	if (sim->params.layout == SIM_STRETCHED) {
		vn.subnets = rows(1, sizeof(*vn.subnets));
		vn.subnets[0] = sim->subnet;
		vn.subnet_count = 1;
		return vn;
	}
	vn.local = rows(1, sizeof(*vn.local));
	vn.local[0] = prefix_make(sim_ip(router, 0), 24);
	vn.local_count = 1;
	vn.addresses = rows(1, sizeof(*vn.addresses));
	vn.addresses[0] = (struct conf_address){.addr = sim_ip(router, SIM_GATEWAY), .len = 24};
	vn.address_count = 1;
	return vn;
}

/* Every router is in the first VN; of the others, a sparse world leaves out some. */
bool
sim_in_vn(const struct sim *sim, size_t router, vn_id_t vn)
{
	size_t number = vn - SIM_VN;

	if (vn < SIM_VN || number >= sim->params.vns)
		return false;
	return number == 0 || !sim->params.sparse || (router * 7 + number * 3) % 5 < 3;
}

static struct conf_peer
make_peer(const struct sim *sim, size_t index)
{
	struct conf_peer p = {.name = router_name(index)};

	p.vns = rows(sim->params.vns, sizeof(*p.vns));
	for (size_t i = 0; i < sim->params.vns; i++) {
		struct conf_peer_vn *vn = &p.vns[p.vn_count];

		if (!sim_in_vn(sim, index, SIM_VN + (vn_id_t)i))
			continue;
		p.vn_count++;
		vn->id = SIM_VN + (vn_id_t)i;
		if (sim->params.layout == SIM_STRETCHED)
			continue;
		vn->prefixes = rows(1, sizeof(*vn->prefixes));
		vn->prefixes[0] = prefix_make(sim_ip(index, 0), 24);
		vn->prefix_count = 1;
	}
	return p;
}

void
make_conf(struct sim *sim, struct node *node)
{
	size_t n = sim->params.routers;
	struct conf *c = &node->conf;

	*c = (struct conf){.name = router_name(node->index),
			   .hello_interval = sim->params.hello,
			   .dead_time = 4 * sim->params.hello,
			   .mtu_max = 1500,
			   .hwdt_max = 2048,
			   .hwdt_expiry = 1200 * US_S};
	c->vns = rows(sim->params.vns, sizeof(*c->vns));
	for (size_t i = 0; i < sim->params.vns; i++)
		if (sim_in_vn(sim, node->index, SIM_VN + (vn_id_t)i))
			c->vns[c->vn_count++] = make_vn(sim, node->index, i);
	c->peers = rows(n, sizeof(*c->peers));
	for (size_t i = 0; i < n; i++)
		if (i != node->index)
			c->peers[c->peer_count++] = make_peer(sim, i);
	if (sim->params.tune != NULL)
		sim->params.tune(c, node->index);
}

void
sim_set_hosts(struct conf *conf, const char *const *names, size_t count)
{
	for (size_t i = 0; i < conf->vn_count; i++) {
		struct conf_vn *vn = &conf->vns[i];
		struct conf_mobile *m;

		vn->mobile = realloc(vn->mobile, 2 * sizeof(*vn->mobile));
		BUG_IF(vn->mobile == NULL);
		m = &vn->mobile[vn->mobile_count++];
		m->prefix = prefix_make(sim_ip(0, 0), 24);
		m->hosts = rows(count, sizeof(char *));
		m->host_count = count;
		for (size_t j = 0; j < count; j++) {
			m->hosts[j] = strdup(names[j]);
			BUG_IF(m->hosts[j] == NULL);
		}
	}
}

void
free_conf(struct sim *sim, struct node *node)
{
	(void)sim;
	conf_fini(&node->conf);
}
