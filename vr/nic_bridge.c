/* A NIC and its bridge: see nic_bridge.h. */
#include "vr/nic_bridge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vr/netlink_bridge.h"

struct nic_bridge {
	struct netlink *nl;
	struct log *log;
	char *name;                      /* of the NIC */
	char made[NETLINK_NAME_SIZE];    /* the name of a bridge of ours */
	struct netlink_link nic, bridge; /* index 0: not found yet */
	bool is_own;
	bool is_raised; /* the NIC was down and we set it up */
};

struct nic_bridge *
nic_bridge_create(struct netlink *nl, const char *nic, struct log *log)
{
	struct nic_bridge *nb = calloc(1, sizeof(*nb));

	if (nb == NULL)
		return NULL;
	*nb = (struct nic_bridge){.nl = nl, .log = log, .name = strdup(nic)};
	if (nb->name == NULL) {
		free(nb);
		return NULL;
	}
	snprintf(nb->made, sizeof(nb->made), "%.11s-vrb", nic);
	return nb;
}

static bool
is_bridge(const struct netlink_link *link)
{
	return strcmp(link->kind, "bridge") == 0;
}

static const char *
fault(const struct nic_bridge *nb, int rc)
{
	if (rc == -EPROTONOSUPPORT)
		return is_bridge(&nb->nic) ? "it is a bridge: name the NIC that is its port"
					   : "it is no Ethernet device";
	if (rc == -EBUSY)
		return "it is part of another device, which is no bridge";
	if (rc == -EEXIST)
		return "the name of its bridge is taken";
	return strerror(-rc);
}

/* Ours is found again after a kill, and when the NIC was gone for a while. */
static int
find_or_make(struct nic_bridge *nb)
{
	int rc = netlink_find(nb->nl, nb->made, &nb->bridge);

	if (rc == 0)
		return is_bridge(&nb->bridge) ? 0 : -EEXIST;
	if (rc != -ENODEV)
		return rc;
	rc = netlink_bridge_add(nb->nl, nb->made, nb->nic.mac, nb->nic.mtu);
	if (rc == 0)
		rc = netlink_find(nb->nl, nb->made, &nb->bridge);
	return rc;
}

/* First the addresses and routes, then the NIC: what the machine says finds its way meanwhile. */
static int
take_nic(struct nic_bridge *nb)
{
	int rc = find_or_make(nb);

	if (rc < 0)
		return rc;
	nb->is_own = true;
	rc = netlink_set_up(nb->nl, nb->bridge.index, true);
	if (rc == 0)
		rc = netlink_net_copy(nb->nl, nb->nic.index, nb->bridge.index);
	if (rc == 0)
		rc = netlink_set_master(nb->nl, nb->nic.index, nb->bridge.index);
	if (rc == 0)
		rc = netlink_net_clear(nb->nl, nb->nic.index);
	if (rc == 0)
		log_line(nb->log, LOG_INFO, "port",
			 "%s: now a port of %s, which has its addresses and routes", nb->name,
			 nb->made);
	return rc;
}

static int
attach(struct nic_bridge *nb)
{
	int rc = netlink_find(nb->nl, nb->name, &nb->nic);

	if (rc < 0)
		return rc;
	if (!nb->nic.is_ethernet || is_bridge(&nb->nic))
		return -EPROTONOSUPPORT;
	if (!nb->nic.is_up) {
		rc = netlink_set_up(nb->nl, nb->nic.index, true);
		nb->is_raised = rc == 0;
	}
	if (rc == 0 && nb->nic.master == 0)
		rc = take_nic(nb);
	else if (rc == 0)
		rc = netlink_find_index(nb->nl, nb->nic.master, &nb->bridge);
	if (rc < 0)
		return rc;
	if (!is_bridge(&nb->bridge))
		return -EBUSY;
	nb->is_own = strcmp(nb->bridge.name, nb->made) == 0;
	rc = netlink_port_isolate(nb->nl, nb->nic.index, true);
	return rc == 0 ? netlink_find(nb->nl, nb->name, &nb->nic) : rc;
}

int
nic_bridge_attach(struct nic_bridge *nb, bool is_quiet)
{
	int rc = attach(nb);

	if (rc < 0 && !is_quiet)
		log_line(nb->log, LOG_ERROR, "port", "%s: cannot bridge it: %s", nb->name,
			 fault(nb, rc));
	return rc;
}

/* As in take_nic(), the other way round. */
static int
give_back(struct nic_bridge *nb)
{
	int rc = netlink_net_copy(nb->nl, nb->bridge.index, nb->nic.index);

	/* What could not be given back must not keep the NIC. */
	if (netlink_set_master(nb->nl, nb->nic.index, 0) < 0 && rc == 0)
		rc = -EBUSY;
	return rc;
}

static void
detach(struct nic_bridge *nb)
{
	struct netlink_link nic;
	bool has_nic = netlink_find(nb->nl, nb->name, &nic) == 0 && nic.index == nb->nic.index &&
		       nic.master == nb->bridge.index;
	int rc = 0;

	if (!nb->is_own) {
		if (has_nic)
			rc = netlink_port_isolate(nb->nl, nb->nic.index, false);
	} else {
		if (has_nic)
			rc = give_back(nb);
		if (netlink_remove(nb->nl, nb->bridge.index) < 0 && rc == 0)
			rc = -EBUSY;
	}
	if (nb->is_raised && has_nic && netlink_set_up(nb->nl, nb->nic.index, false) < 0 && rc == 0)
		rc = -EBUSY;
	if (rc < 0)
		log_line(nb->log, LOG_WARNING, "port", "%s: cannot put everything back: %s",
			 nb->name, strerror(-rc));
}

void
nic_bridge_destroy(struct nic_bridge *nb)
{
	if (nb == NULL)
		return;
	if (nb->bridge.index != 0)
		detach(nb);
	free(nb->name);
	free(nb);
}

const struct netlink_link *
nic_bridge_link(const struct nic_bridge *nb)
{
	return &nb->bridge;
}

const struct netlink_link *
nic_bridge_nic(const struct nic_bridge *nb)
{
	return &nb->nic;
}
