/* Names and meanings of what an xTR counts, from the one table in the header. */
#include "lisp/rtr_count.h"

#include "base/counter.h"

static const struct counter counters[] = {RTR_COUNTS(COUNTER_ROW)};

const char *
rtr_count_name(enum rtr_count count)
{
	return count < RTR_COUNT_END ? counters[count].name : "unknown";
}

const char *
rtr_count_text(enum rtr_count count)
{
	return count < RTR_COUNT_END ? counters[count].text : "unknown";
}
