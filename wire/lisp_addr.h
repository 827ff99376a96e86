/* Addresses as LISP control messages carry them: an AFI and, in the LISP Canonical Address Format
 * (LCAF, RFC 8060), what stands around the address.
 *
 * LCAF types that say something to a router are understood: Instance-ID (2), AFI list (1),
 * NAT-Traversal (7), Explicit Locator Path (10), Source/Dest (12).  Every other type is checked for
 * its length and skipped: kind OTHER. */
#ifndef WIRE_LISP_ADDR_H
#define WIRE_LISP_ADDR_H

#include "base/err.h"
#include "base/types.h"
#include "wire/rd.h"
#include "wire/wr.h"

#define LISP_AFI_NONE 0
#define LISP_AFI_IP4  1
#define LISP_AFI_IP6  2
#define LISP_AFI_LCAF 16387
#define LISP_AFI_MAC  16389

/* LCAFs stand in each other at most so deep; deeper is malformed. */
#define LISP_LCAF_DEPTH 3

enum lisp_eid_kind {
	LISP_EID_NONE = 0, /* AFI 0 */
	LISP_EID_IP,       /* 'prefix' */
	LISP_EID_MAC,      /* 'mac' */
	LISP_EID_PAIR,     /* Source/Dest: 'prefix' is the destination's, 'source' the source's */
	LISP_EID_OTHER,    /* well formed and not understood */
};

/* An EID-prefix, or an EID (a prefix of full length). */
struct lisp_eid {
	uint8_t kind; /* enum lisp_eid_kind */
	bool has_vn;  /* stands in an Instance-ID LCAF; otherwise 'vn' is 0 */
	vn_id_t vn;   /* Instance-ID */
	struct prefix prefix, source;
	struct mac mac; /* always of full length (48) */
};

enum lisp_rloc_kind {
	LISP_RLOC_NONE = 0, /* AFI 0 */
	LISP_RLOC_IP,
	LISP_RLOC_NAT,   /* NAT-Traversal: 'nat' */
	LISP_RLOC_PATH,  /* Explicit Locator Path: 'hops' */
	LISP_RLOC_LIST,  /* AFI list: the first IP address of it is in 'addr' */
	LISP_RLOC_OTHER, /* well formed and not understood: not to be used */
};

#define LISP_HOPS_MAX 8
#define LISP_RTRS_MAX 8

struct lisp_hop {
	struct addr addr;
	bool lookup, probe, strict; /* RFC 8060 section 4.6: L, P, S */
};

struct lisp_nat {
	uint16_t ms_port, etr_port;
	struct addr global, ms, local;   /* global ETR, Map-Server, private ETR; NONE where AFI 0 */
	struct addr rtrs[LISP_RTRS_MAX]; /* more are skipped */
	uint8_t rtr_count;
};

struct lisp_rloc {
	uint8_t kind;     /* enum lisp_rloc_kind */
	struct addr addr; /* where to send: IP; LIST: the first; PATH: the first hop; NAT: global */
	union {
		struct lisp_nat nat;
		struct {
			struct lisp_hop hops[LISP_HOPS_MAX]; /* a longer path is malformed */
			uint8_t hop_count;
		};
	};
};

/* Reads AFI and address of an EID whose mask length stands elsewhere in the message ('len'; for
 * a Source/Dest LCAF, which has its own, it is not looked at).  Latches an error in the cursor
 * when the bytes are malformed or 'len' is longer than the address; host bits are cleared. */
void lisp_eid_read(struct rd *r, uint8_t len, struct lisp_eid *out);
/* Writes AFI and address; an EID with 'has_vn' stands in an Instance-ID LCAF.  Latches for OTHER. */
void lisp_eid_write(struct wr *w, const struct lisp_eid *eid);
/* The mask length that goes with it: the prefix's, 48 for a MAC, 0 for NONE and PAIR. */
uint8_t lisp_eid_len(const struct lisp_eid *eid);
/* An address or prefix of a VN; without an Instance-ID LCAF when 'vn' is 0 and 'plain_zero'. */
struct lisp_eid lisp_eid_make(vn_id_t vn, struct prefix prefix, bool plain_zero);
bool lisp_eid_equal(const struct lisp_eid *a, const struct lisp_eid *b);

void lisp_rloc_read(struct rd *r, struct lisp_rloc *out);
void lisp_rloc_write(struct wr *w, const struct lisp_rloc *rloc);
struct lisp_rloc lisp_rloc_make(struct addr addr);

#endif
