/* LISP control messages: the bytes of each type, what they say, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/fmt.h"
#include "tests/unit/hex.h"
#include "tests/unit/lisp_rebuild.h"
#include "tests/unit/span.h"

#define SUB_TYPE 0x7d5
#define NONCE    0x0123456789abcdef
#define ROOM     4096

#define N       "0123456789abcdef"
#define V4      "0001 c0000201"
#define V6      "0002 20010db8000000000000000000000001"
#define EID     "0001 0a010005"
#define VN_7    "4003 0000 0200 000a 00000007"
#define IDS     "000102030405060708090a0b0c0d0e0f 0000000000001234"
#define AUTH_0  "00 00 0000"
#define AUTH_12 "05 01 000c 000000000000000000000000"
#define AUTH_16 "07 02 0010 00000000000000000000000000000000"
#define AUTH_20 "01 01 0014 0000000000000000000000000000000000000000"
#define AUTH_32 "00 02 0020 0000000000000000000000000000000000000000000000000000000000000000"
/* 10.1.0.5/32 for an hour, authoritative, version 3; two locators. */
#define LOC_1    "01 64 ff 00 0005" V4
#define LOC_2    "02 32 03 04 0002" V6
#define RECORD   "0000003c 02 20 1000 0003" EID LOC_1 LOC_2
#define RECORD_7 "ffffffff 01 20 0000 0fff" VN_7 EID LOC_1
#define NEGATIVE "0000000f 00 0f 2000 0000 0001 0a020000"
#define NAT      "4003 0000 0700 0018 10f6 ee48" V4 V4 "0000" V4

static const struct lisp_dialect plain = {.cp_sub_type = SUB_TYPE};
static const struct lisp_dialect historic = {.cp_sub_type = SUB_TYPE, .cp_type5 = true};

struct row {
	const char *hex;
	const struct lisp_dialect *dialect;
	bool has_ids_by_size; /* without its last 24 bytes it is right, too */
};

/* Of every type, with every bit that says something; they are built back byte for byte. */
static const struct row rows[] = {
	/* Map-Request: all flags, two ITR-RLOCs, two questions, a record, the ids. */
	{"1fd06102" N "0001 0a090005" V4 V6 "8020" EID "0040 0002 20010db8000000010000000000000000"
	 "0000003c 01 18 1000 0003 0001 0a090000" LOC_1 IDS,
	 &plain, false},
	{"10000001" N "0000" V4 "0020" VN_7 EID, &plain, false},
	{"10000001" N VN_7 EID V4 "0000 0000", &plain, false},
	/* Map-Reply */
	{"20000000" N, &plain, false},
	{"20000001" N RECORD, &plain, false},
	{"2c000003" N RECORD_7 NEGATIVE RECORD, &plain, false},
	/* Map-Register: P S I R, E T a m M. */
	{"30000101" N AUTH_32 RECORD, &plain, false},
	{"3f001f02" N AUTH_20 RECORD_7 NEGATIVE IDS, &plain, false},
	{"38000000" N AUTH_0, &plain, false},
	/* Map-Notify and Map-Notify-Ack */
	{"40000001" N AUTH_16 RECORD, &plain, false},
	{"48000001" N AUTH_16 RECORD IDS, &plain, true},
	{"50000001" N AUTH_12 RECORD, &plain, false},
	{"58000001" N AUTH_12 RECORD IDS, &plain, true},
	/* Map-Referral: MS-ACK, incomplete. */
	{"60000002" N "000005a0 01 18 5800 0000 0001 0a010000" LOC_1
	 "0000000f 00 00 8000 0000 4003 0000 0200 0006 00000007 0000",
	 &plain, false},
	/* Info-Request and Info-Reply */
	{"70000000" N AUTH_20 "000005a0 00 10 0001 0a010000 0000", &plain, false},
	{"78000000" N AUTH_0 "000005a0 00 20" VN_7 EID NAT, &plain, false},
	/* CHANGE-PRIORITY: H, then C with ids, then neither. */
	{"f7d58001" N AUTH_16 "0000003c 00 20 0000 0000" EID, &plain, false},
	{"f7d56002" N AUTH_16 RECORD RECORD_7 IDS, &plain, false},
	{"f7d50001" N AUTH_16 RECORD, &plain, false},
	/* The historic form counts locators. */
	{"58000000" N AUTH_20 "0000003c 00 20 0000 0000" EID, &historic, false},
	{"54000002" N AUTH_20 RECORD, &historic, false},
	{"50000002" N AUTH_20 RECORD, &historic, false},
};

static int
parse_hex(const char *hex, const struct lisp_dialect *dialect, struct lisp_msg *msg, uint8_t *bytes)
{
	return lisp_parse(bytes, hex_bytes(hex, bytes, ROOM), dialect, msg);
}

static void
every_type_is_built_back_byte_for_byte(void **state)
{
	uint8_t bytes[ROOM], out[ROOM];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = hex_bytes(rows[i].hex, bytes, sizeof(bytes));
		uint8_t *copy = span_copy(bytes, size);
		struct lisp_msg msg;

		assert_int_equal(lisp_parse(copy, size, rows[i].dialect, &msg), 0);
		assert_true(msg.nonce == NONCE);
		assert_int_equal(lisp_rebuild(&msg, out, sizeof(out)), size);
		assert_memory_equal(out, bytes, size);
		/* No room but its own is needed, and one byte less is too little. */
		for (size_t room = 0; room < size; room++) {
			uint8_t *small = malloc(room);

			assert_int_equal(lisp_rebuild(&msg, small, room), -EMSGSIZE);
			free(small);
		}
		assert_int_equal(lisp_rebuild(&msg, out, size), size);
		free(copy);
	}
}

static void
every_truncation_and_every_byte_too_many_is_refused(void **state)
{
	uint8_t bytes[ROOM];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = hex_bytes(rows[i].hex, bytes, sizeof(bytes));
		struct lisp_msg msg;

		bytes[size] = 0;
		for (size_t cut = 0; cut <= size + 1; cut++) {
			bool right = cut == size || (rows[i].has_ids_by_size && cut + 24 == size);
			uint8_t *copy = span_copy(bytes, cut);

			assert_int_equal(lisp_parse(copy, cut, rows[i].dialect, &msg),
					 right ? 0 : -EBADMSG);
			free(copy);
		}
	}
}

static void
a_map_request_says_everything(void **state)
{
	uint8_t bytes[ROOM];
	struct lisp_msg m;
	struct lisp_asked asked;
	struct lisp_record record;
	struct lisp_rloc rloc;

	(void)state;
	assert_int_equal(parse_hex(rows[0].hex, &plain, &m, bytes), 0);
	assert_int_equal(m.type, LISP_MAP_REQUEST);
	assert_true(m.request.authoritative && m.request.map_data && m.request.probe &&
		    m.request.smr && m.request.pitr && m.request.smr_invoked && m.request.id_bit &&
		    m.request.local_xtr && m.request.no_reply);
	assert_string_equal(fmt_prefix(m.request.source.prefix).s, "10.9.0.5/32");
	assert_int_equal(m.request.itr_count, 2);
	assert_true(lisp_itr_next(&m.request.itr_rlocs, &rloc));
	assert_string_equal(fmt_addr(rloc.addr).s, "192.0.2.1");
	assert_true(lisp_itr_next(&m.request.itr_rlocs, &rloc));
	assert_string_equal(fmt_addr(rloc.addr).s, "2001:db8::1");
	assert_false(lisp_itr_next(&m.request.itr_rlocs, &rloc));
	assert_int_equal(m.record_count, 2);
	assert_true(lisp_asked_next(&m.records, &asked) && asked.notify);
	assert_string_equal(fmt_prefix(asked.eid.prefix).s, "10.1.0.5/32");
	assert_true(lisp_asked_next(&m.records, &asked) && !asked.notify);
	assert_string_equal(fmt_prefix(asked.eid.prefix).s, "2001:db8:0:1::/64");
	assert_false(lisp_asked_next(&m.records, &asked));
	assert_true(lisp_record_next(&m.request.reply_record, &record));
	assert_int_equal(record.locator_count, 1);
	assert_false(lisp_record_next(&m.request.reply_record, &record));
	assert_true(m.has_xtr_id);
	assert_int_equal(m.xtr_id.xtr[15], 15);
	assert_int_equal(m.xtr_id.site, 0x1234);
	assert_int_equal(m.auth.size, 0);
	assert_int_equal(m.auth.offset, 0);
}

/* One bit after the other: each is its own field and nobody else's. */
static void
each_flag_of_a_request_is_its_own_bit(void **state)
{
	static const struct {
		const char *first;
		size_t offset;
	} bits[] = {
		{"18000001", offsetof(struct lisp_msg, request.authoritative)},
		{"12000001", offsetof(struct lisp_msg, request.probe)},
		{"11000001", offsetof(struct lisp_msg, request.smr)},
		{"10800001", offsetof(struct lisp_msg, request.pitr)},
		{"10400001", offsetof(struct lisp_msg, request.smr_invoked)},
		{"10004001", offsetof(struct lisp_msg, request.local_xtr)},
		{"10002001", offsetof(struct lisp_msg, request.no_reply)},
		/* Reserved: nothing. */
		{"102f8001", 0},
	};
	uint8_t bytes[ROOM];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bits); i++) {
		struct lisp_msg m;
		char hex[256];

		snprintf(hex, sizeof(hex), "%s%s", bits[i].first, N "0000" V4 "0020" EID);
		assert_int_equal(parse_hex(hex, &plain, &m, bytes), 0);
		for (size_t k = 0; k < ARRAY_COUNT(bits) - 1; k++)
			assert_int_equal(*(bool *)((char *)&m + bits[k].offset), k == i);
	}
}

static void
a_map_register_says_everything(void **state)
{
	static const struct {
		const char *first;
		size_t offset;
	} bits[] = {
		{"38000001", offsetof(struct lisp_msg, reg.proxy_reply)},
		{"34000001", offsetof(struct lisp_msg, reg.security)},
		{"31000001", offsetof(struct lisp_msg, reg.to_rtr)},
		{"30001001", offsetof(struct lisp_msg, reg.eid_notify)},
		{"30000801", offsetof(struct lisp_msg, reg.use_ttl)},
		{"30000401", offsetof(struct lisp_msg, reg.merge)},
		{"30000201", offsetof(struct lisp_msg, reg.mobile)},
		{"30000101", offsetof(struct lisp_msg, reg.want_notify)},
		/* Reserved: nothing. */
		{"30ffe001", 0},
	};
	uint8_t bytes[ROOM];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bits); i++) {
		struct lisp_msg m;
		char hex[512];

		snprintf(hex, sizeof(hex), "%s%s", bits[i].first, N AUTH_20 RECORD);
		assert_int_equal(parse_hex(hex, &plain, &m, bytes), 0);
		for (size_t k = 0; k < ARRAY_COUNT(bits) - 1; k++)
			assert_int_equal(*(bool *)((char *)&m + bits[k].offset), k == i);
		assert_false(m.has_xtr_id);
		assert_int_equal(m.auth.key_id, 1);
		assert_int_equal(m.auth.algorithm, LISP_AUTH_SHA1_96);
		assert_int_equal(m.auth.size, 20);
		assert_int_equal(m.auth.offset, 16);
	}
}

static void
records_and_locators_say_everything(void **state)
{
	uint8_t bytes[ROOM];
	struct lisp_msg m;
	struct lisp_record r;
	struct lisp_locator l;

	(void)state;
	assert_int_equal(parse_hex("2c000003" N RECORD_7 NEGATIVE RECORD, &plain, &m, bytes), 0);
	assert_true(m.reply.probe && m.reply.echo_nonce);
	assert_true(lisp_record_next(&m.records, &r));
	assert_int_equal(r.ttl, 0xffffffff);
	assert_true(r.eid.has_vn && r.eid.vn == 7 && !r.authoritative);
	assert_int_equal(r.map_version, 0xfff);
	assert_int_equal(r.locator_count, 1);
	assert_true(lisp_record_next(&m.records, &r));
	assert_int_equal(r.action, LISP_NATIVE_FORWARD);
	assert_string_equal(fmt_prefix(r.eid.prefix).s, "10.2.0.0/15");
	assert_false(lisp_locator_next(&r.locators, &l));
	assert_true(lisp_record_next(&m.records, &r));
	assert_true(r.authoritative && !r.incomplete && r.ttl == 60 && r.map_version == 3);
	assert_true(lisp_locator_next(&r.locators, &l));
	assert_true(l.priority == 1 && l.weight == 100 && l.m_priority == 255 && l.m_weight == 0);
	assert_true(l.local && !l.probed && l.reachable);
	assert_true(lisp_locator_next(&r.locators, &l));
	assert_true(l.priority == 2 && l.weight == 50 && l.m_priority == 3 && l.m_weight == 4);
	assert_true(!l.local && l.probed && !l.reachable);
	assert_string_equal(fmt_addr(l.rloc.addr).s, "2001:db8::1");
	assert_false(lisp_locator_next(&r.locators, &l));
	assert_false(lisp_record_next(&m.records, &r));
}

static void
a_referral_has_signatures_that_are_skipped(void **state)
{
	uint8_t bytes[ROOM];
	struct lisp_msg m;
	struct lisp_record r;
	struct lisp_locator l;

	(void)state;
	assert_int_equal(parse_hex("60000002" N "000005a0 01 18 3800 2003 0001 0a010000" LOC_1
				   "0000003c 00000001 00000002 0001 0004 02 00 0000 aabbccdd"
				   "0000003c 00000001 00000002 0001 0000 02 00 0000" RECORD,
				   &plain, &m, bytes),
			 0);
	assert_true(lisp_referral_next(&m.records, &r));
	assert_int_equal(r.action, LISP_MS_REFERRAL);
	assert_true(r.authoritative && r.incomplete);
	assert_int_equal(r.signature_count, 2);
	assert_int_equal(r.map_version, 3);
	assert_true(lisp_locator_next(&r.locators, &l));
	assert_false(lisp_locator_next(&r.locators, &l));
	assert_true(lisp_referral_next(&m.records, &r));
	assert_int_equal(r.locator_count, 2);
	assert_false(lisp_referral_next(&m.records, &r));
	/* In the other types these bits are reserved. */
	assert_int_equal(parse_hex("20000001" N "0000003c 00 20 0fff f003" EID, &plain, &m, bytes),
			 0);
	assert_true(lisp_record_next(&m.records, &r));
	assert_true(!r.incomplete && r.signature_count == 0 && r.map_version == 3);
}

static void
an_info_reply_says_what_the_nat_did(void **state)
{
	uint8_t bytes[ROOM];
	struct lisp_msg m;

	(void)state;
	assert_int_equal(
		parse_hex("78000000" N AUTH_32 "000005a0 00 20" VN_7 EID NAT, &plain, &m, bytes),
		0);
	assert_true(m.info.is_reply && m.info.ttl == 1440 && m.info.eid.vn == 7);
	assert_int_equal(m.info.nat.kind, LISP_RLOC_NAT);
	assert_int_equal(m.info.nat.nat.etr_port, 61000);
	assert_int_equal(m.auth.algorithm, LISP_AUTH_SHA256_128);
	/* One peer puts its name behind the EID of an Info-Request. */
	assert_int_equal(parse_hex("70000000" N AUTH_0 "000005a0 00 00 0000 0011 78747200", &plain,
				   &m, bytes),
			 0);
	assert_true(!m.info.is_reply && m.info.nat.kind == LISP_RLOC_NONE);
	assert_int_equal(m.info.eid.kind, LISP_EID_NONE);
	/* A reply without the LCAF is of no use. */
	assert_int_equal(parse_hex("78000000" N AUTH_0 "000005a0 00 20" EID V4, &plain, &m, bytes),
			 -EBADMSG);
}

static void
a_change_priority_says_who_sends_it(void **state)
{
	uint8_t bytes[ROOM];
	struct lisp_msg m;

	(void)state;
	assert_int_equal(parse_hex("f7d58001" N AUTH_16 RECORD, &plain, &m, bytes), 0);
	assert_int_equal(m.type, LISP_SHARED);
	assert_true(m.shared.hypervisor && !m.shared.update_cache && !m.shared.historic);
	assert_int_equal(m.shared.sub_type, SUB_TYPE);
	assert_int_equal(parse_hex("f7d54001" N AUTH_16 RECORD, &plain, &m, bytes), 0);
	assert_true(!m.shared.hypervisor && m.shared.update_cache && !m.has_xtr_id);
	assert_int_equal(parse_hex("f7d41000" N AUTH_16 RECORD, &plain, &m, bytes),
			 -EPROTONOSUPPORT);
	/* Without an EID it says nothing. */
	assert_int_equal(parse_hex("f7d58000" N AUTH_16, &plain, &m, bytes), -EBADMSG);
}

static void
type_5_is_what_the_dialect_says(void **state)
{
	uint8_t bytes[ROOM];
	struct lisp_msg m;

	(void)state;
	assert_int_equal(parse_hex("5c000001" N AUTH_20 RECORD, &plain, &m, bytes), 0);
	assert_int_equal(m.type, LISP_MAP_NOTIFY_ACK);
	assert_int_equal(parse_hex("5c000001" N AUTH_20 RECORD, &historic, &m, bytes), 0);
	assert_int_equal(m.type, LISP_SHARED);
	assert_true(m.shared.historic && m.shared.hypervisor && m.shared.update_cache);
	assert_int_equal(m.record_count, 1);
	/* Its count may be of records or of locators, and is 0 in some that come from a hypervisor. */
	assert_int_equal(parse_hex("58000000" N AUTH_20 RECORD, &historic, &m, bytes), 0);
	assert_int_equal(m.record_count, 1);
	/* With ids it is a Map-Notify-Ack. */
	assert_int_equal(parse_hex("50000001" N AUTH_20 RECORD IDS, &historic, &m, bytes), 0);
	assert_int_equal(m.type, LISP_MAP_NOTIFY_ACK);
	assert_true(m.has_xtr_id);
	/* Two records are neither. */
	assert_int_equal(parse_hex("50000002" N AUTH_20 RECORD RECORD, &historic, &m, bytes),
			 -EBADMSG);
	assert_int_equal(parse_hex("50000002" N AUTH_20 RECORD RECORD, &plain, &m, bytes), 0);
}

/* Odd things that other implementations send; none may be refused. */
static void
peculiar_messages_are_understood(void **state)
{
	uint8_t bytes[ROOM];
	struct lisp_msg m;
	struct lisp_asked asked;
	struct lisp_rloc rloc;

	(void)state;
	/* An RLOC-probe for no EID. */
	assert_int_equal(parse_hex("12000001" N "0000" V4 "0000 0000", &plain, &m, bytes), 0);
	assert_true(lisp_asked_next(&m.records, &asked) && asked.eid.kind == LISP_EID_NONE);
	/* ITR-RLOCs in LCAFs: with a key, in a list. */
	assert_int_equal(parse_hex("10000101" N "0000 4003 0000 0b00 0010 01000200 0004 01020304" V4
				   "4003 0000 0100 0006" V4 "0020" EID,
				   &plain, &m, bytes),
			 0);
	while (lisp_itr_next(&m.request.itr_rlocs, &rloc))
		assert_string_equal(fmt_addr(rloc.addr).s, "192.0.2.1");
	/* Ids in a Map-Notify though the I bit is clear, and the I bit without ids. */
	assert_int_equal(parse_hex("40000001" N AUTH_20 RECORD IDS, &plain, &m, bytes), 0);
	assert_true(m.has_xtr_id && !m.notify.id_bit && m.xtr_id.site == 0x1234);
	assert_int_equal(parse_hex("48000001" N AUTH_20 RECORD, &plain, &m, bytes), 0);
	assert_true(!m.has_xtr_id && m.notify.id_bit);
	/* Key ID 0, an unknown algorithm, no data at all. */
	assert_int_equal(parse_hex("30000001" N "00 63 0003 aabbcc" RECORD, &plain, &m, bytes), 0);
	assert_int_equal(m.auth.key_id, 0);
	assert_int_equal(m.auth.algorithm, 0x63);
	assert_int_equal(parse_hex("30000001" N AUTH_0 RECORD, &plain, &m, bytes), 0);
	assert_int_equal(m.auth.size, 0);
	assert_int_equal(m.auth.offset, 16);
	/* All reserved bits, also of a locator. */
	assert_int_equal(parse_hex("21ffff01" N "0000003c 01 20 0fff f000" EID
				   "01 64 ff 00 fff8" V4,
				   &plain, &m, bytes),
			 0);
	/* Actions that are not assigned. */
	assert_int_equal(parse_hex("20000001" N "0000003c 00 20 e000 0000" EID, &plain, &m, bytes),
			 0);
}

static void
what_is_not_spoken_is_told_from_what_is_malformed(void **state)
{
	static const struct {
		const char *hex;
		int ret;
	} refused[] = {
		{"", -EBADMSG},
		{"f7d580", -EBADMSG},
		{"00000000" N, -EPROTONOSUPPORT},
		{"80000000 45", -EPROTONOSUPPORT},
		{"90000000" N, -EPROTONOSUPPORT},
		{"e0000000" N, -EPROTONOSUPPORT},
		/* A Map-Reply with LISP-SEC. */
		{"22000001" N RECORD "01 000000", -EPROTONOSUPPORT},
		/* No question, no ITR-RLOC where one is, a record that M promises. */
		{"10000000" N "0000" V4, -EBADMSG},
		{"10000101" N "0000" V4 "0020" EID, -EBADMSG},
		{"14000001" N "0000" V4 "0020" EID, -EBADMSG},
		/* A record more or less than counted, a locator more or less. */
		{"20000002" N RECORD, -EBADMSG},
		{"20000001" N RECORD RECORD, -EBADMSG},
		{"20000001" N "0000003c 03 20 1000 0003" EID LOC_1 LOC_2, -EBADMSG},
		{"20000001" N "0000003c 01 20 1000 0003" EID LOC_1 LOC_2, -EBADMSG},
		/* A mask longer than the address. */
		{"20000001" N "0000003c 00 21 1000 0003" EID, -EBADMSG},
		{"10000001" N "0000" V4 "0081" V6, -EBADMSG},
		{"70000000" N AUTH_0 "000005a0 00 21" EID "0000", -EBADMSG},
		/* Authentication data longer than any algorithm's, and longer than the message. */
		{"30000000" N
		 "01 02 0021 000000000000000000000000000000000000000000000000000000000000000000",
		 -EBADMSG},
		{"30000000" N "01 02 0020 00000000", -EBADMSG},
		/* The I bit without ids; ids without the I bit. */
		{"32000001" N AUTH_20 RECORD, -EBADMSG},
		{"30000001" N AUTH_20 RECORD IDS, -EBADMSG},
		{"10100001" N "0000" V4 "0020" EID, -EBADMSG},
		{"10000001" N "0000" V4 "0020" EID IDS, -EBADMSG},
		{"f7d52001" N AUTH_16 RECORD, -EBADMSG},
		/* Half of the ids. */
		{"40000001" N AUTH_20 RECORD "000102030405060708090a0b0c0d0e0f", -EBADMSG},
		/* A signature that is not there. */
		{"60000001" N "000005a0 00 18 2000 1000 0001 0a010000", -EBADMSG},
		{"60000001" N "000005a0 00 18 2000 1000 0001 0a010000"
		 "0000003c 00000001 00000002 0001 0005 02 00 0000 aabbccdd",
		 -EBADMSG},
	};
	uint8_t bytes[ROOM];
	struct lisp_msg m;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		size_t size = hex_bytes(refused[i].hex, bytes, sizeof(bytes));
		uint8_t *copy = span_copy(bytes, size);

		assert_int_equal(lisp_parse(copy, size, &plain, &m), refused[i].ret);
		free(copy);
	}
}

/* Whatever single byte changes, nothing is read that is not there. */
static void
no_changed_byte_does_harm(void **state)
{
	uint8_t bytes[ROOM], out[ROOM];
	unsigned accepted = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = hex_bytes(rows[i].hex, bytes, sizeof(bytes));

		for (size_t at = 0; at < size; at++) {
			for (unsigned bit = 0; bit < 8; bit++) {
				uint8_t *copy = span_copy(bytes, size);
				struct lisp_msg m;

				copy[at] ^= (uint8_t)(1u << bit);
				if (lisp_parse(copy, size, rows[i].dialect, &m) == 0) {
					assert_in_range(lisp_rebuild(&m, out, size), 12, size);
					accepted++;
				}
				free(copy);
			}
		}
	}
	assert_true(accepted > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_built_back_byte_for_byte),
		cmocka_unit_test(every_truncation_and_every_byte_too_many_is_refused),
		cmocka_unit_test(a_map_request_says_everything),
		cmocka_unit_test(each_flag_of_a_request_is_its_own_bit),
		cmocka_unit_test(a_map_register_says_everything),
		cmocka_unit_test(records_and_locators_say_everything),
		cmocka_unit_test(a_referral_has_signatures_that_are_skipped),
		cmocka_unit_test(an_info_reply_says_what_the_nat_did),
		cmocka_unit_test(a_change_priority_says_who_sends_it),
		cmocka_unit_test(type_5_is_what_the_dialect_says),
		cmocka_unit_test(peculiar_messages_are_understood),
		cmocka_unit_test(what_is_not_spoken_is_told_from_what_is_malformed),
		cmocka_unit_test(no_changed_byte_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
