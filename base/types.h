/* The words of the project as C types: units, addresses, prefixes, names of routers and networks.
 *
 * Everything here is a plain value in host order: copied freely, compared with the functions below,
 * never laid over a packet.  Addresses are address-family independent: an IPv4 address keeps its
 * four bytes in front and zeros behind, so that two equal addresses are equal byte for byte. */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Monotonic microseconds.  Passed in as 'now' everywhere; only the event loop reads the clock. */
typedef int64_t us_t;

#define US_MS    ((us_t)1000)
#define US_S     ((us_t)1000000)
#define US_NEVER INT64_MAX

/* Number of a virtual network, which is the LISP Instance-ID: 24 bits. */
typedef uint32_t vn_id_t;

#define VN_ID_MAX 0xffffffu

/* Mobility counter of a binding: epoch in the upper 32 bits, counter in the lower 32.  Each move is
 * one larger than the last that was known; newer wins (RFC 7432 section 15). */
typedef uint64_t mobility_t;

struct mac {
	uint8_t b[6];
};

enum addr_family { ADDR_NONE = 0, ADDR_V4 = 4, ADDR_V6 = 6 };

struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t b[16];
};

/* Host bits are zero: make one with prefix_make(). */
struct prefix {
	struct addr addr;
	uint8_t len;
};

/* An underlay address: family NONE means "not known". */
struct endpoint {
	struct addr addr;
	uint16_t port;
};

/* Name of a router: the first eight bytes of the SHA-256 of its public key, big-endian.  Zero is
 * nobody. */
struct vr_id {
	uint64_t v;
};

/* In the place of a router: none of ours, only the mapping system knows where. */
#define VR_ID_MAPPED ((struct vr_id){UINT64_MAX})

static inline bool
mac_equal(struct mac a, struct mac b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

static inline bool
mac_is_zero(struct mac m)
{
	return mac_equal(m, (struct mac){{0}});
}

/* Broadcast counts as multicast. */
static inline bool
mac_is_multicast(struct mac m)
{
	return (m.b[0] & 1) != 0;
}

#define MAC_BROADCAST ((struct mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})

static inline bool
addr_equal(struct addr a, struct addr b)
{
	uint64_t x[2], y[2];

	/* In words: this is asked many times for every packet. */
	memcpy(x, a.b, sizeof(x));
	memcpy(y, b.b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (uint64_t)(a.family ^ b.family)) == 0;
}

static inline bool
addr_is_none(struct addr a)
{
	return a.family == ADDR_NONE;
}

/* Bytes of an address of this family: 4, 16 or 0. */
static inline size_t
addr_size(uint8_t family)
{
	return family == ADDR_V4 ? 4 : family == ADDR_V6 ? 16 : 0;
}

/* 'bytes' holds addr_size(family) bytes in network order. */
static inline struct addr
addr_make(uint8_t family, const uint8_t *bytes)
{
	struct addr a = {.family = family};

	memcpy(a.b, bytes, addr_size(family));
	return a;
}

/* All-zero bytes: 0.0.0.0 or ::, as in a probe or a RARP. */
static inline bool
addr_is_unspecified(struct addr a)
{
	static const uint8_t zero[16];

	return memcmp(a.b, zero, sizeof(zero)) == 0;
}

/* IPv4 multicast and limited broadcast, IPv6 multicast. */
static inline bool
addr_is_multicast(struct addr a)
{
	return a.family == ADDR_V4 ? a.b[0] >= 224 && (a.b[0] < 240 || a.b[0] == 255)
				   : a.b[0] == 0xff;
}

/* 'len' above the family's width is cut to it; host bits are cleared. */
static inline struct prefix
prefix_make(struct addr addr, unsigned len)
{
	struct prefix p = {.addr = {.family = addr.family}};
	size_t width = addr_size(addr.family) * 8;
	size_t i;

	if (len > width)
		len = (unsigned)width;
	p.len = (uint8_t)len;
	for (i = 0; i < len / 8; i++)
		p.addr.b[i] = addr.b[i];
	if (len % 8 != 0)
		p.addr.b[i] = (uint8_t)(addr.b[i] & (0xff00u >> (len % 8)));
	return p;
}

static inline struct prefix
prefix_host(struct addr addr)
{
	return prefix_make(addr, 255);
}

static inline bool
prefix_equal(struct prefix a, struct prefix b)
{
	return a.len == b.len && addr_equal(a.addr, b.addr);
}

static inline bool
prefix_contains(struct prefix p, struct addr a)
{
	return a.family == p.addr.family && addr_equal(prefix_make(a, p.len).addr, p.addr);
}

static inline bool
endpoint_equal(struct endpoint a, struct endpoint b)
{
	return a.port == b.port && addr_equal(a.addr, b.addr);
}

static inline bool
vr_id_equal(struct vr_id a, struct vr_id b)
{
	return a.v == b.v;
}

static inline bool
vr_id_is_none(struct vr_id a)
{
	return a.v == 0;
}

#endif
