/* What the router answered, for people: tables, lists of values, one-line events.
 *
 * How a field is shown follows from its name: _us and _s are durations, _bytes is a size.  A list
 * of objects
 * is a table, with the columns of its view or, without one, with all their fields; several tables
 * where its rows are of
 * several kinds. */
#ifndef VR_VRCTL_PRINT_H
#define VR_VRCTL_PRINT_H

#include "vr/vrctl_table.h"

/* Prints the "data" of a reply; 'view' may be NULL.  0 or -ENOMEM. */
MUST_USE int vrctl_print(const struct cJSON *data, const struct vrctl_view *view, FILE *out);
/* Prints an event on one line: its name, then field=value.  0 or -ENOMEM. */
MUST_USE int vrctl_print_event(const struct cJSON *event, FILE *out);

#endif
