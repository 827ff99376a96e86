/* Unknown keys: is a key known at this place, and which one is likely meant? */
#ifndef CONF_SUGGEST_H
#define CONF_SUGGEST_H

#include "base/types.h"

/* True when the object at 'object' ("" or "vns[]") has a key of this name. */
bool suggest_known(const char *object, const char *name);
/* What is expected instead of the unknown 'name': a known key with the likely one, or the list of
 * keys there when none is near.  Writes at most 'size' bytes with the NUL. */
void suggest_text(const char *object, const char *name, char *text, size_t size);

#endif
