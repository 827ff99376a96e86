/* What the router answered, for people: tables, lists of values, one-line events.
 *
 * How a field is shown follows from its name: _us and _s are durations, _bytes is a size.  A list
 * of objects
 * is a table, with the columns of its view or, without one, with all their fields; several tables
 * where its rows are of
 * several kinds. */
#ifndef VR_VRCTL_PRINT_H
#define VR_VRCTL_PRINT_H

#include <stdio.h>

#include "base/err.h"
#include "base/types.h"

struct cJSON;

#define VRCTL_COLUMNS_MAX 24

/* A field that begins with '.' is one of the elements of the view's 'each'. */
struct vrctl_column {
	const char *title;
	const char *field;
};

/* The columns of one reply; also the order of its rows, which is by the columns from left to right. */
struct vrctl_view {
	const char *command;   /* "show moves" */
	const char *skip_zero; /* rows in which this field is 0 are left out; NULL: none */
	const char *each;      /* a list within the row: it has a line for each of its elements */
	const char *kind;      /* only rows whose field "kind" is this; NULL: all */
	const struct vrctl_view *next; /* rows of other kinds have a table of their own */
	struct vrctl_column columns[VRCTL_COLUMNS_MAX]; /* up to the first without a title */
};

/* NULL when the command has none. */
const struct vrctl_view *vrctl_view_find(const char *command);

/* Prints the "data" of a reply; 'view' may be NULL.  0 or -ENOMEM. */
MUST_USE int vrctl_print(const struct cJSON *data, const struct vrctl_view *view, FILE *out);
/* Prints an event on one line: its name, then field=value.  0 or -ENOMEM. */
MUST_USE int vrctl_print_event(const struct cJSON *event, FILE *out);

#endif
