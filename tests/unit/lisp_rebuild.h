/* A LISP message built again from what was understood of another.  What is skipped (unknown addresses,
 * signatures) is left out. */
#ifndef TESTS_UNIT_LISP_REBUILD_H
#define TESTS_UNIT_LISP_REBUILD_H

#include "base/err.h"
#include "wire/lisp.h"

static inline struct lisp_eid
rebuild_known_eid(const struct lisp_eid *eid)
{
	return eid->kind != LISP_EID_OTHER ? *eid : (struct lisp_eid){.kind = LISP_EID_NONE};
}

static inline struct lisp_rloc
rebuild_known_rloc(const struct lisp_rloc *rloc)
{
	return rloc->kind != LISP_RLOC_OTHER ? *rloc : (struct lisp_rloc){.kind = LISP_RLOC_NONE};
}

static inline bool
rebuild_next_record(const struct lisp_msg *msg, struct rd *records, struct lisp_record *out)
{
	return msg->type == LISP_MAP_REFERRAL ? lisp_referral_next(records, out)
					      : lisp_record_next(records, out);
}

static inline void
rebuild_put_records(struct lisp_builder *b, const struct lisp_msg *msg, struct rd records)
{
	struct lisp_record record;
	struct lisp_locator locator;

	while (rebuild_next_record(msg, &records, &record)) {
		unsigned count = 0;

		record.eid = rebuild_known_eid(&record.eid);
		lisp_put_record(b, &record);
		while (lisp_locator_next(&record.locators, &locator)) {
			locator.rloc = rebuild_known_rloc(&locator.rloc);
			lisp_put_locator(b, &locator);
			count++;
		}
		BUG_IF(count != record.locator_count);
	}
}

static inline void
rebuild_put_request(struct lisp_builder *b, const struct lisp_msg *msg)
{
	struct rd itrs = msg->request.itr_rlocs, records = msg->records;
	struct lisp_rloc rloc;
	struct lisp_asked asked;
	unsigned count = 0;

	for (; lisp_itr_next(&itrs, &rloc); count++) {
		rloc = rebuild_known_rloc(&rloc);
		lisp_put_itr(b, &rloc);
	}
	BUG_IF(count != msg->request.itr_count);
	for (count = 0; lisp_asked_next(&records, &asked); count++) {
		asked.eid = rebuild_known_eid(&asked.eid);
		lisp_put_asked(b, &asked);
	}
	BUG_IF(count != msg->record_count);
	rebuild_put_records(b, msg, msg->request.reply_record);
}

/* Size, or what lisp_end() says. */
static inline int
lisp_rebuild(const struct lisp_msg *parsed, uint8_t *out, size_t room)
{
	struct lisp_msg msg = *parsed;
	struct lisp_builder b;
	int size;

	if (msg.type == LISP_MAP_REQUEST)
		msg.request.source = rebuild_known_eid(&msg.request.source);
	else if (msg.type == LISP_INFO)
		msg.info.eid = rebuild_known_eid(&msg.info.eid);
	lisp_begin(&b, out, room, &msg);
	if (msg.type == LISP_MAP_REQUEST)
		rebuild_put_request(&b, &msg);
	else if (msg.type != LISP_INFO)
		rebuild_put_records(&b, &msg, msg.records);
	size = lisp_end(&b);
	BUG_IF(size >= 0 && msg.auth.offset != parsed->auth.offset);
	return size;
}

#endif
