/* Gives this host another place on the underlay: the address of a device, and the default route. */
#ifndef VR_PLACE_H
#define VR_PLACE_H

#include "base/err.h"
#include "base/types.h"

/* The device has this address of its family, and no other of global scope; 'gateway', unless its
 * family is NONE, is that of the default route.  Blocks for the kernel's answers.  0; -ENODEV;
 * another -errno, with the addresses and the route as they were. */
MUST_USE int place_set(const char *device, struct addr addr, uint8_t len, struct addr gateway);

#endif
