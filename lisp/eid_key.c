/* Keys from EIDs and back. */
#include "lisp/eid_key.h"

uint8_t
eid_key_width(uint8_t family)
{
	return family == EID_V4 ? 32 : family == EID_V6 ? 128 : 48;
}

static void
load(uint64_t w[2], const uint8_t *bytes, size_t size)
{
	w[0] = w[1] = 0;
	for (size_t i = 0; i < size; i++)
		w[i / 8] |= (uint64_t)bytes[i] << (56 - 8 * (i % 8));
}

static void
store(const uint64_t w[2], uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(w[i / 8] >> (56 - 8 * (i % 8)));
}

bool
eid_key_from(const struct lisp_eid *eid, struct eid_key *out)
{
	const struct addr *a = &eid->prefix.addr;

	out->vn = eid->vn;
	if (eid->kind == LISP_EID_MAC) {
		load(out->w, eid->mac.b, sizeof(eid->mac.b));
		out->family = EID_MAC;
		out->len = 48;
		return true;
	}
	if (eid->kind != LISP_EID_IP || addr_is_none(*a))
		return false;
	load(out->w, a->b, addr_size(a->family));
	out->family = a->family == ADDR_V4 ? EID_V4 : EID_V6;
	out->len = eid->prefix.len;
	return true;
}

struct lisp_eid
eid_key_eid(const struct eid_key *key, bool plain_zero)
{
	struct lisp_eid eid = {.vn = key->vn, .has_vn = key->vn != 0 || !plain_zero};

	if (key->family == EID_MAC) {
		eid.kind = key->len == 48 ? LISP_EID_MAC : LISP_EID_NONE;
		store(key->w, eid.mac.b, sizeof(eid.mac.b));
		return eid;
	}
	eid.kind = LISP_EID_IP;
	eid.prefix.addr.family = key->family == EID_V4 ? ADDR_V4 : ADDR_V6;
	eid.prefix.len = key->len;
	store(key->w, eid.prefix.addr.b, addr_size(eid.prefix.addr.family));
	return eid;
}

struct eid_key
eid_key_cut(const struct eid_key *key, uint8_t len)
{
	struct eid_key cut = *key;

	cut.len = len;
	if (len < 64) {
		cut.w[0] = len == 0 ? 0 : cut.w[0] & ~UINT64_C(0) << (64 - len);
		cut.w[1] = 0;
	} else if (len < 128) {
		cut.w[1] = len == 64 ? 0 : cut.w[1] & ~UINT64_C(0) << (128 - len);
	}
	return cut;
}

bool
eid_key_equal(const struct eid_key *a, const struct eid_key *b)
{
	return a->vn == b->vn && a->family == b->family && a->len == b->len && a->w[0] == b->w[0] &&
	       a->w[1] == b->w[1];
}
