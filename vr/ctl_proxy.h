/* What the control socket shows of proxies. */
#ifndef VR_CTL_PROXY_H
#define VR_CTL_PROXY_H

#include <stdint.h>

struct cJSON;

/* The networks that this router is a proxy of, and the proxies that it uses: see 'row' in struct ctl_command (vr/ctl.h). */
int ctl_proxy_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **row);

#endif
