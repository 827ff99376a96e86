/* A port on a LAN put together: its device, the guard, the bulk socket, the capture and the injector. */
#include "vr/port_kind.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "vr/guard.h"
#include "vr/port_echo.h"
#include "vr/port_libnet.h"
#include "vr/port_link.h"
#include "vr/port_packet.h"
#include "vr/port_pcap.h"

struct lan {
	struct port base;
	struct prefix *guarded; /* of them there are base.conf.guard_count */
	struct port_link *link;
	/* NULL while the device is gone. */
	struct guard *guard;
	struct port_packet *packet;
	struct port_pcap *pcap;
	struct port_libnet *libnet;
	struct port_echo *echo;
};

static struct lan *
lan_of(struct port *base)
{
	return (struct lan *)base;
}

static const struct lan *
const_lan_of(const struct port *base)
{
	return (const struct lan *)base;
}

/* A device of our own is guarded whole: what the bridge floods is not for the host's kernel, which
 * has it from the bridge already.  There the kernel ignores nearly everything anyway, so that it
 * may
 * do without nftables; with the NIC's own MAC it may not. */
static int
make_guard(struct lan *p)
{
	bool is_needed = p->base.conf.use_nic_mac;
	struct guard_conf guard = {
		.device = port_link_device(p->link)->name,
		.everything = port_link_is_own(p->link),
		.prefixes = p->guarded,
		.count = p->base.conf.guard_count,
		.owned = p->base.conf.nft_owner,
	};
	int rc;

	if (!guard.everything && !is_needed)
		return 0;
	if (!p->base.conf.nftables) {
		log_line(p->base.log, is_needed ? LOG_ERROR : LOG_INFO, "port",
			 "%s: nftables is turned off", p->base.device);
		return is_needed ? -EOPNOTSUPP : 0;
	}
	rc = guard_create(&guard, p->base.log, is_needed ? LOG_ERROR : LOG_INFO, &p->guard);
	return is_needed ? rc : 0;
}

static struct port_packet_conf
packet_conf(const struct lan *p)
{
	return (struct port_packet_conf){
		.index = port_link_device(p->link)->index,
		.mac = p->base.mac,
		.mtu = p->base.mtu,
		.vnet_hdr = p->base.conf.vnet_hdr,
		.udp_super = p->base.conf.udp_super_frames,
		.ignore_outgoing = p->base.conf.ignore_outgoing,
	};
}

static int
open_sockets(struct lan *p)
{
	const struct netlink_link *device = port_link_device(p->link);
	struct port_packet_conf packet = packet_conf(p);
	int rc = port_packet_create(&packet, &p->packet);

	if (rc == 0)
		rc = port_pcap_create(device->name, p->base.log, &p->pcap);
	if (rc == 0)
		rc = port_libnet_create(device->name, p->base.log, &p->libnet);
	return rc;
}

static uint16_t
mtu_of(const struct netlink_link *device)
{
	return (uint16_t)(device->mtu < UINT16_MAX ? device->mtu : UINT16_MAX);
}

/* Everything on a device that port_link has opened. */
static int
assemble(struct lan *p)
{
	const struct netlink_link *device = port_link_device(p->link);
	int rc;

	p->base.mac = p->base.conf.use_nic_mac ? device->mac : p->base.conf.router_mac;
	p->base.mtu = mtu_of(device);
	p->echo = port_echo_create(p->base.mac);
	if (p->echo == NULL)
		return -ENOMEM;
	rc = make_guard(p);
	if (rc == 0)
		rc = open_sockets(p);
	if (rc == 0)
		rc = port_link_join(p->link);
	if (rc < 0)
		return rc;
	p->base.vnet_hdr = port_packet_has_vnet_hdr(p->packet);
	p->base.udp_super = port_packet_has_udp_super(p->packet);
	log_line(p->base.log, LOG_INFO, "port",
		 "%s: open as %s, router MAC %s, MTU %u, vnet header %s, outgoing frames left out "
		 "by %s",
		 p->base.device, device->name, fmt_mac(p->base.mac).s, p->base.mtu,
		 p->base.vnet_hdr ? "yes" : "no",
		 port_packet_ignores_outgoing(p->packet) ? "the kernel" : "the filter");
	return 0;
}

/* The counters are kept. */
static void
take_apart(struct lan *p)
{
	if (p->packet != NULL && p->pcap != NULL)
		port_keep_stats(&p->base);
	port_libnet_destroy(p->libnet);
	port_pcap_destroy(p->pcap);
	port_packet_destroy(p->packet);
	guard_destroy(p->guard);
	port_echo_destroy(p->echo);
	p->libnet = NULL;
	p->pcap = NULL;
	p->packet = NULL;
	p->guard = NULL;
	p->echo = NULL;
}

static int
copy_prefixes(const struct prefix *prefixes, size_t count, struct prefix **out)
{
	struct prefix *copy = calloc(count + 1, sizeof(*copy));

	if (copy == NULL)
		return -ENOMEM;
	if (count > 0)
		memcpy(copy, prefixes, count * sizeof(*copy));
	*out = copy;
	return 0;
}

static int
open_port(struct port *base, const struct port_conf *conf)
{
	struct lan *p = lan_of(base);
	struct port_link_conf link = {
		.device = conf->device,
		.vnet_hdr = conf->vnet_hdr,
		.udp_super = conf->udp_super_frames,
	};
	int rc = copy_prefixes(conf->guard, conf->guard_count, &p->guarded);

	if (rc == 0)
		rc = port_link_create(&link, base->log, &p->link);
	if (rc == 0)
		rc = assemble(p);
	if (rc == 0)
		port_link_look(p->link);
	return rc;
}

static void
close_port(struct port *base)
{
	struct lan *p = lan_of(base);

	take_apart(p);
	port_link_destroy(p->link);
	free(p->guarded);
}

/* ---- a device that changes ---- */

static void
close_device(struct lan *p)
{
	if (p->packet != NULL)
		port_closing(&p->base);
	take_apart(p);
	port_link_close(p->link);
}

static void
open_again(struct lan *p)
{
	int rc = port_link_open(p->link, false);

	if (rc == 0)
		rc = assemble(p);
	if (rc == 0) {
		p->base.retry = US_NEVER;
		return;
	}
	take_apart(p);
	port_link_close(p->link);
	if (p->base.retry == US_NEVER)
		log_line(p->base.log, LOG_ERROR, "port", "%s: cannot open the port again: %s",
			 p->base.device, strerror(-rc));
	p->base.retry = p->base.now + PORT_RETRY_PACE;
}

static void
change_mac(struct lan *p, struct mac mac)
{
	struct port_echo *echo = port_echo_create(mac);
	int rc = echo != NULL ? port_packet_set_mac(p->packet, mac) : -ENOMEM;

	if (rc < 0) {
		port_echo_destroy(echo);
		log_line(p->base.log, LOG_ERROR, "port", "%s: cannot change to its MAC %s: %s",
			 p->base.device, fmt_mac(mac).s, strerror(-rc));
		return;
	}
	port_echo_destroy(p->echo);
	p->echo = echo;
	p->base.mac = mac;
	log_line(p->base.log, LOG_INFO, "port", "%s: router MAC %s", p->base.device,
		 fmt_mac(mac).s);
}

/* The open device is the same, but not as it was. */
static void
follow(struct lan *p)
{
	const struct netlink_link *device = port_link_device(p->link);

	port_link_follow(p->link);
	if (port_follow_mtu(&p->base, mtu_of(device)))
		port_packet_set_mtu(p->packet, p->base.mtu);
	if (p->base.conf.use_nic_mac && !mac_equal(device->mac, p->base.mac))
		change_mac(p, device->mac);
}

static void
settle(struct lan *p)
{
	if (port_link_is_stale(p->link))
		close_device(p);
	if (port_link_is_waiting(p->link))
		open_again(p);
	else if (p->packet == NULL)
		p->base.retry = US_NEVER;
	if (p->packet != NULL)
		follow(p);
	port_changed(&p->base);
}

static int
link_event_fd(const struct port *base)
{
	const struct lan *p = const_lan_of(base);

	return port_link_fd(p->link);
}

static void
link_event_readable(struct port *base, us_t now)
{
	struct lan *p = lan_of(base);

	p->base.now = now;
	if (port_link_read(p->link))
		settle(p);
}

static us_t
run(struct port *base, us_t now)
{
	struct lan *p = lan_of(base);

	p->base.now = now;
	if (now >= p->base.retry) {
		port_link_look(p->link);
		settle(p);
	}
	return p->base.retry;
}

static bool
is_guarded(const struct lan *p, const struct prefix *prefixes, size_t count)
{
	for (size_t i = 0; i < count && count == p->base.conf.guard_count; i++)
		if (!prefix_equal(prefixes[i], p->guarded[i]))
			return false;
	return count == p->base.conf.guard_count;
}

static int
set_guard(struct port *base, const struct prefix *prefixes, size_t count)
{
	struct lan *p = lan_of(base);
	struct prefix *copy = NULL;
	int rc;

	/* Many thousands take the kernel a while, in which no frame passes. */
	if (is_guarded(p, prefixes, count))
		return 0;
	rc = copy_prefixes(prefixes, count, &copy);
	if (rc == 0 && p->guard != NULL)
		rc = guard_set(p->guard, copy, count);
	if (rc < 0) {
		free(copy);
		return rc;
	}
	free(p->guarded);
	p->guarded = copy;
	p->base.conf.guard_count = count;
	return 0;
}

/* ---- frames ---- */

static int
bulk_fd(const struct port *base)
{
	const struct lan *p = const_lan_of(base);

	return p->packet != NULL ? port_packet_fd(p->packet) : -1;
}

static int
control_fd(const struct port *base)
{
	const struct lan *p = const_lan_of(base);

	return p->pcap != NULL ? port_pcap_fd(p->pcap) : -1;
}

static bool
bulk_conf(const struct port *base, struct port_packet_conf *out)
{
	const struct lan *p = const_lan_of(base);

	if (p->packet != NULL)
		*out = packet_conf(p);
	return p->packet != NULL;
}

static int
bulk_hear(struct port *base, bool hears)
{
	struct lan *p = lan_of(base);

	return p->packet != NULL ? port_packet_hear(p->packet, hears) : 0;
}

static void
report(struct lan *p, int rc)
{
	/* What has become of the device is said once, by port_changed(). */
	if (rc < 0 && rc != -ENETDOWN && rc != -ENODEV && rc != -ENXIO)
		port_failed(&p->base, p->base.device, rc);
}

static void
bulk_heard(void *ctx, struct frame *f)
{
	struct lan *p = ctx;

	p->base.ops->frame(p->base.ctx, p->base.conf.number, f, p->base.now);
}

static void
bulk_readable(struct port *base, us_t now)
{
	struct lan *p = lan_of(base);

	if (p->packet == NULL)
		return;
	p->base.now = now;
	report(p, port_packet_read(p->packet, bulk_heard, p));
	p->base.ops->batch_end(p->base.ctx, now);
}

static bool
is_own_source(const struct lan *p, const uint8_t *frame, size_t size)
{
	return size >= 12 && memcmp(frame + 6, p->base.mac.b, sizeof(p->base.mac.b)) == 0;
}

static void
control_heard(void *ctx, const uint8_t *frame, size_t size, bool outgoing)
{
	struct lan *p = ctx;

	if (outgoing) {
		/* The host's kernel never speaks with a virtual MAC. */
		if (port_echo_is_own(p->echo, frame, size, p->base.now) ||
		    (!p->base.conf.use_nic_mac && is_own_source(p, frame, size)))
			return;
	} else if (port_echo_is_back(p->echo, frame, size, p->base.now)) {
		p->base.counted.rx_echoes++;
		return;
	}
	p->base.counted.rx_control++;
	p->base.ops->control(p->base.ctx, p->base.conf.number, frame, size, outgoing, p->base.now);
}

static void
control_readable(struct port *base, us_t now)
{
	struct lan *p = lan_of(base);

	if (p->pcap == NULL)
		return;
	p->base.now = now;
	report(p, port_pcap_read(p->pcap, control_heard, p));
	p->base.ops->batch_end(p->base.ctx, now);
}

static int
send_frame(struct port *base, struct frame *f)
{
	struct lan *p = lan_of(base);

	return p->packet != NULL ? port_packet_send(p->packet, f) : port_refuse(base);
}

static void
flush(struct port *base)
{
	struct lan *p = lan_of(base);

	if (p->packet == NULL)
		return;
	port_packet_flush(p->packet);
	port_follow_udp_super(base, base->device, port_packet_has_udp_super(p->packet));
}

static int
inject(struct port *base, const uint8_t *frame, size_t size)
{
	struct lan *p = lan_of(base);
	int rc;

	if (p->libnet == NULL)
		return port_refuse(base);
	port_echo_put(p->echo, frame, size);
	rc = port_libnet_write(p->libnet, frame, size);
	if (rc < 0)
		port_echo_cancel(p->echo);
	return port_injected(base, rc);
}

static void
count_open(struct port *base, struct port_stats *out)
{
	struct lan *p = lan_of(base);
	struct port_packet_stats bulk = {0};
	struct port_pcap_stats control = {0};

	if (p->packet != NULL)
		port_packet_stats(p->packet, &bulk);
	if (p->pcap != NULL)
		port_pcap_stats(p->pcap, &control);
	out->rx_frames += bulk.rx_frames;
	out->rx_bytes += bulk.rx_bytes;
	out->tx_frames += bulk.tx_frames;
	out->tx_bytes += bulk.tx_bytes;
	out->rx_echoes += bulk.rx_echoes;
	out->drop_vlan += bulk.drop_vlan + control.drop_vlan;
	out->drop_kernel += bulk.drop_kernel + control.drop_kernel;
	out->drop_tx += bulk.drop_tx;
	out->drop_malformed += bulk.drop_malformed;
	out->drop_too_large += bulk.drop_too_large;
}

static enum port_link_state
state(const struct port *base)
{
	return port_link_state(const_lan_of(base)->link);
}

const struct port_kind port_lan_kind = {
	.size = sizeof(struct lan),
	.open = open_port,
	.close = close_port,
	.bulk_fd = bulk_fd,
	.control_fd = control_fd,
	.link_event_fd = link_event_fd,
	.bulk_readable = bulk_readable,
	.control_readable = control_readable,
	.bulk_conf = bulk_conf,
	.bulk_hear = bulk_hear,
	.link_event_readable = link_event_readable,
	.run = run,
	.guard_set = set_guard,
	.send = send_frame,
	.flush = flush,
	.inject = inject,
	.state = state,
	.stats = count_open,
};
