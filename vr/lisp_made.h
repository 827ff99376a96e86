/* What the LISP state machines are given, made from the configuration: secrets read, names resolved.
 *
 * Nothing in it points into the configuration it was made from. */
#ifndef VR_LISP_MADE_H
#define VR_LISP_MADE_H

#include "base/log.h"
#include "conf/conf.h"
#include "lisp/mapserver.h"
#include "lisp/rtr.h"
#include "lisp/xtr.h"

struct lisp_made;

/* 0 and '*out', or -errno with the cause logged. */
MUST_USE int lisp_made_create(const struct conf_lisp *conf, struct log *log,
			      struct lisp_made **out);
/* Wipes the secrets. */
void lisp_made_destroy(struct lisp_made *made);

/* Sites and mobile prefixes, with the limits of the configuration; lasts as long as 'made'. */
const struct ms_conf *lisp_made_server(const struct lisp_made *made);
/* The key of this name, or NULL. */
const struct lisp_key *lisp_made_key(const struct lisp_made *made, const char *name);
/* Everything of an xTR but its ids; wipe it after use. */
void lisp_made_xtr(const struct lisp_made *made, const struct conf_lisp *conf,
		   struct xtr_conf *out);
/* The same of an RTR. */
void lisp_made_rtr(const struct lisp_made *made, const struct conf_lisp *conf,
		   struct rtr_conf *out);

#endif
