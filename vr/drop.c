/* Names and meanings of the drop reasons, from the one table in the header. */
#include "vr/drop.h"

#include "base/counter.h"

static const struct counter reasons[] = {VR_DROPS(COUNTER_ROW)};

const char *
vr_drop_name(enum vr_drop reason)
{
	return reason < DROP_COUNT ? reasons[reason].name : "unknown";
}

const char *
vr_drop_text(enum vr_drop reason)
{
	return reason < DROP_COUNT ? reasons[reason].text : "unknown";
}
