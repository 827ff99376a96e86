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
	struct log *log;
	struct netlink_link device; /* that we open */
	int bridge;                 /* index, or 0 */
	int outer;                  /* index of the end that joins the bridge, or 0 */
	bool is_raised;             /* it was down and we set it up */
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

/* A bridge takes the lowest MAC of its ports for its own: ours is higher than any card's.  The same after a restart, so that
 * hosts need not learn it anew. */
static struct mac
high_mac(const char *name, struct mac bridge)
{
	struct mac mac = {{0xfe}};
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < sizeof(bridge.b); i++)
		hash = (hash ^ bridge.b[i]) * 0x100000001b3u;
	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
	for (size_t i = 1; i < sizeof(mac.b); i++)
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
make_pair(struct port_link *pl, const struct port_link_conf *conf,
	  const struct netlink_link *bridge)
{
	char inner[NETLINK_NAME_SIZE], outer[NETLINK_NAME_SIZE];
	struct netlink_veth veth = {.name = inner, .peer_name = outer, .mtu = bridge->mtu};
	struct netlink_link link;
	unsigned pair;
	int rc = choose_pair(pl, conf->device, &pair);

	if (rc < 0)
		return rc;
	end_name(conf->device, pair, 'i', inner);
	end_name(conf->device, pair, 'o', outer);
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
	set_features(pl, conf, outer);
	rc = netlink_find(pl->nl, inner, &link);
	if (rc == 0)
		rc = netlink_set_noarp(pl->nl, link.index);
	if (rc == 0)
		rc = netlink_set_up(pl->nl, pl->outer, true);
	if (rc == 0)
		rc = netlink_set_up(pl->nl, link.index, true);
	return rc < 0 ? rc : netlink_find(pl->nl, inner, &pl->device);
}

static int
open_device(struct port_link *pl, const struct port_link_conf *conf)
{
	struct netlink_link link;
	int rc = netlink_find(pl->nl, conf->device, &link);

	if (rc < 0)
		return rc;
	if (!link.is_ethernet)
		return -EPROTONOSUPPORT;
	if (strcmp(link.kind, "bridge") == 0) {
		pl->bridge = link.index;
		return make_pair(pl, conf, &link);
	}
	pl->device = link;
	if (link.is_up)
		return 0;
	rc = netlink_set_up(pl->nl, link.index, true);
	pl->is_raised = rc == 0;
	return rc;
}

int
port_link_create(const struct port_link_conf *conf, struct log *log, struct port_link **out)
{
	struct port_link *pl = calloc(1, sizeof(*pl));
	int rc;

	if (pl == NULL)
		return -ENOMEM;
	pl->log = log;
	rc = netlink_open(&pl->nl);
	if (rc == 0)
		rc = open_device(pl, conf);
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
port_link_destroy(struct port_link *pl)
{
	int rc = 0;

	if (pl == NULL)
		return;
	if (pl->outer != 0)
		rc = netlink_remove(pl->nl, pl->outer);
	else if (pl->is_raised)
		rc = netlink_set_up(pl->nl, pl->device.index, false);
	if (rc < 0 && rc != -ENODEV)
		log_line(pl->log, LOG_WARNING, "port", "%s: cannot put the device back: %s",
			 pl->device.name, strerror(-rc));
	netlink_close(pl->nl);
	free(pl);
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
