/* Finds values that stand twice where each may stand once. */
#ifndef CONF_UNIQUE_H
#define CONF_UNIQUE_H

#include "base/err.h"
#include "conf/report.h"

/* Zero-initialise. */
struct unique {
	struct unique_row *rows;
	size_t count, room;
	bool no_memory;
};

/* Notes that 'text' (copied, at most 79 bytes count) stands at the place.  Only values of the same
 * group are compared. */
void unique_add(struct unique *u, uint32_t group, const char *text, struct place place);
/* Adds a row for each value that stood before, naming the first place, and empties the set.  '*rc' becomes -ENOMEM when there was
 * no memory for it, and stays as it is otherwise. */
void unique_report(struct unique *u, struct report *r, const char *expected, int *rc);

#endif
