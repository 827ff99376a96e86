/* Tables of the control socket's replies, for people: a list of objects, with the columns of its view
 * or, without one, with all their fields; several tables where its rows are of several kinds.
 *
 * Rows may come little by little.  Those that come together stand in order, by the columns from
 * left to right, under
 * columns that are as wide as they need, or as those before; nothing of them is kept. */
#ifndef VR_VRCTL_TABLE_H
#define VR_VRCTL_TABLE_H

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

struct vrctl_table {
	const struct vrctl_view *view; /* the first kind */
	FILE *out;
	const struct vrctl_view *kind; /* of the last rows */
	bool printed;                  /* anything */
	size_t widths[VRCTL_COLUMNS_MAX];
	bool right[VRCTL_COLUMNS_MAX];
};

/* NULL when the command has none. */
const struct vrctl_view *vrctl_view_find(const char *command);

/* 'view' may be NULL; what is given is borrowed until vrctl_table_end(). */
void vrctl_table_init(struct vrctl_table *table, const struct vrctl_view *view, FILE *out);
/* Prints these, a list of objects.  0 or -ENOMEM. */
MUST_USE int vrctl_table_add(struct vrctl_table *table, const struct cJSON *rows);
/* There are no more.  0 or -ENOMEM. */
MUST_USE int vrctl_table_end(struct vrctl_table *table);

#endif
