/* A port between the router and the machine that it runs on: a TAP device, bridged with the machine's NIC, isolated from it. */
#include "vr/port_kind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "vr/netlink_bridge.h"
#include "vr/nic_bridge.h"
#include "vr/port_host.h"
#include "vr/port_pcap.h"
#include "vr/tun.h"
#include "vr/tun_net.h"
#include "wire/eth.h"

/* What is gone is looked for again so often. */
#define RETRY_PACE (1 * US_S)

struct tap_port {
	struct port base;
	struct port_conf conf; /* its texts and arrays are ours */
	char *device;          /* the NIC */
	char tap_name[NETLINK_NAME_SIZE];
	struct port_host_copy host;
	const struct port_ops *ops;
	void *ctx;
	struct log *log;
	struct netlink *nl;
	struct netlink_watch *watch;
	struct nic_bridge *bridge;
	/* NULL while a part is gone. */
	struct tun *tun;
	struct port_pcap *pcap; /* of the bridge: what the host hears */
	struct netlink_link tap, over,
		nic; /* the device, the bridge and the NIC, as the kernel said last */
	bool has_news;
	bool has_net;               /* the bridge has the host's addresses */
	enum port_link_state state; /* as it was said last */
	us_t retry;                 /* US_NEVER: nothing to try */
	bool is_again;              /* what is wrong has been said */
	struct port_stats past;     /* of devices that were closed */
	uint64_t rx_control, tx_control, drop_tx;
	struct log_gate gate; /* for a device that fails */
	us_t now;             /* of the call in progress */
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

/* ---- the devices ---- */

static int
make_tap(struct tap_port *p)
{
	const struct netlink_link *bridge = nic_bridge_link(p->bridge);
	struct tun_conf conf = {.name = p->tap_name,
				.is_tap = true,
				.router = p->base.mac,
				.mtu = (uint16_t)bridge->mtu,
				.vnet_hdr = p->conf.vnet_hdr,
				.udp_super = p->conf.udp_super_frames};
	int rc = tun_create(&conf, &p->tun);

	if (rc == 0)
		rc = netlink_find(p->nl, p->tap_name, &p->tap);
	if (rc < 0)
		return rc;
	if (netlink_disable_ip6(p->tap_name) < 0)
		log_line(p->log, LOG_DEBUG, "port", "%s: IPv6 stays on", p->tap_name);
	return netlink_set_mtu(p->nl, p->tap.index, bridge->mtu);
}

/* Before the first frame of the router's: the switch knows where its MAC is, and nothing for it goes to the LAN. */
static int
join_bridge(struct tap_port *p)
{
	int index = p->tap.index;
	int rc = netlink_set_master(p->nl, index, nic_bridge_link(p->bridge)->index);

	if (rc == 0)
		rc = netlink_port_isolate(p->nl, index, true);
	if (rc == 0)
		rc = netlink_port_mac(p->nl, index, p->base.mac);
	if (rc == 0)
		rc = netlink_set_up(p->nl, index, true);
	return rc == 0 ? netlink_find(p->nl, p->tap_name, &p->tap) : rc;
}

/* The first time what a killed process has left is taken away: it could be of another configuration. */
static int
give_net(struct tap_port *p)
{
	static const struct port_host none = {.address_count = 0};
	const struct netlink_link *bridge = nic_bridge_link(p->bridge);
	const struct port_host *host = &p->host.host;
	int rc;

	if (!p->has_net)
		(void)!tun_net_set(p->nl, bridge, host, &none, NULL);
	rc = tun_net_set(p->nl, bridge, p->has_net ? host : NULL, host,
			 p->is_again ? NULL : p->log);
	p->has_net = p->has_net || rc != -EADDRINUSE;
	return rc;
}

static void
close_devices(struct tap_port *p)
{
	if (p->tun != NULL && p->pcap != NULL) {
		port_stats(&p->base, &p->past);
		p->rx_control = p->tx_control = p->drop_tx = 0;
	}
	port_pcap_destroy(p->pcap);
	p->pcap = NULL;
	tun_destroy(p->tun);
	p->tun = NULL;
	p->tap = (struct netlink_link){0};
}

static int
open_devices(struct tap_port *p)
{
	int rc = nic_bridge_attach(p->bridge, p->is_again);

	if (rc == 0)
		rc = make_tap(p);
	if (rc == 0)
		rc = join_bridge(p);
	if (rc == 0)
		rc = give_net(p);
	if (rc == 0)
		rc = port_pcap_create(nic_bridge_link(p->bridge)->name, p->log, &p->pcap);
	if (rc < 0) {
		close_devices(p);
		return rc;
	}
	p->over = *nic_bridge_link(p->bridge);
	p->nic = *nic_bridge_nic(p->bridge);
	p->base.mtu = (uint16_t)p->over.mtu;
	p->base.vnet_hdr = tun_has_vnet_hdr(p->tun);
	p->base.udp_super = tun_has_udp_super(p->tun);
	log_line(p->log, LOG_INFO, "port",
		 "%s: beside %s on %s, router MAC %s, MTU %u, vnet header %s, %zu addresses, %zu "
		 "routes",
		 p->tap_name, p->device, p->over.name, fmt_mac(p->base.mac).s, p->base.mtu,
		 p->base.vnet_hdr ? "yes" : "no", p->host.host.address_count,
		 p->host.host.route_count);
	return 0;
}

static enum port_link_state
state_of(const struct tap_port *p)
{
	if (p->tun == NULL)
		return PORT_LINK_GONE;
	return p->tap.is_up && p->over.is_up ? PORT_LINK_UP : PORT_LINK_DOWN;
}

static int
create(struct tap_port *p, const struct port_conf *conf)
{
	int rc = port_host_copy(conf->host, &p->host);

	p->device = strdup(conf->device);
	if (rc < 0 || p->device == NULL)
		return -ENOMEM;
	snprintf(p->tap_name, sizeof(p->tap_name), "%.11s-vrt", conf->device);
	rc = netlink_open(&p->nl);
	/* First of all: what changes while we open is heard afterwards. */
	if (rc == 0)
		rc = netlink_watch_open(&p->watch);
	if (rc < 0)
		return rc;
	p->bridge = nic_bridge_create(p->nl, p->device, p->log);
	return p->bridge != NULL ? open_devices(p) : -ENOMEM;
}

static void
destroy(struct port *base)
{
	static const struct port_host none = {.address_count = 0};
	struct tap_port *p = tap_of(base);

	close_devices(p);
	/* What is the network's must not go to the NIC. */
	if (p->has_net)
		(void)!tun_net_set(p->nl, nic_bridge_link(p->bridge), &p->host.host, &none, p->log);
	nic_bridge_destroy(p->bridge);
	netlink_watch_close(p->watch);
	netlink_close(p->nl);
	port_host_fini(&p->host);
	free(p->device);
	free(p);
}

int
port_tap_create(const struct port_conf *conf, const struct port_ops *ops, void *ctx,
		struct log *log, struct port **out)
{
	struct tap_port *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return -ENOMEM;
	p->base.kind = &port_tap_kind;
	p->base.mac = conf->router_mac;
	p->conf = *conf;
	p->conf.device = NULL;
	p->conf.guard = NULL;
	p->conf.host = NULL;
	p->ops = ops;
	p->ctx = ctx;
	p->log = log;
	p->retry = US_NEVER;
	rc = create(p, conf);
	if (rc < 0) {
		log_line(log, LOG_ERROR, "port", "%s: cannot open the port: %s", conf->device,
			 strerror(-rc));
		destroy(&p->base);
		return rc;
	}
	p->state = state_of(p);
	*out = &p->base;
	return 0;
}

/* ---- devices that change ---- */

static void
say_state(struct tap_port *p)
{
	enum port_link_state state = state_of(p);

	if (state == p->state)
		return;
	/* With the link the kernel has set its routes down. */
	if (state == PORT_LINK_UP && p->state == PORT_LINK_DOWN)
		(void)!tun_net_set(p->nl, &p->over, &p->host.host, &p->host.host, p->log);
	p->state = state;
	log_line(p->log, state == PORT_LINK_UP ? LOG_INFO : LOG_WARNING, "port", "%s: link %s",
		 p->device, port_state_name(state));
}

static void
follow_mtu(struct tap_port *p)
{
	if (p->over.mtu == p->base.mtu || p->over.mtu > UINT16_MAX)
		return;
	p->base.mtu = (uint16_t)p->over.mtu;
	tun_set_mtu(p->tun, p->base.mtu);
	log_line(p->log, LOG_INFO, "port", "%s: MTU %u", p->device, p->base.mtu);
}

/* Are all parts there and together? */
static bool
is_whole(const struct tap_port *p)
{
	return p->over.index != 0 && p->tap.master == p->over.index &&
	       p->nic.master == p->over.index;
}

static void
settle(struct tap_port *p)
{
	if (p->tun != NULL && !is_whole(p)) {
		if (p->ops->closing != NULL)
			p->ops->closing(p->ctx, p->conf.number);
		close_devices(p);
		p->retry = p->now + RETRY_PACE;
	}
	if (p->tun != NULL)
		follow_mtu(p);
	say_state(p);
	if (p->ops->changed != NULL)
		p->ops->changed(p->ctx, p->conf.number, p->now);
}

/* What is said may be older than what we have made since: it is a reason to look. */
static void
heard(void *ctx, const struct netlink_link *link, bool is_gone)
{
	struct tap_port *p = ctx;

	(void)is_gone;
	p->has_news = p->has_news || link->index == p->tap.index || link->index == p->over.index ||
		      link->index == nic_bridge_nic(p->bridge)->index;
}

/* As it is now; index 0: not there, or another one. */
static struct netlink_link
look_at(struct tap_port *p, const char *name, int index)
{
	struct netlink_link link;

	if (netlink_find(p->nl, name, &link) < 0 || link.index != index)
		return (struct netlink_link){0};
	return link;
}

static void
look(struct tap_port *p)
{
	if (p->tun == NULL)
		return;
	p->over = look_at(p, p->over.name, p->over.index);
	p->tap = look_at(p, p->tap_name, p->tap.index);
	p->nic = look_at(p, p->device, p->nic.index);
}

static int
link_event_fd(const struct port *base)
{
	return netlink_watch_fd(const_tap_of(base)->watch);
}

static void
link_event_readable(struct port *base, us_t now)
{
	struct tap_port *p = tap_of(base);

	p->now = now;
	p->has_news = false;
	if (netlink_watch_read(p->watch, heard, p) < 0)
		p->has_news = true;
	if (!p->has_news)
		return;
	look(p);
	settle(p);
}

static us_t
run(struct port *base, us_t now)
{
	struct tap_port *p = tap_of(base);

	p->now = now;
	if (now < p->retry)
		return p->retry;
	p->is_again = open_devices(p) < 0;
	p->retry = p->is_again ? now + RETRY_PACE : US_NEVER;
	if (p->tun != NULL)
		settle(p);
	return p->retry;
}

static int
set_host(struct port *base, const struct port_host *host)
{
	struct tap_port *p = tap_of(base);
	struct port_host_copy new, old = p->host;
	int rc = port_host_copy(host, &new);

	if (rc < 0)
		return rc;
	if (p->tun != NULL)
		rc = tun_net_set(p->nl, &p->over, &old.host, &new.host, p->log);
	if (rc == -EADDRINUSE) {
		port_host_fini(&new);
		return rc;
	}
	p->host = new;
	port_host_fini(&old);
	return rc;
}

/* ---- frames ---- */

static int
bulk_fd(const struct port *base)
{
	const struct tap_port *p = const_tap_of(base);

	return p->tun != NULL ? tun_fd(p->tun) : -1;
}

static int
control_fd(const struct port *base)
{
	const struct tap_port *p = const_tap_of(base);

	return p->pcap != NULL ? port_pcap_fd(p->pcap) : -1;
}

static void
frame_heard(void *ctx, struct frame *f)
{
	struct tap_port *p = ctx;
	uint16_t type = (uint16_t)(f->data[12] << 8 | f->data[13]);

	if (type == ETH_ARP || type == ETH_RARP) {
		p->rx_control++;
		p->ops->control(p->ctx, p->conf.number, f->data, f->size, false, p->now);
		return;
	}
	p->ops->frame(p->ctx, p->conf.number, f, p->now);
	/* The next frame comes where this one stands. */
	tun_flush(p->tun);
}

static void
bulk_readable(struct port *base, us_t now)
{
	struct tap_port *p = tap_of(base);
	int rc;

	if (p->tun == NULL)
		return;
	p->now = now;
	rc = tun_read(p->tun, frame_heard, p);
	p->ops->batch_end(p->ctx, now);
	if (rc == -ENODEV) {
		/* It stays readable; the kernel's word of it may come later. */
		look(p);
		settle(p);
	} else if (rc < 0 && log_gate_open(&p->gate, now)) {
		log_line(p->log, LOG_WARNING, "port", "%s: %s", p->device, strerror(-rc));
	}
}

/* What the host itself says comes through the TAP device. */
static void
arp_heard(void *ctx, const uint8_t *frame, size_t size, bool outgoing)
{
	struct tap_port *p = ctx;

	if (!outgoing && memcmp(frame + 6, p->base.mac.b, sizeof(p->base.mac.b)) != 0)
		p->ops->beside(p->ctx, p->conf.number, frame, size, p->now);
}

static void
control_readable(struct port *base, us_t now)
{
	struct tap_port *p = tap_of(base);
	int rc;

	if (p->pcap == NULL)
		return;
	p->now = now;
	rc = port_pcap_read(p->pcap, arp_heard, p);
	if (rc < 0 && rc != -ENETDOWN && log_gate_open(&p->gate, now))
		log_line(p->log, LOG_WARNING, "port", "%s: %s", p->over.name, strerror(-rc));
	p->ops->batch_end(p->ctx, now);
}

static int
send_frame(struct port *base, struct frame *f)
{
	struct tap_port *p = tap_of(base);

	if (p->tun == NULL) {
		p->drop_tx++;
		return -ENETDOWN;
	}
	return tun_send(p->tun, f);
}

static void
flush(struct port *base)
{
	struct tap_port *p = tap_of(base);

	if (p->tun == NULL)
		return;
	tun_flush(p->tun);
	if (p->base.udp_super && !tun_has_udp_super(p->tun)) {
		p->base.udp_super = false;
		log_line(p->log, LOG_WARNING, "port",
			 "%s: no UDP super-frames: sending packet by packet", p->tap_name);
	}
}

static int
inject(struct port *base, const uint8_t *frame, size_t size)
{
	struct tap_port *p = tap_of(base);
	int rc = p->tun != NULL ? tun_inject(p->tun, frame, size) : -ENETDOWN;

	if (rc < 0)
		p->drop_tx++;
	else
		p->tx_control++;
	return rc;
}

static enum port_link_state
state(const struct port *base)
{
	return state_of(const_tap_of(base));
}

static void
count_all(struct port *base, struct port_stats *out)
{
	struct tap_port *p = tap_of(base);
	struct port_pcap_stats control = {0};
	struct tun_stats bulk = {0};
	struct port_stats now;

	if (p->tun != NULL)
		tun_stats(p->tun, &bulk);
	if (p->pcap != NULL)
		port_pcap_stats(p->pcap, &control);
	now = (struct port_stats){
		.rx_frames = p->past.rx_frames + bulk.rx_frames - p->rx_control,
		.rx_bytes = p->past.rx_bytes + bulk.rx_bytes,
		.tx_frames = p->past.tx_frames + bulk.tx_frames,
		.tx_bytes = p->past.tx_bytes + bulk.tx_bytes,
		.rx_control = p->past.rx_control + p->rx_control,
		.tx_control = p->past.tx_control + p->tx_control,
		.rx_echoes = p->past.rx_echoes + bulk.rx_echoes,
		.drop_vlan = p->past.drop_vlan + bulk.drop_vlan,
		.drop_kernel = p->past.drop_kernel + bulk.drop_kernel + control.drop_kernel,
		.drop_tx = p->past.drop_tx + bulk.drop_tx + p->drop_tx,
		.drop_malformed = p->past.drop_malformed + bulk.drop_malformed,
		.drop_too_large = p->past.drop_too_large + bulk.drop_too_large,
	};
	*out = now;
}

const struct port_kind port_tap_kind = {
	.destroy = destroy,
	.bulk_fd = bulk_fd,
	.control_fd = control_fd,
	.link_event_fd = link_event_fd,
	.bulk_readable = bulk_readable,
	.control_readable = control_readable,
	.link_event_readable = link_event_readable,
	.run = run,
	.host_set = set_host,
	.send = send_frame,
	.flush = flush,
	.inject = inject,
	.state = state,
	.stats = count_all,
};
