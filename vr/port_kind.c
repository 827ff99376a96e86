/* What the kinds of ports do in the same way. */
#include "vr/port_kind.h"

#include <errno.h>
#include <string.h>

const char *
port_state_name(enum port_link_state state)
{
	static const char *const names[] = {
		[PORT_LINK_GONE] = "gone", [PORT_LINK_DOWN] = "down", [PORT_LINK_UP] = "up"};

	return names[state];
}

/* ---- a device that changes ---- */

void
port_closing(struct port *p)
{
	if (p->ops->closing != NULL)
		p->ops->closing(p->ctx, p->conf.number);
}

static void
say_state(struct port *p)
{
	enum port_link_state state = p->kind->state(p);

	if (state == p->state)
		return;
	p->state = state;
	log_line(p->log, state == PORT_LINK_UP ? LOG_INFO : LOG_WARNING, "port", "%s: link %s",
		 p->device, port_state_name(state));
}

void
port_changed(struct port *p)
{
	say_state(p);
	if (p->ops->changed != NULL)
		p->ops->changed(p->ctx, p->conf.number, p->now);
}

bool
port_follow_mtu(struct port *p, uint16_t mtu)
{
	if (mtu == p->mtu)
		return false;
	p->mtu = mtu;
	log_line(p->log, LOG_INFO, "port", "%s: MTU %u", p->device, mtu);
	return true;
}

void
port_follow_udp_super(struct port *p, const char *device, bool has)
{
	if (!p->udp_super || has)
		return;
	p->udp_super = false;
	log_line(p->log, LOG_WARNING, "port", "%s: no UDP super-frames: sending packet by packet",
		 device);
}

void
port_failed(struct port *p, const char *device, int err)
{
	if (log_gate_open(&p->gate, p->now))
		log_line(p->log, LOG_WARNING, "port", "%s: %s", device, strerror(-err));
}

/* ---- counters ---- */

void
port_keep_stats(struct port *p)
{
	p->kind->stats(p, &p->counted);
}

int
port_refuse(struct port *p)
{
	p->counted.drop_tx++;
	return -ENETDOWN;
}

int
port_injected(struct port *p, int rc)
{
	if (rc < 0)
		p->counted.drop_tx++;
	else
		p->counted.tx_control++;
	return rc;
}
