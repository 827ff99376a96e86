/* Text forms of the value types, both ways.
 *
 * The fmt_ functions return a small struct by value; its text is valid to the end of the full
 * expression: log(..., "%s", fmt_mac(m).s).  The parse functions accept what the fmt_ functions
 * print but "none", and the usual spellings; they return 0 or -EINVAL, and leave the output
 * untouched on error.  Numbers are decimal digits without sign, space or leading zero. */
#ifndef BASE_FMT_H
#define BASE_FMT_H

#include "base/types.h"

struct fmt {
	char s[64];
};

struct fmt fmt_mac(struct mac mac);           /* 02:00:00:00:00:01 */
struct fmt fmt_addr(struct addr addr);        /* 10.0.0.1, 2001:db8::1, "none" */
struct fmt fmt_prefix(struct prefix prefix);  /* 10.0.0.0/24 */
struct fmt fmt_endpoint(struct endpoint ep);  /* 10.0.0.1:5000, [2001:db8::1]:5000, "none" */
struct fmt fmt_vr_id(struct vr_id id);        /* 16 hexadecimal digits */
struct fmt fmt_mobility(mobility_t mobility); /* epoch.counter */
struct fmt fmt_us(us_t duration);             /* 15us, 3.2ms, 4.01s, 3m20s; "never" */

/* Pairs of digits with ':' or '-' between all of them, in capitals or not. */
int mac_from_text(const char *text, struct mac *mac);
int addr_from_text(const char *text, struct addr *addr);
/* Host bits that are set are an error (-EINVAL); an address without '/' is a host prefix. */
int prefix_from_text(const char *text, struct prefix *prefix);
/* An address with a length, host bits kept: "10.0.0.1/24".  Without '/' the length is the family's
 * width. */
int addr_len_from_text(const char *text, struct addr *addr, uint8_t *len);
/* The port is required; 0 is taken, and an IPv6 address stands in brackets. */
int endpoint_from_text(const char *text, struct endpoint *ep);

/* 'text' receives 4 * ((size + 2) / 3) + 1 characters.  The inverse wants the exact decoded size
 * and returns -EINVAL for anything else (wrong length, foreign characters, non-zero spare bits). */
void base64_from_bytes(const uint8_t *bytes, size_t size, char *text);
int base64_to_bytes(const char *text, uint8_t *bytes, size_t size);

#endif
