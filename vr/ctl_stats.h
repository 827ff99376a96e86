/* What the control socket shows of counters: see 'handler' in struct ctl_command (vr/ctl.h).  The context is the daemon. */
#ifndef VR_CTL_STATS_H
#define VR_CTL_STATS_H

struct cJSON;
struct ctl_error;

int ctl_drops(void *ctx, const struct cJSON *request, struct cJSON **data, struct ctl_error *error);
int ctl_stats(void *ctx, const struct cJSON *request, struct cJSON **data, struct ctl_error *error);

#endif
