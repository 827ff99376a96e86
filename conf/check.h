/* What the values of a configuration must be to each other. */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "base/err.h"
#include "conf/conf.h"
#include "conf/report.h"

/* Adds a row for everything that contradicts something else.  Values that fill_conf() refused are
 * left out of it, so that one mistake is reported once.  'public_key' NULL: the key file stays
 * closed.  0 or -ENOMEM. */
MUST_USE int check_conf(struct report *r, const struct conf *conf, conf_public_key_fn *public_key);

/* Each does its part of check_conf(), and returns as it does. */
MUST_USE int check_endpoints(struct report *r, const struct conf *conf);
MUST_USE int check_addresses(struct report *r, const struct conf *conf);

#endif
