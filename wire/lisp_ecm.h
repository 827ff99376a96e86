/* Encapsulated Control Message (RFC 9301 section 5.8): a control message inside IP and UDP headers of
 * its own. */
#ifndef WIRE_LISP_ECM_H
#define WIRE_LISP_ECM_H

#include "wire/lisp.h"

struct lisp_ecm {
	bool security, ddt, to_etr, to_ms; /* S D E M; the NAT draft says R and N for E and M */
	struct endpoint src, dst;          /* of the inner headers */
	const uint8_t *message;            /* inside the bytes parsed */
	size_t size;
};

/* 0, -EBADMSG (short, another type, inner headers malformed, inner IPv4 or UDP checksum wrong; a UDP
 * checksum of 0 is accepted, also on IPv6, where some senders leave it out; a set S bit, whose
 * authentication data of RFC 9303 we do not speak: -EPROTONOSUPPORT). */
MUST_USE int lisp_ecm_parse(const uint8_t *data, size_t size, struct lisp_ecm *out);
/* Writes the headers in front of a message that already stands at data + LISP_ECM_SIZE(family), and
 * the checksums.  Returns the size in all, or -EMSGSIZE, -EINVAL (families differ). */
#define LISP_ECM_SIZE_MAX (4 + 40 + 8)
MUST_USE int lisp_ecm_build(const struct lisp_ecm *ecm, uint8_t *data, size_t room);
/* Bytes in front of the message. */
size_t lisp_ecm_size(uint8_t family);

#endif
