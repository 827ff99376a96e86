/* LISP control messages: what is accepted is built again from what was understood, into no more bytes
 * than it had, and reads the same then.  What is skipped (unknown addresses, signatures) is
 * left out. */
#include <stdlib.h>

#include "base/err.h"
#include "wire/lisp.h"
#include "wire/lisp_ecm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lisp_eid
known_eid(const struct lisp_eid *eid)
{
	return eid->kind != LISP_EID_OTHER ? *eid : (struct lisp_eid){.kind = LISP_EID_NONE};
}

static struct lisp_rloc
known_rloc(const struct lisp_rloc *rloc)
{
	return rloc->kind != LISP_RLOC_OTHER ? *rloc : (struct lisp_rloc){.kind = LISP_RLOC_NONE};
}

static bool
next_record(const struct lisp_msg *msg, struct rd *records, struct lisp_record *out)
{
	return msg->type == LISP_MAP_REFERRAL ? lisp_referral_next(records, out)
					      : lisp_record_next(records, out);
}

static void
put_records(struct lisp_builder *b, const struct lisp_msg *msg, struct rd records)
{
	struct lisp_record record;
	struct lisp_locator locator;

	while (next_record(msg, &records, &record)) {
		unsigned count = 0;

		record.eid = known_eid(&record.eid);
		lisp_put_record(b, &record);
		while (lisp_locator_next(&record.locators, &locator)) {
			locator.rloc = known_rloc(&locator.rloc);
			lisp_put_locator(b, &locator);
			count++;
		}
		BUG_IF(count != record.locator_count);
	}
}

static void
put_request(struct lisp_builder *b, const struct lisp_msg *msg)
{
	struct rd itrs = msg->request.itr_rlocs, records = msg->records;
	struct lisp_rloc rloc;
	struct lisp_asked asked;
	unsigned count = 0;

	for (; lisp_itr_next(&itrs, &rloc); count++) {
		rloc = known_rloc(&rloc);
		lisp_put_itr(b, &rloc);
	}
	BUG_IF(count != msg->request.itr_count);
	for (count = 0; lisp_asked_next(&records, &asked); count++) {
		asked.eid = known_eid(&asked.eid);
		lisp_put_asked(b, &asked);
	}
	BUG_IF(count != msg->record_count);
	put_records(b, msg, msg->request.reply_record);
}

static int
rebuild(const struct lisp_msg *parsed, uint8_t *out, size_t room)
{
	struct lisp_msg msg = *parsed;
	struct lisp_builder b;

	if (msg.type == LISP_MAP_REQUEST)
		msg.request.source = known_eid(&msg.request.source);
	else if (msg.type == LISP_INFO)
		msg.info.eid = known_eid(&msg.info.eid);
	lisp_begin(&b, out, room, &msg);
	if (msg.type == LISP_MAP_REQUEST)
		put_request(&b, &msg);
	else if (msg.type != LISP_INFO)
		put_records(&b, &msg, msg.records);
	BUG_IF(msg.auth.offset != parsed->auth.offset);
	return lisp_end(&b);
}

static void
check_message(const uint8_t *data, size_t size, const struct lisp_dialect *dialect)
{
	struct lisp_msg msg, back;
	uint8_t *once, *twice;
	int built;

	if (lisp_parse(data, size, dialect, &msg) != 0)
		return;
	once = malloc(size);
	twice = malloc(size);
	BUG_IF(once == NULL || twice == NULL);
	built = rebuild(&msg, once, size);
	BUG_IF(built <= 0);
	BUG_IF(lisp_parse(once, (size_t)built, dialect, &back) != 0);
	BUG_IF(back.type != msg.type || back.nonce != msg.nonce ||
	       back.record_count != msg.record_count || back.has_xtr_id != msg.has_xtr_id ||
	       back.auth.size != msg.auth.size);
	BUG_IF(rebuild(&back, twice, size) != built);
	BUG_IF(memcmp(once, twice, (size_t)built) != 0);
	free(once);
	free(twice);
}

static void
check_ecm(const uint8_t *data, size_t size)
{
	struct lisp_ecm ecm, back;
	uint8_t *out;
	size_t head;
	int built;

	if (lisp_ecm_parse(data, size, &ecm) != 0)
		return;
	head = lisp_ecm_size(ecm.src.addr.family);
	out = malloc(head + ecm.size);
	BUG_IF(out == NULL);
	memcpy(out + head, ecm.message, ecm.size);
	built = lisp_ecm_build(&ecm, out, head + ecm.size);
	BUG_IF(built < 0 || (size_t)built != head + ecm.size);
	BUG_IF(lisp_ecm_parse(out, (size_t)built, &back) != 0);
	BUG_IF(back.ddt != ecm.ddt || back.to_etr != ecm.to_etr || back.to_ms != ecm.to_ms ||
	       back.size != ecm.size || !endpoint_equal(back.src, ecm.src) ||
	       !endpoint_equal(back.dst, ecm.dst));
	BUG_IF(memcmp(back.message, ecm.message, ecm.size) != 0);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lisp_dialect plain = {.cp_sub_type = 0x7d5};
	static const struct lisp_dialect historic = {.cp_sub_type = 0x7d5, .cp_type5 = true};

	check_message(data, size, &plain);
	check_message(data, size, &historic);
	check_ecm(data, size);
	return 0;
}
