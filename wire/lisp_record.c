/* Records, locators and questions of LISP control messages (RFC 9301 sections 5.2 and 5.4, RFC 8111
 * section 6.4). */
#include "wire/lisp_record.h"

#define ASKED_NOTIFY 0x80

#define ACTION_SHIFT         13
#define ACTION_MAX           7
#define RECORD_AUTHORITATIVE 0x1000
#define RECORD_INCOMPLETE    0x0800
#define SIGNATURES_SHIFT     12
#define VERSION_MASK         0x0fff

#define LOCATOR_LOCAL     0x4
#define LOCATOR_PROBED    0x2
#define LOCATOR_REACHABLE 0x1

/* Of a signature section: TTL, expiration and inception, and the key tag in front of its length. */
#define SIGNATURE_HEAD (4 + 4 + 4 + 2)

void
lisp_locator_read(struct rd *r, struct lisp_locator *out)
{
	uint16_t flags;

	out->priority = rd_u8(r);
	out->weight = rd_u8(r);
	out->m_priority = rd_u8(r);
	out->m_weight = rd_u8(r);
	flags = rd_u16(r);
	out->local = (flags & LOCATOR_LOCAL) != 0;
	out->probed = (flags & LOCATOR_PROBED) != 0;
	out->reachable = (flags & LOCATOR_REACHABLE) != 0;
	lisp_rloc_read(r, &out->rloc);
}

void
lisp_locator_write(struct wr *w, const struct lisp_locator *locator)
{
	wr_u8(w, locator->priority);
	wr_u8(w, locator->weight);
	wr_u8(w, locator->m_priority);
	wr_u8(w, locator->m_weight);
	wr_u16(w, (uint16_t)((locator->local ? LOCATOR_LOCAL : 0) |
			     (locator->probed ? LOCATOR_PROBED : 0) |
			     (locator->reachable ? LOCATOR_REACHABLE : 0)));
	lisp_rloc_write(w, &locator->rloc);
}

static void
skip_signatures(struct rd *r, uint8_t count)
{
	uint16_t size;

	while (count-- > 0 && !r->failed) {
		rd_bytes(r, SIGNATURE_HEAD);
		size = rd_u16(r);
		rd_u32(r);
		rd_bytes(r, size);
	}
}

void
lisp_record_read(struct rd *r, bool referral, struct lisp_record *out)
{
	struct lisp_locator locator;
	uint16_t flags, version;
	const uint8_t *start;
	uint8_t mask_len;

	out->ttl = rd_u32(r);
	out->locator_count = rd_u8(r);
	mask_len = rd_u8(r);
	flags = rd_u16(r);
	version = rd_u16(r);
	out->action = (uint8_t)(flags >> ACTION_SHIFT);
	out->authoritative = (flags & RECORD_AUTHORITATIVE) != 0;
	out->incomplete = referral && (flags & RECORD_INCOMPLETE) != 0;
	out->signature_count = referral ? (uint8_t)(version >> SIGNATURES_SHIFT) : 0;
	out->map_version = version & VERSION_MASK;
	lisp_eid_read(r, mask_len, &out->eid);
	start = r->data;
	for (unsigned i = 0; i < out->locator_count && !r->failed; i++)
		lisp_locator_read(r, &locator);
	out->locators = rd_make(start, r->failed ? 0 : (size_t)(r->data - start));
	skip_signatures(r, out->signature_count);
}

void
lisp_record_write(struct wr *w, bool referral, const struct lisp_record *record)
{
	wr_u32(w, record->ttl);
	wr_u8(w, 0);
	wr_u8(w, lisp_eid_len(&record->eid));
	wr_u16(w, (uint16_t)((record->action & ACTION_MAX) << ACTION_SHIFT |
			     (record->authoritative ? RECORD_AUTHORITATIVE : 0) |
			     (referral && record->incomplete ? RECORD_INCOMPLETE : 0)));
	wr_u16(w, record->map_version & VERSION_MASK);
	lisp_eid_write(w, &record->eid);
}

void
lisp_asked_read(struct rd *r, struct lisp_asked *out)
{
	uint8_t flags = rd_u8(r);
	uint8_t mask_len = rd_u8(r);

	out->notify = (flags & ASKED_NOTIFY) != 0;
	lisp_eid_read(r, mask_len, &out->eid);
}

void
lisp_asked_write(struct wr *w, const struct lisp_asked *asked)
{
	wr_u8(w, asked->notify ? ASKED_NOTIFY : 0);
	wr_u8(w, lisp_eid_len(&asked->eid));
	lisp_eid_write(w, &asked->eid);
}

bool
lisp_record_next(struct rd *records, struct lisp_record *out)
{
	if (records->failed || records->size == 0)
		return false;
	lisp_record_read(records, false, out);
	return !records->failed;
}

bool
lisp_referral_next(struct rd *records, struct lisp_record *out)
{
	if (records->failed || records->size == 0)
		return false;
	lisp_record_read(records, true, out);
	return !records->failed;
}

bool
lisp_asked_next(struct rd *records, struct lisp_asked *out)
{
	if (records->failed || records->size == 0)
		return false;
	lisp_asked_read(records, out);
	return !records->failed;
}

bool
lisp_itr_next(struct rd *itr_rlocs, struct lisp_rloc *out)
{
	if (itr_rlocs->failed || itr_rlocs->size == 0)
		return false;
	lisp_rloc_read(itr_rlocs, out);
	return !itr_rlocs->failed;
}

bool
lisp_locator_next(struct rd *locators, struct lisp_locator *out)
{
	if (locators->failed || locators->size == 0)
		return false;
	lisp_locator_read(locators, out);
	return !locators->failed;
}
