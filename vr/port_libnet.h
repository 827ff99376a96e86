/* Injection of whole control frames on one device through libnet. */
#ifndef VR_PORT_LIBNET_H
#define VR_PORT_LIBNET_H

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"

struct port_libnet;

/* The device must be up.  0 or -errno, with libnet's words in the log. */
MUST_USE int port_libnet_create(const char *device, struct log *log, struct port_libnet **out);
void port_libnet_destroy(struct port_libnet *ln);

/* At once, without waiting.  0 or -errno. */
MUST_USE int port_libnet_write(struct port_libnet *ln, const uint8_t *frame, size_t size);

#endif
