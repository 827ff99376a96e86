/* The rows of a small table that virtual networks share, so that none of them can keep the others out.
 *
 * A full table gives up the longest used row of the network that uses most; of networks that use
 * equally
 * many, the newcomer's own one.  A search over all rows: for tables of some dozens. */
#ifndef BASE_SHARE_H
#define BASE_SHARE_H

#include "base/types.h"

/* First member of every row. */
struct share {
	bool is_used;
	vn_id_t vn;
	uint64_t turn; /* rows that were taken later have more */
};

/* Position of the row for a newcomer of this network: a free one, or one that is given up (is_used still
 * says so, and the caller ends what it stands for).  'rows': 'count' rows, at least one, of
 * 'row_size' bytes.
 * '*share' receives what the newcomer puts in front of its row. */
size_t share_pick(const void *rows, size_t count, size_t row_size, vn_id_t vn, struct share *share);

#endif
