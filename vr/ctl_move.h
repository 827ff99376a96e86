/* The control commands that give management actions: "move" of the control socket, for any machine that is its own router, and
 * of the management port, for the one that this router is. */
#ifndef VR_CTL_MOVE_H
#define VR_CTL_MOVE_H

#include "base/err.h"
#include "base/types.h"

struct cJSON;
struct ctl_error;

/* For struct ctl_command's 'later'; the context is the daemon. */
int ctl_move(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **data,
	     struct ctl_error *error);
int ctl_move_here(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **data,
		  struct ctl_error *error);

#endif
