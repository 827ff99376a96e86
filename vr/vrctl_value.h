/* Values of the control socket's replies, for people.
 *
 * How a field is shown follows from its name: _us and _s are durations, _bytes is a size. */
#ifndef VR_VRCTL_VALUE_H
#define VR_VRCTL_VALUE_H

#include <stdio.h>

#include "base/err.h"
#include "base/types.h"

struct cJSON;

/* Characters of UTF-8. */
size_t vrctl_text_width(const char *text);
/* Nothing that a terminal would obey. */
void vrctl_write_string(const char *text, FILE *out);
/* A field's name without the unit that its value shows; and how wide that is. */
void vrctl_write_label(const char *field, FILE *out);
size_t vrctl_label_width(const char *field);
/* A value on one line; objects as field=value in brackets. */
void vrctl_write_value(const char *field, const struct cJSON *value, FILE *out);
/* The same as a text of its own, to be freed; NULL when memory is short. */
char *vrctl_value_text(const char *field, const struct cJSON *value);

#endif
