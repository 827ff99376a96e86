/* A router's reply, shown. */
#ifndef VR_VRCTL_REPLY_H
#define VR_VRCTL_REPLY_H

#include "vr/vrctl_link.h"
#include "vr/vrctl_table.h"

/* So many rows of a table stand in order; those behind them are printed in their order as they come. */
#define VRCTL_PAGE_ROWS 2000

/* Shows the next reply on 'out', or says on the standard error why the router refused.  With 'json' as
 * it is.  A list with a view ('view' may be NULL) is printed while it comes, page by page: however
 * long it is,
 * only a page of it is in memory. */
enum vrctl_status vrctl_reply_show(struct vrctl_link *link, const struct vrctl_view *view,
				   bool json, FILE *out);

#endif
