/* What the values of proxies, and of those that use one, must be to each other and to the rest. */
#ifndef CONF_CHECK_PROXY_H
#define CONF_CHECK_PROXY_H

#include "base/err.h"
#include "conf/conf.h"
#include "conf/report.h"

/* Does its part of check_conf(), and returns as it does. */
MUST_USE int check_proxy(struct report *r, const struct conf *conf);

#endif
