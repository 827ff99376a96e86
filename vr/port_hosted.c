/* A port's device that is the host's: made, followed, made anew. */
#include "vr/port_hosted.h"

#include <errno.h>

#include "vr/tun_net.h"

static struct hosted_port *
hosted_of(struct port *base)
{
	return (struct hosted_port *)base;
}

static const struct hosted_port *
const_hosted_of(const struct port *base)
{
	return (const struct hosted_port *)base;
}

int
hosted_init(struct hosted_port *p, const struct port_conf *conf)
{
	int rc = port_host_copy(conf->host, &p->host);

	if (rc == 0)
		rc = netlink_open(&p->nl);
	/* First of all: what changes while we open is heard afterwards. */
	return rc == 0 ? netlink_watch_open(&p->watch) : rc;
}

void
hosted_fini(struct hosted_port *p)
{
	netlink_watch_close(p->watch);
	netlink_close(p->nl);
	port_host_fini(&p->host);
}

void
hosted_silence_ip6(struct hosted_port *p)
{
	if (netlink_disable_ip6(p->name) < 0)
		log_line(p->base.log, LOG_DEBUG, "port", "%s: IPv6 stays on", p->name);
}

void
hosted_opened(struct hosted_port *p, uint16_t mtu)
{
	p->base.mtu = mtu;
	p->base.vnet_hdr = tun_has_vnet_hdr(p->tun);
	p->base.udp_super = tun_has_udp_super(p->tun);
}

/* ---- a device that changes ---- */

static void
settle(struct hosted_port *p)
{
	struct port *base = &p->base;

	if (p->tun != NULL && !p->parts->is_whole(p)) {
		port_closing(base);
		p->parts->close(p);
		base->retry = base->now + PORT_RETRY_PACE;
	}
	if (p->tun != NULL && p->link.mtu <= UINT16_MAX &&
	    port_follow_mtu(base, (uint16_t)p->link.mtu))
		tun_set_mtu(p->tun, base->mtu);
	/* With the link the kernel has set its routes down. */
	if (base->state == PORT_LINK_DOWN && base->kind->state(base) == PORT_LINK_UP)
		(void)!tun_net_set(p->nl, &p->link, &p->host.host, &p->host.host, base->log);
	port_changed(base);
}

struct netlink_link
hosted_look(struct hosted_port *p, const char *name, int index)
{
	struct netlink_link link;

	if (netlink_find(p->nl, name, &link) < 0 || link.index != index)
		return (struct netlink_link){0};
	return link;
}

int
hosted_link_event_fd(const struct port *base)
{
	return netlink_watch_fd(const_hosted_of(base)->watch);
}

void
hosted_link_event_readable(struct port *base, us_t now)
{
	struct hosted_port *p = hosted_of(base);

	base->now = now;
	p->has_news = p->must_look = false;
	if (netlink_watch_read(p->watch, p->parts->heard, p) < 0)
		p->must_look = true;
	if (p->must_look)
		p->parts->look(p);
	if (p->must_look || p->has_news)
		settle(p);
}

us_t
hosted_run(struct port *base, us_t now)
{
	struct hosted_port *p = hosted_of(base);

	base->now = now;
	if (now < base->retry)
		return base->retry;
	p->is_again = p->parts->open(p) < 0;
	base->retry = p->is_again ? now + PORT_RETRY_PACE : US_NEVER;
	if (p->tun != NULL)
		settle(p);
	return base->retry;
}

int
hosted_host_set(struct port *base, const struct port_host *host)
{
	struct hosted_port *p = hosted_of(base);
	struct port_host_copy new, old = p->host;
	int rc = port_host_copy(host, &new);

	if (rc < 0)
		return rc;
	new.host.mac = old.host.mac;
	new.host.mtu = old.host.mtu;
	if (p->tun != NULL)
		rc = tun_net_set(p->nl, &p->link, &old.host, &new.host, base->log);
	if (rc == -EADDRINUSE) {
		port_host_fini(&new);
		return rc;
	}
	p->host = new;
	if (p->tun != NULL && p->parts->readdressed != NULL)
		p->parts->readdressed(p, &old.host);
	port_host_fini(&old);
	return rc;
}

/* ---- frames ---- */

int
hosted_bulk_fd(const struct port *base)
{
	const struct hosted_port *p = const_hosted_of(base);

	return p->tun != NULL ? tun_fd(p->tun) : -1;
}

void
hosted_frame(struct hosted_port *p, struct frame *f)
{
	p->base.ops->frame(p->base.ctx, p->base.conf.number, f, p->base.now);
	/* What goes back as it is stands in the room of the next one. */
	tun_flush(p->tun);
}

void
hosted_bulk_readable(struct port *base, us_t now)
{
	struct hosted_port *p = hosted_of(base);
	int rc;

	if (p->tun == NULL)
		return;
	base->now = now;
	rc = tun_read(p->tun, p->parts->frame, p);
	base->ops->batch_end(base->ctx, now);
	if (rc == -ENODEV) {
		/* It stays readable; the kernel's word of it may come later. */
		p->parts->look(p);
		settle(p);
	} else if (rc < 0) {
		port_failed(base, base->device, rc);
	}
}

int
hosted_send(struct port *base, struct frame *f)
{
	struct hosted_port *p = hosted_of(base);

	return p->tun != NULL ? tun_send(p->tun, f) : port_refuse(base);
}

void
hosted_flush(struct port *base)
{
	struct hosted_port *p = hosted_of(base);

	if (p->tun == NULL)
		return;
	tun_flush(p->tun);
	port_follow_udp_super(base, p->name, tun_has_udp_super(p->tun));
}

void
hosted_stats(struct port *base, struct port_stats *out)
{
	struct hosted_port *p = hosted_of(base);
	struct tun_stats bulk = {0};

	if (p->tun != NULL)
		tun_stats(p->tun, &bulk);
	out->rx_frames += bulk.rx_frames;
	out->rx_bytes += bulk.rx_bytes;
	out->tx_frames += bulk.tx_frames;
	out->tx_bytes += bulk.tx_bytes;
	out->rx_echoes += bulk.rx_echoes;
	out->drop_vlan += bulk.drop_vlan;
	out->drop_kernel += bulk.drop_kernel;
	out->drop_tx += bulk.drop_tx;
	out->drop_malformed += bulk.drop_malformed;
	out->drop_too_large += bulk.drop_too_large;
}
