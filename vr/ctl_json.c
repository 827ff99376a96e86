/* Fields of what the control socket answers. */
#include "vr/ctl_json.h"

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "vr/loop.h"

void
ctl_add_text(cJSON *o, const char *key, const char *text)
{
	cJSON_AddStringToObject(o, key, text != NULL ? text : "");
}

void
ctl_add_number(cJSON *o, const char *key, uint64_t value)
{
	cJSON_AddNumberToObject(o, key, (double)value);
}

static void
add_seconds(cJSON *o, const char *key, us_t time)
{
	cJSON_AddNumberToObject(o, key, (double)(time / US_MS) / 1000);
}

void
ctl_add_age(cJSON *o, const char *key, us_t then)
{
	if (then == 0)
		cJSON_AddNullToObject(o, key);
	else
		add_seconds(o, key, loop_now() - then);
}

void
ctl_add_wait(cJSON *o, const char *key, us_t then)
{
	us_t now = loop_now();

	if (then == US_NEVER)
		cJSON_AddNullToObject(o, key);
	else
		add_seconds(o, key, then > now ? then - now : 0);
}

void
ctl_add_vr(cJSON *o, const char *key, const struct vr *vr, struct vr_id id)
{
	const char *name = vr_name(vr, id);

	if (vr_id_is_none(id))
		cJSON_AddNullToObject(o, key);
	else
		ctl_add_text(o, key, name != NULL ? name : fmt_vr_id(id).s);
}
