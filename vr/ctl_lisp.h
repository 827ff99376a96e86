/* What the control socket shows of the mapping system. */
#ifndef VR_CTL_LISP_H
#define VR_CTL_LISP_H

#include <stdint.h>

struct cJSON;
struct daemon;

/* Rows of long tables: see 'row' in struct ctl_command (vr/ctl.h). */
int ctl_mapcache_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **row);
/* First what this router has registered elsewhere, then what is registered here. */
int ctl_registration_row(void *ctx, const struct cJSON *request, uint64_t *cursor,
			 struct cJSON **row);
int ctl_subscription_row(void *ctx, const struct cJSON *request, uint64_t *cursor,
			 struct cJSON **row);
int ctl_asker_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **row);

/* What is behind NATs and reached through this router, as an RTR. */
int ctl_relayed_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **row);

/* Roles, for "show vr"; counters, for "show stats".  Nothing when there are none. */
void ctl_add_lisp(struct cJSON *o, const struct daemon *d);
void ctl_add_lisp_stats(struct cJSON *o, const struct daemon *d);

#endif
