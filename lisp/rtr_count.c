/* Names and meanings of what an xTR counts, from the one table in the header. */
#include "lisp/rtr_count.h"

const char *
rtr_count_name(enum rtr_count count)
{
	static const char *const names[] = {
#define X(id, name, text) name,
		RTR_COUNTS(X)
#undef X
	};

	return count < RTR_COUNT_END ? names[count] : "unknown";
}

const char *
rtr_count_text(enum rtr_count count)
{
	static const char *const texts[] = {
#define X(id, name, text) text,
		RTR_COUNTS(X)
#undef X
	};

	return count < RTR_COUNT_END ? texts[count] : "unknown";
}
