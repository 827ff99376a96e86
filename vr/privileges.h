/* What the process may do beside what its user may: as little as it needs.
 *
 * To be called before there are threads: each has capabilities of its own, and new ones get those
 * of
 * their maker. */
#ifndef VR_PRIVILEGES_H
#define VR_PRIVILEGES_H

#include "base/err.h"
#include "base/types.h"

/* Gives up all capabilities but CAP_NET_ADMIN, CAP_NET_RAW and, with 'low_port' or 'hand_on', CAP_NET_BIND_SERVICE,
 * as far as the process has them, and every way to get others.  With 'hand_on' programs that it
 * starts have them as well, otherwise they have none; true after a call without it does nothing
 * more.  Its user stays who it is: root
 * without
 * CAP_DAC_OVERRIDE opens what the permissions of a file give to root, and nothing else.  0 or
 * -errno. */
MUST_USE int privileges_drop(bool low_port, bool hand_on);

#endif
