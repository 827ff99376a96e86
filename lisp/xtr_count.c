/* Names and meanings of what an xTR counts, from the one table in the header. */
#include "lisp/xtr_count.h"

#include "base/counter.h"

static const struct counter counters[] = {XTR_COUNTS(COUNTER_ROW)};

const char *
xtr_count_name(enum xtr_count count)
{
	return count < XTR_COUNT_END ? counters[count].name : "unknown";
}

const char *
xtr_count_text(enum xtr_count count)
{
	return count < XTR_COUNT_END ? counters[count].text : "unknown";
}
