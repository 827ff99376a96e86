/* What the values of the LISP roles must be to each other, and to the rest. */
#ifndef CONF_CHECK_LISP_H
#define CONF_CHECK_LISP_H

#include "base/err.h"
#include "conf/conf.h"
#include "conf/names.h"
#include "conf/report.h"

#define CHECK_KEY_WORDS "the name of a key in \"lisp.keys\""

/* Both do their part of check_conf(), and return as it does. */
MUST_USE int check_lisp(struct report *r, const struct conf *conf);
/* The map-server; 'keys' are the names of lisp.keys. */
MUST_USE int check_map_server(struct report *r, const struct conf_lisp *lisp, struct names *keys);

#endif
