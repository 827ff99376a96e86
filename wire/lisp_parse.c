/* LISP control messages: bytes to struct.  Every record and locator is read once here, so that
 * those who read them again later need not expect anything malformed. */
#include "wire/lisp.h"

#include <errno.h>

#include "wire/lisp_kind.h"
#include "wire/lisp_record.h"

#define REPLY_SECURITY 0x02000000u

/* What lies between an earlier position and the cursor. */
static struct rd
span_since(const uint8_t *start, const struct rd *r)
{
	return rd_make(start, r->failed ? 0 : (size_t)(r->data - start));
}

static void
parse_flags(uint32_t word, const struct lisp_kind *kind, struct lisp_msg *msg)
{
	for (size_t i = 0; i < kind->flag_count; i++) {
		const struct lisp_flag *flag = &kind->flags[i];

		*(bool *)((char *)msg + flag->offset) = (word & flag->mask) != 0;
	}
}

static void
parse_auth(const uint8_t *message, struct rd *r, struct lisp_auth *auth)
{
	auth->key_id = rd_u8(r);
	auth->algorithm = rd_u8(r);
	auth->size = rd_u16(r);
	if (auth->size > LISP_AUTH_SIZE_MAX)
		r->failed = true;
	if (r->failed)
		return;
	auth->offset = (uint16_t)(r->data - message);
	rd_bytes(r, auth->size);
}

static void
parse_records(struct rd *r, bool referral, struct lisp_msg *msg)
{
	const uint8_t *start = r->data;
	struct lisp_record record;

	for (unsigned i = 0; i < msg->record_count && !r->failed; i++)
		lisp_record_read(r, referral, &record);
	msg->records = span_since(start, r);
}

/* The historic form counts its locators where others count records, or nothing at all: it has one
 * record, whatever that says. */
static void
parse_historic(struct rd *r, struct lisp_msg *msg)
{
	msg->record_count = 1;
	parse_records(r, false, msg);
}

static void
parse_request(struct rd *r, uint32_t word, struct lisp_msg *msg)
{
	struct lisp_record record;
	struct lisp_asked asked;
	struct lisp_rloc rloc;
	const uint8_t *start;

	lisp_eid_read_host(r, &msg->request.source);
	msg->request.itr_count =
		(uint8_t)((word >> LISP_ITR_COUNT_SHIFT & LISP_ITR_COUNT_MASK) + 1);
	start = r->data;
	for (unsigned i = 0; i < msg->request.itr_count && !r->failed; i++)
		lisp_rloc_read(r, &rloc);
	msg->request.itr_rlocs = span_since(start, r);
	start = r->data;
	for (unsigned i = 0; i < msg->record_count && !r->failed; i++)
		lisp_asked_read(r, &asked);
	msg->records = span_since(start, r);
	start = r->data;
	if (msg->request.map_data)
		lisp_record_read(r, false, &record);
	msg->request.reply_record = span_since(start, r);
}

static void
parse_info(struct rd *r, struct lisp_msg *msg)
{
	uint8_t mask_len;

	msg->info.ttl = rd_u32(r);
	rd_u8(r);
	mask_len = rd_u8(r);
	lisp_eid_read(r, mask_len, &msg->info.eid);
	lisp_rloc_read(r, &msg->info.nat);
	if (!msg->info.is_reply)
		msg->info.nat = (struct lisp_rloc){.kind = LISP_RLOC_NONE};
	else if (msg->info.nat.kind != LISP_RLOC_NAT)
		r->failed = true;
}

static void
parse_content(struct rd *r, uint32_t word, const struct lisp_kind *kind, struct lisp_msg *msg)
{
	msg->record_count = (uint8_t)(word & LISP_COUNT_MASK);
	if (kind == lisp_kind_historic())
		parse_historic(r, msg);
	else if (kind->content == LISP_HAS_ASKED)
		parse_request(r, word, msg);
	else if (kind->content != LISP_HAS_INFO)
		parse_records(r, kind->content == LISP_HAS_REFERRALS, msg);
	else
		parse_info(r, msg);
	if (kind->content == LISP_HAS_INFO)
		msg->record_count = 0;
	else if (msg->record_count < kind->least_records)
		r->failed = true;
}

static void
parse_ids(struct rd *r, uint32_t word, const struct lisp_kind *kind, struct lisp_msg *msg)
{
	const uint8_t *xtr;

	if (kind->ids == LISP_IDS_BY_BIT)
		msg->has_xtr_id = (word & kind->id_mask) != 0;
	else
		msg->has_xtr_id = kind->ids == LISP_IDS_BY_SIZE && r->size > 0;
	if (!msg->has_xtr_id)
		return;
	xtr = rd_bytes(r, sizeof(msg->xtr_id.xtr));
	if (xtr != NULL)
		memcpy(msg->xtr_id.xtr, xtr, sizeof(msg->xtr_id.xtr));
	msg->xtr_id.site = rd_u64(r);
}

static int
parse_as(const struct lisp_kind *kind, const uint8_t *data, size_t size, struct lisp_msg *msg)
{
	struct rd r = rd_make(data, size);
	uint32_t word = rd_u32(&r);

	/* Not an initializer, which owes zeros to the first member of the union only. */
	memset(msg, 0, sizeof(*msg));
	msg->type = kind->type;
	parse_flags(word, kind, msg);
	msg->nonce = rd_u64(&r);
	if (kind->has_auth)
		parse_auth(data, &r, &msg->auth);
	parse_content(&r, word, kind, msg);
	parse_ids(&r, word, kind, msg);
	return rd_done(&r) ? 0 : -EBADMSG;
}

static int
parse_type5(const uint8_t *data, size_t size, struct lisp_msg *msg)
{
	if (parse_as(lisp_kind_find(LISP_MAP_NOTIFY_ACK), data, size, msg) == 0 &&
	    msg->has_xtr_id && msg->record_count > 0)
		return 0;
	if (parse_as(lisp_kind_historic(), data, size, msg) != 0)
		return -EBADMSG;
	msg->type = LISP_SHARED;
	msg->shared.historic = true;
	return 0;
}

int
lisp_parse(const uint8_t *data, size_t size, const struct lisp_dialect *dialect,
	   struct lisp_msg *msg)
{
	struct rd r = rd_make(data, size);
	uint32_t word = rd_u32(&r);
	uint8_t type = (uint8_t)(word >> LISP_TYPE_SHIFT);
	uint16_t sub_type = (uint16_t)(word >> LISP_SUB_TYPE_SHIFT & LISP_SUB_TYPE_MAX);
	const struct lisp_kind *kind = lisp_kind_find(type);
	int ret;

	if (r.failed)
		return -EBADMSG;
	if (kind == NULL || (type == LISP_SHARED && sub_type != dialect->cp_sub_type) ||
	    (type == LISP_MAP_REPLY && (word & REPLY_SECURITY) != 0))
		return -EPROTONOSUPPORT;
	if (type == LISP_MAP_NOTIFY_ACK && dialect->cp_type5)
		return parse_type5(data, size, msg);
	ret = parse_as(kind, data, size, msg);
	if (ret == 0 && type == LISP_SHARED)
		msg->shared.sub_type = sub_type;
	return ret;
}
