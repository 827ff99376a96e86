/* A port put together: its device, the guard, the bulk socket, the capture and the injector. */
#include "vr/port.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "vr/guard.h"
#include "vr/port_echo.h"
#include "vr/port_libnet.h"
#include "vr/port_link.h"
#include "vr/port_packet.h"
#include "vr/port_pcap.h"

struct port {
	unsigned number;
	const struct port_ops *ops;
	void *ctx;
	struct log *log;
	bool use_nic_mac;
	struct mac mac;
	uint16_t mtu;
	bool udp_super; /* as last reported */
	struct port_link *link;
	struct guard *guard;
	struct port_packet *packet;
	struct port_pcap *pcap;
	struct port_libnet *libnet;
	struct port_echo *echo;
	uint64_t rx_control, tx_control, rx_echoes, drop_tx;
	struct log_gate gate; /* for a device that fails */
	us_t now;             /* of the call in progress */
};

/* A device of our own is guarded whole: what the bridge floods is not for the host's kernel, which
 * has it from the bridge already.  There the kernel ignores nearly everything anyway, so that it
 * may
 * do without nftables; with the NIC's own MAC it may not. */
static int
make_guard(struct port *p, const struct port_conf *conf)
{
	bool is_own = port_link_is_own(p->link);
	struct guard_conf guard = {
		.device = port_link_device(p->link)->name,
		.everything = is_own,
		.prefixes = conf->guard,
		.count = conf->guard_count,
	};
	bool is_needed = conf->use_nic_mac;
	int rc;

	if (!is_own && (!conf->use_nic_mac || conf->guard_count == 0))
		return 0;
	rc = guard_create(&guard, p->log, is_needed ? LOG_ERROR : LOG_INFO, &p->guard);
	return is_needed ? rc : 0;
}

static int
open_sockets(struct port *p, const struct port_conf *conf)
{
	const struct netlink_link *device = port_link_device(p->link);
	struct port_packet_conf packet = {
		.index = device->index,
		.mac = p->mac,
		.mtu = p->mtu,
		.vnet_hdr = conf->vnet_hdr,
		.udp_super = conf->udp_super_frames,
	};
	int rc = port_packet_create(&packet, &p->packet);

	if (rc == 0)
		rc = port_pcap_create(device->name, p->log, &p->pcap);
	if (rc == 0)
		rc = port_libnet_create(device->name, p->log, &p->libnet);
	return rc;
}

static int
assemble(struct port *p, const struct port_conf *conf)
{
	struct port_link_conf link = {
		.device = conf->device,
		.vnet_hdr = conf->vnet_hdr,
		.udp_super = conf->udp_super_frames,
	};
	const struct netlink_link *device;
	int rc = port_link_create(&link, p->log, &p->link);

	if (rc < 0)
		return rc;
	device = port_link_device(p->link);
	p->mac = conf->use_nic_mac ? device->mac : conf->router_mac;
	p->mtu = (uint16_t)(device->mtu < UINT16_MAX ? device->mtu : UINT16_MAX);
	p->echo = port_echo_create(p->mac);
	if (p->echo == NULL)
		return -ENOMEM;
	rc = make_guard(p, conf);
	if (rc == 0)
		rc = open_sockets(p, conf);
	return rc < 0 ? rc : port_link_join(p->link);
}

int
port_create(const struct port_conf *conf, const struct port_ops *ops, void *ctx, struct log *log,
	    struct port **out)
{
	struct port *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return -ENOMEM;
	p->number = conf->number;
	p->ops = ops;
	p->ctx = ctx;
	p->log = log;
	p->use_nic_mac = conf->use_nic_mac;
	rc = assemble(p, conf);
	if (rc < 0) {
		log_line(log, LOG_ERROR, "port", "%s: cannot open the port: %s", conf->device,
			 strerror(-rc));
		port_destroy(p);
		return rc;
	}
	p->udp_super = port_has_udp_super(p);
	log_line(log, LOG_INFO, "port", "%s: open as %s, router MAC %s, MTU %u, vnet header %s",
		 conf->device, port_link_device(p->link)->name, fmt_mac(p->mac).s, p->mtu,
		 port_has_vnet_hdr(p) ? "yes" : "no");
	*out = p;
	return 0;
}

void
port_destroy(struct port *p)
{
	if (p == NULL)
		return;
	port_libnet_destroy(p->libnet);
	port_pcap_destroy(p->pcap);
	port_packet_destroy(p->packet);
	guard_destroy(p->guard);
	port_link_destroy(p->link);
	port_echo_destroy(p->echo);
	free(p);
}

int
port_bulk_fd(const struct port *p)
{
	return port_packet_fd(p->packet);
}

int
port_control_fd(const struct port *p)
{
	return port_pcap_fd(p->pcap);
}

static void
report(struct port *p, int rc)
{
	if (rc < 0 && log_gate_open(&p->gate, p->now))
		log_line(p->log, LOG_WARNING, "port", "%s: %s", port_link_device(p->link)->name,
			 strerror(-rc));
}

static void
bulk_heard(void *ctx, struct frame *f)
{
	struct port *p = ctx;

	p->ops->frame(p->ctx, p->number, f, p->now);
}

void
port_bulk_readable(struct port *p, us_t now)
{
	p->now = now;
	report(p, port_packet_read(p->packet, bulk_heard, p));
	p->ops->batch_end(p->ctx, now);
}

static bool
is_own_source(const struct port *p, const uint8_t *frame, size_t size)
{
	return size >= 12 && memcmp(frame + 6, p->mac.b, sizeof(p->mac.b)) == 0;
}

static void
control_heard(void *ctx, const uint8_t *frame, size_t size, bool outgoing)
{
	struct port *p = ctx;

	if (outgoing) {
		/* The host's kernel never speaks with a virtual MAC. */
		if (port_echo_is_own(p->echo, frame, size, p->now) ||
		    (!p->use_nic_mac && is_own_source(p, frame, size)))
			return;
	} else if (port_echo_is_back(p->echo, frame, size, p->now)) {
		p->rx_echoes++;
		return;
	}
	p->rx_control++;
	p->ops->control(p->ctx, p->number, frame, size, outgoing, p->now);
}

void
port_control_readable(struct port *p, us_t now)
{
	p->now = now;
	report(p, port_pcap_read(p->pcap, control_heard, p));
	p->ops->batch_end(p->ctx, now);
}

int
port_send(struct port *p, struct frame *f)
{
	return port_packet_send(p->packet, f);
}

void
port_flush(struct port *p)
{
	port_packet_flush(p->packet);
	if (p->udp_super && !port_has_udp_super(p)) {
		p->udp_super = false;
		log_line(p->log, LOG_WARNING, "port",
			 "%s: no UDP super-frames: sending packet by packet",
			 port_link_device(p->link)->name);
	}
}

int
port_inject(struct port *p, const uint8_t *frame, size_t size)
{
	int rc;

	port_echo_put(p->echo, frame, size);
	rc = port_libnet_write(p->libnet, frame, size);
	if (rc < 0) {
		port_echo_cancel(p->echo);
		p->drop_tx++;
	} else {
		p->tx_control++;
	}
	return rc;
}

struct mac
port_mac(const struct port *p)
{
	return p->mac;
}

uint16_t
port_mtu(const struct port *p)
{
	return p->mtu;
}

bool
port_has_vnet_hdr(const struct port *p)
{
	return port_packet_has_vnet_hdr(p->packet);
}

bool
port_has_udp_super(const struct port *p)
{
	return port_packet_has_udp_super(p->packet);
}

void
port_stats(struct port *p, struct port_stats *out)
{
	struct port_packet_stats bulk;
	struct port_pcap_stats control;

	port_packet_stats(p->packet, &bulk);
	port_pcap_stats(p->pcap, &control);
	*out = (struct port_stats){
		.rx_frames = bulk.rx_frames,
		.rx_bytes = bulk.rx_bytes,
		.tx_frames = bulk.tx_frames,
		.tx_bytes = bulk.tx_bytes,
		.rx_control = p->rx_control,
		.tx_control = p->tx_control,
		.rx_echoes = p->rx_echoes + bulk.rx_echoes,
		.drop_vlan = bulk.drop_vlan + control.drop_vlan,
		.drop_kernel = bulk.drop_kernel + control.drop_kernel,
		.drop_tx = bulk.drop_tx + p->drop_tx,
		.drop_malformed = bulk.drop_malformed,
		.drop_too_large = bulk.drop_too_large,
	};
}
