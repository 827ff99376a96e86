/* Names and meanings of the counters, from the one table in the header. */
#include "lisp/ms_count.h"

#include "base/counter.h"

static const struct counter counters[] = {MS_COUNTS(COUNTER_ROW)};

const char *
ms_count_name(enum ms_count count)
{
	return count < MS_COUNT_END ? counters[count].name : "unknown";
}

const char *
ms_count_text(enum ms_count count)
{
	return count < MS_COUNT_END ? counters[count].text : "unknown";
}
