/* Names and meanings of what an xTR counts, from the one table in the header. */
#include "lisp/xtr_count.h"

const char *
xtr_count_name(enum xtr_count count)
{
	static const char *const names[] = {
#define X(id, name, text) name,
		XTR_COUNTS(X)
#undef X
	};

	return count < XTR_COUNT_END ? names[count] : "unknown";
}

const char *
xtr_count_text(enum xtr_count count)
{
	static const char *const texts[] = {
#define X(id, name, text) text,
		XTR_COUNTS(X)
#undef X
	};

	return count < XTR_COUNT_END ? texts[count] : "unknown";
}
