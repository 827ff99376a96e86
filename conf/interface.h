/* Networks of the "model" "interface" or "hybrid": the one machine that is served is the one that the router runs on. */
#ifndef CONF_INTERFACE_H
#define CONF_INTERFACE_H

#include "base/err.h"
#include "conf/conf.h"
#include "conf/report.h"

/* Adds a row for what does not go with this model.  The order of networks and peers is as in the text. */
void interface_check(struct report *r, const struct conf *conf);
/* For a network without errors: "addresses" become the machine's own, their subnets on-link ones, and what is
 * at home nowhere is at home here.  0 or -ENOMEM. */
MUST_USE int interface_finish(struct conf_vn *vn);

#endif
