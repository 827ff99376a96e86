/* Encapsulated Control Message (RFC 9301 section 5.8): a control message inside IP and UDP headers of
 * its own. */
#ifndef WIRE_LISP_ECM_H
#define WIRE_LISP_ECM_H

#include "wire/lisp.h"

struct lisp_ecm {
	bool security, ddt, to_etr, to_ms; /* S D E M; the NAT draft says R and N for E and M */
	/* With S the authentication data of the NAT draft, that a map-server and an RTR share the
	 * key of: over the message inside, and nothing else.  'offset' is in the whole. */
	struct lisp_auth rtr_auth;
	struct endpoint src, dst; /* of the inner headers */
	const uint8_t *message;   /* inside the bytes parsed */
	size_t size;
};

/* 0, -EBADMSG (short, another type, inner headers malformed, inner IPv4 or UDP checksum wrong; a UDP
 * checksum of 0 is accepted, also on IPv6, where some senders leave it out), -EPROTONOSUPPORT (a
 * set
 * S bit with other authentication data than the NAT draft's: we do not speak RFC 9303). */
MUST_USE int lisp_ecm_parse(const uint8_t *data, size_t size, struct lisp_ecm *out);
/* Writes the headers in front of a message that already stands at data + lisp_ecm_head_size(), and
 * the checksums; with 'security' the rtr_auth.size bytes at LISP_ECM_AUTH_AT stay zero, for the
 * caller to fill.  Returns the size in all, or -EMSGSIZE, -EINVAL (families differ, S without
 * authentication data). */
#define LISP_ECM_SIZE_MAX      (4 + 40 + 8)
#define LISP_ECM_AUTH_AT       12
#define LISP_ECM_AUTH_SIZE_MAX (8 + LISP_AUTH_SIZE_MAX)
MUST_USE int lisp_ecm_build(const struct lisp_ecm *ecm, uint8_t *data, size_t room);
/* Bytes in front of the message: of a family without authentication data, and of this one. */
size_t lisp_ecm_size(uint8_t family);
size_t lisp_ecm_head_size(const struct lisp_ecm *ecm);

/* A control message in a LISP data packet (NAT draft, section 4.5, Data-Map-Notify): behind the LISP
 * header with this Instance-ID stand IP and UDP headers as in an ECM.  Parsed is what stands behind
 * the LISP header: 0 or -EBADMSG as lisp_ecm_parse(). */
#define LISP_CONTROL_VN 0xffffff
MUST_USE int lisp_inside_parse(const uint8_t *packet, size_t size, struct lisp_ecm *out);
/* Writes the LISP header and the headers in front of a message that already stands at
 * data + lisp_inside_size(family); only 'src', 'dst' and 'size' are looked at.  As
 * lisp_ecm_build(). */
MUST_USE int lisp_inside_build(const struct lisp_ecm *inside, uint8_t *data, size_t room);
size_t lisp_inside_size(uint8_t family);

#endif
