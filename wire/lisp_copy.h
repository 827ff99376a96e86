/* Locators copied as bytes from one LISP message into another, for a map-server: what it does not
 * understand (an LCAF of a kind to come) arrives at the one who asks as it was registered. */
#ifndef WIRE_LISP_COPY_H
#define WIRE_LISP_COPY_H

#include "wire/lisp.h"

/* Behind lisp_put_record(): 'count' locators that a lisp_parse() has accepted, 'size' bytes. */
void lisp_put_locators(struct lisp_builder *b, unsigned count, const uint8_t *bytes, size_t size);
/* Clears L and p, which only the locator's own router may set (RFC 9301 section 5.4). */
void lisp_locator_strip(uint8_t *locator);

#endif
