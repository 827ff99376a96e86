/* JSON tree -> struct conf, by the table of keys: types, ranges, required and unknown keys. */
#ifndef CONF_FILL_H
#define CONF_FILL_H

#include "base/err.h"
#include "conf/conf.h"
#include "conf/report.h"

/* Fills the zeroed '*conf' from the tree at r->root and adds a row for each value that does not fit.
 * Such a value is left zero, and a number all ones, so that later checks can leave it out.  0 or
 * -ENOMEM; what was filled belongs to 'conf' in either case. */
MUST_USE int fill_conf(struct report *r, struct conf *conf);

#endif
