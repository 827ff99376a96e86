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

/* A device that came back but could not be opened is tried again so often. */
#define RETRY_PACE (1 * US_S)

struct lan {
	struct port base;
	struct port_conf conf; /* its texts and arrays are ours */
	char *device;
	struct prefix *guarded;
	const struct port_ops *ops;
	void *ctx;
	struct log *log;
	enum port_link_state state; /* as it was said last */
	us_t retry;                 /* US_NEVER: nothing to try */
	struct port_link *link;
	/* NULL while the device is gone. */
	struct guard *guard;
	struct port_packet *packet;
	struct port_pcap *pcap;
	struct port_libnet *libnet;
	struct port_echo *echo;
	struct port_stats past; /* of sockets that were closed */
	uint64_t rx_control, tx_control, rx_echoes, drop_tx;
	struct log_gate gate; /* for a device that fails */
	us_t now;             /* of the call in progress */
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
	bool is_needed = p->conf.use_nic_mac;
	struct guard_conf guard = {
		.device = port_link_device(p->link)->name,
		.everything = port_link_is_own(p->link),
		.prefixes = p->guarded,
		.count = p->conf.guard_count,
		.owned = p->conf.nft_owner,
	};
	int rc;

	if (!guard.everything && !is_needed)
		return 0;
	if (!p->conf.nftables) {
		log_line(p->log, is_needed ? LOG_ERROR : LOG_INFO, "port",
			 "%s: nftables is turned off", p->device);
		return is_needed ? -EOPNOTSUPP : 0;
	}
	rc = guard_create(&guard, p->log, is_needed ? LOG_ERROR : LOG_INFO, &p->guard);
	return is_needed ? rc : 0;
}

static int
open_sockets(struct lan *p)
{
	const struct netlink_link *device = port_link_device(p->link);
	struct port_packet_conf packet = {
		.index = device->index,
		.mac = p->base.mac,
		.mtu = p->base.mtu,
		.vnet_hdr = p->conf.vnet_hdr,
		.udp_super = p->conf.udp_super_frames,
		.ignore_outgoing = p->conf.ignore_outgoing,
	};
	int rc = port_packet_create(&packet, &p->packet);

	if (rc == 0)
		rc = port_pcap_create(device->name, p->log, &p->pcap);
	if (rc == 0)
		rc = port_libnet_create(device->name, p->log, &p->libnet);
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

	p->base.mac = p->conf.use_nic_mac ? device->mac : p->conf.router_mac;
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
	log_line(p->log, LOG_INFO, "port",
		 "%s: open as %s, router MAC %s, MTU %u, vnet header %s, outgoing frames left out "
		 "by %s",
		 p->device, device->name, fmt_mac(p->base.mac).s, p->base.mtu,
		 p->base.vnet_hdr ? "yes" : "no",
		 port_packet_ignores_outgoing(p->packet) ? "the kernel" : "the filter");
	return 0;
}

/* The counters are kept. */
static void
take_apart(struct lan *p)
{
	if (p->packet != NULL && p->pcap != NULL) {
		port_stats(&p->base, &p->past);
		p->rx_control = p->tx_control = p->rx_echoes = p->drop_tx = 0;
	}
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
create(struct lan *p, const struct port_conf *conf)
{
	struct port_link_conf link = {
		.device = conf->device,
		.vnet_hdr = conf->vnet_hdr,
		.udp_super = conf->udp_super_frames,
	};
	int rc = copy_prefixes(conf->guard, conf->guard_count, &p->guarded);

	p->device = strdup(conf->device);
	if (rc < 0 || p->device == NULL)
		return -ENOMEM;
	rc = port_link_create(&link, p->log, &p->link);
	if (rc == 0)
		rc = assemble(p);
	return rc;
}

int
port_lan_create(const struct port_conf *conf, const struct port_ops *ops, void *ctx,
		struct log *log, struct port **out)
{
	struct lan *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return -ENOMEM;
	p->base.kind = &port_lan_kind;
	p->conf = *conf;
	p->conf.device = NULL;
	p->conf.guard = NULL;
	p->ops = ops;
	p->ctx = ctx;
	p->log = log;
	p->retry = US_NEVER;
	rc = create(p, conf);
	if (rc < 0) {
		log_line(log, LOG_ERROR, "port", "%s: cannot open the port: %s", conf->device,
			 strerror(-rc));
		port_destroy(&p->base);
		return rc;
	}
	port_link_look(p->link);
	p->state = port_link_state(p->link);
	*out = &p->base;
	return 0;
}

static void
destroy(struct port *base)
{
	struct lan *p = lan_of(base);

	take_apart(p);
	port_link_destroy(p->link);
	free(p->guarded);
	free(p->device);
	free(p);
}

/* ---- a device that changes ---- */

static void
close_device(struct lan *p)
{
	if (p->ops->closing != NULL && p->packet != NULL)
		p->ops->closing(p->ctx, p->conf.number);
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
		p->retry = US_NEVER;
		return;
	}
	take_apart(p);
	port_link_close(p->link);
	if (p->retry == US_NEVER)
		log_line(p->log, LOG_ERROR, "port", "%s: cannot open the port again: %s", p->device,
			 strerror(-rc));
	p->retry = p->now + RETRY_PACE;
}

static void
change_mac(struct lan *p, struct mac mac)
{
	struct port_echo *echo = port_echo_create(mac);
	int rc = echo != NULL ? port_packet_set_mac(p->packet, mac) : -ENOMEM;

	if (rc < 0) {
		port_echo_destroy(echo);
		log_line(p->log, LOG_ERROR, "port", "%s: cannot change to its MAC %s: %s",
			 p->device, fmt_mac(mac).s, strerror(-rc));
		return;
	}
	port_echo_destroy(p->echo);
	p->echo = echo;
	p->base.mac = mac;
	log_line(p->log, LOG_INFO, "port", "%s: router MAC %s", p->device, fmt_mac(mac).s);
}

/* The open device is the same, but not as it was. */
static void
follow(struct lan *p)
{
	const struct netlink_link *device = port_link_device(p->link);

	port_link_follow(p->link);
	if (mtu_of(device) != p->base.mtu) {
		p->base.mtu = mtu_of(device);
		port_packet_set_mtu(p->packet, p->base.mtu);
		log_line(p->log, LOG_INFO, "port", "%s: MTU %u", p->device, p->base.mtu);
	}
	if (p->conf.use_nic_mac && !mac_equal(device->mac, p->base.mac))
		change_mac(p, device->mac);
}

static void
say_state(struct lan *p)
{
	enum port_link_state state = port_link_state(p->link);

	if (state == p->state)
		return;
	p->state = state;
	log_line(p->log, state == PORT_LINK_UP ? LOG_INFO : LOG_WARNING, "port", "%s: link %s",
		 p->device, port_state_name(state));
}

static void
settle(struct lan *p)
{
	if (port_link_is_stale(p->link))
		close_device(p);
	if (port_link_is_waiting(p->link))
		open_again(p);
	else if (p->packet == NULL)
		p->retry = US_NEVER;
	if (p->packet != NULL)
		follow(p);
	say_state(p);
	if (p->ops->changed != NULL)
		p->ops->changed(p->ctx, p->conf.number, p->now);
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

	p->now = now;
	if (port_link_read(p->link))
		settle(p);
}

static us_t
run(struct port *base, us_t now)
{
	struct lan *p = lan_of(base);

	p->now = now;
	if (now >= p->retry) {
		port_link_look(p->link);
		settle(p);
	}
	return p->retry;
}

static bool
is_guarded(const struct lan *p, const struct prefix *prefixes, size_t count)
{
	for (size_t i = 0; i < count && count == p->conf.guard_count; i++)
		if (!prefix_equal(prefixes[i], p->guarded[i]))
			return false;
	return count == p->conf.guard_count;
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
	p->conf.guard_count = count;
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

static void
report(struct lan *p, int rc)
{
	/* What has become of the device is said once, by say_state(). */
	if (rc == 0 || rc == -ENETDOWN || rc == -ENODEV || rc == -ENXIO)
		return;
	if (log_gate_open(&p->gate, p->now))
		log_line(p->log, LOG_WARNING, "port", "%s: %s", p->device, strerror(-rc));
}

static void
bulk_heard(void *ctx, struct frame *f)
{
	struct lan *p = ctx;

	p->ops->frame(p->ctx, p->conf.number, f, p->now);
}

static void
bulk_readable(struct port *base, us_t now)
{
	struct lan *p = lan_of(base);

	if (p->packet == NULL)
		return;
	p->now = now;
	report(p, port_packet_read(p->packet, bulk_heard, p));
	p->ops->batch_end(p->ctx, now);
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
		if (port_echo_is_own(p->echo, frame, size, p->now) ||
		    (!p->conf.use_nic_mac && is_own_source(p, frame, size)))
			return;
	} else if (port_echo_is_back(p->echo, frame, size, p->now)) {
		p->rx_echoes++;
		return;
	}
	p->rx_control++;
	p->ops->control(p->ctx, p->conf.number, frame, size, outgoing, p->now);
}

static void
control_readable(struct port *base, us_t now)
{
	struct lan *p = lan_of(base);

	if (p->pcap == NULL)
		return;
	p->now = now;
	report(p, port_pcap_read(p->pcap, control_heard, p));
	p->ops->batch_end(p->ctx, now);
}

static int
send_frame(struct port *base, struct frame *f)
{
	struct lan *p = lan_of(base);

	if (p->packet == NULL) {
		p->drop_tx++;
		return -ENETDOWN;
	}
	return port_packet_send(p->packet, f);
}

static void
flush(struct port *base)
{
	struct lan *p = lan_of(base);

	if (p->packet == NULL)
		return;
	port_packet_flush(p->packet);
	if (p->base.udp_super && !port_packet_has_udp_super(p->packet)) {
		p->base.udp_super = false;
		log_line(p->log, LOG_WARNING, "port",
			 "%s: no UDP super-frames: sending packet by packet", p->device);
	}
}

static int
inject(struct port *base, const uint8_t *frame, size_t size)
{
	struct lan *p = lan_of(base);
	int rc;

	if (p->libnet == NULL) {
		p->drop_tx++;
		return -ENETDOWN;
	}
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

static void
count_all(struct port *base, struct port_stats *out)
{
	struct lan *p = lan_of(base);
	struct port_packet_stats bulk = {0};
	struct port_pcap_stats control = {0};
	struct port_stats now;

	if (p->packet != NULL)
		port_packet_stats(p->packet, &bulk);
	if (p->pcap != NULL)
		port_pcap_stats(p->pcap, &control);
	now = (struct port_stats){
		.rx_frames = p->past.rx_frames + bulk.rx_frames,
		.rx_bytes = p->past.rx_bytes + bulk.rx_bytes,
		.tx_frames = p->past.tx_frames + bulk.tx_frames,
		.tx_bytes = p->past.tx_bytes + bulk.tx_bytes,
		.rx_control = p->past.rx_control + p->rx_control,
		.tx_control = p->past.tx_control + p->tx_control,
		.rx_echoes = p->past.rx_echoes + p->rx_echoes + bulk.rx_echoes,
		.drop_vlan = p->past.drop_vlan + bulk.drop_vlan + control.drop_vlan,
		.drop_kernel = p->past.drop_kernel + bulk.drop_kernel + control.drop_kernel,
		.drop_tx = p->past.drop_tx + bulk.drop_tx + p->drop_tx,
		.drop_malformed = p->past.drop_malformed + bulk.drop_malformed,
		.drop_too_large = p->past.drop_too_large + bulk.drop_too_large,
	};
	*out = now;
}

static enum port_link_state
state(const struct port *base)
{
	return port_link_state(const_lan_of(base)->link);
}

const struct port_kind port_lan_kind = {
	.destroy = destroy,
	.bulk_fd = bulk_fd,
	.control_fd = control_fd,
	.link_event_fd = link_event_fd,
	.bulk_readable = bulk_readable,
	.control_readable = control_readable,
	.link_event_readable = link_event_readable,
	.run = run,
	.guard_set = set_guard,
	.send = send_frame,
	.flush = flush,
	.inject = inject,
	.state = state,
	.stats = count_all,
};
