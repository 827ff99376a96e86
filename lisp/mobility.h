/* The mobility counter of an EID as LISP messages carry it: in the Map-Version number of its record
 * (RFC 9302), 12 bits of which 0 means "none".
 *
 * A router gives an EID that moves the version 1 + counter modulo 4095, so that each move is one
 * newer; of two versions the newer one is the one that is less than half the circle ahead.  Other
 * implementations raise the number with every change of a mapping, which orders it as well. */
#ifndef LISP_MOBILITY_H
#define LISP_MOBILITY_H

#include "base/types.h"

#define LISP_VERSIONS 4095

static inline uint16_t
lisp_version_of(mobility_t mobility)
{
	return (uint16_t)(1 + mobility % LISP_VERSIONS);
}

/* False when either is none. */
static inline bool
lisp_version_newer(uint16_t a, uint16_t b)
{
	unsigned ahead;

	if (a == 0 || b == 0)
		return false;
	ahead = (unsigned)(a + LISP_VERSIONS - b) % LISP_VERSIONS;
	return ahead != 0 && ahead <= LISP_VERSIONS / 2;
}

#endif
