/* From the configuration of a network of the "model" "interface" to what its port gives to this machine. */
#ifndef VR_HOST_CONF_H
#define VR_HOST_CONF_H

#include "base/err.h"
#include "conf/conf.h"
#include "vr/port.h"

/* 'vn' is one of 'conf'.  Addresses stay the configuration's; 'routes' has one row for each prefix that others
 * have, or may have: free it.  The MTU is what a session's packets carry where the underlay passes
 * "session.mtu_max".  0 or -ENOMEM. */
MUST_USE int host_conf_make(const struct conf *conf, const struct conf_vn *vn, struct vr_id self,
			    struct port_host *host, struct prefix **routes);

#endif
