/* Fields of what the control socket answers. */
#ifndef VR_CTL_JSON_H
#define VR_CTL_JSON_H

#include "vr/vr.h"

struct cJSON;

/* NULL is an empty text. */
void ctl_add_text(struct cJSON *o, const char *key, const char *text);
void ctl_add_number(struct cJSON *o, const char *key, uint64_t value);
/* Seconds since then, or null when it never was. */
void ctl_add_age(struct cJSON *o, const char *key, us_t then);
/* Seconds until then: 0 when it is past, null for US_NEVER. */
void ctl_add_wait(struct cJSON *o, const char *key, us_t then);
/* A router by its name or id, null for none. */
void ctl_add_vr(struct cJSON *o, const char *key, const struct vr *vr, struct vr_id id);

#endif
