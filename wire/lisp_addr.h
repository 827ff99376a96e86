/* Addresses as LISP control messages carry them: an AFI and, in the LISP Canonical Address Format
 * (LCAF, RFC 8060), what stands around the address.
 *
 * LCAF types that say something to a router are understood: AFI list (1), Instance-ID (2),
 * NAT-Traversal (7), Explicit Locator Path (10), Source/Dest (12); around the address of a locator
 * also AS number (3), geo-coordinates (5) and security key (11), of which only the address is
 * looked at.  Every other type is checked for its length and skipped: kind OTHER.  An address of an
 * AFI whose size is not known is malformed, unless it stands in an LCAF, which ends it. */
#ifndef WIRE_LISP_ADDR_H
#define WIRE_LISP_ADDR_H

#include "base/err.h"
#include "base/fmt.h"
#include "base/types.h"
#include "wire/rd.h"
#include "wire/wr.h"

#define LISP_AFI_NONE 0
#define LISP_AFI_IP4  1
#define LISP_AFI_IP6  2
#define LISP_AFI_LCAF 16387
#define LISP_AFI_MAC  16389

/* So many LCAFs may stand in each other; one more is malformed, where we look into them at all. */
#define LISP_LCAF_DEPTH 3

enum lisp_eid_kind {
	LISP_EID_NONE = 0, /* AFI 0 */
	LISP_EID_IP,       /* 'prefix' */
	LISP_EID_MAC,      /* 'mac', also when it is the only one of an AFI list */
	LISP_EID_PAIR,     /* Source/Dest: 'prefix' is the destination's, 'source' the source's */
	LISP_EID_OTHER,    /* well formed and not understood: also Instance-IDs above VN_ID_MAX,
			    * ranges of Instance-IDs and prefixes of MACs */
};

/* An EID-prefix, or an EID (a prefix of full length). */
struct lisp_eid {
	uint8_t kind; /* enum lisp_eid_kind */
	bool has_vn;  /* stands in an Instance-ID LCAF; otherwise 'vn' is 0 */
	vn_id_t vn;   /* Instance-ID */
	/* The IID mask-length that stood there.  Beside an EID it means nothing (RFC 8060 section
	 * 4.1); some peers write 32, and compare what comes back. */
	uint8_t vn_len;
	struct prefix prefix, source;
	struct mac mac; /* always of full length (48) */
};

enum lisp_rloc_kind {
	LISP_RLOC_NONE = 0, /* AFI 0 */
	LISP_RLOC_IP,
	LISP_RLOC_NAT,   /* NAT-Traversal: 'nat' */
	LISP_RLOC_PATH,  /* Explicit Locator Path: 'hops' */
	LISP_RLOC_LIST,  /* AFI list, AS number, geo-coordinates or security key with an IP
			  * address: the first one is in 'addr', and is all that is written */
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
	struct addr global, ms, local;   /* global ETR, Map-Server, private ETR; NONE: no IP */
	struct addr rtrs[LISP_RTRS_MAX]; /* more are skipped, and those that are no IP */
	uint8_t rtr_count;
};

struct lisp_rloc {
	uint8_t kind; /* enum lisp_rloc_kind */
	/* Where to send: IP; LIST: the first; PATH: the first hop (look at its 'lookup'); NAT: global.
	 * NONE for NONE and OTHER. */
	struct addr addr;
	union {
		struct lisp_nat nat;
		struct {
			struct lisp_hop
				hops[LISP_HOPS_MAX]; /* of a longer path the kind is OTHER */
			uint8_t hop_count;
		};
	};
};

/* Reads AFI and address of an EID whose mask length stands elsewhere in the message ('len'; for
 * a Source/Dest LCAF, which has its own, and for NONE and OTHER it is not looked at).  Latches an
 * error in the cursor when the bytes are malformed or 'len' is longer than the address; host bits
 * are cleared. */
void lisp_eid_read(struct rd *r, uint8_t len, struct lisp_eid *out);
/* The same for an EID without a mask length: a host's. */
void lisp_eid_read_host(struct rd *r, struct lisp_eid *out);
/* Writes AFI and address; an EID with 'has_vn' stands in an Instance-ID LCAF.  Latches an error for
 * one that is not lisp_eid_valid(). */
void lisp_eid_write(struct wr *w, const struct lisp_eid *eid);
/* False for what cannot be written: OTHER, a VN out of range, a prefix without a family. */
bool lisp_eid_valid(const struct lisp_eid *eid);
/* The mask length that goes with it: the prefix's, 48 for a MAC, 0 for NONE and PAIR. */
uint8_t lisp_eid_len(const struct lisp_eid *eid);
/* An address or prefix of a VN; without an Instance-ID LCAF when 'vn' is 0 and 'plain_zero'. */
struct lisp_eid lisp_eid_make(vn_id_t vn, struct prefix prefix, bool plain_zero);
/* The prefix or the MAC, without the VN; otherwise "none", "pair", "other". */
struct fmt lisp_eid_fmt(const struct lisp_eid *eid);

void lisp_rloc_read(struct rd *r, struct lisp_rloc *out);
/* Latches an error for one that is not lisp_rloc_valid(). */
void lisp_rloc_write(struct wr *w, const struct lisp_rloc *rloc);
/* False for what cannot be written: OTHER, IP, LIST or hops without an address, counts out of range. */
bool lisp_rloc_valid(const struct lisp_rloc *rloc);
/* Kind IP; NONE when the address is. */
struct lisp_rloc lisp_rloc_make(struct addr addr);

#endif
