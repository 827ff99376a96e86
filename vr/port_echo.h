/* Which control frames are our own: a ring of what was injected last, compared by content.
 *
 * A packet socket shows us our own injections as outgoing frames, and a loop or another switch port
 * may bring them back as incoming ones.  Neither is something that a machine said. */
#ifndef VR_PORT_ECHO_H
#define VR_PORT_ECHO_H

#include "base/types.h"

struct port_echo;

/* 'router_mac': the Ethernet source of nearly all injections. */
struct port_echo *port_echo_create(struct mac router_mac);
void port_echo_destroy(struct port_echo *e);

/* This frame is about to be injected. */
void port_echo_put(struct port_echo *e, const uint8_t *frame, size_t size);
/* It was not injected after all: the last put is taken back. */
void port_echo_cancel(struct port_echo *e);

/* An outgoing frame was seen: true when it is an injection of ours.  Each injection accounts for one
 * outgoing frame, so that the host's kernel saying the same is still heard. */
bool port_echo_is_own(struct port_echo *e, const uint8_t *frame, size_t size, us_t now);
/* An incoming frame was seen: true when it is an injection of the last second that came back.  With
 * the router's MAC as its source any number may come back; with another's only one, because that
 * machine itself may return and say the same. */
bool port_echo_is_back(struct port_echo *e, const uint8_t *frame, size_t size, us_t now);

#endif
