/* One port as its kind has it. */
#include "vr/port_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
destroy(struct port *p)
{
	p->kind->close(p);
	free(p->device);
	free(p);
}

int
port_create(const struct port_conf *conf, const struct port_ops *ops, void *ctx, struct log *log,
	    struct port **out)
{
	const struct port_kind *with_host = conf->nic ? &port_tap_kind : &port_tun_kind;
	const struct port_kind *kind = conf->host == NULL ? &port_lan_kind : with_host;
	struct port *p = calloc(1, kind->size);
	int rc;

	if (p != NULL)
		p->device = strdup(conf->device);
	if (p == NULL || p->device == NULL) {
		free(p);
		return -ENOMEM;
	}
	p->kind = kind;
	p->conf = *conf;
	p->conf.device = NULL;
	p->conf.guard = NULL;
	p->conf.host = NULL;
	p->ops = ops;
	p->ctx = ctx;
	p->log = log;
	p->mac = conf->router_mac;
	p->retry = US_NEVER;
	rc = kind->open(p, conf);
	if (rc < 0) {
		log_line(log, LOG_ERROR, "port", "%s: cannot open the port: %s", conf->device,
			 strerror(-rc));
		destroy(p);
		return rc;
	}
	p->state = kind->state(p);
	*out = p;
	return 0;
}

void
port_destroy(struct port *p)
{
	if (p != NULL)
		destroy(p);
}

int
port_bulk_fd(const struct port *p)
{
	return p->kind->bulk_fd(p);
}

int
port_control_fd(const struct port *p)
{
	return p->kind->control_fd(p);
}

int
port_link_event_fd(const struct port *p)
{
	return p->kind->link_event_fd(p);
}

void
port_bulk_readable(struct port *p, us_t now)
{
	p->kind->bulk_readable(p, now);
}

void
port_control_readable(struct port *p, us_t now)
{
	p->kind->control_readable(p, now);
}

void
port_link_event_readable(struct port *p, us_t now)
{
	p->kind->link_event_readable(p, now);
}

us_t
port_run(struct port *p, us_t now)
{
	return p->kind->run(p, now);
}

int
port_guard_set(struct port *p, const struct prefix *prefixes, size_t count)
{
	return p->kind->guard_set != NULL ? p->kind->guard_set(p, prefixes, count) : -EOPNOTSUPP;
}

int
port_host_set(struct port *p, const struct port_host *host)
{
	return p->kind->host_set != NULL ? p->kind->host_set(p, host) : -EOPNOTSUPP;
}

int
port_send(struct port *p, struct frame *f)
{
	return p->kind->send(p, f);
}

void
port_flush(struct port *p)
{
	p->kind->flush(p);
}

int
port_inject(struct port *p, const uint8_t *frame, size_t size)
{
	return p->kind->inject(p, frame, size);
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
	return p->vnet_hdr;
}

bool
port_has_udp_super(const struct port *p)
{
	return p->udp_super;
}

bool
port_is_up(const struct port *p)
{
	return p->kind->state(p) == PORT_LINK_UP;
}

const char *
port_link_name(const struct port *p)
{
	return port_state_name(p->kind->state(p));
}

void
port_stats(struct port *p, struct port_stats *out)
{
	*out = p->counted;
	p->kind->stats(p, out);
}

bool
port_bulk_conf(const struct port *p, struct port_packet_conf *out)
{
	return p->kind->bulk_conf != NULL && p->kind->bulk_conf(p, out);
}

int
port_bulk_hear(struct port *p, bool hears)
{
	return p->kind->bulk_hear != NULL ? p->kind->bulk_hear(p, hears) : 0;
}
