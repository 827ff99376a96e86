/* Records with numbers for addresses, for the tests of HWDT. */
#ifndef TESTS_UNIT_HWDT_RECORDS_H
#define TESTS_UNIT_HWDT_RECORDS_H

#include "tables/hwdt.h"

static inline struct addr
ip_of(uint32_t i)
{
	const uint8_t bytes[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

	return addr_make(ADDR_V4, bytes);
}

static inline struct mac
mac_of(uint32_t i)
{
	return (struct mac){{2, 0, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

static inline struct binding
binding_of(uint32_t ip, struct vr_id vr, mobility_t mobility)
{
	return (struct binding){
		.vn = 7, .ip = ip_of(ip), .mac = mac_of(ip), .vr = vr, .mobility = mobility};
}

static inline enum hwdt_fate
put_record(struct hwdt *t, uint32_t ip, struct vr_id vr, mobility_t mobility, us_t now)
{
	struct binding b = binding_of(ip, vr, mobility);

	return hwdt_put(t, &b, now, NULL);
}

static inline size_t
held_by(const struct hwdt *t, struct vr_id vr)
{
	const struct hwdt_entry *e;
	size_t position = 0;
	size_t count = 0;

	while ((e = hwdt_next(t, &position)) != NULL)
		count += vr_id_equal(e->b.vr, vr);
	return count;
}

static inline bool
digest_equal(struct hwdt_digest a, struct hwdt_digest b)
{
	return a.count == b.count && a.sum == b.sum;
}

#endif
