/* Peers as the data workers need them.  For vr/workers.c only. */
#ifndef VR_WORKERS_LINK_H
#define VR_WORKERS_LINK_H

#include "vr/worker_priv.h"

/* The peer in this slot as it is now, for decisions of this time; NULL: workers cannot send to it. */
const struct worker_link *workers_link(struct workers *ws, uint32_t slot);
/* Counts what has been sent, and frees what nobody uses any more.  True: there was something, or will be. */
bool workers_links_run(struct workers *ws, us_t now);
/* No thread runs. */
void workers_links_free(struct workers *ws);

#endif
