/* What EIDs and locators have in common: AFIs and the frame of an LCAF.  For wire/lisp_eid.c and
 * wire/lisp_rloc.c only. */
#ifndef WIRE_LISP_LCAF_H
#define WIRE_LISP_LCAF_H

#include "wire/lisp_addr.h"

#define LISP_AFI_802 6 /* a MAC as RFC 8060 has it */

enum lcaf_type {
	LCAF_LIST = 1,
	LCAF_INSTANCE = 2,
	LCAF_AS = 3,
	LCAF_GEO = 5,
	LCAF_NAT = 7,
	LCAF_PATH = 10,
	LCAF_KEY = 11,
	LCAF_PAIR = 12,
};

struct lcaf {
	uint8_t type;
	uint8_t mask_len; /* of an Instance-ID; else reserved */
	struct rd body;   /* ends where the LCAF does */
};

/* Behind the AFI. */
void lcaf_read(struct rd *r, struct lcaf *out);
/* Writes the AFI and the head; lcaf_close(), with what this returns, fills in the length. */
size_t lcaf_open(struct wr *w, uint8_t type);
/* The same for an Instance-ID whose mask-length is not 0. */
size_t lcaf_open_masked(struct wr *w, uint8_t type, uint8_t mask_len);
void lcaf_close(struct wr *w, size_t start);

/* Reads over the address of an AFI that says nothing to us.  In an LCAF, which ends by its own
 * length, one of unknown size takes what is left; elsewhere it latches an error. */
void lcaf_skip_address(struct rd *r, uint16_t afi, bool in_lcaf);

/* Family of an IP address's AFI, else NONE; and back. */
uint8_t lcaf_family(uint16_t afi);
/* AFI and address; AFI 0 for NONE. */
void lcaf_write_ip(struct wr *w, struct addr addr);
/* AFI and address, inside an LCAF: NONE, and skipped, when it is something else than IP. */
struct addr lcaf_read_ip(struct rd *r);

#endif
