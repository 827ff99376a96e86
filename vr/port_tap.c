/* A port between the router and the machine that it runs on: a TAP device, bridged with the machine's NIC, isolated from it. */
#include "vr/port_hosted.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fmt.h"
#include "vr/netlink_bridge.h"
#include "vr/nic_bridge.h"
#include "vr/port_pcap.h"
#include "vr/tun_net.h"
#include "wire/eth.h"

struct tap_port {
	struct hosted_port hosted; /* its link is the bridge, its device the NIC */
	char tap_name[NETLINK_NAME_SIZE];
	struct nic_bridge *bridge;
	struct port_pcap *pcap; /* of the bridge: what the host hears; NULL while a part is gone */
	struct netlink_link tap, nic; /* as the kernel said last */
	bool has_net;                 /* the bridge has the host's addresses */
};

static struct tap_port *
tap_of(struct port *base)
{
	return (struct tap_port *)base;
}

static const struct tap_port *
const_tap_of(const struct port *base)
{
	return (const struct tap_port *)base;
}

static struct tap_port *
tap_with(struct hosted_port *hosted)
{
	return tap_of(&hosted->base);
}

/* ---- the devices ---- */

static int
make_tap(struct tap_port *p)
{
	const struct netlink_link *bridge = nic_bridge_link(p->bridge);
	struct hosted_port *hosted = &p->hosted;
	struct tun_conf conf = {.name = p->tap_name,
				.is_tap = true,
				.router = hosted->base.mac,
				.mtu = (uint16_t)bridge->mtu,
				.vnet_hdr = hosted->base.conf.vnet_hdr,
				.udp_super = hosted->base.conf.udp_super_frames};
	int rc = tun_create(&conf, &hosted->tun);

	if (rc == 0)
		rc = netlink_find(hosted->nl, p->tap_name, &p->tap);
	if (rc < 0)
		return rc;
	hosted_silence_ip6(hosted);
	return netlink_set_mtu(hosted->nl, p->tap.index, bridge->mtu);
}

/* Before the first frame of the router's: the switch knows where its MAC is, and nothing for it goes to the LAN. */
static int
join_bridge(struct tap_port *p)
{
	struct netlink *nl = p->hosted.nl;
	int index = p->tap.index;
	int rc = netlink_set_master(nl, index, nic_bridge_link(p->bridge)->index);

	if (rc == 0)
		rc = netlink_port_isolate(nl, index, true);
	if (rc == 0)
		rc = netlink_port_mac(nl, index, p->hosted.base.mac);
	if (rc == 0)
		rc = netlink_set_up(nl, index, true);
	return rc == 0 ? netlink_find(nl, p->tap_name, &p->tap) : rc;
}

/* The first time what a killed process has left is taken away: it could be of another configuration. */
static int
give_net(struct tap_port *p)
{
	static const struct port_host none = {.address_count = 0};
	const struct netlink_link *bridge = nic_bridge_link(p->bridge);
	const struct port_host *host = &p->hosted.host.host;
	struct log *log = p->hosted.is_again ? NULL : p->hosted.base.log;
	int rc;

	if (!p->has_net)
		(void)!tun_net_set(p->hosted.nl, bridge, host, &none, NULL);
	rc = tun_net_set(p->hosted.nl, bridge, p->has_net ? host : NULL, host, log);
	p->has_net = p->has_net || rc != -EADDRINUSE;
	return rc;
}

static void
close_devices(struct hosted_port *hosted)
{
	struct tap_port *p = tap_with(hosted);

	if (hosted->tun != NULL && p->pcap != NULL)
		port_keep_stats(&hosted->base);
	port_pcap_destroy(p->pcap);
	p->pcap = NULL;
	tun_destroy(hosted->tun);
	hosted->tun = NULL;
	p->tap = (struct netlink_link){0};
}

static int
open_devices(struct hosted_port *hosted)
{
	const struct port_host *host = &hosted->host.host;
	struct tap_port *p = tap_with(hosted);
	const struct port *base = &hosted->base;
	int rc = nic_bridge_attach(p->bridge, hosted->is_again);

	if (rc == 0)
		rc = make_tap(p);
	if (rc == 0)
		rc = join_bridge(p);
	if (rc == 0)
		rc = give_net(p);
	if (rc == 0)
		rc = port_pcap_create(nic_bridge_link(p->bridge)->name, base->log, &p->pcap);
	if (rc < 0) {
		close_devices(hosted);
		return rc;
	}
	hosted->link = *nic_bridge_link(p->bridge);
	p->nic = *nic_bridge_nic(p->bridge);
	hosted_opened(hosted, (uint16_t)hosted->link.mtu);
	log_line(base->log, LOG_INFO, "port",
		 "%s: beside %s on %s, router MAC %s, MTU %u, vnet header %s, %zu addresses, %zu "
		 "routes",
		 p->tap_name, base->device, hosted->link.name, fmt_mac(base->mac).s, base->mtu,
		 base->vnet_hdr ? "yes" : "no", host->address_count, host->route_count);
	return 0;
}

static bool
is_whole(const struct hosted_port *hosted)
{
	const struct tap_port *p = const_tap_of(&hosted->base);
	int bridge = hosted->link.index;

	return bridge != 0 && p->tap.master == bridge && p->nic.master == bridge;
}

/* What is said may be older than what we have made since: it is a reason to look. */
static void
link_heard(void *ctx, const struct netlink_link *link, bool is_gone)
{
	struct tap_port *p = ctx;

	(void)is_gone;
	if (link->index == p->tap.index || link->index == p->hosted.link.index ||
	    link->index == nic_bridge_nic(p->bridge)->index)
		p->hosted.must_look = true;
}

static void
look(struct hosted_port *hosted)
{
	struct tap_port *p = tap_with(hosted);

	if (hosted->tun == NULL)
		return;
	hosted->link = hosted_look(hosted, hosted->link.name, hosted->link.index);
	p->tap = hosted_look(hosted, p->tap_name, p->tap.index);
	p->nic = hosted_look(hosted, hosted->base.device, p->nic.index);
}

static void
frame_heard(void *ctx, struct frame *f)
{
	struct hosted_port *p = ctx;
	struct port *base = &p->base;
	uint16_t type = (uint16_t)(f->data[12] << 8 | f->data[13]);

	if (type != ETH_ARP && type != ETH_RARP) {
		hosted_frame(p, f);
		return;
	}
	/* The device counts all that it reads as frames. */
	base->counted.rx_frames--;
	base->counted.rx_control++;
	base->ops->control(base->ctx, base->conf.number, f->data, f->size, false, base->now);
}

static int
open_port(struct port *base, const struct port_conf *conf)
{
	static const struct hosted_parts parts = {
		.open = open_devices,
		.close = close_devices,
		.is_whole = is_whole,
		.heard = link_heard,
		.look = look,
		.frame = frame_heard,
	};
	struct tap_port *p = tap_of(base);
	int rc;

	snprintf(p->tap_name, sizeof(p->tap_name), "%.11s-vrt", conf->device);
	p->hosted.parts = &parts;
	p->hosted.name = p->tap_name;
	rc = hosted_init(&p->hosted, conf);
	if (rc < 0)
		return rc;
	p->bridge = nic_bridge_create(p->hosted.nl, base->device, base->log);
	return p->bridge != NULL ? open_devices(&p->hosted) : -ENOMEM;
}

static void
close_port(struct port *base)
{
	static const struct port_host none = {.address_count = 0};
	struct tap_port *p = tap_of(base);
	struct hosted_port *hosted = &p->hosted;

	close_devices(hosted);
	/* What is the network's must not go to the NIC. */
	if (p->has_net)
		(void)!tun_net_set(hosted->nl, nic_bridge_link(p->bridge), &hosted->host.host,
				   &none, base->log);
	nic_bridge_destroy(p->bridge);
	hosted_fini(hosted);
}

static enum port_link_state
state(const struct port *base)
{
	const struct tap_port *p = const_tap_of(base);

	if (p->hosted.tun == NULL)
		return PORT_LINK_GONE;
	return p->tap.is_up && p->hosted.link.is_up ? PORT_LINK_UP : PORT_LINK_DOWN;
}

/* ---- frames ---- */

static int
control_fd(const struct port *base)
{
	const struct tap_port *p = const_tap_of(base);

	return p->pcap != NULL ? port_pcap_fd(p->pcap) : -1;
}

/* What the host itself says comes through the TAP device. */
static void
arp_heard(void *ctx, const uint8_t *frame, size_t size, bool outgoing)
{
	const struct port *base = ctx;

	if (!outgoing && memcmp(frame + 6, base->mac.b, sizeof(base->mac.b)) != 0)
		base->ops->beside(base->ctx, base->conf.number, frame, size, base->now);
}

static void
control_readable(struct port *base, us_t now)
{
	struct tap_port *p = tap_of(base);
	int rc;

	/* What the machine asked before what it was answered: both may wait. */
	hosted_bulk_readable(base, now);
	if (p->pcap == NULL)
		return;
	base->now = now;
	rc = port_pcap_read(p->pcap, arp_heard, base);
	if (rc < 0 && rc != -ENETDOWN)
		port_failed(base, p->hosted.link.name, rc);
	base->ops->batch_end(base->ctx, now);
}

static int
inject(struct port *base, const uint8_t *frame, size_t size)
{
	struct tun *tun = tap_of(base)->hosted.tun;

	return port_injected(base, tun != NULL ? tun_inject(tun, frame, size) : -ENETDOWN);
}

static void
count_open(struct port *base, struct port_stats *out)
{
	struct tap_port *p = tap_of(base);
	struct port_pcap_stats control = {0};

	hosted_stats(base, out);
	if (p->pcap != NULL)
		port_pcap_stats(p->pcap, &control);
	out->drop_kernel += control.drop_kernel;
}

const struct port_kind port_tap_kind = {
	.size = sizeof(struct tap_port),
	.open = open_port,
	.close = close_port,
	.bulk_fd = hosted_bulk_fd,
	.control_fd = control_fd,
	.link_event_fd = hosted_link_event_fd,
	.bulk_readable = hosted_bulk_readable,
	.control_readable = control_readable,
	.link_event_readable = hosted_link_event_readable,
	.run = hosted_run,
	.host_set = hosted_host_set,
	.send = hosted_send,
	.flush = hosted_flush,
	.inject = inject,
	.state = state,
	.stats = count_open,
};
