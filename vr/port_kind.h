/* What the kinds of ports have in common: the table of functions behind vr/port.h.  Included by the port's
 * own files only. */
#ifndef VR_PORT_KIND_H
#define VR_PORT_KIND_H

#include "vr/port.h"
#include "vr/port_link.h"

/* Every kind's struct begins with this. */
struct port {
	const struct port_kind *kind;
	struct mac mac; /* the router's */
	uint16_t mtu;
	bool vnet_hdr, udp_super; /* as of the open device, or of the last one */
};

/* Each does what the function of its name in port.h promises; a NULL one is not for this kind. */
struct port_kind {
	void (*destroy)(struct port *p);
	int (*bulk_fd)(const struct port *p);
	int (*control_fd)(const struct port *p);
	int (*link_event_fd)(const struct port *p);
	void (*bulk_readable)(struct port *p, us_t now);
	void (*control_readable)(struct port *p, us_t now);
	void (*link_event_readable)(struct port *p, us_t now);
	us_t (*run)(struct port *p, us_t now);
	int (*guard_set)(struct port *p, const struct prefix *prefixes, size_t count);
	int (*host_set)(struct port *p, const struct port_host *host);
	int (*send)(struct port *p, struct frame *f);
	void (*flush)(struct port *p);
	int (*inject)(struct port *p, const uint8_t *frame, size_t size);
	enum port_link_state (*state)(const struct port *p);
	void (*stats)(struct port *p, struct port_stats *out);
};

extern const struct port_kind port_lan_kind, port_tun_kind, port_tap_kind;

/* As port_create(), for one kind. */
MUST_USE int port_lan_create(const struct port_conf *conf, const struct port_ops *ops, void *ctx,
			     struct log *log, struct port **out);
MUST_USE int port_tun_create(const struct port_conf *conf, const struct port_ops *ops, void *ctx,
			     struct log *log, struct port **out);
MUST_USE int port_tap_create(const struct port_conf *conf, const struct port_ops *ops, void *ctx,
			     struct log *log, struct port **out);

/* "up", "down" or "gone". */
const char *port_state_name(enum port_link_state state);

#endif
