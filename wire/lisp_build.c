/* LISP control messages: struct to bytes, piece by piece. */
#include "wire/lisp.h"

#include <errno.h>

#include "wire/lisp_kind.h"
#include "wire/lisp_record.h"

#define COUNT_AT     3 /* record count, in the first word */
#define ITR_COUNT_AT 2
#define COUNT_MAX    255
#define ITRS_MAX     32

static const struct lisp_kind *
kind_of(const struct lisp_msg *msg)
{
	if (msg->type == LISP_SHARED && msg->shared.historic)
		return lisp_kind_historic();
	return lisp_kind_find(msg->type);
}

static bool
is_referral(const struct lisp_builder *b)
{
	return b->msg != NULL && b->msg->type == LISP_MAP_REFERRAL;
}

static bool
is_request(const struct lisp_builder *b)
{
	return b->msg != NULL && b->msg->type == LISP_MAP_REQUEST;
}

static uint32_t
first_word(const struct lisp_kind *kind, const struct lisp_msg *msg)
{
	uint32_t word = (uint32_t)kind->type << LISP_TYPE_SHIFT;

	for (size_t i = 0; i < kind->flag_count; i++) {
		const struct lisp_flag *flag = &kind->flags[i];

		if (*(const bool *)((const char *)msg + flag->offset))
			word |= flag->mask;
	}
	word &= ~kind->id_mask;
	if (msg->has_xtr_id)
		word |= kind->id_mask;
	if (kind->type == LISP_SHARED)
		word |= (uint32_t)msg->shared.sub_type << LISP_SUB_TYPE_SHIFT;
	return word;
}

static void
put_eid(struct lisp_builder *b, const struct lisp_eid *eid)
{
	if (!lisp_eid_valid(eid))
		b->invalid = true;
	else
		lisp_eid_write(&b->w, eid);
}

static void
put_auth(struct lisp_builder *b, struct lisp_auth *auth)
{
	static const uint8_t zero[LISP_AUTH_SIZE_MAX];

	if (auth->size > sizeof(zero)) {
		b->invalid = true;
		return;
	}
	wr_u8(&b->w, auth->key_id);
	wr_u8(&b->w, auth->algorithm);
	wr_u16(&b->w, auth->size);
	auth->offset = (uint16_t)b->w.used;
	wr_bytes(&b->w, zero, auth->size);
}

static void
put_info(struct lisp_builder *b, const struct lisp_msg *msg)
{
	wr_u32(&b->w, msg->info.ttl);
	wr_u8(&b->w, 0);
	wr_u8(&b->w, lisp_eid_len(&msg->info.eid));
	put_eid(b, &msg->info.eid);
	if (!msg->info.is_reply)
		wr_u16(&b->w, LISP_AFI_NONE);
	else if (msg->info.nat.kind == LISP_RLOC_NAT && lisp_rloc_valid(&msg->info.nat))
		lisp_rloc_write(&b->w, &msg->info.nat);
	else
		b->invalid = true;
}

void
lisp_begin(struct lisp_builder *b, uint8_t *data, size_t room, struct lisp_msg *msg)
{
	const struct lisp_kind *kind = kind_of(msg);

	*b = (struct lisp_builder){.w = wr_make(data, room), .msg = msg};
	if (kind == NULL || (msg->has_xtr_id && kind->ids == LISP_IDS_NEVER) ||
	    (msg->type == LISP_SHARED && msg->shared.sub_type > LISP_SUB_TYPE_MAX)) {
		b->invalid = true;
		return;
	}
	wr_u32(&b->w, first_word(kind, msg));
	wr_u64(&b->w, msg->nonce);
	if (kind->has_auth)
		put_auth(b, &msg->auth);
	if (kind->content == LISP_HAS_INFO)
		put_info(b, msg);
	else if (kind->content == LISP_HAS_ASKED)
		put_eid(b, &msg->request.source);
}

void
lisp_begin_records(struct lisp_builder *b, uint8_t *data, size_t room)
{
	*b = (struct lisp_builder){.w = wr_make(data, room)};
}

void
lisp_put_itr(struct lisp_builder *b, const struct lisp_rloc *rloc)
{
	if (!is_request(b) || b->itrs == ITRS_MAX || b->records != 0 || !lisp_rloc_valid(rloc))
		b->invalid = true;
	else
		lisp_rloc_write(&b->w, rloc);
	b->itrs++;
}

void
lisp_put_asked(struct lisp_builder *b, const struct lisp_asked *asked)
{
	if (!is_request(b) || b->records == COUNT_MAX || b->reply_records != 0 ||
	    !lisp_eid_valid(&asked->eid))
		b->invalid = true;
	else
		lisp_asked_write(&b->w, asked);
	b->records++;
}

/* One more record; false when it may not stand here. */
static bool
count_record(struct lisp_builder *b)
{
	if (is_request(b))
		return b->records != 0 && b->reply_records++ == 0;
	return b->records++ < COUNT_MAX && (b->msg == NULL || b->msg->type != LISP_INFO);
}

void
lisp_put_record(struct lisp_builder *b, const struct lisp_record *record)
{
	if (!count_record(b) || !lisp_eid_valid(&record->eid)) {
		b->invalid = true;
		return;
	}
	b->locator_count_at = b->w.used + LISP_LOCATOR_COUNT_AT;
	lisp_record_write(&b->w, is_referral(b), record);
}

void
lisp_put_locator(struct lisp_builder *b, const struct lisp_locator *locator)
{
	uint8_t *count;

	if (b->locator_count_at == 0 || !lisp_rloc_valid(&locator->rloc)) {
		b->invalid = true;
		return;
	}
	lisp_locator_write(&b->w, locator);
	if (b->w.failed)
		return;
	count = &b->w.data[b->locator_count_at];
	if (*count == COUNT_MAX)
		b->invalid = true;
	else
		++*count;
	b->locators++;
}

void
lisp_put_encoded(struct lisp_builder *b, const uint8_t *bytes, size_t size)
{
	if (!count_record(b) || size < LISP_RECORD_SIZE_MIN) {
		b->invalid = true;
		return;
	}
	wr_bytes(&b->w, bytes, size);
	b->locators += bytes[LISP_LOCATOR_COUNT_AT];
	b->locator_count_at = 0;
}

/* Whether what the pieces were put in is what lisp_parse() wants. */
static bool
is_complete(const struct lisp_builder *b, const struct lisp_kind *kind)
{
	if (b->records < kind->least_records)
		return false;
	if (kind == lisp_kind_historic() && b->records != 1)
		return false;
	return !is_request(b) ||
	       (b->itrs != 0 && b->reply_records == (b->msg->request.map_data ? 1 : 0));
}

int
lisp_end(struct lisp_builder *b)
{
	const struct lisp_kind *kind = b->msg != NULL ? kind_of(b->msg) : NULL;

	if (b->msg != NULL && (kind == NULL || !is_complete(b, kind)))
		b->invalid = true;
	if (b->msg != NULL && b->msg->has_xtr_id) {
		wr_bytes(&b->w, b->msg->xtr_id.xtr, sizeof(b->msg->xtr_id.xtr));
		wr_u64(&b->w, b->msg->xtr_id.site);
	}
	if (b->invalid)
		return -EINVAL;
	if (b->w.failed)
		return -EMSGSIZE;
	if (b->msg != NULL && kind->content != LISP_HAS_INFO)
		b->w.data[COUNT_AT] =
			(uint8_t)(kind == lisp_kind_historic() ? b->locators : b->records);
	if (is_request(b))
		b->w.data[ITR_COUNT_AT] |= (uint8_t)(b->itrs - 1);
	return (int)b->w.used;
}
