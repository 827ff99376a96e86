/* Names that other values of the configuration refer to. */
#ifndef CONF_NAMES_H
#define CONF_NAMES_H

#include "base/err.h"
#include "conf/report.h"

/* Zero-initialise; names_fini() frees it. */
struct names {
	const char **rows; /* borrowed */
	size_t count, room;
	bool is_sorted;
	bool has_gap; /* one was refused: an unknown name may be that one */
	bool no_memory;
};

/* 'name' NULL: refused. */
void names_add(struct names *n, const char *name);
/* Once all are added. */
bool names_have(struct names *n, const char *name);
/* Adds a row when there is no such name, with the one that is likely meant.  'expected' is such as
 * "the name of a key in \"lisp.keys\"". */
void names_check(struct names *n, struct report *r, const char *name, struct place place,
		 const char *expected);
void names_fini(struct names *n);

#endif
