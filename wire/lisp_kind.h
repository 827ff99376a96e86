/* One row per kind of LISP control message, for the parser and the builder alike.  For wire/lisp*.c
 * only. */
#ifndef WIRE_LISP_KIND_H
#define WIRE_LISP_KIND_H

#include "wire/lisp.h"

#define LISP_ID_SIZE (16 + 8)

/* Bits of the first word, by which every message says its type. */
#define LISP_TYPE_SHIFT      28
#define LISP_SUB_TYPE_SHIFT  16
#define LISP_SUB_TYPE_MAX    0xfffu
#define LISP_COUNT_MASK      0xffu
#define LISP_ITR_COUNT_SHIFT 8
#define LISP_ITR_COUNT_MASK  0x1fu

enum lisp_content { LISP_HAS_RECORDS, LISP_HAS_REFERRALS, LISP_HAS_ASKED, LISP_HAS_INFO };

/* Whether xTR-ID and site-ID stand behind the records. */
enum lisp_ids {
	LISP_IDS_NEVER,
	LISP_IDS_BY_BIT,  /* 'id_mask' */
	LISP_IDS_BY_SIZE, /* when there are bytes left */
};

/* A bit of the first word and the bool of struct lisp_msg that it is. */
struct lisp_flag {
	uint32_t mask;
	size_t offset;
};

struct lisp_kind {
	const struct lisp_flag *flags;
	size_t flag_count;
	uint32_t id_mask;
	uint8_t type;    /* in the first word */
	uint8_t content; /* enum lisp_content */
	uint8_t ids;     /* enum lisp_ids */
	uint8_t least_records;
	bool has_auth;
};

/* NULL: none that consists of what is in the rows (an ECM, an unknown one). */
const struct lisp_kind *lisp_kind_find(uint8_t type);
/* CHANGE-PRIORITY as type 5: one record, and the Record Count is that of its locators. */
const struct lisp_kind *lisp_kind_historic(void);

#endif
