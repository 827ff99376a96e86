/* A port whose LAN is made up: a TUN device, and the machine that the router runs on behind it as the one host. */
#include "vr/port_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "base/fmt.h"
#include "vr/netlink_host.h"
#include "vr/port_host.h"
#include "vr/tun.h"
#include "vr/tun_net.h"

/* A device that somebody has removed is made anew so much later. */
#define RETRY_PACE (1 * US_S)

/* What the host says by ARP until it is heard: more than it has addresses, and than the router asks at once. */
#define SAID_MAX 128

struct tun_port {
	struct port base;
	struct port_conf conf; /* its texts and arrays are ours */
	char *device;
	struct port_host_copy host;
	const struct port_ops *ops;
	void *ctx;
	struct log *log;
	struct netlink *nl;
	struct netlink_watch *watch;
	int said_fd;     /* readable while something is said; -1 with the device */
	struct tun *tun; /* NULL while the device is gone */
	struct netlink_link link;
	bool has_news;
	enum port_link_state state; /* as it was said last */
	us_t retry;                 /* US_NEVER: nothing to try */
	bool is_again;              /* what is wrong has been said */
	struct port_stats past;     /* of devices that were closed */
	uint64_t rx_control, tx_control, drop_tx;
	struct log_gate gate; /* for a device that fails */
	us_t now;             /* of the call in progress */
	size_t said_first, said_count;
	uint8_t said[SAID_MAX][PORT_HOST_FRAME];
};

static struct tun_port *
tun_of(struct port *base)
{
	return (struct tun_port *)base;
}

static const struct tun_port *
const_tun_of(const struct port *base)
{
	return (const struct tun_port *)base;
}

/* ---- what the host says ---- */

/* Room for what it says next, or NULL; it is heard with the next turn of the loop. */
static uint8_t *
said_add(struct tun_port *p)
{
	uint64_t one = 1;

	if (p->said_count == SAID_MAX || write(p->said_fd, &one, sizeof(one)) < 0) {
		p->drop_tx++;
		return NULL;
	}
	return p->said[(p->said_first + p->said_count++) % SAID_MAX];
}

/* All addresses, or with 'before' those that are not there. */
static void
announce(struct tun_port *p, const struct port_host *before)
{
	const struct port_host *host = &p->host.host;

	for (size_t i = 0; i < host->address_count; i++) {
		struct addr addr = host->addresses[i].addr;
		uint8_t *frame;

		if (before != NULL && port_host_has(before, addr))
			continue;
		frame = said_add(p);
		if (frame != NULL)
			port_host_announce(host, addr, frame);
	}
}

/* ---- the device ---- */

/* A machine that uses IPv6 on all links would speak of itself at once. */
static void
silence_ip6(struct tun_port *p)
{
	if (netlink_disable_ip6(p->device) < 0)
		log_line(p->log, LOG_DEBUG, "port", "%s: IPv6 stays on", p->device);
}

static int
configure(struct tun_port *p)
{
	const struct port_host *host = &p->host.host;
	int rc = netlink_find(p->nl, p->device, &p->link);

	if (rc < 0)
		return rc;
	silence_ip6(p);
	rc = netlink_set_mtu(p->nl, p->link.index, host->mtu);
	if (rc == 0)
		rc = netlink_set_up(p->nl, p->link.index, true);
	if (rc == 0)
		rc = netlink_find(p->nl, p->device, &p->link);
	return rc < 0 ? rc : tun_net_set(p->nl, &p->link, NULL, host, p->is_again ? NULL : p->log);
}

static const char *
fault(int rc)
{
	switch (rc) {
	case -EEXIST:
		return "there is a device of this name, which is not ours";
	case -EPERM:
		return "making a TUN device needs CAP_NET_ADMIN";
	case -ENOENT:
	case -ENODEV:
		return "there is no /dev/net/tun";
	default:
		return strerror(-rc);
	}
}

static int
make_device(struct tun_port *p)
{
	struct tun_conf conf = {.name = p->device,
				.host = p->host.host.mac,
				.router = p->base.mac,
				.mtu = p->host.host.mtu,
				.vnet_hdr = p->conf.vnet_hdr,
				.udp_super = p->conf.udp_super_frames};
	int rc = tun_create(&conf, &p->tun);

	if (rc < 0 && !p->is_again)
		log_line(p->log, LOG_ERROR, "port", "%s: %s", p->device, fault(rc));
	return rc;
}

static void
close_device(struct tun_port *p)
{
	if (p->tun != NULL) {
		port_stats(&p->base, &p->past);
		p->rx_control = p->tx_control = p->drop_tx = 0;
	}
	tun_destroy(p->tun);
	p->tun = NULL;
	if (p->said_fd >= 0)
		close(p->said_fd);
	p->said_fd = -1;
	p->said_count = 0;
	p->link = (struct netlink_link){0};
}

static int
open_device(struct tun_port *p)
{
	int rc = make_device(p);

	p->said_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rc == 0 && p->said_fd < 0)
		rc = -errno;
	if (rc == 0)
		rc = configure(p);
	if (rc < 0) {
		close_device(p);
		return rc;
	}
	p->base.mtu = p->host.host.mtu;
	p->base.vnet_hdr = tun_has_vnet_hdr(p->tun);
	p->base.udp_super = tun_has_udp_super(p->tun);
	announce(p, NULL);
	log_line(p->log, LOG_INFO, "port",
		 "%s: made, the host's MAC %s, MTU %u, vnet header %s, %zu addresses, %zu routes",
		 p->device, fmt_mac(p->host.host.mac).s, p->base.mtu,
		 p->base.vnet_hdr ? "yes" : "no", p->host.host.address_count,
		 p->host.host.route_count);
	return 0;
}

static enum port_link_state
state_of(const struct tun_port *p)
{
	if (p->tun == NULL)
		return PORT_LINK_GONE;
	return p->link.is_up && p->link.has_carrier ? PORT_LINK_UP : PORT_LINK_DOWN;
}

static int
create(struct tun_port *p, const struct port_conf *conf)
{
	int rc = port_host_copy(conf->host, &p->host);

	p->device = strdup(conf->device);
	if (rc < 0 || p->device == NULL)
		return -ENOMEM;
	rc = netlink_open(&p->nl);
	/* First of all: what changes while we open is heard afterwards. */
	if (rc == 0)
		rc = netlink_watch_open(&p->watch);
	if (rc == 0)
		rc = open_device(p);
	return rc;
}

static void
destroy(struct port *base)
{
	struct tun_port *p = tun_of(base);

	/* Addresses and routes go with the device. */
	close_device(p);
	netlink_watch_close(p->watch);
	netlink_close(p->nl);
	port_host_fini(&p->host);
	free(p->device);
	free(p);
}

int
port_tun_create(const struct port_conf *conf, const struct port_ops *ops, void *ctx,
		struct log *log, struct port **out)
{
	struct tun_port *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return -ENOMEM;
	p->base.kind = &port_tun_kind;
	p->base.mac = conf->router_mac;
	p->conf = *conf;
	p->conf.device = NULL;
	p->conf.guard = NULL;
	p->conf.host = NULL;
	p->ops = ops;
	p->ctx = ctx;
	p->log = log;
	p->said_fd = -1;
	p->retry = US_NEVER;
	rc = create(p, conf);
	if (rc < 0) {
		log_line(log, LOG_ERROR, "port", "%s: cannot make the device: %s", conf->device,
			 strerror(-rc));
		destroy(&p->base);
		return rc;
	}
	p->state = state_of(p);
	*out = &p->base;
	return 0;
}

/* ---- a device that changes ---- */

static void
say_state(struct tun_port *p)
{
	enum port_link_state state = state_of(p);

	if (state == p->state)
		return;
	/* With the link the kernel has set its routes down. */
	if (state == PORT_LINK_UP && p->state == PORT_LINK_DOWN)
		(void)!tun_net_set(p->nl, &p->link, &p->host.host, &p->host.host, p->log);
	p->state = state;
	log_line(p->log, state == PORT_LINK_UP ? LOG_INFO : LOG_WARNING, "port", "%s: link %s",
		 p->device, port_state_name(state));
}

static void
settle(struct tun_port *p)
{
	if (p->tun != NULL && p->link.index == 0) {
		if (p->ops->closing != NULL)
			p->ops->closing(p->ctx, p->conf.number);
		close_device(p);
		p->retry = p->now + RETRY_PACE;
	}
	if (p->tun != NULL && p->link.mtu != p->base.mtu && p->link.mtu <= UINT16_MAX) {
		p->base.mtu = (uint16_t)p->link.mtu;
		tun_set_mtu(p->tun, p->base.mtu);
		log_line(p->log, LOG_INFO, "port", "%s: MTU %u", p->device, p->base.mtu);
	}
	say_state(p);
	if (p->ops->changed != NULL)
		p->ops->changed(p->ctx, p->conf.number, p->now);
}

static void
heard(void *ctx, const struct netlink_link *link, bool is_gone)
{
	struct tun_port *p = ctx;

	if (p->tun == NULL || link->index != p->link.index)
		return;
	p->link = is_gone ? (struct netlink_link){0} : *link;
	p->has_news = true;
}

static void
look(struct tun_port *p)
{
	struct netlink_link link;

	if (netlink_find(p->nl, p->device, &link) < 0 || link.index != p->link.index)
		link = (struct netlink_link){0};
	p->link = link;
	p->has_news = true;
}

static int
link_event_fd(const struct port *base)
{
	return netlink_watch_fd(const_tun_of(base)->watch);
}

static void
link_event_readable(struct port *base, us_t now)
{
	struct tun_port *p = tun_of(base);

	p->now = now;
	p->has_news = false;
	if (netlink_watch_read(p->watch, heard, p) < 0)
		look(p);
	if (p->has_news)
		settle(p);
}

static us_t
run(struct port *base, us_t now)
{
	struct tun_port *p = tun_of(base);

	p->now = now;
	if (now < p->retry)
		return p->retry;
	p->is_again = open_device(p) < 0;
	p->retry = p->is_again ? now + RETRY_PACE : US_NEVER;
	if (p->tun != NULL)
		settle(p);
	return p->retry;
}

static int
set_host(struct port *base, const struct port_host *host)
{
	struct tun_port *p = tun_of(base);
	struct port_host_copy new, old = p->host;
	int rc = port_host_copy(host, &new);

	if (rc < 0)
		return rc;
	new.host.mac = old.host.mac;
	new.host.mtu = old.host.mtu;
	if (p->tun != NULL)
		rc = tun_net_set(p->nl, &p->link, &old.host, &new.host, p->log);
	if (rc == -EADDRINUSE) {
		port_host_fini(&new);
		return rc;
	}
	p->host = new;
	if (p->tun != NULL)
		announce(p, &old.host);
	port_host_fini(&old);
	return rc;
}

/* ---- frames ---- */

static int
bulk_fd(const struct port *base)
{
	const struct tun_port *p = const_tun_of(base);

	return p->tun != NULL ? tun_fd(p->tun) : -1;
}

static int
control_fd(const struct port *base)
{
	return const_tun_of(base)->said_fd;
}

static void
bulk_heard(void *ctx, struct frame *f)
{
	struct tun_port *p = ctx;

	p->ops->frame(p->ctx, p->conf.number, f, p->now);
	/* What goes back as it is stands in the room of the next one. */
	tun_flush(p->tun);
}

static void
bulk_readable(struct port *base, us_t now)
{
	struct tun_port *p = tun_of(base);
	int rc;

	if (p->tun == NULL)
		return;
	p->now = now;
	rc = tun_read(p->tun, bulk_heard, p);
	p->ops->batch_end(p->ctx, now);
	if (rc == -ENODEV) {
		/* It stays readable; the kernel's word of it may come later. */
		look(p);
		settle(p);
	} else if (rc < 0 && log_gate_open(&p->gate, now)) {
		log_line(p->log, LOG_WARNING, "port", "%s: %s", p->device, strerror(-rc));
	}
}

static void
control_readable(struct port *base, us_t now)
{
	struct tun_port *p = tun_of(base);
	uint8_t frame[PORT_HOST_FRAME];
	uint64_t count;

	/* One for each that was said: what is said meanwhile is heard with the next turn. */
	if (p->said_fd < 0 || read(p->said_fd, &count, sizeof(count)) < 0)
		return;
	p->now = now;
	for (; count > 0 && p->said_count > 0; count--) {
		memcpy(frame, p->said[p->said_first], sizeof(frame));
		p->said_first = (p->said_first + 1) % SAID_MAX;
		p->said_count--;
		p->rx_control++;
		p->ops->control(p->ctx, p->conf.number, frame, sizeof(frame), false, now);
	}
	p->ops->batch_end(p->ctx, now);
}

static int
send_frame(struct port *base, struct frame *f)
{
	struct tun_port *p = tun_of(base);

	if (p->tun == NULL) {
		p->drop_tx++;
		return -ENETDOWN;
	}
	/* There is nobody else. */
	if (f->size < sizeof(struct mac) ||
	    memcmp(f->data, p->host.host.mac.b, sizeof(p->host.host.mac.b)) != 0) {
		p->drop_tx++;
		return -ENOBUFS;
	}
	return tun_send(p->tun, f);
}

static void
flush(struct port *base)
{
	struct tun_port *p = tun_of(base);

	if (p->tun == NULL)
		return;
	tun_flush(p->tun);
	if (p->base.udp_super && !tun_has_udp_super(p->tun)) {
		p->base.udp_super = false;
		log_line(p->log, LOG_WARNING, "port",
			 "%s: no UDP super-frames: sending packet by packet", p->device);
	}
}

static int
inject(struct port *base, const uint8_t *frame, size_t size)
{
	struct tun_port *p = tun_of(base);
	uint8_t answer[PORT_HOST_FRAME];
	uint8_t *said;

	if (p->tun == NULL) {
		p->drop_tx++;
		return -ENETDOWN;
	}
	p->tx_control++;
	if (port_host_answer(&p->host.host, frame, size, answer)) {
		said = said_add(p);
		if (said != NULL)
			memcpy(said, answer, sizeof(answer));
	}
	return 0;
}

static enum port_link_state
state(const struct port *base)
{
	return state_of(const_tun_of(base));
}

static void
count_all(struct port *base, struct port_stats *out)
{
	struct tun_port *p = tun_of(base);
	struct tun_stats bulk = {0};
	uint64_t dropped = 0;
	struct port_stats now;

	if (p->tun != NULL) {
		tun_stats(p->tun, &bulk);
		/* A device that is gone has taken its count with it. */
		(void)!netlink_host_dropped(p->nl, p->link.index, &dropped);
	}
	now = (struct port_stats){
		.rx_frames = p->past.rx_frames + bulk.rx_frames,
		.rx_bytes = p->past.rx_bytes + bulk.rx_bytes,
		.tx_frames = p->past.tx_frames + bulk.tx_frames,
		.tx_bytes = p->past.tx_bytes + bulk.tx_bytes,
		.rx_control = p->past.rx_control + p->rx_control,
		.tx_control = p->past.tx_control + p->tx_control,
		.drop_kernel = p->past.drop_kernel + bulk.drop_kernel + dropped,
		.drop_tx = p->past.drop_tx + bulk.drop_tx + p->drop_tx,
		.drop_malformed = p->past.drop_malformed + bulk.drop_malformed,
		.drop_too_large = p->past.drop_too_large + bulk.drop_too_large,
	};
	*out = now;
}

const struct port_kind port_tun_kind = {
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
