/* What the control socket shows of peers, of the three tables, and of moves: see 'row' in struct ctl_command (vr/ctl.h).  The
 * context is the daemon. */
#ifndef VR_CTL_TABLES_H
#define VR_CTL_TABLES_H

#include <stdint.h>

struct cJSON;

int ctl_peer_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **row);
int ctl_lndt_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **row);
int ctl_gndt_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **row);
int ctl_hwdt_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **row);
int ctl_move_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **row);

#endif
