/* Values that a router keeps for as long as it runs: those of the keys that the table calls "fixed". */
#ifndef CONF_FIXED_H
#define CONF_FIXED_H

#include "conf/conf.h"
#include "conf/keys.h"

/* Calls 'each' for every fixed key that has another value in 'b' than in 'a': of an array for the array
 * as a whole.  Keys of "vns" are left out: their rows have to be paired by number first.  Where a
 * role of "lisp" comes or goes, all of "lisp" counts as that one key. */
void conf_fixed_differ(const struct conf *a, const struct conf *b,
		       void (*each)(void *ctx, const struct key *key), void *ctx);
/* Exchanges these values, and with 'lisp' all of "lisp": 'new' has those of 'old' then, and 'old' what is to
 * be freed. */
void conf_fixed_keep(struct conf *old, struct conf *new, bool lisp);
/* Does a role of "lisp" come or go? */
bool conf_lisp_roles_differ(const struct conf *a, const struct conf *b);

#endif
