/* Records and locators as bytes: what LISP control messages of several types have in common.  For
 * wire/lisp*.c only. */
#ifndef WIRE_LISP_RECORD_H
#define WIRE_LISP_RECORD_H

#include "wire/lisp.h"

/* Offset of the locator count in a record, and the size of the smallest record. */
#define LISP_LOCATOR_COUNT_AT 4
#define LISP_RECORD_SIZE_MIN  12

/* Latch an error in the cursor for what is malformed; 'referral': as a Map-Referral has them. */
void lisp_record_read(struct rd *r, bool referral, struct lisp_record *out);
void lisp_locator_read(struct rd *r, struct lisp_locator *out);
void lisp_asked_read(struct rd *r, struct lisp_asked *out);

/* The locators' number is written as 0. */
void lisp_record_write(struct wr *w, bool referral, const struct lisp_record *record);
void lisp_locator_write(struct wr *w, const struct lisp_locator *locator);
void lisp_asked_write(struct wr *w, const struct lisp_asked *asked);

#endif
