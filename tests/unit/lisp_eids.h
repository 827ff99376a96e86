/* EIDs compared. */
#ifndef TESTS_UNIT_LISP_EIDS_H
#define TESTS_UNIT_LISP_EIDS_H

#include "wire/lisp.h"

/* VN 0 is the same with and without an LCAF around it.  OTHER equals nothing. */
static inline bool
eid_equal(const struct lisp_eid *a, const struct lisp_eid *b)
{
	if (a->kind != b->kind || a->vn != b->vn)
		return false;
	switch (a->kind) {
	case LISP_EID_NONE:
		return true;
	case LISP_EID_IP:
		return prefix_equal(a->prefix, b->prefix);
	case LISP_EID_MAC:
		return mac_equal(a->mac, b->mac);
	case LISP_EID_PAIR:
		return prefix_equal(a->prefix, b->prefix) && prefix_equal(a->source, b->source);
	default:
		return false;
	}
}

#endif
