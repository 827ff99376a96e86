/* Making and unmaking the port's device. */
#include "vr/port_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vr/ethtool.h"

/* Pairs that one bridge can have: one for each port of any process on it. */
#define PAIRS_MAX 10

struct port_link {
	struct netlink *nl;
	struct netlink_watch *watch;
	struct log *log;
	struct port_link_conf conf;
	char *name;                 /* that was configured */
	struct netlink_link named;  /* what has this name now; index 0: nothing */
	int opened;                 /* index of what had it when we opened, or 0 */
	struct netlink_link device; /* that we open: the same, or our end of a pair */
	int bridge;                 /* index, or 0 */
	int outer;                  /* index of the end that joins the bridge, or 0 */
	bool has_news;
	bool is_raised; /* it was down and we set it up */
};

/* "br0-vr3fa20i": the bridge's name, shortened, a hash of all of it, the pair's number and i for our
 * end, o for the bridge's. */
static void
end_name(const char *bridge, unsigned pair, char side, char *name)
{
	uint32_t hash = 2166136261u;

	for (const char *c = bridge; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	snprintf(name, NETLINK_NAME_SIZE, "%.5s-vr%04x%u%c", bridge,
		 (unsigned)((hash ^ hash >> 16) & 0xffff), pair % PAIRS_MAX, side);
}

/* Removes what a killed process left behind: nobody has opened our end of it, or it would be
 * promiscuous.  Finds the first number that is free. */
static int
choose_pair(struct port_link *pl, const char *bridge, unsigned *pair)
{
	unsigned free_pair = PAIRS_MAX;

	for (unsigned i = PAIRS_MAX; i-- > 0;) {
		char name[NETLINK_NAME_SIZE];
		struct netlink_link link;
		int rc;

		end_name(bridge, i, 'i', name);
		rc = netlink_find(pl->nl, name, &link);
		if (rc == 0 && strcmp(link.kind, "veth") == 0 && link.promiscuity == 0) {
			log_line(pl->log, LOG_INFO, "port", "%s: removing %s of an earlier run",
				 bridge, name);
			rc = netlink_remove(pl->nl, link.index);
			if (rc == 0)
				rc = -ENODEV;
		}
		if (rc == -ENODEV)
			free_pair = i;
		else if (rc < 0)
			return rc;
	}
	*pair = free_pair;
	return free_pair < PAIRS_MAX ? 0 : -EBUSY;
}

/* A bridge takes the lowest MAC of its ports for its own: ours is higher than any card's, and than those of hypervisors' taps
 * (fe:54:00, fe:16:3e).  The same after a restart, so that hosts need not learn it anew. */
static struct mac
high_mac(const char *name, struct mac bridge)
{
	struct mac mac = {{0xfe, 0xff}};
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < sizeof(bridge.b); i++)
		hash = (hash ^ bridge.b[i]) * 0x100000001b3u;
	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
	for (size_t i = 2; i < sizeof(mac.b); i++)
		mac.b[i] = (uint8_t)(hash >> 8 * i);
	return mac;
}

/* Where a packet socket cannot describe super-frames the kernel cuts them on their way to us. */
static void
set_features(struct port_link *pl, const struct port_link_conf *conf, const char *outer)
{
	const char *feature = !conf->vnet_hdr ? ETHTOOL_TX_CSUM : ETHTOOL_TX_USO;
	int rc;

	if (conf->vnet_hdr && conf->udp_super)
		return;
	rc = ethtool_feature_set(outer, feature, false);
	if (rc < 0 && rc != -ENOENT)
		log_line(pl->log, LOG_WARNING, "port", "%s: cannot turn %s off: %s", outer, feature,
			 strerror(-rc));
}

static int
make_pair(struct port_link *pl, const struct netlink_link *bridge)
{
	char inner[NETLINK_NAME_SIZE], outer[NETLINK_NAME_SIZE];
	struct netlink_veth veth = {.name = inner, .peer_name = outer, .mtu = bridge->mtu};
	struct netlink_link link;
	unsigned pair;
	int rc = choose_pair(pl, pl->name, &pair);

	if (rc < 0)
		return rc;
	end_name(pl->name, pair, 'i', inner);
	end_name(pl->name, pair, 'o', outer);
	veth.mac = high_mac(inner, bridge->mac);
	veth.peer_mac = high_mac(outer, bridge->mac);
	rc = netlink_veth_add(pl->nl, &veth);
	if (rc < 0)
		return rc;
	rc = netlink_find(pl->nl, outer, &link);
	if (rc < 0)
		return rc;
	pl->outer = link.index;
	/* A kernel without a writable /proc has the addresses turned off at least. */
	if (netlink_disable_ip6(inner) < 0 || netlink_disable_ip6(outer) < 0)
		log_line(pl->log, LOG_DEBUG, "port", "%s: IPv6 stays on", inner);
	set_features(pl, &pl->conf, outer);
	rc = netlink_find(pl->nl, inner, &link);
	if (rc == 0)
		rc = netlink_set_noarp(pl->nl, link.index);
	if (rc == 0)
		rc = netlink_set_up(pl->nl, pl->outer, true);
	if (rc == 0)
		rc = netlink_set_up(pl->nl, link.index, true);
	return rc < 0 ? rc : netlink_find(pl->nl, inner, &pl->device);
}

static bool
is_bridge(const struct netlink_link *link)
{
	return strcmp(link->kind, "bridge") == 0;
}

int
port_link_open(struct port_link *pl, bool raise)
{
	int rc = netlink_find(pl->nl, pl->name, &pl->named);

	if (rc < 0)
		return rc;
	if (!pl->named.is_ethernet)
		return -EPROTONOSUPPORT;
	pl->opened = pl->named.index;
	if (is_bridge(&pl->named)) {
		pl->bridge = pl->named.index;
		return make_pair(pl, &pl->named);
	}
	pl->device = pl->named;
	if (pl->device.is_up)
		return 0;
	if (!raise)
		return -ENETDOWN;
	rc = netlink_set_up(pl->nl, pl->device.index, true);
	pl->is_raised = rc == 0;
	return rc;
}

int
port_link_create(const struct port_link_conf *conf, struct log *log, struct port_link **out)
{
	struct port_link *pl = calloc(1, sizeof(*pl));
	int rc = -ENOMEM;

	if (pl == NULL)
		return -ENOMEM;
	pl->log = log;
	pl->conf = *conf;
	pl->name = strdup(conf->device);
	if (pl->name != NULL)
		rc = netlink_open(&pl->nl);
	/* First of all: what changes while we open is heard afterwards. */
	if (rc == 0)
		rc = netlink_watch_open(&pl->watch);
	if (rc == 0)
		rc = port_link_open(pl, true);
	if (rc < 0) {
		log_line(log, LOG_ERROR, "port", "%s: cannot use the device: %s", conf->device,
			 strerror(-rc));
		port_link_destroy(pl);
		return rc;
	}
	*out = pl;
	return 0;
}

int
port_link_join(struct port_link *pl)
{
	return pl->bridge == 0 ? 0 : netlink_set_master(pl->nl, pl->outer, pl->bridge);
}

void
port_link_close(struct port_link *pl)
{
	int rc = 0;

	if (pl->outer != 0)
		rc = netlink_remove(pl->nl, pl->outer);
	else if (pl->is_raised && pl->device.index != 0)
		rc = netlink_set_up(pl->nl, pl->device.index, false);
	if (rc < 0 && rc != -ENODEV)
		log_line(pl->log, LOG_WARNING, "port", "%s: cannot put the device back: %s",
			 pl->device.name, strerror(-rc));
	pl->opened = pl->bridge = pl->outer = 0;
	pl->is_raised = false;
	pl->device = (struct netlink_link){0};
}

void
port_link_destroy(struct port_link *pl)
{
	if (pl == NULL)
		return;
	if (pl->nl != NULL)
		port_link_close(pl);
	netlink_watch_close(pl->watch);
	netlink_close(pl->nl);
	free(pl->name);
	free(pl);
}

/* ---- changes ---- */

int
port_link_fd(const struct port_link *pl)
{
	return netlink_watch_fd(pl->watch);
}

static void
heard(void *ctx, const struct netlink_link *link, bool is_gone)
{
	static const struct netlink_link none = {0};
	struct port_link *pl = ctx;

	if (!is_gone && strcmp(link->name, pl->name) == 0)
		pl->named = *link;
	else if (link->index == pl->named.index) /* or it has another name now */
		pl->named = none;
	else if (link->index != pl->device.index)
		return;
	if (link->index == pl->device.index)
		pl->device = is_gone ? none : *link;
	pl->has_news = true;
}

bool
port_link_read(struct port_link *pl)
{
	pl->has_news = false;
	if (netlink_watch_read(pl->watch, heard, pl) < 0) {
		port_link_look(pl);
		pl->has_news = true;
	}
	return pl->has_news;
}

void
port_link_look(struct port_link *pl)
{
	struct netlink_link link;

	if (netlink_find(pl->nl, pl->name, &link) == 0)
		pl->named = link;
	else
		pl->named = (struct netlink_link){0};
	if (pl->opened == 0)
		return;
	if (netlink_find(pl->nl, pl->device.name, &link) == 0 && link.index == pl->device.index)
		pl->device = link;
	else
		pl->device = (struct netlink_link){0};
}

enum port_link_state
port_link_state(const struct port_link *pl)
{
	if (pl->named.index == 0)
		return PORT_LINK_GONE;
	return pl->opened != 0 && pl->named.is_up && pl->named.has_carrier && pl->device.is_up
		       ? PORT_LINK_UP
		       : PORT_LINK_DOWN;
}

bool
port_link_is_stale(const struct port_link *pl)
{
	return pl->opened != 0 && (pl->opened != pl->named.index || pl->device.index == 0);
}

bool
port_link_is_waiting(const struct port_link *pl)
{
	return pl->opened == 0 && pl->named.index != 0 &&
	       (pl->named.is_up || is_bridge(&pl->named));
}

void
port_link_follow(struct port_link *pl)
{
	int rc;

	if (pl->outer == 0 || pl->named.mtu == pl->device.mtu)
		return;
	rc = netlink_set_mtu(pl->nl, pl->outer, pl->named.mtu);
	if (rc == 0)
		rc = netlink_set_mtu(pl->nl, pl->device.index, pl->named.mtu);
	if (rc < 0) {
		log_line(pl->log, LOG_WARNING, "port", "%s: cannot set its MTU to %u: %s",
			 pl->device.name, pl->named.mtu, strerror(-rc));
		return;
	}
	pl->device.mtu = pl->named.mtu;
}

const struct netlink_link *
port_link_device(const struct port_link *pl)
{
	return &pl->device;
}

bool
port_link_is_own(const struct port_link *pl)
{
	return pl->outer != 0;
}
