/* Names and meanings of the counters, from the one table in the header. */
#include "lisp/ms_count.h"

const char *
ms_count_name(enum ms_count count)
{
	static const char *const names[] = {
#define X(id, name, text) name,
		MS_COUNTS(X)
#undef X
	};

	return count < MS_COUNT_END ? names[count] : "unknown";
}

const char *
ms_count_text(enum ms_count count)
{
	static const char *const texts[] = {
#define X(id, name, text) text,
		MS_COUNTS(X)
#undef X
	};

	return count < MS_COUNT_END ? texts[count] : "unknown";
}
