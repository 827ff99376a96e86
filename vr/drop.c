/* Names and meanings of the drop reasons, from the one table in the header. */
#include "vr/drop.h"

const char *
vr_drop_name(enum vr_drop reason)
{
	static const char *const names[] = {
#define X(id, name, text) name,
		VR_DROPS(X)
#undef X
	};

	return reason < DROP_COUNT ? names[reason] : "unknown";
}

const char *
vr_drop_text(enum vr_drop reason)
{
	static const char *const texts[] = {
#define X(id, name, text) text,
		VR_DROPS(X)
#undef X
	};

	return reason < DROP_COUNT ? texts[reason] : "unknown";
}
