/* Commands of vrctl that speak to the mapping system themselves, over a socket of their own. */
#ifndef VR_VRCTL_LISP_H
#define VR_VRCTL_LISP_H

#include "vr/vrctl_options.h"

struct cJSON;
struct lig;
struct lisp_msg;

/* Asks map-resolvers: the one of --mr, or those of the router, in turn.  VRCTL_REFUSED when none answers. */
enum vrctl_status vrctl_lig(const struct vrctl_options *options, int count, char **words);
enum vrctl_status vrctl_cp_announce(const struct vrctl_options *options, int count, char **words);

/* The records of a Map-Reply, as the reply of the control socket would have them.  NULL when memory is short. */
struct cJSON *vrctl_lig_records(const struct lisp_msg *reply);

#endif
