/* A port whose LAN is made up: a TUN device, and the machine that the router runs on behind it as the one host. */
#include "vr/port_hosted.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "base/fmt.h"
#include "vr/netlink_host.h"
#include "vr/tun_net.h"

/* What the host says by ARP until it is heard: more than it has addresses, and than the router asks at once. */
#define SAID_MAX 128

struct tun_port {
	struct hosted_port hosted;
	int said_fd; /* readable while something is said; -1 with the device */
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

static struct tun_port *
tun_with(struct hosted_port *hosted)
{
	return tun_of(&hosted->base);
}

/* ---- what the host says ---- */

/* Room for what it says next, or NULL; it is heard with the next turn of the loop. */
static uint8_t *
said_add(struct tun_port *p)
{
	uint64_t one = 1;

	if (p->said_count == SAID_MAX || write(p->said_fd, &one, sizeof(one)) < 0) {
		p->hosted.base.counted.drop_tx++;
		return NULL;
	}
	return p->said[(p->said_first + p->said_count++) % SAID_MAX];
}

/* All addresses, or with 'before' those that are not there. */
static void
announce(struct tun_port *p, const struct port_host *before)
{
	const struct port_host *host = &p->hosted.host.host;

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

static int
configure(struct hosted_port *p)
{
	const struct port_host *host = &p->host.host;
	int rc = netlink_find(p->nl, p->name, &p->link);

	if (rc < 0)
		return rc;
	hosted_silence_ip6(p);
	rc = netlink_set_mtu(p->nl, p->link.index, host->mtu);
	if (rc == 0)
		rc = netlink_set_up(p->nl, p->link.index, true);
	if (rc == 0)
		rc = netlink_find(p->nl, p->name, &p->link);
	return rc < 0 ? rc
		      : tun_net_set(p->nl, &p->link, NULL, host, p->is_again ? NULL : p->base.log);
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
make_device(struct hosted_port *p)
{
	struct tun_conf conf = {.name = p->name,
				.host = p->host.host.mac,
				.router = p->base.mac,
				.mtu = p->host.host.mtu,
				.vnet_hdr = p->base.conf.vnet_hdr,
				.udp_super = p->base.conf.udp_super_frames};
	int rc = tun_create(&conf, &p->tun);

	if (rc < 0 && !p->is_again)
		log_line(p->base.log, LOG_ERROR, "port", "%s: %s", p->name, fault(rc));
	return rc;
}

static void
close_device(struct hosted_port *hosted)
{
	struct tun_port *p = tun_with(hosted);

	if (hosted->tun != NULL)
		port_keep_stats(&hosted->base);
	tun_destroy(hosted->tun);
	hosted->tun = NULL;
	if (p->said_fd >= 0)
		close(p->said_fd);
	p->said_fd = -1;
	p->said_count = 0;
	hosted->link = (struct netlink_link){0};
}

static int
open_device(struct hosted_port *hosted)
{
	const struct port_host *host = &hosted->host.host;
	struct tun_port *p = tun_with(hosted);
	int rc = make_device(hosted);

	p->said_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rc == 0 && p->said_fd < 0)
		rc = -errno;
	if (rc == 0)
		rc = configure(hosted);
	if (rc < 0) {
		close_device(hosted);
		return rc;
	}
	hosted_opened(hosted, host->mtu);
	announce(p, NULL);
	log_line(hosted->base.log, LOG_INFO, "port",
		 "%s: made, the host's MAC %s, MTU %u, vnet header %s, %zu addresses, %zu routes",
		 hosted->name, fmt_mac(host->mac).s, hosted->base.mtu,
		 hosted->base.vnet_hdr ? "yes" : "no", host->address_count, host->route_count);
	return 0;
}

static bool
is_whole(const struct hosted_port *p)
{
	return p->link.index != 0;
}

static void
link_heard(void *ctx, const struct netlink_link *link, bool is_gone)
{
	struct hosted_port *p = ctx;

	if (p->tun == NULL || link->index != p->link.index)
		return;
	p->link = is_gone ? (struct netlink_link){0} : *link;
	p->has_news = true;
}

static void
look(struct hosted_port *p)
{
	p->link = hosted_look(p, p->name, p->link.index);
}

static void
bulk_heard(void *ctx, struct frame *f)
{
	hosted_frame(ctx, f);
}

static void
readdressed(struct hosted_port *p, const struct port_host *before)
{
	announce(tun_with(p), before);
}

static int
open_port(struct port *base, const struct port_conf *conf)
{
	static const struct hosted_parts parts = {
		.open = open_device,
		.close = close_device,
		.is_whole = is_whole,
		.heard = link_heard,
		.look = look,
		.frame = bulk_heard,
		.readdressed = readdressed,
	};
	struct tun_port *p = tun_of(base);
	int rc;

	p->said_fd = -1;
	p->hosted.parts = &parts;
	p->hosted.name = base->device;
	rc = hosted_init(&p->hosted, conf);
	return rc == 0 ? open_device(&p->hosted) : rc;
}

static void
close_port(struct port *base)
{
	struct tun_port *p = tun_of(base);

	/* Addresses and routes go with the device. */
	close_device(&p->hosted);
	hosted_fini(&p->hosted);
}

static enum port_link_state
state(const struct port *base)
{
	const struct hosted_port *p = &const_tun_of(base)->hosted;

	if (p->tun == NULL)
		return PORT_LINK_GONE;
	return p->link.is_up && p->link.has_carrier ? PORT_LINK_UP : PORT_LINK_DOWN;
}

/* ---- frames ---- */

static int
control_fd(const struct port *base)
{
	return const_tun_of(base)->said_fd;
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
	base->now = now;
	for (; count > 0 && p->said_count > 0; count--) {
		memcpy(frame, p->said[p->said_first], sizeof(frame));
		p->said_first = (p->said_first + 1) % SAID_MAX;
		p->said_count--;
		base->counted.rx_control++;
		base->ops->control(base->ctx, base->conf.number, frame, sizeof(frame), false, now);
	}
	base->ops->batch_end(base->ctx, now);
}

static int
send_frame(struct port *base, struct frame *f)
{
	const struct hosted_port *p = &const_tun_of(base)->hosted;
	struct mac host = p->host.host.mac;

	/* There is nobody else. */
	if (p->tun != NULL &&
	    (f->size < sizeof(host) || memcmp(f->data, host.b, sizeof(host.b)) != 0)) {
		base->counted.drop_tx++;
		return -ENOBUFS;
	}
	return hosted_send(base, f);
}

static int
inject(struct port *base, const uint8_t *frame, size_t size)
{
	struct tun_port *p = tun_of(base);
	uint8_t answer[PORT_HOST_FRAME];
	uint8_t *said;

	if (p->hosted.tun == NULL)
		return port_refuse(base);
	base->counted.tx_control++;
	if (port_host_answer(&p->hosted.host.host, frame, size, answer)) {
		said = said_add(p);
		if (said != NULL)
			memcpy(said, answer, sizeof(answer));
	}
	return 0;
}

static void
count_open(struct port *base, struct port_stats *out)
{
	const struct hosted_port *p = &const_tun_of(base)->hosted;
	uint64_t dropped = 0;

	hosted_stats(base, out);
	/* A device that is gone has taken its count with it. */
	if (p->tun != NULL)
		(void)!netlink_host_dropped(p->nl, p->link.index, &dropped);
	out->drop_kernel += dropped;
}

const struct port_kind port_tun_kind = {
	.size = sizeof(struct tun_port),
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
	.send = send_frame,
	.flush = hosted_flush,
	.inject = inject,
	.state = state,
	.stats = count_open,
};
