/* Building LISP control messages: the order of the pieces, limits, and records encoded before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/fmt.h"
#include "tests/unit/lisp_eids.h"
#include "tests/unit/lisp_rebuild.h"

#define ROOM (64 * 1024)

static const struct lisp_dialect dialect = {.cp_sub_type = 1, .cp_type5 = true};

static struct lisp_eid
eid(const char *text)
{
	struct prefix prefix;

	if (prefix_from_text(text, &prefix) != 0)
		abort();
	return lisp_eid_make(7, prefix, true);
}

static const struct lisp_record *
record(void)
{
	static const struct lisp_record r = {
		.ttl = 60, .eid = {.kind = LISP_EID_IP, .prefix = {{ADDR_V4, {10, 1, 0, 5}}, 32}}};

	return &r;
}

static const struct lisp_locator *
locator(void)
{
	static const struct lisp_locator l = {
		.priority = 1, .rloc = {.kind = LISP_RLOC_IP, .addr = {ADDR_V4, {192, 0, 2, 1}}}};

	return &l;
}

static const struct lisp_asked *
asked(void)
{
	static const struct lisp_asked a = {
		.eid = {.kind = LISP_EID_IP, .prefix = {{ADDR_V4, {10, 1, 0, 5}}, 32}}};

	return &a;
}

/* Builds by a word of letters, one for each piece: i ITR-RLOC, a asked, r record, l locator, e encoded
 * record. */
static int
build(struct lisp_msg *msg, const char *pieces, uint8_t *data, size_t room)
{
	uint8_t encoded[64];
	struct lisp_builder b, records;
	int size;

	lisp_begin_records(&records, encoded, sizeof(encoded));
	lisp_put_record(&records, record());
	lisp_put_locator(&records, locator());
	size = lisp_end(&records);
	assert_true(size > 0);
	lisp_begin(&b, data, room, msg);
	for (; *pieces != '\0'; pieces++) {
		switch (*pieces) {
		case 'i':
			lisp_put_itr(&b, &locator()->rloc);
			break;
		case 'a':
			lisp_put_asked(&b, asked());
			break;
		case 'r':
			lisp_put_record(&b, record());
			break;
		case 'l':
			lisp_put_locator(&b, locator());
			break;
		default:
			lisp_put_encoded(&b, encoded, (size_t)size);
		}
	}
	return lisp_end(&b);
}

static void
pieces_out_of_order_are_refused(void **state)
{
	static const struct {
		uint8_t type;
		bool map_data;
		const char *pieces;
		bool right;
	} rows[] = {
		{LISP_MAP_REQUEST, false, "ia", true},
		{LISP_MAP_REQUEST, false, "iiaa", true},
		{LISP_MAP_REQUEST, true, "iarl", true},
		{LISP_MAP_REQUEST, true, "iae", true},
		{LISP_MAP_REQUEST, false, "", false},
		{LISP_MAP_REQUEST, false, "i", false},
		{LISP_MAP_REQUEST, false, "a", false},
		{LISP_MAP_REQUEST, false, "ai", false},
		{LISP_MAP_REQUEST, false, "iar", false},
		{LISP_MAP_REQUEST, true, "ia", false},
		{LISP_MAP_REQUEST, true, "ira", false},
		{LISP_MAP_REQUEST, true, "iara", false},
		{LISP_MAP_REQUEST, true, "iarr", false},
		{LISP_MAP_REQUEST, false, "ial", false},
		{LISP_MAP_REPLY, false, "", true},
		{LISP_MAP_REPLY, false, "rllr", true},
		{LISP_MAP_REPLY, false, "ererl", true},
		{LISP_MAP_REPLY, false, "l", false},
		/* An encoded record has its locators. */
		{LISP_MAP_REPLY, false, "el", false},
		{LISP_MAP_REPLY, false, "i", false},
		{LISP_MAP_REPLY, false, "a", false},
		{LISP_MAP_REGISTER, false, "re", true},
		{LISP_MAP_NOTIFY, false, "re", true},
		{LISP_MAP_NOTIFY_ACK, false, "re", true},
		{LISP_MAP_REFERRAL, false, "rl", true},
		{LISP_INFO, false, "", true},
		{LISP_INFO, false, "r", false},
		{LISP_INFO, false, "e", false},
		{LISP_SHARED, false, "r", true},
		{LISP_SHARED, false, "", false},
		/* Not from here. */
		{LISP_ECM, false, "", false},
		{0, false, "", false},
	};
	uint8_t data[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct lisp_msg msg = {.type = rows[i].type};
		int size;

		if (msg.type == LISP_MAP_REQUEST)
			msg.request.map_data = rows[i].map_data;
		if (msg.type == LISP_SHARED)
			msg.shared.sub_type = 1;
		size = build(&msg, rows[i].pieces, data, sizeof(data));
		if (rows[i].right) {
			const struct lisp_dialect plain = {.cp_sub_type = 1};

			assert_int_equal(lisp_parse(data, (size_t)size, &plain, &msg), 0);
		} else {
			assert_int_equal(size, -EINVAL);
		}
	}
}

static void
what_cannot_be_parsed_is_not_built(void **state)
{
	const struct lisp_eid other = {.kind = LISP_EID_OTHER};
	struct lisp_msg rows[] = {
		/* Authentication data longer than any algorithm's. */
		{.type = LISP_MAP_REGISTER, .auth = {.size = LISP_AUTH_SIZE_MAX + 1}},
		/* Ids where none belong. */
		{.type = LISP_MAP_REPLY, .has_xtr_id = true},
		{.type = LISP_MAP_REFERRAL, .has_xtr_id = true},
		{.type = LISP_INFO, .has_xtr_id = true},
		{.type = LISP_SHARED, .has_xtr_id = true, .shared = {.historic = true}},
		{.type = LISP_SHARED, .shared = {.sub_type = 0x1000}},
		{.type = LISP_MAP_REQUEST, .request = {.source = other}},
		{.type = LISP_INFO, .info = {.eid = other}},
		{.type = LISP_INFO, .info = {.is_reply = true}},
		{.type = LISP_INFO, .info = {.is_reply = true, .nat = locator()->rloc}},
	};
	uint8_t data[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *pieces = rows[i].type == LISP_MAP_REQUEST ? "ia"
				     : rows[i].type == LISP_INFO      ? ""
								      : "r";

		assert_int_equal(build(&rows[i], pieces, data, sizeof(data)), -EINVAL);
	}
}

static void
addresses_that_are_not_understood_are_not_built(void **state)
{
	const struct lisp_record bad_record = {.eid = {.kind = LISP_EID_OTHER}};
	const struct lisp_asked bad_asked = {.eid = {.kind = LISP_EID_IP}};
	const struct lisp_locator bad_locator = {.rloc = {.kind = LISP_RLOC_OTHER}};
	struct lisp_msg request = {.type = LISP_MAP_REQUEST}, reply = {.type = LISP_MAP_REPLY};
	struct lisp_builder b;
	uint8_t data[256];

	(void)state;
	lisp_begin(&b, data, sizeof(data), &reply);
	lisp_put_record(&b, &bad_record);
	assert_int_equal(lisp_end(&b), -EINVAL);
	lisp_begin(&b, data, sizeof(data), &reply);
	lisp_put_record(&b, record());
	lisp_put_locator(&b, &bad_locator);
	assert_int_equal(lisp_end(&b), -EINVAL);
	lisp_begin(&b, data, sizeof(data), &request);
	lisp_put_itr(&b, &bad_locator.rloc);
	lisp_put_asked(&b, asked());
	assert_int_equal(lisp_end(&b), -EINVAL);
	lisp_begin(&b, data, sizeof(data), &request);
	lisp_put_itr(&b, &locator()->rloc);
	lisp_put_asked(&b, &bad_asked);
	assert_int_equal(lisp_end(&b), -EINVAL);
	lisp_begin(&b, data, sizeof(data), &reply);
	lisp_put_encoded(&b, data, 11);
	assert_int_equal(lisp_end(&b), -EINVAL);
}

/* A word of 'count' times the same letter behind 'head'. */
static char *
pieces_of(const char *head, char letter, unsigned count)
{
	size_t size = strlen(head);
	char *pieces = malloc(size + count + 2);

	if (pieces == NULL)
		abort();
	memcpy(pieces, head, size);
	memset(pieces + size, letter, count);
	pieces[size + count] = '\0';
	return pieces;
}

static void
counts_have_limits(void **state)
{
	static const struct {
		uint8_t type;
		const char *head;
		char letter;
		unsigned most;
		char tail;
	} rows[] = {
		{LISP_MAP_REPLY, "", 'r', 255, '\0'},  {LISP_MAP_REPLY, "", 'e', 255, '\0'},
		{LISP_MAP_REPLY, "r", 'l', 255, '\0'}, {LISP_MAP_REQUEST, "i", 'a', 255, '\0'},
		{LISP_MAP_REQUEST, "", 'i', 32, 'a'},
	};
	uint8_t *data = malloc(ROOM), *again = malloc(ROOM);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (unsigned over = 0; over < 2; over++) {
			struct lisp_msg msg = {.type = rows[i].type}, back;
			char *pieces = pieces_of(rows[i].head, rows[i].letter, rows[i].most + over);
			size_t end = strlen(pieces);
			int size;

			pieces[end] = rows[i].tail;
			pieces[end + 1] = '\0';
			size = build(&msg, pieces, data, ROOM);
			free(pieces);
			if (over != 0) {
				assert_int_equal(size, -EINVAL);
				continue;
			}
			assert_int_equal(lisp_parse(data, (size_t)size, &dialect, &back), 0);
			assert_int_equal(lisp_rebuild(&back, again, ROOM), size);
			assert_memory_equal(data, again, (size_t)size);
		}
	}
	free(data);
	free(again);
}

static void
encoded_records_are_the_same_as_built_ones(void **state)
{
	static const uint8_t types[] = {LISP_MAP_REPLY, LISP_MAP_REGISTER, LISP_MAP_NOTIFY};
	uint8_t encoded[256], built[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		struct lisp_msg msg = {.type = types[i], .auth = {.size = 16}};
		int size = build(&msg, "rlrlrl", built, sizeof(built));

		assert_int_equal(build(&msg, "eee", encoded, sizeof(encoded)), size);
		assert_memory_equal(encoded, built, (size_t)size);
	}
}

static void
records_without_a_header_have_limits_too(void **state)
{
	uint8_t small[20];
	struct lisp_builder b;

	(void)state;
	lisp_begin_records(&b, small, sizeof(small));
	assert_int_equal(lisp_end(&b), 0);
	lisp_put_record(&b, record());
	assert_int_equal(lisp_end(&b), 16);
	lisp_put_locator(&b, locator());
	assert_int_equal(lisp_end(&b), -EMSGSIZE);
	lisp_begin_records(&b, small, sizeof(small));
	lisp_put_locator(&b, locator());
	assert_int_equal(lisp_end(&b), -EINVAL);
	lisp_begin_records(&b, small, sizeof(small));
	lisp_put_asked(&b, asked());
	assert_int_equal(lisp_end(&b), -EINVAL);
}

/* What the sender signs: data of zeros, of the size that was asked for, where the header says. */
static void
authentication_data_is_left_zero_where_it_is_told(void **state)
{
	static const uint16_t sizes[] = {0, 12, 16, 20, 32};
	uint8_t data[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct lisp_msg back,
			msg = {.type = LISP_MAP_REGISTER,
			       .auth = {.key_id = 0, .algorithm = 2, .size = sizes[i]}};
		int size;

		memset(data, 0xee, sizeof(data));
		size = build(&msg, "rl", data, sizeof(data));
		assert_int_equal(msg.auth.offset, 16);
		for (size_t at = 0; at < sizes[i]; at++)
			assert_int_equal(data[16 + at], 0);
		assert_int_equal(lisp_parse(data, (size_t)size, &dialect, &back), 0);
		assert_int_equal(back.auth.size, sizes[i]);
		assert_int_equal(back.auth.offset, 16);
	}
}

static void
the_i_bit_follows_the_ids(void **state)
{
	static const uint8_t types[] = {LISP_MAP_REQUEST, LISP_MAP_REGISTER, LISP_SHARED};
	uint8_t data[256];

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(types); i++) {
		struct lisp_msg back, msg = {.type = types[i / 2], .has_xtr_id = i % 2 != 0};
		int size;

		msg.xtr_id.site = 99;
		/* Set the wrong way round: it is not looked at. */
		if (msg.type == LISP_MAP_REQUEST)
			msg.request.id_bit = !msg.has_xtr_id;
		else if (msg.type == LISP_MAP_REGISTER)
			msg.reg.id_bit = !msg.has_xtr_id;
		else
			msg.shared.id_bit = !msg.has_xtr_id;
		if (msg.type == LISP_SHARED)
			msg.shared.sub_type = 1;
		size = build(&msg, msg.type == LISP_MAP_REQUEST ? "ia" : "r", data, sizeof(data));
		assert_int_equal(lisp_parse(data, (size_t)size, &dialect, &back), 0);
		assert_int_equal(back.has_xtr_id, msg.has_xtr_id);
		assert_int_equal(back.xtr_id.site, msg.has_xtr_id ? 99 : 0);
	}
}

static void
the_historic_form_counts_locators(void **state)
{
	struct lisp_msg msg = {.type = LISP_SHARED, .shared = {.historic = true}}, back;
	uint8_t data[256];
	int size;

	(void)state;
	size = build(&msg, "rlll", data, sizeof(data));
	assert_int_equal(data[0], 0x50);
	assert_int_equal(data[3], 3);
	assert_int_equal(lisp_parse(data, (size_t)size, &dialect, &back), 0);
	assert_true(back.type == LISP_SHARED && back.record_count == 1);
	assert_true(build(&msg, "e", data, sizeof(data)) > 0);
	assert_int_equal(data[3], 1);
	msg.shared.hypervisor = true;
	assert_true(build(&msg, "r", data, sizeof(data)) > 0);
	assert_int_equal(data[0], 0x58);
	assert_int_equal(data[3], 0);
	assert_int_equal(build(&msg, "rr", data, sizeof(data)), -EINVAL);
	assert_int_equal(build(&msg, "", data, sizeof(data)), -EINVAL);
}

static void
eids_keep_their_vn(void **state)
{
	struct lisp_msg msg = {.type = LISP_MAP_REPLY}, back;
	struct lisp_record r = {.eid = eid("2001:db8::/32")}, got;
	struct lisp_builder b;
	uint8_t data[128];

	(void)state;
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_record(&b, &r);
	assert_int_equal(lisp_parse(data, (size_t)lisp_end(&b), &dialect, &back), 0);
	assert_true(lisp_record_next(&back.records, &got));
	assert_true(eid_equal(&got.eid, &r.eid) && got.eid.vn == 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_out_of_order_are_refused),
		cmocka_unit_test(what_cannot_be_parsed_is_not_built),
		cmocka_unit_test(addresses_that_are_not_understood_are_not_built),
		cmocka_unit_test(counts_have_limits),
		cmocka_unit_test(encoded_records_are_the_same_as_built_ones),
		cmocka_unit_test(records_without_a_header_have_limits_too),
		cmocka_unit_test(authentication_data_is_left_zero_where_it_is_told),
		cmocka_unit_test(the_i_bit_follows_the_ids),
		cmocka_unit_test(the_historic_form_counts_locators),
		cmocka_unit_test(eids_keep_their_vn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
